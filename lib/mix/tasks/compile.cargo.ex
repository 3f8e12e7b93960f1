defmodule Mix.Tasks.Compile.Cargo do
  @moduledoc false
  # Puts the native library into the build's priv/native: a precompiled one if the project or the
  # environment names a place to fetch it from, otherwise one that cargo builds.
  #
  # Nothing is run if all inputs of the last build are unchanged: sources, manifests, and the
  # environment variables that cargo reads.

  use Mix.Task.Compiler

  # In an umbrella, run for this project, not for the umbrella.
  @recursive true

  alias Mix.Thumbelina.{Cargo, Precompiled, Target}

  @sources ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "native/checksums"] ++
             ["native/*/Cargo.toml", "native/*/build.rs", "native/*/src/**/*.rs"]
  @manifest "compile.cargo"

  @impl true
  def run(args) do
    remove_leftovers()
    own_priv()
    state = state()

    if "--force" in args or stale?(state) do
      # From before the build, so that files edited meanwhile count as newer.
      started = System.os_time(:second)

      case build() do
        {:ok, diagnostics} ->
          File.mkdir_p!(Path.dirname(stamp()))
          File.write!(stamp(), state)
          File.touch!(stamp(), started)
          {:ok, diagnostics}

        {:error, message, diagnostics} ->
          Mix.shell().error("\n== thumbelina: no native library ==\n" <> message)
          {:error, [Cargo.diagnostic(:error, message) | diagnostics]}
      end
    else
      {:noop, []}
    end
  end

  @impl true
  def manifests, do: [stamp()]

  @impl true
  def clean do
    Enum.each([stamp() | installed()], &File.rm/1)
    _ = File.rm_rf(Cargo.target_dir())
    :ok
  end

  defp stale?(state) do
    installed() == [] or File.read(stamp()) != {:ok, state} or
      Mix.Utils.stale?(Enum.flat_map(@sources, &Path.wildcard(&1, match_dot: true)), [stamp()])
  end

  # The inputs of a build besides the sources, as a digest because they may contain secrets.
  defp state do
    state =
      case Precompiled.source() do
        nil -> {Target.wanted(), variables()}
        source -> {Target.wanted(), source, Precompiled.checksums()[archive()]}
      end

    :erlang.md5(:erlang.term_to_binary(state))
  end

  # Environment variables that cargo and the compilers it runs read, and those of Nerves.
  defp variables do
    cargo = ~r/^(CARGO_(BUILD|TARGET|PROFILE|ENCODED)_\w+|RUSTFLAGS|RUSTC\w*|RUSTUP_TOOLCHAIN)$/
    nerves = ~r/^(TARGET_\w+|CC)$/

    for {name, value} <- Enum.sort(System.get_env()),
        name =~ cargo or name =~ nerves,
        do: {name, value}
  end

  defp archive, do: Precompiled.archive(Mix.Project.config()[:version], Target.wanted())

  defp build do
    case Precompiled.source() do
      nil ->
        build_with_cargo()

      source ->
        case Precompiled.fetch(source, archive(), Precompiled.checksums()) do
          {:ok, {name, library}} ->
            install(name, &File.write!(&1, library))
            {:ok, []}

          {:error, reason} ->
            Mix.shell().error("thumbelina: building with cargo, because #{reason}")
            build_with_cargo()
        end
    end
  end

  defp build_with_cargo do
    case Cargo.build() do
      {:ok, library, diagnostics} ->
        install(file_name(library), &File.cp!(library, &1))
        {:ok, diagnostics}

      {:error, reason, diagnostics} ->
        {:error, "#{reason}.\n#{advice()}", diagnostics}
    end
  end

  defp advice do
    """
    Thumbelina's native library is written in Rust and built when the project is compiled. This
    needs Rust #{Cargo.minimum()} or newer, with cargo in PATH: install it from https://rustup.rs.
    To build without Rust, set THUMBELINA_PRECOMPILED, or config :thumbelina, precompiled:
    [base_url: ...], to a folder or a URL with a precompiled library for this target,
    #{Target.wanted()}.\
    """
  end

  @doc "The library's name when installed: the VM looks for .so on every Unix."
  def file_name(library),
    do: "thumbelina" <> if(Path.extname(library) == ".dll", do: ".dll", else: ".so")

  # A running VM has the old library mapped, so it is replaced and never written to.
  defp install(name, write) do
    forget_loaded_library()
    # If anything fails from here on, the next run sees that it has to build.
    _ = File.rm(stamp())
    File.mkdir_p!(folder())
    target = Path.join(folder(), name)
    temporary = target <> ".#{System.pid()}"
    write.(temporary)

    # Windows cannot replace a library that is in use, but can rename it.
    with {:error, _} <- File.rename(temporary, target) do
      File.rename!(target, target <> ".#{System.os_time()}")
      File.rename!(temporary, target)
    end

    installed() |> List.delete(target) |> Enum.each(&File.rm!/1)
  end

  # An earlier version put the library into the sources' priv.
  defp remove_leftovers do
    Enum.each(~w(thumbelina.so thumbelina.dll), &File.rm("priv/native/" <> &1))
    _ = File.rmdir("priv/native")
    :ok
  end

  # Mix links the build's priv to the sources'. Where it finds a folder instead, it copies into that
  # what is new.
  defp own_priv do
    priv = Path.dirname(folder())

    linked? = match?({:ok, _}, File.read_link(priv))
    if linked?, do: File.rm!(priv)
    _ = if linked? and File.dir?("priv"), do: File.cp_r!("priv", priv)
    :ok
  end

  # In the build, not in the sources: those may be read-only, or shared with other projects.
  defp folder, do: Path.join(Mix.Project.app_path(), "priv/native")

  defp installed do
    for name <- ~w(thumbelina.so thumbelina.dll),
        path = Path.join(folder(), name),
        File.exists?(path),
        do: path
  end

  # A VM that has just compiled the module has also loaded it, with the old library or none.
  defp forget_loaded_library do
    :code.purge(Thumbelina.Native)
    :code.delete(Thumbelina.Native)
    :code.purge(Thumbelina.Native)
  end

  defp stamp, do: Path.join(Mix.Project.manifest_path(), @manifest)
end
