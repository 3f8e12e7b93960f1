defmodule Thumbelina.Server.Imgproxy.Source do
  @moduledoc false
  # The end of a path: where the picture is, plain or in Base64, and the format to make of it.

  alias Thumbelina.Server.Imgproxy.Value

  @type t :: {:path, Path.t()} | {:url, String.t()}

  @doc "The source and the extension of what follows the options. Without an extension it is `nil`."
  @spec parse([String.t()]) :: {:ok, t, String.t() | nil} | {:error, {400, String.t()}}
  def parse(["enc", _ | _]), do: bad("encrypted source URLs are not supported")
  def parse(["-" | _]), do: bad("chained pipelines are not supported")

  def parse(["plain", first | rest]) do
    with {:ok, encoded, extension} <- split(Enum.join([first | rest], "/"), "@"),
         {:ok, decoded} <- decoded(Value.unescape(encoded), "percent-encoded"),
         {:ok, source} <- of(decoded),
         do: {:ok, source, extension}
  end

  def parse(segments) do
    with {:ok, encoded, extension} <- split(Enum.join(segments), "."),
         {:ok, decoded} <- decoded(Value.base64(encoded), "in Base64 for URLs"),
         {:ok, source} <- of(decoded),
         do: {:ok, source, extension}
  end

  defp split(text, separator) do
    case :binary.split(text, separator, [:global]) do
      ["" | _] -> bad("the URL has no source")
      [encoded] -> {:ok, encoded, nil}
      [encoded, ""] -> {:ok, encoded, nil}
      [encoded, extension] -> {:ok, encoded, extension}
      _ -> bad("the source is followed by several extensions")
    end
  end

  defp decoded({:ok, text}, _how) do
    if Value.plain_text?(text),
      do: {:ok, text},
      else: bad("the source is not UTF-8, or has control characters in it")
  end

  defp decoded(:error, how), do: bad("the source is not correctly #{how}")

  defp of("local://" <> path), do: path(path)

  defp of(source) do
    case Regex.run(~r{\A([A-Za-z][A-Za-z0-9+.-]*)(://|:(?<=data:))}i, source) do
      [_, scheme, _] -> url(String.downcase(scheme), source)
      nil -> path(source)
    end
  end

  # A file in the folder that the server shows, so no path is absolute.
  defp path(path) do
    path = path |> before_query() |> String.trim_leading("/")

    cond do
      path == "" -> bad("the URL has no source")
      ".." in String.split(path, "/") -> bad("the source leads out of its folder")
      true -> {:ok, {:path, path}}
    end
  end

  defp before_query(path), do: path |> :binary.split("?") |> hd()

  defp url(scheme, source) when scheme in ["http", "https"] do
    cond do
      not (source =~ ~r{\A\w+://[^/?#@:]}) -> bad("the source URL has no host")
      source =~ ~r/%(?![0-9A-Fa-f]{2})/ -> bad("the source URL is not a correct URL")
      true -> {:ok, {:url, URI.encode(source, &(URI.char_unescaped?(&1) or &1 == ?%))}}
    end
  end

  defp url(scheme, _source), do: bad("sources of #{Value.shown(scheme)} are not supported")

  defp bad(message), do: {:error, {400, message}}
end
