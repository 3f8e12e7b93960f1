defmodule Mix.Tasks.Compile.CargoTest do
  # Projects that depend on Thumbelina, compiled by a Mix of their own. What they depend on is a
  # copy of what a package has, under a path that shells and globs have trouble with. Cargo is a
  # script, which tells how it was called and hands out the library of this build, or is not there.

  use ExUnit.Case, async: true

  alias Mix.Thumbelina.{Precompiled, Target}

  @moduletag :tmp_dir
  @moduletag :unix
  @moduletag timeout: 180_000

  @archive Precompiled.archive(Mix.Project.config()[:version], Target.wanted())

  test "does nothing when nothing changed" do
    assert Mix.Tasks.Compile.Cargo.run([]) == {:noop, []}
  end

  setup %{tmp_dir: folder} do
    root = Path.join(folder, "a b [ü] {x,y}")
    thumbelina = Path.join(root, "thumbelina")
    copy_package(thumbelina)
    {:ok, root: root, thumbelina: thumbelina, app: project(root)}
  end

  defp copy_package(to) do
    for name <- Mix.Project.config()[:package][:files] do
      target = Path.join(to, name)
      File.mkdir_p!(Path.dirname(target))
      File.cp_r!(name, target)
    end
  end

  defp project(root) do
    app = Path.join(root, "app")
    File.mkdir_p!(Path.join(app, "lib"))

    File.write!(Path.join(app, "mix.exs"), """
    defmodule App.MixProject do
      use Mix.Project

      def project do
        [app: :app, version: "1.0.0", deps: [{:thumbelina, path: "../thumbelina"}]]
      end

      def application, do: []
    end
    """)

    File.write!(Path.join(app, "lib/app.ex"), """
    defmodule App do
      def run(path) do
        thumb = path |> Thumbelina.open!() |> Thumbelina.thumbnail!(100, 100)
        IO.puts("made \#{thumb.width}x\#{thumb.height}")
      end
    end
    """)

    app
  end

  # All of PATH but cargo, which may be in one folder with everything else.
  defp path_without_cargo(root) do
    bin = Path.join(root, "bin")
    File.mkdir_p!(bin)

    for folder <- "PATH" |> System.get_env() |> String.split(":"),
        {:ok, names} <- [File.ls(folder)],
        name <- names -- ["cargo"] do
      File.ln_s(Path.join(folder, name), Path.join(bin, name))
    end

    bin
  end

  # Cargo, as far as it goes: see the top.
  defp fake_cargo(root) do
    bin = path_without_cargo(root)
    library = Application.app_dir(:thumbelina, "priv/native/thumbelina.so")

    File.write!(Path.join(bin, "cargo"), """
    #!/bin/sh
    if [ "$1" = --version ]; then
      echo 'info: syncing channel updates' >&2
      echo "cargo ${FAKE_VERSION:-1.99.0} (0 2026-01-01)"
      echo 'host: #{Target.wanted()}'
      exit
    fi
    printf '%s\\n' "RUSTFLAGS=$RUSTFLAGS" "$@" >> '#{root}/calls'
    while [ $# -gt 0 ]; do [ "$1" = --target-dir ] && folder=$2; shift; done
    mkdir -p "$folder/release"
    cp '#{library}' "$folder/release/libthumbelina.so"
    echo '   Compiling thumbelina-nif v0.1.0'
    printf '{"reason":"compiler-artifact","package_id":"p#thumbelina-nif@0.1.0",'
    printf '"crate_types":["cdylib"],"filenames":["%s/release/libthumbelina.so"]}\\n' "$folder"
    """)

    File.chmod!(Path.join(bin, "cargo"), 0o755)
    bin
  end

  defp calls(root) do
    case File.read(Path.join(root, "calls")) do
      {:ok, text} ->
        text |> String.split("RUSTFLAGS=") |> tl() |> Enum.map(&String.split(&1, "\n"))

      {:error, :enoent} ->
        []
    end
  end

  @unset for name <-
               ~w(MIX_ENV MIX_BUILD_PATH MIX_TARGET MIX_EXS CARGO_BUILD_TARGET RUSTFLAGS) ++
                 ~w(THUMBELINA_PRECOMPILED),
             do: {name, nil}

  defp mix(folder, bin, args, env \\ []) do
    env = Enum.uniq_by(env ++ [{"PATH", bin}, {"LC_ALL", "C.UTF-8"}] ++ @unset, &elem(&1, 0))
    mix = Path.join(bin, "mix")
    System.cmd(mix, args, cd: folder, env: env, stderr_to_stdout: true)
  end

  @photo Path.expand("../../fixtures/photo.jpg", __DIR__)
  @make ["run", "-e", "App.run(#{inspect(@photo)})"]

  test "says that cargo is missing, and what to do", %{root: root, app: app} = context do
    bin = path_without_cargo(root)

    for {folder, task} <- [
          {app, ["compile"]},
          {app, ["deps.compile"]},
          {app, ["test"]},
          {context.thumbelina, ["compile"]}
        ] do
      {output, status} = mix(folder, bin, task)
      assert status != 0
      assert output =~ "cargo was not found"
      assert output =~ "https://rustup.rs"
      assert output =~ "THUMBELINA_PRECOMPILED"
    end
  end

  test "says that cargo is too old", %{root: root, app: app} do
    {output, 1} = mix(app, fake_cargo(root), ["compile"], [{"FAKE_VERSION", "1.63.0"}])
    assert output =~ ~r/cargo is 1\.63\.0, but Rust 1\.\d+ or newer is needed/
  end

  test "builds into the build path, once, and again when what cargo goes by changes",
       %{root: root, app: app} = context do
    bin = fake_cargo(root)
    {output, 0} = mix(app, bin, @make)
    assert output =~ "Compiling thumbelina-nif"
    assert output =~ "made 100x67"
    refute output =~ "reason"

    assert [["", "build" | args]] = calls(root)
    at = Enum.find_index(args, &(&1 == "--target-dir"))
    assert Enum.at(args, at + 1) == Path.join(app, "_build/cargo")
    assert File.exists?(Path.join(app, "_build/dev/lib/thumbelina/priv/native/thumbelina.so"))
    refute File.exists?(Path.join(context.thumbelina, "priv/native"))
    refute File.exists?(Path.join(context.thumbelina, "_build"))

    {_, 0} = mix(app, bin, ["compile"])
    assert length(calls(root)) == 1

    flags = [{"RUSTFLAGS", "-C target-cpu=native"}]
    {_, 0} = mix(app, bin, ["deps.compile", "thumbelina"], flags)
    assert [_, ["-C target-cpu=native", "build" | _]] = calls(root)

    # Another build path is another library, and finds its way by itself.
    {output, 0} = mix(app, bin, @make, [{"MIX_BUILD_PATH", Path.join(root, "elsewhere")}])
    assert output =~ "made 100x67"
    assert File.exists?(Path.join(root, "elsewhere/lib/thumbelina/priv/native/thumbelina.so"))
    assert [_, _, ["", "build" | args]] = calls(root)
    assert Path.join(root, "elsewhere/cargo") in args

    # A source that is newer.
    source = Path.join(context.thumbelina, "native/nif/src/lib.rs")
    File.touch!(source, System.os_time(:second) + 2)
    {_, 0} = mix(app, bin, ["deps.compile", "thumbelina"])
    assert length(calls(root)) == 4
  end

  test "takes a precompiled library, and falls back to cargo",
       %{root: root, app: app} = context do
    archives = Path.join(root, "archives")
    File.mkdir_p!(archives)
    archive = Path.join(archives, @archive)
    library = Application.app_dir(:thumbelina, "priv/native/thumbelina.so")
    :ok = Precompiled.pack(archive, "thumbelina.so", File.read!(library))
    sum = archive |> File.read!() |> Precompiled.sha256()
    File.write!(Path.join(context.thumbelina, "native/checksums"), "#{sum}  #{@archive}\n")
    env = [{"THUMBELINA_PRECOMPILED", archives}]

    # Without cargo. As the configuration has it, too.
    {output, 0} = mix(app, path_without_cargo(root), @make, env)
    assert output =~ "made 100x67"

    File.mkdir_p!(Path.join(app, "config"))

    File.write!(Path.join(app, "config/config.exs"), """
    import Config
    config :thumbelina, precompiled: [base_url: #{inspect(archives)}]
    """)

    {output, 0} = mix(app, path_without_cargo(root), ["run" | tl(@make)], [{"MIX_ENV", "test"}])
    assert output =~ "made 100x67"
    assert calls(root) == []

    # Tampered with: the line says so, with cargo and without.
    File.write!(archive, "x", [:append])
    prod = [{"MIX_ENV", "prod"} | env]
    {output, status} = mix(app, path_without_cargo(root), ["compile"], prod)
    assert status != 0
    assert output =~ "thumbelina: building with cargo, because #{@archive} has the checksum"
    assert output =~ "cargo was not found"
    {output, 0} = mix(app, fake_cargo(root), @make, prod)
    assert output =~ "building with cargo, because #{@archive} has the checksum"
    assert output =~ "made 100x67"
    assert [_] = calls(root)
  end

  test "what an earlier version left in the sources goes", %{root: root, app: app} = context do
    left = Path.join(context.thumbelina, "priv/native")
    File.mkdir_p!(left)
    File.write!(Path.join(left, "thumbelina.so"), "old")
    built = Path.join(app, "_build/dev/lib/thumbelina")
    File.mkdir_p!(built)
    File.ln_s!(Path.join(context.thumbelina, "priv"), Path.join(built, "priv"))

    for _ <- 1..2 do
      {output, 0} = mix(app, fake_cargo(root), @make)
      assert output =~ "made 100x67"
      refute File.exists?(Path.join(context.thumbelina, "priv/native"))
    end
  end

  test "the command line has stdout for itself, also where it is compiled first", context do
    bin = fake_cargo(context.root)
    env = [{"PATH", bin} | @unset]
    command = "mix thumbelina '#{@photo}' - 50 2>/dev/null"
    opts = [cd: context.thumbelina, env: Enum.uniq_by(env, &elem(&1, 0))]
    {output, 0} = System.cmd("sh", ["-c", command], opts)
    assert {:ok, %{format: :jpeg, width: 50}} = Thumbelina.new(output)
  end

  test "is compiled in an umbrella, from its root", %{root: root} = context do
    umbrella = Path.join(root, "umbrella")
    web = Path.join(umbrella, "apps/web")
    File.mkdir_p!(web)
    File.rename!(context.thumbelina, Path.join(umbrella, "apps/thumbelina"))

    File.write!(Path.join(umbrella, "mix.exs"), """
    defmodule Umbrella.MixProject do
      use Mix.Project
      def project, do: [apps_path: "apps", version: "1.0.0", deps: []]
    end
    """)

    File.write!(Path.join(web, "mix.exs"), """
    defmodule Web.MixProject do
      use Mix.Project

      def project do
        [app: :web, version: "1.0.0", build_path: "../../_build"] ++
          [lockfile: "../../mix.lock", deps: [{:thumbelina, in_umbrella: true}]]
      end
    end
    """)

    for folder <- [umbrella, web] do
      path = inspect(@photo)
      run = ["run", "-e", "IO.inspect(Thumbelina.thumbnail!(Thumbelina.open!(#{path}), 9, 9))"]
      {output, 0} = mix(folder, fake_cargo(root), run)
      assert output =~ "#Thumbelina.Image<jpeg 9x6"
    end

    assert length(calls(root)) == 1
  end

  test "archives are made, and had through a proxy", %{root: root, app: app} = context do
    {output, 0} = mix(context.thumbelina, fake_cargo(root), ["thumbelina.precompile"])
    archive = Path.join([context.thumbelina, "_build/precompiled", @archive])
    assert output =~ ~r/^library \d+\.\d\d MiB, archive \d+\.\d\d MiB$/m
    sum = archive |> File.read!() |> Precompiled.sha256()
    checksums = File.read!(Path.join(context.thumbelina, "native/checksums"))
    assert checksums =~ ~r/^#.*sha256sum/
    assert checksums =~ "\n#{sum}  #{@archive}\n"

    {address, proxy} = proxy(File.read!(archive))
    source = {"THUMBELINA_PRECOMPILED", "http://nowhere.invalid/of/releases"}
    # Another host is to be had without the proxy.
    env = [source, {"http_proxy", address}, {"no_proxy", "example.com, .example.org"}]
    {output, 0} = mix(app, path_without_cargo(root), @make, env)
    assert output =~ "made 100x67"
    assert Task.await(proxy) =~ "GET http://nowhere.invalid/of/releases/#{@archive} HTTP/1.1\r\n"

    {output, status} = mix(context.thumbelina, fake_cargo(root), ["thumbelina.precompile", "x"])
    assert status != 0
    assert output =~ "usage: mix thumbelina.precompile"
  end

  # Answers one request, whatever it is for, and gives what was asked.
  defp proxy(bytes) do
    {:ok, socket} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}])
    {:ok, port} = :inet.port(socket)

    task =
      Task.async(fn ->
        {:ok, accepted} = :gen_tcp.accept(socket)
        {:ok, request} = :gen_tcp.recv(accepted, 0)
        head = "HTTP/1.1 200 OK\r\ncontent-length: #{byte_size(bytes)}\r\n\r\n"
        :ok = :gen_tcp.send(accepted, [head, bytes])
        request
      end)

    {"http://127.0.0.1:#{port}", task}
  end

  test "a release carries the library with it", %{root: root, app: app} do
    bin = fake_cargo(root)
    {_, 0} = mix(app, bin, ["release"], [{"MIX_ENV", "prod"}])
    moved = Path.join(root, "moved")
    File.rename!(Path.join(app, "_build/prod/rel/app"), moved)
    for folder <- [app, Path.join(root, "thumbelina")], do: File.rm_rf!(folder)

    args = ["eval", "App.run(#{inspect(@photo)})"]
    env = [{"PATH", path_without_cargo(root)}, {"LC_ALL", "C.UTF-8"} | @unset]
    opts = [env: env, stderr_to_stdout: true]
    {output, 0} = System.cmd(Path.join(moved, "bin/app"), args, opts)
    assert output =~ "made 100x67"

    # And says what is wrong where it has lost it.
    File.rm!(Path.join(folder_of(moved), "priv/native/thumbelina.so"))
    {output, status} = System.cmd(Path.join(moved, "bin/app"), args, opts)
    assert status != 0
    assert output =~ "Thumbelina's native library cannot be loaded"
    assert output =~ "THUMBELINA_PRECOMPILED"
  end

  # A wildcard would take the folder's own name for a pattern.
  defp folder_of(release) do
    lib = Path.join(release, "lib")
    Path.join(lib, Enum.find(File.ls!(lib), &String.starts_with?(&1, "thumbelina-")))
  end
end
