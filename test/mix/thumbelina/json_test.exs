Code.require_file("../../support/json.ex", __DIR__)

defmodule Mix.Thumbelina.JSONTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.JSON
  alias Thumbelina.TestJSON

  defp encode(term), do: term |> JSON.encode() |> IO.iodata_to_binary()

  test "encodes terms" do
    assert encode(nil) == "null"
    assert encode([true, false, :jpeg, "a", -7, 0.25]) == ~S([true,false,"jpeg","a",-7,0.25])
    assert encode([]) == "[]"

    assert encode(path: "a.jpg", outputs: [[width: 1], [width: 2]], none: []) ==
             ~S({"path":"a.jpg","outputs":[{"width":1},{"width":2}],"none":[]})

    assert TestJSON.read(encode([1.0e-9, 1.5e300])) == [1.0e-9, 1.5e300]
  end

  test "escapes strings" do
    assert encode(~S(a"b\c/d)) == ~S("a\"b\\c/d")
    assert encode("\0\n\t\e\d") == ~S("\u0000\u000A\u0009\u001B\u007F")
    assert encode("ü中\u2028") == ~S("\u00FC\u4E2D\u2028")
    assert encode("😀𐀀\u{10FFFF}") == ~S("\uD83D\uDE00\uD800\uDC00\uDBFF\uDFFF")
  end

  test "what is not UTF-8 becomes U+FFFD, byte by byte" do
    assert encode(<<"a", 0xFF, "b", 0xC3>>) == ~S("a\uFFFDb\uFFFD")
    # Half of a surrogate pair, and a long form of the slash.
    assert encode(<<0xED, 0xA0, 0x80>>) == ~S("\uFFFD\uFFFD\uFFFD")
    assert encode(<<0xC0, 0xAF>>) == ~S("\uFFFD\uFFFD")
    assert [key: <<0xFF>>] |> encode() |> TestJSON.read() == %{"key" => "\uFFFD"}
  end

  test "every character comes back, and every byte gives ASCII in one line" do
    for range <- [0..0xD7FF, 0xE000..0xFFFF, 0x10000..0x10FFFF//0x101] do
      text = range |> Enum.to_list() |> List.to_string()
      assert text |> encode() |> TestJSON.read() == text
    end

    bytes = for first <- 0..255, second <- 0..255, into: "", do: <<first, second>>
    assert encode(bytes) =~ ~r/\A[\x20-\x7E]+\z/
    assert bytes |> encode() |> TestJSON.read() |> String.valid?()
  end
end
