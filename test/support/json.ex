defmodule Thumbelina.TestJSON do
  @moduledoc false
  # Reads JSON, for tests: the strict grammar of RFC 8259, with maps for objects. Raises for what is
  # not JSON.

  def read(text) do
    {value, ""} = text |> blank() |> value()
    value
  end

  defp blank(text), do: String.trim_leading(text)

  defp value("null" <> rest), do: {nil, blank(rest)}
  defp value("true" <> rest), do: {true, blank(rest)}
  defp value("false" <> rest), do: {false, blank(rest)}
  defp value("\"" <> rest), do: string(rest, "")
  defp value("[" <> rest), do: items(blank(rest), "]", [], &value/1)

  defp value("{" <> rest) do
    {members, rest} = items(blank(rest), "}", [], &member/1)
    # No key is there twice.
    true = length(Enum.uniq_by(members, &elem(&1, 0))) == length(members)
    {Map.new(members), rest}
  end

  defp value(text) do
    [all, fraction] = Regex.run(~r/\A-?(?:0|[1-9]\d*)((?:\.\d+)?(?:[eE][-+]?\d+)?)/, text <> " ")

    rest = text |> binary_part(byte_size(all), byte_size(text) - byte_size(all)) |> blank()
    if fraction == "", do: {String.to_integer(all), rest}, else: {String.to_float(all), rest}
  end

  defp items(text, close, [], item) do
    if String.starts_with?(text, close), do: {[], tail(text)}, else: more(text, close, [], item)
  end

  defp more(text, close, items, item) do
    case item.(text) do
      {one, "," <> rest} -> more(blank(rest), close, [one | items], item)
      {one, <<^close::binary-1, rest::binary>>} -> {Enum.reverse([one | items]), blank(rest)}
    end
  end

  defp member("\"" <> rest) do
    {key, ":" <> rest} = string(rest, "")
    {value, rest} = rest |> blank() |> value()
    {{key, value}, rest}
  end

  defp tail(<<_, rest::binary>>), do: blank(rest)

  defp string("\"" <> rest, text), do: {text, blank(rest)}

  defp string("\\u" <> <<high::4-bytes, "\\u", low::4-bytes, rest::binary>>, text)
       when high >= "D800" and high < "DC00" do
    {high, low} = {String.to_integer(high, 16) - 0xD800, String.to_integer(low, 16) - 0xDC00}
    true = low in 0..0x3FF
    string(rest, text <> <<0x10000 + high * 0x400 + low::utf8>>)
  end

  # Fails for half of a pair.
  defp string("\\u" <> <<hex::4-bytes, rest::binary>>, text),
    do: string(rest, text <> <<String.to_integer(hex, 16)::utf8>>)

  for {short, char} <- [{"n", "\n"}, {"r", "\r"}, {"t", "\t"}, {"b", "\b"}, {"f", "\f"}] do
    defp string("\\" <> unquote(short) <> rest, text), do: string(rest, text <> unquote(char))
  end

  defp string("\\" <> <<char, rest::binary>>, text) when char in [?", ?\\, ?/],
    do: string(rest, text <> <<char>>)

  defp string(<<char::utf8, rest::binary>>, text) when char >= 0x20 and char != ?\\,
    do: string(rest, text <> <<char::utf8>>)
end
