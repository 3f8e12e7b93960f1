defmodule Thumbelina.Edit do
  @moduledoc false
  # The steps of an edit: checked, documented, and as the plain data that the NIF takes.

  alias Thumbelina.{Color, Error, Options, Position, Request}

  # What a step is given, and what it does.
  @steps [
    thumbnail: [
      value: "{width, height}",
      doc:
        "fits a box as `thumbnail/4` does. One side may be `nil`. Its options are `:fit`, " <>
          "`:position`, `:enlarge`, `:background`, `:linear`, `:filter` and `:dpr`. A " <>
          "background among them shows behind what is clear from here on, that of the call in " <>
          "the end"
    ],
    resize: [
      value: "{width, height}",
      doc: "the same with `fit: :cover` and `enlarge: true`, so that the size is exactly this"
    ],
    crop: [
      value: "{x, y, width, height} or {width, height}",
      doc:
        "keeps a part of the picture, in whole pixels from its upper left corner. If the " <>
          "part is not inside of the picture, the error is `:outside_picture`. Without a " <>
          "corner, the part is the one around the `:position`, a name of the compass or " <>
          "fractions, by default `:center`, and no larger than the picture; half a pixel before " <>
          "it is a whole one"
    ],
    flip: [
      value: ":horizontal or :vertical",
      doc: "mirrors it: left becomes right, or top becomes bottom"
    ],
    rotate: [
      value: "degrees",
      doc:
        "turns it clockwise. Multiples of 90 move pixels; for any other angle they are " <>
          "interpolated bilinearly, the picture grows so that its corners are in it, and " <>
          "what is new has the color of the option `:background`, by default `:transparent`"
    ],
    blur: [
      value: "a sigma from 0.01 to 1000",
      doc:
        "a Gaussian blur, whose standard deviation is so many pixels. Up to 3 pixels it " <>
          "is the weighted sum within three sigmas, above that a box that is averaged over " <>
          "three times, which takes about as long for any sigma and is a Gaussian but for a " <>
          "twentieth of its area"
    ],
    sharpen: [
      value: "a sigma from 0.01 to 10",
      doc:
        "an unsharp mask: `amount * (luma - blurred luma)` is added to all three colors, " <>
          "if it differs by more than the `:threshold`. Options: `:amount`, 0 to 100, by " <>
          "default 1.0; `:threshold`, 0 to 255, by default 0"
    ],
    brighten: [value: "a factor from 0 to 100", doc: "`c * factor`"],
    contrast: [value: "a factor from 0 to 100", doc: "`(c - 0.5) * factor + 0.5`"],
    saturate: [value: "a factor from 0 to 100", doc: "`luma + (c - luma) * factor`"],
    gamma: [
      value: "an exponent from 0.01 to 100",
      doc: "`c ^ (1 / exponent)`: above 1 the picture gets brighter"
    ],
    grayscale: [value: "true or false", doc: "the luma, in one channel"],
    invert: [value: "true or false", doc: "`1 - c`"],
    threshold: [
      value: "a level from 0 to 255",
      doc: "white where the luma is at least this, black elsewhere, in one channel"
    ],
    tint: [
      value: "a color",
      doc: "the lightness L* of the picture, with a* and b* of the color"
    ],
    overlay: [
      value: "a picture",
      doc:
        "puts another picture on top, which is anything that `thumbnail/4` takes. " <>
          "Options: `:position`, a name of the compass or fractions of the room that is left, " <>
          "by default `:center`; `:margin`, the pixels between it and the edges, by default 0; " <>
          "`:opacity`, 0 to 1, by default 1; `:tile`, whether it is repeated to all sides, " <>
          "by default `false`; `:width` and `:height`, a box that it is made to fit, " <>
          "without which it keeps its size"
    ],
    round: [
      value: "a radius or :circle",
      doc:
        "makes the corners round, and what is outside of them clear. `:circle` keeps the " <>
          "largest circle in the middle"
    ],
    border: [
      value: "{width, color}",
      doc: "puts so many pixels of a color on each side, which makes the picture larger"
    ]
  ]

  @names Keyword.keys(@steps)

  # Options of a step, which the functions of one step take among the call's.
  @own [
    thumbnail: [],
    resize: [],
    crop: [:position],
    rotate: [:background],
    sharpen: [:amount, :threshold],
    overlay: [:position, :margin, :opacity, :tile, :width, :height]
  ]

  # Of the options of a call, those that say how large a picture becomes.
  @sizing [:fit, :position, :enlarge, :background, :linear, :filter, :dpr]

  @max_side 0xFFFF_FFFF
  @max_margin 0xFFFF

  @typedoc "A step as the NIF takes it, but for an overlay, whose picture may still be a source."
  @type step :: atom | tuple

  @doc "The steps, as a Markdown list."
  @spec docs :: String.t()
  def docs do
    for {name, spec} <- @steps, into: "" do
      "  * `#{name}: #{spec[:value]}` - #{spec[:doc]}\n"
    end
  end

  @doc "The names of the steps."
  @spec names :: [atom, ...]
  def names, do: @names

  @doc "The options that a step can have of its own."
  @spec options(atom) :: [atom]
  def options(name) when name in [:thumbnail, :resize], do: @sizing
  def options(name), do: Keyword.get(@own, name, [])

  @doc "A list of one step and the options of the function of its name."
  @spec one(atom, term, term) :: {:ok, keyword} | {:error, Error.t()}
  def one(name, value, opts) do
    with true <- Keyword.keyword?(opts) || Options.invalid(:options, opts, "a keyword list"),
         {own, rest} = Keyword.split(opts, Keyword.get(@own, name, [])),
         nil <- Enum.find(rest, &step?/1) do
      {:ok, [{name, with_own(name, value, own)} | rest]}
    else
      {:error, error} -> {:error, error}
      {key, value} -> Options.invalid(key, value, "an option, not another step: see edit/2")
    end
  end

  defp with_own(_name, value, []), do: value
  defp with_own(:crop, {width, height}, own), do: {width, height, own}
  defp with_own(_name, value, own), do: {value, own}

  defp step?({key, _value}), do: key in @names

  @doc "Separates steps from the options of the call, each in their order."
  @spec split(term) :: {:ok, keyword, keyword} | {:error, Error.t()}
  def split(edits) do
    if Keyword.keyword?(edits) do
      {steps, opts} = Enum.split_with(edits, &step?/1)

      case Enum.find(opts, fn {key, _value} -> not Options.known?(key) end) do
        nil -> {:ok, steps, opts}
        {key, value} -> unknown(key, value)
      end
    else
      Options.invalid(:edits, edits, "a keyword list of steps and options")
    end
  end

  defp unknown(key, value) do
    steps = Enum.map_join(@names, ", ", &inspect/1)
    expected = one_of(Keyword.keys(Options.types())) <> ", or of the steps " <> steps
    Options.invalid(key, value, expected)
  end

  @doc "Checks the steps. `opts` and `common` are the call's options as given, and with defaults."
  @spec steps(keyword, keyword, map) :: {:ok, [step]} | {:error, Error.t()}
  def steps(steps, opts, common) do
    sizing = Keyword.take(opts, @sizing)

    checked =
      Enum.reduce_while(steps, [], fn {name, value}, done ->
        case check(name, value, {sizing, common}) do
          {:ok, nil} -> {:cont, done}
          {:ok, step} -> {:cont, [step | done]}
          error -> {:halt, error}
        end
      end)

    with checked when is_list(checked) <- checked, do: {:ok, Enum.reverse(checked)}
  end

  @doc "The first step that is wrong by itself: where that is, and the error."
  @spec wrong(keyword) :: {String.t(), Error.t()} | nil
  def wrong(steps) do
    steps
    |> Enum.with_index(1)
    |> Enum.find_value(fn {{name, _value} = step, index} ->
      with {:error, error} <- Request.edit([step]) do
        own = if error.key == name, do: "", else: ", #{error.key}"
        {"step #{index}, #{name}#{own}", error}
      else
        _ -> nil
      end
    end)
  end

  @doc "Has the pictures of overlays made by `make`, as farbfelds."
  @spec load([step], (term, pos_integer | nil, pos_integer | nil -> {:ok, binary} | error)) ::
          {:ok, [step]} | error
        when error: {:error, Error.t()}
  def load(steps, make) do
    loaded =
      Enum.reduce_while(steps, [], fn step, done ->
        case load_one(step, make) do
          {:ok, step} -> {:cont, [step | done]}
          {:error, error} -> {:halt, {:error, overlaid_wrong(error)}}
        end
      end)

    with loaded when is_list(loaded) <- loaded, do: {:ok, Enum.reverse(loaded)}
  end

  # An option that is wrong keeps its name.
  defp overlaid_wrong(%{key: key} = error) when key in [nil, :image], do: %{error | key: :overlay}
  defp overlaid_wrong(error), do: error

  defp load_one({:overlay, %{source: source} = overlay}, make) do
    {size, overlay} = overlay |> Map.delete(:source) |> Map.split([:width, :height])

    with {:ok, picture} <- make.(source, size.width, size.height),
         do: {:ok, {:overlay, Map.put(overlay, :picture, picture)}}
  end

  defp load_one(step, _make), do: {:ok, step}

  defp check(:thumbnail, value, context), do: sized(:thumbnail, value, [], context)

  defp check(:resize, value, context),
    do: sized(:resize, value, [fit: :cover, enlarge: true], context)

  defp check(:crop, {x, y, width, height}, _context) do
    with {:ok, x} <- whole(:x, x, 0, @max_side),
         {:ok, y} <- whole(:y, y, 0, @max_side),
         {:ok, width} <- whole(:width, width, 1, @max_side),
         {:ok, height} <- whole(:height, height, 1, @max_side),
         do: {:ok, {:crop_at, x, y, width, height}}
  end

  defp check(:crop, {width, height}, context), do: check(:crop, {width, height, []}, context)

  defp check(:crop, {width, height, opts}, _context) do
    with {:ok, width} <- whole(:width, width, 1, @max_side),
         {:ok, height} <- whole(:height, height, 1, @max_side),
         {:ok, own} <- own(:crop, opts, %{position: Position.point(:center)}),
         do: {:ok, {:crop_around, width, height, own.position}}
  end

  defp check(:flip, side, _context) when side in [:horizontal, :vertical],
    do: {:ok, {:flip, side}}

  defp check(:rotate, {degrees, opts}, _context) do
    with {:ok, degrees} <- number(:rotate, degrees, -1.0e9, 1.0e9),
         {:ok, own} <- own(:rotate, opts, %{background: {0, 0, 0, 0}}) do
      quarters = degrees / 90

      if quarters == trunc(quarters),
        do: {:ok, {:turn, Integer.mod(trunc(quarters), 4)}},
        else: {:ok, {:rotate, degrees, own.background}}
    end
  end

  defp check(:rotate, degrees, context), do: check(:rotate, {degrees, []}, context)

  defp check(:blur, sigma, _context) do
    with {:ok, sigma} <- number(:blur, sigma, 0.01, 1000.0), do: {:ok, {:blur, sigma}}
  end

  defp check(:sharpen, {sigma, opts}, _context) do
    with {:ok, sigma} <- number(:sharpen, sigma, 0.01, 10.0),
         {:ok, own} <- own(:sharpen, opts, %{amount: 1.0, threshold: 0.0}),
         do: {:ok, {:sharpen, sigma, own.amount, own.threshold / 255}}
  end

  defp check(:sharpen, sigma, context), do: check(:sharpen, {sigma, []}, context)

  defp check(name, factor, _context) when name in [:brighten, :contrast, :saturate] do
    with {:ok, factor} <- number(name, factor, 0.0, 100.0), do: {:ok, {name, factor}}
  end

  defp check(:gamma, exponent, _context) do
    with {:ok, exponent} <- number(:gamma, exponent, 0.01, 100.0), do: {:ok, {:gamma, exponent}}
  end

  # So that whether there is such a step can be a variable.
  defp check(name, true, _context) when name in [:grayscale, :invert], do: {:ok, name}
  defp check(name, false, _context) when name in [:grayscale, :invert], do: {:ok, nil}

  defp check(:threshold, level, _context) do
    with {:ok, level} <- number(:threshold, level, 0.0, 255.0),
         do: {:ok, {:threshold, level / 255}}
  end

  defp check(:tint, color, _context) do
    with {:ok, color} <- Color.check(:tint, color), do: {:ok, {:tint, color}}
  end

  defp check(:overlay, value, _context) do
    {source, opts} = overlaid(value)
    defaults = %{margin: 0, opacity: 1.0, tile: false, width: nil, height: nil}
    defaults = Map.put(defaults, :position, Position.point(:center))

    with {:ok, own} <- own(:overlay, opts, defaults),
         do: {:ok, {:overlay, Map.put(own, :source, source)}}
  end

  defp check(:round, :circle, _context), do: {:ok, :circle}

  defp check(:round, radius, _context) when is_number(radius) do
    with {:ok, radius} <- number(:round, radius, 0.0, @max_margin * 1.0),
         do: {:ok, {:round, radius}}
  end

  defp check(:border, {width, color}, _context) do
    with {:ok, width} <- whole(:width, width, 0, @max_margin),
         {:ok, color} <- Color.check(:color, color),
         do: {:ok, {:border, width, color}}
  end

  defp check(name, value, _context), do: Options.invalid(name, value, @steps[name][:value])

  # A file is a pair, too.
  defp overlaid({:file, _path} = file), do: {file, []}
  defp overlaid({source, opts}), do: {source, opts}
  defp overlaid(source), do: {source, []}

  defp sized(name, {width, height}, defaults, context),
    do: sized(name, {width, height, []}, defaults, context)

  defp sized(_name, {width, height, opts}, defaults, {sizing, common}) when is_list(opts) do
    with true <- Keyword.keyword?(opts) || Options.invalid(:options, opts, "a keyword list"),
         :ok <- known(opts),
         {:ok, output} <- Request.thumbnail(width, height, defaults ++ sizing ++ opts, common),
         do: {:ok, {:resize, output}}
  end

  defp sized(name, value, _defaults, _context),
    do: Options.invalid(name, value, @steps[name][:value])

  defp known(opts) do
    case Enum.find(opts, fn {key, _value} -> key not in @sizing end) do
      nil -> :ok
      {key, value} -> Options.invalid(key, value, one_of(@sizing))
    end
  end

  defp own(name, opts, defaults) do
    Options.collect(opts, defaults, fn key, value ->
      if is_map_key(defaults, key),
        do: own_option(key, value),
        else: Options.invalid(key, value, one_of(@own[name]))
    end)
  end

  defp one_of(keys), do: "one of the options #{Enum.map_join(keys, ", ", &inspect/1)}"

  # What is chosen by its pixels is found while a picture is made smaller.
  defp own_option(:position, position) do
    with true <- Position.valid?(position),
         {_x, _y} = point <- Position.point(position) do
      {:ok, point}
    else
      _ ->
        names = for name <- Position.names(), is_tuple(Position.point(name)), do: inspect(name)
        expected = "#{Enum.join(names, ", ")}, or {x, y} with fractions from 0 to 1"
        Options.invalid(:position, position, expected)
    end
  end

  defp own_option(:background, color), do: Color.check(:background, color)
  defp own_option(:amount, amount), do: number(:amount, amount, 0.0, 100.0)
  defp own_option(:threshold, level), do: number(:threshold, level, 0.0, 255.0)
  defp own_option(:margin, margin), do: whole(:margin, margin, 0, @max_margin)
  defp own_option(:opacity, opacity), do: number(:opacity, opacity, 0.0, 1.0)
  defp own_option(:tile, tile) when is_boolean(tile), do: {:ok, tile}
  defp own_option(:tile, tile), do: Options.invalid(:tile, tile, "true or false")
  defp own_option(side, nil) when side in [:width, :height], do: {:ok, nil}
  defp own_option(side, value), do: whole(side, value, 1, @max_side)

  defp whole(_key, value, first, last) when is_integer(value) and value in first..last,
    do: {:ok, value}

  defp whole(key, value, first, last) when is_float(value) and value >= first and value <= last do
    if trunc(value) == value, do: {:ok, trunc(value)}, else: wrong_whole(key, value, first, last)
  end

  defp whole(key, value, first, last), do: wrong_whole(key, value, first, last)

  defp wrong_whole(key, value, first, last),
    do: Options.invalid(key, value, "a whole number from #{first} to #{last}")

  # A zero that is added makes floats of integers.
  defp number(_key, value, least, most)
       when is_number(value) and value >= least and value <= most,
       do: {:ok, value + 0.0}

  defp number(key, value, least, most),
    do: Options.invalid(key, value, "a number from #{text(least)} to #{text(most)}")

  defp text(float) when float == trunc(float), do: Integer.to_string(trunc(float))
  defp text(float), do: Float.to_string(float)
end
