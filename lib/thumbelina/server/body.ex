defmodule Thumbelina.Server.Body do
  @moduledoc false
  # The body of a request: a binary, pieces that are still to come, or the parts of a form that
  # somebody has read already: see `Form`.

  alias Thumbelina.{Error, Source}
  alias Thumbelina.Server.{Config, Request}

  defmodule Failed do
    @moduledoc false
    # What pieces raise if the rest does not come.
    defexception [:status, :reason, :message]
  end

  # The most bytes of a piece, and of a body that is not worth to be taken in pieces.
  @piece 65_536

  @doc "The most bytes of a piece."
  @spec piece :: pos_integer
  def piece, do: @piece

  @doc "Whether the body comes in several pieces, as far as the request says so."
  @spec comes?(Request.t()) :: boolean
  def comes?(%Request{body: body}) when is_binary(body) or is_tuple(body), do: false
  # An atom is more than any number.
  def comes?(request), do: declared(request) > @piece

  @doc "Refuses a body that is too large by what the request says, before anything is read."
  @spec check(Request.t(), Config.t()) :: :ok | {:error, Error.t()}
  def check(%Request{body: bytes}, config) when is_binary(bytes),
    do: checked(byte_size(bytes), config)

  def check(%Request{body: {:form, _parts}}, _config), do: :ok

  def check(request, config) do
    case declared(request) do
      :unknown -> :ok
      bytes -> checked(bytes, config)
    end
  end

  @doc "The whole body."
  @spec whole(Request.t(), Config.t()) :: {:ok, binary} | {:error, Error.t()}
  def whole(request, config) do
    with :ok <- check(request, config), do: collected(request.body, config)
  end

  defp collected(bytes, _config) when is_binary(bytes), do: {:ok, bytes}

  # It has been read by somebody else, and nothing is left.
  defp collected({:form, _parts}, _config), do: {:ok, ""}

  defp collected(pieces, config) do
    collected =
      Source.reduce(pieces, {[], 0}, fn piece, {parts, size} ->
        size = size + byte_size(piece)

        with :ok <- checked(size, config),
             do: {:cont, {[parts | piece], size}},
             else: (error -> {:halt, error})
      end)

    with {parts, size} when is_integer(size) <- collected, do: {:ok, IO.iodata_to_binary(parts)}
  end

  defp checked(size, %{max_body_bytes: most}) when size > most,
    do:
      {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in, value: size, maximum: most}}

  defp checked(_size, _config), do: :ok

  defp declared(request) do
    case Integer.parse(Request.header(request, "content-length") || "") do
      {bytes, ""} when bytes >= 0 -> bytes
      _ -> :unknown
    end
  end
end
