defmodule Thumbelina.Server.JSON do
  @moduledoc false
  # Writes JSON. The small answers of the server are no reason for a dependency.

  @type t ::
          nil | boolean | number | atom | String.t() | [t] | %{optional(atom | String.t()) => t}

  @doc "Text that is not UTF-8 is written with replacement characters."
  @spec encode(t) :: String.t()
  def encode(term), do: term |> value() |> IO.iodata_to_binary()

  defp value(nil), do: "null"
  defp value(true), do: "true"
  defp value(false), do: "false"
  defp value(atom) when is_atom(atom), do: atom |> Atom.to_string() |> value()
  defp value(integer) when is_integer(integer), do: Integer.to_string(integer)
  defp value(float) when is_float(float), do: Float.to_string(float)
  defp value(text) when is_binary(text), do: [?", escape(text, []), ?"]
  defp value(list) when is_list(list), do: [?[, list |> Enum.map(&value/1) |> commas(), ?]]

  defp value(%{} = map) do
    fields = for {key, field} <- Enum.sort(map), do: [value(to_string(key)), ?:, value(field)]
    [?{, commas(fields), ?}]
  end

  defp commas(parts), do: Enum.intersperse(parts, ?,)

  defp escape(<<?", rest::binary>>, acc), do: escape(rest, [acc, "\\\""])
  defp escape(<<?\\, rest::binary>>, acc), do: escape(rest, [acc, "\\\\"])
  defp escape(<<?\n, rest::binary>>, acc), do: escape(rest, [acc, "\\n"])
  defp escape(<<?\r, rest::binary>>, acc), do: escape(rest, [acc, "\\r"])
  defp escape(<<?\t, rest::binary>>, acc), do: escape(rest, [acc, "\\t"])

  # Also `<`, and the two that end a line in JavaScript: the text may end up in a page.
  defp escape(<<char::utf8, rest::binary>>, acc)
       when char < 0x20 or char in [?<, 0x7F, 0x2028, 0x2029] do
    hex = char |> Integer.to_string(16) |> String.pad_leading(4, "0")
    escape(rest, [acc, "\\u", hex])
  end

  defp escape(<<char::utf8, rest::binary>>, acc), do: escape(rest, [acc, <<char::utf8>>])
  defp escape(<<_byte, rest::binary>>, acc), do: escape(rest, [acc, "\uFFFD"])
  defp escape(<<>>, acc), do: acc
end
