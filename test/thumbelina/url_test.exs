defmodule Thumbelina.URLTest do
  use ExUnit.Case, async: true
  alias Thumbelina.{Error, URL}

  doctest Thumbelina.URL

  # Made with Python's hmac.
  @vectors [
    {"/info/tom.jpg", "", "OQb0pQCxdLGyCYNZbtIbdz-Wr02Jd2ssC8M9XSqVh7c"},
    {"/thumbnail/300/tom.jpg", "fit=cover&quality=70",
     "w50FJdHLPncrLYX4AeiCDuSGnwvucYiOfQfmYvwiD48"},
    {"/thumbnail/300/for%20us/%C3%A9%2Fx~.jpg", "filename=a%20b%2B%26&fit=cover",
     "zHZcG9xgRS2xxJQupL71c0A27Qof7v4M1T8TFSclKXI"}
  ]

  defp signed?(path, query, keys) do
    {:ok, segments} = URL.segments(path)
    {:ok, pairs} = URL.pairs(query)
    URL.signed?(segments, pairs, keys)
  end

  test "signatures are those of others" do
    for {path, query, signature} <- @vectors do
      separator = if query == "", do: "?", else: "?#{query}&"
      assert URL.sign(path, query, "secret") == path <> separator <> "s=" <> signature
      assert signed?(path, query <> "&s=" <> signature, ["secret"])
      assert signed?(path, "s=" <> signature <> "&" <> query, ["other", "secret"])
      refute signed?(path, query <> "&s=" <> signature, ["other"])
      refute signed?(path, query <> "&s=" <> signature, [])
      refute signed?(path <> "x", query <> "&s=" <> signature, ["secret"])
      refute signed?(path, query <> "&x=1&s=" <> signature, ["secret"])
    end
  end

  test "it does not matter how it is encoded" do
    {_, _, signature} = List.last(@vectors)

    for {path, query} <- [
          {"/thumbnail/300/for%20us/é%2fx%7E.jpg", "fit=cover&filename=a+b%2b%26"},
          {"/%74humbnail/300/for%20us/%c3%a9%2Fx~.jpg", "fit=c%6Fver&filename=a%20b%2B%26"}
        ] do
      assert signed?(path, query <> "&s=" <> signature, ["secret"])
    end

    # This is another path.
    refute signed?(
             "/thumbnail/300/for%20us/é/x~.jpg",
             "fit=cover&filename=a+b%2B%26&s=" <> signature,
             ["secret"]
           )
  end

  test "nothing else is a signature" do
    {path, query, signature} = hd(@vectors)

    for s <- [
          "",
          "x",
          signature <> "=",
          String.upcase(signature),
          binary_part(signature, 0, 42),
          signature <> "&s=" <> signature,
          signature <> "&s="
        ] do
      refute signed?(path, query <> "&s=" <> s, ["secret"]), s
    end

    refute signed?(path, query, ["secret"])
    # A name or value cannot take over what separates them.
    assert URL.sign("/a", [{"b", "1&c=2"}], "k") != URL.sign("/a", [{"b", "1"}, {"c", "2"}], "k")
  end

  test "paths and queries that are not encoded" do
    for path <- ["", "a", "/%", "/%zz", "/a%0", "http://a"],
        do: assert(URL.segments(path) == :error)

    for query <- ["%", "a=%f", "a=%zz"], do: assert(URL.pairs(query) == :error)
    assert URL.segments("/") == {:ok, [""]}
    assert URL.segments("/a//b%2F%00%FF") == {:ok, ["a", "", "b/\0\xFF"]}
    assert URL.pairs("a&b=&=c&&d=e=f") == {:ok, [{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}]}
    assert_raise ArgumentError, fn -> URL.sign("tom.jpg", "", "secret") end
  end

  test "builds URLs" do
    for {args, url} <- [
          {["/cats//tom.jpg", 300, 300], "/thumbnail/300/cats/tom.jpg"},
          {["tom.jpg", nil, 20.0], "/thumbnail/x20/tom.jpg"},
          {["a?b#c", 1, 2, [base: "https://example.com"]],
           "https://example.com/thumbnail/1x2/a%3Fb%23c"},
          {["tom.jpg", 1, 1, [quality: 7, fit: :fill, enlarge: true]],
           "/thumbnail/1/tom.jpg?enlarge=true&fit=fill&quality=7"},
          {["tom.jpg", 1, 1, [position: :southwest]], "/thumbnail/1/tom.jpg?position=southwest"},
          {["tom.jpg", 1, 1, [position: {1, 1.0e-3}]],
           "/thumbnail/1/tom.jpg?position=1.0%2C0.001"},
          {["tom.jpg", 1, 1, [filename: "ä.jpg", expires: 1]],
           "/thumbnail/1/tom.jpg?expires=1&filename=%C3%A4.jpg"}
        ] do
      assert apply(URL, :thumbnail, args) == url
    end

    for {args, key} <- [
          {["a", nil, nil], :width},
          {["a", 0, 1], :width},
          {["a", 1, 1, [fit: :tight]], :fit},
          {["a", 1, 1, [format: :dds]], :format},
          {["a", 1, 1, [position: {2, 0}]], :position},
          {["a", 1, 1, [timeout: 1]], :timeout},
          {["a", 1, 1, [key: ""]], :key},
          {["a", 1, 1, [expires: "1"]], :expires},
          {["a", 1, 1, [filename: 1]], :filename}
        ] do
      error = catch_error(apply(URL, :thumbnail, args))
      assert %Error{reason: :invalid_option, key: ^key} = error
    end
  end
end
