defmodule Thumbelina.OptionsTest do
  # Reads and writes the application's environment.
  use ExUnit.Case

  alias Thumbelina.{Error, Options}

  test "fills in the defaults" do
    assert {:ok, call} = Options.call(10, 20, [])

    assert %{width: 10, height: 20, fit: :contain, enlarge: false, format: nil, quality: 80} =
             call

    assert %{filter: :lanczos3, scheduler: :auto, max_pixels: 100_000_000} = call
  end

  test "takes what was given, the last of two" do
    assert {:ok, %{fit: :fill, quality: 1}} =
             Options.call(1, 1, fit: :cover, quality: 1, fit: :fill)
  end

  test "names an unknown option and the known ones" do
    assert {:error, %Error{reason: :invalid_option, key: :color, value: :red} = error} =
             Options.call(1, 1, color: :red)

    for known <- ~w(fit enlarge format quality filter on_damage max_pixels max_bytes_in scheduler) do
      assert error.expected =~ ":#{known}"
    end

    refute error.expected =~ "steps_per_slice"
  end

  test "names a wrong value and what was expected" do
    for {key, wrong} <- [
          fit: :tight,
          fit: nil,
          enlarge: 1,
          format: :dds,
          format: "png",
          on_damage: :black,
          quality: 0,
          quality: 101,
          quality: 80.0,
          filter: :sinc,
          max_pixels: 0,
          max_bytes_in: -1,
          scheduler: :dirty_io,
          priority: :high
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key, value: ^wrong} = error} =
               Options.call(1, 1, [{key, wrong}])

      assert Exception.message(error) =~ inspect(key)
    end
  end

  test "wants a keyword list" do
    for wrong <- [%{fit: :cover}, [:fit], [{"fit", :cover}], :fit, nil] do
      assert {:error, %Error{reason: :invalid_option, key: :options, value: ^wrong}} =
               Options.call(1, 1, wrong)
    end
  end

  test "documents every option in a row of its own" do
    rows = Options.docs() |> String.split("\n", trim: true) |> Enum.drop(2)
    assert length(rows) == length(Options.types())
    assert Enum.all?(rows, &String.starts_with?(&1, "| `:"))
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
    assert Options.docs(:probe) =~ "| `:max_bytes_in` |"
    refute Options.docs(:probe) =~ "| `:fit` |"
    assert Macro.to_string(Options.type()) =~ "{:fit, :contain | :cover | :fill}"
    assert Macro.to_string(Options.type(:probe)) =~ "{:max_bytes_in, 1..281_474_976_710_655}"
  end

  test "reads the configuration, and raises where it is wrong" do
    assert {:ok, %{yield_limit: nil}} = Options.call(1, 1, [])

    on_exit(fn -> Application.delete_env(:thumbelina, :yield_limit) end)
    Application.put_env(:thumbelina, :yield_limit, 0)
    assert {:ok, %{yield_limit: 0}} = Options.call(1, 1, [])

    png = File.read!("test/fixtures/photo.png")
    assert {:ok, %{road: :dirty, reason: :above_yield_limit}} = Thumbelina.explain(png, 9, 9)

    Application.put_env(:thumbelina, :yield_limit, "much")
    assert_raise ArgumentError, ~r/yield_limit/, fn -> Thumbelina.thumbnail(png, 9, 9) end
  end
end
