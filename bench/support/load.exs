defmodule Bench.Load do
  # Processes that make thumbnails nonstop.

  alias Bench.Samples

  # Enough to finish the thumbnail that a caller is making when it is told to stop.
  @stop_timeout 60_000

  @doc """
  Runs `measure`, and then `more`, next to `callers` processes that each call `make` with one input
  after another.

  Returns the results of both, and for the calls that ended while `measure` ran, how many there were
  per second and how many milliseconds each of them took. Callers draw their inputs at random, but
  the same ones in every run.
  """
  def beside(callers, inputs, make, measure, more \\ fn -> nil end)

  def beside(0, _inputs, _make, measure, more), do: {measure.(), more.(), nil, []}

  def beside(callers, inputs, make, measure, more) do
    bench = self()

    # Linked, so that the bench ends if one of them fails.
    tasks =
      for caller <- 1..callers do
        Task.async(fn ->
          :rand.seed(:exsss, caller)
          inputs |> Enum.random() |> make.()
          send(bench, {:warm, self()})
          receive do: (:go -> work(inputs, make, []))
        end)
      end

    for %Task{pid: pid} <- tasks, do: receive(do: ({:warm, ^pid} -> send(pid, :go)))
    start = System.monotonic_time()
    result = measure.()
    stop = System.monotonic_time()
    and_more = more.()
    for %Task{pid: pid} <- tasks, do: send(pid, :stop)

    calls = tasks |> Task.await_many(@stop_timeout) |> Enum.concat()

    took =
      for {ended, took} <- calls, ended >= start and ended <= stop, do: Samples.milliseconds(took)

    {result, and_more, length(took) * 1000 / Samples.milliseconds(stop - start), took}
  end

  defp work(inputs, make, calls) do
    receive do
      :stop -> calls
    after
      0 ->
        input = Enum.random(inputs)
        start = System.monotonic_time()
        make.(input)
        stop = System.monotonic_time()
        work(inputs, make, [{stop, stop - start} | calls])
    end
  end
end
