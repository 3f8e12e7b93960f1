defmodule Thumbelina.MetadataTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Tagged

  @image [
    {0x0100, :long, [640]},
    {0x010F, :text, "Maker"},
    {0x0112, :short, [6]},
    {0x013B, :text, "Somebody"},
    {0x8298, :text, "(c) Somebody"}
  ]
  @exif [
    {0x9003, :text, "2026:01:02 03:04:05"},
    {0x927C, :undefined, "notes of the maker"},
    {0xA001, :short, [0xFFFF]},
    {0xA002, :long, [640]},
    {0xA003, :long, [427]},
    {0xA431, :text, "serial number"}
  ]
  @gps [{0x0001, :text, "N"}, {0x0002, :rational, [{52, 1}, {30, 1}, {0, 1}]}]
  @attributes ~s(tiff:Orientation="6" exif:GPSLatitude="52,30.0N" xmp:Rating="3")
  @elements "<dc:creator><rdf:Seq><rdf:li>Somebody</rdf:li></rdf:Seq></dc:creator>"
  @iptc [{120, "a caption"}, {116, "(c) Somebody"}]

  defp tagged do
    Tagged.jpeg(File.read!("test/fixtures/photo.jpg"),
      exif: Tagged.exif(:big, @image, @exif, @gps),
      xmp: Tagged.xmp(@attributes, @elements),
      iptc: Tagged.iptc(@iptc)
    )
  end

  defp kept(metadata, opts \\ []) do
    {:ok, thumb} = Thumbelina.thumbnail(tagged(), 60, 60, [metadata: metadata] ++ opts)
    {thumb, Thumbelina.info!(thumb)}
  end

  @all %{
    "Artist" => "Somebody",
    "BodySerialNumber" => "serial number",
    "ColorSpace" => 1,
    "Copyright" => "(c) Somebody",
    "DateTimeOriginal" => "2026:01:02 03:04:05",
    "GPSLatitude" => [52.0, 30.0, 0.0],
    "GPSLatitudeRef" => "N",
    "Make" => "Maker",
    "Orientation" => 1,
    "PixelXDimension" => 40,
    "PixelYDimension" => 60
  }
  @place ["GPSLatitude", "GPSLatitudeRef"]

  test "says how a picture that was not turned is to be turned" do
    {thumb, info} = kept(:keep, autorotate: false)
    assert {info.width, info.height, info.orientation} == {40, 60, 6}
    # The image is what one of its bytes would be.
    assert thumb == Thumbelina.new!(thumb.bytes)
    {plain, info} = kept(:strip, autorotate: false)
    assert {plain.width, plain.height, info.orientation} == {60, 40, 1}
    assert plain == Thumbelina.new!(plain.bytes)
    sizes = [{60, 60, format: :avif}, {:placeholder, :color}]
    opts = [autorotate: false, metadata: :keep]
    {:ok, [avif, "#" <> _]} = Thumbelina.thumbnails(tagged(), sizes, opts)
    assert {avif.width, avif.height, avif.orientation} == {60, 40, 1}
    {turned, info} = kept(:keep)
    assert {turned.width, turned.height, info.orientation} == {40, 60, 1}
    assert Thumbelina.thumbnail!(thumb, 60, 60).width == turned.width
  end

  test "is stripped without the option" do
    {:ok, thumb} = Thumbelina.thumbnail(tagged(), 60, 60)
    assert {^thumb, info} = kept(:strip)
    assert {info.exif, info.xmp, info.iptc, info.icc} == {%{}, nil, nil, nil}
    assert {^thumb, _} = kept([])
    for part <- ["Exif", "xap", "8BIM", "ICC"], do: refute(thumb.bytes =~ part)
  end

  test "is kept as far as it holds" do
    {thumb, info} = kept(:keep)
    assert {thumb.width, thumb.height, info.orientation} == {40, 60, 1}
    assert info.exif == @all
    assert info.iptc == Tagged.iptc(@iptc)
    assert info.profile == "sRGB"

    for part <- [~s(exif:GPSLatitude="52,30.0N"), ~s(xmp:Rating="3"), "<rdf:li>Somebody</rdf:li>"],
        do: assert(info.xmp =~ part)

    for part <- ["a thumbnail", "notes of the maker", "a comment", "Orientation", "a tool"],
        do: refute(thumb.bytes =~ part)
  end

  test "of a thumbnail can be kept again" do
    {thumb, info} = kept(:keep)
    again = Thumbelina.info!(Thumbelina.thumbnail!(thumb, nil, 30, metadata: :keep))
    size = %{"PixelXDimension" => 20, "PixelYDimension" => 30}
    assert again.exif == Map.merge(info.exif, size)
    assert {again.xmp, again.iptc, again.icc} == {info.xmp, info.iptc, info.icc}
  end

  test "is picked" do
    {_, info} = kept([:copyright])
    assert info.exif == Map.take(@all, ["Artist", "Copyright"])
    assert info.iptc == Tagged.iptc([{116, "(c) Somebody"}])
    assert info.xmp =~ "Somebody"
    for part <- ["GPS", "Rating"], do: refute(info.xmp =~ part)
    assert info.icc == nil

    {_, info} = kept([:exif, :xmp])
    assert info.exif == Map.drop(@all, @place)
    assert info.xmp =~ "Rating"
    refute info.xmp =~ "GPS"
    assert info.iptc == nil

    {_, info} = kept([:gps])
    assert {info.exif, info.xmp, info.iptc} == {Map.take(@all, @place), nil, nil}

    {_, info} = kept([:icc])
    assert {info.exif, info.xmp, info.profile} == {%{}, nil, "sRGB"}

    for order <- [[:xmp, :exif, :gps, :iptc, :icc], [:icc, :iptc, :gps, :exif, :xmp, :icc]],
        do: assert(elem(kept(order), 0) == elem(kept(:keep), 0))
  end

  test "goes where a format has a place for it" do
    for {format, exif?, xmp?, iptc?, icc?} <- [
          {:jpeg, true, true, true, true},
          {:png, true, true, false, true},
          {:webp, true, true, false, true},
          {:tiff, true, true, true, true},
          {:gif, false, false, false, false},
          {:bmp, false, false, false, false}
        ] do
      {thumb, info} = kept(:keep, format: format)
      assert thumb.format == format
      assert {format, info.exif != %{}, info.xmp != nil} == {format, exif?, xmp?}
      assert {format, info.iptc != nil, info.icc != nil} == {format, iptc?, icc?}
      # That of a TIFF has what describes its samples as well.
      if exif?, do: assert({format, Map.take(info.exif, Map.keys(@all))} == {format, @all})
    end
  end

  test "in a TIFF is the file's own, whatever the order of its bytes" do
    image = [{0x011A, :rational, [{300, 1}]} | @image]

    for {order, text} <- [little: <<0xD6, 0, 0x6C, 0>>, big: <<0, 0xD6, 0, 0x6C>>] do
      comment = {0x9286, :undefined, "UNICODE\0" <> text}
      fields = [{0x9204, :srational, [{-2, 3}]}, comment | @exif]
      exif = Tagged.exif(order, image, fields, @gps)
      source = Tagged.jpeg(File.read!("test/fixtures/photo.jpg"), exif: exif)
      {:ok, jpeg} = Thumbelina.thumbnail(source, 60, 60, metadata: :keep)
      {:ok, tiff} = Thumbelina.thumbnail(source, 60, 60, metadata: :keep, format: :tiff)
      {kept, info} = {Thumbelina.info!(jpeg).exif, Thumbelina.info!(tiff)}
      assert {kept["ExposureBiasValue"], kept["UserComment"]} == {-2 / 3, "Öl"}
      assert Map.take(info.exif, Map.keys(kept)) == kept
      # Inches, if EXIF does not say otherwise.
      assert {info.exif["XResolution"], info.exif["ResolutionUnit"]} == {300.0, 2}
      assert info.exif["SamplesPerPixel"] == 3

      # It is as good a source as any.
      {:ok, again} = Thumbelina.thumbnail(tiff, 60, 60, metadata: :keep, format: :jpeg)
      assert Map.take(Thumbelina.info!(again).exif, Map.keys(kept)) == kept
      {:ok, none} = Thumbelina.thumbnail(source, 60, 60, metadata: [:gps], format: :tiff)
      assert Map.take(Thumbelina.info!(none).exif, ["Make" | @place]) == Map.take(@all, @place)
      opts = [metadata: :keep, format: :tiff, autorotate: false]
      {:ok, stored} = Thumbelina.thumbnail(source, 60, 60, opts)
      assert {stored.width, stored.height, stored.orientation} == {40, 60, 6}
      assert {:ok, %{width: 40, height: 60}} = Thumbelina.edit(stored, format: :png)
    end
  end

  test "of a gray picture has a gray profile" do
    {:ok, thumb} =
      Thumbelina.thumbnail({:file, "test/fixtures/photo-gray.jpg"}, 60, 60, metadata: [:icc])

    info = Thumbelina.info!(thumb)
    assert {info.color_space, info.profile} == {:gray, "sRGB gray"}
    assert <<_::128, "GRAY", _::binary>> = info.icc
  end

  test "is one of the options that a size has of its own" do
    sizes = [{60, 60}, {60, 60, metadata: [:copyright]}, {60, 60, metadata: :keep}]
    {:ok, thumbs} = Thumbelina.thumbnails(tagged(), sizes)
    {:ok, kept} = Thumbelina.thumbnails(tagged(), sizes, metadata: :keep)
    assert for(thumb <- thumbs, do: map_size(Thumbelina.info!(thumb).exif)) == [0, 2, 11]
    assert for(thumb <- kept, do: map_size(Thumbelina.info!(thumb).exif)) == [11, 2, 11]
  end

  test "is the same in pieces, in slices and on both schedulers" do
    {thumb, _} = kept(:keep)
    bytes = tagged()
    pieces = for <<piece::binary-size(100) <- bytes>>, do: piece
    rest = binary_part(bytes, 100 * length(pieces), rem(byte_size(bytes), 100))
    opts = [metadata: :keep]
    assert Thumbelina.thumbnail(Stream.concat(pieces, [rest]), 60, 60, opts) == {:ok, thumb}

    for own <- [[scheduler: :normal, steps_per_slice: 1], [scheduler: :dirty]],
        do: assert(Thumbelina.thumbnail(bytes, 60, 60, own ++ opts) == {:ok, thumb})
  end

  test "that is too long is left out" do
    long = Tagged.xmp(@attributes, "<dc:a>" <> String.duplicate("a", 300_000) <> "</dc:a>")
    png = Tagged.png(File.read!("test/fixtures/photo.png"), xmp: long)
    assert Thumbelina.info!(png).xmp == long
    {:ok, thumb} = Thumbelina.thumbnail(png, 60, 60, metadata: :keep)
    assert Thumbelina.info!(thumb).xmp == nil
  end

  test "that is broken is left out" do
    :rand.seed(:exsss, {4, 5, 6})
    block = Tagged.exif(:little, @image, @exif, @gps)
    xmp = Tagged.xmp(@attributes, @elements)

    for _ <- 1..200 do
      picture =
        Tagged.jpeg(File.read!("test/fixtures/1x1.jpg"), exif: broken(block), xmp: broken(xmp))

      {:ok, thumb} = Thumbelina.thumbnail(picture, 1, 1, metadata: :keep)
      assert {:ok, _} = Thumbelina.info(thumb)
    end
  end

  defp broken(bytes) do
    at = :rand.uniform(byte_size(bytes)) - 1
    <<before::binary-size(at), _, rest::binary>> = bytes
    before <> <<:rand.uniform(256) - 1>> <> rest
  end
end
