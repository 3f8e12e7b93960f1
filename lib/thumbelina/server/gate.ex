defmodule Thumbelina.Server.Gate do
  @moduledoc false
  # Lets so many processes in at a time, and turns the others away at once. Whoever is in is
  # monitored, so that the place is free again however it ends. A process has at most one place.

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
    with :ok <- enter(live) do
      try do
        fun.()
      catch
        {__MODULE__, error} -> error
      after
        leave(live)
      end
    end
  end

  @doc """
  Gives the place up while `fun` waits for something, and takes one again afterwards. If there is
  none then, `through/2`, inside of which this is called, ends with the error that it begins with.
  """
  @spec outside(:ets.tid() | nil, (... -> result)) :: result when result: term
  def outside(nil, fun), do: fun.()

  def outside(live, fun) do
    leave(live)
    result = fun.()

    case enter(live) do
      :ok -> result
      error -> throw({__MODULE__, error})
    end
  end

  defp enter(live) do
    with {:full, most} <- live |> Metrics.gate() |> GenServer.call(:enter, :infinity),
         do: {:error, %Error{reason: :overloaded, maximum: most}}
  end

  # Whoever is out already may leave again.
  defp leave(live), do: live |> Metrics.gate() |> GenServer.cast({:leave, self()})

  @impl true
  def init({live, most}) do
    Metrics.put_gate(live, self())
    # Another gate may have counted there before.
    Metrics.in_progress(live, 0)
    {:ok, %{live: live, most: most, places: %{}}}
  end

  @impl true
  def handle_call(:enter, {pid, _tag}, %{places: places} = state) do
    if map_size(places) < state.most do
      {:reply, :ok, put(state, Map.put(places, pid, Process.monitor(pid)))}
    else
      Metrics.refused(state.live)
      {:reply, {:full, state.most}, state}
    end
  end

  @impl true
  def handle_cast({:leave, pid}, state) do
    case Map.pop(state.places, pid) do
      {nil, _places} ->
        {:noreply, state}

      {monitor, places} ->
        Process.demonitor(monitor, [:flush])
        {:noreply, put(state, places)}
    end
  end

  @impl true
  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, put(state, Map.delete(state.places, pid))}

  defp put(state, places) do
    Metrics.in_progress(state.live, map_size(places))
    %{state | places: places}
  end
end
