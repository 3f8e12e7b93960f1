defmodule Thumbelina.Server.Imgproxy.Box do
  @moduledoc false
  # The sizes of a thumbnail, which in imgproxy depend on the size of the picture: without
  # `enlarge`, a small picture lowers the device pixel ratio, so that the proportions of the box
  # stay; the smallest sides enlarge anyway; `auto` compares orientations.

  # The most that `thumbnail/4` takes. What is larger fails there, with a limit.
  @max_side 0xFFFF_FFFF

  @doc "The exact size, and whether the picture is cropped to it or has its proportions already."
  @spec size(map, pos_integer, pos_integer) :: {{pos_integer, pos_integer}, :cover | :fill}
  def size(asked, width, height) do
    %{scaled: scaled, kept: kept} = measure(asked, width, height)
    {kept, if(kept == scaled, do: :fill, else: :cover)}
  end

  @doc "The size of a picture that is extended to its box where it is smaller."
  @spec extended(map, pos_integer, pos_integer) :: {pos_integer, pos_integer}
  def extended(asked, width, height) do
    %{scaled: scaled, target: target} = measure(asked, width, height)
    each(scaled, target, &max/2)
  end

  @doc """
  The size that the picture is `scaled` to, what is `kept` of it, the `target` of which a side of 0
  is open, and the device pixel ratio that is left.
  """
  @spec measure(map, pos_integer, pos_integer) :: %{
          scaled: {pos_integer, pos_integer},
          kept: {pos_integer, pos_integer},
          target: {non_neg_integer, non_neg_integer},
          dpr: float
        }
  def measure(asked, width, height) do
    {scaled, target, dpr} = scaled_and_target(asked, width, height)
    kept = each(scaled, crop(asked, scaled, target), &smaller/2)
    %{scaled: within(scaled), kept: within(kept), target: within(target), dpr: dpr}
  end

  defp within(size), do: each(size, size, fn side, _same -> min(side, @max_side) end)

  defp scaled_and_target(asked, width, height) do
    source = {width, height}
    # The device pixel ratio may turn out lower. Rounding back gives the numbers of the URL.
    box = {round(asked.width / asked.dpr), round(asked.height / asked.dpr)}

    shrinks = source |> shrinks(box, asked.fit) |> each(asked.zoom, &(&1 / &2))
    {shrinks, dpr} = limit(shrinks, asked)
    shrinks = at_least(shrinks, source, {asked.min_width, asked.min_height})

    scaled = each(source, shrinks, fn side, shrink -> scaled(side, shrink / dpr) end)
    {scaled, each(box, asked.zoom, &round(&1 * dpr * &2)), dpr}
  end

  # How many pixels of the picture become one, across and down.
  defp shrinks(source, box, fit) do
    {across, down} = each(source, box, fn side, to -> if to == 0, do: 1.0, else: side / to end)

    case {box, resolve(fit, source, box)} do
      {_, :fill} -> {across, down}
      {{0, 0}, _} -> {1.0, 1.0}
      {{0, _}, _} -> {down, down}
      {{_, 0}, _} -> {across, across}
      {_, :contain} -> {max(across, down), max(across, down)}
      {_, _cover} -> {min(across, down), min(across, down)}
    end
  end

  # An open side of the box is the picture's.
  defp resolve(:auto, {width, height} = source, box) do
    {to_width, to_height} = each(source, box, fn side, to -> if to == 0, do: side, else: to end)
    if width >= height == to_width >= to_height, do: :cover, else: :contain
  end

  defp resolve(fit, _source, _box), do: fit

  defp limit(shrinks, %{enlarge: true, dpr: dpr}), do: {shrinks, dpr}

  # A box that is extended stays what it is, so that the ratio is not raised for it.
  defp limit({across, down}, %{dpr: dpr} = asked) do
    case min(across, down) do
      least when least < 1 ->
        dpr = if asked.extend, do: dpr, else: dpr / least
        {{across / least, down / least}, min(dpr, 1.0)}

      least ->
        {{across, down}, min(dpr, least)}
    end
  end

  defp at_least({across, down}, {width, height}, {min_width, min_height}) do
    {across, down} = lower(across, down, width, min_width)
    {down, across} = lower(down, across, height, min_height)
    {across, down}
  end

  # Both by the same factor, so that the proportions stay.
  defp lower(shrink, other, side, least) do
    if least > 0 and side / least < shrink,
      do: {side / least, other * (side / least) / shrink},
      else: {shrink, other}
  end

  # In the order of imgproxy, so that halves are rounded to the same side.
  defp scaled(side, shrink), do: max(round(side * (1.0 / shrink)), 1)

  # `fill-down` keeps the proportions of the box when the picture is too small for it.
  defp crop(%{fit: :fill_down, enlarge: false}, {width, height}, {to_width, to_height} = target) do
    {across, down} = {to_width / width, to_height / height}

    cond do
      across > down and across > 1 -> {width, round(width * to_height / to_width)}
      down > across and down > 1 -> {round(height * to_width / to_height), height}
      true -> target
    end
  end

  defp crop(_asked, _scaled, target), do: target

  defp smaller(side, 0), do: side
  defp smaller(side, other), do: min(side, other)

  defp each({a, b}, {c, d}, fun), do: {fun.(a, c), fun.(b, d)}
end
