defmodule Thumbelina do
  @moduledoc """
  Thumbnails inside the BEAM.

      {:ok, image} = Thumbelina.open("photo.jpg")
      {:ok, thumb} = Thumbelina.thumbnail(image, 200, 200)
      :ok = Thumbelina.write(thumb, "thumb.jpg")

  Every function returns when its work is done, and blocks no normal scheduler meanwhile: thumbnails
  are made in slices of a tenth or a quarter of a millisecond on a normal scheduler, at a low
  priority, with other processes in between. A large JPEG takes a dirty CPU scheduler and several
  cores, if no other thumbnail needs them.

  Functions that can fail return `{:error, %Thumbelina.Error{}}`. Those that make or read something
  have one beside them that raises it instead, with a `!`: `thumbnail!/4`, `edit!/2`, `resize!/4`.

  ## Timeouts and dead callers

  With `timeout: milliseconds`, the native work itself stops when the time is up, on every kind of
  scheduler, and the result is the error `:timeout`. The work also stops when the calling process
  dies, and a call that still waits for its turn is dropped without running. Two things cannot be
  interrupted: writing an AVIF, which is limited to 500,000 pixels for this reason, and a producer
  of pieces. If the time is up while the producer works or waits, the call returns when the next
  piece comes.

  ## Configuration

      config :thumbelina,
        threads: 4,
        yield_limit: 50_000,
        formats: [:jpeg, :png, :webp],
        max_memory: 268_435_456

    * `:threads` - the size of the pool of threads that work on dirty schedulers shares, by default
      one thread per logical core. Read when the pool is created, on first use
    * `:yield_limit` - the estimated cost, in microseconds of one core, above which
      `scheduler: :auto` takes a dirty scheduler. By default there is none, because normal
      schedulers disturb other processes less, however long the work takes
    * `:formats`, `:max_pixels`, `:max_bytes_in`, `:max_memory`, `:priority` - the defaults of the
      options of these names
  """

  alias Thumbelina.{Bang, Cast, Edit, Error, Files, Foreign, Header, Image, Info, Job, Options}
  alias Thumbelina.{Parallel, Pixels, Placeholder, Plan, Request, Source, Stats}

  require Bang

  # What can be cast.
  Module.register_attribute(__MODULE__, :operations, accumulate: true)
  @on_definition {Cast, :register}

  @typedoc """
  A picture: an image, its encoded bytes as a binary or iodata, a file as `{:file, path}`, or its
  bytes in pieces. Pieces are any enumerable of iodata, such as
  `File.stream!("photo.jpg", [], 65_536)` or the body of an HTTP response.

  The calling process runs the producer, and works on each piece as it comes. JPEG, PNG, GIF, QOI,
  BMP, PNM, TGA, HDR and farbfeld are decoded piece by piece, and what has been used is released.
  The other formats, TGA with alpha, and JPEGs in several scans are collected and decoded when the
  last piece is there. Progressive JPEGs are in several scans, but if the thumbnail needs no more
  than an eighth of their size, they are decoded piece by piece too. If the header shows that the
  picture will be refused, no more pieces are asked for.
  """
  @type source :: Image.t() | iodata | {:file, Path.t()} | Enumerable.t()

  @typedoc """
  A side of the box in pixels. Whole floats are accepted; `nil` leaves the side open, so that it
  follows from the other side and the proportions.
  """
  @type side :: pos_integer | float | nil

  @typedoc """
  A color of sRGB: `"#rgb"`, `"#rrggbb"`, `"#rrggbbaa"`, a name of CSS as a string or an atom,
  `{red, green, blue}` or `{red, green, blue, alpha}` with integers from 0 to 255. Colors are not
  multiplied by their alpha.
  """
  @type color :: String.t() | atom | {byte, byte, byte} | {byte, byte, byte, byte}

  @typedoc "A perceptual hash. `hash/2` says what it is."
  @type hash :: <<_::64>>

  @typedoc """
  How alike two pictures are: the peak signal-to-noise ratio in dB, and the structural similarity,
  which is 1.0 for equal pictures.
  """
  @type likeness :: %{psnr: float | :infinity, ssim: float}

  @typedoc """
  Options of a single size of `thumbnails/3`: those of `t:options/0` that are about the thumbnail
  and not about the picture or the call.
  """
  @type output_options :: [unquote(Options.type(:output))]

  @typedoc """
  One of the sizes of `thumbnails/3`: the width and height of a thumbnail, and its own options, or a
  placeholder in its place.
  """
  @type size :: {side, side} | {side, side, output_options} | {:placeholder, placeholder_kind}

  @typedoc "What kind of placeholder. `placeholder/3` says what they are."
  @type placeholder_kind :: unquote(Placeholder.type())

  @typedoc "A placeholder: the bytes of a `:thumbhash`, the colors of a `:palette`, or a string."
  @type placeholder :: binary | [String.t()]

  @typedoc """
  Options of `thumbnail/4`, `thumbnails/3`, `measure/4` and `explain/4`, in any order.

  #{Options.docs()}
  """
  @type options :: [option]

  @typedoc "One of `t:options/0`."
  @type option :: unquote(Options.type())

  @typedoc """
  Options of `placeholder/3`, in any order: those of `t:options/0` that are not about the size, the
  format and the like of a thumbnail.

  #{Options.docs(:placeholder)}
  """
  @type placeholder_options :: [unquote(Options.type(:placeholder))]

  @typedoc """
  Steps and options of `edit/2`.
  """
  @type edits :: keyword

  @typedoc "A part of a picture: a name of the compass, or fractions of width and height."
  @type position :: Thumbelina.Position.t()

  @typedoc "Options of the functions of one step: those of the step, and those of `t:options/0`."
  @type edit_options :: keyword

  @typedoc "Options of `to_pixels/4`, beside `t:option/0`."
  @type pixels_option :: {:channels, 1..4} | {:type, Pixels.type()}

  @typedoc "A process that `cast/4` sends a result to, on this node or another."
  @type destination :: pid | atom | {atom, node} | {:global, term} | {:via, module, term}

  @typedoc """
  Options of `stream/4`, beside `t:option/0`.

  #{Options.docs(:stream)}
  """
  @type stream_option :: unquote(Options.type(:stream))

  @typedoc """
  Options of `open/2`, `new/2` and `info/2`, in any order.

  #{Options.docs(:probe)}
  """
  @type probe_options :: [unquote(Options.type(:probe))]

  @doc group: "Open and write"
  @doc """
  Reads a picture file and its header.

  The file is a path, a map or struct with a path under `:path`, such as a `%Plug.Upload{}`, or an
  enumerable of the file's contents. Fails with a posix reason such as `:enoent` if the file cannot
  be read, and like `new/2` if it is not a picture.

  ## Options

  #{Options.docs(:probe)}

  ## Examples

      iex> {:ok, image} = Thumbelina.open("test/fixtures/photo.jpg")
      iex> {image.format, image.extension, image.width, image.height}
      {:jpeg, ".jpg", 640, 427}

      iex> {:error, error} = Thumbelina.open("no/such/file.jpg")
      iex> error.reason
      :enoent
  """
  @spec open(Path.t() | %{path: Path.t()} | Enumerable.t(), probe_options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def open(file, opts \\ []) do
    with {:ok, call} <- Options.probe(opts),
         {:ok, source} <- Source.open(file, call.max_bytes_in) do
      Header.image(source, call)
    end
    |> Source.at_path({:file, file})
  end

  Bang.define "Open and write", Image.t() do
    open(file :: Path.t() | %{path: Path.t()} | Enumerable.t(), opts :: probe_options \\ [])
  end

  @doc group: "Many pictures"
  @doc """
  A lazy stream of the images of many files: `{:ok, image}`, or `{:error, error}` with the path in
  `:path`, in the place of the file.

  `files` is a folder, a glob such as `"photos/**/*.jpg"`, or an enumerable of what `open/2` takes.
  A folder stands for the pictures in it and in its folders, in the order of their names: files with
  the extension of a format that is read. Names that begin with a dot are left out, and links to
  folders are not followed. One file is read at a time, when its turn comes.

  ## Examples

      iex> for {:ok, image} <- Thumbelina.open_all("test/fixtures/photo.{jpg,png}"),
      ...>     do: {image.format, image.width, image.height}
      [{:jpeg, 640, 427}, {:png, 640, 427}]

      iex> [{:error, error}] = ["no/such.jpg"] |> Thumbelina.open_all() |> Enum.to_list()
      iex> {error.reason, error.path}
      {:enoent, "no/such.jpg"}
  """
  @spec open_all(Path.t() | Enumerable.t(), probe_options) :: Enumerable.t()
  def open_all(files, opts \\ []), do: files |> Files.paths() |> Stream.map(&open(&1, opts))

  @doc group: "Many pictures"
  @doc """
  A lazy stream of `{path, byte_stream}` for the pictures in a folder and its folders.

  The files are those of `open_all/2`. A byte stream gives a file's contents in pieces of
  `chunk_bytes` bytes, and can be used wherever a picture is taken: it is decoded as it is read. It
  raises `File.Error` if the file cannot be read.

  ## Examples

      iex> [path] =
      ...>   for {path, bytes} <- Thumbelina.stream_directory("test/fixtures"),
      ...>       Path.basename(path) == "photo.png",
      ...>       {:ok, %{width: 50}} <- [Thumbelina.thumbnail(bytes, 50, 50)],
      ...>       do: path
      iex> path
      "test/fixtures/photo.png"
  """
  @spec stream_directory(Path.t(), pos_integer) :: Enumerable.t()
  def stream_directory(folder, chunk_bytes \\ 65_536)

  def stream_directory(folder, chunk_bytes)
      when is_binary(folder) and is_integer(chunk_bytes) and chunk_bytes > 0,
      do: folder |> Files.paths() |> Stream.map(&{&1, File.stream!(&1, [], chunk_bytes)})

  def stream_directory(folder, chunk_bytes) do
    raise ArgumentError,
          "expected a folder and a positive number of bytes, " <>
            "got: #{inspect(folder)}, #{inspect(chunk_bytes)}"
  end

  @doc group: "Open and write"
  @doc """
  Makes an image from an encoded picture. Only the header is read.

  The format is detected from the bytes. Fails with `:unsupported_format`, `:format_not_allowed`,
  `:invalid_image`, `:truncated`, or `:limit_exceeded` if there are more than `:max_bytes_in` bytes.

  ## Options

  #{Options.docs(:probe)}

  ## Examples

      iex> {:ok, image} = Thumbelina.new("P5 2 1 255\\n" <> <<0, 255>>)
      iex> {image.format, image.width, image.height}
      {:pnm, 2, 1}

      iex> {:error, error} = Thumbelina.new("not a picture")
      iex> error.reason
      :unsupported_format

      iex> {:error, error} = Thumbelina.new("P5 2 1 255\\n" <> <<0, 255>>, formats: [:jpeg, :png])
      iex> {error.reason, error.format}
      {:format_not_allowed, :pnm}
  """
  @spec new(source, probe_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def new(source, opts \\ []) do
    with {:ok, call} <- Options.probe(opts),
         {:ok, found} <- Source.of(source, call.max_bytes_in) do
      found |> Header.image(call) |> Foreign.explain(source) |> Source.at_path(source)
    end
  end

  Bang.define "Open and write", Image.t() do
    new(source :: source, opts :: probe_options \\ [])
  end

  @doc group: "Open and write"
  @doc """
  Tells what a picture's file says of it: format, size, frames, colors and metadata.

  Nothing is decoded but what is compressed of the metadata. The frames of an animation and the
  pages of a TIFF are counted, for which all pieces are asked for. `t:Thumbelina.Info.t/0` says what
  there is. EXIF can tell where a picture was made and whose camera made it. Fails like `new/2`.

  ## Options

  #{Options.docs(:probe)}

  ## Examples

      iex> {:ok, info} = Thumbelina.info({:file, "test/fixtures/orientation-6.jpg"})
      iex> {info.format, info.width, info.height, info.orientation, info.exif}
      {:jpeg, 60, 40, 6, %{"Orientation" => 6}}

      iex> {:ok, info} = Thumbelina.info({:file, "test/fixtures/animated.gif"})
      iex> {info.frames, info.color_space, info.alpha, info.depth}
      {3, :rgb, false, {:u, 8}}

      iex> {:error, error} = Thumbelina.info("not a picture")
      iex> error.reason
      :unsupported_format
  """
  @spec info(source, probe_options) :: {:ok, Info.t()} | {:error, Error.t()}
  def info(source, opts \\ []) do
    with {:ok, call} <- Options.probe(opts),
         {:ok, found} <- Source.of(source, call.max_bytes_in) do
      found |> Header.info(call) |> Foreign.explain(source) |> Source.at_path(source)
    end
  end

  Bang.define "Open and write", Info.t() do
    info(source :: source, opts :: probe_options \\ [])
  end

  @doc group: "Make thumbnails"
  @doc """
  Makes a thumbnail that fits a box of `width` by `height` pixels.

  The picture keeps its proportions, is turned upright according to its EXIF orientation, and is
  never enlarged unless `enlarge: true` is given. One side may be `nil`: it follows from the other
  side and the proportions.

  The thumbnail contains pixels and nothing else, unless `:metadata` says otherwise. Then

    * EXIF is written anew, with the fields that the standard names (those of
      `t:Thumbelina.Info.t/0`) and still hold: the orientation is 1, the dimensions are the
      thumbnail's, the color space is sRGB. Left out are the embedded thumbnail, the maker's notes,
      private tags, and what describes samples as they were stored, or places in the picture
    * XMP is written anew, too, without the orientation, dimensions and thumbnails in it, without
      what belongs to other parts of the file (gain and depth maps, films) or was done in a raw
      converter, and without comments and padding. Packets of more than 256 KiB, or not in UTF-8,
      are left out
    * IPTC is that of its description record, without the preview
    * `:icc` is a profile of sRGB, in half a kilobyte: colors are converted, so that the picture's
      own profile no longer says what they are. With `color: :keep` that one goes along, asked or
      not, and EXIF keeps its color space
    * `:copyright` is EXIF's `Artist` and `Copyright`; XMP's `dc:creator`, `dc:rights`,
      `photoshop:AuthorsPosition`, `Credit` and `Source`, `Iptc4xmpCore:CreatorContactInfo`,
      `tiff:Artist` and `Copyright`, and all of `xmpRights` and `plus`; and IPTC's by-line and its
      title, credit, source, copyright notice and contact

  JPEG and TIFF hold all of it, PNG and WebP all but IPTC, AVIF only EXIF, and the other formats
  nothing.

  Fails with

    * `:invalid_option` for a wrong source, size or option
    * `:limit_exceeded` for a picture or a thumbnail over one of the limits
    * `:format_not_allowed` for a format that `:formats` leaves out
    * `:unsupported_format`, `:invalid_image` or `:truncated` if something is wrong with the picture
    * `:timeout` if it takes longer than `:timeout` allows

  ## Options

  #{Options.docs()}

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, thumb} = Thumbelina.thumbnail(image, 200, 200)
      iex> {thumb.format, thumb.width, thumb.height}
      {:jpeg, 200, 133}

      iex> bytes = File.read!("test/fixtures/photo.jpg")
      iex> {:ok, thumb} = Thumbelina.thumbnail(bytes, 100, 100, fit: :cover, format: :png)
      iex> {thumb.format, thumb.width, thumb.height}
      {:png, 100, 100}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, left} = Thumbelina.thumbnail(image, 90, 90, fit: :cover, position: :west)
      iex> {:ok, ^left} = Thumbelina.thumbnail(image, 90, 90, fit: :cover, position: {0.1, 0.8})
      iex> {left.width, left.height}
      {90, 90}

      iex> image = Thumbelina.open!("test/fixtures/orientation-6.jpg")
      iex> {:ok, thumb} = Thumbelina.thumbnail(image, 20, 20, metadata: :keep)
      iex> Thumbelina.info!(thumb).exif
      %{"Orientation" => 1}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> opts = [progressive: true, subsampling: "4:4:4", max_bytes: 6_000]
      iex> {:ok, thumb} = Thumbelina.thumbnail(image, 200, 200, opts)
      iex> byte_size(thumb.bytes) in 5_000..6_000
      true

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, few} = Thumbelina.thumbnail(image, 200, 200, colors: 16, dither: true)
      iex> {:ok, all} = Thumbelina.thumbnail(image, 200, 200, compression: 9)
      iex> byte_size(few.bytes) * 2 < byte_size(all.bytes)
      true

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:error, error} = Thumbelina.thumbnail(image, 200, 200, max_bytes: 100)
      iex> {error.reason, error.limit, error.maximum, error.value > 10_000}
      {:limit_exceeded, :max_bytes, 100, true}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:error, error} = Thumbelina.thumbnail(image, 200, 200, color: :red)
      iex> {error.reason, error.key}
      {:invalid_option, :color}
  """
  @spec thumbnail(source, side, side, options) :: {:ok, Image.t()} | {:error, Error.t()}
  def thumbnail(source, width, height, opts \\ []) do
    with {:ok, request} <- Request.new(width, height, opts),
         {:ok, [image]} <- Job.run(source, request),
         do: {:ok, image}
  end

  Bang.define "Make thumbnails", Image.t() do
    thumbnail(source :: source, width :: side, height :: side, opts :: options \\ [])
  end

  @doc group: "Make thumbnails"
  @doc """
  Makes several thumbnails of one picture, which is decoded only once.

  The options are those of `thumbnail/4`, and hold for all sizes. A size can have options of its
  own, which then take precedence: those of `t:output_options/0`. The thumbnails come in the order
  of the sizes. Each has the bytes that `thumbnail/4` would give it, unless another thumbnail in the
  list, which is larger or shrunk in linear light, needs the picture decoded at a larger scale. If
  one of them cannot be made, the result is its error.

  With `{:placeholder, kind}` in the place of a size, there is a placeholder in that place of the
  result, made of the same decode. See `placeholder/3`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> sizes = [{50, 50}, {200, 200, fit: :cover}, {400, nil, format: :png}]
      iex> {:ok, thumbs} = Thumbelina.thumbnails(image, sizes, quality: 70)
      iex> for thumb <- thumbs, do: {thumb.format, thumb.width, thumb.height}
      [{:jpeg, 50, 33}, {:jpeg, 200, 200}, {:png, 400, 267}]

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> sizes = [{200, 200}, {:placeholder, :blurhash}]
      iex> {:ok, [thumb, hash]} = Thumbelina.thumbnails(image, sizes)
      iex> {thumb.width, hash}
      {200, "LzEgB*ofoet6yGoft5ofWHoJs:fk"}
  """
  @spec thumbnails(source, [size, ...], options) ::
          {:ok, [Image.t() | placeholder, ...]} | {:error, Error.t()}
  def thumbnails(source, sizes, opts \\ []) do
    with {:ok, request} <- Request.new(sizes, opts), do: Job.run(source, request)
  end

  Bang.define "Make thumbnails", [Image.t() | placeholder, ...] do
    thumbnails(source :: source, sizes :: [size, ...], opts :: options \\ [])
  end

  @doc group: "Make thumbnails"
  @doc """
  Makes a placeholder: what a page shows before the picture is there.

  It is one of

    * `:thumbhash` - the bytes of a [ThumbHash](https://evanw.github.io/thumbhash/), at most 25. It
      keeps proportions and alpha. Pages usually get it as Base64
    * `:blurhash` - the string of a [BlurHash](https://blurha.sh), of 28 characters: 4 components
      along the longer side and 3 along the shorter one, 4 by 3 for a square. A side of fewer pixels
      has no more components than these. It has no alpha: the background is white
    * `:lqip` - a tiny picture of at most 16 by 16 pixels, as a data URI for an `<img>` or the
      `url()` of a style sheet. It is a lossless WebP, with alpha if the picture has some: of the
      formats that are written in small steps, that is the smallest. The URI of a photograph has 620
      to 750 bytes, and of a gray one 300
    * `:color` - the average color, `"#rrggbb"`, weighted by alpha: what the picture would be as a
      single pixel. It is `"#ffffff"` if nothing of the picture shows
    * `:palette` - at most 5 colors, `"#rrggbb"`, the one with the largest share of the picture
      first. They are all of its colors if it has no more, and otherwise the centers of clusters.
      Shares are weighted by alpha; if nothing of the picture shows, there is no color

  Averages are those of sRGB values, as in thumbnails. Hashes and colors are made of at most 32 by
  32 pixels, because larger ones give the same hash but for a digit or two. The picture is shrunk
  while it is decoded, turned upright, and worked on in slices like a thumbnail. `thumbnails/3`
  makes placeholders and thumbnails of one decode. Fails like `thumbnail/4`.

  ## Options

  #{Options.docs(:placeholder)}

  ## Examples

      iex> {:ok, hash} = Thumbelina.placeholder({:file, "test/fixtures/photo.jpg"}, :thumbhash)
      iex> Base.encode64(hash)
      "YdcJPYSIeHiPiXd2eTeIg4hwdwlY"

      iex> Thumbelina.placeholder({:file, "test/fixtures/photo.jpg"}, :blurhash)
      {:ok, "LzEgB*ofoet6yGoft5ofWHoJs:fk"}

      iex> {:ok, uri} = Thumbelina.placeholder({:file, "test/fixtures/photo.jpg"}, :lqip)
      iex> "data:image/webp;base64," <> data = uri
      iex> image = Thumbelina.new!(Base.decode64!(data))
      iex> {image.format, image.width, image.height, byte_size(uri)}
      {:webp, 16, 11, 743}

      iex> Thumbelina.placeholder({:file, "test/fixtures/photo.jpg"}, :color)
      {:ok, "#768d94"}

      iex> Thumbelina.placeholder({:file, "test/fixtures/photo.jpg"}, :palette)
      {:ok, ["#a3bcda", "#4f673d", "#76858c", "#5081ca", "#7f7d4c"]}

      iex> {:error, error} = Thumbelina.placeholder("not a picture", :color)
      iex> error.reason
      :unsupported_format
  """
  @spec placeholder(source, placeholder_kind, placeholder_options) ::
          {:ok, placeholder} | {:error, Error.t()}
  def placeholder(source, kind, opts \\ []) do
    with {:ok, request} <- Request.placeholder(kind, opts),
         {:ok, [placeholder]} <- Job.run(source, request),
         do: {:ok, placeholder}
  end

  Bang.define "Make thumbnails", placeholder do
    placeholder(source :: source, kind :: placeholder_kind, opts :: placeholder_options \\ [])
  end

  @doc group: "Edit pictures"
  @doc """
  Makes a picture by a list of steps, in one decode.

  The steps are done in the order of the list, each on what the one before has made, and the first
  on the upright picture. What else is in the list are options; they may stand anywhere. A step can
  be given options of its own as a list behind its value, such as `resize: {400, 400, fit: :fill}`
  or `rotate: {5, background: "white"}`. Without `:format`, the picture keeps its format if that can
  be written.

  The first resize is done while the picture is decoded, and so are the crops, flips and quarter
  turns around it: together they cost what a thumbnail costs. Steps after it work on the small
  picture. If a step stands before the first resize that cannot be done after it, such as a blur,
  the picture is decoded in its own size, which takes time, and memory that `:max_memory` bounds;
  `explain/2` tells. Colors before a resize are done after it where that gives the same.

  ## Steps

  #{Edit.docs()}
  Sizes and places are pixels. Colors of steps are `"#rgb"`, `"#rrggbb"`, `"#rrggbbaa"`, a name of
  CSS, `{r, g, b}` or `{r, g, b, a}`. `c` is a color channel, from 0 to 1, and `luma` is `0.2126 r +
  0.7152 g + 0.0722 b`, as in the [Filter Effects Module](https://www.w3.org/TR/filter-effects-1/)
  of CSS, all of sRGB values. Alpha stays what it is; steps that look at several pixels weigh them
  by their alpha. Where the format has no alpha, what is clear becomes white. Pictures of 16 bits or
  floats keep their depth as long as the format has it.

  Fails like `thumbnail/4`; with `:outside_picture` for a crop outside of the picture; and like
  `thumbnail/4` of an overlay, with `key: :overlay`.

  ## Options

  Those of `thumbnail/4`. `:fit`, `:position`, `:enlarge`, `:linear`, `:filter` and `:dpr` are for
  the steps `thumbnail` and `resize`. `:trim` comes first, and the `:background` is also what shows
  in the end behind what is clear.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, soft} = Thumbelina.edit(image, resize: {400, nil}, blur: 2.0, format: :png)
      iex> {soft.format, soft.width, soft.height}
      {:png, 400, 267}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, card} =
      ...>   Thumbelina.edit(image,
      ...>     crop: {0, 0, 400, 400},
      ...>     resize: {100, 100},
      ...>     grayscale: true,
      ...>     contrast: 1.2,
      ...>     round: 12,
      ...>     border: {2, "#336699"},
      ...>     overlay: {{:file, "test/fixtures/photo.png"}, width: 32, position: :southeast},
      ...>     quality: 90
      ...>   )
      iex> {card.format, card.width, card.height}
      {:jpeg, 104, 104}

      iex> {:error, error} = Thumbelina.edit({:file, "test/fixtures/photo.jpg"}, blur: -1)
      iex> {error.reason, error.key, error.expected}
      {:invalid_option, :blur, "a number from 0.01 to 1000"}
  """
  @spec edit(source, edits) :: {:ok, Image.t()} | {:error, Error.t()}
  def edit(source, edits) do
    with {:ok, request} <- Job.edits(edits),
         {:ok, [image]} <- Job.run(source, request),
         do: {:ok, image}
  end

  Bang.define "Edit pictures", Image.t() do
    edit(source :: source, edits :: edits)
  end

  defp edit_one(source, step, value, opts) do
    with {:ok, edits} <- Edit.one(step, value, opts), do: edit(source, edits)
  end

  @doc group: "Edit pictures"
  @doc """
  Makes a picture of exactly this size, by default with `fit: :cover` and `enlarge: true`.

  One side may be `nil`. It is the step `resize` of `edit/2` alone; options are those of
  `thumbnail/4`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, made} = Thumbelina.resize(image, 400, 400)
      iex> {:ok, wide} = Thumbelina.resize(image, 800, nil)
      iex> {made.width, made.height, wide.width, wide.height}
      {400, 400, 800, 534}
  """
  @spec resize(source, side, side, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def resize(source, width, height, opts \\ []),
    do: edit_one(source, :resize, {width, height}, opts)

  @doc group: "Edit pictures"
  @doc """
  Keeps a part of the picture: `width` by `height` pixels whose upper left corner is `x` and `y`.

  Fails with `:outside_picture` if the part is not inside of the upright picture. It is the step
  `crop` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, part} = Thumbelina.crop(image, 40, 7, 300, 200)
      iex> {part.width, part.height}
      {300, 200}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:error, error} = Thumbelina.crop(image, 400, 0, 300, 200, format: :png)
      iex> {error.reason, error.value}
      {:outside_picture, {640, 427}}
  """
  @spec crop(source, non_neg_integer, non_neg_integer, pos_integer, pos_integer, edit_options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def crop(source, x, y, width, height, opts \\ []),
    do: edit_one(source, :crop, {x, y, width, height}, opts)

  @doc group: "Edit pictures"
  @doc """
  Keeps `width` by `height` pixels around the middle of the picture, or around another `:position`.

  A side of the picture that is shorter is kept as it is. It is the step `crop` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, part} = Thumbelina.crop(image, 300, 1000)
      iex> {part.width, part.height}
      {300, 427}

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.crop(image, 300, 200, position: :northwest) ==
      ...>   Thumbelina.crop(image, 0, 0, 300, 200)
      true
  """
  @spec crop(source, pos_integer, pos_integer) :: {:ok, Image.t()} | {:error, Error.t()}
  def crop(source, width, height), do: crop(source, width, height, [])

  @doc group: "Edit pictures"
  @doc "Keeps pixels around the middle, with options. See `crop/3`."
  @spec crop(source, pos_integer, pos_integer, [{:position, position} | option]) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def crop(source, width, height, opts),
    do: edit_one(source, :crop, {width, height}, opts)

  @doc group: "Edit pictures"
  @doc """
  Mirrors a picture: left becomes right, or top becomes bottom.

  It is the step `flip` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, mirrored} = Thumbelina.flip(image, :horizontal, format: :png)
      iex> Thumbelina.flip(mirrored, :horizontal) == Thumbelina.edit(image, format: :png)
      true
  """
  @spec flip(source, :horizontal | :vertical, edit_options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def flip(source, side, opts \\ []), do: edit_one(source, :flip, side, opts)

  @doc group: "Edit pictures"
  @doc """
  Turns a picture clockwise, by default with a `:transparent` `:background`.

  It is the step `rotate` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, upright} = Thumbelina.rotate(image, 90)
      iex> {:ok, tilted} = Thumbelina.rotate(image, 5, background: "white")
      iex> {upright.width, upright.height, tilted.width, tilted.height}
      {427, 640, 675, 482}
  """
  @spec rotate(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def rotate(source, degrees, opts \\ []), do: edit_one(source, :rotate, degrees, opts)

  @doc group: "Edit pictures"
  @doc """
  Blurs a picture by a Gaussian of this standard deviation in pixels.

  It is the step `blur` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, soft} = Thumbelina.blur(image, 10)
      iex> byte_size(soft.bytes) < byte_size(image.bytes)
      true
  """
  @spec blur(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def blur(source, sigma, opts \\ []), do: edit_one(source, :blur, sigma, opts)

  @doc group: "Edit pictures"
  @doc """
  Sharpens a picture by an unsharp mask of this sigma, `:amount` and `:threshold`.

  It is the step `sharpen` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, sharp} = Thumbelina.sharpen(image, 1.0, amount: 1.5, threshold: 2)
      iex> {sharp.width, sharp.height}
      {640, 427}
  """
  @spec sharpen(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def sharpen(source, sigma, opts \\ []), do: edit_one(source, :sharpen, sigma, opts)

  @doc group: "Edit pictures"
  @doc """
  Multiplies colors by a factor: `c * factor`.

  It is the step `brighten` of `edit/2` alone.

  ## Examples

      iex> gray = "P5 4 1 255\\n" <> <<0, 60, 120, 240>>
      iex> {:ok, %{bytes: "P5\\n4 1 255\\n" <> levels}} = Thumbelina.brighten(gray, 1.5)
      iex> levels
      <<0, 90, 180, 255>>
  """
  @spec brighten(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def brighten(source, factor, opts \\ []), do: edit_one(source, :brighten, factor, opts)

  @doc group: "Edit pictures"
  @doc """
  Moves colors away from the middle: `(c - 0.5) * factor + 0.5`.

  It is the step `contrast` of `edit/2` alone.

  ## Examples

      iex> gray = "P5 4 1 255\\n" <> <<0, 60, 120, 240>>
      iex> {:ok, %{bytes: "P5\\n4 1 255\\n" <> levels}} = Thumbelina.contrast(gray, 0.5)
      iex> levels
      <<64, 94, 124, 184>>
  """
  @spec contrast(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def contrast(source, factor, opts \\ []), do: edit_one(source, :contrast, factor, opts)

  @doc group: "Edit pictures"
  @doc """
  Moves colors away from gray: `luma + (c - luma) * factor`.

  It is the step `saturate` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, vivid} = Thumbelina.saturate(image, 1.4)
      iex> {vivid.width, vivid.height}
      {640, 427}
  """
  @spec saturate(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def saturate(source, factor, opts \\ []), do: edit_one(source, :saturate, factor, opts)

  @doc group: "Edit pictures"
  @doc """
  Brightens the middle, or with an exponent below 1 darkens it: `c ^ (1 / exponent)`.

  It is the step `gamma` of `edit/2` alone.

  ## Examples

      iex> gray = "P5 4 1 255\\n" <> <<0, 60, 120, 240>>
      iex> {:ok, %{bytes: "P5\\n4 1 255\\n" <> levels}} = Thumbelina.gamma(gray, 2.2)
      iex> levels
      <<0, 132, 181, 248>>
  """
  @spec gamma(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def gamma(source, exponent, opts \\ []), do: edit_one(source, :gamma, exponent, opts)

  @doc group: "Edit pictures"
  @doc """
  Makes a picture gray: the luma of its colors.

  It is the step `grayscale` of `edit/2` alone.

  ## Examples

      iex> red = "P6 1 1 255\\n" <> <<255, 0, 0>>
      iex> {:ok, %{bytes: "P5\\n1 1 255\\n" <> level}} = Thumbelina.grayscale(red)
      iex> level
      <<54>>
  """
  @spec grayscale(source, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def grayscale(source, opts \\ []), do: edit_one(source, :grayscale, true, opts)

  @doc group: "Edit pictures"
  @doc """
  Turns colors around: `1 - c`.

  It is the step `invert` of `edit/2` alone.

  ## Examples

      iex> gray = "P5 4 1 255\\n" <> <<0, 60, 120, 240>>
      iex> {:ok, %{bytes: "P5\\n4 1 255\\n" <> levels}} = Thumbelina.invert(gray)
      iex> levels
      <<255, 195, 135, 15>>
  """
  @spec invert(source, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def invert(source, opts \\ []), do: edit_one(source, :invert, true, opts)

  @doc group: "Edit pictures"
  @doc """
  Makes a picture black and white: white where the luma is at least `level`.

  It is the step `threshold` of `edit/2` alone.

  ## Examples

      iex> gray = "P5 4 1 255\\n" <> <<0, 60, 120, 240>>
      iex> {:ok, %{bytes: "P5\\n4 1 255\\n" <> levels}} = Thumbelina.threshold(gray, 100)
      iex> levels
      <<0, 0, 255, 255>>
  """
  @spec threshold(source, number, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def threshold(source, level, opts \\ []), do: edit_one(source, :threshold, level, opts)

  @doc group: "Edit pictures"
  @doc """
  Gives a picture one hue and chroma, those of a color, and keeps its lightness.

  It is the step `tint` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, sepia} = Thumbelina.tint(image, "#704214")
      iex> {sepia.width, sepia.height}
      {640, 427}
  """
  @spec tint(source, color, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def tint(source, color, opts \\ []), do: edit_one(source, :tint, color, opts)

  @doc group: "Edit pictures"
  @doc """
  Puts another picture on top of a picture: a watermark.

  It is the step `overlay` of `edit/2` alone, with the options `:position`, `:margin`, `:opacity`,
  `:tile`, `:width` and `:height`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> mark = {:file, "test/fixtures/photo.png"}
      iex> opts = [width: 80, position: :southeast, margin: 4, opacity: 0.5]
      iex> {:ok, marked} = Thumbelina.overlay(image, mark, opts)
      iex> {marked.width, marked.height}
      {640, 427}
  """
  @spec overlay(source, source, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def overlay(source, other, opts \\ []), do: edit_one(source, :overlay, other, opts)

  @doc group: "Edit pictures"
  @doc """
  Makes corners round, with this radius, or keeps a `:circle`. What is outside is clear.

  It is the step `round` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, face} = Thumbelina.edit(image, resize: {96, 96}, round: :circle, format: :png)
      iex> {:ok, soft} = Thumbelina.round(image, 20, format: :webp)
      iex> {face.width, face.height, soft.format}
      {96, 96, :webp}
  """
  @spec round(source, number | :circle, edit_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def round(source, corners, opts \\ []), do: edit_one(source, :round, corners, opts)

  @doc group: "Edit pictures"
  @doc """
  Puts so many pixels of a color on each side.

  It is the step `border` of `edit/2` alone.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, framed} = Thumbelina.border(image, 10, "gold")
      iex> {framed.width, framed.height}
      {660, 447}
  """
  @spec border(source, non_neg_integer, color, edit_options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def border(source, width, color, opts \\ []),
    do: edit_one(source, :border, {width, color}, opts)

  @doc group: "Edit pictures"
  @doc """
  Writes a picture in another format, upright and in its own size.

  It is `edit/2` without steps.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, png} = Thumbelina.convert(image, :png)
      iex> {png.format, png.width, png.height}
      {:png, 640, 427}
  """
  @spec convert(source, Thumbelina.Format.t(), edit_options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def convert(source, format, opts \\ []) do
    if Keyword.keyword?(opts),
      do: edit(source, opts ++ [format: format]),
      else: Options.invalid(:options, opts, "a keyword list")
  end

  Bang.define "Edit pictures", Image.t() do
    resize(source :: source, width :: side, height :: side, opts :: edit_options \\ [])

    crop(
      source :: source,
      width :: pos_integer,
      height :: pos_integer,
      opts :: edit_options \\ []
    )

    crop(
      source :: source,
      x :: non_neg_integer,
      y :: non_neg_integer,
      width :: pos_integer,
      height :: pos_integer,
      opts :: edit_options \\ []
    )

    flip(source :: source, side :: :horizontal | :vertical, opts :: edit_options \\ [])
    rotate(source :: source, degrees :: number, opts :: edit_options \\ [])
    blur(source :: source, sigma :: number, opts :: edit_options \\ [])
    sharpen(source :: source, sigma :: number, opts :: edit_options \\ [])
    brighten(source :: source, factor :: number, opts :: edit_options \\ [])
    contrast(source :: source, factor :: number, opts :: edit_options \\ [])
    saturate(source :: source, factor :: number, opts :: edit_options \\ [])
    gamma(source :: source, exponent :: number, opts :: edit_options \\ [])
    grayscale(source :: source, opts :: edit_options \\ [])
    invert(source :: source, opts :: edit_options \\ [])
    threshold(source :: source, level :: number, opts :: edit_options \\ [])
    tint(source :: source, color :: color, opts :: edit_options \\ [])
    overlay(source :: source, other :: source, opts :: edit_options \\ [])
    round(source :: source, corners :: number | :circle, opts :: edit_options \\ [])
    border(source :: source, width :: non_neg_integer, color :: color, opts :: edit_options \\ [])
    convert(source :: source, format :: Thumbelina.Format.t(), opts :: edit_options \\ [])
  end

  @doc group: "Compare"
  @doc """
  Tells how alike two pictures of the same size are.

  The result has

    * `:psnr` - the peak signal-to-noise ratio in dB, of the mean squared difference of red, green
      and blue. It is `:infinity` if no sample differs
    * `:ssim` - the structural similarity, of Wang et al., "Image Quality Assessment: From Error
      Visibility to Structural Similarity", 2004: the average over all Gaussian windows of 11 by 11
      pixels (sigma 1.5, K1 0.01, K2 0.03) on luma. It is 1.0 for equal pictures

  Both pictures are turned upright and taken with 8 bits per sample, alpha on white. They are
  decoded at their full size, in slices like a thumbnail, and so compared.

  Fails with `:invalid_option` and the key `:size` if the sizes differ, and otherwise like
  `thumbnail/4`.

  ## Options

  #{Options.docs(:placeholder)}

  ## Examples

      iex> photo = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, likeness} = Thumbelina.compare(photo, {:file, "test/fixtures/photo.jpg"})
      iex> {Float.round(likeness.psnr, 1), Float.round(likeness.ssim, 3)}
      {33.0, 0.984}

      iex> photo = Thumbelina.open!("test/fixtures/photo.png")
      iex> Thumbelina.compare(photo, photo)
      {:ok, %{psnr: :infinity, ssim: 1.0}}

      iex> photo = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:error, error} = Thumbelina.compare(photo, "P5 2 1 255\\n" <> <<0, 255>>)
      iex> {error.reason, error.key, error.value, error.expected}
      {:invalid_option, :size, {2, 1}, "a picture of 640 by 427 pixels, as the first one"}
  """
  @spec compare(source, source, placeholder_options) :: {:ok, likeness} | {:error, Error.t()}
  def compare(source, other, opts \\ []) do
    with {:ok, request} <- Request.comparison(nil, opts),
         {:ok, [{width, height, _pixels} = reference]} <- Job.run(source, request),
         {:ok, request} <- Request.comparison(reference, opts),
         {:ok, [result]} <- Job.run(other, request) do
      case result do
        %{ssim: _} = likeness ->
          {:ok, likeness}

        {_width, _height} = size ->
          expected = "a picture of #{width} by #{height} pixels, as the first one"
          Options.invalid(:size, size, expected)
      end
    end
  end

  @doc group: "Compare"
  @doc """
  A perceptual hash of a picture: nearly the same for pictures that look nearly the same.

  It is the 64 bits of dHash, by Neal Krawetz
  ([Kind of Like That](https://www.hackerfactor.com/blog/?/archives/529-Kind-of-Like-That.html),
  2013): whether each of 8 by 8 places of the picture is darker than the place to the right of it.
  `hash_distance/2` counts the bits that differ. Other sizes, formats, qualities, and brighter or
  darker pictures change few of them; a crop, a turn and a mirror image change many.

  The picture is shrunk while it is decoded, turned upright, and alpha is put on white. Fails like
  `thumbnail/4`.

  ## Options

  #{Options.docs(:placeholder)}

  ## Examples

      iex> {:ok, hash} = Thumbelina.hash({:file, "test/fixtures/photo.jpg"})
      iex> Base.encode16(hash)
      "860E9E35242474A6"

      iex> {:ok, photo} = Thumbelina.hash({:file, "test/fixtures/photo.png"})
      iex> {:ok, palette} = Thumbelina.hash({:file, "test/fixtures/photo-palette.png"})
      iex> {:ok, other} = Thumbelina.hash({:file, "test/fixtures/alpha.png"})
      iex> {Thumbelina.hash_distance(photo, palette), Thumbelina.hash_distance(photo, other)}
      {1, 26}
  """
  @spec hash(source, placeholder_options) :: {:ok, hash} | {:error, Error.t()}
  def hash(source, opts \\ []) do
    with {:ok, request} <- Request.hash(opts),
         {:ok, [hash]} <- Job.run(source, request),
         do: {:ok, hash}
  end

  Bang.define "Compare", likeness do
    compare(source :: source, other :: source, opts :: placeholder_options \\ [])
  end

  Bang.define "Compare", hash do
    hash(source :: source, opts :: placeholder_options \\ [])
  end

  @doc group: "Compare"
  @doc """
  The Hamming distance of two hashes of `hash/2`: how many of the 64 bits differ.

  Pictures with a distance of at most 10 are usually the same picture; two that have nothing to do
  with each other differ in 32 bits on average.

  ## Examples

      iex> Thumbelina.hash_distance(<<0b1010::64>>, <<0b0110::64>>)
      2
  """
  @spec hash_distance(hash, hash) :: 0..64
  def hash_distance(<<first::64>>, <<second::64>>),
    do:
      for(<<(bit::1 <- <<Bitwise.bxor(first, second)::64>>)>>, reduce: 0, do: (sum -> sum + bit))

  def hash_distance(first, second) do
    raise ArgumentError,
          "expected two hashes of 8 bytes, as Thumbelina.hash/2 makes them, " <>
            "got: #{inspect(first)}, #{inspect(second)}"
  end

  @doc group: "Samples"
  @doc """
  Decodes a picture to its samples, in its own size.

  The result is a `Thumbelina.Pixels`: the samples, their shape and their type. The picture is
  turned upright. Options and errors are those of `to_pixels/4`.

  ## Examples

      iex> {:ok, image} = Thumbelina.new("P5 2 1 255\\n" <> <<0, 255>>)
      iex> {:ok, pixels} = Thumbelina.to_pixels(image)
      iex> {pixels.data, pixels.shape, pixels.type}
      {<<0, 255>>, {1, 2, 1}, {:u, 8}}
  """
  @spec to_pixels(source, [pixels_option | option]) :: {:ok, Pixels.t()} | {:error, Error.t()}
  def to_pixels(source, opts \\ []), do: pixels(source, nil, nil, opts)

  @doc group: "Samples"
  @doc """
  Decodes a picture to the samples of a thumbnail, such as a model takes.

  The picture is shrunk while it is decoded, like a thumbnail. The result is a `Thumbelina.Pixels`:
  the samples, their shape and their type. Fails like `thumbnail/4`, and with `:invalid_option` for
  a `:format`, which samples have not.

  ## Options

    * `:channels` (`1..4`) - 1 for gray, 2 for gray and alpha, 3 for RGB, 4 for RGBA. Without it,
      those of the picture. Where alpha is left out, white shows behind the picture
    * `:type` (`{:u, 8}`, `{:u, 16}` or `{:f, 32}`) - without it, that of the picture. Floats are
      linear light: divide `{:u, 8}` by 255 for what most models want

  The others are those of `thumbnail/4`.

  ## Examples

      iex> photo = {:file, "test/fixtures/photo.jpg"}
      iex> {:ok, pixels} = Thumbelina.to_pixels(photo, 224, 224, fit: :fill, channels: 3)
      iex> {pixels.shape, pixels.type, byte_size(pixels.data)}
      {{224, 224, 3}, {:u, 8}, 150_528}

      iex> {:error, error} = Thumbelina.to_pixels("not a picture", 8, 8, channels: 5)
      iex> {error.reason, error.key}
      {:invalid_option, :channels}
  """
  @spec to_pixels(source, side, side, [pixels_option | option]) ::
          {:ok, Pixels.t()} | {:error, Error.t()}
  def to_pixels(source, width, height, opts \\ [])

  def to_pixels(_source, nil, nil, _opts), do: Options.invalid(:width, nil, "a width or a height")
  def to_pixels(source, width, height, opts), do: pixels(source, width, height, opts)

  defp pixels(source, width, height, opts) do
    with {:ok, request} <- Request.pixels(width, height, opts),
         {:ok, [pixels]} <- Job.run(source, request),
         do: {:ok, pixels}
  end

  @doc group: "Samples"
  @doc """
  Makes an image of samples, which everything here takes.

  The image holds the samples as they are, in a format that has room for them: `:pnm` for bytes,
  `:tiff` for wider samples. `thumbnail/4` keeps a format that it is not told to change. Fails with
  `:invalid_option` if the data has not the size that the shape and the type say.

  ## Examples

      iex> red = %Thumbelina.Pixels{data: <<255, 0, 0>>, shape: {1, 1, 3}, type: {:u, 8}}
      iex> {:ok, image} = Thumbelina.from_pixels(red)
      iex> {:ok, thumb} = Thumbelina.thumbnail(image, 8, 8, enlarge: true, format: :png)
      iex> {:ok, color} = Thumbelina.placeholder(thumb, :color)
      iex> {thumb.width, thumb.height, color}
      {8, 8, "#ff0000"}

      iex> short = %Thumbelina.Pixels{data: <<255, 0>>, shape: {1, 1, 3}, type: {:u, 8}}
      iex> {:error, error} = Thumbelina.from_pixels(short)
      iex> {error.reason, error.key, error.expected}
      {:invalid_option, :data, "a binary of 3 bytes, as the shape and the type say"}
  """
  @spec from_pixels(Pixels.t()) :: {:ok, Image.t()} | {:error, Error.t()}
  def from_pixels(pixels) do
    with {:ok, pixels} <- Pixels.check(pixels) do
      {height, width, _channels} = pixels.shape
      format = if pixels.type == {:u, 8}, do: :pnm, else: :tiff
      bytes = pixels |> Pixels.file() |> IO.iodata_to_binary()
      {:ok, Image.build(bytes, %{format: format, width: width, height: height})}
    end
  end

  @doc group: "Samples"
  @doc """
  Makes an image of a binary of samples: see `from_pixels/1`.

  ## Options

    * `:shape` - `{height, width, channels}`, required
    * `:type` - `{:u, 8}` (default), `{:u, 16}` or `{:f, 32}`

  ## Examples

      iex> {:ok, image} = Thumbelina.from_pixels(<<0, 128, 255, 64>>, shape: {2, 2, 1})
      iex> {image.width, image.height}
      {2, 2}

      iex> {:error, error} = Thumbelina.from_pixels(<<0>>, size: {1, 1})
      iex> {error.reason, error.key, error.expected}
      {:invalid_option, :size, ":shape or :type"}
  """
  @spec from_pixels(binary, [{:shape, tuple} | {:type, Pixels.type()}]) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def from_pixels(data, opts) do
    with {:ok, pixels} <- Pixels.new(data, opts), do: from_pixels(pixels)
  end

  Bang.define "Samples", Pixels.t() do
    to_pixels(source :: source, opts :: [pixels_option | option] \\ [])

    to_pixels(
      source :: source,
      width :: side,
      height :: side,
      opts :: [pixels_option | option] \\ []
    )
  end

  Bang.define "Samples", Image.t() do
    from_pixels(pixels :: Pixels.t())
    from_pixels(data :: binary, opts :: [{:shape, tuple} | {:type, Pixels.type()}])
  end

  @doc group: "Many pictures"
  @doc """
  A lazy stream of the thumbnails of many pictures: `{:ok, image}` or `{:error, error}` for each.

  The pictures are an enumerable of anything that `thumbnail/4` takes, and of `{path, bytes}` as
  `stream_directory/2` gives it. Each is made into a thumbnail in a process of its own, which also
  reads the file or runs the producer of the pieces. No more than `:max_concurrency` pictures are
  taken from the enumerable before the results of earlier ones are there. When the stream is halted,
  what is in progress ends.

  A producer that raises, throws or exits gives the error `:source_failed`, or the posix reason of
  a `File.Error`; the other pictures go on. With `:timeout`, a producer that takes too long is
  killed. Wrong options raise `Thumbelina.Error` at once.

  ## Options

  #{Options.docs(:stream)}
  The other options are those of `thumbnail/4`; `:timeout` is for each picture.

  ## Examples

      iex> pictures = [{:file, "test/fixtures/photo.jpg"}, "no picture", {:file, "no/such.jpg"}]
      iex> [{:ok, thumb}, {:error, first}, {:error, second}] =
      ...>   pictures |> Thumbelina.stream(100, 100, format: :png) |> Enum.to_list()
      iex> {thumb.format, thumb.width, thumb.height, first.reason, second.reason, second.path}
      {:png, 100, 67, :unsupported_format, :enoent, "no/such.jpg"}
  """
  @spec stream(Enumerable.t(), side, side, [stream_option | option]) :: Enumerable.t()
  def stream(pictures, width, height, opts \\ []) do
    with {:ok, own, opts} <- Options.beside(:stream, opts),
         {:ok, request} <- Request.new(width, height, opts) do
      each = &one_of_many(&1, request)
      Parallel.map(pictures, each, own, request.timeout, &System.schedulers_online/0)
    else
      {:error, error} -> raise error
    end
  end

  defp one_of_many({path, bytes}, request) when is_binary(path),
    do: bytes |> one_of_many(request) |> Source.at_path({:file, path})

  defp one_of_many(source, request),
    do: with({:ok, [image]} <- Job.run(source, request), do: {:ok, image})

  @doc group: "Many pictures"
  @doc """
  Calls a function of this module in another process, and sends what it returns to `destination`.

  `operation` is the name of a function that takes a picture first, such as `:thumbnail`,
  `:thumbnails` or `:measure`. What follows the picture are the function's other arguments; the last
  of them can be options, with the options below among them. The answer is `:ok`, before any work is
  done. The message is what the function returns, such as `{:ok, image}` or `{:error, error}`, or
  `{tag, result}` with the option `:tag`.

  The destination is a pid, a registered name, `{name, node}`, `{:global, name}` or
  `{:via, module, name}`, on this node or another. If it dies, the work stops. If nobody has the
  name, nothing is done.

  Fails with `:overloaded` if `:max_queue` casts are unanswered on this node, and with
  `:invalid_option` for something else than an operation, its arguments or a destination. Wrong
  arguments of the function itself are an error that is sent.

  ## Options

  #{Options.docs(:cast)}

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> :ok = Thumbelina.cast(:thumbnail, self(), image, 100, 100, tag: :small, quality: 70)
      iex> receive do
      ...>   {:small, {:ok, thumb}} -> {thumb.width, thumb.height}
      ...> end
      {100, 67}

      iex> :ok = Thumbelina.cast(:thumbnails, self(), "not a picture", [{50, 50}, {100, 100}])
      iex> receive do
      ...>   {:error, error} -> error.reason
      ...> end
      :unsupported_format

      iex> {:error, error} = Thumbelina.cast(:write, self(), "not a picture", "file.jpg")
      iex> {error.reason, error.key}
      {:invalid_option, :operation}
  """
  @spec cast(atom, destination, source, term) :: :ok | {:error, Error.t()}
  def cast(operation, destination, picture, argument),
    do: Cast.cast(destination, operation, [picture, argument], operations())

  @doc group: "Many pictures"
  @doc "The same for a function of two more arguments than the picture. See `cast/4`."
  @spec cast(atom, destination, source, term, term) :: :ok | {:error, Error.t()}
  def cast(operation, destination, picture, first, second),
    do: Cast.cast(destination, operation, [picture, first, second], operations())

  @doc group: "Many pictures"
  @doc "The same for a function of three more arguments than the picture. See `cast/4`."
  @spec cast(atom, destination, source, term, term, term) :: :ok | {:error, Error.t()}
  def cast(operation, destination, picture, first, second, third),
    do: Cast.cast(destination, operation, [picture, first, second, third], operations())

  @doc group: "Plan and measure"
  @doc """
  Makes a thumbnail like `thumbnail/4`, and measures what it took.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, thumb, stats} = Thumbelina.measure(image, 100, 100, scheduler: :normal)
      iex> {thumb.width, thumb.height, stats.schedulers}
      {100, 67, [:normal]}
  """
  @spec measure(source, side, side, options) :: {:ok, Image.t(), Stats.t()} | {:error, Error.t()}
  def measure(source, width, height, opts \\ []) do
    with {:ok, request} <- Request.new(width, height, opts),
         {:ok, [image], stats} <- Job.measure(source, request),
         do: {:ok, image, stats}
  end

  @doc group: "Plan and measure"
  @doc """
  Makes a picture like `edit/2`, and measures what it took, but for the pictures of overlays.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, made, stats} = Thumbelina.measure(image, resize: {100, 100}, invert: true)
      iex> {made.width, made.height, stats.pixels_in}
      {100, 100, 273280}
  """
  @spec measure(source, edits) :: {:ok, Image.t(), Stats.t()} | {:error, Error.t()}
  def measure(source, edits) do
    with {:ok, request} <- Job.edits(edits),
         {:ok, [image], stats} <- Job.measure(source, request),
         do: {:ok, image, stats}
  end

  @doc group: "Plan and measure"
  @doc """
  Tells what `thumbnail/4` would do, without doing it.

  Only the header is read, and only as many pieces are asked for as that needs. `:max_memory`,
  `:timeout` and `:priority` have no effect here.

  With `scheduler: :auto`, the plan is that of an idle node and of a picture that is there as a
  whole. If there are fewer than two schedulers for each thumbnail in progress, or if the picture
  comes in pieces, `thumbnail/4` shares no cores and stays on normal schedulers where the plan says
  `:dirty` with the reason `:shared`. For pieces, costs are estimated from the picture's size,
  because it is not known how many bytes are still to come.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, plan} = Thumbelina.explain(image, 100, 100)
      iex> {plan.width, plan.height, plan.decode_scale, plan.scheduler, plan.reason}
      {100, 67, {2, 2}, :normal, :within_yield_limit}

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, plan} = Thumbelina.explain(image, 50, 50, fit: :cover, position: {0.4, 0.3})
      iex> {image.width, image.height, plan.crop}
      {640, 427, {42.5, 0.0, 427.0, 427.0}}
  """
  @spec explain(source, side, side, options) :: {:ok, Plan.t()} | {:error, Error.t()}
  def explain(source, width, height, opts \\ []),
    do: explained(source, Request.new(width, height, opts))

  defp explained(source, request) do
    with {:ok, request} <- request,
         {:ok, found} <- Source.of(source, request.max_bytes_in) do
      Header.plan(found, request)
    end
    |> Foreign.explain(source)
    |> Source.at_path(source)
  end

  @doc group: "Plan and measure"
  @doc """
  Tells what `edit/2` would do, without doing it. The pictures of overlays are read all the same.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, plan} = Thumbelina.explain(image, blur: 2, resize: {100, 100})
      iex> Enum.map(plan.steps, &{&1.step, &1.width, &1.height, &1.at})
      [{:blur, 640, 427, :full_size}, {:resize, 100, 100, :full_size}]

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, plan} = Thumbelina.explain(image, resize: {100, 100}, blur: 2)
      iex> Enum.map(plan.steps, &{&1.step, &1.width, &1.height, &1.at})
      [{:resize, 100, 100, :decoding}, {:blur, 100, 100, :resized}]
  """
  @spec explain(source, edits) :: {:ok, Plan.t()} | {:error, Error.t()}
  def explain(source, edits), do: explained(source, Job.edits(edits))

  @doc group: "Open and write"
  @doc """
  Writes the encoded picture to a file.

  The bytes are written as they are, so a file name with the extension of another picture format is
  an `:invalid_option`. To change the format, use the option `:format` of `thumbnail/4`. Names
  without an extension, or with an unknown one, are accepted. Fails with a posix reason if the file
  cannot be written.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:error, error} = Thumbelina.write(image, "photo.png")
      iex> {error.reason, error.key, error.expected}
      {:invalid_option, :path, "a file name for jpeg, ending in .jpg, .jpeg, .jpe or .jfif"}
  """
  @spec write(Image.t(), Path.t()) :: :ok | {:error, Error.t()}
  def write(image, path) do
    with {:ok, bytes} <- Source.bytes(image),
         :ok <- Image.check_extension(image, path),
         do: Source.write(path, bytes)
  end

  @doc group: "Open and write"
  @doc "Like `write/2`, but raises `Thumbelina.Error`."
  @spec write!(Image.t(), Path.t()) :: :ok
  def write!(image, path) do
    with {:error, error} <- write(image, path), do: raise(error)
  end

  # At the end, where all functions are known.
  defp operations, do: unquote(@operations |> Enum.uniq() |> Enum.sort())
end
