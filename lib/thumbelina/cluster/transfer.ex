defmodule Thumbelina.Cluster.Transfer do
  @moduledoc false
  # A picture on its way to another node: pieces that are pulled from a source as the far side asks
  # for them. A piece is short, and few are on their way at a time, so that other messages between
  # the nodes, heartbeats among them, never wait for long.

  alias Thumbelina.{Error, Source}

  # What is not longer goes with the request; what is shorter is put together to pieces.
  @short 65_536

  # The longest piece, and how many are sent before one is asked for. Together they stay well below
  # a mebibyte, where the VM suspends whoever sends to that node.
  @longest 262_144
  @window 2

  # rest: the continuation of the enumerable. ready: pieces that are cut already. kept: what was
  # handed out, last first, or nil if nothing is kept.
  @enforce_keys [:rest, :kept]
  defstruct [:rest, :kept, ready: []]

  @opaque t :: %__MODULE__{}

  @doc "How many pieces may be on their way."
  @spec window :: pos_integer
  def window, do: @window

  @doc "Whether the bytes are so few that they go as they are."
  @spec short?(binary) :: boolean
  def short?(bytes), do: byte_size(bytes) <= @short

  @doc "A binary or an enumerable of iodata, to be sent. What was sent of an enumerable is kept."
  @spec open(Source.t()) :: t
  def open({:bytes, bytes}),
    do: %__MODULE__{rest: nil, ready: cut(bytes), kept: nil}

  def open({:pieces, pieces}) do
    suspend = fn piece, _acc -> {:suspend, piece} end
    %__MODULE__{rest: &Enumerable.reduce(pieces, &1, suspend), kept: []}
  end

  @doc "The next piece. Runs the producer as far as that takes."
  @spec next(t) :: {:piece, binary, t} | {:end, t} | {:error, Error.t(), t}
  def next(%{ready: [piece | ready], kept: kept} = transfer) do
    kept = kept && [piece | kept]
    {:piece, piece, %{transfer | ready: ready, kept: kept}}
  end

  def next(%{rest: nil} = transfer), do: {:end, transfer}

  def next(%{rest: rest} = transfer) do
    case gather(rest, [], 0) do
      {:ok, parts, rest} ->
        next(%{transfer | ready: parts |> IO.iodata_to_binary() |> cut(), rest: rest})

      {:error, error, rest} ->
        {:error, error, %{transfer | rest: rest}}
    end
  end

  @doc "All pieces once more: those that were handed out, and then the rest of the enumerable."
  @spec again(t) :: Enumerable.t()
  def again(%{kept: kept, ready: ready, rest: rest}) when is_list(kept) do
    Stream.concat(Enum.reverse(kept, ready), rest(rest))
  end

  @doc "Ends the producer, if it has not come to its end."
  @spec close(t) :: :ok
  def close(%{rest: nil}), do: :ok

  def close(%{rest: rest}) do
    _ = rest.({:halt, nil})
    :ok
  end

  @doc "The pieces where they arrive. Each is asked for by a message to the sender."
  @spec received(pid, reference) :: Enumerable.t()
  def received(sender, ref) do
    Stream.repeatedly(fn ->
      receive do
        {^ref, {:piece, piece}} ->
          send(sender, {ref, :more})
          piece

        {^ref, :end} ->
          nil
      end
    end)
    |> Stream.take_while(& &1)
  end

  defp gather(rest, parts, size) when size >= @short, do: {:ok, parts, rest}

  defp gather(rest, parts, size) do
    case rest.({:cont, nil}) do
      {:suspended, piece, rest} ->
        # Checks the piece as it would be checked without a cluster.
        case Source.reduce([piece], "", fn piece, "" -> {:cont, piece} end) do
          piece when is_binary(piece) -> gather(rest, [parts | piece], size + byte_size(piece))
          {:error, error} -> {:error, error, rest}
        end

      {_done_or_halted, _acc} ->
        {:ok, parts, nil}
    end
  end

  defp cut(""), do: []
  defp cut(bytes) when byte_size(bytes) <= @longest, do: [bytes]

  defp cut(bytes) do
    <<piece::binary-size(@longest), bytes::binary>> = bytes
    [piece | cut(bytes)]
  end

  defp rest(nil), do: []

  defp rest(rest) do
    Stream.resource(
      fn -> rest end,
      fn rest ->
        case rest.({:cont, nil}) do
          {:suspended, piece, rest} -> {[piece], rest}
          {_done_or_halted, _acc} -> {:halt, nil}
        end
      end,
      fn rest -> if rest, do: rest.({:halt, nil}) end
    )
  end
end
