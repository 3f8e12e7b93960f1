defmodule Thumbelina.InfoTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Info, Tagged}

  defp fixture(name), do: File.read!("test/fixtures/" <> name)

  test "tells what the fixtures are" do
    for {name, frames, color_space, alpha, depth} <- [
          {"photo.jpg", 1, :rgb, false, {:u, 8}},
          {"photo-gray.jpg", 1, :gray, false, {:u, 8}},
          {"animated.gif", 3, :rgb, false, {:u, 8}},
          {"alpha.webp", 1, :rgb, true, {:u, 8}},
          {"alpha-gray.png", 1, :gray, true, {:u, 8}},
          {"photo-palette.png", 1, :rgb, false, {:u, 8}},
          {"alpha-16bit.png", 1, :rgb, true, {:u, 16}},
          {"photo-16bit.tif", 1, :rgb, false, {:u, 16}},
          {"photo-float.tif", 1, :rgb, false, {:f, 32}},
          {"photo.hdr", 1, :rgb, false, {:f, 32}},
          {"photo.pgm", 1, :gray, false, {:u, 16}},
          {"photo.ico", 1, :rgb, true, {:u, 8}}
        ] do
      assert {:ok, %Info{} = info} = Thumbelina.info(fixture(name))

      assert {name, info.frames, info.color_space, info.alpha, info.depth} ==
               {name, frames, color_space, alpha, depth}

      image = Thumbelina.new!(fixture(name))
      header = [:format, :width, :height, :orientation]
      assert Map.take(info, header) == Map.take(image, header)
      assert {info.icc, info.xmp, info.iptc, info.profile} == {nil, nil, nil, nil}
    end
  end

  @image [
    {0x010F, :text, "Maker"},
    {0x0112, :short, [8]},
    {0x011A, :rational, [{300, 1}]},
    {0x013B, :text, "Jos\xE9  "},
    {0x8298, :text, "photographer\0editor"}
  ]
  @exif [
    {0x829A, :rational, [{1, 125}]},
    {0x9000, :undefined, "0232"},
    {0x9003, :text, "2026:01:02 03:04:05"},
    {0x9101, :undefined, <<1, 2, 3, 0>>},
    {0x927C, :undefined, "notes of the maker"},
    {0x9286, :undefined, "ASCII\0\0\0a comment"},
    {0xA300, :undefined, <<3>>},
    {0xA432, :rational, [{24, 1}, {70, 1}, {0, 0}, {0, 0}]}
  ]
  @gps [
    {0x0000, :byte, [2, 3, 0, 0]},
    {0x0001, :text, "N"},
    {0x0002, :rational, [{52, 1}, {30, 1}, {45, 2}]}
  ]

  test "reads EXIF of every format that has it, in both byte orders" do
    expected = %{
      "Make" => "Maker",
      "Orientation" => 8,
      "XResolution" => 300.0,
      "Artist" => "José",
      "Copyright" => ["photographer", "editor"],
      "ExposureTime" => 0.008,
      "ExifVersion" => "0232",
      "DateTimeOriginal" => "2026:01:02 03:04:05",
      "ComponentsConfiguration" => <<1, 2, 3, 0>>,
      "UserComment" => "a comment",
      "FileSource" => 3,
      "LensSpecification" => [24.0, 70.0, nil, nil],
      "GPSVersionID" => [2, 3, 0, 0],
      "GPSLatitudeRef" => "N",
      "GPSLatitude" => [52.0, 30.0, 22.5]
    }

    for order <- [:little, :big] do
      block = Tagged.exif(order, @image, @exif, @gps)

      for picture <- [
            Tagged.jpeg(fixture("photo.jpg"), exif: block),
            Tagged.png(fixture("photo.png"), exif: block)
          ] do
        info = Thumbelina.info!(picture)
        assert info.exif == expected
        assert {info.width, info.height, info.orientation} == {427, 640, 8}
      end
    end
  end

  test "reads what a TIFF says of itself" do
    assert %{"ImageWidth" => width, "PhotometricInterpretation" => 2} =
             Thumbelina.info!(fixture("photo.tif")).exif

    assert width == Thumbelina.new!(fixture("photo.tif")).width
  end

  test "hands over packets as they are" do
    xmp = Tagged.xmp("")
    iptc = Tagged.iptc([{116, "(c)"}])
    info = Thumbelina.info!(Tagged.jpeg(fixture("photo.jpg"), xmp: xmp, iptc: iptc))
    assert {info.xmp, info.iptc} == {xmp, iptc}
    assert Thumbelina.info!(Tagged.png(fixture("photo.png"), xmp: xmp)).xmp == xmp
  end

  test "takes what open and new take" do
    path = "test/fixtures/animated.gif"
    {:ok, info} = Thumbelina.info({:file, path})
    assert Thumbelina.info(File.stream!(path, [], 100)) == {:ok, info}
    assert Thumbelina.info(Thumbelina.open!(path)) == {:ok, info}
    assert {:error, %Error{reason: :enoent}} = Thumbelina.info({:file, "no/such.jpg"})
    assert {:error, %Error{reason: :truncated}} = Thumbelina.info(<<0xFF, 0xD8, 0xFF>>)

    assert {:error, %Error{reason: :format_not_allowed, format: :gif}} =
             Thumbelina.info({:file, path}, formats: [:jpeg])

    assert {:error, %Error{reason: :invalid_option, key: :fit}} =
             Thumbelina.info({:file, path}, fit: :cover)

    assert_raise Error, fn -> Thumbelina.info!("not a picture") end
  end

  test "counts the frames of a long animation, on whichever scheduler" do
    <<start::binary-size(13), _::binary>> = gif = fixture("animated.gif")
    palette = 3 * Bitwise.bsl(2, Bitwise.band(:binary.at(start, 10), 7))
    head = binary_part(gif, 0, 13 + palette)
    frame = <<0x2C, 0::32, 1::16-little, 1::16-little, 0, 2, 2, 0x44, 1, 0>>

    for frames <- [1, 2, 1_000, 100_000] do
      picture = head <> :binary.copy(frame, frames) <> <<0x3B>>
      assert Thumbelina.info!(picture).frames == frames
    end
  end

  test "broken EXIF is no error" do
    block = Tagged.exif(:big, @image, @exif, @gps)
    :rand.seed(:exsss, {1, 2, 3})

    for _ <- 1..500 do
      at = :rand.uniform(byte_size(block)) - 1
      <<before::binary-size(at), _, rest::binary>> = block
      broken = before <> <<:rand.uniform(256) - 1>> <> rest
      assert {:ok, info} = Thumbelina.info(Tagged.jpeg(fixture("1x1.jpg"), exif: broken))
      assert is_map(info.exif)
    end
  end
end
