defmodule Thumbelina.Server.Imgproxy.SourceTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Format
  alias Thumbelina.Server.Imgproxy

  @url "http://example.com/images/curiosity.jpg"
  @encoded "aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn"

  defp source(path) do
    with {:ok, asked} <- Imgproxy.parse("/_/" <> path, %{}), do: {asked.source, asked.format}
  end

  test "plain sources" do
    for {path, source} <- %{
          "plain/#{@url}" => {{:url, @url}, nil},
          "plain/#{@url}@png" => {{:url, @url}, :png},
          "plain/#{@url}@" => {{:url, @url}, nil},
          "plain/#{@url}@jpg" => {{:url, @url}, :jpeg},
          "plain/http%3A%2F%2Fimages.dev%2Florem%2Fipsum.jpg%3Fparam=value@png" =>
            {{:url, "http://images.dev/lorem/ipsum.jpg?param=value"}, :png},
          # Decoded once, and encoded again as far as a URL needs it.
          "plain/https://a.dev/x%2520y%20z%40.jpg@webp" =>
            {{:url, "https://a.dev/x%20y%20z@.jpg"}, :webp},
          "plain/https://a.dev/%C3%BC+1.jpg" => {{:url, "https://a.dev/%C3%BC+1.jpg"}, nil},
          "plain/local:///logos/imgproxy.png@jpg" => {{:path, "logos/imgproxy.png"}, :jpeg},
          "plain/logos/a%20b.png" => {{:path, "logos/a b.png"}, nil},
          "plain//logos/a.png%3Fv=1" => {{:path, "logos/a.png"}, nil},
          "plain/a:b.png" => {{:path, "a:b.png"}, nil}
        },
        do: assert(source(path) == source)
  end

  test "sources in Base64" do
    long = Base.url_encode64("local:///x/" <> String.duplicate("ü", 40) <> ".png")

    for {path, source} <- %{
          @encoded => {{:url, @url}, nil},
          (@encoded <> ".png") => {{:url, @url}, :png},
          (@encoded <> ".") => {{:url, @url}, nil},
          String.replace(@encoded, "/", "") => {{:url, @url}, nil},
          (Base.url_encode64("logos/a.png") <> ".avif") => {{:path, "logos/a.png"}, :avif},
          long => {{:path, "x/" <> String.duplicate("ü", 40) <> ".png"}, nil}
        },
        do: assert(source(path) == source)
  end

  test "sources with every format, and without those that are not written" do
    for format <- Format.writable(),
        do: assert({_, ^format} = source("plain/a.dds@#{format}"))

    for {extension, text} <- %{
          "best" => "the format best is not supported",
          "jxl" => "the format jxl is not supported",
          "dds" => "the format dds is not supported",
          "exe" => "unknown format \"exe\""
        } do
      assert source("plain/a.png@#{extension}") == {:error, {400, "extension: #{text}"}}
      assert source("f:#{extension}/plain/a.png") == {:error, {400, "f: #{text}"}}
    end
  end

  test "sources as proxies change them" do
    for {path, same} <- %{
          "rs%3Afill%3A3%3A4/plain/#{@url}" => "rs:fill:3:4/plain/#{@url}",
          "plain/http:/example.com/images/curiosity.jpg" => "plain/#{@url}",
          "w:3/plain/https:/a.dev/b:/c" => "w:3/plain/https://a.dev/b:/c",
          "plain/local:/logos/a.png" => "plain/local:///logos/a.png",
          "w:3/plain/#{@url}?v=1" => "w:3/plain/#{@url}"
        } do
      assert {:ok, asked} = Imgproxy.parse("/_/" <> same, %{})
      assert Imgproxy.parse("/_/" <> path, %{}) == {:ok, asked}

      # The signature is that of the path before.
      pair = {"key", "salt"}
      [_, signature | _] = same |> Imgproxy.sign(pair) |> String.split("/")
      assert Imgproxy.parse("/#{signature}/#{path}", %{imgproxy_keys: [pair]}) == {:ok, asked}
    end
  end

  test "wrong sources" do
    for {path, message} <- %{
          "" => "expected a path of a signature, options and a source",
          "w:1" => "the URL has no source",
          "plain" => "the source is not correctly in Base64 for URLs",
          "plain/" => "the URL has no source",
          "plain/@png" => "the URL has no source",
          "plain/local:///" => "the URL has no source",
          ".png" => "the URL has no source",
          "plain/a.png@png@jpg" => "the source is followed by several extensions",
          "YS5wbmc.png.jpg" => "the source is followed by several extensions",
          "plain/a%2" => "the source is not correctly percent-encoded",
          "plain/a%zz" => "the source is not correctly percent-encoded",
          "plain/a%00.png" => "the source is not UTF-8, or has control characters in it",
          "plain/a%0D%0A.png" => "the source is not UTF-8, or has control characters in it",
          "plain/a%FF.png" => "the source is not UTF-8, or has control characters in it",
          Base.url_encode64("a\0.png") =>
            "the source is not UTF-8, or has control characters in it",
          Base.url_encode64(<<255, 254>>) =>
            "the source is not UTF-8, or has control characters in it",
          "a" => "the source is not correctly in Base64 for URLs",
          "YS5w+bmc" => "the source is not correctly in Base64 for URLs",
          "YS5%3D" => "the source is not correctly in Base64 for URLs",
          "plain/../secret" => "the source leads out of its folder",
          "plain/a/%2E%2E/%2e./secret" => "the source leads out of its folder",
          "plain/local:///a/../../secret" => "the source leads out of its folder",
          Base.url_encode64("/../secret") => "the source leads out of its folder",
          "plain/s3://bucket/a.png" => "sources of \"s3\" are not supported",
          "plain/file:///etc/passwd" => "sources of \"file\" are not supported",
          "plain/data:image/png;base64,AAAA" => "sources of \"data\" are not supported",
          "plain/https://" => "the source URL has no host",
          "plain/https:///a.png" => "the source URL has no host",
          "plain/https://a.dev/%25zz" => "the source URL is not a correct URL",
          "enc/AAAA/BBBB" => "encrypted source URLs are not supported",
          "w:1/-/h:1/plain/a.png" => "chained pipelines are not supported",
          "fill/300/400/sm/0/plain/a.png" =>
            "the basic URL format of old imgproxies is not supported"
        },
        do: assert(source(path) == {:error, {400, message}})

    for path <- ["", "/", "//", "/_", "/_/", "//w:1/plain/a.png"],
        do: assert({:error, {400, _}} = Imgproxy.parse(path, %{}))
  end
end
