defmodule Thumbelina.ColorSpaceTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Error

  # sRGB with red and blue exchanged: it shows at once whether it is applied.
  @columns [rXYZ: {0.1431, 0.0606, 0.7141}, gXYZ: {0.3851, 0.7169, 0.0971}] ++
             [bXYZ: {0.4361, 0.2225, 0.0139}]
  @curve [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]

  defp fixed(number), do: <<round(number * 65_536)::signed-32>>

  defp profile do
    columns =
      for {name, {x, y, z}} <- @columns,
          do: {name, IO.iodata_to_binary(["XYZ ", <<0::32>>, fixed(x), fixed(y), fixed(z)])}

    curve = IO.iodata_to_binary(["para", <<0::32, 3::16, 0::16>>, Enum.map(@curve, &fixed/1)])
    tags = columns ++ for name <- [:rTRC, :gTRC, :bTRC], do: {name, curve}

    {table, data, _at} =
      Enum.reduce(tags, {"", "", 132 + 12 * length(tags)}, fn {name, tag}, {table, data, at} ->
        entry = <<Atom.to_string(name)::binary, at::32, byte_size(tag)::32>>
        {table <> entry, data <> tag, at + byte_size(tag)}
      end)

    header = <<0::32, 0::32, 4, 0::24, "mntr", "RGB ", "XYZ ", 0::96, "acsp", 0::704>>
    header <> <<length(tags)::32>> <> table <> data
  end

  defp chunk(type, data) do
    crc = :erlang.crc32([type, data])
    <<byte_size(data)::32, type::binary, data::binary, crc::32>>
  end

  # A picture of one color.
  defp png({r, g, b}, chunks) do
    row = <<0, :binary.copy(<<r, g, b>>, 20)::binary>>

    IO.iodata_to_binary([
      <<0x89, "PNG\r\n", 0x1A, "\n">>,
      chunk("IHDR", <<20::32, 10::32, 8, 2, 0, 0, 0>>),
      for({type, data} <- chunks, do: chunk(type, data)),
      chunk("IDAT", :zlib.compress(:binary.copy(row, 10))),
      chunk("IEND", "")
    ])
  end

  defp tagged(color, icc), do: png(color, [{"iCCP", "name\0\0" <> :zlib.compress(icc)}])

  defp first_pixel(image) do
    {:ok, thumb} = Thumbelina.thumbnail(image.bytes, 1, 1, format: :pnm)
    binary_part(thumb.bytes, byte_size(thumb.bytes), -3)
  end

  test "a profile is applied" do
    {:ok, thumb, stats} = Thumbelina.measure(tagged({200, 80, 30}, profile()), 10, 10)
    assert stats.profile == :applied
    assert <<r, g, b>> = first_pixel(thumb)
    assert abs(r - 30) <= 2 and abs(g - 80) <= 2 and abs(b - 200) <= 2
  end

  test "the second picture of a profile needs no dirty scheduler" do
    for _ <- 1..2, do: {:ok, _} = Thumbelina.thumbnail(tagged({1, 2, 3}, profile()), 10, 10)
    {:ok, _, stats} = Thumbelina.measure(tagged({3, 2, 1}, profile()), 10, 10, scheduler: :normal)
    assert stats.schedulers == [:normal]
  end

  test "a broken one is ignored" do
    icc = binary_part(profile(), 0, 300)
    {:ok, thumb, stats} = Thumbelina.measure(tagged({200, 80, 30}, icc), 10, 10)
    assert stats.profile == :ignored
    assert first_pixel(thumb) == <<200, 80, 30>>
  end

  test "without one there is none" do
    assert {:ok, _, %{profile: :none}} = Thumbelina.measure(png({200, 80, 30}, []), 10, 10)
  end

  test ":keep takes it along" do
    png = tagged({200, 80, 30}, profile())
    {:ok, thumb, stats} = Thumbelina.measure(png, 10, 10, color: :keep)
    assert stats.profile == :kept
    # Looked at without the profile, the numbers are what they were.
    {:ok, again} = Thumbelina.thumbnail(thumb.bytes, 1, 1, color: :keep, format: :tiff)
    assert {:ok, _, %{profile: :applied}} = Thumbelina.measure(thumb.bytes, 5, 5)
    assert :binary.match(again.bytes, <<200, 80, 30>>) != :nomatch
  end

  test "each output has its own" do
    png = tagged({200, 80, 30}, profile())
    {:ok, [one, other]} = Thumbelina.thumbnails(png, [{10, 10}, {10, 10, color: :keep}])
    assert {:ok, one} == Thumbelina.thumbnail(png, 10, 10)
    assert {:ok, other} == Thumbelina.thumbnail(png, 10, 10, color: :keep)
    assert one != other
  end

  test "other colors are refused" do
    assert {:error, %Error{reason: :invalid_option, key: :color, expected: ":srgb, :keep"}} =
             Thumbelina.thumbnail("", 1, 1, color: :cmyk)
  end

  test "PQ is tone-mapped by its chunk" do
    {:ok, thumb} = Thumbelina.thumbnail(png({148, 148, 148}, [{"cICP", <<9, 16, 0, 1>>}]), 5, 5)
    assert <<r, _, _>> = first_pixel(thumb)
    assert r > 250
  end
end
