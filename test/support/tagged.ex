defmodule Thumbelina.Tagged do
  @moduledoc false
  # Writes metadata as cameras and editors do, and puts it into pictures, for tests.

  @doc """
  An EXIF block. Each directory is a list of `{tag, type, value}`: the value of a `:text` is a
  string, of `:undefined` a binary, and of the others a list of numbers, or of pairs for rationals.
  `thumbnail` is put into a directory of its own.
  """
  def exif(order, image, exif \\ [], gps \\ [], thumbnail \\ "a thumbnail") do
    image_at = 8
    exif_at = image_at + size(order, image ++ [{0x8769, :long, [0]}, {0x8825, :long, [0]}])
    gps_at = exif_at + size(order, exif)
    next_at = gps_at + size(order, gps)
    preview = &[{0x0201, :long, [&1]}, {0x0202, :long, [byte_size(thumbnail)]}]
    data_at = next_at + size(order, preview.(0))
    image = image ++ [{0x8769, :long, [exif_at]}, {0x8825, :long, [gps_at]}]

    header(order) <>
      directory(order, image_at, image, next_at) <>
      directory(order, exif_at, exif, 0) <>
      directory(order, gps_at, gps, 0) <>
      directory(order, next_at, preview.(data_at), 0) <> thumbnail
  end

  defp header(:little), do: <<"II", 42::16-little, 8::32-little>>
  defp header(:big), do: <<"MM", 42::16, 8::32>>

  defp size(order, entries), do: byte_size(directory(order, 0, entries, 0))

  defp directory(order, at, entries, next) do
    values_at = at + 6 + 12 * length(entries)

    {table, values} =
      Enum.reduce(entries, {"", ""}, fn {tag, type, value}, {table, values} ->
        {number, count, bytes} = value(order, type, value)
        entry = int(order, 16, tag) <> int(order, 16, number) <> int(order, 32, count)

        if byte_size(bytes) <= 4 do
          {table <> entry <> bytes <> :binary.copy(<<0>>, 4 - byte_size(bytes)), values}
        else
          {table <> entry <> int(order, 32, values_at + byte_size(values)), values <> bytes}
        end
      end)

    int(order, 16, length(entries)) <> table <> int(order, 32, next) <> values
  end

  defp value(_order, :text, text), do: {2, byte_size(text) + 1, text <> <<0>>}
  defp value(_order, :undefined, bytes), do: {7, byte_size(bytes), bytes}
  defp value(_order, :byte, list), do: {1, length(list), :binary.list_to_bin(list)}
  defp value(order, :short, list), do: {3, length(list), all(order, 16, list)}
  defp value(order, :long, list), do: {4, length(list), all(order, 32, list)}

  defp value(order, :rational, list),
    do: {5, length(list), all(order, 32, Enum.flat_map(list, &Tuple.to_list/1))}

  # Numbers of two complements are what integers are cut off to.
  defp value(order, :srational, list) do
    {5, count, bytes} = value(order, :rational, list)
    {10, count, bytes}
  end

  defp all(order, bits, list), do: for(number <- list, into: "", do: int(order, bits, number))

  defp int(:little, bits, number), do: <<number::little-size(bits)>>
  defp int(:big, bits, number), do: <<number::big-size(bits)>>

  @doc "A packet of XMP with these attributes and elements in its description."
  def xmp(attributes, elements \\ "") do
    """
    <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><!-- a comment -->
    <x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="a tool">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
          xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
          xmlns:xmp="http://ns.adobe.com/xap/1.0/" #{attributes}>#{elements}</rdf:Description>
      </rdf:RDF>
    </x:xmpmeta>
    <?xpacket end="w"?>
    """
  end

  @doc "IPTC records of pairs of a dataset's number and a text."
  def iptc(datasets) do
    for {dataset, text} <- datasets,
        into: "",
        do: <<0x1C, 2, dataset, byte_size(text)::16, text::binary>>
  end

  @doc "A JPEG with metadata put in front of what it has."
  def jpeg(<<0xFF, 0xD8, rest::binary>>, metadata) do
    segments = for {kind, bytes} <- metadata, into: "", do: segment(kind, bytes)
    <<0xFF, 0xD8>> <> segments <> rest
  end

  defp segment(:exif, bytes), do: segment(0xE1, "Exif\0\0", bytes)
  defp segment(:xmp, bytes), do: segment(0xE1, "http://ns.adobe.com/xap/1.0/\0", bytes)

  defp segment(:iptc, bytes) do
    padding = if rem(byte_size(bytes), 2) == 1, do: <<0>>, else: ""
    resource = <<"8BIM", 0x0404::16, 0::16, byte_size(bytes)::32, bytes::binary>> <> padding
    segment(0xED, "Photoshop 3.0\0", resource)
  end

  defp segment(marker, name, bytes),
    do: <<0xFF, marker, byte_size(name) + byte_size(bytes) + 2::16>> <> name <> bytes

  @doc "A PNG with chunks put behind its header."
  def png(<<start::33-bytes, rest::binary>>, metadata) do
    chunks =
      for {kind, bytes} <- metadata, into: "" do
        {type, data} = chunk(kind, bytes)
        <<byte_size(data)::32, type::binary, data::binary, :erlang.crc32(type <> data)::32>>
      end

    start <> chunks <> rest
  end

  defp chunk(:exif, bytes), do: {"eXIf", bytes}
  defp chunk(:xmp, bytes), do: {"iTXt", "XML:com.adobe.xmp\0\0\0\0\0" <> bytes}
end
