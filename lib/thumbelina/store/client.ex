defmodule Thumbelina.Store.Client do
  @moduledoc false
  # What callers do, in their own processes: find the store, read, and compute once.
  #
  # On another node, everything is asked through `:erpc`, so that the store's server only ever sends
  # to processes of its own node. A node that takes nothing from its connection any more holds up
  # whoever sends to it.

  alias Thumbelina.Store.{Disk, Election, Server, Table}

  # After that, a store is taken to be away, and callers go on without it.
  @patience 5_000

  # Who waits for another's computation asks again after that, which shows it that the store is
  # still there.
  @again 2_000

  # A copy on its way may take that much longer than what it waits for.
  @margin 500

  @type result :: {:ok, term} | term

  @spec read(atom, Table.id()) :: {:ok, term} | :error
  def read(name, id) do
    # The near cache, or the store itself.
    with :error <- Table.read(name, id) do
      case locate(name, []) do
        nil -> :error
        server -> read(name, server, id)
      end
    end
  end

  defp read(name, server, id) do
    case ask(name, server, {:read, id}) do
      {:ok, {:ok, value}} ->
        keep_near(name, server, id, value, nil)
        {:ok, value}

      _ ->
        :error
    end
  end

  @spec put(atom, Table.id(), term) :: :ok
  def put(name, id, value) do
    value = Table.compact(value)
    put(name, id, value, Table.size(value), [])
  end

  # Stores that are gone are tried once each.
  defp put(name, id, value, size, tried) do
    with server when server != nil <- locate(name, tried) do
      case ask(name, server, {:put, id, value, size}) do
        {:ok, _role} -> keep_near(name, server, id, value, size)
        _ -> put(name, id, value, size, [server | tried])
      end
    end

    :ok
  end

  @spec delete(atom, Table.id()) :: :ok
  def delete(name, id) do
    with local when local != nil <- Server.whereis(name), do: serve(name, local, {:forget, id})
    with server when server != nil <- locate(name, []), do: ask(name, server, {:delete, id})
    :ok
  end

  @spec info(atom) :: {:ok, map} | :error
  def info(name) do
    with server when server != nil <- locate(name, []),
         {:ok, info} <- ask(name, server, :info) do
      {:ok, info}
    else
      _ -> :error
    end
  end

  @doc "Reads a value, or lets one caller of the cluster compute it."
  @spec fetch(atom, Table.id(), (... -> result), timeout) :: result when result: term
  def fetch(name, id, fun, timeout) do
    mark = {__MODULE__, name, id}

    cond do
      # It would wait for itself.
      Process.get(mark) -> fun.()
      match?({:ok, _}, found = read(name, id)) -> found
      true -> computed(name, id, marked(mark, fun), timeout)
    end
  end

  defp marked(mark, fun) do
    fn ->
      Process.put(mark, true)

      try do
        fun.()
      after
        Process.delete(mark)
      end
    end
  end

  defp computed(name, id, fun, timeout) do
    ticket = open_ticket()

    try do
      claim(name, id, fun, %{ticket: ticket, deadline: deadline(timeout), tried: []})
    after
      Process.exit(ticket, :kill)
    end
  end

  defp deadline(:infinity), do: :infinity
  defp deadline(timeout), do: System.monotonic_time(:millisecond) + timeout

  # An atom is more than any number.
  defp left(:infinity), do: :infinity
  defp left(deadline), do: max(deadline - System.monotonic_time(:millisecond), 0)

  # See `Claims`.
  defp open_ticket do
    caller = self()

    spawn(fn ->
      monitor = Process.monitor(caller)

      receive do
        {:DOWN, ^monitor, :process, _pid, _reason} -> :ok
      end
    end)
  end

  defp claim(name, id, fun, claim) do
    case locate(name, claim.tried) do
      nil -> fun.()
      server -> claim(name, server, id, fun, claim)
    end
  end

  defp claim(name, server, id, fun, claim) do
    left = left(claim.deadline)

    case ask(name, server, {:claim, id, claim.ticket, min(left, @again)}) do
      {:ok, :compute} ->
        compute(name, server, id, fun, claim)

      {:ok, {:done, result}} ->
        with {:ok, value} <- result, do: keep_near(name, server, id, value, nil)
        result

      {:ok, :again} ->
        if left(claim.deadline) == 0, do: fun.(), else: claim(name, id, fun, claim)

      _ ->
        claim(name, id, fun, %{claim | tried: [server | claim.tried]})
    end
  end

  defp compute(name, server, id, fun, claim) do
    try do
      fun.()
    catch
      kind, reason ->
        _ = ask(name, server, {:pass, id, claim.ticket})
        :erlang.raise(kind, reason, __STACKTRACE__)
    else
      {:ok, value} = result ->
        value = Table.compact(value)
        size = Table.size(value)

        case ask(name, server, {:finish, id, claim.ticket, {:ok, value}, size}) do
          {:ok, :holder} -> keep_near(name, server, id, value, size)
          _ -> put(name, id, value, size, [server])
        end

        result

      result ->
        _ = ask(name, server, {:finish, id, claim.ticket, result, 0})
        result
    end
  end

  # The store of the cluster, or else the server of this node, which stands in for it.
  defp locate(name, tried) do
    away = Table.fact(name, :away)
    store = Election.whereis(name)

    if store == nil or store == away or store in tried do
      local = Server.whereis(name)
      if local in tried, do: nil, else: local
    else
      store
    end
  end

  defp keep_near(name, server, id, value, size) when node(server) != node() do
    with local when local != nil <- Server.whereis(name),
         false <- Table.member?(name, id) and size == nil,
         do: Server.near(local, id, value, size || Table.size(value))

    :ok
  end

  defp keep_near(_name, _server, _id, _value, _size), do: :ok

  # `{:ok, answer}`, `:slow` or `:gone`.
  defp ask(name, server, request) do
    answer =
      if node(server) == node(),
        do: serve(name, server, request),
        else: ask_remote(name, server, request)

    with :slow <- answer do
      with local when local != nil <- Server.whereis(name), do: Server.away(local, server)
      :slow
    end
  end

  # In a process of its own, because not even a timeout of `:erpc` ends a send to a node that takes
  # nothing. An answer that comes too late goes nowhere.
  defp ask_remote(name, server, request) do
    reply = :erlang.alias([:reply])

    {pid, monitor} =
      spawn_monitor(fn ->
        answer = erpc(node(server), __MODULE__, :serve, [name, server, request])
        send(reply, {reply, answer})
      end)

    answer =
      receive do
        {^reply, answer} -> answer
        {:DOWN, ^monitor, :process, ^pid, _reason} -> :gone
      after
        @patience + 2 * @margin -> :slow
      end

    Process.exit(pid, :kill)
    Process.demonitor(monitor, [:flush])
    :erlang.unalias(reply)

    receive do
      {^reply, _late} -> answer
    after
      0 -> answer
    end
  end

  defp erpc(node, module, function, args) do
    :erpc.call(node, module, function, args, @patience + @margin)
  catch
    :error, {:erpc, :timeout} -> :slow
    _kind, _reason -> :gone
  end

  @doc "Answers a request on the node of the server."
  @spec serve(atom, pid, {:read, Table.id()} | {:forget, Table.id()} | Server.request()) ::
          {:ok, term} | :slow | :gone
  def serve(name, server, request) do
    {:ok, answer(name, server, request)}
  catch
    :exit, {:timeout, _call} -> :slow
    :exit, _reason -> :gone
  end

  defp answer(name, server, {:read, id}) do
    with :error <- Table.read(name, id),
         :error <- read_file(name, server, id) do
      Table.miss(name)
      :error
    end
  end

  defp answer(name, server, {:delete, id}) do
    # The file first: a reader that finds it still began before the server counts this.
    Disk.delete(Table.fact(name, :disk), id, @patience)
    GenServer.call(server, {:delete, id}, @patience)
  end

  defp answer(_name, server, request), do: GenServer.call(server, request, @patience)

  defp read_file(name, server, id) do
    epoch = Table.fact(name, :epoch)

    with %Disk{} = disk <- Table.fact(name, :disk),
         {:ok, value} <- Disk.read(disk, id) do
      Table.hit(name)
      Server.promote(server, id, value, Table.size(value), epoch)
      {:ok, value}
    else
      _ -> :error
    end
  end
end
