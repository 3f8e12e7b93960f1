defmodule Thumbelina.Server.Imgproxy.Watermark do
  @moduledoc false
  # What a URL asks for with `watermark`: how the watermark is made for a picture of a known size,
  # and where it lies on it.

  alias Thumbelina.Server.Imgproxy.Place

  @typedoc "The spaces between tiles, or where it lies; its scale is 0 where it keeps its size."
  @type t :: %{
          opacity: float,
          at: Thumbelina.Server.Imgproxy.gravity() | {:tiles, float, float},
          scale: float
        }

  @typep size :: {pos_integer, pos_integer}

  @doc """
  The steps that make it, and the options of the step `overlay`. `frame` is the size of the finished
  picture, `size` that of the watermark.
  """
  @spec of(t, size, size, float) :: {keyword, keyword}
  def of(watermark, frame, size, dpr) do
    scaled = scaled(size, frame, watermark.scale)
    resize = if scaled == size, do: [], else: [resize: Tuple.append(scaled, fit: :fill)]
    {steps, place} = placed(watermark.at, frame, scaled, dpr)
    {resize ++ steps, [opacity: watermark.opacity] ++ place}
  end

  defp scaled(size, _frame, scale) when scale == 0, do: size

  # As large as fits into that part of the picture.
  defp scaled({width, height}, {frame_width, frame_height}, scale) do
    {most_width, most_height} = {part(frame_width, scale), part(frame_height, scale)}
    shrink = max(width / most_width, height / most_height)
    {max(round(width * (1 / shrink)), 1), max(round(height * (1 / shrink)), 1)}
  end

  defp part(side, scale), do: max(Place.even(side * scale), 1)

  defp placed({:tiles, x, y}, {frame_width, frame_height}, {width, height} = size, dpr) do
    {x, y} = {Place.offset(x, frame_width, dpr), Place.offset(y, frame_height, dpr)}
    {to_width, to_height} = to = {width + x, height + y}
    # Of an odd space the larger half comes behind it.
    position = Place.shares({div(x, 2), div(y, 2)}, size, to)
    pad = [thumbnail: {to_width, to_height, [fit: :pad, position: position]}]
    {if(to == size, do: [], else: pad), [tile: true]}
  end

  defp placed(gravity, {frame_width, frame_height} = frame, {width, height} = size, dpr) do
    {x, y} = Place.across(frame, size, gravity, dpr)
    {left, top} = {max(-x, 0), max(-y, 0)}
    seen = {min(width, frame_width - x) - left, min(height, frame_height - y) - top}
    crop = [crop: {left, top, elem(seen, 0), elem(seen, 1)}]
    position = Place.shares({max(x, 0), max(y, 0)}, seen, frame)
    {if(seen == size, do: [], else: crop), [position: position]}
  end
end
