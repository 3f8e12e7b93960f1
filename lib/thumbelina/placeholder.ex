defmodule Thumbelina.Placeholder do
  @moduledoc false
  # The kinds of placeholders, and their values of what the native side makes of a picture.

  alias Thumbelina.{Error, Format, Options}

  @kinds [:thumbhash, :blurhash, :lqip, :color, :palette]

  @type_of_kind @kinds |> Enum.reverse() |> Enum.reduce(&{:|, [], [&1, &2]})

  @type kind :: unquote(@type_of_kind)
  @type value :: binary | [String.t()]

  @doc "The type of a kind, for the module whose documentation has it."
  def type, do: @type_of_kind

  @spec check(term) :: {:ok, kind} | {:error, Error.t()}
  def check(kind) when kind in @kinds, do: {:ok, kind}

  def check(other),
    do: Options.invalid(:placeholder, other, "one of #{Enum.map_join(@kinds, ", ", &inspect/1)}")

  # `:dhash` is no placeholder, but made like one.
  @spec value(kind | :dhash, binary) :: value
  def value(:dhash, hash), do: hash
  def value(kind, hash) when kind in [:thumbhash, :blurhash], do: hash
  def value(:lqip, picture), do: "data:#{Format.mime(:webp)};base64," <> Base.encode64(picture)
  def value(:color, color), do: hex(color)
  def value(:palette, colors), do: for(<<color::3-bytes <- colors>>, do: hex(color))

  defp hex(color), do: "#" <> Base.encode16(color, case: :lower)
end
