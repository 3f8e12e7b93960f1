defmodule Thumbelina.Server.Metadata do
  @moduledoc false
  # Which metadata a URL may ask for: where a picture was made, and with whose camera, is nobody's
  # business unless the server says so.

  alias Thumbelina.Server.Config

  @parts [:copyright, :exif, :gps, :icc, :iptc, :xmp]

  @doc "Whether the option allows all of it."
  @spec allowed?(nil | :strip | :keep | [atom], Config.t()) :: boolean
  def allowed?(asked, config), do: parts(asked) -- parts(config.metadata) == []

  @doc "What is answered if not."
  @spec refused :: {:error, {403, atom, String.t()}}
  def refused,
    do: {:error, {403, :metadata_not_allowed, "these metadata are not given out"}}

  defp parts(nil), do: []
  defp parts(:strip), do: []
  defp parts(:keep), do: @parts
  defp parts(parts), do: Enum.uniq(parts)
end
