defmodule ThumbelinaTest do
  use ExUnit.Case, async: true
  doctest Thumbelina

  alias Thumbelina.{Error, Image, Plan, Stats}

  @fixtures Path.expand("fixtures", __DIR__)

  defp fixture(name), do: Path.join(@fixtures, name)
  defp read(name), do: File.read!(fixture(name))

  describe "open/1" do
    test "reads bytes and header" do
      assert {:ok, %Image{} = image} = Thumbelina.open(fixture("photo.png"))
      assert image.bytes == read("photo.png")
      assert {image.format, image.extension} == {:png, ".png"}
      assert {image.width, image.height, image.orientation} == {640, 427, 1}
    end

    test "gives posix reasons and the path" do
      assert {:error, %Error{reason: :enoent, path: "no/such.jpg"}} =
               Thumbelina.open("no/such.jpg")

      assert {:error, %Error{reason: :eisdir}} = Thumbelina.open(@fixtures)

      assert_raise Error, "no/such.jpg: no such file or directory", fn ->
        Thumbelina.open!("no/such.jpg")
      end
    end

    test "shows sizes upright" do
      for orientation <- 1..8 do
        image = Thumbelina.open!(fixture("orientation-#{orientation}.jpg"))
        assert {image.orientation, image.width, image.height} == {orientation, 60, 40}
      end
    end
  end

  describe "new/1" do
    test "goes by the bytes" do
      formats = [
        {"photo.jpg", :jpeg, ".jpg"},
        {"photo.png", :png, ".png"},
        {"photo.gif", :gif, ".gif"},
        {"photo.webp", :webp, ".webp"},
        {"photo.tif", :tiff, ".tif"},
        {"photo.bmp", :bmp, ".bmp"},
        {"photo.ico", :ico, ".ico"},
        {"photo.tga", :tga, ".tga"},
        {"photo.dds", :dds, ".dds"},
        {"photo.ppm", :pnm, ".pnm"},
        {"photo.qoi", :qoi, ".qoi"},
        {"photo.hdr", :hdr, ".hdr"},
        {"photo.exr", :openexr, ".exr"},
        {"photo.ff", :farbfeld, ".ff"}
      ]

      for {name, format, extension} <- formats do
        assert {:ok, %Image{format: ^format, extension: ^extension}} = Thumbelina.new(read(name))
      end
    end

    test "refuses what is no picture" do
      for bytes <- ["", "x", "GIF", String.duplicate("no picture at all ", 1000)] do
        assert {:error, %Error{reason: :unsupported_format, format: nil}} = Thumbelina.new(bytes)
      end
    end

    test "tells a broken header from one that ends too soon" do
      png = read("photo.png")

      assert {:error, %Error{reason: :truncated, format: :png}} =
               Thumbelina.new(binary_part(png, 0, 20))

      <<start::binary-size(16), _::32, rest::binary>> = png
      broken = <<start::binary, 0::32, rest::binary>>
      assert {:error, %Error{reason: :invalid_image, format: :png}} = Thumbelina.new(broken)
    end

    test "reads the header of a large input where it holds no scheduler" do
      bytes = read("photo.png") <> :binary.copy(<<0>>, 2_000_000)
      assert {:ok, %Image{format: :png, width: 640}} = Thumbelina.new(bytes)
    end

    test "keeps to the limits" do
      bytes = read("photo.png")
      size = byte_size(bytes)

      assert {:error, %Error{limit: :max_bytes_in, value: ^size}} =
               Thumbelina.new(bytes, max_bytes_in: size - 1)

      assert {:error, %Error{reason: :invalid_option, key: :fit}} =
               Thumbelina.new(bytes, fit: :cover)
    end

    test "takes iodata, and nothing that is none" do
      assert {:error, %Error{reason: :truncated}} = Thumbelina.new(~c"GIF89a")
      assert {:ok, %{format: :pnm}} = Thumbelina.new(["P5 2 1 ", [?2, "55
"], <<0, 255>>])

      for wrong <- [nil, 1, %{bytes: ""}, {:ok, "x"}, [:x], 1..3] do
        assert {:error, %Error{reason: :invalid_option, key: :image}} = Thumbelina.new(wrong)
      end
    end
  end

  describe "thumbnail/4" do
    test "keeps the format where it can be written" do
      for name <-
            ~w(photo.jpg photo.png photo.gif photo.webp photo.tif photo.bmp photo.ico photo.tga
                     photo.ppm photo.qoi photo.hdr photo.exr photo.ff) do
        image = Thumbelina.open!(fixture(name))
        assert {:ok, thumb} = Thumbelina.thumbnail(image, 40, 40)
        assert {thumb.format, thumb.extension} == {image.format, image.extension}
        assert max(thumb.width, thumb.height) == 40
        assert {:ok, ^thumb} = Thumbelina.new(thumb.bytes)
      end
    end

    test "gives JPEG, or PNG where there is alpha, for a format that is only read" do
      assert {:ok, %Image{format: format}} = Thumbelina.thumbnail(read("photo.dds"), 20, 20)
      assert format in [:jpeg, :png]
      # An icon larger than icons can be.
      assert {:ok, %Image{format: :ico}} = Thumbelina.thumbnail(read("photo.ico"), 40, 40)

      assert {:ok, %Image{format: :png, width: 300}} =
               Thumbelina.thumbnail(read("photo.ico"), 300, 300, enlarge: true)
    end

    test "takes an image or its bytes" do
      image = Thumbelina.open!(fixture("photo.jpg"))
      assert Thumbelina.thumbnail(image, 64, 64) == Thumbelina.thumbnail(image.bytes, 64, 64)
    end

    test "takes part of a larger binary, and one that is still being appended to" do
      bytes = read("photo.png")
      expected = Thumbelina.thumbnail(bytes, 50, 50)

      part = binary_part("abc" <> bytes <> "def", 3, byte_size(bytes))
      assert Thumbelina.thumbnail(part, 50, 50) == expected

      appended = for <<byte <- bytes>>, into: <<>>, do: <<byte>>
      task = Task.async(fn -> Thumbelina.thumbnail(appended, 50, 50) end)
      for n <- 1..100, do: appended <> <<n>>
      assert Task.await(task) == expected
    end

    test "accepts whole floats" do
      bytes = read("photo.png")
      assert Thumbelina.thumbnail(bytes, 50.0, 50.0) == Thumbelina.thumbnail(bytes, 50, 50)
    end

    test "leaves a nil side free" do
      bytes = read("photo.png")
      assert {:ok, %Image{width: 160, height: 107}} = Thumbelina.thumbnail(bytes, 160, nil)
      assert {:ok, %Image{width: 160, height: 107}} = Thumbelina.thumbnail(bytes, nil, 107)
    end

    test "refuses bad sizes by name" do
      bytes = read("photo.png")

      for bad <- [0, -1, 1.5, 0.5, "200", :large, 1.0e300, 5_000_000_000] do
        assert {:error, %Error{reason: :invalid_option, key: :width, value: ^bad}} =
                 Thumbelina.thumbnail(bytes, bad, 200)

        assert {:error, %Error{reason: :invalid_option, key: :height, value: ^bad}} =
                 Thumbelina.thumbnail(bytes, 200, bad)
      end

      assert {:error, %Error{reason: :invalid_option, key: :width}} =
               Thumbelina.thumbnail(bytes, nil, nil)
    end

    test "refuses wrong sources" do
      for wrong <- [nil, 1, [:list], %{bytes: ""}, {:ok, "x"}] do
        assert {:error, %Error{reason: :invalid_option, key: :image}} =
                 Thumbelina.thumbnail(wrong, 10, 10)
      end
    end

    test "keeps to the limits" do
      bytes = read("photo.png")

      assert {:error, %Error{reason: :limit_exceeded} = error} =
               Thumbelina.thumbnail(bytes, 10, 10, max_pixels: 273_279)

      assert {error.limit, error.value, error.maximum} == {:max_pixels, 273_280, 273_279}
      assert {:ok, _} = Thumbelina.thumbnail(bytes, 10, 10, max_pixels: 273_280)

      size = byte_size(bytes)

      assert {:error, %Error{limit: :max_bytes_in, value: ^size}} =
               Thumbelina.thumbnail(bytes, 10, 10, max_bytes_in: size - 1)

      assert {:error, %Error{limit: :max_pixels, value: 2_500_000_000}} =
               Thumbelina.thumbnail(read("huge-header.png"), 10, 10)

      assert {:error, %Error{limit: :max_pixels}} =
               Thumbelina.thumbnail(bytes, 100_000, 100_000, enlarge: true, fit: :fill)

      assert {:error, %Error{limit: :side, maximum: 256}} =
               Thumbelina.thumbnail(bytes, 300, 300, format: :ico)
    end

    test "reads only what is allowed" do
      bytes = read("photo.exr")
      assert {:ok, _} = Thumbelina.thumbnail(bytes, 10, 10)

      for formats <- [:default, :all, [:jpeg, :openexr]] do
        assert {:ok, _} = Thumbelina.thumbnail(bytes, 10, 10, formats: formats)
        assert {:ok, _} = Thumbelina.new(bytes, formats: formats)
      end

      for formats <- [[], [:jpeg, :png]] do
        for result <- [
              Thumbelina.thumbnail(bytes, 10, 10, formats: formats),
              Thumbelina.explain(bytes, 10, 10, formats: formats),
              Thumbelina.new(bytes, formats: formats),
              Thumbelina.open(fixture("photo.exr"), formats: formats)
            ] do
          assert {:error, %Error{reason: :format_not_allowed, format: :openexr} = error} = result
          assert Exception.message(error) =~ "formats: :all"
        end
      end

      for wrong <- [:jpeg, [:avif], ["png"], [:jpeg | :png], nil] do
        assert {:error, %Error{reason: :invalid_option, key: :formats}} =
                 Thumbelina.thumbnail(bytes, 10, 10, formats: wrong)
      end
    end

    test "keeps to the limit on memory" do
      interlaced = read("photo-interlaced.png")
      {:ok, %{width: width, height: height}} = Thumbelina.new(interlaced)

      assert {:error, %Error{reason: :limit_exceeded, limit: :max_memory} = error} =
               Thumbelina.thumbnail(interlaced, 10, 10, max_memory: width * height * 3)

      assert error.value > width * height * 3 and error.maximum == width * height * 3
      assert {:ok, _} = Thumbelina.thumbnail(interlaced, 10, 10, max_memory: error.value)
    end

    test "says what is wrong with a picture" do
      assert {:error, %Error{reason: :truncated, format: :png}} =
               Thumbelina.thumbnail(read("truncated.png"), 10, 10)

      assert {:error, %Error{reason: :truncated, format: :gif}} =
               Thumbelina.thumbnail(read("truncated.gif"), 10, 10)

      jpeg = read("truncated.jpg")
      length = byte_size(jpeg)

      assert {:error, %Error{reason: :truncated, format: :jpeg, offset: ^length}} =
               Thumbelina.thumbnail(jpeg, 10, 10)

      # No code begins with as many ones, and the marker that would end the data does not come.
      photo = read("photo.jpg")
      ones = :binary.copy(<<255, 0>>, 8)
      middle = div(byte_size(photo), 2)
      {before, rest} = photo |> :binary.bin_to_list() |> Enum.split(middle)
      damaged = IO.iodata_to_binary([before, ones | Enum.drop(rest, byte_size(ones))])

      assert {:error, %Error{reason: :invalid_image, format: :jpeg, offset: offset}} =
               Thumbelina.thumbnail(damaged, 10, 10)

      # It is that of the MCU, which has some bytes before.
      assert_in_delta offset, middle, 200

      assert_raise Error, "truncated png", fn ->
        Thumbelina.thumbnail!(read("truncated.png"), 10, 10)
      end
    end

    test "shows what there is of a picture, if asked" do
      rows = fn bytes ->
        thumb = Thumbelina.thumbnail!(bytes, 160, 160, format: :pnm, on_damage: :gray)
        <<"P6", _::binary>> = thumb.bytes
        size = thumb.width * thumb.height * 3
        pixels = binary_part(thumb.bytes, byte_size(thumb.bytes) - size, size)
        for <<row::binary-size(480) <- pixels>>, do: row
      end

      whole = rows.(read("photo.jpg"))
      cut = rows.(read("truncated.jpg"))
      assert length(cut) == length(whole)
      assert Enum.take(cut, 20) == Enum.take(whole, 20)
      assert List.last(cut) == :binary.copy(<<128>>, 480)

      # There is nothing to show of a header alone.
      header = binary_part(read("photo.jpg"), 0, 100)

      assert {:error, %Error{reason: :truncated}} =
               Thumbelina.thumbnail(header, 9, 9, on_damage: :gray)

      assert {:ok, %Image{format: :png, width: 9}} =
               Thumbelina.thumbnail(read("truncated.png"), 9, 9, on_damage: :gray)
    end

    test "makes small things of extreme ones" do
      for {name, format} <- [{"1x1.png", :png}, {"1x1.gif", :gif}, {"1x1.jpg", :jpeg}] do
        assert {:ok, %Image{format: ^format, width: 1, height: 1}} =
                 Thumbelina.thumbnail(read(name), 200, 200)

        assert {:ok, %Image{width: 64, height: 64}} =
                 Thumbelina.thumbnail(read(name), 64, 64, enlarge: true)
      end

      assert {:ok, %Image{width: 1, height: 200}} =
               Thumbelina.thumbnail(read("tall.png"), 200, 200)

      assert {:ok, %Image{width: 200, height: 1}} =
               Thumbelina.thumbnail(read("wide.png"), 200, 200)

      assert {:ok, %Image{width: 1, height: 1}} = Thumbelina.thumbnail(read("photo.jpg"), 1, 1)
    end

    test "quality counts in JPEG" do
      sizes =
        for quality <- [1, 30, 80, 100] do
          byte_size(Thumbelina.thumbnail!(read("photo.jpg"), 200, 200, quality: quality).bytes)
        end

      assert sizes == Enum.sort(sizes)
      assert hd(sizes) * 5 < List.last(sizes)
    end
  end

  describe "position:" do
    # What the names of the compass and some points keep of a side of 16 pixels, of which 10 fit.
    @across %{0.0 => 0, 0.5 => 3, 1.0 => 6, 0.3 => 0, 0.4 => 1, 0.6 => 5, 0.99 => 6}

    # The rows of a gray picture, each pixel another.
    defp pnm(rows) do
      [row | _] = rows
      "P5 #{length(row)} #{length(rows)} 255\n" <> for(row <- rows, g <- row, into: "", do: <<g>>)
    end

    defp shown(%Image{format: :pnm, width: width, height: height, bytes: bytes}) do
      gray = binary_part(bytes, byte_size(bytes) - width * height, width * height)
      for <<row::binary-size(width) <- gray>>, do: :binary.bin_to_list(row)
    end

    test "keeps exactly that part" do
      wide = for y <- 0..9, do: Enum.to_list((y * 16)..(y * 16 + 15))
      tall = for x <- 0..15, do: Enum.to_list((x * 10)..(x * 10 + 9))
      points = for x <- [0.3, 0.4, 0.6, 0.99], do: {x, 1 - x}

      for position <- (Thumbelina.Position.names() -- [:attention, :entropy]) ++ points do
        {x, y} = Thumbelina.Position.point(position)
        opts = [fit: :cover, position: position]

        {:ok, thumb} = wide |> pnm() |> Thumbelina.thumbnail(10, 10, opts)
        assert shown(thumb) == for(row <- wide, do: Enum.slice(row, @across[x], 10))
        {:ok, plan} = wide |> pnm() |> Thumbelina.explain(10, 10, opts)
        assert plan.crop == {@across[x] * 1.0, 0.0, 10.0, 10.0}

        {:ok, thumb} = tall |> pnm() |> Thumbelina.thumbnail(10, 10, opts)
        first = if is_atom(position), do: @across[y], else: 6 - @across[x]
        assert shown(thumb) == Enum.slice(tall, first, 10)
      end
    end

    test "is of the picture as shown, whichever way it is stored" do
      for orientation <- 1..8,
          {position, colors} <- [
            northwest: [:upper_left, :lower_left],
            west: [:upper_left, :lower_left],
            center: nil,
            east: [:upper_right, :lower_right],
            southeast: [:upper_right, :lower_right]
          ] do
        picture = read("orientation-#{orientation}.jpg")
        opts = [fit: :cover, format: :pnm, filter: :box]
        {:ok, whole} = Thumbelina.thumbnail(picture, 60, 40, opts)
        {:ok, thumb} = Thumbelina.thumbnail(picture, 10, 20, [position: position] ++ opts)
        {:ok, plan} = Thumbelina.explain(picture, 10, 20, [position: position] ++ opts)
        left = %{northwest: 0.0, west: 0.0, center: 20.0, east: 40.0, southeast: 40.0}[position]
        assert plan.crop == {left, 0.0, 20.0, 40.0}

        if colors do
          places = %{
            upper_left: {9, 9},
            upper_right: {49, 9},
            lower_left: {9, 29},
            lower_right: {49, 29}
          }

          for {color, place} <- Enum.zip(colors, [{4, 4}, {4, 14}]) do
            expected = color(whole, places[color])
            distances = Enum.zip_with(color(thumb, place), expected, &abs(&1 - &2))
            assert Enum.max(distances) <= 3
          end
        end
      end
    end

    defp color(%Image{width: width, height: height, bytes: bytes}, {x, y}) do
      at = byte_size(bytes) - 3 * width * height + 3 * (y * width + x)
      bytes |> binary_part(at, 3) |> :binary.bin_to_list()
    end

    test "does not matter where nothing is cut off" do
      for name <- ~w(photo.jpg photo.png orientation-6.jpg 1x1.png tall.png),
          opts <- [[], [fit: :fill], [fit: :cover, enlarge: name == "1x1.png"]],
          {width, height} <-
            if(opts[:fit] == :cover, do: [{30, nil}, {nil, 30}], else: [{30, 20}]) do
        {:ok, thumb} = Thumbelina.thumbnail(read(name), width, height, opts)
        opts = [position: {0.1, 0.9}] ++ opts
        assert {:ok, ^thumb} = Thumbelina.thumbnail(read(name), width, height, opts)
        assert {:ok, %Plan{crop: nil}} = Thumbelina.explain(read(name), width, height, opts)
      end
    end

    test "is the same for every way to make a thumbnail" do
      image = Thumbelina.open!(fixture("photo.jpg"))
      opts = [fit: :cover, position: {0.9, 0.2}]
      {:ok, thumb} = Thumbelina.thumbnail(image, 40, 80, opts)
      refute {:ok, thumb} == Thumbelina.thumbnail(image, 40, 80, fit: :cover)

      assert {:ok, [^thumb]} = Thumbelina.thumbnails(image, [{40, 80}], opts)
      size = {40, 80, position: {0.9, 0.2}}
      assert {:ok, [^thumb]} = Thumbelina.thumbnails(image, [size], fit: :cover)
      assert {:ok, ^thumb, _stats} = Thumbelina.measure(image, 40, 80, opts)
      assert [{:ok, ^thumb}] = [image] |> Thumbelina.stream(40, 80, opts) |> Enum.to_list()
      assert :ok = Thumbelina.cast(:thumbnail, self(), image, 40, 80, opts)
      assert_receive {:ok, ^thumb}, 5_000
      assert {:ok, ^thumb} = Thumbelina.Cluster.thumbnail(image, 40, 80, opts)
      pieces = File.stream!(fixture("photo.jpg"), [], 1000)
      assert {:ok, ^thumb} = Thumbelina.thumbnail(pieces, 40, 80, opts)
    end

    test "names what is wrong" do
      {:error, error} = Thumbelina.thumbnail(read("photo.png"), 9, 9, position: :top)
      assert {error.reason, error.key, error.value} == {:invalid_option, :position, :top}
      assert error.expected =~ ":center, :north, :northeast, :east, :southeast, :south,"

      assert error.expected =~
               ":northwest, :attention, :entropy, or {x, y} with fractions from 0 to 1"
    end
  end

  describe "explain/4" do
    test "says what thumbnail/4 makes" do
      for name <- ~w(photo.jpg photo.png orientation-6.jpg tall.png),
          fit <- [:contain, :cover, :fill],
          {width, height} <- [{50, 50}, {33, 200}, {nil, 20}, {500, nil}] do
        bytes = read(name)
        assert {:ok, %Plan{} = plan} = Thumbelina.explain(bytes, width, height, fit: fit)
        thumb = Thumbelina.thumbnail!(bytes, width, height, fit: fit)
        assert {plan.width, plan.height, plan.format} == {thumb.width, thumb.height, thumb.format}
        assert plan.cost == plan.costs.decode + plan.costs.resample + plan.costs.encode
      end
    end

    test "names the scheduler and the reason" do
      png = read("photo.png")

      assert {:ok, %Plan{scheduler: :normal, reason: :within_yield_limit}} =
               Thumbelina.explain(png, 50, 50)

      for scheduler <- [:normal, :dirty] do
        assert {:ok, %Plan{scheduler: ^scheduler, reason: :asked}} =
                 Thumbelina.explain(png, 50, 50, scheduler: scheduler)
      end

      # A WebP is decoded in pieces like any other.
      assert {:ok, %Plan{scheduler: :normal, reason: :within_yield_limit}} =
               Thumbelina.explain(Thumbelina.thumbnail!(png, 640, 640, format: :webp), 50, 50)
    end

    test "shrinks a JPEG while it decodes" do
      jpeg = read("photo.jpg")

      # The picture is 640 pixels wide. At 10 there are averages on top.
      for {side, scale} <- [{10, 16}, {42, 8}, {43, 4}, {93, 4}, {96, 2}, {188, 2}, {190, 1}] do
        assert {:ok, %Plan{decode_scale: {^scale, ^scale}}} = Thumbelina.explain(jpeg, side, side)
      end
    end

    test "tells how often pixels are encoded, and what once takes" do
      jpeg = read("photo.jpg")

      plan = fn opts ->
        {:ok, plan} = Thumbelina.explain(jpeg, 400, 400, opts)
        plan
      end

      for {opts, encodes} <- [
            {[], 1},
            {[max_bytes: 9_000], 6},
            {[max_bytes: 9_000, format: :avif], 6},
            {[max_bytes: 9_000, format: :png], 1}
          ],
          do: assert(plan.(opts).encodes == encodes, inspect(opts))

      encode = fn opts -> plan.(opts).costs.encode end
      assert encode.(max_bytes: 9_000) == encode.([])
      assert_in_delta encode.(progressive: true), 3 * encode.([]), 3

      # Each takes longer than the one before.
      for chain <- [
            [[], [optimize_coding: true], [progressive: true]],
            [[format: :png], [format: :png, compression: 6], [format: :png, compression: 9]],
            [[format: :png], [format: :png, colors: 16]],
            [[format: :tiff], [format: :tiff, compression: :packbits]],
            [[format: :tiff, compression: :lzw], [format: :tiff, compression: :deflate]]
          ] do
        costs = Enum.map(chain, encode)
        assert costs == costs |> Enum.uniq() |> Enum.sort(), inspect(chain)
      end

      # Options of formats that it has not make no difference.
      assert encode.(progressive: true, format: :png) == encode.(format: :png)
      {:ok, edited} = Thumbelina.explain(jpeg, resize: {400, nil}, max_bytes: 9_000)
      assert edited.encodes == 6
    end

    test "shares a large JPEG out" do
      large = Thumbelina.thumbnail!(read("photo.jpg"), 3000, 3000, enlarge: true, quality: 95)

      assert {:ok, %Plan{scheduler: :dirty, reason: :shared}} =
               Thumbelina.explain(large, 200, 200)
    end

    test "decodes nothing" do
      # Half of the picture is missing, and the header is all that is asked.
      assert {:ok, %Plan{width: 50}} = Thumbelina.explain(read("truncated.png"), 50, 50)
    end

    test "the decode scale is as shown" do
      assert {:ok, %Plan{decode_scale: {4, 2}}} =
               Thumbelina.explain(read("photo.png"), 50, 64, fit: :fill)
    end

    test "keeps to the limit of the input's length" do
      assert {:error, %Error{limit: :max_bytes_in}} =
               Thumbelina.explain(read("photo.png"), 1, 1, max_bytes_in: 100)
    end

    test "fails as thumbnail/4 does" do
      assert {:error, %Error{limit: :max_pixels}} =
               Thumbelina.explain(read("huge-header.png"), 1, 1)

      assert {:error, %Error{reason: :invalid_option}} = Thumbelina.explain("", 0, 1)
      assert {:error, %Error{reason: :unsupported_format}} = Thumbelina.explain("", 1, 1)
    end
  end

  describe "measure/4" do
    test "makes the same thumbnail and says what it took" do
      png = read("photo.png")

      assert {:ok, thumb, %Stats{} = stats} =
               Thumbelina.measure(png, 100, 100, scheduler: :normal)

      assert {:ok, thumb} == Thumbelina.thumbnail(png, 100, 100)
      assert stats.schedulers == [:normal]
      assert stats.slices >= 1
      assert stats.longest_slice > 0
      assert stats.decode > 0 and stats.resample > 0 and stats.encode > 0
      assert {stats.bytes_in, stats.pixels_in} == {byte_size(png), 640 * 427}
      assert {stats.bytes_out, stats.pixels_out} == {byte_size(thumb.bytes), 100 * 67}
    end

    test "counts the bytes of pieces that were needed" do
      bmp = read("photo.bmp")
      <<half::10_000-bytes, rest::bytes>> = bmp
      # What comes after the picture is not asked for.
      pieces = Stream.map([half, rest, :more], fn piece when is_binary(piece) -> piece end)
      assert {:ok, _, stats} = Thumbelina.measure(pieces, 100, 100)
      assert stats.bytes_in == byte_size(bmp)
    end

    test "a dirty scheduler has no slices" do
      assert {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 100, 100, scheduler: :dirty)
      assert {stats.schedulers, stats.slices, stats.longest_slice} == {[:dirty], 0, 0}
    end
  end

  describe "write/2" do
    @tag :tmp_dir
    test "writes the bytes", %{tmp_dir: folder} do
      path = Path.join(folder, "thumb.jpg")
      thumb = Thumbelina.thumbnail!(read("photo.jpg"), 20, 20)
      assert Thumbelina.write(thumb, path) == :ok
      assert Thumbelina.open!(path) == thumb
      assert Thumbelina.write!(thumb, path) == :ok
    end

    @tag :tmp_dir
    test "takes no extension of another format", %{tmp_dir: folder} do
      thumb = Thumbelina.thumbnail!(read("photo.jpg"), 20, 20)

      for name <- ~w(thumb.png thumb.jpg.WEBP) do
        path = Path.join(folder, name)
        assert {:error, %Error{reason: :invalid_option} = error} = Thumbelina.write(thumb, path)
        assert {error.key, error.value} == {:path, path}
        assert_raise Error, ~r/ending in .jpg/, fn -> Thumbelina.write!(thumb, path) end
        refute File.exists?(path)
      end

      for name <- ~w(thumb.JPEG thumb.jpe thumb thumb.tmp thumb.png.jpg .png) do
        assert Thumbelina.write(thumb, Path.join(folder, name)) == :ok
      end
    end

    @tag :tmp_dir
    test "gives posix reasons", %{tmp_dir: folder} do
      thumb = Thumbelina.thumbnail!(read("photo.jpg"), 20, 20)
      assert {:error, %Error{reason: :eisdir, path: ^folder}} = Thumbelina.write(thumb, folder)

      assert_raise Error, fn ->
        Thumbelina.write!(thumb, Path.join(folder, "no/such/folder.jpg"))
      end
    end
  end
end
