defmodule Thumbelina.Cluster.Courier do
  @moduledoc false
  # A process beside the caller that talks to the other node. A send or a monitor to a node that
  # hangs suspends whoever makes it, for a minute or more: that is the courier and not the caller,
  # who can kill it. Messages that come too late are lost with it.

  alias Thumbelina.Cluster.{Transfer, Work}
  alias Thumbelina.Request

  @enforce_keys [:pid, :monitor, :ref]
  defstruct @enforce_keys

  @type t :: %__MODULE__{pid: pid, monitor: reference, ref: reference}

  @doc """
  Starts a courier. It sends `{ref, message}` to the calling process, where the message is

    * `:more` for each piece that may be sent
    * `:alive` as a sign of life, at least every so many milliseconds
    * `{:done, result}`, `{:ended, reason}` if the work ended without a result, or `:refused` if it
      did not begin
  """
  @spec start(node, Work.source(), Request.t(), timeout) :: t
  def start(node, source, request, every) do
    caller = self()
    ref = make_ref()
    {pid, monitor} = spawn_monitor(fn -> run(caller, ref, node, source, request, every) end)
    %__MODULE__{pid: pid, monitor: monitor, ref: ref}
  end

  @doc "Hands over `{:piece, bytes}` or `:end`."
  @spec pass(t, {:piece, binary} | :end) :: :ok
  def pass(%{pid: pid, ref: ref}, message) do
    send(pid, {:pass, {ref, message}})
    :ok
  end

  @doc "Ends the courier, and with it the work. No message of it is left."
  @spec stop(t) :: :ok
  def stop(%{pid: pid, monitor: monitor, ref: ref}) do
    Process.demonitor(monitor, [:flush])
    Process.exit(pid, :kill)
    monitor = Process.monitor(pid)

    # Comes after all other messages of the courier.
    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> flush(ref)
    end
  end

  defp flush(ref) do
    receive do
      {^ref, _message} -> flush(ref)
    after
      0 -> :ok
    end
  end

  defp run(caller, ref, node, source, request, every) do
    called = Process.monitor(caller)

    case begin(node, source, request, ref, every) do
      :refused ->
        send(caller, {ref, :refused})

      task ->
        credit = if source == :pieces, do: Transfer.window(), else: 0
        send(caller, {ref, :alive})
        for _ <- 1..credit//1, do: send(caller, {ref, :more})
        relay(caller, called, ref, task)
    end

    # The caller reads what was sent, and then stops this process.
    receive do
      {:DOWN, ^called, :process, _pid, _reason} -> :ok
    end
  end

  defp begin(node, source, request, ref, every) do
    Work.start(node, source, request, ref, every)
  catch
    :exit, _reason -> :refused
  end

  defp relay(caller, called, ref, %Task{ref: working} = task) do
    receive do
      {^working, result} ->
        send(caller, {ref, {:done, result}})

      {:DOWN, ^working, :process, _pid, reason} ->
        send(caller, {ref, {:ended, reason}})

      {^ref, _more_or_alive} = message ->
        send(caller, message)
        relay(caller, called, ref, task)

      {:pass, message} ->
        send(task.pid, message)
        relay(caller, called, ref, task)

      {:DOWN, ^called, :process, _pid, _reason} ->
        exit(:normal)
    end
  end
end
