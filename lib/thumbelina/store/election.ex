defmodule Thumbelina.Store.Election do
  @moduledoc false
  # Stands for election: registers the server of this node as the store of the cluster whenever
  # there is none, through `:global`. It is a process of its own because registering takes a lock on
  # all nodes, and waits while one of them does not answer.

  use GenServer, shutdown: :brutal_kill

  alias Thumbelina.Store.Server

  # In case that `:global` forgets a name without a word, as it does when a resolver cannot be run.
  @look 5_000

  # `:global` learns of a death at the same time as this process, and may not have cleaned up yet.
  @soon 20

  # Long enough for one node to register before the next tries.
  @turn 30
  @last_turn 600

  @spec start_link(atom) :: GenServer.on_start()
  def start_link(name), do: GenServer.start_link(__MODULE__, name)

  @doc "The process that holds the store, as far as this node knows."
  @spec whereis(atom) :: pid | nil
  def whereis(name) do
    with :undefined <- :global.whereis_name(global(name)), do: nil
  end

  defp global(name), do: {Thumbelina.Store, name}

  @doc """
  Decides between two stores after a netsplit. Every node comes to the same decision. The loser is
  told, and not killed: who waits for it still gets an answer.
  """
  @spec resolve(term, pid, pid) :: pid
  def resolve(_name, one, other) do
    [winner, loser] = Enum.sort_by([one, other], &{node(&1), &1})
    # `:global` holds its lock meanwhile.
    _ = Process.send(loser, {:thumbelina_store, :step_down}, [:nosuspend, :noconnect])
    winner
  end

  @impl true
  def init(name) do
    alone? = Node.list() == []
    server = Server.whereis(name)
    state = %{name: name, server: server, watched: nil, timer: nil, turn?: alone?}

    # Without others, there is nobody to wait for: the store is there when its supervisor is.
    if alone?, do: {:ok, look(state)}, else: {:ok, state, {:continue, :look}}
  end

  @impl true
  def handle_continue(:look, state), do: {:noreply, look(state)}

  @impl true
  def handle_info(:look, state), do: {:noreply, look(state)}

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, state) do
    case state.watched do
      {_holder, ^monitor} -> {:noreply, again(%{state | watched: nil}, @soon)}
      _ -> {:noreply, state}
    end
  end

  defp look(%{server: server} = state) do
    case whereis(state.name) do
      nil ->
        if state.turn?, do: register(state), else: again(%{state | turn?: true}, turn())

      ^server ->
        hold(state)

      other ->
        Server.role(server, :candidate)
        %{state | turn?: false} |> watch(other) |> again(@look)
    end
  end

  # Nodes take turns. If all tried at the same time, they would take the locks from each other, and
  # `:global` then waits for seconds.
  defp turn do
    before = Enum.count(Node.list(), &(&1 < node()))
    min(before * @turn, @last_turn)
  end

  defp register(state) do
    case :global.register_name(global(state.name), state.server, &__MODULE__.resolve/3) do
      :yes -> hold(state)
      :no -> again(state, @soon)
    end
  end

  defp hold(state) do
    Server.role(state.server, :holder)
    again(%{state | turn?: false}, @look)
  end

  defp watch(%{watched: {holder, _monitor}} = state, holder), do: state

  defp watch(state, holder) do
    with {_other, monitor} <- state.watched, do: Process.demonitor(monitor, [:flush])
    %{state | watched: {holder, Process.monitor(holder)}}
  end

  defp again(state, milliseconds) do
    _ = if state.timer, do: Process.cancel_timer(state.timer)
    %{state | timer: Process.send_after(self(), :look, milliseconds)}
  end
end
