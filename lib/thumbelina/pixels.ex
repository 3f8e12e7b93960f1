defmodule Thumbelina.Pixels do
  @moduledoc """
  The samples of a picture, row by row from the top, without compression.

    * `:data` - the samples, in the byte order of the machine
    * `:shape` - `{height, width, channels}`. One channel is gray, two are gray and alpha, three are
      red, green and blue, four these and alpha
    * `:type` - of a sample: `{:u, 8}`, `{:u, 16}` or `{:f, 32}`. Integers are sRGB, floats linear
      light

  This is what numerical libraries call HWC, with the names that Nx has:

      {:ok, pixels} = Thumbelina.to_pixels(image, 224, 224, fit: :fill, channels: 3)
      tensor = pixels.data |> Nx.from_binary(pixels.type) |> Nx.reshape(pixels.shape)

      {:ok, mat} =
        Evision.Mat.from_binary(pixels.data, pixels.type, pixels.shape |> elem(0), 224, 3)

  `Thumbelina.from_pixels/1` takes the same back, and `from_pixels/2` a binary with its shape.
  """

  alias Thumbelina.{Error, Options}

  @type type :: {:u, 8} | {:u, 16} | {:f, 32}

  @type t :: %__MODULE__{
          data: binary,
          shape: {height :: pos_integer, width :: pos_integer, channels :: 1..4},
          type: type
        }

  @typedoc false
  @type target :: {:pixels, 1..4 | nil, :u8 | :u16 | :f32 | nil}

  @enforce_keys [:data, :shape, :type]
  defstruct @enforce_keys

  @types %{{:u, 8} => :u8, {:u, 16} => :u16, {:f, 32} => :f32}
  @names Map.new(@types, fn {type, name} -> {name, type} end)

  @max_side 0xFFFF_FFFF

  @doc false
  # What is asked for, out of the options.
  @spec target(term) :: {:ok, target, keyword} | {:error, Error.t()}
  def target(opts) do
    if Keyword.keyword?(opts) do
      {own, opts} = Keyword.split(opts, [:channels, :type])

      with {:ok, channels} <- channels(own[:channels]),
           {:ok, type} <- type(own[:type]),
           {:ok, opts} <- no_format(opts),
           do: {:ok, {:pixels, channels, type}, opts}
    else
      Options.invalid(:options, opts, "a keyword list")
    end
  end

  defp channels(channels) when channels in [nil, 1, 2, 3, 4], do: {:ok, channels}
  defp channels(channels), do: Options.invalid(:channels, channels, "1..4")

  defp type(nil), do: {:ok, nil}

  defp type(type) do
    with :error <- Map.fetch(@types, type),
         do: Options.invalid(:type, type, "{:u, 8}, {:u, 16} or {:f, 32}")
  end

  defp no_format(opts) do
    case Keyword.fetch(opts, :format) do
      {:ok, format} -> Options.invalid(:format, format, "no format: samples have none")
      :error -> {:ok, opts}
    end
  end

  @doc false
  # Of what the NIF has made.
  @spec build(binary, {:pixels, 1..4, :u8 | :u16 | :f32}, pos_integer, pos_integer) :: t
  def build(data, {:pixels, channels, type}, width, height),
    do: %__MODULE__{
      data: data,
      shape: {height, width, channels},
      type: Map.fetch!(@names, type)
    }

  @doc false
  # Of a binary, and options that say what it is; not checked yet.
  @spec new(binary, keyword) :: {:ok, t} | {:error, Error.t()}
  def new(data, opts) do
    with true <- Keyword.keyword?(opts),
         [] <- Keyword.keys(opts) -- [:shape, :type] do
      {:ok, %__MODULE__{data: data, shape: opts[:shape], type: opts[:type] || {:u, 8}}}
    else
      false -> Options.invalid(:options, opts, "a keyword list")
      [key | _] -> Options.invalid(key, opts[key], ":shape or :type")
    end
  end

  @doc false
  @spec check(t) :: {:ok, t} | {:error, Error.t()}
  def check(%__MODULE__{data: data, shape: shape, type: type} = pixels) do
    with {:ok, _name} <- named(type),
         {:ok, samples} <- samples(shape),
         bytes = samples * bytes(type),
         :ok <- size(data, bytes),
         do: {:ok, pixels}
  end

  def check(other), do: Options.invalid(:pixels, other, "a Thumbelina.Pixels")

  defp named(nil), do: Options.invalid(:type, nil, "{:u, 8}, {:u, 16} or {:f, 32}")
  defp named(type), do: type(type)

  defp samples({height, width, channels} = shape) do
    side? = &(is_integer(&1) and &1 in 1..@max_side)

    if side?.(height) and side?.(width) and channels in [1, 2, 3, 4],
      do: {:ok, height * width * channels},
      else: wrong_shape(shape)
  end

  defp samples(shape), do: wrong_shape(shape)

  defp wrong_shape(shape),
    do: Options.invalid(:shape, shape, "{height, width, channels} with 1 to 4 channels")

  defp size(data, bytes) when is_binary(data) and byte_size(data) == bytes, do: :ok
  defp size(data, bytes) when is_binary(data), do: wrong_size(byte_size(data), bytes)
  defp size(data, _bytes), do: Options.invalid(:data, data, "a binary")

  defp wrong_size(size, bytes),
    do: Options.invalid(:data, size, "a binary of #{bytes} bytes, as the shape and the type say")

  defp bytes({_kind, bits}), do: div(bits, 8)

  @doc false
  # A file that holds the samples as they are: bytes in a PAM, wider samples in a TIFF of the
  # machine's own byte order, in strips of about a megabyte.
  @spec file(t) :: iodata
  def file(%__MODULE__{type: {:u, 8}, shape: {height, width, channels}, data: data}) do
    kind = elem({"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"}, channels - 1)

    [
      "P7\nWIDTH #{width}\nHEIGHT #{height}\nDEPTH #{channels}\nMAXVAL 255\nTUPLTYPE #{kind}\n",
      "ENDHDR\n",
      data
    ]
  end

  def file(%__MODULE__{type: {kind, bits}, shape: {height, width, channels}, data: data}) do
    row = width * channels * div(bits, 8)
    rows = min(height, max(div(1_000_000, row), 1))
    strips = div(height + rows - 1, rows)

    lengths =
      List.duplicate(rows * row, strips - 1) ++ [byte_size(data) - (strips - 1) * rows * row]

    alpha = if rem(channels, 2) == 0, do: [{338, :short, [2]}], else: []

    # The data comes first, behind the eight bytes of the header.
    offsets = for strip <- 0..(strips - 1), do: 8 + strip * rows * row

    entries =
      [
        {256, :long, [width]},
        {257, :long, [height]},
        {258, :short, List.duplicate(bits, channels)},
        {259, :short, [1]},
        {262, :short, [if(channels > 2, do: 2, else: 1)]},
        {273, :long, offsets},
        {277, :short, [channels]},
        {278, :long, [rows]},
        {279, :long, lengths}
      ] ++ alpha ++ [{339, :short, List.duplicate(if(kind == :f, do: 3, else: 1), channels)}]

    padding = rem(byte_size(data), 2)
    at = 8 + byte_size(data) + padding
    # Values of more than four bytes stand behind the directory.
    behind = at + 2 + length(entries) * 12 + 4

    {entries, {_end, values}} =
      Enum.map_reduce(entries, {behind, []}, fn {tag, type, numbers}, {at, values} ->
        {code, bits} = if type == :short, do: {3, 16}, else: {4, 32}
        bytes = for number <- numbers, into: "", do: <<number::size(bits)-native>>

        {field, at, values} =
          if byte_size(bytes) <= 4,
            do: {bytes <> <<0::size(4 - byte_size(bytes))-unit(8)>>, at, values},
            else: {<<at::32-native>>, at + byte_size(bytes), [values, bytes]}

        {[<<tag::16-native, code::16-native, length(numbers)::32-native>>, field], {at, values}}
      end)

    order = if <<1::16-native>> == <<1, 0>>, do: "II", else: "MM"

    [
      [order, <<42::16-native, at::32-native>>, data, <<0::size(padding)-unit(8)>>],
      [<<length(entries)::16-native>>, entries, <<0::32>>, values]
    ]
  end

  defimpl Inspect do
    def inspect(%{shape: {height, width, channels}, type: {kind, bits}}, _opts),
      do: "#Thumbelina.Pixels<#{kind}#{bits}[#{height}][#{width}][#{channels}]>"

    # What somebody made by hand.
    def inspect(pixels, opts), do: Inspect.Any.inspect(pixels, opts)
  end
end
