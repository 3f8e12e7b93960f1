defmodule Thumbelina.ColorTest do
  use ExUnit.Case, async: true
  alias Thumbelina.{Color, Error}

  test "digits, of one or two a channel, with alpha or without" do
    assert Color.parse("#1a2") == {:ok, {0x11, 0xAA, 0x22, 255}}
    assert Color.parse("#1a28") == {:ok, {0x11, 0xAA, 0x22, 0x88}}
    assert Color.parse("#01fE80") == {:ok, {1, 254, 128, 255}}
    assert Color.parse("#01fE8000") == {:ok, {1, 254, 128, 0}}
  end

  test "the names of CSS, as strings and atoms, in any case" do
    assert Color.parse("red") == {:ok, {255, 0, 0, 255}}
    assert Color.parse("RebeccaPurple") == {:ok, {0x66, 0x33, 0x99, 255}}
    assert Color.parse(:white) == {:ok, {255, 255, 255, 255}}
    assert Color.parse(:transparent) == {:ok, {0, 0, 0, 0}}
    assert Color.parse("lightgoldenrodyellow") == {:ok, {0xFA, 0xFA, 0xD2, 255}}
    assert Color.parse("grey") == Color.parse("gray")
  end

  test "numbers" do
    assert Color.parse({1, 2, 3}) == {:ok, {1, 2, 3, 255}}
    assert Color.parse({0, 0, 0, 0}) == {:ok, {0, 0, 0, 0}}
  end

  test "everything else is none" do
    for wrong <-
          [nil, true, 0, "", "#", "#12", "#12345", "#1234567", "#12345g", "#123456789"] ++
            ["nocolor", "red ", :nocolor, :"#fff", {0, 0}, {0, 0, 256}, {0, 0, -1}] ++
            [{0, 0, 0.5}, {0, 0, 0, 0.5}, {0, 0, 0, 0, 0}, [0, 0, 0], "#ффф"] ++
            [<<255>>, <<"#", 255, 254, 253>>, String.duplicate("a", 1_000_000)],
        do: assert(Color.parse(wrong) == :error, inspect(wrong))
  end

  test "a wrong one is an error that names the option" do
    assert {:error, %Error{reason: :invalid_option, key: :background, value: "rot"} = error} =
             Color.check(:background, "rot")

    assert Exception.message(error) ==
             ~s(invalid value for :background: expected "#rgb", "#rrggbb", "#rrggbbaa", ) <>
               ~s(a CSS name, {r, g, b} or {r, g, b, a} with integers from 0 to 255, got: "rot")

    assert Color.check(:background, "blue") == {:ok, {0, 0, 255, 255}}
  end

  test "colors as text are read as they were" do
    for color <- [{0, 0, 0, 0}, {1, 2, 3, 255}, {255, 128, 0, 254}],
        do: assert(color |> Color.to_text() |> Color.parse() == {:ok, color})

    assert Color.to_text({255, 128, 0, 255}) == "#ff8000"
  end
end
