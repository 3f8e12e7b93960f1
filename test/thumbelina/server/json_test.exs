defmodule Thumbelina.Server.JSONTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.JSON

  test "encodes" do
    for {term, json} <- [
          {nil, "null"},
          {true, "true"},
          {false, "false"},
          {:jpeg, ~s("jpeg")},
          {0, "0"},
          {-12, "-12"},
          {1.5, "1.5"},
          {[], "[]"},
          {%{}, "{}"},
          {[1, [nil, "a"]], ~s([1,[null,"a"]])},
          {%{:b => 1, "a" => %{c: []}}, ~s({"b":1,"a":{"c":[]}})},
          {"ü €😀", ~s("ü €😀")},
          {~s(a"b\\c/), ~S("a\"b\\c/")},
          {"\0\b\t\n\r\e\x7F", ~S("\u0000\u0008\t\n\r\u001B\u007F")},
          {"</script>\u2028\u2029", ~S("\u003C/script>\u2028\u2029")},
          {<<"a", 0xFF, 0xED, 0xA0, 0x80>>, ~s("a\uFFFD\uFFFD\uFFFD\uFFFD")}
        ] do
      assert JSON.encode(term) == json
    end
  end
end
