defmodule Bench.Responsiveness do
  # How late a process that sleeps 1 ms wakes while every core makes thumbnails, on each road.
  #
  # The VM's timers tick once in a millisecond and never early, so that up to a millisecond is late
  # on an idle VM too: what a road costs is the difference to the idle line.

  alias Bench.{Inputs, Samples, Sanity}

  @inputs ["640px png", "3 MP jpeg"]
  @quick_inputs ["640px png"]
  @jobs [
    normal: {200, format: :jpeg, scheduler: :normal},
    dirty: {200, format: :jpeg, scheduler: :dirty}
  ]

  # Two for each scheduler, so that none is without work while one of them is between two pictures.
  @workers_per_scheduler 2
  # For the one thumbnail that a worker may be at when it is told to stop.
  @stop_timeout 60_000

  def run(quick?) do
    {inputs, sleeps} =
      if quick?, do: {Inputs.make(@quick_inputs), 30}, else: {Inputs.make(@inputs), 1000}

    IO.puts("""

    # Responsiveness: how late a process wakes that sleeps 1 ms, in ms, by what is made meanwhile

    #{sleeps} sleeps; #{workers()} processes on #{System.schedulers_online()} schedulers make \
    thumbnails of 200px
    """)

    IO.puts(Inputs.describe(inputs))
    Sanity.check!(@jobs, inputs)

    print_row(["Load", "median", "90th %", "99th %", "max", "thumbnails/s", "  roads taken"])
    report("idle", sleep(sleeps), "-", "-")

    for {name, image} <- inputs, {road, job} <- @jobs do
      {late, per_second} = sleep_under_load(sleeps, image, job)
      report("#{name}, #{road}", late, Samples.decimals(per_second), roads(image, job))
    end
  end

  defp sleep_under_load(sleeps, image, job) do
    made = :counters.new(1, [])
    bench = self()

    # Linked: whatever happens to one of them ends the bench.
    workers = for _ <- 1..workers(), do: Task.async(fn -> start_work(image, job, made, bench) end)
    for %Task{pid: pid} <- workers, do: receive(do: ({:warm, ^pid} -> :ok))

    made_before = :counters.get(made, 1)
    {micros, late} = :timer.tc(fn -> sleep(sleeps) end)
    made_meanwhile = :counters.get(made, 1) - made_before

    for worker <- workers, do: send(worker.pid, :stop)
    Task.await_many(workers, @stop_timeout)
    {late, made_meanwhile / (micros / 1_000_000)}
  end

  defp start_work(image, job, made, bench) do
    thumbnail(image, job)
    send(bench, {:warm, self()})
    work(image, job, made)
  end

  defp work(image, job, made) do
    receive do
      :stop -> :ok
    after
      0 ->
        thumbnail(image, job)
        :counters.add(made, 1, 1)
        work(image, job, made)
    end
  end

  # In a process of its own: the bench's has a mailbox and a heap that are not the sleeper's.
  defp sleep(times) do
    task = Task.async(fn -> for _ <- 1..times, do: sleep_once() end)
    Task.await(task, :infinity)
  end

  # Milliseconds above the one that was asked for.
  defp sleep_once do
    start = System.monotonic_time()

    receive do
    after
      1 -> :ok
    end

    elapsed = System.monotonic_time() - start
    System.convert_time_unit(elapsed, :native, :nanosecond) / 1_000_000 - 1
  end

  defp thumbnail(image, {side, opts}), do: Thumbelina.thumbnail!(image, side, side, opts)

  # The normal road is left for the pieces of work that cannot be cut; the numbers make sense to
  # those only who know which.
  defp roads(image, {side, opts}) do
    {:ok, _thumb, stats} = Thumbelina.measure(image, side, side, opts)
    Enum.join(stats.roads, " ")
  end

  defp workers, do: @workers_per_scheduler * System.schedulers_online()

  defp report(load, late, per_second, roads) do
    late = Samples.sort(late)
    columns = for part <- [0.5, 0.9, 0.99, 1.0], do: Samples.percentile(late, part)
    print_row([load] ++ Enum.map(columns, &Samples.decimals/1) ++ [per_second, "  " <> roads])
  end

  defp print_row(cells), do: :io.format("~-20ts~10ts~10ts~10ts~10ts~15ts~ts~n", cells)
end
