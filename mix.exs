defmodule Thumbelina.MixProject do
  use Mix.Project

  @version "0.1.0"

  def project do
    [
      app: :thumbelina,
      version: @version,
      elixir: "~> 1.14",
      description: "Thumbnails inside the BEAM: fast, yielding, memory-safe",
      compilers: Mix.compilers() ++ [:cargo],
      deps: deps(Mix.env()),
      aliases: [run: &run/1],
      test_coverage: [ignore_modules: [Mix.Tasks.Compile.Cargo]],
      docs: [main: "readme", extras: ["README.md", "CHANGELOG.md"]],
      package: package()
    ]
  end

  # Mix runs the tasks in lib/mix, and is there when they run: no release needs it for their sake.
  def application, do: []

  # Mix wants Hex as soon as any dependency of the environment is a Hex package. The library and its
  # tests need none, so that only the environments that do need one list it.
  defp deps(:bench), do: [{:benchee, "~> 1.3"}]
  defp deps(:docs), do: [{:ex_doc, "~> 0.34"}]
  defp deps(_env), do: []

  defp package do
    [
      licenses: ["MIT"],
      links: %{},
      files:
        ~w(lib native bin bench .rustfmt.toml .formatter.exs mix.exs Cargo.toml Cargo.lock) ++
          ~w(README.md CHANGELOG.md LICENSE test/fixtures/photo.png)
    ]
  end

  # `mix run bench` runs the scripts of bench/; everything else is Mix's own `run`.
  defp run(["bench" | args]) do
    if Mix.env() != :bench and hex?() do
      # Benchee is a Hex package of the environment :bench. Dependencies cannot change in a Mix that
      # runs already, so that another one is started.
      mix = System.find_executable("mix")
      env = [{"MIX_ENV", "bench"}]
      opts = [env: env, into: IO.stream(:stdio, :line), stderr_to_stdout: true]

      with {_, 0} <- System.cmd(mix, ["deps.get", "--only", "bench"], opts),
           {_, 0} <- System.cmd(mix, ["run", "bench" | args], opts) do
        :ok
      else
        {_, status} -> exit({:shutdown, status})
      end
    else
      Mix.Task.run("run", ["bench/run.exs", "--" | args])
    end
  end

  defp run(args), do: Mix.Task.run("run", args)

  defp hex?, do: Path.wildcard(Path.join(Mix.path_for(:archives), "hex-*")) != []
end
