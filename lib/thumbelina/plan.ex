defmodule Thumbelina.Plan do
  @moduledoc """
  What `Thumbelina.thumbnail/4` would do, as `Thumbelina.explain/4` tells it.

    * `:width`, `:height` - of the thumbnail, in pixels
    * `:format` - of the thumbnail
    * `:decode_scale` - `{x, y}`: this many source pixels become one while the picture is decoded,
      horizontally and vertically, by JPEG's inverse transform, by averages, or by both. Above
      `{1, 1}`, it leaves at least 1.7 times the thumbnail's size to the filter
    * `:cost` - estimated microseconds of one core; `:costs` has the same by stage
    * `:scheduler` - `:normal` for yielding slices on a normal scheduler, `:dirty` for a dirty CPU
      scheduler. A picture that starts on a normal one leaves it for pieces that cannot be cut
    * `:reason` - why that scheduler: `:within_yield_limit`, `:above_yield_limit`, `:shared` (several
      cores decode it in less time than one) or `:asked` (option `:scheduler`)
  """

  @type t :: %__MODULE__{
          width: pos_integer,
          height: pos_integer,
          format: Thumbelina.Format.t(),
          decode_scale: {pos_integer, pos_integer},
          cost: non_neg_integer,
          costs: %{decode: non_neg_integer, resample: non_neg_integer, encode: non_neg_integer},
          scheduler: :normal | :dirty,
          reason: :within_yield_limit | :above_yield_limit | :shared | :asked
        }

  @enforce_keys [:width, :height, :format, :decode_scale, :cost, :costs, :scheduler, :reason]
  defstruct @enforce_keys

  @doc false
  def build(%{outputs: [output]} = plan) do
    {costs, plan} = Map.split(plan, [:decode, :resample, :encode])
    plan = plan |> Map.delete(:outputs) |> Map.merge(output)

    struct!(
      __MODULE__,
      Map.merge(plan, %{costs: costs, cost: costs |> Map.values() |> Enum.sum()})
    )
  end
end
