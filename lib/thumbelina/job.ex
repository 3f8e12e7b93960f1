defmodule Thumbelina.Job do
  @moduledoc false
  # From a picture and a checked request to what was asked for: the calls of the native library.

  alias Thumbelina.{Error, Foreign, Image, Native, Pixels, Placeholder, Request, Source, Stats}
  alias Thumbelina.Telemetry

  @type value :: Image.t() | Placeholder.value() | Pixels.t() | map | tuple

  @doc "Makes what a request asks for, which may have been checked on another node."
  @spec run(Thumbelina.source(), Request.t()) :: {:ok, [value, ...]} | {:error, Error.t()}
  def run(source, %Request{} = request) do
    with {:ok, values, _stats} <- measure(source, request), do: {:ok, values}
  end

  @doc "The same, with what it took."
  @spec measure(Thumbelina.source(), Request.t()) ::
          {:ok, [value, ...], Stats.t()} | {:error, Error.t()}
  def measure(source, request) do
    Telemetry.span(:thumbnail, %{request: Map.from_struct(request)}, fn ->
      case make(source, request) do
        {:ok, values, stats} ->
          {metadata, measurements} = Map.split(stats, [:schedulers, :profile])
          {{:ok, values, struct!(Stats, stats)}, measurements, metadata}

        {:error, error} = result ->
          {result, %{}, %{error: error}}
      end
    end)
  end

  @doc "What a list of steps asks for, with the pictures of its overlays."
  @spec edits(term) :: {:ok, Request.t()} | {:error, Error.t()}
  def edits(edits) do
    with {:ok, request} <- Request.edit(edits), do: Request.load(request, &farbfeld/2)
  end

  defp farbfeld(request, source) do
    with {:ok, [%Image{bytes: bytes}], _stats} <- make(source, request), do: {:ok, bytes}
  end

  defp make(source, request) do
    with {:ok, found} <- Source.of(source, request.max_bytes_in),
         {:ok, outputs, stats} <- outputs(found, Request.native(request)) do
      values = Enum.zip_with(outputs, request.outputs, &value/2)
      {:ok, if(request.autorotate, do: values, else: Enum.map(values, &Image.shown/1)), stats}
    else
      error -> error |> Foreign.explain(source) |> Source.at_path(source)
    end
  end

  # How much of the pieces is kept, to name a format that is not read.
  @head 4_096

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

  defp value({bytes, _kind, _width, _height}, %{placeholder: kind}),
    do: Placeholder.value(kind, bytes)

  # All pixels, or how they differ. If the sizes do, there is nothing.
  defp value({pixels, _kind, width, height}, %{comparison: nil}), do: {width, height, pixels}
  defp value({"", _kind, width, height}, %{comparison: _reference}), do: {width, height}

  defp value({<<squares::float, ssim::float>>, _kind, _width, _height}, %{comparison: _}),
    do: %{psnr: psnr(squares), ssim: ssim}

  defp value({bytes, kind, width, height}, %{format: {:pixels, _, _}}),
    do: Pixels.build(bytes, kind, width, height)

  defp value({bytes, format, width, height}, _thumbnail),
    do: Image.build(bytes, %{format: format, width: width, height: height})

  # Of the mean of squared differences.
  defp psnr(0.0), do: :infinity
  defp psnr(squares), do: 10 * :math.log10(255 * 255 / squares)

  @doc """
  Calls `on_normal` with the bytes, or, if that would take too long on a normal scheduler,
  `on_dirty`.
  """
  @spec native(binary, (binary -> result), (binary -> result)) :: result | {:error, Error.t()}
        when result: term
  def native(bytes, on_normal, on_dirty) do
    result =
      if Source.copied?(bytes),
        do: on_dirty.(bytes),
        else: with(:too_big <- on_normal.(bytes), do: on_dirty.(bytes))

    named(result, bytes)
  end

  # Makes an error of what the library says, which tells what the bytes are.
  defp named({:error, %Error{}} = error, _bytes), do: error

  defp named({:error, error}, bytes),
    do: {:error, Error |> struct!(error) |> Foreign.name(bytes)}

  defp named(result, _bytes), do: result
end
