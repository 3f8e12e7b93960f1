defmodule Thumbelina.Request do
  @moduledoc false
  # What a call asks for, checked and with all defaults filled in, as plain data: it can be sent to
  # another node, hashed and stored. Settings of the node that does the work are added there.

  alias Thumbelina.{Color, Error, Format, Options, Pixels, Placeholder, Position}

  @type output ::
          thumbnail
          | %{placeholder: Placeholder.kind() | :dhash}
          | %{comparison: {pos_integer, pos_integer, binary} | nil}

  @type thumbnail :: %{
          width: pos_integer | nil,
          height: pos_integer | nil,
          fit: :contain | :cover | :fill | :pad | :outside,
          position: {float, float} | :attention | :entropy,
          enlarge: boolean,
          background: Color.rgba() | nil,
          linear: boolean,
          format: Format.t() | Pixels.target() | nil,
          quality: 1..100,
          progressive: boolean,
          subsampling: :auto | String.t(),
          optimize_coding: boolean,
          compression: 0..9 | :none | :lzw | :deflate | :packbits | nil,
          colors: 2..256 | nil,
          dither: boolean,
          max_bytes: pos_integer | nil,
          color: :srgb | :keep,
          filter: atom,
          metadata: [:copyright | :exif | :gps | :icc | :iptc | :xmp]
        }

  @type t :: %__MODULE__{
          outputs: [output, ...],
          autorotate: boolean,
          trim: float | nil,
          on_damage: :error | :gray,
          formats: :default | :all | [Format.t()],
          max_pixels: pos_integer,
          max_bytes_in: pos_integer,
          max_memory: pos_integer,
          timeout: timeout,
          scheduler: :auto | :normal | :dirty,
          priority: :low | :unchanged,
          steps_per_slice: pos_integer | nil,
          panic_after: non_neg_integer | nil
        }

  @enforce_keys [
    :outputs,
    :autorotate,
    :trim,
    :on_damage,
    :formats,
    :max_pixels,
    :max_bytes_in,
    :max_memory,
    :timeout,
    :scheduler,
    :priority,
    :steps_per_slice,
    :panic_after
  ]
  defstruct @enforce_keys

  @doc "One thumbnail."
  @spec new(term, term, term) :: {:ok, t} | {:error, Error.t()}
  def new(width, height, opts), do: new([{width, height}], opts)

  @doc "One placeholder."
  @spec placeholder(term, term) :: {:ok, t} | {:error, Error.t()}
  def placeholder(kind, opts) do
    with {:ok, kind} <- Placeholder.check(kind), do: one(%{placeholder: kind}, opts)
  end

  @doc "A perceptual hash."
  @spec hash(term) :: {:ok, t} | {:error, Error.t()}
  def hash(opts), do: one(%{placeholder: :dhash}, opts)

  @doc "All pixels, or how they differ from those of another picture."
  @spec comparison({pos_integer, pos_integer, binary} | nil, term) ::
          {:ok, t} | {:error, Error.t()}
  def comparison(reference, opts), do: one(%{comparison: reference}, opts)

  defp one(output, opts) do
    with {:ok, call} <- Options.placeholder(opts), do: {:ok, build(call, [output])}
  end

  @doc """
  One thumbnail as samples, of the picture's own size if both sides are `nil`.

  The options are those of a thumbnail, with `:channels` and `:type` in the place of its format.
  """
  @spec pixels(term, term, term) :: {:ok, t} | {:error, Error.t()}
  def pixels(width, height, opts) do
    with {:ok, target, opts} <- Pixels.target(opts),
         {:ok, request} <- sized(width, height, opts) do
      [output] = request.outputs
      {:ok, %{request | outputs: [%{output | format: target}]}}
    end
  end

  # Without a side, nothing decides but the picture: it keeps its size.
  defp sized(nil, nil, opts) do
    with {:ok, request} <- new(1, 1, opts) do
      [output] = request.outputs
      {:ok, %{request | outputs: [%{output | width: nil, height: nil}]}}
    end
  end

  defp sized(width, height, opts), do: new(width, height, opts)

  @doc """
  One thumbnail for each size, which can have options of its own, and one placeholder for each kind.
  """
  @spec new(term, term) :: {:ok, t} | {:error, Error.t()}
  def new(sizes, opts) do
    with {:ok, opts} <- Options.call(opts),
         {:ok, sizes} <- sizes(sizes),
         {common, call} = Options.split_output(opts),
         {:ok, outputs} <- outputs(sizes, common) do
      {:ok, build(call, outputs)}
    end
  end

  defp build(call, outputs) do
    call = Map.merge(call, %{outputs: outputs, trim: threshold(call.trim)})
    struct!(__MODULE__, call)
  end

  # sharp's and libvips'.
  @trim_threshold 10.0

  defp threshold(false), do: nil
  defp threshold(true), do: @trim_threshold
  defp threshold(threshold), do: threshold + 0.0

  @doc "The map that the NIF takes, on the node where it is called."
  @spec native(t) :: map
  def native(%__MODULE__{} = request) do
    timeout = if request.timeout == :infinity, do: nil, else: request.timeout

    request
    |> Map.from_struct()
    |> Map.merge(Options.node())
    |> Map.merge(%{
      timeout: timeout,
      started: System.monotonic_time(:millisecond),
      schedulers: System.schedulers_online()
    })
  end

  defp sizes([_ | _] = sizes) do
    if List.improper?(sizes), do: wrong_sizes(sizes), else: {:ok, sizes}
  end

  defp sizes(sizes), do: wrong_sizes(sizes)

  defp wrong_sizes(sizes) do
    expected = "a list of {width, height}, {width, height, options} or {:placeholder, kind}"
    Options.invalid(:sizes, sizes, expected)
  end

  defp outputs(sizes, common) do
    result =
      Enum.reduce_while(sizes, [], fn size, outputs ->
        case output(size, common) do
          {:ok, output} -> {:cont, [output | outputs]}
          error -> {:halt, error}
        end
      end)

    with outputs when is_list(outputs) <- result, do: {:ok, Enum.reverse(outputs)}
  end

  defp output({:placeholder, kind}, _common),
    do: with({:ok, kind} <- Placeholder.check(kind), do: {:ok, %{placeholder: kind}})

  defp output({width, height}, common), do: output({width, height, []}, common)

  defp output({width, height, opts}, common) do
    with {:ok, width} <- side(:width, width),
         {:ok, height} <- side(:height, height),
         :ok <- one_of(width, height),
         {:ok, output} <- Options.output(opts, common),
         {dpr, output} = Map.pop!(output, :dpr),
         {:ok, width} <- times(:width, width, dpr),
         {:ok, height} <- times(:height, height, dpr),
         do: {:ok, output |> Map.merge(%{width: width, height: height}) |> same()}
  end

  defp output(size, _common), do: wrong_sizes(size)

  # What means the same is the same.
  defp same(output) do
    %{
      output
      | fit: if(output.fit == :inside, do: :contain, else: output.fit),
        position: Position.point(output.position),
        background: rgba(output.background),
        metadata: metadata(output.metadata)
    }
  end

  # A list of parts is a set.
  defp metadata(:strip), do: []
  defp metadata(:keep), do: [:exif, :gps, :icc, :iptc, :xmp]
  defp metadata(parts), do: parts |> Enum.sort() |> Enum.dedup()

  defp rgba(nil), do: nil
  defp rgba(color), do: with({:ok, rgba} <- Color.parse(color), do: rgba)

  defp times(_key, nil, _dpr), do: {:ok, nil}
  defp times(key, side, dpr), do: side(key, max(round(side * dpr), 1))

  @max_side 0xFFFF_FFFF

  defp side(_key, nil), do: {:ok, nil}
  defp side(_key, side) when is_integer(side) and side in 1..@max_side, do: {:ok, side}

  defp side(key, side) when is_float(side) and side >= 1 and side <= @max_side do
    if trunc(side) == side, do: {:ok, trunc(side)}, else: wrong_side(key, side)
  end

  defp side(key, side), do: wrong_side(key, side)

  defp wrong_side(key, side),
    do: Options.invalid(key, side, "a whole number of pixels from 1 to #{@max_side}, or nil")

  defp one_of(nil, nil), do: Options.invalid(:width, nil, "a width or a height")
  defp one_of(_width, _height), do: :ok
end
