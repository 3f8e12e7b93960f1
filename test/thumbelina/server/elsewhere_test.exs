defmodule Thumbelina.Server.ElsewhereTest do
  # Pictures of other servers, URLs of imgproxy, and results in a store, by the handler.
  use ExUnit.Case

  alias Thumbelina.Server.{Config, Handler, Imgproxy, Request}

  @photo "test/fixtures/photo.jpg"

  # A server that answers each connection with the next of these answers, and tells of requests.
  defp other(answers) do
    {:ok, socket} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}])
    {:ok, port} = :inet.port(socket)
    test = self()

    spawn_link(fn ->
      for answer <- answers do
        {:ok, connection} = :gen_tcp.accept(socket)
        {:ok, request} = :gen_tcp.recv(connection, 0)
        send(test, {:requested, request})
        :ok = :gen_tcp.send(connection, answer)
        :gen_tcp.close(connection)
      end
    end)

    port
  end

  defp ok(body, headers \\ ""),
    do: ["HTTP/1.1 200 OK\r\ncontent-length: #{byte_size(body)}\r\n", headers, "\r\n", body]

  defp config(opts) do
    {:ok, config} = Config.new([root: "test/fixtures"] ++ opts)
    config
  end

  defp from(port), do: [allow_hosts: ["127.0.0.1"], allow_ports: [port], allow_private: true]

  defp get(path, config, headers \\ []) do
    [path | query] = String.split(path, "?", parts: 2)
    query = Enum.join(query)
    Handler.handle(%Request{method: "GET", path: path, query: query, headers: headers}, config)
  end

  defp header(response, name), do: :proplists.get_value(name, response.headers, nil)

  defp thumb(bytes, width, height, opts),
    do: Thumbelina.thumbnail!(bytes, width, height, opts).bytes

  describe "a picture of another server" do
    test "is fetched, and kept as long as that says that it is the same" do
      bytes = File.read!(@photo)

      port =
        other([
          ok(bytes, "etag: \"1\"\r\n"),
          ok(bytes, "etag: \"1\"\r\n"),
          ok(bytes, "etag: \"2\"\r\n")
        ])

      config = config(from(port))

      path =
        "/thumbnail/100x80?fit=cover&url=" <>
          URI.encode_www_form("http://127.0.0.1:#{port}/a.jpg")

      response = get(path, config)
      assert response.status == 200
      assert response.body == thumb(bytes, 100, 80, fit: :cover)
      assert header(response, "content-type") == "image/jpeg"
      assert_received {:requested, "GET /a.jpg HTTP/1.1\r\n" <> _}
      etag = header(response, "etag")
      assert get(path, config, [{"if-none-match", etag}]).status == 304
      assert get(path, config, [{"if-none-match", etag}]).status == 200
    end

    test "is refused for what the other server does, or what is not allowed" do
      bytes = File.read!(@photo)

      port =
        other([
          "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
          ["HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", bytes],
          ok("no picture")
        ])

      config = config(from(port))
      get = &get("/thumbnail/100?url=" <> URI.encode_www_form(&1), &2).status
      url = "http://127.0.0.1:#{port}/a.jpg"
      assert for(_ <- 1..3, do: get.(url, config)) == [404, 502, 415]
      assert get.(url, config([])) == 403
      assert get.(url, config(allow_hosts: ["127.0.0.1"], allow_ports: [port])) == 403
      assert get.("http://localhost:#{port}/a.jpg", config) == 403
      assert get.("file:///etc/passwd", config) == 400
      assert get("/thumbnail/100", config).status == 400
      assert get("/thumbnail/100/photo.jpg?url=x", config).status == 400
    end

    test "has a limit of bytes" do
      port = other([ok(String.duplicate("x", 2000))])
      config = config(from(port) ++ [max_file_bytes: 1000])
      assert get("/thumbnail/100?url=http%3A%2F%2F127.0.0.1%3A#{port}%2F", config).status == 413
    end
  end

  describe "a URL of imgproxy" do
    @pair {"key", "salt"}

    test "is a thumbnail of a file, or of another server" do
      bytes = File.read!(@photo)
      config = config(imgproxy: true)
      response = get("/unsafe/rs:fill:50:40/q:70/plain/local:///photo.jpg@png", config)
      assert response.status == 200
      assert response.body == thumb(bytes, 50, 40, fit: :cover, format: :png)
      etag = header(response, "etag")

      again =
        get("/unsafe/rs:fill:50:40/q:70/plain/photo.jpg@png", config, [{"if-none-match", etag}])

      assert again.status == 304

      port = other([ok(bytes)])
      source = Base.url_encode64("http://127.0.0.1:#{port}/x", padding: false)
      response = get("/_/w:60/att:1/fn:cat/#{source}.jpg", config([imgproxy: true] ++ from(port)))
      assert response.status == 200
      assert response.body == thumb(bytes, 60, nil, quality: 80)
      assert "attachment; filename=\"cat.jpg\"" <> _ = header(response, "content-disposition")
    end

    test "is signed, if there are keys" do
      config = config(imgproxy: true, imgproxy_keys: [@pair], keys: ["secret"])
      path = "/w:50/plain/photo.jpg"
      assert get(Imgproxy.sign(path, @pair), config).status == 200
      assert get("/unsafe" <> path, config).status == 403
      assert get("/thumbnail/50/photo.jpg", config).status == 403
    end

    test "is answered by name, if it asks for what is not there" do
      config = config(imgproxy: true, imgproxy_presets: %{"small" => "rs:fit:20:20"})
      assert get("/_/pr:small/plain/photo.jpg", config).status == 200
      response = get("/_/pixelate:5/plain/photo.jpg", config)
      assert {response.status, response.body =~ "pixelate"} == {400, true}
      assert get("/_/exp:1000/plain/photo.jpg", config).status == 404
      assert get("/_/w:5/plain/none.jpg", config).status == 404
      assert get("/_/w:5/plain/../mix.exs", config).status in [400, 404]
      assert get("/_/w:5/plain/http%3A%2F%2F127.0.0.1%2Fx.jpg", config).status == 403

      post = %Request{method: "POST", path: "/_/w:5/plain/photo.jpg"}
      assert Handler.handle(post, config).status == 405
      assert get("/_/w:5/plain/photo.jpg", config([])).status == 404
    end

    test "is an edit, if it is more than a thumbnail" do
      bytes = File.read!(@photo)
      config = config(imgproxy: true)
      path = "/_/c:300:300:no/rs:fill:60:40/rot:90/bl:1.5/pd:4/bg:ff8000/plain/photo.jpg@png"
      response = get(path, config)

      edits = [
        rotate: 90,
        crop: {64, 0, 300, 300},
        resize: {60, 60, fit: :fill},
        crop: {0, 10, 60, 40},
        blur: 1.5,
        thumbnail: {68, 48, fit: :pad},
        background: {255, 128, 0, 255},
        format: :png
      ]

      assert response.body == Thumbelina.edit!(bytes, edits).bytes
      assert get(path, config, [{"if-none-match", header(response, "etag")}]).status == 304

      # What the URL says of the picture that it does not know, or the limits of the server.
      small = config(imgproxy: true, max_pixels: 999_999)
      assert get("/_/pd:20000/el:1/plain/photo.jpg", small).status == 413

      assert get("/_/bl:5/plain/truncated.jpg", config).status == 422
      assert get("/_/z:9999999:9999999/el:1/bl:1/plain/photo.jpg", config).status in [400, 413]
    end

    @tag :tmp_dir
    test "has the server's watermark", %{tmp_dir: folder} do
      path = "/_/rs:fill:60:40/wm:0.5:soea:2:3:0.25/plain/photo.jpg@png"
      assert get(path, config(imgproxy: true)).status == 400
      mark = Path.join(folder, "mark.png")
      File.cp!("test/fixtures/alpha.png", mark)
      opts = [imgproxy: true, imgproxy_watermark: mark]
      response = get(path, config(opts))

      size = Thumbelina.thumbnail!({:file, mark}, 15, 10, enlarge: true)

      edits = [
        resize: {60, 40},
        overlay:
          {{:file, mark},
           width: size.width,
           height: size.height,
           opacity: 0.5,
           position:
             {(58 - size.width) / (60 - size.width), (37 - size.height) / (40 - size.height)}},
        format: :png
      ]

      expected = Thumbelina.edit!({:file, @photo}, edits)
      assert {:ok, %{psnr: psnr}} = Thumbelina.compare(response.body, expected)
      assert psnr == :infinity or psnr > 40
      assert get(path, config(opts), [{"if-none-match", header(response, "etag")}]).status == 304

      # It is looked at when the server starts, and needs no format that is let in.
      File.cp!("test/fixtures/photo.png", mark)
      changed = config([formats: [:jpeg]] ++ opts)
      again = get(path, changed, [{"if-none-match", header(response, "etag")}])
      assert {again.status, again.body == response.body} == {200, false}

      for wrong <- [Path.join(folder, "none.png"), "mix.exs", 5] do
        assert {:error, %{key: :imgproxy_watermark, expected: "the path of a picture"}} =
                 Config.new(imgproxy: true, imgproxy_watermark: wrong)
      end
    end

    test "keeps the metadata that the configuration allows" do
      for {allowed, options, status} <- [
            {[:copyright, :icc], "kcr:1", 200},
            {[:copyright, :icc], "scp:0", 200},
            {[:copyright, :icc], "sm:0", 403},
            {[:copyright], "scp:0", 403},
            {:strip, "kcr:1", 403},
            {:keep, "sm:0/scp:0", 200}
          ] do
        config = config(imgproxy: true, metadata: allowed)

        assert {options, get("/_/#{options}/w:9/plain/photo.jpg", config).status} ==
                 {options, status}
      end
    end

    test "is no way around keys, sizes and qualities" do
      for opts <- [[keys: ["secret"]], [sizes: ["1x1"]], [qualities: [80]]] do
        assert {:error, %{key: :imgproxy_keys}} = Config.new([imgproxy: true] ++ opts)
        assert {:ok, _} = Config.new([imgproxy: true, imgproxy_keys: [@pair]] ++ opts)
      end
    end
  end

  test "an edit of a picture of another server" do
    bytes = File.read!(@photo)
    port = other([ok(bytes)])
    query = "edit=resize:20x&format=png&url=http%3A%2F%2F127.0.0.1%3A#{port}%2Fa"
    response = get("/edit?" <> query, config(from(port)))
    assert response.body == Thumbelina.edit!(bytes, resize: {20, nil}, format: :png).bytes
    assert header(response, "cache-control") == "public, max-age=3600"
    assert get("/edit?" <> query, config([])).status == 403
  end

  test "an overlay comes from where pictures come from" do
    mark = File.read!("test/fixtures/alpha.png")
    bytes = File.read!(@photo)
    port = other([ok(mark), ok("no picture"), ok(mark)])

    edit = fn url ->
      "edit=" <> URI.encode_www_form(~s([{"overlay": "#{url}"}])) <> "&format=png"
    end

    url = "http://127.0.0.1:#{port}/a.png"
    request = %Request{method: "POST", path: "/edit", query: edit.(url), body: bytes}
    response = Handler.handle(request, config(from(port)))
    assert response.body == Thumbelina.edit!(bytes, overlay: mark, format: :png).bytes
    assert Handler.handle(request, config(from(port))).status == 415
    assert Handler.handle(request, config(from(port) ++ [max_file_bytes: 10])).status == 413
    # Neither another host, nor a private address, nor another port.
    assert Handler.handle(request, config([])).status == 403
    assert Handler.handle(request, config(allow_hosts: ["127.0.0.1"])).status == 403

    for url <- ["http://127.0.0.1:1/a.png", "http://localhost:#{port}/a.png", "http://"] do
      request = %{request | query: edit.(url)}
      assert Handler.handle(request, config(from(port))).status in [400, 403], url
    end
  end

  test "a thumbnail is made once, if there is a store" do
    start_supervised!(Thumbelina.Store)
    config = config(imgproxy: true)
    first = get("/thumbnail/50/photo.jpg", config)
    assert {:ok, %{entries: 1, hits: hits}} = Thumbelina.Store.info()
    assert get("/thumbnail/50/photo.jpg?fit=contain", config).body == first.body
    assert {:ok, %{entries: 1} = info} = Thumbelina.Store.info()
    assert info.hits > hits
    assert get("/thumbnail/50/truncated.jpg", config).status == 422
    assert {:ok, %{entries: 1}} = Thumbelina.Store.info()

    # As are the placeholders of an info.
    info = get("/info/photo.jpg", config)
    assert {:ok, %{entries: 2, hits: hits}} = Thumbelina.Store.info()
    assert {info.status, get("/info/photo.jpg", config).body} == {200, info.body}
    assert {:ok, %{entries: 2} = store} = Thumbelina.Store.info()
    assert store.hits > hits
  end

  test "an edit is made once, by whatever URL" do
    start_supervised!(Thumbelina.Store)
    config = config(imgproxy: true)

    for {path, entries} <- [
          {"/edit/photo.jpg?edit=resize:50x%7Cblur:2", 1},
          {"/unsafe/w:50/bl:2/plain/local:///photo.jpg", 2}
        ] do
      first = get(path, config)
      assert {first.status, Thumbelina.new!(first.body).width} == {200, 50}
      assert {:ok, %{entries: ^entries, hits: hits}} = Thumbelina.Store.info()
      assert get(path, config).body == first.body
      assert {:ok, %{entries: ^entries} = info} = Thumbelina.Store.info()
      assert info.hits > hits
    end

    post = %Request{method: "POST", path: "/edit", query: "edit=resize:50x%7Cblur:2"}
    post = %{post | body: File.read!("test/fixtures/photo.jpg")}
    assert Handler.handle(post, config).status == 200
    assert {:ok, %{entries: 2}} = Thumbelina.Store.info()
  end

  test "a body in pieces goes through a store, too" do
    start_supervised!(Thumbelina.Store)
    bytes = File.read!("test/fixtures/photo.png")
    pieces = for <<piece::binary-size(1000) <- bytes <> :binary.copy(" ", 999)>>, do: piece
    request = %Request{method: "POST", path: "/thumbnail/30", body: Stream.map(pieces, & &1)}

    for entries <- [1, 1] do
      assert Handler.handle(request, config([])).status == 200
      assert {:ok, %{entries: ^entries}} = Thumbelina.Store.info()
    end
  end
end
