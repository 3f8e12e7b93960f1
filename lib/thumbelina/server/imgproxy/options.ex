defmodule Thumbelina.Server.Imgproxy.Options do
  @moduledoc false
  # The one table of imgproxy's processing options: what is done with each, and its documentation.

  alias Thumbelina.{Color, Format}
  alias Thumbelina.Server.Imgproxy.Value

  # `{names, what}`, the long name first. What is done with an option:
  #
  #   * `{:take, note}` - `take/3` puts it into the result
  #   * `{:done, condition, note}` - fulfilled anyway if its arguments meet the condition, else
  #     refused
  #   * `{:refuse, condition}` - what it asks for is not there. Arguments that meet the condition
  #     ask for nothing, so they are accepted
  @table [
    {~w(resize rs), {:take, ""}},
    {~w(size s), {:take, ""}},
    {~w(resizing_type rt), {:take, "`fit`, `fill`, `fill-down`, `force`, `auto`"}},
    {~w(width w), {:take, ""}},
    {~w(height h), {:take, ""}},
    {~w(min-width mw), {:take, "not more than `width`, if there is a `height` too"}},
    {~w(min-height mh), {:take, "not more than `height`, if there is a `width` too"}},
    {~w(dpr), {:take, ""}},
    {~w(enlarge el), {:take, ""}},
    {~w(gravity g),
     {:take,
      "`ce`, `no`, `so`, `ea`, `we`, `noea`, `nowe`, `soea`, `sowe` with offsets, `fp:x:y`, " <>
        "and `sm`"}},
    {~w(quality q), {:take, "for JPEG and AVIF; the other formats are lossless"}},
    {~w(format_quality fq), {:take, ""}},
    {~w(max_bytes mb), {:take, "an error where no quality of JPEG or AVIF fits"}},
    {~w(jpeg_options jpgo), {:take, "`progressive` and `no_subsample`"}},
    {~w(png_options pngo), {:take, "`interlaced` only as `0`"}},
    {~w(format f ext), {:take, "formats that Thumbelina writes"}},
    {~w(cachebuster cb), {:take, "changes the URL, and nothing else"}},
    {~w(expires exp), {:take, ""}},
    {~w(filename fn), {:take, ""}},
    {~w(return_attachment att), {:take, ""}},
    {~w(preset pr), {:take, ""}},
    {~w(max_src_resolution msr), {:take, "if security options are allowed"}},
    {~w(max_src_file_size msfs), {:take, "if security options are allowed"}},
    {~w(auto_rotate ar), {:take, "`1` by default"}},
    {~w(strip_metadata sm),
     {:take, "`1` by default. `0` where the server's option `:metadata` allows all of them"}},
    {~w(strip_color_profile scp),
     {:take, "`1` by default, which makes colors sRGB's. `0` keeps them, and their profile"}},
    {~w(keep_copyright kcr), {:take, "`0` by default"}},
    {~w(disable_animation da), {:done, :any, "a thumbnail is never animated"}},
    {~w(resizing_algorithm ra), {:take, "`nearest`, `linear`, `cubic`, `lanczos3`"}},
    {~w(zoom z), {:take, ""}},
    {~w(extend ex), {:take, "with the gravities of `gravity` but `sm`"}},
    {~w(extend_aspect_ratio extend_ar exar), {:take, "with the gravities of `gravity` but `sm`"}},
    {~w(objects_position obj_pos op), {:refuse, :never}},
    {~w(crop c), {:take, "with the gravities of `gravity` but `sm`"}},
    {~w(crop_aspect_ratio crop_ar car), {:take, ""}},
    {~w(crop_objects), {:refuse, :never}},
    {~w(trim t),
     {:take,
      "a threshold up to 255, of the color in the upper left corner, with the resizing types " <>
        "`fit`, `fill`, and `force` with `enlarge`, and a `dpr` with `enlarge`. No `crop`, " <>
        "`extend`, `padding`, `zoom`, offset or least side with it, which need to know the size"}},
    {~w(padding pd), {:take, ""}},
    {~w(rotate rot), {:take, "multiples of 90"}},
    {~w(flip fl), {:take, ""}},
    {~w(background bg), {:take, ""}},
    {~w(background_alpha bga), {:take, ""}},
    {~w(adjust a), {:take, ""}},
    {~w(brightness br), {:take, "is added to each of red, green and blue"}},
    # imgproxy's documentation has the short name `co` for this one and for `crop_objects`, which is
    # younger.
    {~w(contrast co), {:take, "up to 100, about the middle gray"}},
    {~w(saturation sa), {:take, "up to 100"}},
    {~w(monochrome mc), {:take, "with no color but `b3b3b3`, its default"}},
    {~w(duotone dt), {:refuse, :first_zero}},
    {~w(blur bl), {:take, "up to 1000"}},
    {~w(sharpen sh),
     {:take, "up to 10: an unsharp mask of this sigma, about as strong as libvips' sharpening"}},
    {~w(pixelate pix), {:refuse, :ones}},
    {~w(unsharp_masking ush), {:refuse, :never}},
    {~w(blur_areas ba), {:refuse, :first_zero}},
    {~w(progressive_blur pbl), {:refuse, :first_zero}},
    {~w(blur_detections bd), {:refuse, :never}},
    {~w(draw_detections dd), {:refuse, :off}},
    {~w(colorize col), {:refuse, :first_zero}},
    {~w(gradient gr), {:refuse, :first_zero}},
    {~w(watermark wm), {:refuse, :first_zero}},
    {~w(watermark_url wmu), {:refuse, :blank}},
    {~w(watermark_text wmt), {:refuse, :blank}},
    {~w(watermark_size wms), {:refuse, :zeros}},
    {~w(watermark_rotate wm_rot wmr), {:refuse, :zeros}},
    {~w(watermark_shadow wmsh), {:refuse, :never}},
    {~w(style st), {:refuse, :blank}},
    {~w(dpi), {:refuse, :zeros}},
    {~w(preserve_hdr ph), {:refuse, :never}},
    {~w(color_profile cp icc), {:refuse, :blank}},
    {~w(enforce_thumbnail eth), {:refuse, :off}},
    {~w(autoquality aq), {:refuse, :never}},
    {~w(webp_options webpo), {:refuse, :never}},
    {~w(avif_options avifo), {:refuse, :never}},
    {~w(page pg), {:refuse, :zeros}},
    {~w(pages pgs), {:refuse, :ones}},
    {~w(video_thumbnail_second vts), {:refuse, :never}},
    {~w(video_thumbnail_keyframes vtk), {:refuse, :never}},
    {~w(video_thumbnail_tile vtt), {:refuse, :first_zero}},
    {~w(video_thumbnail_animation vta), {:refuse, :first_zero}},
    {~w(fallback_image_url fiu), {:refuse, :blank}},
    {~w(skip_processing skp), {:refuse, :never}},
    {~w(raw), {:refuse, :off}},
    {~w(bypass_cache bc), {:refuse, :off}},
    {~w(cache_tags ct), {:refuse, :never}},
    {~w(hashsum hs), {:refuse, {:text, "none"}}},
    {~w(max_animation_frames maf), {:refuse, :never}},
    {~w(max_animation_frame_resolution mafr), {:refuse, :never}},
    {~w(max_result_dimension mrd), {:refuse, :never}}
  ]

  @by_name for {[long | _] = names, what} <- @table,
               name <- names,
               into: %{},
               do: {name, {long, what}}

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

  # What looks for something in the picture.
  @other_gravities ~w(obj objw)

  # The longest side, the most pixels and the most bytes that `Thumbelina.thumbnail/4` takes.
  @max_side 0xFFFF_FFFF
  @max_limit 0xFFFF_FFFF_FFFF

  # Presets can name presets, so a short URL could ask for very many options.
  @most_options 1_000

  @typep refusal :: {:error, {400..404, String.t()}}

  @doc "All options as a table in Markdown."
  @spec docs :: String.t()
  def docs do
    rows =
      for {[long | short], what} <- @table do
        names = Enum.map_join([long | short], ", ", &"`#{&1}`")
        "| #{names} | #{describe(what)} |\n"
      end

    "| Option | |\n| --- | --- |\n" <> Enum.join(rows)
  end

  @doc "All names of options."
  @spec names :: [String.t()]
  def names, do: for({names, _what} <- @table, name <- names, do: name)

  defp describe({:take, ""}), do: "taken"
  defp describe({:take, note}), do: "taken: #{note}"
  defp describe({:done, :any, note}), do: "taken: #{note}"
  defp describe({:done, condition, note}), do: "only #{condition(condition)}: #{note}"
  defp describe({:refuse, :never}), do: "not supported"

  defp describe({:refuse, condition}),
    do: "not supported; #{condition(condition)} changes nothing and is accepted"

  defp condition(:off), do: "`0`"
  defp condition(zero) when zero in [:zeros, :first_zero], do: "`0`"
  defp condition(:ones), do: "`1`"
  defp condition(:blank), do: "an empty value"
  defp condition({:text, text}), do: "`#{text}`"

  @doc """
  Applies the options at the beginning of the parts of a path, and returns the parts that follow.
  The default preset comes first. `env` has `presets`, `only_presets`, `now` and `security`.
  """
  @spec parse([String.t()], map, map) :: {:ok, map, [String.t()]} | refusal
  def parse(segments, asked, env) do
    state = Map.put(asked, :left, @most_options)
    default = if is_map_key(env.presets, "default"), do: ["default"], else: []

    with {:ok, options, rest} <- split(segments, env),
         {:ok, state} <- presets(default, state, env, []),
         {:ok, state} <- apply_all(options, state, env, []),
         do: {:ok, Map.delete(state, :left), rest}
  end

  @doc "The format that a source's extension asks for."
  @spec extension(String.t() | nil, map) :: {:ok, map} | refusal
  def extension(nil, asked), do: {:ok, asked}
  def extension(extension, asked), do: named("extension", take("format", [extension], asked))

  @doc "Checks what several options say together."
  @spec check(map) :: :ok | refusal
  def check(asked) do
    cond do
      max(asked.width, asked.height) * asked.dpr > @max_side ->
        bad("dpr: a side has more than #{@max_side} pixels")

      wrong = wrong_crop(asked) || wrong_trim(asked) ->
        bad(wrong)

      asked.width == 0 or asked.height == 0 ->
        :ok

      asked.min_width > asked.width ->
        bad("min-width: a box with both sides cannot have a larger min-width")

      asked.min_height > asked.height ->
        bad("min-height: a box with both sides cannot have a larger min-height")

      true ->
        :ok
    end
  end

  # What is worth to be seen is looked for in the small picture.
  defp wrong_crop(%{crop: nil, crop_ratio: nil}), do: nil
  defp wrong_crop(%{crop: {_width, _height, gravity}}) when gravity != nil, do: nil

  defp wrong_crop(%{position: :attention}),
    do: "crop: the gravity sm is not supported for it; give it one of its own"

  defp wrong_crop(_asked), do: nil

  # How large what is left of the picture is shows when it is made.
  defp wrong_trim(%{trim: nil}), do: nil

  defp wrong_trim(asked) do
    cond do
      asked.fit in [:fill_down, :auto] -> "trim: the resizing type is not supported with it"
      asked.fit == :fill and not asked.enlarge -> "trim: force is only supported with enlarge"
      asked.min_width + asked.min_height > 0 -> "trim: no min-width or min-height with it"
      asked.dpr != 1.0 and not asked.enlarge -> "trim: dpr is only supported with enlarge"
      asked.zoom != {1.0, 1.0} -> "trim: no zoom with it"
      asked.crop || asked.crop_ratio -> "trim: no crop with it"
      asked.extend || asked.extend_ratio -> "trim: no extend with it"
      asked.padding -> "trim: no padding with it"
      offset?(asked.position) -> "trim: no offsets with it"
      true -> nil
    end
  end

  defp offset?({_position, _x, _y}), do: true
  defp offset?(_position), do: false

  # Only presets: their names, and the source.
  defp split([names | rest], %{only_presets: true}),
    do: {:ok, [["preset" | String.split(names, ":")]], rest}

  defp split([type | _], _env) when is_map_key(@resizing_types, type),
    do: bad("the basic URL format of old imgproxies is not supported")

  defp split(segments, _env) do
    {options, rest} = Enum.split_while(segments, &String.contains?(&1, ":"))
    {:ok, Enum.map(options, &String.split(&1, ":")), rest}
  end

  defp apply_all(options, state, env, used) do
    Enum.reduce_while(options, {:ok, state}, fn [name | args], {:ok, state} ->
      with {:ok, state} <- count(state),
           {:ok, state} <- apply_one(name, args, state, env, used) do
        {:cont, {:ok, state}}
      else
        error -> {:halt, error}
      end
    end)
  end

  defp count(%{left: 0}), do: bad("the URL has more than #{@most_options} options")
  defp count(%{left: left} = state), do: {:ok, %{state | left: left - 1}}

  defp apply_one(name, args, state, env, used) do
    case @by_name do
      %{^name => {"preset", _}} ->
        presets(args, state, env, used)

      %{^name => {"max_src_" <> _, _}} when not env.security ->
        {:error, {403, "#{name}: security options are not allowed"}}

      %{^name => {"expires", _}} ->
        named(name, with({:ok, state} <- take("expires", args, state), do: alive(state, env)))

      %{^name => {long, {:take, _note}}} ->
        named(name, take(long, args, state))

      %{^name => {long, what}} ->
        condition = elem(what, 1)
        if meets?(condition, args), do: {:ok, state}, else: refuse(name, long, condition)

      _ ->
        bad("unknown option #{Value.shown(name)}")
    end
  end

  defp refuse(name, long, condition) do
    name = if name == long, do: name, else: "#{name} (#{long})"

    if condition == :never do
      bad("the option #{name} is not supported")
    else
      value = condition |> condition() |> String.replace("`", "")
      bad("the option #{name} is not supported, only with #{value}")
    end
  end

  # As in imgproxy, a preset that comes back while it is applied is left out.
  defp presets(names, state, env, used) do
    Enum.reduce_while(names, {:ok, state}, fn name, {:ok, state} ->
      with {:ok, state} <- count(state), {:ok, state} <- preset(name, state, env, used) do
        {:cont, {:ok, state}}
      else
        error -> {:halt, error}
      end
    end)
  end

  defp preset(name, state, %{presets: presets} = env, used) do
    case presets do
      %{^name => options} ->
        if name in used, do: {:ok, state}, else: expand(name, options, state, env, used)

      _ ->
        bad("unknown preset #{Value.shown(name)}")
    end
  end

  defp expand(name, options, state, env, used) do
    case options |> String.split("/") |> split(%{env | only_presets: false}) do
      {:ok, options, []} -> apply_all(options, state, env, [name | used])
      _ -> bad("the preset #{Value.shown(name)} is not made of options")
    end
  end

  defp alive(%{expires: expires} = state, %{now: now}) do
    if expires != nil and expires < now,
      do: {:error, {404, "the URL has expired"}},
      else: {:ok, state}
  end

  # An option's arguments. An error is a text, which comes after the option's name.

  defp take("resize", [type | size], state) do
    with {:ok, state} <- given("resizing_type", type, state), do: take("size", size, state)
  end

  defp take("size", args, state) do
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

  defp take("resizing_type", [type], state) do
    case @resizing_types do
      %{^type => fit} -> {:ok, %{state | fit: fit}}
      _ -> {:error, "unknown resizing type #{Value.shown(type)}"}
    end
  end

  defp take("width", [side], state), do: side(:width, side, state)
  defp take("height", [side], state), do: side(:height, side, state)
  defp take("min-width", [side], state), do: side(:min_width, side, state)
  defp take("min-height", [side], state), do: side(:min_height, side, state)

  defp take("dpr", [dpr], state) do
    with {:ok, dpr} <- positive(dpr), do: {:ok, %{state | dpr: dpr}}
  end

  defp take("enlarge", [flag], state), do: {:ok, %{state | enlarge: Value.true?(flag)}}

  defp take("gravity", args, state) do
    with {:ok, position} <- gravity(args), do: {:ok, %{state | position: position}}
  end

  defp take("extend", args, state), do: extend(:extend, args, state)
  defp take("extend_aspect_ratio", args, state), do: extend(:extend_ratio, args, state)

  defp take("zoom", [zoom], state), do: take("zoom", [zoom, zoom], state)

  defp take("zoom", [across, down], state) do
    with {:ok, across} <- positive(across),
         {:ok, down} <- positive(down),
         do: {:ok, %{state | zoom: {across, down}}}
  end

  defp take("crop", [width], state), do: take("crop", [width, "0"], state)

  defp take("crop", [width, height | gravity], state) do
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

  defp take("crop_aspect_ratio", [ratio], state),
    do: take("crop_aspect_ratio", [ratio, "0"], state)

  defp take("crop_aspect_ratio", [ratio, enlarge], state) do
    with {:ok, ratio} <- Value.number(ratio) do
      ratio = if ratio > 0, do: {ratio, Value.true?(enlarge)}
      {:ok, %{state | crop_ratio: ratio}}
    end
  end

  # As in CSS: what is not given is that of the other side.
  defp take("padding", [_, _, _, _, _ | _], _state), do: {:error, "too many arguments"}

  defp take("padding", sides, state) do
    [top, right, bottom, left] = Enum.take(sides ++ ["", "", ""], 4)
    top = given_or(top, "0")
    right = given_or(right, top)
    sides = [top, right, given_or(bottom, top), given_or(left, right)]

    with {:ok, sides} <- all(sides, &Value.integer(&1, 0..@max_side)) do
      padding = if Enum.sum(sides) > 0, do: List.to_tuple(sides)
      {:ok, %{state | padding: padding}}
    end
  end

  defp take("rotate", [degrees], state) do
    with {:ok, degrees} <- Value.integer(degrees, -1_000_000..1_000_000) do
      if rem(degrees, 90) == 0,
        do: {:ok, %{state | rotate: Integer.mod(degrees, 360)}},
        else: {:error, "expected a multiple of 90"}
    end
  end

  defp take("flip", [horizontal], state), do: take("flip", [horizontal, ""], state)

  defp take("flip", [horizontal, vertical], state),
    do: {:ok, %{state | flip: {Value.true?(horizontal), Value.true?(vertical)}}}

  defp take("auto_rotate", [flag], state), do: {:ok, %{state | autorotate: Value.true?(flag)}}

  defp take("strip_metadata", [flag], state),
    do: {:ok, %{state | strip_metadata: Value.true?(flag)}}

  defp take("keep_copyright", [flag], state),
    do: {:ok, %{state | keep_copyright: Value.true?(flag)}}

  defp take("strip_color_profile", [flag], state),
    do: {:ok, %{state | strip_color_profile: Value.true?(flag)}}

  defp take("resizing_algorithm", [name], state) do
    case @filters do
      %{^name => filter} -> {:ok, %{state | filter: filter}}
      _ -> {:error, "expected #{Enum.join(Map.keys(@filters), ", ")}, got: #{Value.shown(name)}"}
    end
  end

  defp take("background_alpha", [alpha], state) do
    with {:ok, alpha} <- Value.number(alpha, 0, 1), do: {:ok, %{state | background_alpha: alpha}}
  end

  defp take("adjust", args, state) when length(args) <= 3 do
    [brightness, contrast, saturation] = Enum.take(args ++ ["", ""], 3)

    with {:ok, state} <- given("brightness", brightness, state),
         {:ok, state} <- given("contrast", contrast, state),
         do: given("saturation", saturation, state)
  end

  defp take("brightness", [brightness], state) do
    with {:ok, brightness} <- Value.integer(brightness, -255..255),
         do: {:ok, %{state | brightness: brightness}}
  end

  defp take("contrast", [factor], state) do
    with {:ok, factor} <- Value.number(factor, 0, 100), do: {:ok, %{state | contrast: factor}}
  end

  defp take("saturation", [factor], state) do
    with {:ok, factor} <- Value.number(factor, 0, 100), do: {:ok, %{state | saturation: factor}}
  end

  defp take("monochrome", [intensity], state),
    do: take("monochrome", [intensity, "b3b3b3"], state)

  defp take("monochrome", [intensity, color], state) do
    with {:ok, intensity} <- Value.number(intensity, 0, 1) do
      if intensity == 0 or String.downcase(color, :ascii) in ["", "b3b3b3"],
        do: {:ok, %{state | monochrome: intensity}},
        else: {:error, "a color is not supported"}
    end
  end

  defp take("blur", [sigma], state) do
    with {:ok, sigma} <- Value.number(sigma, 0, 1000), do: {:ok, %{state | blur: sigma}}
  end

  defp take("sharpen", [sigma], state) do
    with {:ok, sigma} <- Value.number(sigma, 0, 10), do: {:ok, %{state | sharpen: sigma}}
  end

  defp take("background", [""], state), do: {:ok, %{state | background: nil}}

  defp take("background", [digits], state) do
    case Color.parse("#" <> digits) do
      {:ok, {_, _, _, 255} = color} when byte_size(digits) in [3, 6] ->
        {:ok, %{state | background: color}}

      _ ->
        {:error, "expected three or six hexadecimal digits, or three numbers from 0 to 255"}
    end
  end

  defp take("background", [_, _, _] = samples, state) do
    with {:ok, red, green, blue} <- samples(samples),
         do: {:ok, %{state | background: {red, green, blue, 255}}}
  end

  defp take("trim", ["" | _], state), do: {:ok, %{state | trim: nil}}

  defp take("trim", [threshold | more], state) do
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

  defp take("quality", [quality], state) do
    with {:ok, quality} <- Value.integer(quality, 0..100),
         do: {:ok, %{state | quality: if(quality > 0, do: quality)}}
  end

  # Enough for every file system.
  @most_bytes 0xFFFF_FFFF_FFFF

  defp take("max_bytes", [bytes], state) do
    with {:ok, bytes} <- Value.integer(bytes, 0..@most_bytes),
         do: {:ok, %{state | max_bytes: if(bytes > 0, do: bytes)}}
  end

  defp take("jpeg_options", [progressive], state),
    do: {:ok, %{state | progressive: Value.true?(progressive)}}

  defp take("jpeg_options", [progressive, no_subsample], state) do
    subsampling = if Value.true?(no_subsample), do: "4:4:4", else: :auto
    {:ok, %{state | progressive: Value.true?(progressive), subsampling: subsampling}}
  end

  defp take("png_options", [interlaced | quantize], state) do
    if Value.true?(interlaced),
      do: {:error, "interlaced is not supported"},
      else: quantize(quantize, state)
  end

  defp take("format_quality", args, state), do: format_qualities(args, state)

  defp take("format", [name], state) do
    with {:ok, format} <- format(name) do
      if format in Format.writable(),
        do: {:ok, %{state | format: format}},
        else: {:error, "the format #{name} is not supported"}
    end
  end

  defp take("cachebuster", [text], state),
    do: {:ok, %{state | cachebuster: if(text != "", do: text)}}

  defp take("expires", [time], state) do
    with {:ok, time} <- Value.integer(time, 0..0x7FFF_FFFF_FFFF_FFFF),
         do: {:ok, %{state | expires: if(time > 0, do: time)}}
  end

  defp take("filename", [name], state), do: filename(Value.unescape(name), state)

  defp take("filename", [name, encoded], state) do
    if Value.true?(encoded),
      do: filename(Value.base64(name), state),
      else: filename(Value.unescape(name), state)
  end

  defp take("return_attachment", [flag], state),
    do: {:ok, %{state | return_attachment: Value.true?(flag)}}

  defp take("max_src_resolution", [megapixels], state) do
    with {:ok, megapixels} <- Value.number(megapixels),
         do: limit(:max_pixels, trunc(min(megapixels * 1_000_000, @max_limit + 1.0)), state)
  end

  defp take("max_src_file_size", [bytes], state) do
    with {:ok, bytes} <- Value.integer(bytes, 1..@max_limit),
         do: limit(:max_bytes_in, bytes, state)
  end

  defp take(_name, _args, _state), do: {:error, "wrong number of arguments"}

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

  # A number is meant as one: 0 and 0.0 are the same. Trailing arguments can be empty.
  defp meets?(:never, _args), do: false
  defp meets?(:any, _args), do: true
  defp meets?(:blank, args), do: args == [""]
  defp meets?(:off, [flag | _]), do: not Value.true?(flag)
  defp meets?(:zeros, args), do: numbers?(args, 0.0)
  defp meets?(:ones, args), do: numbers?(args, 1.0)
  defp meets?(:first_zero, [first | _]), do: numbers?([first], 0.0)

  defp meets?({:text, text}, args), do: hd(args) == text

  defp numbers?([first | rest], number) do
    Value.number(first) == {:ok, number} and
      Enum.all?(rest, &(&1 == "" or Value.number(&1) == {:ok, number}))
  end

  defp named(name, {:error, text}) when is_binary(text), do: bad("#{name}: #{text}")
  defp named(_name, result), do: result

  defp bad(message), do: {:error, {400, message}}
end
