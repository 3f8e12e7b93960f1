defmodule Thumbelina.Image do
  @moduledoc """
  An encoded picture and what its header says.

    * `:bytes` - the encoded picture
    * `:format` - what the bytes are, whatever a file name says
    * `:extension` - the usual file extension of the format, as `Path.extname/1` gives it: `".jpg"`
    * `:width`, `:height` - in pixels, as shown, that is after `:orientation`
    * `:orientation` - EXIF's, 1 to 8; 1 is upright. Every picture that Thumbelina makes is upright
  """

  alias Thumbelina.Error

  # The MIME type, as IANA has it or else as is usual, and the extensions, the usual one first.
  @formats %{
    jpeg: {"image/jpeg", ~w(.jpg .jpeg .jpe .jfif)},
    png: {"image/png", ~w(.png)},
    gif: {"image/gif", ~w(.gif)},
    webp: {"image/webp", ~w(.webp)},
    tiff: {"image/tiff", ~w(.tif .tiff)},
    bmp: {"image/bmp", ~w(.bmp .dib)},
    ico: {"image/vnd.microsoft.icon", ~w(.ico)},
    tga: {"image/x-tga", ~w(.tga)},
    dds: {"image/vnd.ms-dds", ~w(.dds)},
    pnm: {"image/x-portable-anymap", ~w(.pnm .pbm .pgm .ppm .pam)},
    qoi: {"image/qoi", ~w(.qoi)},
    hdr: {"image/vnd.radiance", ~w(.hdr)},
    openexr: {"image/x-exr", ~w(.exr)},
    farbfeld: {"image/x-farbfeld", ~w(.ff)},
    avif: {"image/avif", ~w(.avif)}
  }

  @type format ::
          :jpeg
          | :png
          | :gif
          | :webp
          | :tiff
          | :bmp
          | :ico
          | :tga
          | :dds
          | :pnm
          | :qoi
          | :hdr
          | :openexr
          | :farbfeld
          | :avif

  @type t :: %__MODULE__{
          bytes: binary,
          format: format,
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
  @spec mime(t | format) :: String.t()
  def mime(%__MODULE__{format: format}), do: mime(format)
  def mime(format) when is_map_key(@formats, format), do: elem(@formats[format], 0)

  @doc false
  def build(bytes, %{format: format} = header) do
    {_mime, [extension | _]} = Map.fetch!(@formats, format)
    struct!(__MODULE__, Map.merge(header, %{bytes: bytes, extension: extension}))
  end

  @doc false
  # The format that an extension, with its dot, stands for. Names of formats do, too.
  @spec format_of_extension(String.t()) :: {:ok, format} | :error
  def format_of_extension(extension) do
    extension = String.downcase(extension)

    Enum.find_value(@formats, :error, fn {format, {_mime, extensions}} ->
      if extension in [".#{format}" | extensions], do: {:ok, format}
    end)
  end

  @doc false
  @spec check_extension(t, Path.t()) :: :ok | {:error, Error.t()}
  def check_extension(%__MODULE__{format: format}, path) do
    case path |> Path.extname() |> format_of_extension() do
      {:ok, other} when other != format ->
        {_mime, extensions} = @formats[format]
        expected = "a file name for #{format}, which ends in #{either(extensions)}"
        {:error, %Error{reason: :invalid_option, key: :path, value: path, expected: expected}}

      _ ->
        :ok
    end
  end

  defp either([one]), do: one

  defp either(several) do
    {last, others} = List.pop_at(several, -1)
    Enum.join(others, ", ") <> " or " <> last
  end

  defimpl Inspect do
    # The bytes of a photograph on a terminal help nobody.
    def inspect(image, _opts) do
      "#Thumbelina.Image<#{image.format} #{image.width}x#{image.height}, #{byte_size(image.bytes)} bytes>"
    end
  end
end
