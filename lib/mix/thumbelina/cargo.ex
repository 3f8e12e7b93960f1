defmodule Mix.Thumbelina.Cargo do
  @moduledoc false
  # Builds the native library with cargo, in the folder of Thumbelina's own project.

  alias Mix.Thumbelina.Target

  defmodule Echo do
    @moduledoc false
    # Collects cargo's output, and immediately shows the part that is meant for people.
    defstruct []

    defimpl Collectable do
      def into(_echo), do: {{"", []}, &collect/2}

      defp collect({line, done}, {:cont, text}) do
        {lines, [line]} = (line <> text) |> String.split("\n") |> Enum.split(-1)
        Enum.each(lines, &show/1)
        {line, [done | Enum.map(lines, &[&1, ?\n])]}
      end

      defp collect({line, done}, :done) do
        if line != "", do: show(line)
        IO.iodata_to_binary([done | line])
      end

      defp collect(_collected, :halt), do: :ok

      defp show(line) do
        unless Mix.Thumbelina.Cargo.message?(line), do: IO.puts(:stderr, line)
      end
    end
  end

  @package "thumbelina-nif"

  @doc "Returns the path of the library, and cargo's diagnostics."
  @spec build ::
          {:ok, Path.t(), [Mix.Task.Compiler.Diagnostic.t()]}
          | {:error, String.t(), [Mix.Task.Compiler.Diagnostic.t()]}
  def build do
    with {:ok, cargo, host} <- find() do
      args = args(Target.asked(System.get_env()) || Target.differing(host))

      {output, status} =
        System.cmd(cargo, args, env: env(), into: %Echo{}, stderr_to_stdout: true)

      diagnostics = parse(output)

      cond do
        status != 0 ->
          {:error, "cargo build failed; see the messages above", diagnostics}

        library = library(output) ->
          {:ok, library, diagnostics}

        true ->
          {:error, "cargo built no library that a VM can load on this target", diagnostics}
      end
    end
  end

  defp args(target) do
    target = if target, do: ["--target", target], else: []

    ["build", "--release", "--locked", "--package", @package, "--target-dir", target_dir()] ++
      ["--message-format", "json-render-diagnostics" | target]
  end

  @doc """
  Cargo's own output folder. It is next to the folders of Mix's environments in `_build`, so that
  they share it, or inside MIX_BUILD_PATH if that is set.
  """
  def target_dir do
    build = Mix.Project.build_path()
    root = if System.get_env("MIX_BUILD_PATH"), do: build, else: Path.dirname(build)
    Path.join(root, "cargo")
  end

  # What the target needs and the environment does not set already.
  defp env, do: env(System.get_env())

  @doc false
  def env(given) do
    asked = Target.asked(given)
    # Cargo's output is parsed, so it must be plain, whatever the user's settings.
    [{"CARGO_TERM_COLOR", "never"}, {"CARGO_TERM_PROGRESS_WHEN", "never"}] ++
      linker(asked, given) ++ rustflags(asked || Target.wanted(), given)
  end

  # Nerves names its compiler in CC; it is the linker, too.
  defp linker(asked, %{"TARGET_ARCH" => _, "CC" => cc} = given) when asked != nil do
    name = "CARGO_TARGET_" <> (asked |> String.replace("-", "_") |> String.upcase()) <> "_LINKER"
    if given[name], do: [], else: [{name, cc}]
  end

  defp linker(_asked, _given), do: []

  # .cargo/config.toml has this flag for musl, but flags from the environment replace it.
  @dynamic "target-feature=-crt-static"

  defp rustflags(target, given) do
    if Target.musl?(target) do
      case given do
        %{"CARGO_ENCODED_RUSTFLAGS" => flags} ->
          flags = String.split(flags, "\x1f", trim: true) ++ ["-C", @dynamic]
          [{"CARGO_ENCODED_RUSTFLAGS", Enum.join(flags, "\x1f")}]

        %{"RUSTFLAGS" => flags} ->
          [{"RUSTFLAGS", "#{flags} -C #{@dynamic}"}]

        _ ->
          []
      end
    else
      []
    end
  end

  defp find do
    case System.find_executable("cargo") do
      nil ->
        {:error, "cargo was not found", []}

      cargo ->
        {output, status} = System.cmd(cargo, ["--version", "--verbose"], stderr_to_stdout: true)

        # rustup may have installed something first, and printed that.
        with 0 <- status,
             [_, version] <- Regex.run(~r/^cargo (\d\S*)/m, output),
             [_, host] <- Regex.run(~r/^host: (\S+)/m, output) do
          recent(cargo, version, host)
        else
          _ -> {:error, "cargo cannot be run: #{String.trim(output)}", []}
        end
    end
  end

  defp recent(cargo, found, host) do
    if at_least?(found, minimum()),
      do: {:ok, cargo, host},
      else: {:error, "cargo is #{found}, but Rust #{minimum()} or newer is needed", []}
  end

  defp at_least?(found, minimum), do: numbers(found) >= numbers(minimum)

  defp numbers(version),
    do: for([part] <- Regex.scan(~r/\d+/, version), do: String.to_integer(part)) |> Enum.take(2)

  @doc "The oldest supported version of Rust, from Cargo.toml."
  def minimum do
    [_, version] = Regex.run(~r/^rust-version = "([^"]+)"/m, File.read!("Cargo.toml"))
    version
  end

  @doc "Whether a line of cargo's output is meant for programs."
  def message?(line), do: String.starts_with?(line, ~s({"reason":))

  @doc """
  The path of the library, taken from cargo's message about it because it depends on target, profile
  and configuration files.
  """
  @spec library(String.t()) :: Path.t() | nil
  def library(output) do
    # A list of strings, which can contain any character.
    filenames = ~r/"filenames":\[((?:"(?:[^"\\]|\\.)*",?)*)\]/

    output
    |> String.split("\n")
    |> Enum.filter(&(message?(&1) and &1 =~ ~s("crate_types":["cdylib"]) and &1 =~ @package))
    |> Enum.find_value(fn message ->
      with [_, names] <- Regex.run(filenames, message) do
        Enum.find(strings(names), &(Path.extname(&1) in ~w(.so .dylib .dll)))
      end
    end)
  end

  # JSON strings, as far as paths need them.
  defp strings(json) do
    for [_, text] <- Regex.scan(~r/"((?:[^"\\]|\\.)*)"/, json),
        do: Regex.replace(~r/\\(.)/, text, "\\1")
  end

  @doc "Converts rustc's messages to Mix's diagnostics."
  @spec parse(String.t()) :: [Mix.Task.Compiler.Diagnostic.t()]
  def parse(output) do
    # rustc's `error[E0308]: mismatched types` with `  --> native/core/src/plan.rs:12:5` below it.
    pattern = ~r/^(error|warning)(?:\[\w+\])?: (.+)\n +--> (.+?):(\d+):\d+$/m

    for [_, severity, message, file, line] <- Regex.scan(pattern, output) do
      %{
        diagnostic(if(severity == "error", do: :error, else: :warning), message)
        | file: Path.expand(file),
          position: String.to_integer(line)
      }
    end
  end

  @spec diagnostic(:error | :warning, String.t()) :: Mix.Task.Compiler.Diagnostic.t()
  def diagnostic(severity, message) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "cargo",
      file: Path.expand("Cargo.toml"),
      position: 0,
      severity: severity,
      message: message
    }
  end
end
