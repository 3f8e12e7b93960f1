defmodule Mix.Tasks.Compile.Cargo do
  @shortdoc "Compiles the Rust NIF with cargo"
  @moduledoc """
  Builds the NIF's crate and puts the library into `priv/native`.

  Cargo's own output folder is `_build/cargo`, one for all environments (of the project that is
  being built, where Thumbelina is a dependency). Nothing is run while neither a Rust source nor a
  manifest is newer than the last build.
  """
  use Mix.Task.Compiler

  defmodule Echo do
    @moduledoc false
    # Collects what is written to it, and shows it at once.
    defstruct []

    defimpl Collectable do
      def into(_echo) do
        collect = fn
          acc, {:cont, text} -> with :ok <- IO.write(text), do: [acc | text]
          acc, :done -> IO.iodata_to_binary(acc)
          _acc, :halt -> :ok
        end

        {[], collect}
      end
    end
  end

  @package "thumbelina-nif"
  @sources ["Cargo.toml", "Cargo.lock", "native/*/Cargo.toml", "native/*/build.rs"] ++
             ["native/*/src/**/*.rs"]
  @manifest "compile.cargo"

  @impl true
  def run(args) do
    target = target()
    stamp = stamp()
    sources = Enum.flat_map(@sources, &Path.wildcard/1)

    if "--force" in args or not File.exists?(target) or Mix.Utils.stale?(sources, [stamp]) do
      # Of before the build: what is edited meanwhile is newer.
      started = System.os_time(:second)

      with {:ok, diagnostics} <- build() do
        install(target)
        forget_loaded_library()
        # Mix made its own folders before there was a priv to link into them.
        Mix.Project.build_structure()
        File.mkdir_p!(Path.dirname(stamp))
        File.touch!(stamp, started)
        {:ok, diagnostics}
      end
    else
      {:noop, []}
    end
  end

  @impl true
  def manifests, do: [stamp()]

  @impl true
  def clean do
    File.rm(stamp())
    File.rm(target())
    File.rm_rf(target_dir())
    :ok
  end

  defp build do
    case System.find_executable("cargo") do
      nil ->
        {:error,
         [diagnostic(:error, "cargo was not found. Run bin/setup, or see https://rustup.rs")]}

      cargo ->
        args = ~w(build --release --locked --package #{@package} --target-dir #{target_dir()})

        {output, status} = System.cmd(cargo, args, into: %Echo{}, stderr_to_stdout: true)

        diagnostics = parse(output)

        cond do
          status == 0 -> {:ok, diagnostics}
          Enum.any?(diagnostics, &(&1.severity == :error)) -> {:error, diagnostics}
          true -> {:error, [diagnostic(:error, "cargo build failed:\n" <> output) | diagnostics]}
        end
    end
  end

  # A running VM has the old library mapped: it is replaced, never written to.
  defp install(target) do
    built = Path.join([target_dir(), "release", built_name(:os.type())])
    File.mkdir_p!(Path.dirname(target))
    temporary = target <> ".#{System.pid()}"
    File.cp!(built, temporary)
    File.rename!(temporary, target)
  end

  # A VM that has just compiled the module has loaded it too, with the old library or with none.
  defp forget_loaded_library do
    :code.purge(Thumbelina.Native)
    :code.delete(Thumbelina.Native)
    :code.purge(Thumbelina.Native)
  end

  defp built_name({:win32, _}), do: "thumbelina.dll"
  defp built_name({:unix, :darwin}), do: "libthumbelina.dylib"
  defp built_name(_), do: "libthumbelina.so"

  # The VM looks for .so on every Unix.
  defp target do
    extension = if match?({:win32, _}, :os.type()), do: ".dll", else: ".so"
    Path.expand("priv/native/thumbelina" <> extension)
  end

  # Beside the environments' folders in `_build`; inside the one folder that MIX_BUILD_PATH names.
  defp target_dir do
    build = Mix.Project.build_path()
    root = if System.get_env("MIX_BUILD_PATH"), do: build, else: Path.dirname(build)
    Path.join(root, "cargo")
  end

  defp stamp, do: Path.join(Mix.Project.manifest_path(), @manifest)

  # rustc's `error[E0308]: mismatched types` with `  --> native/core/src/plan.rs:12:5` below it.
  @message ~r/^(error|warning)(?:\[\w+\])?: (.+)\n +--> (.+?):(\d+):\d+$/m

  @doc false
  def parse(output) do
    for [_, severity, message, file, line] <- Regex.scan(@message, output) do
      severity = if severity == "error", do: :error, else: :warning
      diagnostic = diagnostic(severity, message)
      %{diagnostic | file: Path.expand(file), position: String.to_integer(line)}
    end
  end

  defp diagnostic(severity, message) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "cargo",
      file: Path.expand("Cargo.toml"),
      position: 0,
      severity: severity,
      message: message
    }
  end
end
