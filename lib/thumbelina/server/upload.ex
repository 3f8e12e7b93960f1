defmodule Thumbelina.Server.Upload do
  @moduledoc false
  # Works on the body of a request as it comes.
  #
  # The process of the request reads the pieces, as nobody else can. The work is done in a process
  # of its own, which asks for one piece after the other. So it is known for how long it works, and
  # when its time is up it is killed, whatever it does; and while the client is waited for, neither
  # its time nor a place of the gate is used up.

  alias Thumbelina.{Error, Worker}
  alias Thumbelina.Server.{Config, Gate}

  @doc """
  Calls `work` with the pieces, and returns what it returns. Fails with `:timeout` if it works for
  longer than the configuration allows, and with `:overloaded` if there is no place of the gate at
  the beginning, or when a piece has come.

  `work` may enumerate what it gets several times: each time goes on where the last one stopped.
  """
  @spec work(Enumerable.t(), Config.t(), (Enumerable.t() -> result)) ::
          result | {:error, Error.t()}
        when result: term
  def work(pieces, config, work) do
    Gate.through(config.live, fn ->
      worker = start(work)

      try do
        feed(worker, opened(pieces), config, microseconds(config.timeout))
      after
        stop(worker)
      end
    end)
  end

  # The link ends the worker with this process, also if that is killed.
  defp start(work) do
    {owner, tag} = {self(), make_ref()}

    {pid, monitor} =
      :erlang.spawn_opt(
        fn -> send(owner, {tag, result(fn -> work.(asked_for(owner, tag)) end)}) end,
        [:link, :monitor]
      )

    %{pid: pid, monitor: monitor, tag: tag}
  end

  defp result(fun) do
    {:returned, fun.()}
  catch
    kind, reason -> {:raised, kind, reason, __STACKTRACE__}
  end

  # The pieces, for the worker.
  defp asked_for(owner, tag) do
    Stream.repeatedly(fn ->
      send(owner, {tag, :next})
      receive(do: ({^tag, :piece, answer} -> answer))
    end)
    |> Stream.take_while(&(&1 != :done))
  end

  defp feed(%{tag: tag, monitor: monitor} = worker, source, config, left) do
    began = System.monotonic_time(:microsecond)

    receive do
      {^tag, :next} ->
        left = left - (System.monotonic_time(:microsecond) - began)
        {piece, source} = Gate.outside(config.live, fn -> next(source) end)
        send(worker.pid, {tag, :piece, piece})
        feed(worker, source, config, left)

      {^tag, {:returned, result}} ->
        halt(source)
        result

      {^tag, {:raised, kind, reason, stacktrace}} ->
        :erlang.raise(kind, reason, stacktrace)

      # Somebody killed it, and this process has no use for links.
      {:DOWN, ^monitor, :process, _pid, reason} ->
        exit(reason)
    after
      milliseconds(left) ->
        halt(source)
        {:error, %Error{reason: :timeout}}
    end
  end

  defp microseconds(milliseconds), do: milliseconds * 1000
  # Rounded up, so that it is not over before it is.
  defp milliseconds(left), do: left |> max(0) |> div(1000) |> Kernel.+(1)

  # An enumerable, one element at a time.
  defp opened(pieces), do: &Enumerable.reduce(pieces, &1, fn piece, _ -> {:suspend, piece} end)

  defp next(:done), do: {:done, :done}

  defp next(source) do
    case source.({:cont, nil}) do
      {:suspended, piece, source} -> {piece, source}
      {_done_or_halted, _} -> {:done, :done}
    end
  end

  defp halt(:done), do: :ok
  defp halt(source), do: source.({:halt, nil})

  defp stop(%{pid: pid, monitor: monitor, tag: tag}) do
    Worker.stop(pid)
    Process.demonitor(monitor, [:flush])
    flush(tag)
  end

  # What it sent before it ended.
  defp flush(tag) do
    receive do
      {^tag, _} -> flush(tag)
    after
      0 -> :ok
    end
  end
end
