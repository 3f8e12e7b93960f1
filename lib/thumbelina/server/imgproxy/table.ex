defmodule Thumbelina.Server.Imgproxy.Table do
  @moduledoc false
  # The one table of imgproxy's processing options: what is done with each, and its documentation.

  alias Thumbelina.Server.Imgproxy.Value

  # `{names, what}`, the long name first. What is done with an option:
  #
  #   * `{:take, note}` - `Arguments.take/3` puts it into the result
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
    {~w(watermark wm),
     {:take,
      "the picture of the server's option `:imgproxy_watermark`, at `re` and the gravities of " <>
        "`gravity` but `fp` and `sm`, of a scale up to 10. Not with `trim`"}},
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

  @type condition :: atom | {:text, String.t()}
  @type what ::
          {:take, String.t()} | {:done, condition, String.t()} | {:refuse, condition}

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

  @doc "The long name of an option, and what is done with it."
  @spec find(String.t()) :: {:ok, String.t(), what} | :error
  def find(name) do
    with {:ok, {long, what}} <- Map.fetch(@by_name, name), do: {:ok, long, what}
  end

  defp describe({:take, ""}), do: "taken"
  defp describe({:take, note}), do: "taken: #{note}"
  defp describe({:done, :any, note}), do: "taken: #{note}"
  defp describe({:done, condition, note}), do: "only #{condition(condition)}: #{note}"
  defp describe({:refuse, :never}), do: "not supported"

  defp describe({:refuse, condition}),
    do: "not supported; #{condition(condition)} changes nothing and is accepted"

  @doc "The arguments that meet a condition, for people."
  @spec condition(condition) :: String.t()
  def condition(:off), do: "`0`"
  def condition(zero) when zero in [:zeros, :first_zero], do: "`0`"
  def condition(:ones), do: "`1`"
  def condition(:blank), do: "an empty value"
  def condition({:text, text}), do: "`#{text}`"

  @doc "Whether arguments meet a condition."
  @spec meets?(condition, [String.t()]) :: boolean
  def meets?(:never, _args), do: false
  def meets?(:any, _args), do: true
  def meets?(:blank, args), do: args == [""]
  def meets?(:off, [flag | _]), do: not Value.true?(flag)
  def meets?(:zeros, args), do: numbers?(args, 0.0)
  def meets?(:ones, args), do: numbers?(args, 1.0)
  def meets?(:first_zero, [first | _]), do: numbers?([first], 0.0)

  def meets?({:text, text}, args), do: hd(args) == text

  # A number is meant as one: 0 and 0.0 are the same. Trailing arguments can be empty.
  defp numbers?([first | rest], number) do
    Value.number(first) == {:ok, number} and
      Enum.all?(rest, &(&1 == "" or Value.number(&1) == {:ok, number}))
  end
end
