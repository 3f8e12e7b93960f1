defmodule Thumbelina.StoreClient do
  @moduledoc false
  # What tests of the store do on other nodes.

  alias Thumbelina.Store

  @doc "Starts a candidate that lives on."
  def start(opts \\ []) do
    {:ok, supervisor} = Supervisor.start_link([{Store, opts}], strategy: :one_for_one)
    Process.unlink(supervisor)
    :ok
  end

  @doc """
  Starts callers that fetch a key. Each sends `{:done, pid, result}` to the test. One that computes
  sends `{:computing, pid}`, and returns what it gets as `{:go, result}`.
  """
  def fetch(test, key, count, opts \\ []) do
    for _ <- 1..count//1 do
      spawn(fn -> send(test, {:done, self(), Store.fetch(key, computation(test), opts)}) end)
    end
  end

  defp computation(test) do
    fn ->
      send(test, {:computing, self()})
      receive do: ({:go, result} -> result)
    end
  end

  @doc "The same with results that stay on this node, and computations that wait for `release/2`."
  def hold(key, count) do
    spawn(fn ->
      fetch(self(), key, count)

      receive do
        {:release, result} ->
          collected = collect(count, result, 0, [])
          receive do: ({:collect, from} -> send(from, {:collected, self(), collected}))
      end
    end)
  end

  @doc "Lets whoever computes return a result."
  def release(keeper, result), do: send(keeper, {:release, result})

  @doc "Waits until all have their results. Returns how many computed, and the results."
  def collect(keeper) do
    send(keeper, {:collect, self()})

    receive do
      {:collected, ^keeper, collected} -> collected
    end
  end

  defp collect(0, _result, computed, results), do: {computed, results}

  defp collect(count, result, computed, results) do
    receive do
      {:computing, pid} ->
        send(pid, {:go, result})
        collect(count, result, computed + 1, results)

      {:done, _pid, got} ->
        collect(count - 1, result, computed, [got | results])
    end
  end

  @doc """
  Starts callers that fetch one key after the other, until they get `:stop`. They exit with how
  often they called, and every wrong answer.
  """
  def load(count, keys) do
    for _ <- 1..count//1, do: spawn_monitor(fn -> loop(keys, 0, []) end)
  end

  defp loop(keys, calls, wrong) do
    key = :rand.uniform(keys)
    result = Store.fetch(key, fn -> {:ok, answer(key)} end)
    wrong = if result == {:ok, answer(key)}, do: wrong, else: [{key, result} | wrong]
    if rem(calls, 7) == 0, do: Store.put(key, answer(key))

    receive do
      :stop -> exit({:load, calls + 1, wrong})
    after
      0 -> :ok
    end

    loop(keys, calls + 1, wrong)
  end

  @doc "Runs `load/2` until `stop_load/1`, by a process that is not the caller."
  def start_load(count, keys) do
    spawn(fn ->
      callers = load(count, keys)

      receive do
        {:stop, test} -> send(test, {:loaded, self(), Enum.map(callers, &stop/1)})
      end
    end)
  end

  @doc "How each caller ended: `{:load, calls, wrong answers}`, or why it died."
  def stop_load(loader) do
    monitor = Process.monitor(loader)
    send(loader, {:stop, self()})

    receive do
      {:loaded, ^loader, results} ->
        Process.demonitor(monitor, [:flush])
        results

      {:DOWN, ^monitor, :process, ^loader, reason} ->
        {:error, reason}
    end
  end

  defp stop({pid, monitor}) do
    send(pid, :stop)

    receive do
      {:DOWN, ^monitor, :process, ^pid, reason} -> reason
    end
  end

  @doc "A value that only depends on the key."
  def answer(key), do: {key, String.duplicate("#{key}.", 2000)}
end
