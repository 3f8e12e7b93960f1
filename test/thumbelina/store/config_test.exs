defmodule Thumbelina.Store.ConfigTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Error
  alias Thumbelina.Store.Config

  test "fills in the defaults" do
    assert {:ok, config} = Config.new([])
    assert {config.name, config.dir} == {Thumbelina.Store, nil}
    assert {config.max_bytes, config.near_bytes} == {268_435_456, 16_777_216}
    assert {config.near_ttl, config.dir_bytes} == {60_000, 1_073_741_824}
  end

  test "takes the ends of what is allowed, and the last of several" do
    least = [max_bytes: 1, near_bytes: 0, near_ttl: 1, dir_bytes: 1]
    assert {:ok, config} = Config.new([max_bytes: 2] ++ least)
    for {key, value} <- least, do: assert(Map.fetch!(config, key) == value)
    assert {:ok, %{dir: dir}} = Config.new(dir: "thumbs")
    assert dir == Path.expand("thumbs")
    assert {:ok, %{dir: nil}} = Config.new(dir: nil)
  end

  test "says what is expected" do
    for {key, value, expected} <- [
          {:name, "store", "an atom"},
          {:near_bytes, -1, "a number of bytes, or 0 for none"},
          {:dir, ~c"dir", "the path of a directory, or nil"},
          {:near_ttl, :infinity, "milliseconds"}
        ] do
      assert {:error, %Error{key: ^key, value: ^value, expected: ^expected}} =
               Config.new([{key, value}])
    end

    assert {:error, %Error{expected: "one of the options :name, :max_bytes" <> _}} =
             Config.new(color: :red)
  end

  test "every option is documented" do
    for key <- Keyword.keys(Config.type()), do: assert(Config.docs() =~ "  * `:#{key}` (")
  end
end
