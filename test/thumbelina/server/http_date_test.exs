defmodule Thumbelina.Server.HTTPDateTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.HTTPDate

  test "writes one form and reads three" do
    assert HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert HTTPDate.format(0) == "Thu, 01 Jan 1970 00:00:00 GMT"

    for text <- [
          "Sun, 06 Nov 1994 08:49:37 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT",
          "Sun Nov  6 08:49:37 1994"
        ] do
      assert HTTPDate.parse(text) == {:ok, 784_111_777}
    end

    for seconds <- [1, 951_782_400, 1_709_164_799, 4_102_444_800] do
      assert seconds |> HTTPDate.format() |> HTTPDate.parse() == {:ok, seconds}
    end
  end

  test "the year of two digits is at most fifty years ahead" do
    now = Date.utc_today().year
    two = fn year -> year |> rem(100) |> Integer.to_string() |> String.pad_leading(2, "0") end

    for {written, read} <- [{now + 50, now + 50}, {now + 51, now - 49}, {now - 1, now - 1}] do
      {:ok, seconds} = HTTPDate.parse("Sunday, 06-Nov-#{two.(written)} 08:49:37 GMT")
      assert DateTime.from_unix!(seconds).year == read
    end
  end

  test "refuses the rest" do
    for text <- [
          "",
          "now",
          "Sun, 06 Nov 1994 08:49:37",
          "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nix 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 25:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT\n",
          "784111777"
        ] do
      assert HTTPDate.parse(text) == :error, text
    end
  end
end
