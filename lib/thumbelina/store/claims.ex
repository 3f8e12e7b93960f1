defmodule Thumbelina.Store.Claims do
  @moduledoc false
  # Who computes what, and who waits for it, as plain data of the store's process.
  #
  # A claim is held by a ticket, a process on the caller's node that lives as long as the caller is
  # interested. The caller itself may live much longer, and may have given up waiting for an answer
  # that is still on its way: a claim of its would never end.

  alias Thumbelina.Store.Table

  @type ticket :: pid
  @type claim :: %{
          ticket: ticket,
          monitor: reference,
          waiters: %{GenServer.from() => ticket}
        }
  @type t :: %{(Table.id() | reference) => claim | Table.id()}

  @spec new :: t
  def new, do: %{}

  @doc "The first one computes, the others wait."
  @spec claim(t, Table.id(), ticket, GenServer.from()) :: {:compute | :wait, t}
  def claim(claims, id, ticket, from) do
    case claims do
      %{^id => claim} -> {:wait, %{claims | id => put_in(claim.waiters[from], ticket)}}
      %{} -> {:compute, grant(claims, id, ticket, %{})}
    end
  end

  @doc "Ends a claim, and returns who waited for it. Only who holds it can do that."
  @spec finish(t, Table.id(), ticket) :: {[GenServer.from()], t}
  def finish(claims, id, ticket) do
    case claims do
      %{^id => %{ticket: ^ticket} = claim} -> {Map.keys(claim.waiters), drop(claims, id)}
      %{} -> {[], claims}
    end
  end

  @doc "Hands a claim on to one of those who wait for it, and returns which."
  @spec pass(t, Table.id(), ticket) :: {GenServer.from() | nil, t}
  def pass(claims, id, ticket) do
    case claims do
      %{^id => %{ticket: ^ticket} = claim} -> claims |> drop(id) |> next(id, claim.waiters)
      %{} -> {nil, claims}
    end
  end

  @doc "The same when a ticket's monitor says that it is gone."
  @spec down(t, reference) :: {GenServer.from() | nil, t}
  def down(claims, monitor) do
    case claims do
      %{^monitor => id} -> pass(claims, id, claims[id].ticket)
      %{} -> {nil, claims}
    end
  end

  @doc "Takes somebody out of those who wait. Returns whether it was there."
  @spec leave(t, Table.id(), GenServer.from()) :: {boolean, t}
  def leave(claims, id, from) do
    case claims do
      %{^id => %{waiters: %{^from => _ticket} = waiters} = claim} ->
        {true, %{claims | id => %{claim | waiters: Map.delete(waiters, from)}}}

      %{} ->
        {false, claims}
    end
  end

  defp next(claims, id, waiters) do
    case waiters |> :maps.iterator() |> :maps.next() do
      {from, ticket, _} -> {from, grant(claims, id, ticket, Map.delete(waiters, from))}
      :none -> {nil, claims}
    end
  end

  defp grant(claims, id, ticket, waiters) do
    monitor = Process.monitor(ticket)

    Map.merge(claims, %{
      id => %{ticket: ticket, monitor: monitor, waiters: waiters},
      monitor => id
    })
  end

  defp drop(claims, id) do
    {%{monitor: monitor}, claims} = Map.pop!(claims, id)
    Process.demonitor(monitor, [:flush])
    Map.delete(claims, monitor)
  end
end
