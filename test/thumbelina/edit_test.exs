defmodule Thumbelina.EditTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Edit, Error, Image, Job, Request}

  @photo {:file, "test/fixtures/photo.jpg"}

  # A PNM of rows of gray levels, or of colors.
  defp gray(rows) do
    "P5 #{length(hd(rows))} #{length(rows)} 255\n" <> :erlang.list_to_binary(rows)
  end

  defp rgb(rows) do
    pixels = for row <- rows, {r, g, b} <- row, into: <<>>, do: <<r, g, b>>
    "P6 #{length(hd(rows))} #{length(rows)} 255\n" <> pixels
  end

  # The rows of a PNM without alpha.
  defp rows({:ok, %Image{format: :pnm, bytes: bytes, width: width}}) do
    [kind, _header, samples] = String.split(bytes, "\n", parts: 3)

    case kind do
      "P5" -> for <<row::binary-size(width) <- samples>>, do: :binary.bin_to_list(row)
      "P6" -> for <<row::binary-size(width * 3) <- samples>>, do: colors(row)
    end
  end

  defp colors(row), do: for(<<r, g, b <- row>>, do: {r, g, b})

  # The alpha of a farbfeld, and its colors, of 8 bits.
  defp rgba({:ok, %Image{format: :farbfeld, bytes: <<"farbfeld", w::32, _::32, pixels::binary>>}}) do
    for <<r, _, g, _, b, _, a, _ <- pixels>> do
      {r, g, b, a}
    end
    |> Enum.chunk_every(w)
  end

  @square [[0, 50, 100], [150, 200, 250]]

  test "every step makes exactly these pixels" do
    for {edits, expected} <- [
          {[crop: {1, 0, 2, 1}], [[50, 100]]},
          {[crop: {1, 9}], [[50], [200]]},
          {[crop: {1, 1, position: :southeast}], [[250]]},
          {[flip: :horizontal], [[100, 50, 0], [250, 200, 150]]},
          {[flip: :vertical], [[150, 200, 250], [0, 50, 100]]},
          {[rotate: 90], [[150, 0], [200, 50], [250, 100]]},
          {[rotate: 180.0], [[250, 200, 150], [100, 50, 0]]},
          {[rotate: -90], [[100, 250], [50, 200], [0, 150]]},
          {[rotate: 720], @square},
          {[brighten: 1.5], [[0, 75, 150], [225, 255, 255]]},
          {[contrast: 2], [[0, 0, 73], [173, 255, 255]]},
          {[saturate: 3], @square},
          {[gamma: 0.5], [[0, 10, 39], [88, 157, 245]]},
          {[grayscale: true], @square},
          {[grayscale: false], @square},
          {[invert: true], [[255, 205, 155], [105, 55, 5]]},
          {[threshold: 100], [[0, 0, 255], [255, 255, 255]]},
          {[border: {1, "#070707"}],
           [[7, 7, 7, 7, 7], [7, 0, 50, 100, 7], [7, 150, 200, 250, 7], [7, 7, 7, 7, 7]]},
          {[blur: 0.01], @square},
          {[resize: {6, 2, fit: :fill, filter: :nearest}],
           [[0, 0, 50, 50, 100, 100], [150, 150, 200, 200, 250, 250]]},
          {[thumbnail: {1, 1, fit: :fill, filter: :box}], [[125]]},
          # In the order of the list.
          {[brighten: 2, invert: true], [[255, 155, 55], [0, 0, 0]]},
          {[invert: true, brighten: 2], [[255, 255, 255], [210, 110, 10]]},
          {[crop: {0, 0, 2, 2}, rotate: 90, crop: {0, 0, 1, 2}], [[150], [200]]}
        ] do
      made = Thumbelina.edit(gray(@square), edits)
      assert rows(made) == expected, inspect(edits)
    end
  end

  test "colors" do
    picture = rgb([[{100, 150, 200}, {255, 0, 0}]])

    for {edits, expected} <- [
          {[saturate: 0], [[{143, 143, 143}, {54, 54, 54}]]},
          {[saturate: 2.0], [[{57, 157, 255}, {255, 0, 0}]]},
          {[grayscale: true], [[143, 54]]},
          {[threshold: 60], [[255, 0]]},
          {[border: {1, {1, 2, 3}}, crop: {0, 0, 2, 2}],
           [[{1, 2, 3}, {1, 2, 3}], [{1, 2, 3}, {100, 150, 200}]]}
        ] do
      assert picture |> Thumbelina.edit(edits) |> rows() == expected, inspect(edits)
    end

    # L* 50.03 of the gray, a* and b* of the color.
    assert rows(Thumbelina.tint(gray([[119]]), "#ffc878")) == [[{155, 111, 34}]]
    square = rgb(for _ <- 1..9, do: List.duplicate({9, 9, 9}, 9))
    turned = Thumbelina.rotate(square, 45, background: :lime)
    assert [{0, 255, 0} | _] = turned |> rows() |> hd()
  end

  test "a blur is the weighted sum of its neighbors" do
    # exp(-1/2), over 1 + 2 exp(-1/2) + 2 exp(-2) + 2 exp(-9/2).
    assert rows(Thumbelina.blur(gray([[0, 0, 0, 200, 0, 0, 0]]), 1.0)) ==
             [[1, 11, 48, 80, 48, 11, 1]]

    assert rows(Thumbelina.blur(gray([[77, 77], [77, 77]]), 100)) == [[77, 77], [77, 77]]
  end

  test "an unsharp mask adds the difference" do
    picture = gray([[100, 100, 100, 100, 140, 140, 140, 140]])
    [[_, _, _, below, above | _]] = soft = rows(Thumbelina.blur(picture, 1.0))
    assert soft == [[100, 100, 102, 112, 128, 138, 140, 140]]
    # What the blur took, twice.
    sharp = rows(Thumbelina.sharpen(picture, 1.0, amount: 2))
    assert [[100, 100, 95, low, high | _]] = sharp
    assert_in_delta low, 100 - 2 * (below - 100), 1
    assert_in_delta high, 140 + 2 * (140 - above), 1
    # Differences of less are left alone.
    assert [[100, 100, 100, ^low, ^high, 140, 140, 140]] =
             rows(Thumbelina.sharpen(picture, 1.0, amount: 2, threshold: 5))
  end

  test "an overlay lies where it is put, as far as it can be seen through" do
    under = rgb([[{100, 100, 100}, {100, 100, 100}, {100, 100, 100}]])
    mark = rgb([[{200, 0, 50}]])
    plain = {100, 100, 100}

    for {opts, expected} <- [
          {[], [plain, {200, 0, 50}, plain]},
          {[position: :west], [{200, 0, 50}, plain, plain]},
          {[position: {1, 0}], [plain, plain, {200, 0, 50}]},
          {[position: :northwest, margin: 1], [plain, plain, plain]},
          {[opacity: 0.5], [plain, {150, 50, 75}, plain]},
          {[tile: true], [{200, 0, 50}, {200, 0, 50}, {200, 0, 50}]}
        ] do
      assert rows(Thumbelina.overlay(under, mark, opts)) == [expected], inspect(opts)
      assert rows(Thumbelina.edit(under, overlay: {mark, opts})) == [expected]
    end

    # In a box of its own.
    big = rgb(for _ <- 1..8, do: List.duplicate({9, 9, 9}, 8))
    assert rows(Thumbelina.overlay(under, big, height: 1)) == [[plain, {9, 9, 9}, plain]]
  end

  test "an overlay is anything that is a picture, and its errors say what they are about" do
    for mark <-
          [@photo, File.read!("test/fixtures/photo.jpg")] ++
            [Thumbelina.open!("test/fixtures/photo.jpg")] ++
            [File.stream!("test/fixtures/photo.jpg", [], 4_096)] do
      assert {:ok, made} = Thumbelina.overlay(@photo, mark, width: 50, position: :north)
      assert {:ok, ^made} = Thumbelina.edit(@photo, overlay: {mark, width: 50, position: :north})
    end

    assert {:error, %Error{reason: :unsupported_format, key: :overlay}} =
             Thumbelina.overlay(@photo, "no picture")

    assert {:error, %Error{reason: :enoent, path: "no/such.png", key: :overlay}} =
             Thumbelina.edit(@photo, overlay: {:file, "no/such.png"})

    assert {:error, %Error{reason: :limit_exceeded, limit: :max_pixels, key: :overlay}} =
             Thumbelina.edit(gray(@square), overlay: @photo, max_pixels: 1_000)
  end

  test "what is outside of round corners is clear, or white" do
    picture = gray([[9, 9, 9], [9, 9, 9], [9, 9, 9]])
    made = rgba(Thumbelina.round(picture, :circle, format: :farbfeld))
    # The corners' middles are 1.414 from the middle, within a radius of 1.5 and half a pixel.
    assert [[{9, 9, 9, corner}, {9, 9, 9, 255} | _] | _] = made
    assert_in_delta corner, 255 * (2 - :math.sqrt(2)), 1
    assert [[white | _] | _] = rows(Thumbelina.round(picture, 1.5, format: :pnm) |> flat())
    assert white in 100..120
    assert rgba(Thumbelina.round(picture, 0, format: :farbfeld)) |> hd() |> hd() == {9, 9, 9, 255}
  end

  # JPEG has no alpha; of one color, it is exact but for a level.
  defp flat({:ok, image}) do
    {:ok, jpeg} = Thumbelina.convert(image, :jpeg, quality: 100)
    Thumbelina.convert(jpeg, :pnm)
  end

  test "options that are no steps may stand anywhere" do
    expected = Thumbelina.edit(@photo, resize: {50, 40}, blur: 1, format: :png, quality: 9)
    assert {:ok, %Image{format: :png}} = expected

    assert Thumbelina.edit(@photo, format: :png, resize: {50, 40}, quality: 9, blur: 1) ==
             expected

    assert Thumbelina.edit(@photo, resize: {50, 40}, fit: :contain) ==
             Thumbelina.resize(@photo, 50, 40, fit: :contain)

    assert Thumbelina.edit(@photo, resize: {50, 40, fit: :contain, enlarge: false}) ==
             Thumbelina.thumbnail(@photo, 50, 40)

    assert Thumbelina.edit(@photo, thumbnail: {50, 40}) == Thumbelina.thumbnail(@photo, 50, 40)

    cover = [fit: :cover, position: :east]

    assert Thumbelina.resize(@photo, 50, 40, position: :east) ==
             Thumbelina.thumbnail(@photo, 50, 40, cover)
  end

  test "a resize has the fits and options of a thumbnail" do
    for opts <- [
          [fit: :pad, background: "gold"],
          [fit: :cover, position: :attention],
          [fit: :cover, position: :entropy],
          [fit: :outside],
          [fit: :inside, dpr: 2],
          [fit: :cover, linear: true],
          [trim: true]
        ] do
      {:ok, thumb} = Thumbelina.thumbnail(@photo, 50, 40, [format: :png] ++ opts)
      edits = [thumbnail: {50, 40}, format: :png] ++ opts
      assert {:ok, made} = Thumbelina.edit(@photo, edits)
      assert {made.width, made.height} == {thumb.width, thumb.height}, inspect(opts)
      assert made == thumb, inspect(opts)

      # After a step that is none of the decoding, it is a step of its own.
      assert {:ok, later} = Thumbelina.edit(@photo, [gamma: 1.0] ++ edits)
      assert {later.width, later.height} == {thumb.width, thumb.height}, inspect(opts)
      later = Thumbelina.edit(@photo, [blur: 0.01] ++ edits)
      assert {:ok, %Image{width: width, height: height}} = later
      assert {width, height} == {thumb.width, thumb.height}, inspect(opts)
    end
  end

  test "every function is the step of its name" do
    small = Thumbelina.thumbnail!(@photo, 40, 30)

    for {function, args, edits} <- [
          {:resize, [20, 20], [resize: {20, 20}]},
          {:crop, [1, 2, 20, 10], [crop: {1, 2, 20, 10}]},
          {:crop, [20, 10], [crop: {20, 10}]},
          {:flip, [:vertical], [flip: :vertical]},
          {:rotate, [33], [rotate: 33]},
          {:blur, [4], [blur: 4]},
          {:sharpen, [1], [sharpen: 1]},
          {:brighten, [1.2], [brighten: 1.2]},
          {:contrast, [1.2], [contrast: 1.2]},
          {:saturate, [1.2], [saturate: 1.2]},
          {:gamma, [1.2], [gamma: 1.2]},
          {:grayscale, [], [grayscale: true]},
          {:invert, [], [invert: true]},
          {:threshold, [99], [threshold: 99]},
          {:tint, [:red], [tint: "#f00"]},
          {:overlay, [small], [overlay: small]},
          {:round, [5], [round: 5.0]},
          {:border, [3, :red], [border: {3, {255, 0, 0}}]},
          {:convert, [:webp], [format: :webp]}
        ] do
      {:ok, made} = apply(Thumbelina, function, [small | args])
      assert {:ok, ^made} = Thumbelina.edit(small, edits), inspect(function)
      assert {:ok, %Image{}} = apply(Thumbelina, function, [small | args] ++ [[timeout: 60_000]])

      # As a cast, as far as it takes so many arguments.
      if length(args) in 1..3 do
        :ok = apply(Thumbelina, :cast, [function, self(), small | args] ++ [[tag: function]])
        assert_receive {^function, {:ok, ^made}}, 60_000
      end
    end
  end

  test "a cast of an edit" do
    :ok = Thumbelina.cast(:edit, self(), @photo, resize: {20, 10}, tag: :small, invert: true)
    assert_receive {:small, {:ok, %Image{width: 20, height: 10}}}, 60_000
  end

  test "wrong arguments are errors that name them" do
    for {edits, key} <- [
          {[blur: 0], :blur},
          {[blur: 1001], :blur},
          {[blur: "2"], :blur},
          {[sharpen: 11], :sharpen},
          {[sharpen: {1, amount: -1}], :amount},
          {[sharpen: {1, threshold: 256}], :threshold},
          {[sharpen: {1, sigma: 2}], :sigma},
          {[brighten: -0.1], :brighten},
          {[contrast: nil], :contrast},
          {[saturate: 101], :saturate},
          {[gamma: 0], :gamma},
          {[grayscale: 1], :grayscale},
          {[invert: nil], :invert},
          {[threshold: 256], :threshold},
          {[tint: "no color"], :tint},
          {[round: -1], :round},
          {[round: :square], :round},
          {[border: 3], :border},
          {[border: {3, nil}], :color},
          {[border: {-1, "red"}], :width},
          {[border: {70_000, "red"}], :width},
          {[flip: :both], :flip},
          {[rotate: "90"], :rotate},
          {[rotate: {10, background: 5}], :background},
          {[rotate: {10, color: :red}], :color},
          {[crop: {0, 0, 0, 1}], :width},
          {[crop: {-1, 0, 1, 1}], :x},
          {[crop: {0, 0.5, 1, 1}], :y},
          {[crop: {1, 1, position: :middle}], :position},
          {[crop: {1, 1, position: :attention}], :position},
          {[overlay: {"x", position: :entropy}], :position},
          {[crop: 3], :crop},
          {[resize: {0, 1}], :width},
          {[resize: {nil, nil}], :width},
          {[resize: 400], :resize},
          {[resize: {4, 4, quality: 3}], :quality},
          {[resize: {4, 4, fit: :round}], :fit},
          {[thumbnail: {4, 4, 4}], :thumbnail},
          {[overlay: {"x", opacity: 2}], :opacity},
          {[overlay: {"x", tile: 1}], :tile},
          {[overlay: {"x", margin: -1}], :margin},
          {[overlay: {"x", width: 0}], :width},
          {[overlay: {"x", position: {2, 0}}], :position},
          {[overlay: {"x", 5}], :options},
          {[blurr: 2], :blurr},
          {[quality: 0], :quality},
          {:blur, :edits},
          {[{"blur", 2}], :edits}
        ] do
      assert {:error, %Error{reason: :invalid_option} = error} = Thumbelina.edit("", edits)
      assert error.key == key, inspect({edits, error})
      assert is_binary(Exception.message(error))
    end

    assert {:error, %Error{key: :image}} = Thumbelina.edit(5, blur: 2)
    assert {:error, %Error{key: :invert}} = Thumbelina.blur("", 2, invert: true)
    assert {:error, %Error{key: :options}} = Thumbelina.blur("", 2, :fast)
    assert {:error, %Error{key: :options}} = Thumbelina.convert("", :png, 5)
    assert {:error, %Error{key: :format}} = Thumbelina.convert("", :mp3)
    assert {:error, %Error{key: :degrees}} = Thumbelina.rotate("", 5, degrees: 5)
  end

  test "a crop outside of the picture, at the step where it is" do
    assert {:error, %Error{reason: :outside_picture, value: {3, 2}} = error} =
             Thumbelina.crop(gray(@square), 2, 0, 2, 1)

    assert Exception.message(error) ==
             "the crop is not inside of the picture, which has 3 by 2 pixels there"

    assert {:error, %Error{reason: :outside_picture, value: {2, 3}}} =
             Thumbelina.edit(gray(@square), rotate: 90, crop: {0, 0, 3, 2})
  end

  test "memory is bounded where a step needs the full size" do
    {:ok, big} = Thumbelina.resize(@photo, 2_000, 1_500)

    assert {:error, %Error{reason: :limit_exceeded, limit: :max_memory}} =
             Thumbelina.edit(big, blur: 3, resize: {50, 50}, max_memory: 4_000_000)

    assert {:ok, %Image{width: 50}} =
             Thumbelina.edit(big, resize: {50, 50}, blur: 3, max_memory: 4_000_000)

    assert {:ok, %{steps: [%{step: :blur, width: 2_000, height: 1_500, at: :full_size} | _]}} =
             Thumbelina.explain(big, blur: 3, resize: {50, 50})
  end

  test "all schedulers make the same" do
    edits = [resize: {90, 80}, rotate: 12, blur: 4, sharpen: 1, round: 9, tint: :orange]
    {:ok, made} = Thumbelina.edit(@photo, edits)

    for opts <- [[scheduler: :normal], [scheduler: :dirty], [steps_per_slice: 1]],
        do: assert(Thumbelina.edit(@photo, edits ++ opts) == {:ok, made})

    assert {:ok, ^made} =
             "test/fixtures/photo.jpg" |> File.stream!([], 1_000) |> Thumbelina.edit(edits)

    assert {:ok, ^made, %{schedulers: [:normal]}} =
             Thumbelina.measure(@photo, edits ++ [scheduler: :normal])
  end

  test "a request is plain data, with the pixels of its overlays" do
    mark = rgb([[{200, 0, 50}]])
    assert {:ok, request} = Job.edits(overlay: mark, blur: 2, timeout: 5_000)
    assert [%{steps: [{:overlay, overlay}, {:blur, 2.0}]}] = request.outputs
    assert <<"farbfeld", 1::32, 1::32, 200, 200, 0, 0, 50, 50, 255, 255>> = overlay.picture
    # What the overlay took is not left.
    assert request.timeout <= 5_000
    assert request |> :erlang.term_to_binary() |> :erlang.binary_to_term() == request
    assert {:ok, [%Image{}]} = Job.run(gray(@square), request)
  end

  test "every step is documented" do
    for name <- Edit.names(), do: assert(Edit.docs() =~ "`#{name}: ")
    assert {:ok, %Request{}} = Request.edit([])
  end
end
