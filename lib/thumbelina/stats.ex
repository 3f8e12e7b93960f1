defmodule Thumbelina.Stats do
  @moduledoc """
  What one call of `Thumbelina.measure/4` took. All times are microseconds of wall-clock time inside
  the NIF; waiting for a scheduler is not counted.

    * `:schedulers` - those it ran on, in turn: `[:normal]`, `[:dirty]`, `[:normal, :dirty]` …
    * `:slices` - how often it ran on a normal scheduler
    * `:longest_slice` - the longest of those
    * `:decode` - reading the header, decoding, and the shrink while decoding
    * `:resample` - the filter, and what is done to the small picture
    * `:encode` - writing the thumbnail's format
  """

  @type t :: %__MODULE__{
          schedulers: [:normal | :dirty, ...],
          slices: non_neg_integer,
          longest_slice: non_neg_integer,
          decode: non_neg_integer,
          resample: non_neg_integer,
          encode: non_neg_integer
        }

  @enforce_keys [:schedulers, :slices, :longest_slice, :decode, :resample, :encode]
  defstruct @enforce_keys
end
