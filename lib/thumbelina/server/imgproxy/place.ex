defmodule Thumbelina.Server.Imgproxy.Place do
  @moduledoc false
  # Where a part lies in what it is a part of, in pixels, as imgproxy has it: by a name of the
  # compass, with offsets or without, or by a point.

  # The names of the compass, as where the room is left: before, on both sides, or after.
  @compass %{
    center: {:middle, :middle},
    north: {:middle, :start},
    south: {:middle, :end},
    east: {:end, :middle},
    west: {:start, :middle},
    northeast: {:end, :start},
    northwest: {:start, :start},
    southeast: {:end, :end},
    southwest: {:start, :end}
  }

  @typep size :: {pos_integer, pos_integer}

  @doc "Where it lies, all of it inside."
  @spec inside(size, size, Thumbelina.Server.Imgproxy.gravity(), float) :: {integer, integer}
  def inside({width, height} = size, {part_width, part_height} = part, gravity, dpr) do
    {x, y} = wanted(size, part, gravity, dpr)
    {x |> min(width - part_width) |> max(0), y |> min(height - part_height) |> max(0)}
  end

  @doc "Where it lies, at least a pixel of it inside."
  @spec across(size, size, Thumbelina.Server.Imgproxy.gravity(), float) :: {integer, integer}
  def across({width, height} = size, {part_width, part_height} = part, gravity, dpr) do
    {x, y} = wanted(size, part, gravity, dpr)
    {x |> min(width - 1) |> max(1 - part_width), y |> min(height - 1) |> max(1 - part_height)}
  end

  @doc "The same as fractions of the room that is left."
  @spec shares({integer, integer}, size, size) :: {float, float}
  def shares({x, y}, {part_width, part_height}, {width, height}),
    do: {share(x, width - part_width), share(y, height - part_height)}

  defp share(_offset, room) when room <= 0, do: 0.0
  defp share(offset, room), do: min(offset / room, 1.0)

  defp wanted({width, height}, {part_width, part_height}, {x, y}, _dpr) when is_float(x),
    do: {even(width * x) - div(part_width, 2), even(height * y) - div(part_height, 2)}

  defp wanted({width, height}, {part_width, part_height}, {position, x, y}, dpr) do
    {across, down} = Map.fetch!(@compass, position)

    {start(across, width, part_width, offset(x, width, dpr)),
     start(down, height, part_height, offset(y, height, dpr))}
  end

  defp wanted(size, part, position, dpr), do: wanted(size, part, {position, 0.0, 0.0}, dpr)

  @doc "What an offset is in pixels: from 1 on it is that, and below a fraction of a side."
  @spec offset(float, pos_integer, float) :: integer
  def offset(offset, _side, dpr) when abs(offset) >= 1, do: even(offset * dpr)
  def offset(offset, side, _dpr), do: even(side * offset)

  defp start(:start, _side, _part, offset), do: offset
  defp start(:middle, side, part, offset), do: even((side - part + 1) / 2) + offset
  defp start(:end, side, part, offset), do: side - part - offset

  @doc "Rounds, halves to the even number."
  @spec even(number) :: integer
  def even(number) do
    floor = floor(number)

    cond do
      number - floor < 0.5 -> floor
      number - floor > 0.5 -> floor + 1
      rem(floor, 2) == 0 -> floor
      true -> floor + 1
    end
  end
end
