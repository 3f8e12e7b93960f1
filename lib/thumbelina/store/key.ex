defmodule Thumbelina.Store.Key do
  @moduledoc false
  # Digests of a picture and of what is asked of it.

  alias Thumbelina.{Edit, Error, Format, Options, Request, Source}

  # Another version may make other bytes of the same picture.
  @version Mix.Project.config()[:version]

  # `:max_memory` is not among these: a result that is there takes none. The other two limits say
  # which pictures and thumbnails are welcome at all.
  @call [:autorotate, :trim, :on_damage, :max_pixels, :max_bytes_in]
  @thumbnail [
    :width,
    :height,
    :fit,
    :position,
    :enlarge,
    :background,
    :linear,
    :format,
    :quality,
    :color,
    :progressive,
    :subsampling,
    :optimize_coding,
    :compression,
    :colors,
    :dither,
    :max_bytes,
    :filter,
    :metadata,
    :steps
  ]

  @doc "The key of one thumbnail, or of a list of them, which is another value."
  @spec digest(:one | :many | :edit, term, {:ok, Request.t()} | {:error, Error.t()}) ::
          {:ok, binary} | {:error, Error.t()}
  def digest(shape, source, request) do
    with {:ok, request} <- request,
         {:ok, bytes} <- bytes(source, request.max_bytes_in) do
      # Digests of a fixed length, so that no picture can pass for a part of a request.
      {:ok, sha256([sha256(asked(shape, request)), sha256(bytes)])}
    end
  end

  @doc "The key of an edit. Of overlays, the bytes count, and the box that they are made to fit."
  @spec edit(term, {:ok, Request.t()} | {:error, Error.t()}) ::
          {:ok, binary} | {:error, Error.t()}
  def edit(source, request) do
    with {:ok, %{outputs: [output], max_bytes_in: most} = request} <- request,
         {:ok, steps} <- Edit.load(output.steps, &overlay(&1, &2, &3, most)),
         do: digest(:edit, source, {:ok, %{request | outputs: [%{output | steps: steps}]}})
  end

  defp overlay(source, width, height, max_bytes) do
    with {:ok, bytes} <- bytes(source, max_bytes),
         do: {:ok, external({width, height, sha256(bytes)})}
  end

  @doc "The digest of any key of the store, under which everything is kept."
  @spec id(term) :: Thumbelina.Store.Table.id()
  def id(key), do: sha256(external(key))

  defp bytes(source, max_bytes) do
    case Source.of(source, max_bytes) do
      {:ok, {:bytes, bytes}} -> {:ok, bytes}
      {:ok, {:pieces, _}} -> Options.invalid(:image, source, "an image, a binary or iodata")
      error -> error
    end
  end

  defp asked(shape, request) do
    outputs = Enum.map(request.outputs, &output/1)
    call = for key <- @call, do: Map.fetch!(request, key)
    external([@version, shape, outputs, formats(request.formats) | call])
  end

  defp output(%{placeholder: kind}), do: kind
  defp output(thumbnail), do: for(key <- @thumbnail, do: Map.fetch!(thumbnail, key))

  # A list of formats is a set.
  defp formats(formats) when is_atom(formats), do: formats

  defp formats(formats) do
    formats = formats |> Enum.sort() |> Enum.dedup()
    if formats == Enum.sort(Format.readable()), do: :all, else: formats
  end

  # The same bytes on nodes with different versions of Erlang/OTP.
  defp external(term), do: :erlang.term_to_binary(term, [:deterministic, minor_version: 2])

  defp sha256(data), do: :crypto.hash(:sha256, data)
end
