defmodule Thumbelina.Server.ImgproxyTest do
  use ExUnit.Case, async: true
  doctest Thumbelina.Server.Imgproxy

  alias Thumbelina.Image
  alias Thumbelina.Server.Imgproxy

  describe "thumbnail/2" do
    # `{options, size of the picture, size of the thumbnail, fit}`, as imgproxy calculates.
    @sizes [
      {"q:1", {640, 427}, {640, 427}, :fill},
      {"rs:fit:300:300", {600, 400}, {300, 200}, :fill},
      {"rs:fit:300:300", {200, 100}, {200, 100}, :fill},
      {"rs:fit:300:300:1", {200, 100}, {300, 150}, :fill},
      {"rs:fit:300:0", {600, 400}, {300, 200}, :fill},
      {"rs:fit:0:100", {600, 400}, {150, 100}, :fill},
      {"rs:fit:100:100", {10_000, 1}, {100, 1}, :fill},
      {"rs:fill:300:300", {600, 400}, {300, 300}, :cover},
      {"rs:fill:300:0", {600, 400}, {300, 200}, :fill},
      {"rs:fill:300:300", {400, 200}, {300, 200}, :cover},
      {"rs:fill:300:300:1", {400, 200}, {300, 300}, :cover},
      {"rs:fill-down:300:300", {400, 200}, {200, 200}, :cover},
      {"rs:fill-down:200:400", {300, 100}, {50, 100}, :cover},
      {"rs:fill-down:300:150", {100, 100}, {100, 50}, :cover},
      {"rs:fill-down:300:300", {600, 400}, {300, 300}, :cover},
      {"rs:force:300:300", {600, 400}, {300, 300}, :fill},
      {"rs:force:300:0", {600, 400}, {300, 400}, :fill},
      {"rs:force:200:50", {100, 100}, {100, 25}, :fill},
      {"rs:force:200:50:1", {100, 100}, {200, 50}, :fill},
      # Landscape and landscape, or portrait and portrait, are filled; a square is a landscape.
      {"rs:auto:300:200", {600, 300}, {300, 200}, :cover},
      {"rs:auto:200:300", {300, 600}, {200, 300}, :cover},
      {"rs:auto:200:300", {600, 300}, {200, 100}, :fill},
      {"rs:auto:300:200", {300, 600}, {100, 200}, :fill},
      {"rs:auto:200:200", {600, 300}, {200, 200}, :cover},
      {"rs:auto:200:200", {300, 600}, {100, 200}, :fill},
      # The ratio of the device's pixels falls where it would enlarge.
      {"rs:fit:100:100/dpr:2", {600, 400}, {200, 133}, :fill},
      {"rs:fit:300:300/dpr:4", {600, 400}, {600, 400}, :fill},
      {"rs:fill:200:200/dpr:2", {300, 400}, {300, 300}, :cover},
      {"rs:fill:200:200/dpr:1.5", {600, 600}, {300, 300}, :fill},
      {"rs:fill:200:200/dpr:2/el:1", {300, 400}, {400, 400}, :cover},
      {"w:100/dpr:0.5", {600, 400}, {50, 33}, :fill},
      {"dpr:2", {60, 40}, {60, 40}, :fill},
      {"dpr:2/el:1", {60, 40}, {120, 80}, :fill},
      # The least sides enlarge.
      {"mw:200", {100, 50}, {200, 100}, :fill},
      {"mh:200", {100, 50}, {400, 200}, :fill},
      {"rs:fit:300:300/mw:300", {100, 400}, {300, 300}, :cover},
      {"w:100/mw:200", {400, 400}, {100, 200}, :cover},
      {"rs:fit:300:300/mw:100/mh:100", {600, 400}, {300, 200}, :fill}
    ]

    test "has the sizes of imgproxy" do
      for {options, {width, height}, {to_width, to_height}, fit} <- @sizes do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        {across, down, opts} = Imgproxy.thumbnail(asked, image(width, height))

        assert {options, across, down, opts[:fit]} == {options, to_width, to_height, fit}
        assert opts[:enlarge]
      end
    end

    test "is what a plain call makes, where both have the same meaning" do
      :rand.seed(:exsss, 11)

      for _ <- 1..300,
          {type, fit} <- [{"fit", :contain}, {"fill", :cover}],
          enlarge <- [true, false] do
        [width, height, w, h] = for _ <- 1..4, do: :rand.uniform(60)
        {:ok, asked} = Imgproxy.parse("/_/rs:#{type}:#{w}:#{h}:#{enlarge}/plain/a", %{})
        picture = Thumbelina.new!(gray(width, height))

        {across, down, opts} = Imgproxy.thumbnail(asked, picture)
        assert {:ok, exact} = Thumbelina.thumbnail(picture, across, down, opts)
        assert {exact.width, exact.height} == {across, down}

        plain = Thumbelina.thumbnail!(picture, w, h, fit: fit, enlarge: enlarge)
        # imgproxy and Thumbelina round a half differently.
        assert abs(plain.width - across) <= 1 and abs(plain.height - down) <= 1
      end
    end

    test "is extended to the box, and left to the library where a border is cut off" do
      for {options, {width, height}, {to_width, to_height}, expected} <- [
            {"rs:fit:100:100:0:1", {60, 30}, {100, 100}, [fit: :pad, enlarge: false]},
            {"rs:fit:100:100:1:1:no", {60, 30}, {100, 100},
             [fit: :pad, enlarge: true, position: :north]},
            {"rs:fit:60:90:0:1:sowe/bg:f00", {120, 60}, {60, 90},
             [fit: :pad, enlarge: false, position: :southwest, background: {255, 0, 0, 255}]},
            {"rs:fit:60:0:0:1", {120, 60}, {60, 30}, [fit: :fill, enlarge: true]},
            {"rs:fit:60:30:0:1", {120, 60}, {60, 30}, [fit: :fill, enlarge: true]},
            {"t:10/rs:fill:60:0/g:sm", {120, 60}, {60, nil},
             [fit: :cover, enlarge: false, trim: 10.0, position: :attention]},
            {"t:10/w:60/h:70/el:1/dpr:2", {20, 20}, {120, 140},
             [fit: :contain, enlarge: true, trim: 10.0]}
          ] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        made = Imgproxy.thumbnail(asked, image(width, height))
        assert {options, made} == {options, {to_width, to_height, expected}}
        {across, down, opts} = made
        assert {:ok, thumb} = Thumbelina.thumbnail(gray(width, height), across, down, opts)
        if opts[:fit] == :pad, do: assert({thumb.width, thumb.height} == {across, down})
      end
    end

    test "has the options, and the quality of the format" do
      for {options, format, expected} <- [
            {"f:png", :jpeg, [format: :png]},
            {"q:30/fq:jpg:50", :jpeg, [quality: 30]},
            {"fq:jpg:50", :jpeg, [quality: 50]},
            {"fq:jpg:50", :png, []},
            {"fq:jpg:50/f:jpg", :png, [format: :jpeg, quality: 50]},
            {"msr:1/msfs:5", :png, [max_pixels: 1_000_000, max_bytes_in: 5]}
          ] do
        config = %{allow_security_options: true}
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", config)
        {8, 8, opts} = Imgproxy.thumbnail(asked, %{image(8, 8) | format: format})
        assert opts == [fit: :fill, enlarge: true] ++ expected
      end
    end

    test "never exceeds what can be asked for" do
      for options <- ["mw:4294967295", "rs:force:4294967295:4294967295:1", "dpr:9999999999/el:1"] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        picture = Thumbelina.new!(gray(1, 60))
        {width, height, opts} = Imgproxy.thumbnail(asked, picture)
        assert {:error, error} = Thumbelina.thumbnail(picture, width, height, opts)
        assert error.reason == :limit_exceeded
      end
    end
  end

  describe "edits/2" do
    defp edits(options, {width, height}, more \\ []) do
      {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
      assert Imgproxy.thumbnail?(asked) == Keyword.get(more, :thumbnail?, false), options
      image = Map.merge(image(width, height), Map.new(Keyword.delete(more, :thumbnail?)))
      Imgproxy.edits(asked, image)
    end

    # `{options, size of the picture, edits}`, as imgproxy calculates.
    @edits [
      {"bl:2/sh:1/w:300", {600, 400},
       [resize: {300, 200, [fit: :fill]}, blur: 2.0, sharpen: {1.0, [amount: 1.5, threshold: 6]}]},
      {"rot:90/w:200", {600, 400}, [rotate: 90, resize: {200, 300, [fit: :fill]}]},
      {"rot:180/fl:1:1", {600, 400}, [rotate: 180, flip: :horizontal, flip: :vertical]},
      # The crop is that of the turned picture, and what is scaled.
      {"c:100:0/rot:270", {600, 400}, [rotate: 270, crop: {150, 0, 100, 600}]},
      {"c:0.5:0.25/w:100", {600, 400},
       [crop: {150, 150, 300, 100}, resize: {100, 33, [fit: :fill]}]},
      {"c:300:300:nowe:10:20/rs:fill:100:50/g:so", {600, 400},
       [crop: {10, 20, 300, 300}, resize: {100, 100, [fit: :fill]}, crop: {0, 50, 100, 50}]},
      {"c:300:300/g:ea:0.1", {600, 400}, [crop: {240, 50, 300, 300}]},
      {"c:300:300:fp:1:0", {600, 400}, [crop: {300, 0, 300, 300}]},
      {"c:9999:9999/bl:1", {600, 400}, [blur: 1.0]},
      {"car:1", {600, 400}, [crop: {100, 0, 400, 400}]},
      {"c:100:50/car:1", {600, 400}, [crop: {276, 176, 50, 50}]},
      {"c:100:50/car:1:1", {600, 400}, [crop: {250, 150, 100, 100}]},
      {"c:600:100/car:1:1", {600, 400}, [crop: {100, 0, 400, 400}]},
      # Offsets are in pixels times dpr, fractions of the picture, and kept inside.
      {"rs:fill:100:100/g:we:10:0/dpr:2", {600, 400},
       [resize: {300, 200, [fit: :fill]}, crop: {20, 0, 200, 200}]},
      {"rs:fill:100:100/g:ea:0.1:0", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {35, 0, 100, 100}]},
      {"rs:fill:100:100/g:ce:-9999:0", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {0, 0, 100, 100}]},
      {"rs:fill:100:100/g:sm/bl:1", {600, 400},
       [resize: {100, 100, [fit: :cover, position: :attention]}, blur: 1.0]},
      {"rs:fill:100:100/g:fp:0:1/bl:1", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {0, 0, 100, 100}, blur: 1.0]},
      # Around it, at exact places.
      {"rs:fill:100:100/ex:1:no:0:10", {60, 40},
       [thumbnail: {100, 100, [fit: :pad, position: {0.5, 10 / 60}]}]},
      {"rs:fit:300:300/ex:1/pd:10", {600, 400},
       [
         resize: {300, 200, [fit: :fill]},
         thumbnail: {300, 300, [fit: :pad, position: {0.0, 0.5}]},
         thumbnail: {320, 320, [fit: :pad, position: {0.5, 0.5}]}
       ]},
      {"w:100/h:100/exar:1", {60, 40}, [thumbnail: {60, 60, [fit: :pad, position: {0.0, 0.5}]}]},
      {"w:100/h:50/exar:1:ea", {40, 40},
       [thumbnail: {80, 40, [fit: :pad, position: {1.0, 0.0}]}]},
      {"w:100/exar:1/bl:1", {60, 40}, [blur: 1.0]},
      {"pd:1:2:3:4/dpr:2/el:1", {60, 40},
       [
         resize: {120, 80, [fit: :fill]},
         thumbnail: {132, 88, [fit: :pad, position: {8 / 12, 2 / 8}]}
       ]},
      # The ratio of the device's pixels, which would enlarge, counts as one.
      {"pd:3/dpr:2", {60, 40}, [thumbnail: {66, 46, [fit: :pad, position: {0.5, 0.5}]}]},
      {"z:0.5/rot:90", {600, 400}, [rotate: 90, resize: {200, 300, [fit: :fill]}]},
      {"z:2:1/w:100/bl:1", {600, 400}, [resize: {200, 67, [fit: :fill]}, blur: 1.0]},
      {"br:51", {6, 4}, [contrast: 1 / 1.4, brighten: 1.4]},
      {"br:-51", {6, 4}, [brighten: 1 / 1.4, contrast: 1.4]},
      {"a:0:1.5:0.5/mc:0.25", {6, 4}, [contrast: 1.5, saturate: 0.5, saturate: 0.75]},
      # Nobody knows the size.
      {"t:10/bl:1/fl:1", {60, 40}, [flip: :horizontal, blur: 1.0, trim: 10.0]},
      {"t:10", {60, 40}, [trim: 10.0]},
      {"t:10/rs:fill:30:0/rot:90", {60, 40},
       [
         rotate: 90,
         thumbnail: {30, nil, [fit: :cover, enlarge: false, position: :center]},
         trim: 10.0
       ]}
    ]

    test "is the pipeline of imgproxy" do
      for {options, size, edits} <- @edits do
        assert {options, edits(options, size)} == {options, edits}
        {width, height} = size
        steps = Keyword.drop(edits, [:trim])
        assert {:ok, _} = Thumbelina.explain(gray(width, height), steps ++ [format: :png])
      end
    end

    test "is as large as thumbnail/2 says, where both make it" do
      for {options, {width, height}, _, _} <- @sizes do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        {across, down, _} = Imgproxy.thumbnail(asked, image(width, height))
        edits = Imgproxy.edits(asked, image(width, height))
        picture = gray(width, height)
        assert {:ok, plan} = Thumbelina.explain(picture, edits)
        assert {options, plan.width, plan.height} == {options, across, down}
      end
    end

    test "zoom is part of a thumbnail" do
      for {options, {width, height}, size} <- [
            {"z:0.5", {600, 400}, {300, 200}},
            {"z:2", {600, 400}, {600, 400}},
            {"z:2/el:1", {600, 400}, {1200, 800}},
            {"w:100/z:1.5", {600, 400}, {150, 100}},
            {"rs:fill:100:100/z:2:1", {600, 400}, {200, 100}}
          ] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        assert Imgproxy.thumbnail?(asked)
        {across, down, _} = Imgproxy.thumbnail(asked, image(width, height))
        assert {options, across, down} == {options, elem(size, 0), elem(size, 1)}
      end
    end

    test "has options, which thumbnail/2 has too" do
      for {options, expected} <- [
            {"bg:f00/bga:0.5", [background: {255, 0, 0, 128}]},
            {"ra:nearest", [filter: :nearest]},
            {"ar:0", [autorotate: false]},
            {"sm:0", [metadata: [:exif, :gps, :iptc, :xmp]]},
            {"kcr:1", [metadata: [:copyright]]},
            {"scp:0", [metadata: [:icc], color: :keep]},
            {"sm:0/scp:0/kcr:1", [metadata: [:exif, :gps, :iptc, :xmp, :icc], color: :keep]}
          ] do
        assert edits(options, {8, 8}, thumbnail?: true) == expected
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})

        assert {8, 8, [{:fit, :fill}, {:enlarge, true} | ^expected]} =
                 Imgproxy.thumbnail(asked, image(8, 8))
      end
    end

    test "without turning it upright, the picture is as it lies" do
      assert edits("ar:0/pd:1", {40, 60}, orientation: 6) ==
               [thumbnail: {62, 42, [fit: :pad, position: {0.5, 0.5}]}, autorotate: false]

      assert edits("ar:0/pd:1", {40, 60}, orientation: 3) ==
               [thumbnail: {42, 62, [fit: :pad, position: {0.5, 0.5}]}, autorotate: false]
    end

    # Pixels that say where they are.
    defp numbered(width, height) do
      pixels = for y <- 0..(height - 1), x <- 0..(width - 1), into: "", do: <<y * 16 + x>>
      "P5 #{width} #{height} 255\n" <> pixels
    end

    defp pixels(options, source) do
      {:ok, asked} = Imgproxy.parse("/_/#{options}/f:pnm/plain/a", %{})
      image = Thumbelina.new!(source)
      edits = Imgproxy.edits(asked, image)

      {:ok, %{data: data, shape: shape}} =
        source |> Thumbelina.edit!(edits) |> Thumbelina.to_pixels()

      {height, width, channels} = shape
      rows = for <<row::binary-size(width * channels) <- data>>, do: row
      assert length(rows) == height
      for row <- rows, do: for(<<sample, _::binary-size(channels - 1) <- row>>, do: sample)
    end

    test "is exact where pixels are moved" do
      source = numbered(4, 3)

      for {options, rows} <- [
            {"c:2:2:nowe", [[0, 1], [16, 17]]},
            {"c:2:1:soea", [[34, 35]]},
            {"c:2:1:nowe:1:1", [[17, 18]]},
            {"rot:90", [[32, 16, 0], [33, 17, 1], [34, 18, 2], [35, 19, 3]]},
            {"rot:90/c:1:2:nowe", [[32], [33]]},
            {"fl:1", [[3, 2, 1, 0], [19, 18, 17, 16], [35, 34, 33, 32]]},
            {"rot:180/fl:0:1", [[3, 2, 1, 0], [19, 18, 17, 16], [35, 34, 33, 32]]},
            {"c:2:1:nowe/pd:1:0:0:2/bg:090909", [[9, 9, 9, 9], [9, 9, 0, 1]]},
            {"c:1:1:nowe/pd:0:1:2:3/bg:090909",
             [[9, 9, 9, 0, 9], [9, 9, 9, 9, 9], [9, 9, 9, 9, 9]]},
            {"c:2:1:nowe/rs:fit:4:3:0:1:no:0:1/bg:090909",
             [[9, 9, 9, 9], [9, 9, 0, 1], [9, 9, 9, 9]]},
            {"c:2:1:nowe/w:3/h:3/exar:1:so/bg:090909", [[9, 9], [0, 1]]}
          ],
          do: assert({options, pixels(options, source)} == {options, rows})
    end

    test "brightness is added" do
      source = numbered(16, 16)
      before = source |> pixels_of() |> List.flatten()

      for added <- [-200, -51, -1, 1, 30, 128, 255] do
        made = "br:#{added}" |> pixels(source) |> List.flatten()

        for {was, now} <- Enum.zip(before, made),
            do: assert_in_delta(now, (was + added) |> max(0) |> min(255), 1.01)
      end
    end

    defp pixels_of(source), do: pixels("q:1", source)
  end

  describe "watermark/3" do
    defp watermark(options, {width, height}, {mark_width, mark_height}) do
      {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a", %{watermark: true})
      refute Imgproxy.thumbnail?(asked)
      Imgproxy.watermark(asked, image(width, height), image(mark_width, mark_height))
    end

    test "is scaled to fit into a part of the finished picture" do
      for {options, size, mark, steps} <- [
            {"wm:1", {100, 80}, {10, 10}, []},
            {"wm:1:ce:0:0:0.5", {100, 80}, {10, 10}, [resize: {40, 40, fit: :fill}]},
            {"wm:1:ce:0:0:0.5", {100, 80}, {200, 10}, [resize: {50, 3, fit: :fill}]},
            {"wm:1:ce:0:0:0.1", {100, 80}, {10, 8}, []},
            {"wm:1:ce:0:0:0.5/rs:fill:20:20", {100, 80}, {7, 7}, [resize: {10, 10, fit: :fill}]},
            {"wm:1:ce:0:0:0.5/rot:90/pd:10:0", {100, 80}, {1, 1}, [resize: {40, 40, fit: :fill}]},
            {"wm:1:ce:0:0:0.0001", {100, 80}, {9, 4}, [resize: {1, 1, fit: :fill}]}
          ] do
        {found, [opacity: 1.0, position: _]} = watermark(options, size, mark)
        assert {options, found} == {options, steps}
      end
    end

    # The picture is black, and the watermark has the numbers of its pixels, from 1 on.
    defp marked(options, {width, height}, {mark_width, mark_height} = mark) do
      {steps, opts} = watermark(options, {width, height}, mark)
      numbers = for n <- 1..(mark_width * mark_height), into: "", do: <<n>>
      mark = "P5 #{mark_width} #{mark_height} 255\n" <> numbers
      overlay = Thumbelina.edit!(mark, steps ++ [format: :farbfeld]).bytes
      black = "P5 #{width} #{height} 255\n" <> :binary.copy(<<0>>, width * height)
      marked = Thumbelina.edit!(black, overlay: {overlay, opts}, formats: :all, format: :pnm)
      {:ok, %{data: data, shape: {_, _, channels}}} = Thumbelina.to_pixels(marked)
      gray = for <<sample, _::binary-size(channels - 1) <- data>>, do: sample
      Enum.chunk_every(gray, width)
    end

    test "lies where imgproxy puts it, and may be partly outside" do
      for {at, rows} <- [
            {"nowe", [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 0]]},
            {"soea", [[0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]]},
            # Halves are rounded to the even number.
            {"ce", [[0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]]},
            {"no:1:1", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 3]]},
            {"soea:1:0", [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0]]},
            {"nowe:0.5:0", [[0, 0, 1, 2], [0, 0, 3, 4], [0, 0, 0, 0]]},
            {"nowe:-1:-1", [[4, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]},
            {"soea:-1:0", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 3]]},
            {"nowe:-50:50", [[0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0]]}
          ],
          do: assert({at, marked("wm:1:#{at}", {4, 3}, {2, 2})} == {at, rows})
    end

    test "is cut off where it is larger than the picture" do
      assert marked("wm:1:nowe", {2, 2}, {3, 4}) == [[1, 2], [4, 5]]
      assert marked("wm:1:soea", {2, 2}, {3, 4}) == [[8, 9], [11, 12]]
      assert marked("wm:1:ce", {1, 2}, {3, 4}) == [[1], [4]]
    end

    test "is repeated from the middle on, with spaces around it" do
      assert marked("wm:1:re", {5, 3}, {1, 1}) == List.duplicate([1, 1, 1, 1, 1], 3)
      assert marked("wm:1:re", {4, 2}, {2, 2}) == [[2, 1, 2, 1], [4, 3, 4, 3]]
      assert marked("wm:1:re:2:1", {6, 2}, {1, 1}) == [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]]
      assert marked("wm:1:re:0.5:0", {4, 1}, {2, 1}) == [[0, 1, 2, 0]]
      assert marked("wm:0.5:re", {2, 1}, {1, 1}) == [[1, 1]]
    end
  end

  defp image(width, height),
    do: %Image{bytes: "", format: :png, extension: ".png", width: width, height: height}

  defp gray(width, height),
    do: "P5 #{width} #{height} 255\n" <> :binary.copy(<<100>>, width * height)
end
