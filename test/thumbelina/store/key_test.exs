defmodule Thumbelina.Store.KeyTest do
  # Reads and writes the application's environment.
  use ExUnit.Case

  alias Thumbelina.{Error, Image, Store}

  @photo File.read!("test/fixtures/photo.png")

  defp png, do: @photo

  # Every option, with its default, another value, and whether that makes another key.
  @options [
    {:fit, :contain, :cover, true},
    {:position, :center, :north, true},
    {:enlarge, false, true, true},
    {:background, nil, :red, true},
    {:dpr, 1, 2, true},
    {:linear, false, true, true},
    {:autorotate, true, false, true},
    {:trim, false, true, true},
    {:format, nil, :webp, true},
    {:quality, 80, 79, true},
    {:color, :srgb, :keep, true},
    {:progressive, false, true, true},
    {:subsampling, :auto, "4:2:2", true},
    {:optimize_coding, false, true, true},
    {:compression, nil, 6, true},
    {:colors, nil, 16, true},
    {:dither, false, true, true},
    {:max_bytes, nil, 5_000, true},
    {:filter, :lanczos3, :box, true},
    {:metadata, :strip, :keep, true},
    {:on_damage, :error, :gray, true},
    {:formats, :default, [:png], true},
    {:max_pixels, 268_435_456, 268_435_455, true},
    {:max_bytes_in, 268_435_456, 268_435_455, true},
    {:max_memory, 536_870_912, 536_870_911, false},
    {:timeout, :infinity, 1000, false},
    {:scheduler, :auto, :dirty, false},
    {:priority, :low, :unchanged, false}
  ]

  @output [:fit, :position, :enlarge, :background, :dpr, :linear, :format, :quality, :color] ++
            [:progressive, :subsampling, :optimize_coding, :compression, :colors, :dither] ++
            [:max_bytes, :filter, :metadata]

  test "every option is in the list above" do
    names = for {name, _, _, _} <- @options, do: name
    assert Enum.sort(names) == Thumbelina.Options.types() |> Keyword.keys() |> Enum.sort()
  end

  test "is the same whether defaults are spelled out or not" do
    key = key!(png(), 100, 100)

    for {name, default, _, _} <- @options,
        do: assert(key!(png(), 100, 100, [{name, default}]) == key)

    for {name, default, other, _} <- @options,
        do: assert(key!(png(), 100, 100, [{name, other}, {name, default}]) == key)

    all = for {name, default, _, _} <- @options, do: {name, default}
    assert key!(png(), 100, 100, all) == key
    assert key!(png(), 100.0, 100, Enum.reverse(all)) == key
  end

  test "differs for what makes another result, and only for that" do
    key = key!(png(), 100, 100)

    for {name, _, other, differs} <- @options,
        do: assert(key!(png(), 100, 100, [{name, other}]) != key == differs, inspect(name))

    sizes = [{100, 100}, {101, 100}, {100, 101}, {100, nil}, {nil, 100}, {10, 10}]
    keys = for {width, height} <- sizes, do: key!(png(), width, height)
    assert length(Enum.uniq(keys)) == length(sizes)
  end

  test "is the same in any order of options, and differs for any two different requests" do
    :rand.seed(:exsss, {1, 2, 3})

    # The digests of random subsets of the options, by what is asked.
    keys =
      for _ <- 1..500, reduce: %{} do
        keys ->
          chosen = Enum.filter(@options, fn _ -> :rand.uniform(3) == 1 end)
          opts = for {name, _, other, _} <- chosen, do: {name, other}
          asked = for {name, _, other, true} <- chosen, do: {name, other}
          size = Enum.random([{10, 20}, {20, 10}])
          {width, height} = size
          key = key!(png(), width, height, Enum.shuffle(opts))
          assert Map.get(keys, {size, asked}, key) == key
          Map.put(keys, {size, asked}, key)
      end

    assert map_size(keys) > 100
    assert keys |> Map.values() |> Enum.uniq() |> length() == map_size(keys)
  end

  test "a list of formats is a set" do
    assert key!(png(), 9, 9, formats: [:png, :jpeg]) ==
             key!(png(), 9, 9, formats: [:jpeg, :png, :jpeg])

    assert key!(png(), 9, 9, formats: [:png]) != key!(png(), 9, 9, formats: [:png, :jpeg])

    assert key!(png(), 9, 9, formats: :all) ==
             key!(png(), 9, 9, formats: Enum.shuffle(Thumbelina.Format.readable()))
  end

  test "a position is a point, by whatever name" do
    for same <- [:north, {0.5, 0}, {0.5, 0.0}, {0.5, String.to_float("-0.0")}],
        do: assert(key!(png(), 9, 9, position: same) == key!(png(), 9, 9, position: :north))

    assert key!(png(), 9, 9, position: {0.5, 0.5}) == key!(png(), 9, 9)
    positions = [{0.5, 1.0e-9} | Thumbelina.Position.names()]
    keys = for position <- positions, do: key!(png(), 9, 9, position: position)
    assert length(Enum.uniq(keys)) == 12
  end

  test "sizes have their options from the call or of their own" do
    for {name, _, other, _} <- @options, name in @output do
      key = key!(png(), [{10, 10, [{name, other}]}, {20, 20, [{name, other}]}])
      assert key == key!(png(), [{10, 10}, {20, 20}], [{name, other}])
      assert key == key!(png(), [{10, 10}, {20, 20, [{name, other}]}], [{name, other}])
      assert key != key!(png(), [{10, 10}, {20, 20, [{name, other}]}])
      assert key != key!(png(), [{20, 20}, {10, 10}], [{name, other}])
    end

    assert key!(png(), [{10, 10}]) != key!(png(), [{10, 10}, {10, 10}])
    # One value is a list.
    assert key!(png(), [{10, 10}]) != key!(png(), 10, 10)
  end

  test "is of the bytes, whatever they come in" do
    image = Thumbelina.new!(png())
    <<head::100-bytes, tail::binary>> = png()
    key = key!(png(), 10, 10)

    for same <- [image, [png()], [head, [[]], tail], [head | tail], %{image | width: 1}],
        do: assert(key!(same, 10, 10) == key)

    for other <- [head, "", png() <> <<0>>, File.read!("test/fixtures/photo.jpg")],
        do: assert(key!(other, 10, 10) != key)
  end

  test "follows the configuration" do
    key = key!(png(), 10, 10)
    on_exit(fn -> Application.delete_env(:thumbelina, :max_pixels) end)
    Application.put_env(:thumbelina, :max_pixels, 1000)
    assert key!(png(), 10, 10) == key!(png(), 10, 10, max_pixels: 1000)
    assert key!(png(), 10, 10) != key
    assert key!(png(), 10, 10, max_pixels: 268_435_456) == key
  end

  test "says what is wrong" do
    pieces = File.stream!("test/fixtures/photo.png", [], 1000)

    for source <- [pieces, nil, 1, %{}, [:no], %Image{Thumbelina.new!(png()) | bytes: 1}] do
      assert {:error, %Error{reason: :invalid_option, key: :image}} = Store.key(source, 9, 9)
    end

    assert {:error, %Error{key: :width}} = Store.key(png(), 0, 9)
    assert {:error, %Error{key: :height}} = Store.key(png(), 9, "9")
    assert {:error, %Error{key: :width}} = Store.key(png(), nil, nil)
    assert {:error, %Error{key: :quality}} = Store.key(png(), 9, 9, quality: 0)
    assert {:error, %Error{key: :color}} = Store.key(png(), [{9, 9}], color: :red)
    assert {:error, %Error{key: :sizes}} = Store.key(png(), [])
    assert {:error, %Error{key: :sizes}} = Store.key(png(), [{9, 9} | 1])
    assert {:error, %Error{key: :sizes}} = Store.key(png(), 9)
  end

  test "edits have keys of their own, of their steps, their options and their overlays" do
    steps = [resize: {20, 20}, blur: 2]
    assert {:ok, <<_::32-bytes>> = key} = Store.edit_key(png(), steps)

    assert Store.edit_key(Thumbelina.new!(png()), [quality: 80, timeout: 9] ++ steps) ==
             {:ok, key}

    assert Store.edit_key(png(), resize: {20.0, 20}, blur: 2.0) == {:ok, key}

    others = [
      Enum.reverse(steps),
      steps ++ [invert: true],
      [resize: {20, 20}],
      steps ++ [quality: 81],
      []
    ]

    keys = for edits <- others, {:ok, key} = Store.edit_key(png(), edits), do: key
    assert length(Enum.uniq([key, key!(png(), 20, 20) | keys])) == 7

    # What is read is what counts, and not where it is.
    photo = {:file, "test/fixtures/photo.png"}
    assert {:ok, marked} = Store.edit_key(png(), overlay: photo)
    assert Store.edit_key(png(), overlay: png()) == {:ok, marked}

    for other <- ["test", {png(), width: 9}, {png(), height: 9}, {png(), opacity: 0.5}],
        do: assert(elem(Store.edit_key(png(), overlay: other), 1) not in [marked, key])
  end

  test "says what is wrong with an edit" do
    assert {:error, %Error{key: :blur}} = Store.edit_key(png(), blur: 0)
    assert {:error, %Error{key: :edits}} = Store.edit_key(png(), nil)
    assert {:error, %Error{key: :image}} = Store.edit_key(nil, blur: 1)
    assert {:error, %Error{key: :overlay}} = Store.edit_key(png(), overlay: Stream.map([1], & &1))

    assert {:error, %Error{reason: :enoent, path: "no.png", key: :overlay}} =
             Store.edit_key(png(), overlay: {:file, "no.png"})
  end

  defp key!(source, sizes) do
    assert {:ok, <<_::32-bytes>> = key} = Store.key(source, sizes)
    key
  end

  defp key!(source, width, height) do
    assert {:ok, <<_::32-bytes>> = key} = Store.key(source, width, height)
    key
  end

  defp key!(source, width, height, opts) do
    assert {:ok, <<_::32-bytes>> = key} = Store.key(source, width, height, opts)
    key
  end
end
