defmodule Bench.Stopwatch do
  # For machines without Benchee: the arguments are those of `Benchee.run/2`, the columns those of
  # its console formatter. Durations are all in milliseconds, where Benchee chooses a unit.

  alias Bench.Samples

  def run(functions, opts) do
    IO.puts(
      "Benchee was not found, a stopwatch measures instead. For Benchee run `mix local.hex` " <>
        "once, or name in ERL_LIBS a folder that has benchee, deep_merge and statistex."
    )

    for {name, input} <- opts[:inputs] do
      rows = for {job, function} <- functions, do: row(job, measure(function, input, opts))
      report(name, rows)
    end
  end

  # In a process of its own, so that no job inherits the heap of the last.
  defp measure(function, input, opts) do
    task =
      Task.async(fn ->
        if opts[:warmup] > 0, do: repeat(function, input, opts[:warmup])
        repeat(function, input, opts[:time])
      end)

    Task.await(task, :infinity)
  end

  # At least once, however short the time.
  defp repeat(function, input, seconds) do
    repeat(function, input, System.monotonic_time(:nanosecond) + seconds * 1.0e9, [])
  end

  defp repeat(function, input, until, samples) do
    start = System.monotonic_time(:nanosecond)
    function.(input)
    stop = System.monotonic_time(:nanosecond)
    samples = [(stop - start) / 1.0e6 | samples]
    if stop < until, do: repeat(function, input, until, samples), else: samples
  end

  defp row(job, samples) do
    average = Samples.average(samples)
    sorted = Samples.sort(samples)

    {average,
     [
       job,
       Samples.decimals(1000 / average),
       Samples.decimals(average) <> " ms",
       "±" <> Samples.decimals(100 * Samples.deviation(samples)) <> "%",
       Samples.decimals(Samples.percentile(sorted, 0.5)) <> " ms",
       Samples.decimals(Samples.percentile(sorted, 0.99)) <> " ms"
     ]}
  end

  defp report(input, rows) do
    rows = for {_average, row} <- Enum.sort(rows), do: row
    IO.puts("\n##### With input #{input} #####")
    for row <- [~w(Name ips average deviation median) ++ ["99th %"] | rows], do: print(row)
  end

  defp print(row), do: :io.format("~-20ts~13ts~15ts~11ts~15ts~15ts~n", row)
end
