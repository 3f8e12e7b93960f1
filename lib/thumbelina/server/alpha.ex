defmodule Thumbelina.Server.Alpha do
  @moduledoc false
  # Whether a picture may have alpha, from its first bytes: it decides which format suits it.

  alias Thumbelina.Image

  @doc "Whatever does not say that it has none may have alpha."
  @spec kind(Image.t()) :: :opaque | :alpha
  def kind(%Image{format: format, bytes: bytes}),
    do: if(alpha?(format, bytes), do: :alpha, else: :opaque)

  @doc """
  Whether that is decided by the bytes that are there, if they are the first ones of a picture and
  its header is among them.
  """
  @spec known?(Image.t()) :: boolean
  def known?(%Image{format: :png, bytes: <<_::64, _::32, "IHDR", _::104, _::32, rest::binary>>}),
    do: chunks(rest) != :more

  def known?(_image), do: true

  defp alpha?(format, _bytes) when format in [:jpeg, :hdr], do: false
  defp alpha?(:pnm, bytes), do: String.starts_with?(bytes, "P7")
  defp alpha?(:qoi, <<"qoif", _size::64, channels, _::binary>>), do: channels == 4

  # The signature, and a chunk with the size, the depth, and the type of color.
  defp alpha?(:png, <<_::64, _::32, "IHDR", _::64, _depth, color, _::24, _::32, rest::binary>>),
    do: color in [4, 6] or chunks(rest) != :opaque

  defp alpha?(:webp, <<"RIFF", _::32, "WEBPVP8 ", _::binary>>), do: false

  defp alpha?(:webp, <<"RIFF", _::32, "WEBPVP8L", _::32, 0x2F, header::little-32, _::binary>>),
    do: <<header::32>> |> has_bit?(28)

  defp alpha?(:webp, <<"RIFF", _::32, "WEBPVP8X", _::32, flags, _::binary>>),
    do: has_bit?(<<flags>>, 4)

  defp alpha?(_format, _bytes), do: true

  defp has_bit?(bits, bit) do
    <<_::size(bit_size(bits) - bit - 1), set::1, _::size(bit)>> = bits
    set == 1
  end

  # Colors or palettes with a transparent one have a chunk that says so, before the first pixels.
  defp chunks(<<_::32, "tRNS", _::binary>>), do: :alpha
  defp chunks(<<_::32, "IDAT", _::binary>>), do: :opaque

  defp chunks(<<size::32, _type::32, _::binary-size(size), _crc::32, rest::binary>>),
    do: chunks(rest)

  defp chunks(_), do: :more
end
