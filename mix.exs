defmodule Thumbelina.MixProject do
  use Mix.Project

  @version "0.1.0"
  @crates ~w(codec core jpeg nif webp)
  @source_url "https://github.com/thumbelina/thumbelina"

  def project do
    [
      app: :thumbelina,
      version: @version,
      elixir: "~> 1.14",
      description: "Thumbnails inside the BEAM: fast, yielding, memory-safe",
      compilers: Mix.compilers() ++ [:cargo],
      deps: deps(Mix.env()),
      aliases: [run: &run/1, thumbelina: &thumbelina/1],
      test_coverage: [ignore_modules: not_covered()],
      source_url: @source_url,
      docs: docs(),
      package: package()
    ]
  end

  # Only the tasks in lib/mix use Mix, and it is there when they run: a release does not need it.
  # Of OTP: digests are the keys of the store. It starts no process.
  def application, do: [extra_applications: [:crypto]]

  # Mix wants Hex as soon as the environment has a Hex package as a dependency. The library and its
  # tests need none, so only the environments that do need one list it.
  defp deps(:bench), do: [{:benchee, "~> 1.3"}]
  defp deps(:docs), do: [{:ex_doc, "~> 0.34"}]
  defp deps(_env), do: []

  # Tested in a separate Mix, where coverage is not measured.
  defp not_covered do
    [
      Mix.Tasks.Compile.Cargo,
      Mix.Tasks.Thumbelina.Precompile,
      Mix.Thumbelina.Cargo
    ]
  end

  defp docs do
    [
      main: "readme",
      source_ref: "v#{@version}",
      extras:
        ~w(README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md LICENSE) ++
          [{:"native/fuzz/README.md", filename: "fuzzing"}, "bench/results/responsiveness.txt"],
      groups_for_extras: [
        "Working on Thumbelina": ~w(CONTRIBUTING.md native/fuzz/README.md),
        "Policies and history": ~w(SECURITY.md CHANGELOG.md LICENSE),
        Results: ["bench/results/responsiveness.txt"]
      ],
      assets: %{"bench/results" => "bench/results"},
      groups_for_modules: [
        "Pictures and formats": [
          Thumbelina.Image,
          Thumbelina.Info,
          Thumbelina.Pixels,
          Thumbelina.Format
        ],
        "Plans and measurements": [Thumbelina.Plan, Thumbelina.Stats, Thumbelina.Telemetry],
        Clusters: [Thumbelina.Cluster, Thumbelina.Store],
        "Over HTTP": [Thumbelina.Server, Thumbelina.Plug, Thumbelina.URL],
        Errors: [Thumbelina.Error]
      ],
      # The functions of `Thumbelina`, by the metadata `@doc group: ...`.
      groups_for_docs:
        for group <- [
              "Open and write",
              "Make thumbnails",
              "Edit pictures",
              "Compare",
              "Samples",
              "Many pictures",
              "Plan and measure"
            ] do
          {String.to_atom(group), &(&1[:group] == group)}
        end
    ]
  end

  # What is needed to compile, and what people read.
  defp package do
    [
      licenses: ["MIT"],
      links: %{"GitHub" => @source_url, "Changelog" => @source_url <> "/blob/main/CHANGELOG.md"},
      files:
        ~w(lib priv/page mix.exs Cargo.toml Cargo.lock .cargo .formatter.exs native/checksums) ++
          for(name <- @crates, do: "native/#{name}/Cargo.toml") ++
          for(name <- @crates, do: "native/#{name}/src") ++
          ~w(native/nif/build.rs native/core/build.rs native/core/formats.txt) ++
          ~w(README.md SECURITY.md CHANGELOG.md LICENSE)
    ]
  end

  # `mix run bench` runs the scripts of bench/; everything else is Mix's own `run`.
  defp run(["bench" | args]) do
    if Mix.env() == :bench or Code.ensure_loaded?(Benchee) or not Code.ensure_loaded?(Hex) do
      Mix.Task.run("run", ["bench/run.exs", "--" | args])
    else
      # Benchee is a Hex package of the environment :bench. A running Mix cannot change its
      # dependencies, so another one is started.
      case bench(["deps.get", "--only", "bench"]) do
        0 ->
          with status when status != 0 <- bench(["run", "bench" | args]),
               do: exit({:shutdown, status})

        _ ->
          Mix.shell().error("Benchee cannot be installed: using a stopwatch")
          Mix.Task.run("run", ["bench/run.exs", "--" | args])
      end
    end
  end

  defp run(args), do: Mix.Task.run("run", args)

  # Mix compiles before it runs a task, and would print that in front of what goes to stdout.
  defp thumbelina(args) do
    if "-" in args or "--json" in args, do: Mix.shell(Mix.Shell.Quiet)
    Mix.Task.run("thumbelina", args)
  end

  defp bench(args) do
    opts = [env: [{"MIX_ENV", "bench"}], into: IO.stream(:stdio, :line), stderr_to_stdout: true]
    {_, status} = System.cmd(System.find_executable("mix"), args, opts)
    status
  end
end
