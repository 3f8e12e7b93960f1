defmodule Thumbelina.FitTest do
  # The fits, backgrounds, borders and positions of the README, with pixels that can be told.
  use ExUnit.Case, async: true

  alias Thumbelina.Error

  # Red and opaque on the left, green and clear on the right.
  @rgba (for _y <- 1..20, x <- 1..40, into: "" do
           if x <= 20, do: <<255, 0, 0, 255>>, else: <<0, 255, 0, 0>>
         end)
  @picture "P7\nWIDTH 40\nHEIGHT 20\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" <> @rgba

  # The size of a thumbnail, and its pixels as they are in the file.
  defp pixels(source, width, height, opts) do
    thumb = Thumbelina.thumbnail!(source, width, height, [format: :pnm] ++ opts)
    count = thumb.width * thumb.height
    header = thumb.bytes |> String.split("ENDHDR\n") |> hd()
    channels = if header =~ "RGB_ALPHA", do: 4, else: 3
    data = binary_part(thumb.bytes, byte_size(thumb.bytes), -count * channels)
    {{thumb.width, thumb.height}, for(<<pixel::binary-size(channels) <- data>>, do: pixel)}
  end

  defp at({{width, _height}, pixels}, x, y), do: Enum.at(pixels, y * width + x)

  test "each fit has its size, with and without enlarging" do
    for {fit, {w, h}, size, enlarged} <- [
          {:contain, {20, 20}, {20, 10}, {20, 10}},
          {:contain, {80, 80}, {40, 20}, {80, 40}},
          {:inside, {80, 80}, {40, 20}, {80, 40}},
          {:cover, {10, 10}, {10, 10}, {10, 10}},
          {:cover, {80, 10}, {40, 10}, {80, 10}},
          {:fill, {80, 10}, {40, 10}, {80, 10}},
          {:pad, {20, 20}, {20, 20}, {20, 20}},
          {:pad, {80, 80}, {80, 80}, {80, 80}},
          {:pad, {20, nil}, {20, 10}, {20, 10}},
          {:outside, {10, 10}, {20, 10}, {20, 10}},
          {:outside, {80, 10}, {40, 20}, {80, 40}}
        ] do
      assert {size, _} = pixels(@picture, w, h, fit: fit) |> then(&{elem(&1, 0), size})
      assert {fit, {w, h}, size} == {fit, {w, h}, elem(pixels(@picture, w, h, fit: fit), 0)}

      assert {fit, {w, h}, enlarged} ==
               {fit, {w, h}, elem(pixels(@picture, w, h, fit: fit, enlarge: true), 0)}
    end
  end

  test "bars have the background, and lie where the position says" do
    padded = pixels(@picture, 40, 40, fit: :pad)
    assert {at(padded, 0, 0), at(padded, 0, 10)} == {<<0, 0, 0, 0>>, <<255, 0, 0, 255>>}

    padded = pixels(@picture, 40, 40, fit: :pad, background: "navy", position: :north)

    assert for(y <- [0, 19, 20], do: at(padded, 0, y)) == [
             <<255, 0, 0>>,
             <<255, 0, 0>>,
             <<0, 0, 128>>
           ]

    padded = pixels(@picture, 40, 40, fit: :pad, background: {1, 2, 3, 128}, position: :southeast)
    assert {at(padded, 0, 0), at(padded, 39, 39)} == {<<1, 2, 3, 128>>, <<1, 2, 3, 128>>}
    assert at(padded, 0, 39) == <<255, 0, 0, 255>>
  end

  test "the background is behind what is clear" do
    assert at(pixels(@picture, 40, 20, []), 39, 9) == <<0, 255, 0, 0>>
    assert at(pixels(@picture, 40, 20, background: "#0000ff"), 39, 9) == <<0, 0, 255>>
    assert at(pixels(@picture, 40, 20, background: "#0000ff80"), 39, 9) == <<0, 0, 255, 128>>
    {:ok, jpeg} = Thumbelina.thumbnail(@picture, 40, 20, format: :jpeg, background: :lime)
    <<red, green, blue>> = jpeg.bytes |> pixels(40, 20, []) |> at(36, 9)
    assert red < 8 and green > 247 and blue < 8
  end

  test "each size has its own" do
    sizes = [{10, 10, fit: :pad, background: :red}, {10, 10, dpr: 2}, {10, 10, linear: true}]
    {:ok, thumbs} = Thumbelina.thumbnails(@picture, sizes, format: :png)
    assert for(thumb <- thumbs, do: {thumb.width, thumb.height}) == [{10, 10}, {20, 10}, {10, 5}]

    assert {:ok, [alone]} =
             Thumbelina.thumbnails(
               @picture,
               [{10, 10}],
               Keyword.merge([format: :png], linear: true)
             )

    assert alone == List.last(thumbs)
  end

  test "a border is cut off, of bytes, of pieces and for placeholders" do
    row = fn middle ->
      String.duplicate(<<250>>, 30) <> middle <> String.duplicate(<<250>>, 40)
    end

    line = row.(for x <- 1..30, into: "", do: <<x * 3>>)
    blank = row.(String.duplicate(<<250>>, 30))

    gray =
      "P5 100 60 255\n" <>
        String.duplicate(blank, 10) <> String.duplicate(line, 20) <> String.duplicate(blank, 30)

    assert {:ok, %{width: 30, height: 20} = thumb} =
             Thumbelina.thumbnail(gray, 100, 100, trim: true, format: :pnm)

    assert thumb.bytes ==
             "P5\n30 20 255\n" <> String.duplicate(for(x <- 1..30, into: "", do: <<x * 3>>), 20)

    pieces = for <<piece::binary-size(100) <- gray>>, do: piece
    rest = binary_part(gray, byte_size(gray), -rem(byte_size(gray), 100))
    source = Stream.map(pieces ++ [rest], & &1)
    assert Thumbelina.thumbnail(source, 100, 100, trim: true, format: :pnm) == {:ok, thumb}

    assert {:ok, %{width: 100, height: 60}} = Thumbelina.thumbnail(gray, 100, 100, trim: 250)
    {:ok, trimmed} = Thumbelina.placeholder(gray, :color, trim: true)
    assert Thumbelina.placeholder(thumb, :color) == {:ok, trimmed}
  end

  test "orientation stays as it is stored if that is wanted" do
    photo = {:file, "test/fixtures/orientation-6.jpg"}
    assert {:ok, %{width: 60, height: 40}} = Thumbelina.thumbnail(photo, 90, 90)
    assert {:ok, stored} = Thumbelina.thumbnail(photo, 90, 90, autorotate: false)
    assert {stored.width, stored.height, stored.orientation} == {40, 60, 1}
    assert {:ok, plan} = Thumbelina.explain(photo, 20, 20, fit: :cover, autorotate: false)
    assert plan.crop == {0.0, 10.0, 40.0, 40.0}
  end

  test "a crop that the picture decides is not known before" do
    photo = Thumbelina.open!("test/fixtures/photo.jpg")

    for position <- [:attention, :entropy] do
      assert {:ok, %{crop: nil}} =
               Thumbelina.explain(photo, 90, 90, fit: :cover, position: position)

      made =
        for scheduler <- [:normal, :dirty] do
          opts = [fit: :cover, position: position, scheduler: scheduler]
          Thumbelina.thumbnail!(photo, 90, 90, opts)
        end

      assert [%{width: 90, height: 90} = same, same] = made
    end
  end

  describe "compare/3" do
    test "takes anything that is a picture, and options" do
      photo = "test/fixtures/photo.png"
      bytes = File.read!(photo)

      for source <- [{:file, photo}, File.stream!(photo, [], 1_000), Thumbelina.open!(photo)],
          opts <- [[], [scheduler: :normal], [scheduler: :dirty]] do
        assert Thumbelina.compare(bytes, source, opts) == {:ok, %{psnr: :infinity, ssim: 1.0}}
      end

      turned = {:file, "test/fixtures/orientation-6.png"}
      upright = Thumbelina.thumbnail!(turned, 60, 60, format: :png)
      assert Thumbelina.compare(turned, upright) == {:ok, %{psnr: :infinity, ssim: 1.0}}
    end

    test "a known difference has a known ratio" do
      gray = fn value -> "P5 16 16 255\n" <> String.duplicate(<<value>>, 256) end
      assert {:ok, %{psnr: psnr, ssim: ssim}} = Thumbelina.compare(gray.(100), gray.(110))
      assert_in_delta psnr, 20 * :math.log10(255 / 10), 1.0e-9
      # Without structure, only the means count.
      assert_in_delta ssim, (2 * 100 * 110 + 6.5025) / (100 ** 2 + 110 ** 2 + 6.5025), 1.0e-5
    end

    test "fails with what is wrong with one of the two" do
      photo = {:file, "test/fixtures/photo.png"}
      assert {:error, %Error{reason: :enoent}} = Thumbelina.compare({:file, "none"}, photo)
      assert {:error, %Error{reason: :enoent}} = Thumbelina.compare(photo, {:file, "none"})

      assert {:error, %Error{reason: :truncated}} =
               Thumbelina.compare(photo, {:file, "test/fixtures/truncated.png"})

      assert {:error, %Error{key: :size, value: {60, 40}}} =
               Thumbelina.compare(photo, {:file, "test/fixtures/orientation-1.jpg"})

      assert {:error, %Error{reason: :limit_exceeded, limit: :max_memory}} =
               Thumbelina.compare(photo, photo, max_memory: 500_000)

      assert {:error, %Error{key: :fit}} = Thumbelina.compare(photo, photo, fit: :cover)
    end
  end

  describe "hash/2" do
    test "is near for what looks the same, and far for what does not" do
      photo = Thumbelina.open!("test/fixtures/photo.png")
      {:ok, hash} = Thumbelina.hash(photo)

      for {width, opts} <- [
            {400, [format: :jpeg, quality: 40]},
            {100, [format: :webp]},
            {50, [fit: :fill, format: :gif]},
            {300, [filter: :box]}
          ] do
        near = Thumbelina.thumbnail!(photo, width, width, opts)
        assert {:ok, near} = Thumbelina.hash(near)
        assert Thumbelina.hash_distance(hash, near) <= 4
      end

      {:ok, left} =
        Thumbelina.hash(Thumbelina.thumbnail!(photo, 100, 200, fit: :cover, position: :west))

      assert Thumbelina.hash_distance(hash, left) > 10
      assert Thumbelina.hash_distance(hash, hash) == 0
    end

    test "fails like a thumbnail" do
      assert {:error, %Error{reason: :unsupported_format}} = Thumbelina.hash("no picture")
      assert {:error, %Error{key: :fit}} = Thumbelina.hash("no picture", fit: :cover)
      assert_raise ArgumentError, fn -> Thumbelina.hash_distance("short", <<0::64>>) end
    end

    test "is not a placeholder" do
      assert {:error, %Error{key: :placeholder}} = Thumbelina.placeholder("", :dhash)
    end
  end
end
