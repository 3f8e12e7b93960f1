defmodule Thumbelina.Server.Imgproxy.Value do
  @moduledoc false
  # The arguments of options, which are text in a URL: numbers, booleans, encoded text.

  # No number in a URL needs more. Longer ones are refused before they are read, because the time
  # to read digits is not linear.
  @most_digits 20

  @doc "A whole number in a range."
  @spec integer(String.t(), Range.t()) :: {:ok, integer} | {:error, String.t()}
  def integer(text, first..last//_) when byte_size(text) <= @most_digits do
    case Integer.parse(text) do
      {number, ""} when number >= first and number <= last -> {:ok, number}
      _ -> wrong(text, "a whole number from #{first} to #{last}")
    end
  end

  def integer(text, first..last//_), do: wrong(text, "a whole number from #{first} to #{last}")

  @doc "A number that is not negative. Neither an exponent nor infinity is one."
  @spec number(String.t()) :: {:ok, float} | {:error, String.t()}
  def number(text) when byte_size(text) <= @most_digits do
    case Regex.run(~r/\A(\d*)(?:\.(\d*))?\z/, text) do
      [_, whole] when whole != "" -> {:ok, float(whole, "")}
      [_, whole, part] when whole != "" or part != "" -> {:ok, float(whole, part)}
      _ -> wrong(text, "a number")
    end
  end

  def number(text), do: wrong(text, "a number")

  @doc "A number that may be negative."
  @spec signed(String.t()) :: {:ok, float} | {:error, String.t()}
  def signed("-" <> text) do
    with {:ok, number} <- number(text), do: {:ok, -number}
  end

  def signed(text), do: number(text)

  @doc "A number in a range."
  @spec number(String.t(), number, number) :: {:ok, float} | {:error, String.t()}
  def number(text, least, most) do
    case number(text) do
      {:ok, number} when number >= least and number <= most -> {:ok, number}
      {:ok, _number} -> wrong(text, "a number from #{least} to #{most}")
      error -> error
    end
  end

  defp float(whole, part), do: String.to_float("0#{whole}.#{part}0")

  @doc "What imgproxy takes as true. Everything else is false, as it is there."
  @spec true?(String.t()) :: boolean
  def true?(text), do: text in ~w(1 t T true TRUE True)

  @doc "Base64 for URLs, with padding or without."
  @spec base64(String.t()) :: {:ok, binary} | :error
  def base64(text), do: text |> String.trim_trailing("=") |> Base.url_decode64(padding: false)

  @doc "Decodes percent signs, once. A plus is a plus, and a percent sign alone is an error."
  @spec unescape(String.t()) :: {:ok, binary} | :error
  def unescape(text) do
    if text =~ ~r/%(?![0-9A-Fa-f]{2})/, do: :error, else: {:ok, URI.decode(text)}
  end

  @doc "Whether this is UTF-8 without control characters, so that it can go into a header."
  @spec plain_text?(binary) :: boolean
  def plain_text?(text), do: String.valid?(text) and not (text =~ ~r/[\x00-\x1F\x7F]/)

  @doc "The beginning of a text from a URL, for an error message."
  @spec shown(binary) :: String.t()
  def shown(text) when byte_size(text) <= 40, do: inspect(text, binaries: :as_strings)
  def shown(text), do: shown(binary_part(text, 0, 40)) <> "..."

  defp wrong(text, expected), do: {:error, "expected #{expected}, got: #{shown(text)}"}
end
