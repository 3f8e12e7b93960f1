defmodule Thumbelina.Store.Config do
  @moduledoc false
  # The one schema of the options of a store's child spec: validation, documentation, types and
  # defaults come from it. They are checked once, when the store starts.

  alias Thumbelina.{Error, Options}

  @schema [
    name: [
      type: :name,
      default: Thumbelina.Store,
      doc:
        "the name of the store in the cluster, if there are several. The supervisor and an ETS " <>
          "table of each node have it too"
    ],
    max_bytes: [
      type: {:bytes, 1},
      default: 268_435_456,
      doc: "the most that the values in the store may count"
    ],
    near_bytes: [
      type: {:bytes, 0},
      default: 16_777_216,
      doc: "the most that the copies on a node that does not hold the store may count"
    ],
    near_ttl: [
      type: :milliseconds,
      default: 60_000,
      doc: "how long a copy is used"
    ],
    dir: [
      type: :directory,
      default: nil,
      doc:
        "a directory for files of the values. Without it, there are none. It is made if it does " <>
          "not exist"
    ],
    dir_bytes: [
      type: {:bytes, 1},
      default: 1_073_741_824,
      doc: "the most bytes of all files there"
    ]
  ]

  type_of = fn
    :name -> quote(do: atom)
    {:bytes, 0} -> quote(do: non_neg_integer)
    {:bytes, 1} -> quote(do: pos_integer)
    :milliseconds -> quote(do: pos_integer)
    :directory -> quote(do: Path.t() | nil)
  end

  @types for {key, spec} <- @schema, do: {key, type_of.(spec[:type])}

  @type t :: %__MODULE__{unquote_splicing(@types)}

  defstruct for {key, spec} <- @schema, do: {key, spec[:default]}

  @doc "The type of the options, for the module whose documentation has it."
  def type, do: @types

  @doc "The options as a Markdown list."
  def docs do
    for {key, spec} <- @schema, into: "" do
      # An option that has no default is described by what happens without it.
      default = if spec[:default] == nil, do: "", else: "; default `#{inspect(spec[:default])}`"
      "  * `:#{key}` (#{expected(spec[:type])}#{default}) - #{spec[:doc]}\n"
    end
  end

  @doc "Checks the options, and fills in the defaults."
  @spec new(term) :: {:ok, t} | {:error, Error.t()}
  def new(opts), do: Options.collect(opts, %__MODULE__{}, &check/2)

  defp check(key, value) do
    case Keyword.fetch(@schema, key) do
      {:ok, spec} ->
        with :error <- cast(spec[:type], value),
             do: Options.invalid(key, value, expected(spec[:type]))

      :error ->
        known = Enum.map_join(Keyword.keys(@schema), ", ", &inspect/1)
        Options.invalid(key, value, "one of the options #{known}")
    end
  end

  defp cast(:name, name) when is_atom(name) and name not in [nil, :undefined], do: {:ok, name}
  defp cast({:bytes, least}, bytes) when is_integer(bytes) and bytes >= least, do: {:ok, bytes}
  defp cast(:milliseconds, time) when is_integer(time) and time > 0, do: {:ok, time}
  defp cast(:directory, nil), do: {:ok, nil}
  defp cast(:directory, dir) when is_binary(dir) and dir != "", do: {:ok, Path.expand(dir)}
  defp cast(_type, _value), do: :error

  defp expected(:name), do: "an atom"
  defp expected({:bytes, 0}), do: "a number of bytes, or `0` for none"
  defp expected({:bytes, 1}), do: "a number of bytes"
  defp expected(:milliseconds), do: "milliseconds"
  defp expected(:directory), do: "the path of a directory, or `nil`"
end
