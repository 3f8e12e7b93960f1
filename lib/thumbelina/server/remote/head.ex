defmodule Thumbelina.Server.Remote.Head do
  @moduledoc false
  # The status and the headers of an answer, read with the VM's own parser, and bounded in bytes.

  alias Thumbelina.Server.Remote.Connection

  @type t :: %__MODULE__{status: 200..599, version: {1, 0 | 1}, headers: [{String.t(), binary}]}

  @enforce_keys [:status, :version]
  defstruct [:status, :version, headers: []]

  @most 32_768
  @longest_line 8192

  @doc "Reads a head. Returns it with the first bytes of the body."
  @spec read(Connection.t()) :: {:ok, t, binary} | Connection.error()
  def read(connection), do: status(connection, "", @most)

  # There may be answers in front of the answer, such as `100 Continue`.
  defp status(connection, buffer, left) do
    case packet(:http_bin, connection, buffer, left) do
      {:ok, {:http_response, _version, status, _}, buffer, left} when status in 100..199 ->
        with {:ok, _interim, buffer, left} <- headers(connection, buffer, left, []),
             do: status(connection, buffer, left)

      {:ok, {:http_response, {1, minor}, status, _}, buffer, left}
      when minor in 0..1 and status in 200..599 ->
        with {:ok, headers, buffer, _left} <- headers(connection, buffer, left, []),
             do: {:ok, %__MODULE__{status: status, version: {1, minor}, headers: headers}, buffer}

      {:ok, _other, _buffer, _left} ->
        not_http()

      error ->
        error
    end
  end

  defp headers(connection, buffer, left, headers) do
    case packet(:httph_bin, connection, buffer, left) do
      {:ok, {:http_header, _, name, _, value}, buffer, left} ->
        headers(connection, buffer, left, [{String.downcase(to_string(name)), value} | headers])

      {:ok, :http_eoh, buffer, left} ->
        {:ok, Enum.reverse(headers), buffer, left}

      {:ok, _other, _buffer, _left} ->
        not_http()

      error ->
        error
    end
  end

  defp packet(type, connection, buffer, left) do
    case :erlang.decode_packet(type, buffer, line_length: @longest_line) do
      {:ok, packet, rest} when byte_size(buffer) - byte_size(rest) <= left ->
        {:ok, packet, rest, left - byte_size(buffer) + byte_size(rest)}

      {:more, _} when byte_size(buffer) <= left ->
        case Connection.receive_bytes(connection) do
          {:ok, bytes} -> packet(type, connection, buffer <> bytes, left)
          :closed -> not_http()
          error -> error
        end

      _ ->
        not_http()
    end
  end

  defp not_http, do: {:error, {502, "the server's answer is not HTTP, or too long"}}

  @doc "The values of a header."
  @spec values(t, String.t()) :: [binary]
  def values(%{headers: headers}, name), do: for({^name, value} <- headers, do: value)

  @doc "The only value of a header, if it can be passed on: it has no control characters."
  @spec value(t, String.t()) :: String.t() | nil
  def value(head, name) do
    with [value] <- values(head, name), true <- value =~ ~r/\A[\x20-\x7e]+\z/ do
      value
    else
      _ -> nil
    end
  end
end
