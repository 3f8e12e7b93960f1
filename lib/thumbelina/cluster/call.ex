defmodule Thumbelina.Cluster.Call do
  @moduledoc false
  # A call, in the caller's process: which node does the work, what it gets, and what happens if
  # nothing comes back.

  alias Thumbelina.{Error, Image, Job, Options, Placeholder, Request, Source, Telemetry}
  alias Thumbelina.Cluster.{Courier, Member, Transfer, Work}

  @type result :: {:ok, [Image.t() | Placeholder.value(), ...]} | {:error, Error.t()}

  # patience: how long a member may give no sign of life. deadline: the end of the whole call.
  @enforce_keys [:request, :patience, :deadline]
  defstruct @enforce_keys

  @spec run(term, Request.t(), timeout) :: result
  def run(source, %Request{timeout: timeout} = request, patience) do
    call = %__MODULE__{request: request, patience: patience, deadline: deadline(timeout)}

    source |> picture(call) |> Source.at_path(file(source))
  end

  defp picture({:file, path}, call),
    do: with({:ok, bytes} <- read(path, call), do: spread(bytes, {:bytes, bytes}, call))

  defp picture({node, path}, call) when is_atom(node), do: at(node, path, call)

  defp picture(source, call),
    do: with({:ok, found} <- source(source, call), do: spread(source, found, call))

  defp file({node, path}) when is_atom(node), do: {:file, path}
  defp file(source), do: source

  # A file of another node can be read nowhere else.
  defp at(node, path, call) when node == node() do
    with {:ok, bytes} <- read(path, call), do: here_counted(bytes, call)
  end

  defp at(node, path, call) do
    with :ok <- check_node(node, path), :ok <- check_path(path) do
      case away(node, Member.take_at(node), {:path, path}, nil, call) do
        {:done, result, nil} -> result
        {_lost, nil} -> {:error, %Error{reason: :node_down, node: node}}
      end
    end
  end

  # Refused at once, and needs no other node for that.
  defp spread(source, {:bytes, bytes}, %{request: %{max_bytes_in: most}} = call)
       when byte_size(bytes) > most,
       do: here(source, call)

  defp spread(source, found, call), do: spread(source, found, [], call)

  defp spread(source, found, passed_over, call) do
    case Member.take(passed_over) do
      {:ok, node, lease} when node == node() -> leased(lease, fn -> here(source, call) end)
      {:ok, node, lease} -> spread(source, found, passed_over, node, lease, call)
      :none -> here(source, call)
    end
  end

  defp spread(source, found, passed_over, node, lease, call) do
    {work, transfer} = pack(source, found)

    case away(node, {:ok, node, lease}, work, transfer, call) do
      {:done, result, transfer} ->
        close(transfer)
        result

      # Nothing was asked of the producer, and nothing was sent.
      {:refused, _transfer} ->
        spread(source, found, [node | passed_over], call)

      # Once more, on the one node that cannot be lost without the caller.
      {:lost, transfer} ->
        source |> again(found, transfer) |> here_counted(call)
    end
  end

  # What can be sent in one message is sent as it is.
  defp pack(source, {:bytes, bytes} = found) do
    if Transfer.short?(bytes),
      do: {{:whole, source}, nil},
      else: {:pieces, Transfer.open(found)}
  end

  defp pack(_source, found), do: {:pieces, Transfer.open(found)}

  defp again(_source, {:pieces, _pieces}, transfer), do: Transfer.again(transfer)
  defp again(source, {:bytes, _bytes}, _transfer), do: source

  defp close(nil), do: :ok
  defp close(transfer), do: Transfer.close(transfer)

  defp here(source, call), do: Job.run(source, left(call))

  defp here_counted(source, call) do
    case Member.take_at(node()) do
      {:ok, _node, lease} -> leased(lease, fn -> here(source, call) end)
      :none -> here(source, call)
    end
  end

  defp leased(lease, fun) do
    fun.()
  after
    Member.give_back(lease)
  end

  @spec away(node, {:ok, node, Member.lease()} | :none, Work.source(), transfer, struct) ::
          {:done, result, transfer} | {:refused | :lost, transfer}
        when transfer: Transfer.t() | nil
  defp away(node, lease, work, transfer, call) do
    Telemetry.span(:cluster, %{node: node}, fn ->
      result = attempt(node, lease, work, transfer, call)
      {result, %{}, %{outcome: elem(result, 0)}}
    end)
  end

  defp attempt(node, {:ok, node, lease}, work, transfer, call),
    do: leased(lease, fn -> attempt(node, :none, work, transfer, call) end)

  defp attempt(node, :none, work, transfer, call) do
    courier = Courier.start(node, work, left(call), sign_every(call.patience))

    try do
      with {:silent, transfer} <- await(courier, transfer, call) do
        Member.silent(node)
        {:lost, transfer}
      end
    after
      Courier.stop(courier)
    end
  end

  # Some signs of life may be late.
  defp sign_every(:infinity), do: :infinity
  defp sign_every(patience), do: max(div(patience, 3), 1)

  defp await(%{ref: ref, monitor: monitor} = courier, transfer, %{patience: patience} = call) do
    # An atom is more than any number.
    left = left_of(call.deadline)

    receive do
      {^ref, {:done, result}} ->
        {:done, result, transfer}

      {^ref, :more} ->
        feed(courier, transfer, call)

      {^ref, :alive} ->
        await(courier, transfer, call)

      {^ref, :refused} ->
        {:refused, transfer}

      # What raised there is raised here, as without a cluster.
      {^ref, {:ended, {reason, stack}}} when is_list(stack) ->
        close(transfer)
        :erlang.raise(:error, reason, stack)

      {^ref, {:ended, _reason}} ->
        {:lost, transfer}

      {:DOWN, ^monitor, :process, _pid, _reason} ->
        {:lost, transfer}
    after
      min(left, patience) ->
        if left <= patience,
          do: {:done, {:error, %Error{reason: :timeout}}, transfer},
          else: {:silent, transfer}
    end
  end

  # The result may be there by now, if the rest of the picture is not needed for it.
  defp feed(%{ref: ref} = courier, transfer, call) do
    receive do
      {^ref, {:done, result}} -> {:done, result, transfer}
    after
      0 -> feed_next(courier, Transfer.next(transfer), call)
    end
  end

  defp feed_next(courier, {:piece, piece, transfer}, call) do
    Courier.pass(courier, {:piece, piece})
    await(courier, transfer, call)
  end

  defp feed_next(courier, {:end, transfer}, call) do
    Courier.pass(courier, :end)
    await(courier, transfer, call)
  end

  defp feed_next(_courier, {:error, error, transfer}, _call),
    do: {:done, {:error, error}, transfer}

  defp deadline(:infinity), do: :infinity
  defp deadline(timeout), do: now() + timeout

  defp left(%{request: request, deadline: deadline}),
    do: %{request | timeout: left_of(deadline)}

  defp left_of(:infinity), do: :infinity
  defp left_of(deadline), do: max(deadline - now(), 0)

  defp now, do: System.monotonic_time(:millisecond)

  defp source(source, call), do: Source.of(source, call.request.max_bytes_in)

  defp read(path, call),
    do: with(:ok <- check_path(path), do: Source.read(path, call.request.max_bytes_in))

  defp check_node(node, path) do
    if node |> Atom.to_string() |> String.contains?("@"),
      do: :ok,
      else: Options.invalid(:image, {node, path}, "{:file, path}, or {node, path}")
  end

  defp check_path(path) do
    _ = IO.chardata_to_string(path)
    :ok
  rescue
    _ in [ArgumentError, FunctionClauseError, UnicodeConversionError] ->
      Options.invalid(:path, path, "a path")
  end
end
