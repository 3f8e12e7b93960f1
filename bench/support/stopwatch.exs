defmodule Bench.Stopwatch do
  # For machines without Benchee: takes the arguments of `Benchee.run/2`, and prints the columns of
  # its console formatter. All durations are in milliseconds; Benchee would choose a unit.

  alias Bench.Samples

  def run(functions, opts) do
    IO.puts(
      "Benchee was not found, so a stopwatch is used. To use Benchee, run `mix local.hex` once, " <>
        "or set ERL_LIBS to a folder that contains benchee, deep_merge and statistex."
    )

    for {name, input} <- opts[:inputs] do
      rows = for {job, function} <- functions, do: row(job, measure(function, input, opts))
      report(name, rows)
    end
  end

  # In its own process, so that no job inherits the heap of the one before.
  defp measure(function, input, opts) do
    task =
      Task.async(fn ->
        if opts[:warmup] > 0, do: repeat(function, input, opts[:warmup])
        repeat(function, input, opts[:time])
      end)

    Task.await(task, :infinity)
  end

  # At least once, however short the time is.
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
