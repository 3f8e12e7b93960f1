defmodule Thumbelina.Server.Remote.Body do
  @moduledoc false
  # The body of an answer, piece after piece, bounded in bytes.

  alias Thumbelina.Server.Remote.{Connection, Head}

  # `left` is how many more bytes are allowed; of a chunk, they are counted when it begins.
  @type t :: %__MODULE__{
          connection: Connection.t(),
          buffer: binary,
          left: non_neg_integer,
          framing:
            {:length, non_neg_integer} | :until_closed | :chunk | {:in_chunk, non_neg_integer}
        }

  @enforce_keys [:connection, :buffer, :left, :framing]
  defstruct @enforce_keys

  @doc "The body that follows a head, of at most so many bytes."
  @spec new(Head.t(), Connection.t(), binary, non_neg_integer) :: {:ok, t} | Connection.error()
  def new(head, connection, buffer, max_bytes) do
    with :ok <- identity(head),
         {:ok, framing} <- framing(head),
         :ok <- fits(framing, max_bytes) do
      {:ok,
       %__MODULE__{connection: connection, buffer: buffer, left: max_bytes, framing: framing}}
    end
  end

  defp identity(head) do
    encodings = head |> Head.values("content-encoding") |> Enum.map(&String.downcase/1)

    if Enum.all?(encodings, &(&1 in ["", "identity"])),
      do: :ok,
      else: {:error, {502, "the server's answer is compressed"}}
  end

  # Two lengths, or a length of something in chunks, are two opinions about where it ends.
  defp framing(head) do
    lengths = head |> Head.values("content-length") |> Enum.uniq()
    codings = head |> Head.values("transfer-encoding") |> Enum.map(&String.downcase/1)

    case {codings, lengths, head.version} do
      {[], [], _} -> {:ok, :until_closed}
      {[], [length], _} -> content_length(length)
      {["chunked"], [], {1, 1}} -> {:ok, :chunk}
      _ -> unclear()
    end
  end

  defp content_length(digits) do
    if digits =~ ~r/\A[0-9]{1,18}\z/,
      do: {:ok, {:length, String.to_integer(digits)}},
      else: unclear()
  end

  defp unclear, do: {:error, {502, "the length of the server's answer is unclear"}}

  defp fits({:length, length}, max_bytes) when length > max_bytes, do: too_long()
  defp fits(_framing, _max_bytes), do: :ok

  defp too_long, do: {:error, {413, "the picture has too many bytes"}}

  @doc "The next piece, which is not empty, or that there are no more."
  @spec next(t) :: {:ok, binary, t} | :done | Connection.error()
  def next(%{framing: {:length, 0}}), do: :done

  def next(%{framing: :chunk} = body) do
    with {:ok, size, rest} <- chunk(body.buffer) do
      cond do
        # Trailers may follow, but not another answer: the connection is not used again.
        size == 0 -> :done
        size > body.left -> too_long()
        true -> next(%{body | buffer: rest, left: body.left - size, framing: {:in_chunk, size}})
      end
    else
      :more -> more(body)
      error -> error
    end
  end

  def next(%{framing: {:in_chunk, 0}, buffer: "\r\n" <> rest} = body),
    do: next(%{body | buffer: rest, framing: :chunk})

  def next(%{framing: {:in_chunk, 0}, buffer: buffer} = body) when buffer in ["", "\r"],
    do: more(body)

  def next(%{framing: {:in_chunk, 0}}), do: unclear()
  def next(%{buffer: ""} = body), do: more(body)

  def next(%{framing: :until_closed, buffer: piece, left: left} = body) do
    if byte_size(piece) > left,
      do: too_long(),
      else: {:ok, piece, %{body | buffer: "", left: left - byte_size(piece)}}
  end

  def next(%{framing: {kind, length}, buffer: buffer} = body) do
    size = min(length, byte_size(buffer))
    <<piece::binary-size(size), rest::binary>> = buffer
    {:ok, piece, %{body | buffer: rest, framing: {kind, length - size}}}
  end

  defp more(body) do
    case Connection.receive_bytes(body.connection) do
      {:ok, bytes} -> next(%{body | buffer: body.buffer <> bytes})
      :closed when body.framing == :until_closed -> :done
      :closed -> {:error, {502, "the server's answer ended early"}}
      error -> error
    end
  end

  @longest_line 1024

  # The size of a chunk, and what follows the line of it.
  defp chunk(buffer) do
    case :binary.split(buffer, "\r\n") do
      [line, rest] when byte_size(line) <= @longest_line -> size(line, rest)
      [line] when byte_size(line) <= @longest_line -> :more
      _ -> unclear()
    end
  end

  defp size(line, rest) do
    case Regex.run(~r/\A([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\z/s, line) do
      [_, hex] -> {:ok, String.to_integer(hex, 16), rest}
      nil -> unclear()
    end
  end
end
