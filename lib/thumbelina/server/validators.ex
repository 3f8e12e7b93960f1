defmodule Thumbelina.Server.Validators do
  @moduledoc false
  # Whether a client already has what it asks for: `ETag`, `Last-Modified` and the headers that ask
  # for them (RFC 9110, 13).

  alias Thumbelina.Server.{HTTPDate, Request}

  # Another version may make other bytes.
  @version Mix.Project.config()[:version]

  @doc "A strong entity tag for anything that determines the bytes."
  @spec etag(term) :: String.t()
  def etag(term) do
    digest = apply(:crypto, :hash, [:sha256, :erlang.term_to_binary({@version, term})])
    ~s("#{digest |> binary_part(0, 18) |> Base.url_encode64()}")
  end

  @doc "Whether the client's copy is still good. If it sends tags, dates do not matter."
  @spec fresh?(Request.t(), String.t(), integer | :unknown) :: boolean
  def fresh?(request, etag, mtime) do
    case Request.header(request, "if-none-match") do
      nil -> not_since?(Request.header(request, "if-modified-since"), mtime)
      tags -> String.trim(tags) == "*" or etag in tags(tags)
    end
  end

  # The comparison is the weak one, which takes `W/"x"` and `"x"` for the same.
  defp tags(list),
    do: for([tag] <- Regex.scan(~r/"[\x21\x23-\x7E\x80-\xFF]*"/, list), do: tag)

  defp not_since?(nil, _mtime), do: false

  defp not_since?(text, mtime) do
    case HTTPDate.parse(text) do
      {:ok, seconds} -> is_integer(mtime) and mtime <= seconds
      :error -> false
    end
  end
end
