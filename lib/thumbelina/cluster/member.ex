defmodule Thumbelina.Cluster.Member do
  @moduledoc false
  # This node's member of the cluster. It chooses the node for each call of this node, and counts
  # how many calls are where. Choosing and counting are one step in one process, so that a burst of
  # calls spreads; a caller that dies is no longer counted.
  #
  # Each member tells all others how many works it has where, when that changes and once a second.
  # The load of a node is the sum of what all members have there: nobody is asked during a call.
  #
  # Nothing here may wait for another node. A message to one that hangs would suspend the sender
  # once its buffer is full, and so would a monitor: messages that cannot be sent are left out
  # (the next tick repeats them), and :pg tells who has left.

  use GenServer

  @scope Thumbelina.Cluster.Scope
  @group :members

  # How often members are told in any case, and how long after the last word of a member it gets no
  # work. Milliseconds.
  @tick 1_000
  @quiet 5_000

  # Changes within this time are told together.
  @pause 10

  @type lease :: reference
  @type member :: %{node: node, schedulers: pos_integer, working: non_neg_integer}

  @doc "Starts the scope of :pg. Whoever was first to start it keeps it."
  @spec start_scope :: GenServer.on_start()
  def start_scope do
    with {:error, {:already_started, _pid}} <- :pg.start_link(@scope), do: :ignore
  end

  @spec start_link([]) :: GenServer.on_start()
  def start_link([]), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc """
  Chooses a node, and counts the calling process there until it gives the lease back. This node is
  never passed over. `:none` if this node is no member.
  """
  @spec take([node]) :: {:ok, node, lease} | :none
  def take(passed_over), do: ask({:take, passed_over})

  @doc "The same for a node that is known."
  @spec take_at(node) :: {:ok, node, lease} | :none
  def take_at(node), do: ask({:take_at, node})

  @spec give_back(lease) :: :ok
  def give_back(lease), do: GenServer.cast(__MODULE__, {:give_back, lease})

  @doc "The node gets no more work until something is heard from it."
  @spec silent(node) :: :ok
  def silent(node), do: GenServer.cast(__MODULE__, {:silent, node})

  @doc "The members that this node knows, itself among them, and how busy they are."
  @spec members :: [member]
  def members do
    with :none <- ask(:members), do: []
  end

  defp ask(question) do
    GenServer.call(__MODULE__, question, :infinity)
  catch
    :exit, _reason -> :none
  end

  @impl true
  def init([]) do
    # If somebody else started the scope, it may end without this supervisor.
    scope = Process.monitor(@scope)
    :ok = :pg.join(@scope, @group, self())

    # leases: the node of each of this node's works. sent: how many of them are at each node.
    # rows: what the other members said last. others: the sum of their `sent`. silent: nodes that
    # are passed over until they say something. told: whether the others know all of it (:yes), and
    # whether they hear the rest only at the end of a pause (:pausing, :no).
    state = %{
      scope: scope,
      leases: %{},
      sent: %{},
      rows: %{},
      others: %{},
      silent: MapSet.new(),
      told: :yes
    }

    {:ok, state, {:continue, :tick}}
  end

  @impl true
  def handle_continue(:tick, state), do: handle_info(:tick, state)

  @impl true
  def handle_call({:take, passed_over}, {caller, _tag}, state) do
    {node, lease, state} = state |> choose(passed_over) |> lease(caller, state)
    {:reply, {:ok, node, lease}, state}
  end

  def handle_call({:take_at, node}, {caller, _tag}, state) do
    {node, lease, state} = lease(node, caller, state)
    {:reply, {:ok, node, lease}, state}
  end

  def handle_call(:members, _from, state) do
    members =
      for {node, schedulers} <- [here() | others(state)],
          do: %{node: node, schedulers: schedulers, working: working(state, node)}

    {:reply, members, state}
  end

  @impl true
  def handle_cast({:give_back, lease}, state) do
    Process.demonitor(lease, [:flush])
    # A lease of a member that this one has followed is not known.
    if Map.has_key?(state.leases, lease),
      do: {:noreply, end_lease(state, lease)},
      else: {:noreply, state}
  end

  def handle_cast({:silent, node}, state),
    do: {:noreply, %{state | silent: MapSet.put(state.silent, node)}}

  @impl true
  def handle_info({:load, pid, schedulers, sent}, state) do
    node = node(pid)
    known = state.rows[node]
    row = %{pid: pid, schedulers: schedulers, sent: sent, heard: now()}
    state = %{state | silent: MapSet.delete(state.silent, node)} |> put_row(node, row)
    # Newcomers need not wait for the next tick.
    if known == nil or known.pid != pid, do: tell(pid, state)
    {:noreply, state}
  end

  def handle_info(:tick, state) do
    Process.send_after(self(), :tick, @tick)
    pids = MapSet.new(:pg.get_members(@scope, @group))
    rows = Map.filter(state.rows, fn {_node, row} -> row.pid in pids end)
    state = %{state | rows: rows, others: sum(rows)}
    tell_all(state)
    {:noreply, state}
  end

  def handle_info(:pause_over, %{told: :no} = state),
    do: {:noreply, changed(%{state | told: :yes})}

  def handle_info(:pause_over, state), do: {:noreply, %{state | told: :yes}}

  def handle_info({:DOWN, ref, :process, _pid, _reason}, %{scope: ref} = state),
    do: {:stop, {:shutdown, :scope_ended}, state}

  def handle_info({:DOWN, lease, :process, _pid, _reason}, state),
    do: {:noreply, end_lease(state, lease)}

  # What a member of another version says. As long as it is not understood, that gets no work.
  def handle_info(_message, state), do: {:noreply, state}

  # This node first, as long as one of its schedulers is free. Then the node that has least to do
  # for each of its schedulers; the choice among equals is open, so that not all nodes choose the
  # same.
  defp choose(state, passed_over) do
    {here, schedulers} = here()

    if working(state, here) < schedulers do
      here
    else
      usable = for {node, _} = other <- others(state), node not in passed_over, do: other

      {node, _schedulers} =
        Enum.min_by([{here, schedulers} | usable], fn {node, schedulers} ->
          {(working(state, node) + 1) / schedulers, node != here, :rand.uniform()}
        end)

      node
    end
  end

  defp here, do: {node(), System.schedulers_online()}

  defp others(state) do
    pids = :pg.get_members(@scope, @group)
    now = now()

    for {node, row} <- state.rows,
        row.pid in pids and now - row.heard < @quiet and node not in state.silent,
        do: {node, row.schedulers}
  end

  defp working(state, node), do: Map.get(state.sent, node, 0) + Map.get(state.others, node, 0)

  defp lease(node, caller, state) do
    lease = Process.monitor(caller)
    sent = Map.update(state.sent, node, 1, &(&1 + 1))
    {node, lease, changed(%{state | leases: Map.put(state.leases, lease, node), sent: sent})}
  end

  defp end_lease(state, lease) do
    {node, leases} = Map.pop!(state.leases, lease)

    sent =
      case state.sent do
        %{^node => 1} = sent -> Map.delete(sent, node)
        %{^node => count} = sent -> %{sent | node => count - 1}
      end

    changed(%{state | leases: leases, sent: sent})
  end

  defp put_row(state, node, row) do
    rows = Map.put(state.rows, node, row)
    %{state | rows: rows, others: sum(rows)}
  end

  defp sum(rows) do
    Enum.reduce(rows, %{}, fn {_node, row}, sum ->
      Map.merge(sum, row.sent, fn _node, one, other -> one + other end)
    end)
  end

  defp changed(%{told: :yes} = state) do
    tell_all(state)
    Process.send_after(self(), :pause_over, @pause)
    %{state | told: :pausing}
  end

  defp changed(state), do: %{state | told: :no}

  defp tell_all(state) do
    for pid <- :pg.get_members(@scope, @group), node(pid) != node(), do: tell(pid, state)
    :ok
  end

  defp tell(pid, state) do
    message = {:load, self(), System.schedulers_online(), state.sent}
    _ = :erlang.send(pid, message, [:nosuspend, :noconnect])
    :ok
  end

  defp now, do: System.monotonic_time(:millisecond)
end
