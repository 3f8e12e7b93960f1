defmodule Thumbelina.Store.Server do
  @moduledoc false
  # The process of one node that writes its table and knows who computes what.
  #
  # On the node that holds the store, the table is the store. On all others it is the near cache of
  # that node, and their servers stand in for a store that is gone, or does not answer: they answer
  # the same calls, for the callers of their own node.

  use GenServer

  alias Thumbelina.Store.{Claims, Config, Disk, Table}

  @type request ::
          {:put, Table.id(), term, pos_integer}
          | {:claim, Table.id(), Claims.ticket(), wait :: non_neg_integer}
          | {:finish, Table.id(), Claims.ticket(), result :: term, pos_integer}
          | {:pass, Table.id(), Claims.ticket()}
          | {:delete, Table.id()}
          | :info
          | :ping

  @spec start_link({Config.t(), Disk.t() | nil}) :: GenServer.on_start()
  def start_link(arg) do
    # Values pass through here: old references to them must not stay for long.
    GenServer.start_link(__MODULE__, arg, spawn_opt: [fullsweep_after: 20])
  end

  @doc "The server of this node, if it has one."
  @spec whereis(atom) :: pid | nil
  def whereis(name), do: Table.fact(name, :server)

  @doc "Tells a server whether it holds the store."
  @spec role(pid, :holder | :candidate) :: :ok
  def role(server, role), do: GenServer.cast(server, {:role, role})

  @doc "Keeps a value of the store near, on a node that does not hold it."
  @spec near(pid, Table.id(), term, pos_integer) :: :ok
  def near(server, id, value, size), do: GenServer.cast(server, {:near, id, value, size})

  @doc "Takes a value out of the near cache."
  @spec forget(pid, Table.id()) :: :ok
  def forget(server, id), do: GenServer.call(server, {:forget, id})

  @doc "Puts a value that was read from the disk back into memory, unless something came between."
  @spec promote(pid, Table.id(), term, pos_integer, epoch :: non_neg_integer | nil) :: :ok
  def promote(server, id, value, size, epoch),
    do: GenServer.cast(server, {:promote, id, value, size, epoch})

  @doc "Notes that a store does not answer, until it does."
  @spec away(pid, pid) :: :ok
  def away(server, store), do: GenServer.cast(server, {:away, store})

  @impl true
  def init({%Config{} = config, disk}) do
    table = Table.new(config.name)
    Table.note(table, :server, self())
    Table.note(table, :disk, disk)
    Table.note(table, :epoch, 0)

    {:ok,
     %{
       config: config,
       disk: disk,
       table: table,
       claims: Claims.new(),
       role: :candidate,
       probe: nil
     }}
  end

  @impl true
  def handle_call({:put, id, value, size}, _from, state) do
    {:reply, state.role, put(state, id, value, size)}
  end

  def handle_call({:claim, id, ticket, wait}, from, state) do
    case Table.read(state.config.name, id) do
      {:ok, value} ->
        {:reply, {:done, {:ok, value}}, state}

      :error ->
        case Claims.claim(state.claims, id, ticket, from) do
          {:compute, claims} ->
            {:reply, :compute, %{state | claims: claims}}

          {:wait, claims} ->
            Process.send_after(self(), {:again, id, from}, wait)
            {:noreply, %{state | claims: claims}}
        end
    end
  end

  def handle_call({:finish, id, ticket, result, size}, _from, state) do
    {waiting, claims} = Claims.finish(state.claims, id, ticket)
    for from <- waiting, do: GenServer.reply(from, {:done, result})
    state = %{state | claims: claims}

    case result do
      {:ok, value} -> {:reply, state.role, put(state, id, value, size)}
      _ -> {:reply, state.role, state}
    end
  end

  def handle_call({:pass, id, ticket}, _from, state) do
    {:reply, :ok, passed(state, Claims.pass(state.claims, id, ticket))}
  end

  def handle_call({:delete, id}, _from, state) do
    Table.note(state.table, :epoch, epoch(state) + 1)
    {:reply, :ok, %{state | table: Table.delete(state.table, id)}}
  end

  def handle_call({:forget, id}, _from, %{role: :candidate} = state),
    do: {:reply, :ok, %{state | table: Table.delete(state.table, id)}}

  def handle_call({:forget, _id}, _from, state), do: {:reply, :ok, state}

  def handle_call(:info, _from, state) do
    info =
      state.table
      |> Table.info()
      |> Map.merge(Disk.info(state.disk))
      |> Map.merge(%{node: node(), role: state.role, max_bytes: state.config.max_bytes})

    {:reply, info, state}
  end

  def handle_call(:ping, _from, state), do: {:reply, :ok, state}

  @impl true
  def handle_cast({:role, role}, state), do: {:noreply, become(state, role)}

  def handle_cast({:near, id, value, size}, %{role: :candidate} = state),
    do: {:noreply, insert(state, id, value, size)}

  def handle_cast({:near, _id, _value, _size}, state), do: {:noreply, state}

  def handle_cast({:promote, id, value, size, epoch}, state) do
    if epoch(state) == epoch and not Table.member?(state.config.name, id),
      do: {:noreply, insert(state, id, value, size)},
      else: {:noreply, state}
  end

  def handle_cast({:away, store}, %{probe: nil} = state) when store != self() do
    # It is asked by one process until it answers or is gone, and not by each caller.
    {_pid, probe} = spawn_monitor(fn -> GenServer.call(store, :ping, :infinity) end)
    Table.note(state.table, :away, store)
    {:noreply, %{state | probe: probe}}
  end

  def handle_cast({:away, _store}, state), do: {:noreply, state}

  @impl true
  def handle_info({:DOWN, probe, :process, _pid, _reason}, %{probe: probe} = state) do
    Table.forget(state.table, :away)
    {:noreply, %{state | probe: nil}}
  end

  def handle_info({:DOWN, monitor, :process, _ticket, _reason}, state),
    do: {:noreply, passed(state, Claims.down(state.claims, monitor))}

  # Whoever waits asks again, which shows it that the store is still there.
  def handle_info({:again, id, from}, state) do
    {waited?, claims} = Claims.leave(state.claims, id, from)
    if waited?, do: GenServer.reply(from, :again)
    {:noreply, %{state | claims: claims}}
  end

  # From the resolver, see `Thumbelina.Store.Election`. Claims stay: those who wait here get what is
  # computed, and new callers go to the other store.
  def handle_info({:thumbelina_store, :step_down}, state),
    do: {:noreply, become(state, :candidate)}

  # Who takes over keeps the copies that are near, until their time is up. A store is no near cache,
  # because its values have no such time.
  defp become(%{role: :holder} = state, :candidate),
    do: %{state | role: :candidate, table: Table.clear(state.table)}

  defp become(state, role), do: %{state | role: role}

  defp put(state, id, value, size) do
    if state.disk, do: Disk.write(state.disk, id, value, size)
    insert(state, id, value, size)
  end

  defp insert(%{config: config} = state, id, value, size) do
    {limit, lifetime} =
      case state.role do
        :holder -> {config.max_bytes, :infinity}
        :candidate -> {config.near_bytes, milliseconds(config.near_ttl)}
      end

    {table, dropped} = Table.insert(state.table, id, value, size, limit, lifetime)
    if state.disk, do: Disk.used(state.disk, dropped)
    %{state | table: table}
  end

  defp milliseconds(time), do: System.convert_time_unit(time, :millisecond, :native)

  defp passed(state, {nil, claims}), do: %{state | claims: claims}

  defp passed(state, {from, claims}) do
    GenServer.reply(from, :compute)
    %{state | claims: claims}
  end

  defp epoch(state), do: Table.fact(state.config.name, :epoch)
end
