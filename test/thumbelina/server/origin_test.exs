defmodule Thumbelina.Server.OriginTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Error
  alias Thumbelina.Server.{Config, Files, Origin}

  test "a file is read if it is not too long" do
    root = Path.expand("test/fixtures")
    bytes = File.read!("test/fixtures/1x1.png")
    {:ok, config} = Config.new(root: root, max_file_bytes: byte_size(bytes))
    assert Files.open(root, ["1x1.png"], &Origin.read(&1, config)) == {:ok, bytes}

    assert {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in}} =
             Files.open(root, ["photo.png"], &Origin.read(&1, config))
  end

  test "a URL is opened by the rules of the server" do
    {:ok, config} = Config.new([])
    assert {:error, {403, :source_failed, _}} = Origin.open("http://127.0.0.1/a.png", config)
    assert {:error, {400, :source_failed, _}} = Origin.open("nix", config)
  end
end
