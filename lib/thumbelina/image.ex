defmodule Thumbelina.Image do
  @moduledoc """
  An encoded picture and what its header says.

    * `:bytes` - the encoded picture
    * `:format` - the format of the bytes, whatever a file name says
    * `:extension` - the usual file extension of the format, with its dot: `".jpg"`
    * `:width`, `:height` - the size in pixels as shown, that is after applying `:orientation`
    * `:orientation` - the EXIF orientation, 1 to 8; 1 is upright. Every picture that Thumbelina
      makes is upright, unless `autorotate: false` and `metadata:` keep what EXIF says of it
  """

  alias Thumbelina.{Error, Format, Options, Source}

  @type t :: %__MODULE__{
          bytes: binary,
          format: Format.t(),
          extension: String.t(),
          width: pos_integer,
          height: pos_integer,
          orientation: 1..8
        }

  @enforce_keys [:bytes, :format, :extension, :width, :height]
  defstruct [:bytes, :format, :extension, :width, :height, orientation: 1]

  @doc """
  The MIME type of an image or a format, for a `content-type` header.

  ## Examples

      iex> Thumbelina.Image.mime(Thumbelina.open!("test/fixtures/photo.jpg"))
      "image/jpeg"

      iex> Thumbelina.Image.mime(:webp)
      "image/webp"
  """
  @spec mime(t | Format.t()) :: String.t()
  def mime(%__MODULE__{format: format}), do: Format.mime(format)
  def mime(format), do: Format.mime(format)

  @doc """
  An image as a `data:` URI, for an `<img>` or the `url()` of a style sheet.

  It is a third longer than the bytes: fit for small pictures.

  ## Examples

      iex> dot = Thumbelina.thumbnail!({:file, "test/fixtures/photo.jpg"}, 1, 1, format: :webp)
      iex> Thumbelina.Image.to_data_uri(dot)
      "data:image/webp;base64," <> Base.encode64(dot.bytes)
  """
  @spec to_data_uri(t) :: String.t()
  def to_data_uri(%__MODULE__{bytes: bytes} = image) when is_binary(bytes),
    do: "data:" <> mime(image) <> ";base64," <> Base.encode64(bytes)

  def to_data_uri(other),
    do: raise(ArgumentError, "expected an image with its bytes, got: #{inspect(other)}")

  @doc false
  def build(bytes, %{format: format} = header) do
    [extension | _] = Format.extensions(format)
    struct!(__MODULE__, Map.merge(header, %{bytes: bytes, extension: extension}))
  end

  @doc false
  # An image whose bytes may say how it is to be turned, as they say it.
  @spec shown(value) :: value when value: term
  def shown(%__MODULE__{bytes: bytes} = image) do
    case Thumbelina.new(bytes, formats: :all, max_bytes_in: max(byte_size(bytes), 1)) do
      {:ok, shown} -> shown
      # A format that is not read.
      {:error, _} -> image
    end
  end

  def shown(other), do: other

  @doc false
  @spec check_extension(t, Path.t()) :: :ok | {:error, Error.t()}
  def check_extension(%__MODULE__{format: format}, path) do
    with {:ok, name} <- Source.path(path),
         {:ok, other} when other != format <- name |> Path.extname() |> Format.of_extension() do
      expected = "a file name for #{format}, ending in #{either(Format.extensions(format))}"
      Options.invalid(:path, path, expected)
    else
      {:error, error} -> {:error, error}
      _ -> :ok
    end
  end

  defp either([one]), do: one

  defp either(several) do
    {last, others} = List.pop_at(several, -1)
    Enum.join(others, ", ") <> " or " <> last
  end

  defimpl Inspect do
    # Nobody wants the bytes of a photograph on a terminal.
    def inspect(%{bytes: bytes} = image, _opts) when is_binary(bytes) do
      "#Thumbelina.Image<#{image.format} #{image.width}x#{image.height}, " <>
        "#{byte_size(bytes)} bytes>"
    end

    # What somebody made by hand.
    def inspect(image, opts), do: Inspect.Any.inspect(image, opts)
  end
end
