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

    * `:threads` - the size of the pool that pictures on dirty schedulers share. By default one thread
      for each logical core. Read when the first such picture is made
    * `:yield_limit` - the estimated cost, in microseconds of one core, above which
      `scheduler: :auto` takes a dirty scheduler. By default there is none: normal ones are kinder
      to others at any length
    * `:formats`, `:max_pixels`, `:max_bytes_in`, `:max_memory`, `:priority` - what the options of
      these names are by default
  """

  alias Thumbelina.{Error, Foreign, Image, Native, Options, Plan, Request, Source, Stats}

  @typedoc """
  A picture: an image, its encoded bytes, or these in pieces: any enumerable of iodata, such as
  `File.stream!("photo.jpg", [], 65_536)` or the body of an HTTP response.

  Pieces are worked on as they come, in the calling process, which also runs the producer. JPEG, PNG,
  GIF, QOI, BMP, PNM, TGA, HDR and farbfeld are decoded piece by piece, and what is used is let go;
  pictures of other formats, progressive JPEG, and TGA with alpha, are decoded once all of them is
  there. Where a header says that a picture is refused, the rest is not asked for.
  """
  @type source :: Image.t() | iodata | Enumerable.t()
  @typedoc "A side of the box in pixels; whole floats are accepted, `nil` leaves the side free."
  @type side :: pos_integer | float | nil

  @typedoc """
  Options of one of the outputs of `thumbnails/3`: `:fit`, `:enlarge`, `:format`, `:quality` and
  `:filter` of `t:options/0`.
  """
  @type output_options :: [unquote(Options.type(:output))]

  @typedoc "The size of one of the outputs of `thumbnails/3`, as `thumbnail/4` has it."
  @type size :: {side, side} | {side, side, output_options}

  @typedoc """
  Options of `thumbnail/4`, `thumbnails/3`, `measure/4` and `explain/4`, in any order.

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

  The file is a path, a map or struct that has one under `:path`, as `%Plug.Upload{}` does, or an
  enumerable of its contents. Fails with a posix reason such as `:enoent` where it cannot be read,
  and as `new/2` does where it is no picture.

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
    with {:ok, source} <- Source.open(file), do: probe(source, opts)
  end

  @doc "Like `open/2`, but raises `Thumbelina.Error`."
  @spec open!(Path.t() | %{path: Path.t()} | Enumerable.t(), probe_options) :: Image.t()
  def open!(file, opts \\ []), do: bang(open(file, opts))

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
  @spec new(source, probe_options) :: {:ok, Image.t()} | {:error, Error.t()}
  def new(source, opts \\ []) do
    with {:ok, found} <- Source.of(source) do
      found |> probe(opts) |> Foreign.explain(source)
    end
  end

  defp probe(source, opts) do
    with {:ok, call} <- Options.probe(opts),
         {:ok, bytes} <- all(source, call),
         {:ok, header} <- probe_bytes(bytes, true, call) do
      {:ok, Image.build(bytes, header)}
    end
  end

  defp all({:bytes, bytes}, _call), do: {:ok, bytes}

  defp all({:pieces, pieces}, call),
    do: Source.all(pieces, call.max_bytes_in, &probe_bytes(&1, &2, call))

  defp probe_bytes(bytes, all?, call),
    do: native(bytes, &Native.probe(&1, all?, call), &Native.probe_dirty(&1, all?, call))

  @doc "Like `new/2`, but raises `Thumbelina.Error`."
  @spec new!(source, probe_options) :: Image.t()
  def new!(source, opts \\ []), do: bang(new(source, opts))

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
    with {:ok, request} <- Request.new(width, height, opts),
         {:ok, [image], _stats} <- make(source, request),
         do: {:ok, image}
  end

  @doc "Like `thumbnail/4`, but raises `Thumbelina.Error`."
  @spec thumbnail!(source, side, side, options) :: Image.t()
  def thumbnail!(source, width, height, opts \\ []),
    do: bang(thumbnail(source, width, height, opts))

  @doc """
  Makes several thumbnails of one picture, which is decoded once.

  Each size may have options of its own; those of the call are for all. The thumbnails come in the
  order of their sizes, each as `thumbnail/4` makes it: byte for byte, unless the picture is decoded
  larger for another one of them.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> sizes = [{50, 50}, {200, 200, fit: :cover}, {400, nil, format: :png}]
      iex> {:ok, thumbs} = Thumbelina.thumbnails(image, sizes, quality: 70)
      iex> for thumb <- thumbs, do: {thumb.format, thumb.width, thumb.height}
      [{:jpeg, 50, 33}, {:jpeg, 200, 200}, {:png, 400, 267}]
  """
  @spec thumbnails(source, [size, ...], options) :: {:ok, [Image.t(), ...]} | {:error, Error.t()}
  def thumbnails(source, sizes, opts \\ []) do
    with {:ok, request} <- Request.new(sizes, opts),
         {:ok, images, _stats} <- make(source, request),
         do: {:ok, images}
  end

  @doc "Like `thumbnails/3`, but raises `Thumbelina.Error`."
  @spec thumbnails!(source, [size, ...], options) :: [Image.t(), ...]
  def thumbnails!(source, sizes, opts \\ []), do: bang(thumbnails(source, sizes, opts))

  @doc """
  Makes a thumbnail like `thumbnail/4` and says what it took.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, thumb, stats} = Thumbelina.measure(image, 100, 100, scheduler: :normal)
      iex> {thumb.width, thumb.height, stats.schedulers}
      {100, 67, [:normal]}
  """
  @spec measure(source, side, side, options) :: {:ok, Image.t(), Stats.t()} | {:error, Error.t()}
  def measure(source, width, height, opts \\ []) do
    with {:ok, request} <- Request.new(width, height, opts),
         {:ok, [image], stats} <- make(source, request),
         do: {:ok, image, struct!(Stats, stats)}
  end

  @doc """
  Tells what `thumbnail/4` would do, and does none of it.

  Under `scheduler: :auto` the plan is that of a quiet node, and of a picture that is there as a
  whole. While so many thumbnails are in progress that there are not two schedulers for each, or
  where the picture comes in pieces, cores are not shared (reason `:shared`): it stays on normal
  schedulers. Of pieces, no more are asked for than the header takes.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.png")
      iex> {:ok, plan} = Thumbelina.explain(image, 100, 100)
      iex> {plan.width, plan.height, plan.decode_scale, plan.scheduler, plan.reason}
      {100, 67, {2, 2}, :normal, :within_yield_limit}
  """
  @spec explain(source, side, side, options) :: {:ok, Plan.t()} | {:error, Error.t()}
  def explain(source, width, height, opts \\ []) do
    with {:ok, request} <- Request.new(width, height, opts),
         {:ok, found} <- Source.of(source) do
      with {:ok, plan} <- plan(found, Request.native(request)), do: {:ok, Plan.build(plan)}
    end
    |> Foreign.explain(source)
  end

  defp plan({:bytes, bytes}, call), do: plan_bytes(bytes, true, call)
  defp plan({:pieces, pieces}, call), do: Source.first(pieces, &plan_bytes(&1, &2, call))

  defp plan_bytes(bytes, all?, call),
    do: native(bytes, &Native.plan(&1, all?, call), &Native.plan_dirty(&1, all?, call))

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

  # As much is kept of pieces, to tell a format that is not read.
  @head 4_096

  defp make(source, request) do
    with {:ok, found} <- Source.of(source),
         {:ok, outputs, stats} <- outputs(found, Request.native(request)) do
      images =
        for {bytes, format, width, height} <- outputs,
            do: Image.build(bytes, %{format: format, width: width, height: height})

      {:ok, images, stats}
    else
      error -> Foreign.explain(error, source)
    end
  end

  defp outputs({:bytes, bytes}, call),
    do: native(bytes, &Native.thumbnails(&1, call), &Native.thumbnails_dirty(&1, call))

  defp outputs({:pieces, pieces}, call) do
    Native.with_job(call, fn job ->
      fed =
        Source.reduce(pieces, "", fn piece, head ->
          head = if byte_size(head) < @head, do: head <> piece, else: head

          case Native.feed(job, piece, call) do
            :more -> {:cont, head}
            result -> {:halt, named(result, head)}
          end
        end)

      if is_binary(fed), do: job |> Native.finish_in_turn(call) |> named(fed), else: fed
    end)
  end

  # What is too long for a normal scheduler before a step can be taken starts on a dirty one.
  defp native(bytes, on_normal, on_dirty) do
    result =
      if Source.copied?(bytes),
        do: on_dirty.(bytes),
        else: with(:too_big <- on_normal.(bytes), do: on_dirty.(bytes))

    named(result, bytes)
  end

  # An error that knows what the bytes are.
  defp named({:error, %Error{}} = error, _bytes), do: error

  defp named({:error, error}, bytes),
    do: {:error, Error |> struct!(error) |> Foreign.name(bytes)}

  defp named(result, _bytes), do: result

  defp bang({:ok, value}), do: value
  defp bang({:error, error}), do: raise(error)
end
