defmodule Thumbelina do
  @moduledoc """
  Thumbnails inside the BEAM.

      {:ok, image} = Thumbelina.open("photo.jpg")
      {:ok, thumb} = Thumbelina.thumbnail(image, 200, 200)
      :ok = Thumbelina.write(thumb, "thumb.jpg")

  Every function returns when its work is done. While it works no scheduler is held: pictures are
  made in slices of a tenth or a quarter of a millisecond on a normal scheduler, at a low priority,
  with other processes in between. A large JPEG takes a dirty CPU scheduler and several cores, where
  no other thumbnail wants them.

  Functions that can fail return `{:error, %Thumbelina.Error{}}`. `open!/2`, `new!/2`,
  `thumbnail!/4` and `write!/2` raise it instead.

  ## Configuration

      config :thumbelina,
        threads: 4,
        yield_limit: 50_000,
        formats: [:jpeg, :png, :webp],
        max_memory: 268_435_456

    * `:threads` - the size of the pool that pictures on the dirty road share. By default one thread
      for each logical core. Read when the first such picture is made
    * `:yield_limit` - the estimated cost, in microseconds of one core, above which
      `scheduler: :auto` takes the dirty road. By default there is none: the normal road is kinder
      to others at any length
    * `:formats`, `:max_pixels`, `:max_bytes_in`, `:max_memory`, `:priority` - what the options of
      these names are by default
  """

  alias Thumbelina.{Error, Foreign, Image, Native, Options, Plan, Source, Stats}

  @type source :: Image.t() | binary
  @typedoc "A side of the box in pixels; whole floats are accepted, `nil` leaves the side free."
  @type side :: pos_integer | float | nil

  @typedoc """
  Options of `thumbnail/4`, `measure/4` and `explain/4`, in any order.

  #{Options.docs()}
  """
  @type options :: [unquote(Options.type())]

  @typedoc """
  Options of `open/2` and `new/2`, in any order.

  #{Options.docs(:probe)}
  """
  @type probe_options :: [unquote(Options.type(:probe))]

  @doc """
  Reads a picture file and its header.

  Fails with a posix reason such as `:enoent` where the file cannot be read, and as `new/2` does
  where it is no picture.

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
  @spec open(Path.t(), probe_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def open(path, opts \\ []) do
    with {:ok, bytes} <- Source.read(path), do: probe(bytes, opts)
  end

  @doc "Like `open/2`, but raises `Thumbelina.Error`."
  @spec open!(Path.t(), probe_options) :: Image.t()
  def open!(path, opts \\ []), do: bang(open(path, opts))

  @doc """
  Makes an image of an encoded picture, by its header alone.

  The format is what the bytes say. Fails with `:unsupported_format`, `:format_not_allowed`,
  `:invalid_image`, `:truncated`, or `:limit_exceeded` where there are more than `:max_bytes_in` of
  them.

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
  @spec new(binary, probe_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def new(bytes, opts \\ []), do: bytes |> probe(opts) |> Foreign.explain(bytes)

  defp probe(bytes, opts) do
    with {:ok, bytes} <- Source.bytes(bytes),
         {:ok, call} <- Options.probe(opts),
         {:ok, header} <- native(bytes, call, &Native.probe/2, &Native.probe_dirty/2) do
      {:ok, Image.build(bytes, header)}
    end
  end

  @doc "Like `new/2`, but raises `Thumbelina.Error`."
  @spec new!(binary, probe_options) :: Image.t()
  def new!(bytes, opts \\ []), do: bang(new(bytes, opts))

  @doc """
  Makes a thumbnail that fits a box of `width` by `height` pixels.

  The picture keeps its proportions, is turned upright as its EXIF orientation says, and is never
  enlarged unless `enlarge: true`. One side may be `nil`: it is left to the proportions.

  The thumbnail carries pixels and nothing else: no EXIF, no comments.

  ## Options

  #{Options.docs()}
  Fails with `:invalid_option` for a wrong source, size or option, `:limit_exceeded` before anything
  is decoded, `:format_not_allowed` for what `:formats` leaves out, and `:unsupported_format`,
  `:invalid_image` or `:truncated` for what is wrong with the picture.

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
      iex> {:error, error} = Thumbelina.thumbnail(image, 200, 200, color: :red)
      iex> {error.reason, error.key}
      {:invalid_option, :color}
  """
  @spec thumbnail(source, side, side, options) :: {:ok, Image.t()} | {:error, Error.t()}
  def thumbnail(source, width, height, opts \\ []) do
    with {:ok, image, _stats} <- make(source, width, height, opts), do: {:ok, image}
  end

  @doc "Like `thumbnail/4`, but raises `Thumbelina.Error`."
  @spec thumbnail!(source, side, side, options) :: Image.t()
  def thumbnail!(source, width, height, opts \\ []),
    do: bang(thumbnail(source, width, height, opts))

  @doc """
  Makes a thumbnail like `thumbnail/4` and says what it took.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, thumb, stats} = Thumbelina.measure(image, 100, 100, scheduler: :normal)
      iex> {thumb.width, thumb.height, stats.roads}
      {100, 67, [:normal]}
  """
  @spec measure(source, side, side, options) :: {:ok, Image.t(), Stats.t()} | {:error, Error.t()}
  def measure(source, width, height, opts \\ []) do
    with {:ok, image, stats} <- make(source, width, height, opts) do
      {:ok, image, struct!(Stats, stats)}
    end
  end

  @doc """
  Tells what `thumbnail/4` would do, and does none of it.

  Under `scheduler: :auto` the road is that of a quiet node. While so many thumbnails are being made
  that there are not two schedulers for each, cores are not shared (reason `:shared`): the picture
  stays on the normal road.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, plan} = Thumbelina.explain(image, 100, 100)
      iex> {plan.width, plan.height, plan.decode_scale, plan.road, plan.reason}
      {100, 67, {2, 2}, :normal, :within_yield_limit}
  """
  @spec explain(source, side, side, options) :: {:ok, Plan.t()} | {:error, Error.t()}
  def explain(source, width, height, opts \\ []) do
    with {:ok, bytes} <- Source.bytes(source),
         {:ok, call} <- Options.call(width, height, opts),
         {:ok, plan} <- native(bytes, call, &Native.plan/2, &Native.plan_dirty/2) do
      {:ok, Plan.build(plan)}
    else
      error -> Foreign.explain(error, source)
    end
  end

  @doc """
  Writes the encoded picture to a file.

  The bytes are written as they are. So a file name with the extension of another format is
  `:invalid_option`: `thumbnail/4` makes other formats, with `:format`. Names without an extension,
  or with one that is no picture's, are taken. Fails with a posix reason where the file cannot be
  written.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:error, error} = Thumbelina.write(image, "photo.png")
      iex> {error.reason, error.key, error.expected}
      {:invalid_option, :path, "a file name for jpeg, which ends in .jpg, .jpeg, .jpe or .jfif"}
  """
  @spec write(Image.t(), Path.t()) :: :ok | {:error, Error.t()}
  def write(%Image{} = image, path) do
    with {:ok, bytes} <- Source.bytes(image),
         :ok <- Image.check_extension(image, path),
         do: Source.write(path, bytes)
  end

  @doc "Like `write/2`, but raises `Thumbelina.Error`."
  @spec write!(Image.t(), Path.t()) :: :ok
  def write!(image, path) do
    with {:error, error} <- write(image, path), do: raise(error)
  end

  defp make(source, width, height, opts) do
    with {:ok, bytes} <- Source.bytes(source),
         {:ok, call} <- Options.call(width, height, opts),
         {:ok, {bytes, format, width, height}, stats} <-
           native(bytes, call, &Native.thumbnail/2, &Native.thumbnail_dirty/2) do
      {:ok, Image.build(bytes, %{format: format, width: width, height: height}), stats}
    else
      error -> Foreign.explain(error, source)
    end
  end

  # What is too long for a normal scheduler before a step can be taken starts on a dirty one.
  defp native(bytes, call, on_normal, on_dirty) do
    result =
      if Source.copied?(bytes),
        do: on_dirty.(bytes, call),
        else: with(:too_big <- on_normal.(bytes, call), do: on_dirty.(bytes, call))

    with {:error, error} <- result,
         do: {:error, Error |> struct!(error) |> Foreign.name(bytes)}
  end

  defp bang({:ok, value}), do: value
  defp bang({:error, error}), do: raise(error)
end
