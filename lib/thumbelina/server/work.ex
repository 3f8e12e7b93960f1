defmodule Thumbelina.Server.Work do
  @moduledoc false
  # The one place where the server works on pictures, each in a place of the gate.

  alias Thumbelina.{Error, Header, Image, Info, Options, Plan, Source, Store}
  alias Thumbelina.Server.{Alpha, Ask, Config, Form, Gate, Imgproxy, Overlay, Upload}

  # Reads the picture's bytes, which takes memory, so it is done when there is a place.
  @type read :: (... -> {:ok, binary} | {:error, Error.t()})

  @doc "Makes the thumbnail that was asked for. All results come from here."
  @spec thumbnail(read, Ask.t(), Config.t()) :: {:ok, Image.t()} | {:error, Error.t()}
  def thumbnail(read, ask, config) do
    Gate.through(config.live, fn ->
      with {:ok, bytes} <- read.(),
           {:ok, options} <- options(bytes, ask, config),
           do: stored(bytes, ask.width, ask.height, options)
    end)
  end

  @doc "The same for pieces, which are worked on as they come. They do not go through a store."
  @spec arriving(Enumerable.t(), Ask.t(), Config.t()) :: {:ok, Image.t()} | {:error, Error.t()}
  def arriving(pieces, ask, config) do
    Upload.work(pieces, config, fn pieces ->
      with {:ok, options, pieces} <- arriving_options(pieces, ask, config),
           do: Thumbelina.thumbnail(pieces, ask.width, ask.height, options)
    end)
  end

  @doc "Whether thumbnails go through a store, whose keys are digests of whole pictures."
  @spec stored? :: boolean
  def stored?, do: Process.whereis(Store) != nil

  defp stored(bytes, width, height, options) do
    once(fn -> Store.key(bytes, width, height, options) end, fn ->
      Thumbelina.thumbnail(bytes, width, height, options)
    end)
  end

  defp stored_edit(bytes, edits),
    do: once(fn -> Store.edit_key(bytes, edits) end, fn -> Thumbelina.edit(bytes, edits) end)

  # Once in the whole cluster, if there is a store on this node.
  defp once(key, make) do
    if stored?(),
      do: with({:ok, key} <- key.(), do: Store.fetch(key, make)),
      else: make.()
  end

  @doc "The same for a URL of imgproxy, whose size depends on that of the picture."
  @spec imgproxy(read, Imgproxy.t(), Config.t()) :: {:ok, Image.t()} | {:error, Error.t()}
  def imgproxy(read, asked, config) do
    Gate.through(config.live, fn ->
      with {:ok, bytes} <- read.(),
           {:ok, image} <- Thumbelina.new(bytes, probe(config)) do
        if Imgproxy.thumbnail?(asked) do
          {width, height, options} = Imgproxy.thumbnail(asked, image)
          stored(bytes, width, height, within(options, config))
        else
          edits = asked |> Imgproxy.edits(image) |> within(config)
          with {:ok, edits} <- marked(edits, asked, image, config), do: stored_edit(bytes, edits)
        end
      end
    end)
  end

  defp marked(edits, %{watermark: nil}, _image, _config), do: {:ok, edits}

  defp marked(edits, asked, image, %{imgproxy_watermark: {_digest, watermark}} = config) do
    {steps, opts} = Imgproxy.watermark(asked, image, watermark)
    # The picture's format was looked at before, and the watermark is the server's own.
    limits = Keyword.put(limits(config), :formats, :all)

    case Thumbelina.edit(watermark, [{:format, :farbfeld} | steps] ++ limits) do
      {:ok, made} -> {:ok, Keyword.put(edits, :formats, :all) ++ [overlay: {made.bytes, opts}]}
      {:error, error} -> {:error, %{error | key: error.key || :overlay}}
    end
  end

  # What the URL says of limits is never more than the server's.
  defp within(options, config) do
    {own, options} = Keyword.split(options, [:max_pixels, :max_bytes_in])
    limits = Keyword.merge(limits(config), own, fn _limit, one, other -> min(one, other) end)
    [quality: config.quality] ++ limits ++ options
  end

  @doc "Makes the picture that an edit asks for. `read` gives it as the part `picture` of a form."
  @spec edit((... -> {:ok, Form.t()} | {:error, Error.t()}), Ask.t(), Config.t()) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def edit(read, ask, config), do: edited(read, ask, config, &stored_edit/2)

  @doc "What that would take."
  @spec explain_edit((... -> {:ok, Form.t()} | {:error, Error.t()}), Ask.t(), Config.t()) ::
          {:ok, Plan.t()} | {:error, Error.t()}
  def explain_edit(read, ask, config), do: edited(read, ask, config, &Thumbelina.explain/2)

  defp edited(read, ask, config, fun) do
    Gate.through(config.live, fn ->
      with {:ok, form} <- read.(),
           {:ok, bytes} <- Form.bytes(form, "picture", config),
           {:ok, edits} <- Overlay.load(ask.options, form, config),
           edits = edits ++ limits(config),
           {:ok, format} <- edit_format(bytes, edits, ask, config),
           do: fun.(bytes, edits ++ format)
    end)
  end

  defp edit_format(_bytes, _edits, %Ask{formats: nil}, _config), do: {:ok, []}

  defp edit_format(bytes, edits, ask, config) do
    with {:ok, image} <- Thumbelina.new(bytes, probe(config)) do
      formats = Map.fetch!(ask.formats, edited_alpha(edits, image))
      fits? = &match?({:ok, _plan}, Thumbelina.explain(bytes, edits ++ [format: &1]))
      {:ok, [format: Enum.find(formats, hd(formats), fits?)]}
    end
  end

  # What these make clear is worth a format that shows it.
  defp edited_alpha(edits, image) do
    if Enum.any?([:round, :rotate], &Keyword.has_key?(edits, &1)),
      do: :alpha,
      else: Alpha.kind(image)
  end

  @doc "What making the thumbnail would take."
  @spec explain(read, Ask.t(), Config.t()) :: {:ok, Plan.t()} | {:error, Error.t()}
  def explain(read, ask, config) do
    Gate.through(config.live, fn ->
      with {:ok, bytes} <- read.(),
           {:ok, options} <- options(bytes, ask, config),
           do: Thumbelina.explain(bytes, ask.width, ask.height, options)
    end)
  end

  # What is made again and again.
  @side 200

  @doc """
  Makes thumbnails of a picture on one kind of scheduler until a time, in microseconds, and counts
  them.
  """
  @spec load(binary, :normal | :dirty, integer, Config.t()) ::
          {:ok, non_neg_integer} | {:error, Error.t()}
  def load(bytes, scheduler, until, config) do
    options = limits(config) ++ [scheduler: scheduler, format: :jpeg]
    Gate.through(config.live, fn -> again(bytes, until, options, 0) end)
  end

  defp again(bytes, until, options, count) do
    left = div(until - System.monotonic_time(:microsecond), 1000)
    made = left > 0 and Thumbelina.thumbnail(bytes, @side, @side, timed(options, left))

    case made do
      {:ok, _image} -> again(bytes, until, options, count + 1)
      {:error, %Error{reason: reason} = error} when reason != :timeout -> {:error, error}
      _ -> {:ok, count}
    end
  end

  defp timed(options, left), do: Keyword.update!(options, :timeout, &min(&1, left))

  # Of one decode.
  @placeholders [placeholder: :color, placeholder: :lqip]

  @doc """
  Reads what a picture says of itself, and how many bytes it has, and makes its average color and a
  tiny picture of it.
  """
  @spec info(read, Config.t()) ::
          {:ok, Info.t(), non_neg_integer, [Thumbelina.placeholder(), ...]} | {:error, Error.t()}
  def info(read, config) do
    Gate.through(config.live, fn ->
      with {:ok, bytes} <- read.(),
           {:ok, info} <- Thumbelina.info(bytes, probe(config)),
           {:ok, placeholders} <- placeholders(bytes, limits(config)),
           do: {:ok, info, byte_size(bytes), placeholders}
    end)
  end

  defp placeholders(bytes, options) do
    once(fn -> Store.key(bytes, @placeholders, options) end, fn ->
      Thumbelina.thumbnails(bytes, @placeholders, options)
    end)
  end

  defp options(_bytes, %Ask{formats: nil} = ask, config), do: {:ok, ask.options ++ limits(config)}

  defp options(bytes, ask, config) do
    with {:ok, image} <- Thumbelina.new(bytes, probe(config)),
         do: {:ok, with_format(image, image, ask, limits(config))}
  end

  defp arriving_options(pieces, %Ask{formats: nil} = ask, config),
    do: {:ok, ask.options ++ arriving_limits(config), pieces}

  # As many pieces as the choice of a format takes. Then these come first, before the rest.
  defp arriving_options(pieces, ask, config) do
    limits = arriving_limits(config)

    with {:ok, image} <- Source.first(pieces, &head(&1, &2, limits)) do
      head = Stream.map([image.bytes], & &1)
      {:ok, with_format(image, head, ask, limits), Stream.concat(head, pieces)}
    end
  end

  defp head(bytes, all?, limits) do
    with {:ok, image} <- Header.of_first(bytes, all?, Options.take_probe(limits)),
         do: if(all? or Alpha.known?(image), do: {:ok, image}, else: :more)
  end

  defp with_format(image, source, ask, limits) do
    options = Keyword.delete(ask.options, :format) ++ limits
    formats = Map.fetch!(ask.formats, Alpha.kind(image))
    [{:format, Enum.find(formats, hd(formats), &fits?(source, ask, &1, options))} | options]
  end

  # AVIF is only written up to a number of pixels. What is wrong with the picture shows later.
  defp fits?(source, ask, format, options) do
    case Thumbelina.explain(source, ask.width, ask.height, [{:format, format} | options]) do
      {:ok, _plan} -> true
      {:error, _} -> false
    end
  end

  defp limits(config) do
    given =
      for key <- [:max_pixels, :max_memory], value = Map.fetch!(config, key), do: {key, value}

    [timeout: config.timeout] ++ given ++ probe(config)
  end

  # The time is taken elsewhere, because the library would count that of the client.
  defp arriving_limits(config),
    do: Keyword.merge(limits(config), timeout: :infinity, max_bytes_in: config.max_body_bytes)

  # The bytes were counted before.
  defp probe(config) do
    formats = if config.formats, do: [formats: config.formats], else: []
    [max_bytes_in: max(config.max_body_bytes, config.max_file_bytes)] ++ formats
  end
end
