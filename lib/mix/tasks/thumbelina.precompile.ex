defmodule Mix.Tasks.Thumbelina.Precompile do
  @shortdoc "Makes an archive of the native library"
  @moduledoc """
  Builds the native library and packs it into an archive, for machines without Rust.

      mix thumbelina.precompile [--output FOLDER]

  Run it in Thumbelina's own source tree. The archive goes into FOLDER, by default
  `_build/precompiled`, and its checksum into `native/checksums`, which should be committed. Set
  `CARGO_BUILD_TARGET` to build for another target than this machine.

  A project uses the archive if `THUMBELINA_PRECOMPILED` names the folder, or the base URL that the
  archive is served from.
  """
  use Mix.Task

  alias Mix.Thumbelina.{Cargo, Precompiled, Target}

  @impl true
  def run(args) do
    if Mix.Project.config()[:app] != :thumbelina,
      do: Mix.raise("run mix thumbelina.precompile in Thumbelina's own source tree")

    output =
      case OptionParser.parse(args, strict: [output: :string]) do
        {opts, [], []} -> opts[:output] || Path.join(Cargo.target_dir(), "../precompiled")
        _ -> Mix.raise("usage: mix thumbelina.precompile [--output FOLDER]")
      end

    with {:error, reason} <- Precompiled.start([:crypto]), do: Mix.raise(reason)

    case Cargo.build() do
      {:ok, library, _diagnostics} -> pack(library, Path.expand(output))
      {:error, reason, _diagnostics} -> Mix.raise(reason)
    end
  end

  defp pack(library, output) do
    archive = Precompiled.archive(Mix.Project.config()[:version], Target.wanted())
    path = Path.join(output, archive)
    File.mkdir_p!(output)

    with :ok <-
           Precompiled.pack(path, Mix.Tasks.Compile.Cargo.file_name(library), File.read!(library)),
         sum = path |> File.read!() |> Precompiled.sha256(),
         :ok <- Precompiled.put_checksum(archive, sum) do
      Mix.shell().info("""
      #{path}
      library #{size(library)}, archive #{size(path)}
      sha256 #{sum}\
      """)
    else
      {:error, reason} -> Mix.raise("#{path} or its checksum: #{inspect(reason)}")
    end
  end

  defp size(path),
    do: :erlang.float_to_binary(File.stat!(path).size / 1_048_576, decimals: 2) <> " MiB"
end
