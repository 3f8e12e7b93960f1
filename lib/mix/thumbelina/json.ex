defmodule Mix.Thumbelina.JSON do
  @moduledoc false
  # Terms as JSON. Everything outside of ASCII is escaped: a pipe or a terminal of any encoding gets
  # the same bytes, and nothing in a string can end a line.

  @typedoc "A keyword list that is not empty is an object, which keeps its order."
  @type t :: String.t() | number | atom | [t] | [{atom, t}]

  @doc """
  Encodes a term.

  File names need not be UTF-8, but JSON must be: a byte that is none becomes U+FFFD.
  """
  @spec encode(t) :: iodata
  def encode(nil), do: "null"
  def encode(flag) when is_boolean(flag), do: Atom.to_string(flag)
  def encode(name) when is_atom(name), do: name |> Atom.to_string() |> encode()
  def encode(number) when is_integer(number), do: Integer.to_string(number)
  def encode(number) when is_float(number), do: Float.to_string(number)
  def encode(text) when is_binary(text), do: [?", escape(text, []), ?"]

  def encode([{key, _} | _] = object) when is_atom(key),
    do: [?{, object |> Enum.map(&member/1) |> Enum.intersperse(?,), ?}]

  def encode(list) when is_list(list),
    do: [?[, list |> Enum.map(&encode/1) |> Enum.intersperse(?,), ?]]

  defp member({key, value}),
    do: [?", key |> Atom.to_string() |> escape([]), ?", ?:, encode(value)]

  defp escape("", escaped), do: Enum.reverse(escaped)
  defp escape(<<?", rest::binary>>, escaped), do: escape(rest, [~S(\") | escaped])
  defp escape(<<?\\, rest::binary>>, escaped), do: escape(rest, [~S(\\) | escaped])

  defp escape(<<char, rest::binary>>, escaped) when char in 0x20..0x7E,
    do: escape(rest, [char | escaped])

  defp escape(<<char::utf8, rest::binary>>, escaped), do: escape(rest, [units(char) | escaped])
  defp escape(<<_, rest::binary>>, escaped), do: escape(rest, [unit(0xFFFD) | escaped])

  defp units(char) when char <= 0xFFFF, do: unit(char)

  # A surrogate pair.
  defp units(char) do
    above = char - 0x10000
    [unit(0xD800 + div(above, 0x400)), unit(0xDC00 + rem(above, 0x400))]
  end

  defp unit(number),
    do: ["\\u", number |> Integer.to_string(16) |> String.pad_leading(4, "0")]
end
