defmodule Thumbelina.Plan do
  @moduledoc """
  What `Thumbelina.thumbnail/4` or `Thumbelina.edit/2` would do, as told by `Thumbelina.explain/4`
  or `explain/2`.

    * `:width`, `:height` - the thumbnail's size in pixels
    * `:format` - the thumbnail's format
    * `:crop` - `{x, y, width, height}`: the part of the picture that `fit: :cover` keeps, as
      floats, in pixels of the picture as shown, from its upper left corner. It can begin and end
      between pixels. Where pixels are only copied it begins with a whole one, unless the middle of
      an odd number was asked for. `nil` where nothing is cut off, and where the picture decides,
      with `position: :attention` or `:entropy`
    * `:decode_scale` - `{x, y}`: how many source pixels become one while the picture is decoded,
      horizontally and vertically, by JPEG's inverse transform, by averaging, or by both. Above
      `{1, 1}`, the filter still gets at least 1.7 times the thumbnail's size
    * `:steps` - of an edit, the steps in their order: a map of its `:step`, the `:width` and
      `:height` of what it makes, and `:at`: `:decoding` for what is done together with decoding,
      `:resized` for what is done to a picture that is resized already, and `:full_size` for what
      needs the picture in its own size, as far as it was not cropped before
    * `:encodes` - how often the pixels are encoded at most: 1, or up to 6 for a format with a
      quality that is lowered to `:max_bytes`
    * `:cost` - the estimated microseconds of one core, with one encode; `:costs` has them by stage
    * `:scheduler` - `:normal` for slices on a normal scheduler, `:dirty` for a dirty CPU scheduler.
      Work that starts on a normal scheduler leaves it for steps that cannot be cut
    * `:reason` - why this scheduler: `:within_yield_limit`, `:above_yield_limit`, `:shared`
      (several cores decode the picture faster than one) or `:asked` (the option `:scheduler`)
  """

  @type t :: %__MODULE__{
          width: pos_integer,
          height: pos_integer,
          format: Thumbelina.Format.t(),
          crop: {float, float, float, float} | nil,
          decode_scale: {pos_integer, pos_integer},
          steps: [
            %{
              step: atom,
              width: pos_integer,
              height: pos_integer,
              at: :decoding | :resized | :full_size
            }
          ],
          encodes: 1..6,
          cost: non_neg_integer,
          costs: %{decode: non_neg_integer, resample: non_neg_integer, encode: non_neg_integer},
          scheduler: :normal | :dirty,
          reason: :within_yield_limit | :above_yield_limit | :shared | :asked
        }

  @enforce_keys [
    :width,
    :height,
    :format,
    :crop,
    :decode_scale,
    :steps,
    :encodes,
    :cost,
    :costs,
    :scheduler,
    :reason
  ]
  defstruct @enforce_keys

  @doc false
  def build(%{outputs: [output]} = plan, asked) do
    {costs, plan} = Map.split(plan, [:decode, :resample, :encode])
    cost = costs |> Map.values() |> Enum.sum()
    own = %{costs: costs, cost: cost, encodes: encodes(output.format, asked.max_bytes)}
    struct!(__MODULE__, plan |> Map.delete(:outputs) |> Map.merge(output) |> Map.merge(own))
  end

  # The core's `MAX_ENCODES`.
  @most 6

  defp encodes(format, most) when format in [:jpeg, :avif] and most != nil, do: @most
  defp encodes(_format, _most), do: 1
end
