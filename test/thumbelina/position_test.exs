defmodule Thumbelina.PositionTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Position

  test "names are points" do
    for name <- Position.names() -- [:attention, :entropy] do
      assert Position.valid?(name)
      {x, y} = Position.point(name)
      rows = %{0.0 => "north", 0.5 => "", 1.0 => "south"}
      columns = %{0.0 => "west", 0.5 => "", 1.0 => "east"}
      text = rows[y] <> columns[x]
      assert Atom.to_string(name) == if(text == "", do: "center", else: text)
    end

    assert length(Position.names()) == 11
  end

  test "what the picture decides is no point" do
    for name <- [:attention, :entropy] do
      assert {Position.valid?(name), Position.point(name)} == {true, name}
      text = Position.to_text(name)
      assert Position.parse(text) == {:ok, name}
    end
  end

  test "points are floats without a sign" do
    assert Position.point({0, 1}) === {0.0, 1.0}
    # Zeros are equal, and a compiler may take one for the other.
    negative = String.to_float("-0.0")
    assert <<1::1, 0::63>> = <<negative::float>>
    assert {x, 0.5} = Position.point({negative, 0.5})
    assert <<0::64>> = <<x::float>>
  end

  test "everything else is none" do
    for wrong <- [nil, :top, "north", {}, {0.5}, {0, 0, 0}, {0, 1.1}, {-0.1, 0}, {:a, 0}, [0, 0]],
        do: refute(Position.valid?(wrong), inspect(wrong))
  end

  test "text is read as it is written" do
    points = [{0, 1}, {0.3, 0.7}, {1.0e-9, 0.123456789}, {1.0, 0.5}]

    for position <- Position.names() ++ points do
      assert {:ok, read} = position |> Position.to_text() |> Position.parse()
      assert Position.point(read) == Position.point(position)
    end

    assert Position.to_text({0.3, 1}) == "0.3,1.0"
    assert Position.to_text({1.0e-12, 1 / 3}) == "0.0,0.333333333"
    assert Position.parse("0,0.25") == {:ok, {0.0, 0.25}}
  end

  test "other text is an error" do
    for text <- [
          "",
          ",",
          "North",
          "center ",
          "0.5",
          "0.5,",
          ",0.5",
          "0.5,0.5,0.5",
          "1.1,0",
          "2,0",
          "-0.1,0",
          "1e-1,0",
          ".5,0",
          "0.,0",
          "0.5;0.5",
          "0.5, 0.5",
          "0.5,0.5\n",
          "NaN,0",
          "\xFF,0",
          "0." <> String.duplicate("1", 21) <> ",0"
        ],
        do: assert({text, Position.parse(text)} == {text, :error})
  end
end
