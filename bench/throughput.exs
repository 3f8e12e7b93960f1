defmodule Bench.Throughput do
  # How many thumbnails one process makes per second, by input, size, format and scheduler.

  alias Bench.{Inputs, Sanity, Stopwatch}

  @inputs [
    "256px jpeg",
    "640px jpeg",
    "3 MP jpeg",
    "11 MP jpeg",
    "640px png",
    "3 MP png",
    "640px webp",
    "640px gif"
  ]
  @quick_inputs ["256px jpeg", "640px png"]

  def run(flags) do
    quick? = Keyword.get(flags, :quick, false)
    inputs = inputs(quick?)

    IO.puts(
      "# Throughput: thumbnails made by one process, by input, size, format and scheduler\n"
    )

    IO.puts(Inputs.describe(inputs))

    jobs = jobs()
    Sanity.check!(jobs, inputs)

    # The stopwatch takes the same arguments as Benchee. The module is in a variable, because the
    # compiler would warn about one that may not be there.
    runner = if benchee?(), do: Benchee, else: Stopwatch

    runner.run(
      Map.new(jobs, fn {name, job} -> {name, &thumbnail(&1, job)} end),
      [inputs: inputs, print: [benchmarking: false, fast_warning: not quick?]] ++
        [formatters: [{Benchee.Formatters.Console, comparison: false}]] ++
        if(quick?, do: [warmup: 0, time: 0.001], else: [warmup: 1, time: 3])
    )
  end

  defp thumbnail(image, {side, opts}), do: Thumbelina.thumbnail!(image, side, side, opts)

  defp inputs(true), do: Inputs.make(@quick_inputs)
  defp inputs(false), do: Inputs.make(@inputs) ++ Inputs.corpus()

  defp jobs do
    for side <- [200, 400], format <- [:jpeg, :png], scheduler <- [:normal, :dirty, :auto] do
      {"#{side}px #{format}, #{scheduler}", {side, format: format, scheduler: scheduler}}
    end
  end

  defp benchee? do
    unless Code.ensure_loaded?(Benchee), do: restore_erl_libs()
    Code.ensure_loaded?(Benchee)
  end

  # From Elixir 1.15 on, Mix removes everything from the code path that the project does not list.
  defp restore_erl_libs do
    separator = if match?({:win32, _}, :os.type()), do: ";", else: ":"

    for folder <- String.split(System.get_env("ERL_LIBS", ""), separator, trim: true),
        ebin <- Path.wildcard(Path.join(folder, "*/ebin")) do
      Code.append_path(ebin)
    end
  end
end
