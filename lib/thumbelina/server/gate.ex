defmodule Thumbelina.Server.Gate do
  @moduledoc false
  # Lets so many processes in at a time, and turns the others away at once. Whoever is in is
  # monitored, so that the place is free again however it ends.

  use GenServer

  alias Thumbelina.Error
  alias Thumbelina.Server.Metrics

  @spec start_link({:ets.tid(), pos_integer}) :: GenServer.on_start()
  def start_link({live, most}), do: GenServer.start_link(__MODULE__, {live, most})

  @doc """
  Calls `fun` if there is a place, and returns what it returns. Without a server, which counts the
  places, there always is one.
  """
  @spec through(:ets.tid() | nil, (... -> result)) :: result | {:error, Error.t()}
        when result: term
  def through(nil, fun), do: fun.()

  def through(live, fun) do
    gate = Metrics.gate(live)

    case GenServer.call(gate, :enter, :infinity) do
      {:ok, place} ->
        try do
          fun.()
        after
          GenServer.cast(gate, {:leave, place})
        end

      {:full, most} ->
        {:error, %Error{reason: :overloaded, maximum: most}}
    end
  end

  @impl true
  def init({live, most}) do
    Metrics.put_gate(live, self())
    # Another gate may have counted there before.
    Metrics.in_progress(live, 0)
    {:ok, %{live: live, most: most, places: MapSet.new()}}
  end

  @impl true
  def handle_call(:enter, {pid, _tag}, %{places: places} = state) do
    if MapSet.size(places) < state.most do
      place = Process.monitor(pid)
      {:reply, {:ok, place}, put(state, MapSet.put(places, place))}
    else
      Metrics.refused(state.live)
      {:reply, {:full, state.most}, state}
    end
  end

  @impl true
  def handle_cast({:leave, place}, state) do
    Process.demonitor(place, [:flush])
    {:noreply, put(state, MapSet.delete(state.places, place))}
  end

  @impl true
  def handle_info({:DOWN, place, :process, _pid, _reason}, state),
    do: {:noreply, put(state, MapSet.delete(state.places, place))}

  defp put(state, places) do
    Metrics.in_progress(state.live, MapSet.size(places))
    %{state | places: places}
  end
end
