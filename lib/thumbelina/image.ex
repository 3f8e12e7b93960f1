defmodule Thumbelina.Image do
  @moduledoc """
  An encoded picture and what its header says.

    * `:bytes` - the encoded picture
    * `:format` - what the bytes are, whatever a file name says
    * `:extension` - the usual file extension of the format, as `Path.extname/1` gives it: `".jpg"`
    * `:width`, `:height` - in pixels, as shown, that is after `:orientation`
    * `:orientation` - EXIF's, 1 to 8; 1 is upright. Every picture that Thumbelina makes is upright
  """

  @extensions %{
    jpeg: ".jpg",
    png: ".png",
    gif: ".gif",
    webp: ".webp",
    tiff: ".tif",
    bmp: ".bmp",
    ico: ".ico",
    tga: ".tga",
    dds: ".dds",
    pnm: ".pnm",
    qoi: ".qoi",
    hdr: ".hdr",
    openexr: ".exr",
    farbfeld: ".ff",
    avif: ".avif"
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

  @doc false
  def build(bytes, %{format: format} = header) do
    struct!(
      __MODULE__,
      Map.merge(header, %{bytes: bytes, extension: Map.fetch!(@extensions, format)})
    )
  end

  @doc false
  # The format that a file name asks for: for the command line, which has nothing else to go by.
  def format_of_extension(extension) do
    aliases = %{
      ".jpeg" => :jpeg,
      ".tiff" => :tiff,
      ".ppm" => :pnm,
      ".pgm" => :pnm,
      ".pam" => :pnm
    }

    known = Map.merge(aliases, Map.new(@extensions, fn {format, known} -> {known, format} end))
    Map.fetch(known, String.downcase(extension))
  end

  defimpl Inspect do
    # The bytes of a photograph on a terminal help nobody.
    def inspect(image, _opts) do
      "#Thumbelina.Image<#{image.format} #{image.width}x#{image.height}, #{byte_size(image.bytes)} bytes>"
    end
  end
end
