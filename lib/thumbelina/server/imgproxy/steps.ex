defmodule Thumbelina.Server.Imgproxy.Steps do
  @moduledoc false
  # What a URL asks for as the steps of an edit, in the order of imgproxy's pipeline: the picture is
  # turned, cropped, scaled, cropped to its box, filtered, extended and padded. All sizes are known
  # before, as they are there.

  alias Thumbelina.Server.Imgproxy.{Box, Place}

  @max_side 0xFFFF_FFFF

  # What is most like libvips' sharpening of photographs, which has limits of its own.
  @amount 1.5
  @threshold 6

  @doc "Whether it is more than the thumbnail of a picture."
  @spec any?(map) :: boolean
  def any?(asked) do
    asked.crop != nil or asked.crop_ratio != nil or asked.rotate != 0 or
      asked.flip != {false, false} or asked.extend_ratio != nil or asked.padding != nil or
      offset?(asked.position) or offset?(asked.extend) or filters(asked) != [] or
      asked.watermark != nil or
      extended_otherwise?(asked) or (asked.trim != nil and asked.width + asked.height == 0)
  end

  defp offset?({_position, _x, _y}), do: true
  defp offset?(_position), do: false

  defp extended_otherwise?(%{extend: nil}), do: false

  defp extended_otherwise?(asked),
    do:
      asked.fit != :contain or asked.min_width + asked.min_height > 0 or asked.zoom != {1.0, 1.0}

  @doc "The steps for a picture of this size, as it is before it is turned."
  @spec of(map, pos_integer, pos_integer) :: keyword
  def of(%{trim: trim} = asked, _width, _height) when trim != nil,
    do: turned(asked) ++ boxed(asked) ++ filters(asked)

  def of(asked, width, height) do
    %{size: size, part: part, box: box} = measured = measure(asked, width, height)
    {padding, _frame} = framed(asked, measured)

    turned(asked) ++
      cropped(size, part, crop_gravity(asked), 1.0) ++
      boxed(part, box, asked.position) ++ filters(asked) ++ padding
  end

  @doc "The size of the finished picture, and the device pixel ratio that is left."
  @spec frame(map, pos_integer, pos_integer) :: {{pos_integer, pos_integer}, float}
  def frame(asked, width, height) do
    measured = measure(asked, width, height)
    {_padding, frame} = framed(asked, measured)
    {frame, measured.box.dpr}
  end

  defp measure(asked, width, height) do
    size = if asked.rotate in [90, 270], do: {height, width}, else: {width, height}
    {part_width, part_height} = part = part(asked, size)
    %{size: size, part: part, box: Box.measure(asked, part_width, part_height)}
  end

  # What comes around what was kept, and how large it is then.
  defp framed(asked, %{box: box}) do
    {[], box.kept}
    |> extend(asked.extend, box.target, box.dpr)
    |> extend_ratio(asked.extend_ratio, box)
    |> pad(asked.padding, box.dpr)
  end

  defp turned(asked) do
    {horizontal, vertical} = asked.flip

    if(asked.rotate != 0, do: [rotate: asked.rotate], else: []) ++
      if(horizontal, do: [flip: :horizontal], else: []) ++
      if(vertical, do: [flip: :vertical], else: [])
  end

  # What is left of the picture after trimming has a size that nobody knows yet.
  defp boxed(%{width: 0, height: 0}), do: []

  defp boxed(asked) do
    side = fn side -> if side > 0, do: side end
    options = [fit: asked.fit, enlarge: asked.enlarge, position: asked.position]
    [thumbnail: {side.(asked.width), side.(asked.height), options}]
  end

  # The size of the part of the picture that is looked at.
  defp part(%{crop: nil, crop_ratio: nil}, size), do: size

  defp part(asked, {width, height} = size) do
    {to_width, to_height, _gravity} = asked.crop || {0.0, 0.0, nil}
    part = {min(side(width, to_width), width), min(side(height, to_height), height)}
    ratio(part, asked.crop_ratio, size)
  end

  # Below 1 it is a fraction.
  defp side(side, to) when to == 0, do: side
  defp side(_side, to) when to >= 1, do: trunc(to)
  defp side(side, to), do: max(round(side * to), 1)

  defp ratio(part, nil, _size), do: part

  defp ratio({width, height}, {ratio, enlarge}, {most_width, most_height}) do
    wide? = width / height > ratio

    cond do
      wide? and enlarge -> fit({width, width / ratio}, {most_width, most_height}, ratio)
      enlarge -> fit({height * ratio, height}, {most_width, most_height}, ratio)
      wide? -> {at_least_one(height * ratio), height}
      true -> {width, at_least_one(width / ratio)}
    end
  end

  defp fit({width, height}, {most_width, most_height}, ratio) do
    {width, height} =
      if width > most_width, do: {most_width, most_width / ratio}, else: {width, height}

    {width, height} =
      if height > most_height, do: {most_height * ratio, most_height}, else: {width, height}

    {width |> at_least_one() |> min(most_width), height |> at_least_one() |> min(most_height)}
  end

  defp at_least_one(side), do: max(round(side), 1)

  defp crop_gravity(%{crop: {_width, _height, gravity}}) when gravity != nil, do: gravity
  defp crop_gravity(asked), do: asked.position

  defp cropped(size, size, _gravity, _dpr), do: []

  defp cropped(size, {width, height} = part, gravity, dpr) do
    {x, y} = Place.inside(size, part, gravity, dpr)
    [crop: {x, y, width, height}]
  end

  # What is looked for in the small picture is found while it is made.
  defp boxed(_part, %{scaled: scaled, kept: {width, height} = kept}, :attention)
       when scaled != kept,
       do: [resize: {width, height, [fit: :cover, position: :attention]}]

  defp boxed(part, box, gravity),
    do: scaled(part, box.scaled) ++ cropped(box.scaled, box.kept, gravity, box.dpr)

  defp scaled(size, size), do: []
  defp scaled(_size, {width, height}), do: [resize: {width, height, [fit: :fill]}]

  # What is done to the pixels. What the pipeline of imgproxy Pro does first is not known; of the
  # others, the blur comes first.
  defp filters(asked) do
    brightness(asked.brightness) ++
      unless_one(:contrast, asked.contrast) ++
      unless_one(:saturate, asked.saturation) ++
      unless_one(:saturate, 1.0 - asked.monochrome) ++
      if(asked.blur >= 0.01, do: [blur: asked.blur], else: []) ++
      if(asked.sharpen >= 0.01,
        do: [sharpen: {asked.sharpen, [amount: @amount, threshold: @threshold]}],
        else: []
      )
  end

  defp unless_one(step, factor), do: if(factor == 1.0, do: [], else: [{step, factor}])

  # What is added is what is left of the two, which undo each other but for the middle: in the order
  # in which nothing is clipped in between.
  defp brightness(0), do: []

  defp brightness(added) do
    factor = 1 + 2 * abs(added) / 255

    if added > 0,
      do: [contrast: 1 / factor, brighten: factor],
      else: [brighten: 1 / factor, contrast: factor]
  end

  defp extend({steps, size}, nil, _target, _dpr), do: {steps, size}

  defp extend({steps, {width, height} = size}, gravity, {to_width, to_height}, dpr) do
    around({steps, size}, {max(to_width, width), max(to_height, height)}, fn room ->
      Place.inside(room, size, gravity, dpr)
    end)
  end

  defp extend_ratio(made, nil, _box), do: made
  defp extend_ratio(made, _gravity, %{target: {width, height}}) when width * height == 0, do: made

  # The ratio of the box, around what was kept.
  defp extend_ratio({_steps, _size} = made, gravity, %{target: {width, height}} = box) do
    {kept_width, kept_height} = box.kept
    {across, down} = {width / kept_width, height / kept_height}

    cond do
      down > across ->
        extend(made, gravity, {kept_width, round(kept_width * height / width)}, box.dpr)

      across > down ->
        extend(made, gravity, {round(kept_height * width / height), kept_height}, box.dpr)

      true ->
        made
    end
  end

  defp pad(made, nil, _dpr), do: made

  defp pad({_steps, {width, height}} = made, {top, right, bottom, left}, dpr) do
    [top, right, bottom, left] =
      for side <- [top, right, bottom, left], do: Place.even(side * dpr)

    around(made, {width + left + right, height + top + bottom}, fn _room -> {left, top} end)
  end

  defp around({steps, size}, size, _place), do: {steps, size}

  defp around({steps, {width, height}}, {to_width, to_height}, place) do
    room = {min(to_width, @max_side), min(to_height, @max_side)}
    {x, y} = place.(room)
    position = Place.shares({x, y}, {width, height}, room)
    {steps ++ [thumbnail: {elem(room, 0), elem(room, 1), [fit: :pad, position: position]}], room}
  end
end
