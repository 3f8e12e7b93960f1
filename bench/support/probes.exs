defmodule Bench.Probes do
  # What an application's own processes notice while something else runs on the node. Each probe has
  # its own processes, so that it does not inherit the bench's heap and mailbox. It rests for a
  # millisecond between two samples, so that it measures an idle process and not a busy one.

  defmodule Server do
    use GenServer

    @impl true
    def init(nil), do: {:ok, nil}

    @impl true
    def handle_call(:ping, _from, state), do: {:reply, :pong, state}
  end

  alias Bench.Samples

  @chain 10

  @doc """
  Samples of the probes that only wait, by name. All run at the same time, as on a real node; how
  much they disturb each other shows in the measurement without callers.
  """
  def idle(times) do
    names = ["sleeper, ms late", "GenServer.call, ms", "chain of #{@chain}, ms"]
    tasks = for probe <- [&sleeper/1, &call/1, &chain/1], do: Task.async(fn -> probe.(times) end)
    Enum.zip(names, Task.await_many(tasks, :infinity))
  end

  @doc "Samples of the other probes, by name."
  def others(times) do
    [{"collection, ms", collection(times)}, {"normal run queue", run_queue(times)}]
  end

  @doc """
  How late a process wakes that sleeps for 1 ms.

  The VM's timers tick once per millisecond and are never early, so up to a millisecond is normal on
  an idle VM.
  """
  def sleeper(times) do
    in_process(fn -> for _ <- 1..times, do: milliseconds(&rest/0) - 1 end)
  end

  @doc "How long an empty `GenServer.call` takes, to a server that does nothing else."
  def call(times) do
    {:ok, server} = GenServer.start_link(Server, nil)

    ping = fn -> GenServer.call(server, :ping, :infinity) end
    samples = in_process(fn -> rested(times, fn -> milliseconds(ping) end) end)
    GenServer.stop(server)
    samples
  end

  @doc "How long a message takes through a chain of ten processes and back."
  def chain(times) do
    in_process(fn ->
      first = start_chain()
      samples = rested(times, fn -> milliseconds(fn -> through(first, :pass) end) end)
      through(first, :stop)
      samples
    end)
  end

  @doc """
  How long the garbage collection of a process takes that holds a list of a million numbers. The VM
  has a dirty CPU scheduler do it.
  """
  def collection(times) do
    in_process(fn ->
      held = Enum.to_list(1..1_000_000)
      samples = rested(times, fn -> milliseconds(&:erlang.garbage_collect/0) end)
      if length(held) == 1_000_000, do: samples
    end)
  end

  @doc "How many processes wait for a normal scheduler."
  def run_queue(times) do
    in_process(fn -> rested(times, fn -> :erlang.statistics(:run_queue) end) end)
  end

  @doc "The millions of reductions that a process gets in a second whose lists never end."
  def busy(milliseconds) do
    in_process(fn ->
      until = System.monotonic_time(:millisecond) + milliseconds
      {:reductions, before} = Process.info(self(), :reductions)
      {micros, :ok} = :timer.tc(fn -> work_until(until) end)
      {:reductions, later} = Process.info(self(), :reductions)
      (later - before) / micros
    end)
  end

  defp work_until(until) do
    1..1_000 |> Enum.map(&(&1 * 3)) |> Enum.filter(&(rem(&1, 2) == 0)) |> Enum.sum()
    if System.monotonic_time(:millisecond) < until, do: work_until(until), else: :ok
  end

  defp in_process(function), do: function |> Task.async() |> Task.await(:infinity)

  defp through(first, message) do
    send(first, message)
    receive do: (^message -> :ok)
  end

  defp start_chain do
    probe = self()
    Enum.reduce(1..@chain, probe, fn _, next -> spawn_link(fn -> pass(next) end) end)
  end

  defp pass(next) do
    receive do: (message -> send(next, message) && message != :stop && pass(next))
  end

  defp rested(times, sample) do
    for _ <- 1..times do
      rest()
      sample.()
    end
  end

  defp rest do
    receive do
    after
      1 -> :ok
    end
  end

  defp milliseconds(function) do
    start = System.monotonic_time()
    function.()
    Samples.milliseconds(System.monotonic_time() - start)
  end
end
