Code.require_file("../support/json.ex", __DIR__)

defmodule Thumbelina.JSONTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{JSON, Reductions, Server, TestJSON}

  test "reads what RFC 8259 allows" do
    for {text, term} <- [
          {"null", nil},
          {"true", true},
          {" \t\n\rfalse\r\n\t ", false},
          {"0", 0},
          {"-0", 0},
          {"-12", -12},
          {"12345678901234567890", 12_345_678_901_234_567_890},
          {"1.5", 1.5},
          {"-0.0", -0.0},
          {"1e2", 100.0},
          {"1E+2", 100.0},
          {"2.5e-1", 0.25},
          {"1e-400", 0.0},
          {~s(""), ""},
          {~S("a\"b\\c\/d\b\f\n\r\t"), "a\"b\\c/d\b\f\n\r\t"},
          {~S("\u0041\u00fc\u20AC\ud83d\ude00\u0000"), "Aü€😀\0"},
          {~s("ü€😀\x7F"), "ü€😀\x7F"},
          {"[]", []},
          {"[ ]", []},
          {"[1, [null, \"a\"] ,true]", [1, [nil, "a"], true]},
          {"{}", %{}},
          {~s({ "b" : 1 , "a" : {"c": []} }), %{"b" => 1, "a" => %{"c" => []}}}
        ] do
      assert {text, JSON.decode(text)} == {text, {:ok, term}}
    end
  end

  test "reads nothing else" do
    for text <-
          ["", " ", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "undefined", "'a'"] ++
            ["01", "-", "+1", ".5", "1.", "1.e2", "1e", "0x10", "1_000", "--1", "1 2", "-01"] ++
            ["1e400", "-1e400", "[1,]", "[,1]", "[1 2]", "[1", "[", "]", "[1}", "1,", "[]]"] ++
            ["{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}"] ++
            [~s({"a":1,"a":1}), ~S({"a":1,"\u0061":2}), "// no\n1", "1 # no", "\uFEFF1"] ++
            ["\"", "\"a", "\"\n\"", "\"\0\"", "\"\x1F\"", ~S("\x41"), ~S("\u12"), ~S("\u00g0")] ++
            [~S("\ud83d"), ~S("\ude00"), ~S("\ud83d\u0041"), ~S("\ud83dx"), "\"\\"] ++
            [<<?", 0xFF, ?">>, <<?", 0xED, 0xA0, 0x80, ?">>, <<?", 0xC0, 0x80, ?">>] ++
            [<<0xFF>>, <<"[1", 0>>, "\f1", "\v1", <<0xC2, 0xA0, ?1>>, "/", "[1]x"] do
      assert {:error, message} = JSON.decode(text), inspect(text)
      assert String.valid?(message)
    end
  end

  test "says where it is wrong" do
    assert JSON.decode("[1, x]") == {:error, "wrong at byte 4"}
    assert JSON.decode("[1, ") == {:error, "cut off after 4 bytes"}
    assert JSON.decode("[1] 2") == {:error, "wrong at byte 4"}
  end

  test "is bounded in length, depth and digits" do
    nested = &(String.duplicate("[", &1) <> String.duplicate("]", &1))
    objects = &(String.duplicate(~s({"a":), &1) <> "1" <> String.duplicate("}", &1))
    assert {:ok, [_]} = JSON.decode(nested.(16))
    assert {:ok, %{}} = JSON.decode(objects.(16))
    assert JSON.decode(nested.(18)) == {:error, "deeper than 16 levels"}
    assert JSON.decode(objects.(17)) == {:error, "deeper than 16 levels"}
    assert JSON.decode(String.duplicate("[", 65_536)) == {:error, "deeper than 16 levels"}

    assert {:ok, long} = JSON.decode(~s(") <> String.duplicate("a", 65_534) <> ~s("))
    assert byte_size(long) == 65_534
    too_long = ~s(") <> String.duplicate("a", 65_535) <> ~s(")
    assert JSON.decode(too_long) == {:error, "longer than 65536 bytes"}

    assert {:ok, _} = JSON.decode(String.duplicate("9", 32))

    for count <- [33, 60_000], digit <- ["9", "0.0"] do
      number = String.slice(digit <> String.duplicate("0", count), 0, count)
      assert {:error, _} = JSON.decode(number <> "1")
    end
  end

  test "makes no atoms" do
    names = for _ <- 1..1000, do: "json_#{System.unique_integer([:positive])}_name"
    object = "{" <> Enum.map_join(names, ",", &~s("#{&1}":"#{&1}")) <> "}"
    assert {:ok, %{}} = JSON.decode(object)
    for name <- names, do: assert_raise(ArgumentError, fn -> String.to_existing_atom(name) end)
  end

  test "reads what is written here, as others read it" do
    :rand.seed(:exsss, 3)

    for _ <- 1..2_000 do
      term = term(4)
      text = Server.JSON.encode(term)
      assert JSON.decode(text) == {:ok, term}
      assert TestJSON.read(text) == term
    end
  end

  test "whatever comes is an answer, in a time that grows with its length" do
    :rand.seed(:exsss, 4)

    pieces =
      ~w([ ] { } : , " \\ \\u \\ud8 null true 0 -1 1.5 1.5e9 1e999 "a" a) ++ [" ", <<255>>, "é"]

    for _ <- 1..20_000 do
      text = Enum.map_join(1..:rand.uniform(12), fn _ -> Enum.random(pieces) end)

      case JSON.decode(text) do
        {:ok, term} -> assert {text, TestJSON.read(text)} == {text, term}
        {:error, message} -> assert is_binary(message)
      end
    end

    for unit <- ["[", "1,", "\"a\",", "\\u0041", " ", "9", "{\"a\":", "-"],
        prefix <- ["", "[", "\""] do
      {short, long} = {work(prefix, unit, 1_000), work(prefix, unit, 8_000)}
      assert long < 16 * short + 20_000, inspect({prefix, unit, short, long})
    end
  end

  defp work(prefix, unit, count) do
    text = prefix <> String.duplicate(unit, count)
    Reductions.count(fn -> JSON.decode(text) end)
  end

  defp term(0), do: Enum.random([nil, true, false, 0, -7, 1.25, 1.0e-7, "", "ü\"\\\n😀</"])

  defp term(depth) do
    case :rand.uniform(4) do
      1 -> for _ <- 1..:rand.uniform(3), do: term(depth - 1)
      2 -> for n <- 1..:rand.uniform(3), into: %{}, do: {"k#{n}\u2028", term(depth - 1)}
      _ -> term(0)
    end
  end
end
