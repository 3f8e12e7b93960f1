defmodule Thumbelina.Info do
  @moduledoc """
  What a picture's file says of it, as `Thumbelina.info/2` tells it.

    * `:format` - the format of the bytes
    * `:width`, `:height` - the size in pixels as shown, that is after applying `:orientation`
    * `:orientation` - the EXIF orientation, 1 to 8; 1 is upright
    * `:frames` - how many pictures the file has: frames of a GIF, a WebP or an APNG, pages of a
      TIFF (up to 65,535), pictures of an icon. 1 for other formats. Thumbnails are made of the
      first, or of the largest picture of an icon
    * `:color_space` - `:gray`, `:rgb`, `:cmyk` or `:lab`: what the pixels are once decoded. A
      palette is `:rgb`
    * `:alpha` - whether pixels can be transparent
    * `:depth` - the kind and the bits of a decoded sample: `{:u, 8}`, `{:u, 16}` or `{:f, 32}`, for
      unsigned integers and floats, as Nx names them. Fewer than 8 bits count as 8
    * `:profile` - the name of the color profile (its `desc` tag), or of the color space that
      another part of the file names, such as `"BT.2100 PQ"` or `"Adobe RGB (1998)"`. `nil` where
      there is none: then it is sRGB
    * `:exif` - the fields that the EXIF standard names, by these names: `"Make"`,
      `"DateTimeOriginal"`, `"GPSLatitude"`. Empty where there is no EXIF. See `t:exif/0`
    * `:icc`, `:xmp`, `:iptc` - the color profile, the XMP packet and the IPTC-IIM records as they
      lie in the file, or `nil`

  ## EXIF

  It is read by the crate `kamadak-exif`. Left out are the embedded thumbnail, the notes of the
  camera's maker, private tags, where data lies in the file, and values of more than 16 KiB, or more
  than 64 KiB of them. What cannot be read is left out too: EXIF that is broken is no error.

  Texts are UTF-8, or taken for Latin-1, without the spaces and nulls that pad them. Two texts in a
  field, as `"Copyright"` has them for photographer and editor, are a list. Integers and rationals
  are numbers, and lists of them if a field has several: `"GPSLatitude"` is a list of degrees,
  minutes and seconds. A rational that is divided by zero is `nil`: it is unknown, or infinite.
  Values whose type is undefined are texts for versions and comments, integers if they have one
  byte, and binaries otherwise.
  """

  alias Thumbelina.Format

  @typedoc "EXIF by names. Numbers are integers or floats."
  @type exif :: %{optional(String.t()) => exif_value}

  @typedoc "A value of EXIF."
  @type exif_value :: binary | number | nil | [String.t() | number | nil]

  @type t :: %__MODULE__{
          format: Format.t(),
          width: pos_integer,
          height: pos_integer,
          orientation: 1..8,
          frames: pos_integer,
          color_space: :gray | :rgb | :cmyk | :lab,
          alpha: boolean,
          depth: {:u, 8} | {:u, 16} | {:f, 32},
          profile: String.t() | nil,
          exif: exif,
          icc: binary | nil,
          xmp: binary | nil,
          iptc: binary | nil
        }

  @enforce_keys [
    :format,
    :width,
    :height,
    :orientation,
    :frames,
    :color_space,
    :alpha,
    :depth,
    :profile,
    :exif,
    :icc,
    :xmp,
    :iptc
  ]
  defstruct @enforce_keys

  @doc false
  def build(details), do: struct!(__MODULE__, details)
end
