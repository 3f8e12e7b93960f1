defmodule Thumbelina.Server.Imgproxy.Arguments do
  @moduledoc false
  # The arguments of imgproxy's options: what each puts into the result. An error is a text, which
  # comes after the option's name.

  alias Thumbelina.{Color, Format}
  alias Thumbelina.Server.Imgproxy.Value

  @resizing_types %{
    "fit" => :contain,
    "fill" => :cover,
    "fill-down" => :fill_down,
    "force" => :fill,
    "auto" => :auto
  }

  @positions %{
    "ce" => :center,
    "no" => :north,
    "so" => :south,
    "ea" => :east,
    "we" => :west,
    "noea" => :northeast,
    "nowe" => :northwest,
    "soea" => :southeast,
    "sowe" => :southwest
  }

  @filters %{
    "nearest" => :nearest,
    "linear" => :bilinear,
    "cubic" => :catmull_rom,
    # The default of both.
    "lanczos3" => nil
  }

  # What imgproxy reads or writes and Thumbelina does not write.
  @other_formats ~w(best jxl svg heic pdf psd mp4)

  # How much larger than the picture a watermark may be.
  @most_scale 10

  # What looks for something in the picture.
  @other_gravities ~w(obj objw)

  # The longest side, the most pixels and the most bytes that `Thumbelina.thumbnail/4` takes.
  @max_side 0xFFFF_FFFF
  @max_limit 0xFFFF_FFFF_FFFF

  @doc "The longest side that there can be."
  @spec max_side :: pos_integer
  def max_side, do: @max_side

  @doc "Whether this is a resizing type, with which URLs of old versions of imgproxy begin."
  @spec resizing_type?(String.t()) :: boolean
  def resizing_type?(name), do: is_map_key(@resizing_types, name)

  @doc "Takes the arguments of the option with this long name."
  @spec take(String.t(), [String.t()], map) :: {:ok, map} | {:error, String.t()}
  def take("resize", [type | size], state) do
    with {:ok, state} <- given("resizing_type", type, state), do: take("size", size, state)
  end

  def take("size", args, state) do
    {sides, extend} = Enum.split(args, 3)
    [width, height, enlarge] = Enum.take(sides ++ ["", "", ""], 3)

    with {:ok, state} <- given("width", width, state),
         {:ok, state} <- given("height", height, state),
         {:ok, state} <- given("enlarge", enlarge, state) do
      case extend do
        [] -> {:ok, state}
        ["" | _] -> {:ok, state}
        extend -> take("extend", extend, state)
      end
    end
  end

  def take("resizing_type", [type], state) do
    case @resizing_types do
      %{^type => fit} -> {:ok, %{state | fit: fit}}
      _ -> {:error, "unknown resizing type #{Value.shown(type)}"}
    end
  end

  def take("width", [side], state), do: side(:width, side, state)
  def take("height", [side], state), do: side(:height, side, state)
  def take("min-width", [side], state), do: side(:min_width, side, state)
  def take("min-height", [side], state), do: side(:min_height, side, state)

  def take("dpr", [dpr], state) do
    with {:ok, dpr} <- positive(dpr), do: {:ok, %{state | dpr: dpr}}
  end

  def take("enlarge", [flag], state), do: {:ok, %{state | enlarge: Value.true?(flag)}}

  def take("gravity", args, state) do
    with {:ok, position} <- gravity(args), do: {:ok, %{state | position: position}}
  end

  def take("extend", args, state), do: extend(:extend, args, state)
  def take("extend_aspect_ratio", args, state), do: extend(:extend_ratio, args, state)

  def take("zoom", [zoom], state), do: take("zoom", [zoom, zoom], state)

  def take("zoom", [across, down], state) do
    with {:ok, across} <- positive(across),
         {:ok, down} <- positive(down),
         do: {:ok, %{state | zoom: {across, down}}}
  end

  def take("crop", [width], state), do: take("crop", [width, "0"], state)

  def take("crop", [width, height | gravity], state) do
    with {:ok, width} <- Value.number(width),
         {:ok, height} <- Value.number(height),
         {:ok, gravity} <- if(gravity == [], do: {:ok, nil}, else: gravity(gravity)) do
      cond do
        width + height == 0 -> {:ok, %{state | crop: nil}}
        gravity == :attention -> {:error, "sm is not supported for it"}
        true -> {:ok, %{state | crop: {width, height, gravity}}}
      end
    end
  end

  def take("crop_aspect_ratio", [ratio], state),
    do: take("crop_aspect_ratio", [ratio, "0"], state)

  def take("crop_aspect_ratio", [ratio, enlarge], state) do
    with {:ok, ratio} <- Value.number(ratio) do
      ratio = if ratio > 0, do: {ratio, Value.true?(enlarge)}
      {:ok, %{state | crop_ratio: ratio}}
    end
  end

  # As in CSS: what is not given is that of the other side.
  def take("padding", [_, _, _, _, _ | _], _state), do: {:error, "too many arguments"}

  def take("padding", sides, state) do
    [top, right, bottom, left] = Enum.take(sides ++ ["", "", ""], 4)
    top = given_or(top, "0")
    right = given_or(right, top)
    sides = [top, right, given_or(bottom, top), given_or(left, right)]

    with {:ok, sides} <- all(sides, &Value.integer(&1, 0..@max_side)) do
      padding = if Enum.sum(sides) > 0, do: List.to_tuple(sides)
      {:ok, %{state | padding: padding}}
    end
  end

  def take("rotate", [degrees], state) do
    with {:ok, degrees} <- Value.integer(degrees, -1_000_000..1_000_000) do
      if rem(degrees, 90) == 0,
        do: {:ok, %{state | rotate: Integer.mod(degrees, 360)}},
        else: {:error, "expected a multiple of 90"}
    end
  end

  def take("flip", [horizontal], state), do: take("flip", [horizontal, ""], state)

  def take("flip", [horizontal, vertical], state),
    do: {:ok, %{state | flip: {Value.true?(horizontal), Value.true?(vertical)}}}

  def take("auto_rotate", [flag], state), do: {:ok, %{state | autorotate: Value.true?(flag)}}

  def take("strip_metadata", [flag], state),
    do: {:ok, %{state | strip_metadata: Value.true?(flag)}}

  def take("keep_copyright", [flag], state),
    do: {:ok, %{state | keep_copyright: Value.true?(flag)}}

  def take("strip_color_profile", [flag], state),
    do: {:ok, %{state | strip_color_profile: Value.true?(flag)}}

  def take("resizing_algorithm", [name], state) do
    case @filters do
      %{^name => filter} -> {:ok, %{state | filter: filter}}
      _ -> {:error, "expected #{Enum.join(Map.keys(@filters), ", ")}, got: #{Value.shown(name)}"}
    end
  end

  def take("background_alpha", [alpha], state) do
    with {:ok, alpha} <- Value.number(alpha, 0, 1), do: {:ok, %{state | background_alpha: alpha}}
  end

  def take("adjust", args, state) when length(args) <= 3 do
    [brightness, contrast, saturation] = Enum.take(args ++ ["", ""], 3)

    with {:ok, state} <- given("brightness", brightness, state),
         {:ok, state} <- given("contrast", contrast, state),
         do: given("saturation", saturation, state)
  end

  def take("brightness", [brightness], state) do
    with {:ok, brightness} <- Value.integer(brightness, -255..255),
         do: {:ok, %{state | brightness: brightness}}
  end

  def take("contrast", [factor], state) do
    with {:ok, factor} <- Value.number(factor, 0, 100), do: {:ok, %{state | contrast: factor}}
  end

  def take("saturation", [factor], state) do
    with {:ok, factor} <- Value.number(factor, 0, 100), do: {:ok, %{state | saturation: factor}}
  end

  def take("monochrome", [intensity], state),
    do: take("monochrome", [intensity, "b3b3b3"], state)

  def take("monochrome", [intensity, color], state) do
    with {:ok, intensity} <- Value.number(intensity, 0, 1) do
      if intensity == 0 or String.downcase(color, :ascii) in ["", "b3b3b3"],
        do: {:ok, %{state | monochrome: intensity}},
        else: {:error, "a color is not supported"}
    end
  end

  def take("blur", [sigma], state) do
    with {:ok, sigma} <- Value.number(sigma, 0, 1000), do: {:ok, %{state | blur: sigma}}
  end

  def take("sharpen", [sigma], state) do
    with {:ok, sigma} <- Value.number(sigma, 0, 10), do: {:ok, %{state | sharpen: sigma}}
  end

  def take("watermark", args, state) when length(args) <= 5 do
    [opacity, position, x, y, scale] =
      Enum.zip_with(
        args ++ List.duplicate("", 5 - length(args)),
        ["", "ce", "0", "0", "0"],
        &given_or/2
      )

    with {:ok, opacity} <- Value.number(opacity, 0, 1),
         {:ok, at} <- watermark_place(position, x, y),
         {:ok, scale} <- Value.number(scale, 0, @most_scale) do
      watermark = if opacity > 0, do: %{opacity: opacity, at: at, scale: scale}
      {:ok, %{state | watermark: watermark}}
    end
  end

  def take("background", [""], state), do: {:ok, %{state | background: nil}}

  def take("background", [digits], state) do
    case Color.parse("#" <> digits) do
      {:ok, {_, _, _, 255} = color} when byte_size(digits) in [3, 6] ->
        {:ok, %{state | background: color}}

      _ ->
        {:error, "expected three or six hexadecimal digits, or three numbers from 0 to 255"}
    end
  end

  def take("background", [_, _, _] = samples, state) do
    with {:ok, red, green, blue} <- samples(samples),
         do: {:ok, %{state | background: {red, green, blue, 255}}}
  end

  def take("trim", ["" | _], state), do: {:ok, %{state | trim: nil}}

  def take("trim", [threshold | more], state) do
    with {:ok, threshold} <- Value.number(threshold) do
      cond do
        threshold > 255 ->
          {:error, "expected a number from 0 to 255"}

        match?([_, _, _, _ | _], more) ->
          {:error, "too many arguments"}

        Enum.at(more, 0, "") != "" ->
          {:error, "a color is not supported"}

        more |> Enum.drop(1) |> Enum.any?(&Value.true?/1) ->
          {:error, "equal sides are not supported"}

        true ->
          {:ok, %{state | trim: threshold}}
      end
    end
  end

  def take("quality", [quality], state) do
    with {:ok, quality} <- Value.integer(quality, 0..100),
         do: {:ok, %{state | quality: if(quality > 0, do: quality)}}
  end

  # Enough for every file system.
  @most_bytes 0xFFFF_FFFF_FFFF

  def take("max_bytes", [bytes], state) do
    with {:ok, bytes} <- Value.integer(bytes, 0..@most_bytes),
         do: {:ok, %{state | max_bytes: if(bytes > 0, do: bytes)}}
  end

  def take("jpeg_options", [progressive], state),
    do: {:ok, %{state | progressive: Value.true?(progressive)}}

  def take("jpeg_options", [progressive, no_subsample], state) do
    subsampling = if Value.true?(no_subsample), do: "4:4:4", else: :auto
    {:ok, %{state | progressive: Value.true?(progressive), subsampling: subsampling}}
  end

  def take("png_options", [interlaced | quantize], state) do
    if Value.true?(interlaced),
      do: {:error, "interlaced is not supported"},
      else: quantize(quantize, state)
  end

  def take("format_quality", args, state), do: format_qualities(args, state)

  def take("format", [name], state) do
    with {:ok, format} <- format(name) do
      if format in Format.writable(),
        do: {:ok, %{state | format: format}},
        else: {:error, "the format #{name} is not supported"}
    end
  end

  def take("cachebuster", [text], state),
    do: {:ok, %{state | cachebuster: if(text != "", do: text)}}

  def take("expires", [time], state) do
    with {:ok, time} <- Value.integer(time, 0..0x7FFF_FFFF_FFFF_FFFF),
         do: {:ok, %{state | expires: if(time > 0, do: time)}}
  end

  def take("filename", [name], state), do: filename(Value.unescape(name), state)

  def take("filename", [name, encoded], state) do
    if Value.true?(encoded),
      do: filename(Value.base64(name), state),
      else: filename(Value.unescape(name), state)
  end

  def take("return_attachment", [flag], state),
    do: {:ok, %{state | return_attachment: Value.true?(flag)}}

  def take("max_src_resolution", [megapixels], state) do
    with {:ok, megapixels} <- Value.number(megapixels),
         do: limit(:max_pixels, trunc(min(megapixels * 1_000_000, @max_limit + 1.0)), state)
  end

  def take("max_src_file_size", [bytes], state) do
    with {:ok, bytes} <- Value.integer(bytes, 1..@max_limit),
         do: limit(:max_bytes_in, bytes, state)
  end

  def take(_name, _args, _state), do: {:error, "wrong number of arguments"}

  # imgproxy's default is 256 colors.
  defp quantize([], state), do: {:ok, state}

  defp quantize([flag], state),
    do: {:ok, %{state | colors: if(Value.true?(flag), do: 256)}}

  defp quantize([flag, colors], state) do
    with {:ok, colors} <- Value.integer(colors, 2..256),
         do: {:ok, %{state | colors: if(Value.true?(flag), do: colors)}}
  end

  defp quantize(_args, _state), do: {:error, "wrong number of arguments"}

  defp given_or("", other), do: other
  defp given_or(text, _other), do: text

  # Arguments of a meta-option can be left out.
  defp given(_name, "", state), do: {:ok, state}
  defp given(name, arg, state), do: take(name, [arg], state)

  defp side(key, side, state) do
    with {:ok, side} <- Value.integer(side, 0..@max_side), do: {:ok, %{state | key => side}}
  end

  defp watermark_place("re", x, y) do
    with {:ok, x} <- Value.number(x), {:ok, y} <- Value.number(y), do: {:ok, {:tiles, x, y}}
  end

  defp watermark_place(position, x, y) when is_map_key(@positions, position),
    do: gravity([position, x, y])

  defp watermark_place(position, _x, _y) do
    names = Enum.join(["re" | Map.keys(@positions)], ", ")
    {:error, "expected one of #{names}, got: #{Value.shown(position)}"}
  end

  defp gravity(["fp", x, y]) do
    with {:ok, x} <- fraction(x), {:ok, y} <- fraction(y), do: {:ok, {x, y}}
  end

  defp gravity([type | offsets]) when is_map_key(@positions, type) do
    position = Map.fetch!(@positions, type)
    offsets = Enum.map(offsets, &if(&1 == "", do: "0", else: &1))

    with {:ok, offsets} <- all(offsets, &Value.signed/1) do
      case offsets do
        [_, _, _ | _] -> {:error, "too many arguments"}
        [x, y] when x != 0 or y != 0 -> {:ok, {position, x, y}}
        [x] when x != 0 -> {:ok, {position, x, 0.0}}
        _ -> {:ok, position}
      end
    end
  end

  defp gravity(["fp" | _]), do: {:error, "fp needs two numbers from 0 to 1"}
  defp gravity(["sm"]), do: {:ok, :attention}
  defp gravity(["sm" | _]), do: {:error, "too many arguments"}
  defp gravity([type | _]) when type in @other_gravities, do: {:error, "#{type} is not supported"}
  defp gravity([type | _]), do: {:error, "unknown gravity type #{Value.shown(type)}"}

  defp extend(key, [flag | gravity], state) do
    cond do
      match?([_, _, _, _ | _], gravity) -> {:error, "too many arguments"}
      not Value.true?(flag) -> {:ok, %{state | key => nil}}
      gravity in [[], [""]] -> {:ok, %{state | key => :center}}
      hd(gravity) == "sm" -> {:error, "sm is not supported for it"}
      true -> with({:ok, position} <- gravity(gravity), do: {:ok, %{state | key => position}})
    end
  end

  defp positive(text) do
    case Value.number(text) do
      {:ok, number} when number > 0 -> {:ok, number}
      {:ok, _zero} -> {:error, "expected more than 0"}
      error -> error
    end
  end

  # All of them, or what is wrong with the first one that is.
  defp all(texts, read) do
    Enum.reduce_while(texts, {:ok, []}, fn text, {:ok, values} ->
      case read.(text) do
        {:ok, value} -> {:cont, {:ok, values ++ [value]}}
        error -> {:halt, error}
      end
    end)
  end

  defp samples(samples) do
    case for(text <- samples, {:ok, sample} <- [Value.integer(text, 0..255)], do: sample) do
      [red, green, blue] -> {:ok, red, green, blue}
      _ -> {:error, "expected three numbers from 0 to 255"}
    end
  end

  defp fraction(text) do
    case Value.number(text) do
      {:ok, number} when number <= 1 -> {:ok, number}
      {:ok, _number} -> {:error, "expected a number from 0 to 1, got: #{Value.shown(text)}"}
      error -> error
    end
  end

  defp limit(key, limit, state) when limit in 1..@max_limit,
    do: {:ok, Map.put(state, key, limit)}

  defp limit(_key, _limit, _state), do: {:error, "the limit is out of range"}

  defp format_qualities([], state), do: {:ok, state}

  defp format_qualities([name, quality | rest], state) do
    with {:ok, format} <- format(name),
         {:ok, quality} <- Value.integer(quality, 0..100) do
      qualities =
        if quality > 0 and is_atom(format),
          do: Map.put(state.format_quality, format, quality),
          else: Map.delete(state.format_quality, format)

      format_qualities(rest, %{state | format_quality: qualities})
    end
  end

  defp format_qualities([name], _state),
    do: {:error, "the quality of #{Value.shown(name)} is missing"}

  defp format(name) when name in @other_formats, do: {:ok, name}

  defp format(name) when byte_size(name) <= 16 do
    with :error <- Format.of_extension("." <> name),
         do: {:error, "unknown format #{Value.shown(name)}"}
  end

  defp format(name), do: {:error, "unknown format #{Value.shown(name)}"}

  defp filename({:ok, ""}, state), do: {:ok, %{state | filename: nil}}

  defp filename({:ok, name}, state) do
    if Value.plain_text?(name),
      do: {:ok, %{state | filename: name}},
      else: {:error, "not UTF-8, or with control characters in it"}
  end

  defp filename(:error, _state), do: {:error, "not encoded correctly"}
end
