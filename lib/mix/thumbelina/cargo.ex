defmodule Mix.Thumbelina.Cargo do
  @moduledoc false
  # Builds the native library with cargo, in the folder of the project that is Thumbelina's own.

  alias Mix.Thumbelina.Target

  defmodule Echo do
    @moduledoc false
    # Collects what cargo writes to it, and shows at once what is for people.
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

  @doc "Gives the path of the library, and what cargo had to say."
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
          {:error, "cargo build failed, as is told above", diagnostics}

        library = library(output) ->
          {:ok, library, diagnostics}

        true ->
          {:error, "cargo built no library that a VM could load for this target", diagnostics}
      end
    end
  end

  defp args(target) do
    target = if target, do: ["--target", target], else: []

    ["build", "--release", "--locked", "--package", @package, "--target-dir", target_dir()] ++
      ["--message-format", "json-render-diagnostics" | target]
  end

  @doc """
  Cargo's own output folder: beside those of the environments in `_build`, so that these share it,
  but inside the one folder that MIX_BUILD_PATH names.
  """
  def target_dir do
    build = Mix.Project.build_path()
    root = if System.get_env("MIX_BUILD_PATH"), do: build, else: Path.dirname(build)
    Path.join(root, "cargo")
  end

  # What the target needs and the environment does not say yet.
  defp env, do: env(System.get_env())

  @doc false
  def env(given) do
    asked = Target.asked(given)
    # What cargo says is read, whatever terminals it is set up for.
    [{"CARGO_TERM_COLOR", "never"}, {"CARGO_TERM_PROGRESS_WHEN", "never"}] ++
      linker(asked, given) ++ rustflags(asked || Target.wanted(), given)
  end

  # Nerves names its compiler in CC, which links too.
  defp linker(asked, %{"TARGET_ARCH" => _, "CC" => cc} = given) when asked != nil do
    name = "CARGO_TARGET_" <> (asked |> String.replace("-", "_") |> String.upcase()) <> "_LINKER"
    if given[name], do: [], else: [{name, cc}]
  end

  defp linker(_asked, _given), do: []

  # .cargo/config.toml has this flag for musl. What the environment has takes the place of it.
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

        # rustup may have had something to install, and said so.
        with 0 <- status,
             [_, version] <- Regex.run(~r/^cargo (\d\S*)/m, output),
             [_, host] <- Regex.run(~r/^host: (\S+)/m, output) do
          recent(cargo, version, host)
        else
          _ -> {:error, "cargo does not run: #{String.trim(output)}", []}
        end
    end
  end

  defp recent(cargo, found, host) do
    if at_least?(found, minimum()),
      do: {:ok, cargo, host},
      else: {:error, "cargo is #{found}, and Rust #{minimum()} or newer is needed", []}
  end

  defp at_least?(found, minimum), do: numbers(found) >= numbers(minimum)

  defp numbers(version),
    do: for([part] <- Regex.scan(~r/\d+/, version), do: String.to_integer(part)) |> Enum.take(2)

  @doc "The oldest Rust that will do, as Cargo.toml says it."
  def minimum do
    [_, version] = Regex.run(~r/^rust-version = "([^"]+)"/m, File.read!("Cargo.toml"))
    version
  end

  @doc "Whether a line of cargo's is one of its messages to programs."
  def message?(line), do: String.starts_with?(line, ~s({"reason":))

  @doc """
  The path of the library, as cargo's message about it says: targets, profiles and configuration
  files have a say in it.
  """
  @spec library(String.t()) :: Path.t() | nil
  def library(output) do
    # A list of strings, in which any character may stand.
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

  # JSON strings, as far as paths have need of them.
  defp strings(json) do
    for [_, text] <- Regex.scan(~r/"((?:[^"\\]|\\.)*)"/, json),
        do: Regex.replace(~r/\\(.)/, text, "\\1")
  end

  @doc "What rustc says, as Mix wants it."
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
