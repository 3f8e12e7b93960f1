defmodule Thumbelina.Position do
  @moduledoc false
  # Which part of a picture is kept where some is cut off: one of the names of the compass, a point,
  # as fractions of the width and the height of the picture as shown, or what is chosen by its
  # pixels.

  @points %{
    center: {0.5, 0.5},
    north: {0.5, 0.0},
    northeast: {1.0, 0.0},
    east: {1.0, 0.5},
    southeast: {1.0, 1.0},
    south: {0.5, 1.0},
    southwest: {0.0, 1.0},
    west: {0.0, 0.5},
    northwest: {0.0, 0.0}
  }

  @chosen [:attention, :entropy]

  @names ~w(center north northeast east southeast south southwest west northwest)a ++ @chosen
  @texts Map.new(@names, &{Atom.to_string(&1), &1})

  @type name ::
          :center
          | :north
          | :northeast
          | :east
          | :southeast
          | :south
          | :southwest
          | :west
          | :northwest
          | :attention
          | :entropy

  @type t :: name | {number, number}

  @doc "The names, the default first."
  @spec names :: [name, ...]
  def names, do: @names

  @spec valid?(term) :: boolean
  def valid?({x, y}), do: fraction?(x) and fraction?(y)
  def valid?(name), do: name in @names

  defp fraction?(number), do: is_number(number) and number >= 0 and number <= 1

  @doc "The point in the middle of what is kept, so that what means the same is the same."
  @spec point(t) :: {float, float} | :attention | :entropy
  def point(name) when name in @chosen, do: name
  # A zero that is added makes floats of integers, and leaves no zero with a sign.
  def point({x, y}), do: {x + 0.0, y + 0.0}
  def point(name), do: Map.fetch!(@points, name)

  @doc "Reads a name, or a point such as `0.3,0.7`."
  @spec parse(String.t()) :: {:ok, t} | :error
  def parse(text) do
    case @texts do
      %{^text => name} -> {:ok, name}
      _ -> parse_point(text)
    end
  end

  # Nobody needs more digits, and the time to read many is not linear.
  @point ~r/\A([01](?:\.\d{1,20})?),([01](?:\.\d{1,20})?)\z/

  defp parse_point(text) do
    with [_, x, y] <- Regex.run(@point, text),
         point = {number(x), number(y)},
         true <- valid?(point) do
      {:ok, point}
    else
      _ -> :error
    end
  end

  defp number(text) do
    {number, ""} = Float.parse(text)
    number
  end

  @doc "What `parse/1` reads: of a point, a billionth of a side is all that matters."
  @spec to_text(t) :: String.t()
  def to_text({_x, _y} = position) do
    {x, y} = point(position)
    digits(x) <> "," <> digits(y)
  end

  def to_text(name), do: Atom.to_string(name)

  defp digits(fraction), do: :erlang.float_to_binary(fraction, [:compact, decimals: 9])
end
