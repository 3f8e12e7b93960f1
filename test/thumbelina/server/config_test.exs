defmodule Thumbelina.Server.ConfigTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Error
  alias Thumbelina.Server.Config

  test "fills in the defaults" do
    assert {:ok, %Config{} = config} = Config.new([])
    assert config.keys == nil and config.sizes == nil and config.root == nil
    assert config.max_concurrency == 4 * System.schedulers_online()
    assert config.live == nil

    assert {:ok, ^config, listener} = Config.server([])
    assert {listener.ip, listener.port, listener.tls} == {{127, 0, 0, 1}, 4000, nil}
  end

  test "takes what it documents" do
    assert {:ok, config} =
             Config.new(
               root: "test/fixtures",
               keys: ["former secret", "new"],
               sizes: ["300x200", "64", "10x", "x20", {3, 4}, {nil, 5}],
               qualities: [50, 80],
               format: :auto,
               formats: [:jpeg],
               max_pixels: 5
             )

    assert config.root == Path.expand("test/fixtures")
    assert config.keys.() == ["former secret", "new"]
    refute :io_lib.format("~p", [config]) |> to_string() =~ "former secret"
    assert config.sizes == [{300, 200}, {64, 64}, {10, nil}, {nil, 20}, {3, 4}, {nil, 5}]

    for {ip, address} <- [
          {"0.0.0.0", {0, 0, 0, 0}},
          {"::1", {0, 0, 0, 0, 0, 0, 0, 1}},
          {{10, 0, 0, 1}, {10, 0, 0, 1}}
        ] do
      assert {:ok, _, %{ip: ^address}} = Config.server(ip: ip)
    end
  end

  test "refuses everything else" do
    for {key, values} <- [
          root: ["no/such/folder", "mix.exs", "test\0", ~c"test", 1],
          keys: [[""], "secret", [:secret], ["a" | "b"], nil],
          sizes: [[], ["0x1"], ["1x0"], ["x"], [""], [{nil, nil}], [{0, 1}], ["1X1"], "1x1", [1]],
          qualities: [[], [0], [101], ["80"], 80],
          quality: [0, 101, "80", nil],
          format: [:dds, "jpeg"],
          avif: [nil, 1],
          page: [1, "true"],
          max_age: [-1, 1.5],
          formats: [[:nix], :some],
          max_body_bytes: [0, nil, :infinity],
          max_pixels: [0],
          timeout: [0, :infinity],
          max_concurrency: [0, 1.0],
          ip: ["localhost", "1.2.3", {1, 2, 3}, {1, 2, 3, 256}, 1],
          port: [-1, 65_536, "4000"],
          tls: [true, "cert.pem"],
          name: ["server"],
          nix: [1]
        ],
        value <- values do
      assert {:error, %Error{reason: :invalid_option, key: ^key}} = Config.server([{key, value}]),
             "#{key}: #{inspect(value)}"
    end

    assert {:error, %Error{key: :options}} = Config.new(:nix)
    # Sockets are not the handler's.
    assert {:error, %Error{key: :port}} = Config.new(port: 1)
  end

  test "without sockets, a name is needed, and what is said of sockets makes no sense" do
    assert {:ok, _, %{listen: false, name: :pictures}} =
             Config.server(listen: false, name: :pictures, body_timeout: 5, max_concurrency: 1)

    for opts <- [[], [name: nil], [name: true]] do
      assert {:error, %Error{key: :name} = error} = Config.server([listen: false] ++ opts)
      assert Exception.message(error) =~ "does not listen"
    end

    # Also where it is the default.
    for {key, value} <- [
          ip: "::1",
          port: 4000,
          tls: nil,
          max_clients: 1,
          keep_alive_timeout: 1,
          send_timeout: 1
        ] do
      assert {:error, %Error{key: ^key} = error} =
               Config.server([{key, value}, listen: false, name: :pictures])

      assert Exception.message(error) =~ "because of listen: false"
    end
  end

  test "documents every option" do
    for {key, _type} <- Config.types() do
      assert Config.docs() =~ "  * `:#{key}` ("
      flag = "--" <> String.replace("#{key}", "_", "-")

      assert Config.docs(:command_line) =~ "`#{flag}" ==
               key not in [:name, :listen, :tls, :imgproxy_presets]
    end

    assert Config.docs(:command_line) =~ "  * `--page`, `--no-page` - "
  end

  test "sizes" do
    for {text, size} <- [
          {"300x200", {300, 200}},
          {"300", {300, 300}},
          {"300x", {300, nil}},
          {"x200", {nil, 200}},
          {"0300x", {300, nil}}
        ] do
      assert Config.size(text) == {:ok, size}
    end

    for text <- [
          "",
          "x",
          "0",
          "0x1",
          "1x0",
          "-1",
          "1x2x3",
          "1.5",
          "1X2",
          " 1",
          "1\n",
          "99999999999"
        ] do
      assert Config.size(text) == :error
    end
  end
end
