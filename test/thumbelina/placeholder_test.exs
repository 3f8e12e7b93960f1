defmodule Thumbelina.PlaceholderTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Image}

  @kinds [:thumbhash, :blurhash, :lqip, :color, :palette]

  defp fixture(name), do: File.read!("test/fixtures/" <> name)

  # A picture whose pixels a function gives, with alpha and without.
  defp pam(width, height, pixel), do: map(4, "RGB_ALPHA", {width, height}, 255, 8, pixel)

  defp ppm(width, height, pixel),
    do: "P6 #{width} #{height} 255\n" <> samples(width, height, pixel)

  defp map(channels, kind, {width, height}, most, bits, pixel) do
    "P7\nWIDTH #{width}\nHEIGHT #{height}\nDEPTH #{channels}\nMAXVAL #{most}\n" <>
      "TUPLTYPE #{kind}\nENDHDR\n" <> samples(width, height, bits, pixel)
  end

  defp samples(width, height, bits \\ 8, pixel) do
    for y <- 0..(height - 1),
        x <- 0..(width - 1),
        sample <- pixel.(x, y),
        into: <<>>,
        do: <<sample::size(bits)>>
  end

  defp slope(x, y), do: [x * 10, y * 15, 255 - x * 10]

  defp waves(x, y),
    do: for(n <- [x * x * 3 + y * 7, x * y * 5, y * y * 2 + x * 11], do: rem(n, 256))

  defp portrait(x, y), do: [x * 15, y * 10, rem(x * y, 256)]

  # A picture that the decoder gets row by row, in the process that asks.
  defp counted(bytes) do
    test = self()

    Stream.resource(
      fn -> bytes end,
      fn
        <<piece::4096-bytes, rest::binary>> -> {[piece], rest}
        "" -> {:halt, ""}
        rest -> {[rest], ""}
      end,
      fn _ -> send(test, :read) end
    )
  end

  # Expected is what `thumbhash` 0.1.1 of npm, which is the reference implementation, makes of the
  # same pixels.
  test "a ThumbHash is the reference's" do
    for {{width, height}, alpha, expected} <- [
          {{24, 16}, fn _, _ -> 255 end, "nRcGFYQQI2YjdZdTmWimpkXgsPfl"},
          {{16, 24}, fn _, _ -> 255 end, "3ScGFQQgUhB1O4U5h4R6eQaR2Kvg"},
          {{32, 32}, fn _, _ -> 255 end, "3hcGDwITRFAwQVVRc0dGGWZkBhsw/ikN"},
          {{24, 16}, fn x, y -> rem(x * y * 3 + x * x, 256) end,
           "nxeCE4IXWRlIhmCXs4DI8xBTVXaGZ3c="},
          {{24, 16}, fn x, y -> if(x * x + y * y > 200, do: 0, else: 255) end,
           "WReGC4RHBEEzZEFJt3+2+X+Gi3Zmh3g="}
        ] do
      picture = pam(width, height, fn x, y -> waves(x, y) ++ [alpha.(x, y)] end)
      assert {:ok, hash} = Thumbelina.placeholder(picture, :thumbhash)
      assert Base.encode64(hash) == expected
    end

    gray = "P5 20 20 255\n" <> samples(20, 20, fn x, y -> [rem(x * x + y * y * 2, 256)] end)
    assert {:ok, hash} = Thumbelina.placeholder(gray, :thumbhash)
    assert Base.encode64(hash) == "HAgGBwAyibUgs2gwpjV2q7uICQAAAAAA"

    for name <- ["photo.jpg", "photo.png", "photo-16bit.png"] do
      assert {:ok, hash} = Thumbelina.placeholder(fixture(name), :thumbhash)
      assert Base.encode64(hash) == "YdcJPYSIeHiPiXd2eTeIg4hwdwlY"
    end

    assert {:ok, hash} = Thumbelina.placeholder(fixture("photo-gray.jpg"), :thumbhash)
    assert Base.encode64(hash) == "IggKBYCYaHmPiXeGeQeIgwAAAAAA"
  end

  # Expected is what the reference implementation in C makes of the same pixels, by
  # `blurhash-python` 1.2.2. That in TypeScript takes the largest of all waves with its sign, and
  # differs where it is negative.
  test "a BlurHash is the reference's" do
    for {picture, expected} <- [
          {ppm(24, 16, &slope/2), "L;F=?=77sZbdmbWYjuf8g0fjfQfj"},
          {ppm(16, 24, &portrait/2), "ToFr^H2*wul?WHjwgGfmfNn-Wmjw"},
          {ppm(20, 20, fn x, _ -> [x * 12, x * 12, x * 12] end), "LnF$Y700xuayt7WBj[fQfQfQfQfQ"},
          {"P5 20 20 255\n" <> samples(20, 20, fn x, _ -> [x * 12] end),
           "LnF$Y700xuayt7WBj[fQfQfQfQfQ"},
          {ppm(2, 1, fn x, _ -> [x * 255, x * 255, x * 255] end), "10Lqe9fQ"},
          {ppm(1, 1, fn _, _ -> [255, 0, 0] end), "00TI:j"},
          {fixture("1x1.png"), "00TI:j"},
          {fixture("photo-gray.jpg"), "LMGbxHxuxu%M~qt7xut7Rjofxuj["}
        ] do
      assert Thumbelina.placeholder(picture, :blurhash) == {:ok, expected}
    end

    # White is behind what has alpha.
    picture = pam(24, 16, fn x, y -> slope(x, y) ++ [x * 5 + y * 8] end)
    assert Thumbelina.placeholder(picture, :blurhash) == {:ok, "L=NKCqT#xGtR;Vt5k8oLtPocj?j@"}

    for name <- ["photo.jpg", "photo.png", "photo-16bit.png"] do
      assert Thumbelina.placeholder(fixture(name), :blurhash) ==
               {:ok, "LzEgB*ofoet6yGoft5ofWHoJs:fk"}
    end
  end

  test "colors of a few pixels are exact" do
    [red, blue, clear] = [[255, 0, 0, 255], [0, 0, 255, 255], [0, 255, 0, 0]]

    for {pixels, color, palette} <- [
          {[red], "#ff0000", ["#ff0000"]},
          {[red, blue, blue], "#5500aa", ["#0000ff", "#ff0000"]},
          {[red, clear], "#ff0000", ["#ff0000"]},
          {[[200, 100, 50, 1]], "#c86432", ["#c86432"]},
          {[[255, 0, 0, 60], blue], "#3100ce", ["#0000ff", "#ff0000"]},
          {[clear], "#ffffff", []}
        ] do
      picture = pam(length(pixels), 1, fn x, _ -> Enum.at(pixels, x) end)
      assert Thumbelina.placeholder(picture, :color) == {:ok, color}
      assert Thumbelina.placeholder(picture, :palette) == {:ok, palette}
    end

    sixteen = fn x, _ -> if x == 0, do: [0xFFFF, 0, 0, 0xFFFF], else: [0, 0xFFFF, 0, 0] end
    picture = map(4, "RGB_ALPHA", {2, 1}, 65_535, 16, sixteen)
    assert Thumbelina.placeholder(picture, :color) == {:ok, "#ff0000"}
    gray = "P5 2 1 255\n" <> <<0, 255>>
    assert Thumbelina.placeholder(gray, :color) == {:ok, "#808080"}
    assert Thumbelina.placeholder(gray, :palette) == {:ok, ["#000000", "#ffffff"]}
  end

  test "a palette has at most five colors, by their shares" do
    # Columns of 5, 4, 3, 2, 1 and 1 pixels.
    colors = [[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 0, 0], [8, 8, 8]]
    columns = Enum.zip(colors, [5, 4, 3, 2, 1, 1])
    row = Enum.flat_map(columns, fn {color, count} -> List.duplicate(color, count) end)
    {:ok, palette} = Thumbelina.placeholder(ppm(16, 4, fn x, _ -> Enum.at(row, x) end), :palette)
    assert ["#fa0000", "#00fa00", "#0000fa" | rest] = palette
    assert length(palette) == 5
    assert "#fafa00" in rest
  end

  test "a tiny picture is as small as it says" do
    for {name, {width, height}} <- [
          {"photo.jpg", {16, 11}},
          {"orientation-6.jpg", {16, 11}},
          {"1x1.png", {1, 1}},
          {"tall.png", nil}
        ] do
      assert {:ok, "data:image/webp;base64," <> data} =
               Thumbelina.placeholder(fixture(name), :lqip)

      bytes = Base.decode64!(data)
      tiny = Thumbelina.new!(bytes)
      assert {tiny.format, max(tiny.width, tiny.height) <= 16} == {:webp, true}
      if width && height, do: assert({tiny.width, tiny.height} == {width, height})
      assert bytes == Thumbelina.thumbnail!(fixture(name), 16, 16, format: :webp).bytes
    end

    half = pam(2, 1, fn x, _ -> [255, 0, 0, x * 128] end)
    {:ok, "data:image/webp;base64," <> data} = Thumbelina.placeholder(half, :lqip)
    assert Thumbelina.thumbnail!(Base.decode64!(data), 2, 2, format: :pnm).bytes =~ "RGB_ALPHA"
  end

  test "every kind is turned upright" do
    for n <- 1..8, do: assert_upright("orientation-#{n}.jpg")
    assert_upright("orientation-6.png")
  end

  # Left is red above blue, right is green above yellow. Lossy pictures that were written in other
  # directions differ by one.
  defp assert_upright(name) do
    upright = fixture("orientation-1.jpg")
    <<head::5-bytes, _::binary>> = Thumbelina.placeholder!(upright, :thumbhash)
    <<size, _max, _average::4-bytes, waves::binary>> = Thumbelina.placeholder!(upright, :blurhash)

    turned = Thumbelina.placeholder!(fixture(name), :thumbhash)
    <<_::24, proportions::16>> = head
    assert <<_::24, ^proportions::16, _::binary>> = turned

    assert <<^size, _max, _average::4-bytes, ^waves::binary>> =
             Thumbelina.placeholder!(fixture(name), :blurhash)
  end

  test "all schedulers, slices and cuts give the same" do
    for name <- ["photo.jpg", "photo.png", "alpha.png", "wide.png", "tall.png", "photo.exr"],
        bytes = fixture(name),
        kind <- @kinds do
      {:ok, value} = Thumbelina.placeholder(bytes, kind)

      for opts <- [
            [scheduler: :normal],
            [scheduler: :dirty],
            [scheduler: :normal, steps_per_slice: 1],
            [priority: :unchanged]
          ],
          do: assert(Thumbelina.placeholder(bytes, kind, opts) == {:ok, value})

      assert Thumbelina.placeholder(counted(bytes), kind) == {:ok, value}
      assert Thumbelina.placeholder([bytes, ""], kind) == {:ok, value}
      assert Thumbelina.placeholder({:file, "test/fixtures/" <> name}, kind) == {:ok, value}
      assert Thumbelina.placeholder!(Thumbelina.new!(bytes), kind) == value
    end
  end

  test "beside thumbnails they are in their places, from one decode" do
    bytes = fixture("photo.png")
    entries = [{100, 100}, {:placeholder, :blurhash}, {80, nil, format: :jpeg}]
    entries = entries ++ for kind <- @kinds, do: {:placeholder, kind}

    assert {:ok, values} = Thumbelina.thumbnails(counted(bytes), entries, quality: 70)
    assert_received :read
    refute_received :read

    alone =
      for entry <- entries do
        case entry do
          {:placeholder, kind} ->
            Thumbelina.placeholder!(bytes, kind)

          {width, height} ->
            Thumbelina.thumbnail!(bytes, width, height, quality: 70)

          {width, height, opts} ->
            Thumbelina.thumbnail!(bytes, width, height, [quality: 70] ++ opts)
        end
      end

    assert values == alone
    assert [%Image{}, "" <> _, %Image{} | _] = values

    assert Thumbelina.thumbnails!(bytes, placeholder: :color) == [
             Thumbelina.placeholder!(bytes, :color)
           ]
  end

  test "a cast sends one" do
    picture = fixture("photo.jpg")
    assert Thumbelina.cast(:placeholder, self(), picture, :blurhash) == :ok
    assert_receive {:ok, "LzEgB*ofoet6yGoft5ofWHoJs:fk"}, 5_000

    assert Thumbelina.cast(:placeholder, self(), picture, :color, tag: :c, max_pixels: 9) == :ok
    assert_receive {:c, {:error, %Error{reason: :limit_exceeded, limit: :max_pixels}}}, 5_000

    assert {:error, %Error{key: :operation}} =
             Thumbelina.cast(:placeholder, self(), picture, :color, [], :more)
  end

  test "a cluster makes them with the thumbnails" do
    picture = fixture("photo.jpg")
    entries = [{50, 50}, {:placeholder, :palette}]

    assert Thumbelina.Cluster.thumbnails(picture, entries) ==
             Thumbelina.thumbnails(picture, entries)
  end

  test "a store has a key for each kind" do
    picture = fixture("photo.jpg")
    key = fn entries -> elem(Thumbelina.Store.key(picture, entries), 1) end
    keys = for kind <- @kinds, do: key.([{:placeholder, kind}])
    assert length(Enum.uniq(keys)) == 5
    assert key.([{50, 50}, {:placeholder, :color}]) != key.([{:placeholder, :color}, {50, 50}])
    assert key.(placeholder: :color) in keys
  end

  describe "errors" do
    test "of the picture and the limits are those of thumbnails" do
      picture = fixture("photo.jpg")

      for kind <- @kinds do
        reason = fn picture, opts ->
          assert {:error, %Error{} = error} = Thumbelina.placeholder(picture, kind, opts)
          error.reason
        end

        assert reason.("no picture", []) == :unsupported_format
        assert reason.("", []) == :unsupported_format
        assert reason.(picture, formats: [:png]) == :format_not_allowed
        assert reason.(picture, max_pixels: 273_279) == :limit_exceeded
        assert reason.(picture, max_bytes_in: 100) == :limit_exceeded
        assert reason.(picture, max_memory: 1000) == :limit_exceeded
        assert reason.(picture, timeout: 0) == :timeout
        assert reason.(picture, panic_after: 1) == :internal_error
        assert reason.(fixture("truncated.jpg"), []) == :truncated
        assert reason.(fixture("truncated.png"), []) == :truncated
        assert reason.(fixture("huge-header.png"), []) == :limit_exceeded
        assert reason.({:file, "no/such.jpg"}, []) == :enoent
        assert reason.(:no_picture, []) == :invalid_option

        assert {:ok, _} = Thumbelina.placeholder(fixture("truncated.jpg"), kind, on_damage: :gray)
      end
    end

    test "of a kind or an option name it" do
      picture = fixture("photo.jpg")

      for kind <- [:thumb_hash, "color", nil, {:palette, 5}] do
        assert {:error, %Error{reason: :invalid_option, key: :placeholder, value: ^kind} = error} =
                 Thumbelina.placeholder(picture, kind)

        assert error.expected =~ ":thumbhash, :blurhash, :lqip, :color, :palette"

        assert {:error, %Error{key: :placeholder, value: ^kind}} =
                 Thumbelina.thumbnails(picture, [{1, 1}, {:placeholder, kind}])
      end

      for {key, value} <- [fit: :cover, format: :png, quality: 5, filter: :box, enlarge: true] do
        assert {:error, %Error{reason: :invalid_option, key: ^key, value: ^value}} =
                 Thumbelina.placeholder(picture, :color, [{key, value}])
      end

      assert {:error, %Error{key: :timeout}} =
               Thumbelina.placeholder(picture, :color, timeout: -1)

      assert {:error, %Error{key: :options}} = Thumbelina.placeholder(picture, :color, :fast)
      assert_raise Error, fn -> Thumbelina.placeholder!("no picture", :color) end
    end

    test "a caller that is killed leaves nothing behind" do
      pieces = Stream.repeatedly(fn -> receive(do: (piece -> piece)) end)
      {pid, monitor} = spawn_monitor(fn -> Thumbelina.placeholder(pieces, :thumbhash) end)
      send(pid, binary_part(fixture("photo.png"), 0, 10_000))
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^monitor, _, _, :killed}, 5_000
      # The next one has a seat and an answer.
      assert {:ok, _} = Thumbelina.placeholder(fixture("photo.png"), :thumbhash, timeout: 60_000)
    end
  end

  test "many at a time are what they are alone" do
    bytes = fixture("photo.jpg")
    alone = for kind <- @kinds, do: Thumbelina.placeholder!(bytes, kind)

    results =
      1..20
      |> Enum.map(fn _ ->
        Task.async(fn -> for kind <- @kinds, do: Thumbelina.placeholder!(bytes, kind) end)
      end)
      |> Task.await_many(60_000)

    assert Enum.uniq(results) == [alone]
  end
end
