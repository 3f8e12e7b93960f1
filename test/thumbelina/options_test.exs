defmodule Thumbelina.OptionsTest do
  # Reads and writes the application's environment.
  use ExUnit.Case

  alias Thumbelina.{Error, Options, Request}

  test "fills in the defaults" do
    assert {:ok, request} = Request.new(10, 20, [])
    assert %Request{outputs: [output], scheduler: :auto, max_pixels: 268_435_456} = request

    assert output == %{
             width: 10,
             height: 20,
             fit: :contain,
             position: {0.5, 0.5},
             enlarge: false,
             background: nil,
             linear: false,
             format: nil,
             quality: 80,
             color: :srgb,
             progressive: false,
             subsampling: :auto,
             optimize_coding: false,
             compression: nil,
             colors: nil,
             dither: false,
             max_bytes: nil,
             filter: :lanczos3,
             metadata: [],
             steps: []
           }
  end

  test "takes what was given, the last of two" do
    assert {:ok, %{outputs: [%{fit: :fill, quality: 1}]}} =
             Request.new(1, 1, fit: :cover, quality: 1, fit: :fill)
  end

  test "names an unknown option and the known ones" do
    assert {:error, %Error{reason: :invalid_option, key: :shade, value: :red} = error} =
             Request.new(1, 1, shade: :red)

    for known <-
          ~w(fit position enlarge format quality color filter metadata on_damage max_pixels timeout
          scheduler) do
      assert error.expected =~ ":#{known}"
    end

    refute error.expected =~ "steps_per_slice"
  end

  test "names a wrong value and what was expected" do
    for {key, wrong} <- [
          fit: :tight,
          fit: nil,
          position: :top,
          position: nil,
          position: "north",
          position: [0, 0],
          position: {0.5},
          position: {0, 1, 0},
          position: {0.5, 1.000001},
          position: {-1, 0},
          position: {0, :north},
          enlarge: 1,
          background: "#12345",
          background: :nocolor,
          background: {1, 2, 256},
          dpr: 0.09,
          dpr: 11,
          dpr: "2",
          linear: nil,
          autorotate: 0,
          trim: -1,
          trim: 256,
          trim: nil,
          format: :dds,
          format: "png",
          on_damage: :black,
          quality: 0,
          quality: 101,
          quality: 80.0,
          metadata: :all,
          metadata: nil,
          metadata: [:everything],
          metadata: [:exif | :gps],
          progressive: 1,
          subsampling: "4:1:1",
          subsampling: :half,
          optimize_coding: nil,
          compression: 10,
          compression: :zip,
          colors: 1,
          colors: 257,
          dither: 0.5,
          max_bytes: 0,
          filter: :sinc,
          max_pixels: 0,
          max_bytes_in: -1,
          scheduler: :dirty_io,
          timeout: -1,
          timeout: nil,
          priority: :high
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key, value: ^wrong} = error} =
               Request.new(1, 1, [{key, wrong}])

      assert Exception.message(error) =~ inspect(key)
    end
  end

  test "what means the same is the same" do
    assert Request.new(9, 9, fit: :inside) == Request.new(9, 9, [])
    assert Request.new(9, 9, trim: true) == Request.new(9, 9, trim: 10)
    assert Request.new(9, nil, dpr: 1.5) == Request.new(14, nil, [])
    assert Request.new(1, 1, dpr: 0.1) == Request.new(1, 1, [])

    for red <- ["#f00", "#FF0000ff", "red", :red, {255, 0, 0}, {255, 0, 0, 255}] do
      assert {:ok, %{outputs: [%{background: {255, 0, 0, 255}}]}} =
               Request.new(9, 9, background: red)
    end

    assert {:ok, %{outputs: [%{position: :attention}]}} = Request.new(9, 9, position: :attention)

    assert {:error, %Error{key: :width, value: 10_000_000_000}} =
             Request.new(4_000_000_000, 1, dpr: 2.5)
  end

  test "gives each size its own options, and those of the call" do
    sizes = [{10, nil}, {20.0, 5, fit: :cover, quality: 3}]
    assert {:ok, %{outputs: [first, second]}} = Request.new(sizes, format: :png, quality: 7)
    assert %{width: 10, height: nil, fit: :contain, format: :png, quality: 7} = first
    assert %{width: 20, height: 5, fit: :cover, format: :png, quality: 3} = second

    for wrong <- [[], nil, {1, 1}, [{1}], [{1, 1, 1, 1}], [1, 2], [{1, 1} | {2, 2}]] do
      assert {:error, %Error{reason: :invalid_option, key: :sizes}} = Request.new(wrong, [])
    end

    assert {:error, %Error{key: :height, value: 0}} = Request.new([{1, 1}, {1, 0}], [])
    # What belongs to the call.
    assert {:error, %Error{key: :timeout} = error} = Request.new([{1, 1, timeout: 5}], [])
    assert error.expected =~ ":fit, :position, :enlarge"
  end

  test "is plain data" do
    {:ok, request} = Request.new([{1, 2}, {3, nil, format: :gif}], max_memory: 5, timeout: 6)
    assert request |> :erlang.term_to_binary() |> :erlang.binary_to_term() == request
  end

  test "wants a keyword list" do
    for wrong <- [%{fit: :cover}, [:fit], [{"fit", :cover}], :fit, nil] do
      assert {:error, %Error{reason: :invalid_option, key: :options, value: ^wrong}} =
               Request.new(1, 1, wrong)
    end
  end

  test "documents every option in an item of its own" do
    items = Options.docs() |> String.split("\n", trim: true)
    assert length(items) == length(Options.types())
    assert Enum.all?(items, &String.starts_with?(&1, "  * `:"))
    assert Options.docs() =~ "  * `:quality` (`1..100`; default `80`) - "
    assert Options.docs() =~ "  * `:max_memory` (a positive integer; default `536870912`) - "
  end

  test "documents every option as a flag, with its values and without colons" do
    flags = Options.docs(:command_line)
    assert flags |> String.split("\n", trim: true) |> length() == length(Options.types())
    for {key, _} <- Options.types(), do: assert(flags =~ "* `#{Options.flag(key)}")
    assert flags =~ "`--enlarge`"
    assert flags =~ "`--max-memory 1..281474976710655`"
    refute flags =~ "`:"
  end

  test "documents what open and new take, and gives the types of both" do
    assert Options.docs(:probe) =~ "* `:max_bytes_in` ("
    refute Options.docs(:probe) =~ "* `:fit` ("

    assert Macro.to_string(Options.type()) =~
             "{:fit, :contain | :inside | :cover | :fill | :pad | :outside}"

    assert Macro.to_string(Options.type(:probe)) =~ "{:max_bytes_in, 1..281_474_976_710_655}"
  end

  test "reads the configuration, and raises where it is wrong" do
    assert %{yield_limit: nil} = Options.node()

    on_exit(fn -> Application.delete_env(:thumbelina, :yield_limit) end)
    Application.put_env(:thumbelina, :yield_limit, 0)
    assert %{yield_limit: 0} = Options.node()

    png = File.read!("test/fixtures/photo.png")
    assert {:ok, %{scheduler: :dirty, reason: :above_yield_limit}} = Thumbelina.explain(png, 9, 9)

    Application.put_env(:thumbelina, :yield_limit, "much")
    assert_raise ArgumentError, ~r/yield_limit/, fn -> Thumbelina.thumbnail(png, 9, 9) end
  end
end
