defmodule Thumbelina.Store.Config do
  @moduledoc false
  # The options of a store's child spec, checked.

  alias Thumbelina.{Error, Options}

  @type t :: %__MODULE__{
          name: atom,
          max_bytes: pos_integer,
          near_bytes: non_neg_integer,
          near_ttl: pos_integer,
          dir: Path.t() | nil,
          dir_bytes: pos_integer
        }

  defstruct name: Thumbelina.Store,
            max_bytes: 268_435_456,
            near_bytes: 16_777_216,
            near_ttl: 60_000,
            dir: nil,
            dir_bytes: 1_073_741_824

  @keys [:name, :max_bytes, :near_bytes, :near_ttl, :dir, :dir_bytes]

  @spec new(term) :: {:ok, t} | {:error, Error.t()}
  def new(opts), do: Options.collect(opts, %__MODULE__{}, &check/2)

  defp check(:name, name) when is_atom(name) and name not in [nil, :undefined], do: {:ok, name}
  defp check(:name, name), do: Options.invalid(:name, name, "an atom")

  defp check(:near_bytes, bytes) when is_integer(bytes) and bytes >= 0, do: {:ok, bytes}

  defp check(:near_bytes, bytes),
    do: Options.invalid(:near_bytes, bytes, "a number of bytes, or 0 for none")

  defp check(key, bytes)
       when key in [:max_bytes, :dir_bytes] and is_integer(bytes) and bytes > 0,
       do: {:ok, bytes}

  defp check(key, bytes) when key in [:max_bytes, :dir_bytes],
    do: Options.invalid(key, bytes, "a number of bytes")

  defp check(:near_ttl, ttl) when is_integer(ttl) and ttl > 0, do: {:ok, ttl}
  defp check(:near_ttl, ttl), do: Options.invalid(:near_ttl, ttl, "milliseconds")

  defp check(:dir, nil), do: {:ok, nil}
  defp check(:dir, dir) when is_binary(dir) and dir != "", do: {:ok, Path.expand(dir)}
  defp check(:dir, dir), do: Options.invalid(:dir, dir, "the path of a directory, or nil")

  defp check(key, value) do
    Options.invalid(key, value, "one of the options #{Enum.map_join(@keys, ", ", &inspect/1)}")
  end
end
