defmodule Thumbelina.Stats do
  @moduledoc """
  What one call of `Thumbelina.measure/4` took. All times are microseconds of wall-clock time inside
  the NIF, without the time spent waiting for a scheduler.

    * `:schedulers` - the kinds of schedulers it ran on, in order: `[:normal]`, `[:dirty]`,
      `[:normal, :dirty]` and so on
    * `:slices` - how many slices ran on normal schedulers
    * `:longest_slice` - the time of the longest of them
    * `:decode` - reading the header, decoding, and shrinking while decoding
    * `:resample` - the filter, and everything else that is done to the small picture
    * `:encode` - writing the thumbnail's format
    * `:bytes_in` - the bytes of the encoded picture, as far as they had come when the last row that
      was needed was decoded
    * `:pixels_in` - the pixels of the picture
    * `:bytes_out`, `:pixels_out` - the bytes and pixels of the thumbnail
    * `:profile` - what became of the picture's ICC profile: `:none` where it has none, `:applied`
      where colors were converted as it says or are sRGB's already, `:kept` with `color: :keep`, and
      `:ignored` where it is broken, or one for other numbers than the picture's
  """

  @type t :: %__MODULE__{
          schedulers: [:normal | :dirty, ...],
          slices: non_neg_integer,
          longest_slice: non_neg_integer,
          decode: non_neg_integer,
          resample: non_neg_integer,
          encode: non_neg_integer,
          bytes_in: pos_integer,
          pixels_in: pos_integer,
          bytes_out: pos_integer,
          pixels_out: pos_integer,
          profile: :none | :applied | :kept | :ignored
        }

  @enforce_keys [:schedulers, :slices, :longest_slice, :decode, :resample, :encode] ++
                  [:bytes_in, :pixels_in, :bytes_out, :pixels_out, :profile]
  defstruct @enforce_keys
end
