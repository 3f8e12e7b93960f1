defmodule Thumbelina.JSON do
  @moduledoc false
  # Reads JSON: the grammar of RFC 8259 and nothing else, from strangers. Texts are short and flat,
  # names of members stay strings, and no member is there twice.

  # Longer or deeper is none of what is read here.
  @max_bytes 65_536
  @max_depth 16

  # No number needs more, and the time to read digits is not linear.
  @max_digits 32

  @space [?\s, ?\t, ?\n, ?\r]

  @type t :: nil | boolean | number | String.t() | [t] | %{optional(String.t()) => t}

  @doc "The term of a text, or what is wrong with it."
  @spec decode(binary) :: {:ok, t} | {:error, String.t()}
  def decode(text) when byte_size(text) > @max_bytes,
    do: {:error, "longer than #{@max_bytes} bytes"}

  def decode(text) do
    with {:ok, term, rest} <- value(text, 0),
         {:end, ""} <- {:end, space(rest)} do
      {:ok, term}
    else
      {:end, rest} -> {:error, at(text, rest)}
      {:error, {:at, rest}} -> {:error, at(text, rest)}
      {:error, message} -> {:error, message}
    end
  end

  defp at(text, ""), do: "cut off after #{byte_size(text)} bytes"
  defp at(text, rest), do: "wrong at byte #{byte_size(text) - byte_size(rest)}"

  defp wrong(rest), do: {:error, {:at, rest}}

  defp space(<<char, rest::binary>>) when char in @space, do: space(rest)
  defp space(rest), do: rest

  defp value(_text, depth) when depth > @max_depth,
    do: {:error, "deeper than #{@max_depth} levels"}

  defp value(text, depth) do
    case space(text) do
      "null" <> rest -> {:ok, nil, rest}
      "true" <> rest -> {:ok, true, rest}
      "false" <> rest -> {:ok, false, rest}
      "\"" <> rest -> string(rest, [])
      "[" <> rest -> list(space(rest), depth + 1)
      "{" <> rest -> object(space(rest), depth + 1)
      rest -> number(rest)
    end
  end

  defp list("]" <> rest, _depth), do: {:ok, [], rest}
  defp list(text, depth), do: items(text, [], depth)

  defp items(text, items, depth) do
    with {:ok, item, rest} <- value(text, depth) do
      case space(rest) do
        "," <> rest -> items(rest, [item | items], depth)
        "]" <> rest -> {:ok, Enum.reverse([item | items]), rest}
        rest -> wrong(rest)
      end
    end
  end

  defp object("}" <> rest, _depth), do: {:ok, %{}, rest}
  defp object(text, depth), do: members(text, %{}, depth)

  defp members(text, members, depth) do
    with {:ok, name, rest} <- name(space(text)),
         false <- is_map_key(members, name) && {:error, "a member is there twice"},
         {:ok, value, rest} <- value(rest, depth) do
      members = Map.put(members, name, value)

      case space(rest) do
        "," <> rest -> members(rest, members, depth)
        "}" <> rest -> {:ok, members, rest}
        rest -> wrong(rest)
      end
    end
  end

  defp name("\"" <> rest) do
    with {:ok, name, rest} <- string(rest, []) do
      case space(rest) do
        ":" <> rest -> {:ok, name, rest}
        rest -> wrong(rest)
      end
    end
  end

  defp name(rest), do: wrong(rest)

  defp string("\"" <> rest, text), do: {:ok, IO.iodata_to_binary(text), rest}
  defp string("\\u" <> rest, text), do: unit(rest, text)

  for {short, char} <- [
        {?", "\""},
        {?\\, "\\"},
        {?/, "/"},
        {?b, "\b"},
        {?f, "\f"},
        {?n, "\n"},
        {?r, "\r"},
        {?t, "\t"}
      ] do
    defp string(<<?\\, unquote(short), rest::binary>>, text),
      do: string(rest, [text, unquote(char)])
  end

  defp string(<<char::utf8, rest::binary>>, text) when char >= 0x20 and char != ?\\,
    do: string(rest, [text, <<char::utf8>>])

  defp string(rest, _text), do: wrong(rest)

  # What is not in the Basic Multilingual Plane is a pair of surrogates. Half of one is nothing.
  defp unit(<<digits::binary-4, rest::binary>> = all, text) do
    case {hex(digits), rest} do
      {high, <<"\\u", digits::binary-4, rest::binary>>} when high in 0xD800..0xDBFF ->
        case hex(digits) do
          low when low in 0xDC00..0xDFFF ->
            char = 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00)
            string(rest, [text, <<char::utf8>>])

          _ ->
            wrong(all)
        end

      {char, rest} when char in 0..0xD7FF or char in 0xE000..0xFFFF ->
        string(rest, [text, <<char::utf8>>])

      _ ->
        wrong(all)
    end
  end

  defp unit(rest, _text), do: wrong(rest)

  defp hex(digits) do
    case Base.decode16(digits, case: :mixed) do
      {:ok, <<number::16>>} -> number
      :error -> :error
    end
  end

  @number ~r/\A(-?(?:0|[1-9]\d*))(\.\d+)?([eE][+-]?\d+)?/

  defp number(text) do
    case Regex.run(@number, binary_part(text, 0, min(byte_size(text), @max_digits + 1))) do
      nil -> wrong(text)
      [number | _] when byte_size(number) > @max_digits -> {:error, "a number is too long"}
      [number | parts] -> number(parts, after_number(text, number))
    end
  end

  defp after_number(text, number),
    do: binary_part(text, byte_size(number), byte_size(text) - byte_size(number))

  defp number([whole], rest), do: {:ok, String.to_integer(whole), rest}
  defp number([whole, ""], rest), do: number([whole], rest)
  defp number([whole, part], rest), do: float(whole <> part, rest)
  defp number([whole, "", exponent], rest), do: float(whole <> ".0" <> exponent, rest)
  defp number([whole, part, exponent], rest), do: float(whole <> part <> exponent, rest)

  defp float(text, rest) do
    {:ok, String.to_float(text), rest}
  rescue
    ArgumentError -> {:error, "a number is too large"}
  end
end
