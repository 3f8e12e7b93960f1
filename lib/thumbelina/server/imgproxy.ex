defmodule Thumbelina.Server.Imgproxy do
  alias Thumbelina.{Format, Image}
  alias Thumbelina.Server.Imgproxy.{Box, Options, Signature, Source, Steps, Table, Watermark}

  @moduledoc """
  The URLs of imgproxy: whoever has them can keep them, and change the host name.

      /%signature/%processing_options/plain/%source_url@%extension
      /%signature/%processing_options/%base64_source_url.%extension

  `parse/2` makes of the path of such a URL a struct that says which picture it asks for, and
  `thumbnail/2` makes of the struct and the picture the arguments of `Thumbelina.thumbnail/4`, or
  `edits/2` those of `Thumbelina.edit/2`. An option that is not supported is an error that names it,
  never a picture that is not what was asked for.

  The fields of the struct:

    * `:source` - `{:path, path}` for a file, with a path that is relative and has no `..` in it, or
      `{:url, url}` with an HTTP or HTTPS URL
    * `:width`, `:height` - the box in pixels, times `:dpr`; 0 leaves a side open
    * `:min_width`, `:min_height` - the least size, before `:dpr`; 0 for none
    * `:fit` - `:contain` for imgproxy's `fit`, `:cover` for `fill`, `:fill` for `force`,
      `:fill_down` and `:auto`
    * `:position` - as in `Thumbelina.thumbnail/4`, from `gravity`; or with offsets,
      `{:north, x, y}`, which are pixels from 1 on, and fractions below
    * `:zoom` - factors of the width and the height
    * `:crop` - `{width, height, position}`, in pixels or below 1 in fractions, 0 for all, and `nil`
      for the position above; `:crop_ratio` - `{ratio, enlarge}`; or `nil`
    * `:extend` - the position of the picture in a box that is larger, or `nil`; `:extend_ratio` -
      the same for a box that has the ratio of the one asked for
    * `:padding` - `{top, right, bottom, left}` before `:dpr`, or `nil`
    * `:rotate`, `:flip` - degrees, and `{horizontal, vertical}`; `:autorotate` as in
      `Thumbelina.thumbnail/4`
    * `:background`, `:trim`, `:filter` - as in `Thumbelina.thumbnail/4`, or `nil`;
      `:background_alpha` from 0 to 1
    * `:brightness`, `:contrast`, `:saturation`, `:monochrome`, `:blur`, `:sharpen` - as in the URL
    * `:watermark` - a map of the `:opacity`, the `:scale`, which is 0 for the watermark's own size,
      and where it is put, `:at`: a gravity as above, or `{:tiles, x, y}` with the spaces between
      tiles; or `nil`
    * `:strip_metadata`, `:keep_copyright`, `:strip_color_profile` - as in the URL
    * `:enlarge`, `:dpr`, `:quality`, `:format` - as in the URL. Without a quality or a format
      `nil`
    * `:format_quality` - a map of qualities for formats
    * `:progressive`, `:subsampling`, `:colors`, `:max_bytes` - as in the options of
      `Thumbelina.thumbnail/4`
    * `:filename`, `:return_attachment` - for the `content-disposition` header
    * `:cachebuster`, `:expires` - as in the URL, or `nil`. What has expired is an error already
    * `:max_pixels`, `:max_bytes_in` - limits from the URL, or `nil`

  ## Options

  Wherever a number or a word stands for an option's argument below, it is the only one that is
  accepted. Options of imgproxy Pro are in the list too.

  #{Table.docs()}

  The older basic URL format, encrypted source URLs and chained pipelines are not supported.
  """

  @type config :: %{
          optional(:imgproxy_keys) => [{key :: binary, salt :: binary}],
          optional(:signature_size) => 1..32,
          optional(:presets) => %{String.t() => String.t()},
          optional(:only_presets) => boolean,
          optional(:allow_security_options) => boolean,
          optional(:watermark) => boolean,
          optional(:now) => integer,
          optional(:client_hints) =>
            %{optional(:dpr) => number, optional(:width) => number} | nil,
          optional(atom) => term
        }

  @typedoc "A name of the compass, `:attention`, a point, or a name with offsets."
  @type gravity :: atom | {float, float} | {atom, float, float}

  @type t :: %__MODULE__{
          source: {:path, Path.t()} | {:url, String.t()},
          width: non_neg_integer,
          height: non_neg_integer,
          min_width: non_neg_integer,
          min_height: non_neg_integer,
          fit: :contain | :cover | :fill | :fill_down | :auto,
          position: gravity,
          zoom: {float, float},
          crop: {float, float, gravity | nil} | nil,
          crop_ratio: {float, boolean} | nil,
          extend: gravity | nil,
          extend_ratio: gravity | nil,
          padding: {non_neg_integer, non_neg_integer, non_neg_integer, non_neg_integer} | nil,
          rotate: 0 | 90 | 180 | 270,
          flip: {boolean, boolean},
          autorotate: boolean,
          filter: :nearest | :bilinear | :catmull_rom | nil,
          background_alpha: float,
          brightness: -255..255,
          contrast: float,
          saturation: float,
          monochrome: float,
          blur: float,
          sharpen: float,
          watermark: Watermark.t() | nil,
          strip_metadata: boolean,
          keep_copyright: boolean,
          strip_color_profile: boolean,
          background: {0..255, 0..255, 0..255, 255} | nil,
          trim: float | nil,
          enlarge: boolean,
          dpr: float,
          quality: 1..100 | nil,
          format_quality: %{Format.t() => 1..100},
          progressive: boolean,
          subsampling: :auto | String.t(),
          colors: 2..256 | nil,
          max_bytes: pos_integer | nil,
          format: Format.t() | nil,
          filename: String.t() | nil,
          return_attachment: boolean,
          cachebuster: String.t() | nil,
          expires: pos_integer | nil,
          max_pixels: pos_integer | nil,
          max_bytes_in: pos_integer | nil
        }

  @enforce_keys [:source]
  defstruct [
    :source,
    width: 0,
    height: 0,
    min_width: 0,
    min_height: 0,
    fit: :contain,
    position: :center,
    zoom: {1.0, 1.0},
    crop: nil,
    crop_ratio: nil,
    extend: nil,
    extend_ratio: nil,
    padding: nil,
    rotate: 0,
    flip: {false, false},
    autorotate: true,
    filter: nil,
    background_alpha: 1.0,
    brightness: 0,
    contrast: 1.0,
    saturation: 1.0,
    monochrome: 0.0,
    blur: 0.0,
    sharpen: 0.0,
    watermark: nil,
    strip_metadata: true,
    keep_copyright: false,
    strip_color_profile: true,
    background: nil,
    trim: nil,
    enlarge: false,
    dpr: 1.0,
    quality: nil,
    format_quality: %{},
    progressive: false,
    subsampling: :auto,
    colors: nil,
    max_bytes: nil,
    format: nil,
    filename: nil,
    return_attachment: false,
    cachebuster: nil,
    expires: nil,
    max_pixels: nil,
    max_bytes_in: nil
  ]

  # imgproxy takes no larger device pixel ratio from a client.
  @most_hinted_dpr 8

  # More than an HTTP server takes in one header.
  @most_hinted_width 0xFFFF

  @doc """
  Reads the path of a URL, as it was sent: nothing in it may be decoded before.

  The configuration is a map. All of it can be left out:

    * `:imgproxy_keys` - pairs of a key and a salt, as binaries. With some, a path that none of them
      signed is refused. Without them, anything can stand in the place of a signature
    * `:signature_size` - the bytes of a signature before it is encoded, by default all 32. Shorter
      ones are accepted only if this says so, because the shortest can be guessed
    * `:presets` - a map from names to options, as in a URL: `"rs:fill:300:400/q:70"`. The preset
      `default` is applied before the options of every URL
    * `:only_presets` - whether names of presets stand in the place of the options
    * `:allow_security_options` - whether a URL may set the limits of the picture
    * `:watermark` - whether there is one
    * `:now` - the time for `expires`, in seconds of Unix; by default the system's
    * `:client_hints` - the width and the device pixel ratio that the client asked for, which count
      if the URL and its presets have none

  Fails with a status of HTTP and a message: 403 for a wrong signature, 404 for a URL that has
  expired, 400 for everything else.

  ## Examples

      iex> {:ok, asked} =
      ...>   Thumbelina.Server.Imgproxy.parse(
      ...>     "/unsafe/rs:fill:300:400/q:70/plain/local:///logos/logo.png@jpg",
      ...>     %{}
      ...>   )
      iex> {asked.source, asked.fit, asked.width, asked.height, asked.quality, asked.format}
      {{:path, "logos/logo.png"}, :cover, 300, 400, 70, :jpeg}

      iex> Thumbelina.Server.Imgproxy.parse("/unsafe/pixelate:5/plain/logo.png", %{})
      {:error, {400, "the option pixelate is not supported, only with 1"}}
  """
  @spec parse(String.t(), config) :: {:ok, t} | {:error, {400..404, String.t()}}
  def parse(path, config) when is_binary(path) and is_map(config) do
    pairs = Map.get(config, :imgproxy_keys, [])

    with {:ok, signature, rest} <- split(path),
         :ok <- Signature.verify(signature, rest, pairs, Map.get(config, :signature_size, 32)),
         segments = rest |> String.replace_prefix("/", "") |> String.split("/"),
         hinted = config |> Map.get(:client_hints) |> hinted(),
         {:ok, asked, rest} <- Options.parse(segments, hinted, env(config)),
         {:ok, source, extension} <- Source.parse(rest),
         {:ok, asked} <- Options.extension(extension, asked),
         :ok <- Options.check(asked),
         :ok <- watermark?(asked, config) do
      {:ok, struct!(__MODULE__, multiplied(%{asked | source: source}))}
    end
  end

  defp watermark?(%{watermark: nil}, _config), do: :ok
  defp watermark?(_asked, %{watermark: true}), do: :ok
  defp watermark?(_asked, _config), do: {:error, {400, "watermark: the server has none"}}

  @doc """
  Signs a path: the options and the source, with or without a slash before them.

  `bytes` is the `:signature_size` of `parse/2`.

  ## Examples

      iex> Thumbelina.Server.Imgproxy.sign("/w:300/plain/logo.png", {"secret", "hello"})
      "/uhdTFKPjrpX_CqQxdEmFx0LpqlzRWqHEl9LEgptRQwM/w:300/plain/logo.png"
  """
  @spec sign(String.t(), {key :: binary, salt :: binary}, 1..32) :: String.t()
  def sign(path, {_key, _salt} = pair, bytes \\ 32) do
    path = if String.starts_with?(path, "/"), do: path, else: "/" <> path
    # The server repairs a path before it looks at the signature.
    "/" <> Signature.of(repaired(path), pair, bytes) <> path
  end

  @doc """
  Whether it is no more than a thumbnail: then `thumbnail/2` has it, and otherwise `edits/2`.
  """
  @spec thumbnail?(t) :: boolean
  def thumbnail?(%__MODULE__{} = asked), do: not Steps.any?(asked)

  @doc """
  The arguments of `Thumbelina.thumbnail/4`: the width, the height and the options.

  The image needs nothing but its header. The size is exactly that of the thumbnail, as imgproxy
  calculates it. With `trim`, it is the box.

  ## Examples

      iex> {:ok, asked} =
      ...>   Thumbelina.Server.Imgproxy.parse("/_/rs:fill:300:300/dpr:2/plain/photo.jpg", %{})
      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {image.width, image.height, Thumbelina.Server.Imgproxy.thumbnail(asked, image)}
      {640, 427, {427, 427, [fit: :cover, enlarge: true]}}
  """
  @spec thumbnail(t, Image.t()) ::
          {pos_integer | nil, pos_integer | nil, Thumbelina.options()}
  def thumbnail(%__MODULE__{} = asked, %Image{} = image) do
    {source_width, source_height} = source_size(asked, image)
    {{width, height}, box} = box(asked, source_width, source_height)
    {width, height, box ++ options(asked, image)}
  end

  @doc """
  The arguments of `Thumbelina.edit/2`: steps in the order of imgproxy's pipeline, and options.

  ## Examples

      iex> {:ok, asked} =
      ...>   Thumbelina.Server.Imgproxy.parse("/_/rs:fill:300:300/g:no:0:10/bl:2/plain/a.jpg", %{})
      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.Server.Imgproxy.edits(asked, image)
      [resize: {450, 300, [fit: :fill]}, crop: {76, 0, 300, 300}, blur: 2.0]
  """
  @spec edits(t, Image.t()) :: Thumbelina.edits()
  def edits(%__MODULE__{} = asked, %Image{} = image) do
    {width, height} = source_size(asked, image)
    trim = if asked.trim, do: [trim: asked.trim], else: []
    Steps.of(asked, width, height) ++ trim ++ options(asked, image)
  end

  @doc """
  The steps that make the watermark that the URL asks for, and the options of the step `overlay`
  that puts it on top. Like the size, they depend on the picture.

  ## Examples

      iex> path = "/_/rs:fit:300:200/wm:0.5:soea:0:0:0.1/plain/a.jpg"
      iex> {:ok, asked} = Thumbelina.Server.Imgproxy.parse(path, %{watermark: true})
      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.Server.Imgproxy.watermark(asked, image, image)
      {[resize: {30, 20, [fit: :fill]}], [opacity: 0.5, position: {1.0, 1.0}]}
  """
  @spec watermark(t, Image.t(), Image.t()) :: {Thumbelina.edits(), keyword}
  def watermark(%__MODULE__{watermark: wanted} = asked, %Image{} = image, %Image{} = watermark)
      when wanted != nil do
    {width, height} = source_size(asked, image)
    {frame, dpr} = Steps.frame(asked, width, height)
    Watermark.of(wanted, frame, {watermark.width, watermark.height}, dpr)
  end

  @doc "The parts of metadata that it asks for, as in `Thumbelina.thumbnail/4`."
  @spec metadata(t) :: [:copyright | :exif | :gps | :icc | :iptc | :xmp]
  def metadata(%__MODULE__{} = asked) do
    profile = if asked.strip_color_profile, do: [], else: [:icc]

    cond do
      not asked.strip_metadata -> [:exif, :gps, :iptc, :xmp] ++ profile
      asked.keep_copyright -> [:copyright] ++ profile
      true -> profile
    end
  end

  # Not turned upright, it is as it lies in the file.
  defp source_size(%{autorotate: false}, %{orientation: orientation} = image)
       when orientation >= 5,
       do: {image.height, image.width}

  defp source_size(_asked, image), do: {image.width, image.height}

  defp options(asked, image) do
    optional = [
      background: background(asked),
      filter: asked.filter,
      autorotate: if(not asked.autorotate, do: false),
      metadata: with([] <- metadata(asked), do: nil),
      color: if(not asked.strip_color_profile, do: :keep),
      format: asked.format,
      quality: asked.quality || asked.format_quality[asked.format || image.format],
      progressive: if(asked.progressive, do: true),
      subsampling: if(asked.subsampling != :auto, do: asked.subsampling),
      colors: asked.colors,
      dither: if(asked.colors, do: true),
      max_bytes: asked.max_bytes,
      max_pixels: asked.max_pixels,
      max_bytes_in: asked.max_bytes_in
    ]

    for {key, value} <- optional, value != nil, do: {key, value}
  end

  defp background(%{background: nil}), do: nil

  defp background(%{background: {red, green, blue, _alpha}, background_alpha: alpha}),
    do: {red, green, blue, round(alpha * 255)}

  defp box(%{trim: trim} = asked, _width, _height) when trim != nil do
    side = fn side -> if side > 0, do: side end
    size = {side.(asked.width), side.(asked.height)}
    {size, [fit: asked.fit, enlarge: asked.enlarge, trim: trim] ++ position(asked.position)}
  end

  defp box(asked, width, height) do
    {size, fit} = Box.size(asked, width, height)

    case asked.extend && Box.extended(asked, width, height) do
      # The size is the result of everything that the URL says about enlarging.
      box when box in [nil, size] ->
        {size, [fit: fit, enlarge: true] ++ position(asked.position)}

      box ->
        {box, [fit: :pad, enlarge: asked.enlarge] ++ position(asked.extend)}
    end
  end

  defp position(:center), do: []
  defp position(position), do: [position: position]

  defp split(path) do
    [path | _query] = :binary.split(path, "?")
    path = String.replace_prefix(path, "/", "")

    case :binary.split(path, "/") do
      [signature, rest] when signature != "" and rest != "" ->
        {:ok, signature, repaired("/" <> rest)}

      _ ->
        {:error, {400, "expected a path of a signature, options and a source"}}
    end
  end

  # Some proxies encode the colons of options, or make one slash of the two in a source URL. The
  # signature is that of the URL before.
  defp repaired(path) do
    case :binary.split(path, "/plain/") do
      [options, source] -> colons(options) <> "/plain/" <> slashes(source)
      [path] -> colons(path)
    end
  end

  defp colons(options), do: :binary.replace(options, "%3A", ":", [:global])

  defp slashes("local:/" <> path) when binary_part(path, 0, 1) != "/", do: "local:///" <> path

  defp slashes(source),
    do: Regex.replace(~r{\A([A-Za-z][A-Za-z0-9+.-]*):/(?!/)}, source, "\\1://")

  defp env(config) do
    %{
      presets: Map.get(config, :presets, %{}),
      only_presets: Map.get(config, :only_presets, false),
      security: Map.get(config, :allow_security_options, false),
      now: Map.get_lazy(config, :now, fn -> System.os_time(:second) end)
    }
  end

  # The header has the width in the pixels of the device.
  defp hinted(hints) do
    asked = %{%__MODULE__{source: {:path, ""}} | dpr: hinted_dpr(hints)}
    Map.from_struct(%{asked | width: hinted_width(hints, asked.dpr)})
  end

  defp hinted_dpr(%{dpr: dpr}) when is_number(dpr) and dpr > 0 and dpr <= @most_hinted_dpr,
    do: dpr * 1.0

  defp hinted_dpr(_hints), do: 1.0

  defp hinted_width(%{width: width}, dpr)
       when is_number(width) and width > 0 and width <= @most_hinted_width,
       do: round(width / dpr)

  defp hinted_width(_hints, _dpr), do: 0

  defp multiplied(asked),
    do: %{asked | width: times(asked.width, asked.dpr), height: times(asked.height, asked.dpr)}

  defp times(0, _dpr), do: 0
  defp times(side, dpr), do: max(round(side * dpr), 1)
end
