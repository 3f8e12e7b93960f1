Code.require_file("../../support/json.ex", __DIR__)

defmodule Thumbelina.Server.HandlerTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, TestJSON, URL}
  alias Thumbelina.Server.{Config, Gate, Handler, HTTPDate, Metrics, Request}

  @fixtures Path.expand("test/fixtures")

  defp config(opts \\ []) do
    {:ok, config} = Config.new([root: @fixtures] ++ opts)
    config
  end

  defp call(config, method, url, headers \\ [], body \\ "") do
    [path | query] = String.split(url, "?", parts: 2)

    Handler.handle(
      %Request{method: method, path: path, query: Enum.join(query), headers: headers, body: body},
      config
    )
  end

  defp get(config, url, headers \\ []), do: call(config, "GET", url, headers)
  defp post(config, url, body), do: call(config, "POST", url, [], body)

  defp header(response, name), do: for({^name, value} <- response.headers, do: value)

  defp size(response) do
    image = Thumbelina.new!(response.body)
    {image.format, image.width, image.height}
  end

  defp reason(response) do
    [_, reason] = Regex.run(~r/^{"error":"(\w+)","message":"[^"]/, response.body)
    reason
  end

  defp fixture(name), do: File.read!(Path.join(@fixtures, name))

  describe "thumbnails" do
    test "of files" do
      for {url, expected} <- [
            {"/thumbnail/100x100/photo.jpg", {:jpeg, 100, 67}},
            {"/thumbnail/100/photo.jpg", {:jpeg, 100, 67}},
            {"/thumbnail/100x/photo.jpg", {:jpeg, 100, 67}},
            {"/thumbnail/x67/photo.jpg", {:jpeg, 100, 67}},
            {"/thumbnail/100x100/photo.jpg?fit=cover", {:jpeg, 100, 100}},
            {"/thumbnail/100x100/photo.jpg?fit=fill&format=webp", {:webp, 100, 100}},
            {"/thumbnail/100/photo.jpg?format=jpg&quality=5&filter=box", {:jpeg, 100, 67}},
            {"/thumbnail/700x/photo.jpg?enlarge=true&format=bmp", {:bmp, 700, 467}},
            {"/thumbnail/700x/photo.jpg?enlarge=false", {:jpeg, 640, 427}},
            {"/%74humbnail/100/%70hoto.jpg?%66it=%63over", {:jpeg, 100, 100}},
            {"/thumbnail/100/photo.jpg?", {:jpeg, 100, 67}},
            {"/thumbnail/100/photo.jpg?&&fit=cover&", {:jpeg, 100, 100}},
            {"/thumbnail/100/photo.jpg?fit=cover&position=0.25,1", {:jpeg, 100, 100}}
          ] do
        response = get(config(), url)
        assert {url, response.status} == {url, 200}
        assert size(response) == expected
        {format, _, _} = expected
        assert header(response, "content-type") == [Thumbelina.Image.mime(format)]
        assert header(response, "content-length") == ["#{byte_size(response.body)}"]
        assert header(response, "x-content-type-options") == ["nosniff"]
        assert header(response, "cache-control") == ["public, max-age=3600"]
        assert [_] = header(response, "last-modified")
        assert [~s(") <> _] = header(response, "etag")
        assert header(response, "vary") == []
      end
    end

    test "show the part that is asked for" do
      for {text, position} <- [
            {"northeast", :northeast},
            {"center", :center},
            {"0.3,0.7", {0.3, 0.7}},
            {"0%2C1.0", {0, 1}}
          ] do
        {:ok, image} =
          Thumbelina.thumbnail(fixture("photo.png"), 50, 90, fit: :cover, position: position)

        url = "/thumbnail/50x90/photo.png?fit=cover&position=" <> text
        assert get(config(), url).body == image.bytes
        url = "/thumbnail/50x90?fit=cover&position=" <> text
        assert post(config(), url, fixture("photo.png")).body == image.bytes

        opts = [fit: :cover, position: position, key: "secret"]
        url = URL.thumbnail("photo.png", 50, 90, opts)
        assert get(config(keys: ["secret"]), url).body == image.bytes
      end

      response = get(config(), "/thumbnail/9/photo.jpg?position=0.3")
      assert response.status == 400
      assert response.body =~ "wrong position: 0.3; expected center, north,"
      assert response.body =~ "northwest, attention, entropy, or a point such as 0.3,0.7"
    end

    test "have fits, backgrounds, ratios and borders" do
      for opts <- [
            [fit: :pad, background: "#ff8000"],
            [fit: :pad, background: {255, 128, 0, 64}, position: :north],
            [fit: :outside, linear: true],
            [fit: :cover, position: :attention],
            [fit: :inside, dpr: 1.5, trim: true],
            [trim: 2.5, autorotate: false]
          ] do
        {:ok, image} = Thumbelina.thumbnail(fixture("photo.png"), 50, 90, opts)
        url = URL.thumbnail("photo.png", 50, 90, [key: "secret"] ++ opts)
        assert {url, get(config(keys: ["secret"]), url).body == image.bytes} == {url, true}
      end

      for {query, message} <- [
            {"background=nothing", "wrong background: nothing; expected \\\"#rgb\\\""},
            {"dpr=0", "wrong dpr: 0; expected a number from 0.1 to 10"},
            {"dpr=1e1", "wrong dpr: 1e1; expected a number"},
            {"trim=yes", "wrong trim: yes; expected true, false, or a number from 0 to 255"},
            {"fit=tight", "expected contain, inside, cover, fill, pad, outside"}
          ] do
        response = get(config(), "/thumbnail/9/photo.jpg?" <> query)
        assert response.status == 400
        assert response.body =~ message
      end
    end

    test "have few ratios where sizes are listed" do
      config = config(sizes: ["50x90"])
      assert size(get(config, "/thumbnail/50x90/photo.png?dpr=2")) == {:png, 100, 67}
      assert get(config, "/thumbnail/50x90/photo.png?dpr=2.5").status == 403
    end

    test "are those of the library" do
      opts = [fit: :cover, quality: 30, format: :jpeg]
      {:ok, image} = Thumbelina.thumbnail(fixture("photo.png"), 90, 80, opts)

      url = "90x80?fit=cover&quality=30&format=jpeg"
      assert post(config(), "/thumbnail/" <> url, fixture("photo.png")).body == image.bytes

      assert get(config(quality: 30, format: :jpeg), "/thumbnail/90x80/photo.png?fit=cover").body ==
               image.bytes
    end

    test "of bodies, whole or in pieces" do
      for body <- [
            fixture("photo.png"),
            Stream.map([fixture("photo.png")], & &1),
            for(<<piece::binary-size(1000) <- fixture("photo.png") <> :binary.copy(" ", 999)>>,
              do: [piece]
            )
          ] do
        body = if is_list(body), do: Stream.map(body, & &1), else: body
        response = post(config(), "/thumbnail/50", body)
        assert {response.status, size(response)} == {200, {:png, 50, 33}}
        assert header(response, "cache-control") == ["no-store"]
        assert header(response, "etag") == []
      end
    end

    test "HEAD is GET without the body" do
      get = get(config(), "/thumbnail/100/photo.jpg")
      head = call(config(), "HEAD", "/thumbnail/100/photo.jpg")
      assert head.status == 200 and head.body == "" and head.headers == get.headers

      for url <- ["/health", "/info/photo.jpg", "/nix", "/thumbnail/0/photo.jpg"] do
        get = get(config(), url)
        assert call(config(), "HEAD", url) == %{get | body: ""}
      end
    end

    test "have names" do
      response = get(config(), "/thumbnail/100/photo.jpg?format=png&filename=My+cat.jpg")

      assert header(response, "content-disposition") ==
               ["inline; filename=\"My cat.png\"; filename*=UTF-8''My%20cat.png"]
    end
  end

  test "infos" do
    bytes = fixture("orientation-6.jpg")
    {:ok, [color, uri]} = Thumbelina.thumbnails(bytes, placeholder: :color, placeholder: :lqip)

    json =
      ~s({"alpha":false,"bytes":1429,"color":"#{color}","color_space":"rgb","format":"jpeg",) <>
        ~s("frames":1,"height":40,"orientation":6,"placeholder":"#{uri}","profile":null,) <>
        ~s("width":60})

    assert "data:image/webp;base64," <> _ = uri
    assert get(config(), "/info/orientation-6.jpg").body == json
    response = post(config(), "/info", bytes)
    assert {response.status, response.body} == {200, json}
    assert header(response, "content-type") == ["application/json"]
    etag = header(get(config(), "/info/orientation-6.jpg"), "etag")
    assert etag != header(get(config(), "/thumbnail/9/orientation-6.jpg"), "etag")
  end

  describe "plans" do
    @query "100x100?fit=cover&format=webp"

    test "are those of the library, with the names of its fields" do
      {:ok, plan} = Thumbelina.explain(fixture("photo.jpg"), 100, 100, fit: :cover, format: :webp)

      [path, query] = String.split(@query, "?")
      {x, y} = plan.decode_scale

      for response <- [
            get(config(), "/explain/#{path}/photo.jpg?#{query}"),
            post(config(), "/explain/" <> @query, fixture("photo.jpg"))
          ] do
        assert response.status == 200
        assert header(response, "content-type") == ["application/json"]
        json = TestJSON.read(response.body)

        assert Enum.sort(Map.keys(json)) ==
                 Enum.sort(for key <- Map.keys(Map.from_struct(plan)), do: "#{key}")

        assert %{"width" => 100, "height" => 100, "format" => "webp"} = json
        assert json["decode_scale"] == [x, y]
        assert json["cost"] == plan.cost
        assert json["costs"] == Map.new(plan.costs, fn {key, cost} -> {"#{key}", cost} end)
        assert json["scheduler"] == "#{plan.scheduler}"
        assert json["reason"] == "#{plan.reason}"
      end
    end

    test "are cached as thumbnails are" do
      response = get(config(), "/explain/50/photo.jpg")
      [etag] = header(response, "etag")
      refute [etag] == header(get(config(), "/thumbnail/50/photo.jpg"), "etag")
      assert header(response, "cache-control") == ["public, max-age=3600"]
      again = get(config(), "/explain/50/photo.jpg", [{"if-none-match", etag}])
      assert {again.status, again.body} == {304, ""}
      posted = post(config(), "/explain/50", fixture("photo.jpg"))
      assert {header(posted, "cache-control"), header(posted, "etag")} == {["no-store"], []}
      assert call(config(), "HEAD", "/explain/50/photo.jpg") == %{response | body: ""}
      config = config(format: :auto)
      plan = get(config, "/explain/50/alpha.tif", [{"accept", "image/webp"}])
      assert TestJSON.read(plan.body)["format"] == "webp"
      assert header(plan, "vary") == ["accept"]
    end

    test "are refused as thumbnails are" do
      for {opts, method, url, body, status, reason} <- [
            {[], "GET", "/explain/50", "", 400, "invalid_option"},
            {[], "GET", "/explain/50/photo.jpg?url=a", "", 400, "invalid_option"},
            {[], "GET", "/explain/50?url=http://a.test/", "", 403, "source_failed"},
            {[], "GET", "/explain/0/photo.jpg", "", 400, "invalid_size"},
            {[], "GET", "/explain/50/photo.jpg?fit=x", "", 400, "invalid_option"},
            {[], "GET", "/explain/50/nix.jpg", "", 404, "not_found"},
            {[], "GET", "/explain", "", 405, "method_not_allowed"},
            {[], "POST", "/explain/50/photo.jpg", "", 405, "method_not_allowed"},
            {[], "POST", "/explain/50", "no picture", 415, "unsupported_format"},
            {[], "POST", "/explain/900?format=avif&enlarge=true", fixture("photo.jpg"), 413,
             "limit_exceeded"},
            {[max_pixels: 9], "POST", "/explain/50", fixture("photo.jpg"), 413, "limit_exceeded"},
            {[max_body_bytes: 9], "POST", "/explain/50", fixture("photo.jpg"), 413,
             "limit_exceeded"},
            {[sizes: ["9"]], "GET", "/explain/50/photo.jpg", "", 403, "size_not_allowed"},
            {[qualities: [9]], "GET", "/explain/50/photo.jpg?quality=8", "", 403,
             "quality_not_allowed"},
            {[keys: ["secret"]], "GET", "/explain/50/photo.jpg", "", 403, "not_signed"},
            {[keys: ["secret"]], "POST", "/explain/50", "", 403, "not_signed"}
          ] do
        response = call(config(opts), method, url, [], body)
        assert {url, response.status, reason(response)} == {url, status, reason}
      end

      signed = URL.sign("/explain/50/photo.jpg", "", "secret")
      assert get(config(keys: ["secret"]), signed).status == 200
      # Without the page, too.
      assert get(config(page: false), "/explain/50/photo.jpg").status == 200
    end

    test "take a place" do
      live = Metrics.new()
      start_supervised!({Gate, {live, 1}})
      test = self()

      spawn_link(fn ->
        Gate.through(live, fn ->
          send(test, :in)
          receive(do: (:leave -> :ok))
        end)
      end)

      assert_receive :in
      assert post(%{config() | live: live}, "/explain/50", fixture("photo.jpg")).status == 503
    end
  end

  test "health and metrics" do
    response = get(config(), "/health")
    assert {response.status, response.body} == {200, ~s({"status":"ok"})}
    # There is no server.
    assert get(config(), "/metrics").status == 404

    config = %{config() | live: Metrics.new()}
    assert get(config, "/health").status == 200
    assert get(config, "/nix").status == 404
    response = get(config, "/metrics")
    assert response.status == 200
    assert header(response, "content-type") == ["text/plain; version=0.0.4; charset=utf-8"]
    assert response.body =~ ~s(thumbelina_requests_total{route="health",status="200"} 1\n)
    assert response.body =~ ~s(thumbelina_requests_total{route="other",status="404"} 1\n)
  end

  test "what is wrong, and how it is said" do
    for {method, url, status, reason} <- [
          {"GET", "//", 404, "not_found"},
          {"GET", "/nix", 404, "not_found"},
          {"GET", "/health/", 404, "not_found"},
          {"GET", "//health", 404, "not_found"},
          {"GET", "/thumbnail", 404, "not_found"},
          {"GET", "/info", 405, "method_not_allowed"},
          {"GET", "/thumbnail/100", 400, "invalid_option"},
          {"POST", "/thumbnail/100/photo.jpg", 405, "method_not_allowed"},
          {"POST", "/health", 405, "method_not_allowed"},
          {"DELETE", "/thumbnail/100/photo.jpg", 405, "method_not_allowed"},
          {"OPTIONS", "/health", 405, "method_not_allowed"},
          {"get", "/health", 405, "method_not_allowed"},
          {"", "/health", 405, "method_not_allowed"},
          {"GET", "", 400, "bad_request"},
          {"OPTIONS", "*", 400, "bad_request"},
          {"GET", "http://localhost/health", 400, "bad_request"},
          {"GET", "/%", 400, "bad_request"},
          {"GET", "/thumbnail/100/photo.jpg?fit=%zz", 400, "bad_request"},
          {"GET", "/thumbnail/x/photo.jpg", 400, "invalid_size"},
          {"GET", "/thumbnail/0/photo.jpg", 400, "invalid_size"},
          {"GET", "/thumbnail/1x2x3/photo.jpg", 400, "invalid_size"},
          {"GET", "/thumbnail/-1/photo.jpg", 400, "invalid_size"},
          {"GET", "/thumbnail/9999999999/photo.jpg", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?fit=tight", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?fit", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?position=", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?position=top", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?position=0.5,1.1", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?quality=0", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?quality=1e2", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?quality=80&quality=80", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?enlarge=yes", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?format=dds", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?format=exe", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?filter=%00", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?%ff=%fe", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?timeout=1", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?expires=soon", 400, "invalid_option"},
          {"GET", "/thumbnail/100/photo.jpg?expires=1", 410, "expired"},
          {"GET", "/thumbnail/300/photo.jpg?format=ico&enlarge=true", 400, "limit_exceeded"},
          {"GET", "/thumbnail/99999/photo.jpg?enlarge=true&format=png", 413, "limit_exceeded"},
          {"GET", "/info/photo.jpg?fit=cover", 400, "invalid_option"},
          {"GET", "/thumbnail/100/nix.jpg", 404, "not_found"},
          {"GET", "/thumbnail/100/photo.jpg/", 404, "not_found"},
          {"GET", "/thumbnail/100/", 404, "not_found"},
          {"GET", "/thumbnail/100/huge-header.png", 413, "limit_exceeded"},
          {"GET", "/thumbnail/100/truncated.jpg", 422, "truncated"},
          {"POST", "/thumbnail/100", 415, "unsupported_format"},
          {"POST", "/info", 415, "unsupported_format"}
        ] do
      response = call(config(), method, url)
      body = if method == "HEAD", do: "", else: reason(response)
      assert {method, url, response.status, body} == {method, url, status, reason}
      assert header(response, "content-type") == ["application/json"]
      assert header(response, "cache-control") == ["no-store"]
      assert header(response, "content-length") == ["#{byte_size(response.body)}"]
    end

    for {url, allowed} <- [
          {"/health", "GET, HEAD"},
          {"/thumbnail/1", "GET, POST, HEAD"},
          {"/info", "POST"}
        ] do
      assert header(call(config(), "PUT", url), "allow") == [allowed]
    end
  end

  test "what is wrong with pictures" do
    for {name, status, reason} <- [
          {"truncated.png", 422, "truncated"},
          {"truncated.gif", 422, "truncated"},
          {"huge-header.bmp", 413, "limit_exceeded"}
        ],
        response <- [
          get(config(), "/thumbnail/100/" <> name),
          post(config(), "/thumbnail/100", fixture(name)),
          get(config(), "/info/" <> name),
          post(config(), "/info", fixture(name))
        ] do
      assert {name, response.status, reason(response)} == {name, status, reason}
    end

    png = fixture("photo.png")

    broken =
      binary_part(png, 0, 40) <>
        :binary.copy(<<0>>, 100) <> binary_part(png, 140, byte_size(png) - 140)

    for {opts, body, status, reason} <- [
          {[], broken, 422, "invalid_image"},
          {[], "not a picture", 415, "unsupported_format"},
          {[], "/etc/passwd.jpg", 415, "unsupported_format"},
          {[], <<0, 0, 0, 24, "ftypheic", 0::96>>, 415, "unsupported_format"},
          {[formats: [:jpeg]], png, 415, "format_not_allowed"},
          {[max_pixels: 1000], png, 413, "limit_exceeded"},
          {[max_memory: 1000], png, 413, "limit_exceeded"},
          {[max_body_bytes: 1000], png, 413, "limit_exceeded"},
          {[max_body_bytes: 1000], Stream.cycle([png]), 413, "limit_exceeded"},
          {[], Stream.map([1], & &1), 400, "invalid_option"}
        ] do
      response = post(config(opts), "/thumbnail/100", body)
      assert {opts, response.status, reason(response)} == {opts, status, reason}
      refute response.body =~ "Thumbelina.open"
      info = post(config(opts), "/info", body)
      assert {opts, info.status, reason(info)} == {opts, status, reason}
    end

    # No more is asked for than it takes to know, but for an info, which tells the number of bytes.
    endless = Stream.cycle(["a"])
    response = post(config(max_body_bytes: 1000), "/thumbnail/100", endless)
    assert {response.status, reason(response)} == {415, "unsupported_format"}
    response = post(config(max_body_bytes: 1000), "/info", endless)
    assert {response.status, reason(response)} == {413, "limit_exceeded"}

    # So many bytes are allowed.
    assert post(config(max_body_bytes: byte_size(png)), "/thumbnail/100", png).status == 200
    assert get(config(max_file_bytes: byte_size(png)), "/thumbnail/100/photo.png").status == 200

    assert get(config(max_file_bytes: byte_size(png) - 1), "/thumbnail/100/photo.png").status ==
             413

    # Nothing is made, so nothing is read.
    assert get(config(max_file_bytes: 1), "/info/photo.png").status == 413
  end

  test "time runs out" do
    body = fixture("photo.png")
    url = "/thumbnail/9000?enlarge=true&format=png"
    response = post(config(timeout: 1), url, body)
    assert {response.status, reason(response)} == {504, "timeout"}

    # A picture that takes longer than a millisecond to shrink.
    large = "P6 4000 3000 255\n" <> :binary.copy(<<1, 2, 3>>, 12_000_000)
    config = config(timeout: 1, max_body_bytes: 40_000_000)
    response = post(config, "/info", large)
    assert {response.status, reason(response)} == {504, "timeout"}
  end

  test "a body is not touched if something else is wrong" do
    body = Stream.map([1], fn _ -> raise "touched" end)

    for url <- [
          "/nix",
          "/health",
          "/thumbnail/0",
          "/thumbnail/1?x=1",
          "/info?expires=1",
          "/thumbnail/1/a"
        ] do
      assert post(config(), url, body).status in [400, 404, 405, 410]
      request = %Request{method: "POST", path: hd(String.split(url, "?")), body: ""}
      request = %{request | query: url |> String.split("?") |> Enum.at(1, "")}
      assert Handler.refused?(request, config())
    end

    assert_raise RuntimeError, fn -> post(config(), "/info", body) end
    refute Handler.refused?(%Request{method: "POST", path: "/info"}, config())

    refute Handler.refused?(
             %Request{method: "POST", path: "/thumbnail/9", query: "fit=cover"},
             config()
           )

    assert Handler.refused?(%Request{method: "POST", path: "/info"}, config(keys: ["secret"]))
  end

  @tag :tmp_dir
  test "nothing is served from outside of the root", %{tmp_dir: folder} do
    root = Path.join(folder, "root")
    File.mkdir_p!(Path.join(root, "in"))
    File.write!(Path.join(folder, "secret.jpg"), fixture("photo.jpg"))
    File.write!(Path.join(root, ".hidden.jpg"), fixture("photo.jpg"))
    File.write!(Path.join(root, "in/ok.jpg"), fixture("photo.jpg"))
    config = config(root: root)
    assert get(config, "/thumbnail/9/in/ok.jpg").status == 200
    # It was written just now.
    assert header(get(config, "/thumbnail/9/in/ok.jpg"), "cache-control") == ["no-store"]

    up = [
      "..",
      "%2e%2e",
      "%2E.",
      "%252e%252e",
      "%c0%ae%c0%ae",
      "..%00",
      "%2e%2e%2f",
      "..%5c",
      "..\\",
      "..;"
    ]

    for up <- up,
        between <- ["/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%00/"],
        prefix <- ["", "in/", "/", "./"] do
      path = prefix <> up <> between

      for path <- [
            path <> "secret.jpg",
            path <> up <> between <> "secret.jpg",
            path <> "root/in/ok.jpg"
          ] do
        response = get(config, "/thumbnail/9/" <> path)
        assert {path, response.status} == {path, 404}
        assert get(config, "/info/" <> path).status == 404
      end
    end

    for path <- [".hidden.jpg", "%2ehidden.jpg", "in", "in/", Path.join(folder, "secret.jpg")] do
      assert {path, get(config, "/thumbnail/9/" <> path).status} == {path, 404}
    end

    # Without a root there are no files.
    {:ok, config} = Config.new([])
    assert get(config, "/thumbnail/9/mix.exs").status == 404
  end

  describe "conditional requests" do
    setup do
      response = get(config(), "/thumbnail/50/photo.jpg")
      [etag] = header(response, "etag")
      [date] = header(response, "last-modified")
      {:ok, seconds} = HTTPDate.parse(date)
      %{etag: etag, seconds: seconds}
    end

    test "are answered without work", %{etag: etag, seconds: seconds} do
      later = HTTPDate.format(seconds + 1)
      same = HTTPDate.format(seconds)
      earlier = HTTPDate.format(seconds - 1)

      for {headers, status} <- [
            {[{"if-none-match", etag}], 304},
            {[{"if-none-match", "W/" <> etag}], 304},
            {[{"if-none-match", "*"}], 304},
            {[{"if-none-match", " * "}], 304},
            {[{"if-none-match", ~s("a", "b,c" ,W/#{etag}, "d")}], 304},
            {[{"if-none-match", ~s("a")}, {"if-none-match", etag}], 304},
            {[{"if-none-match", ~s("a")}], 200},
            {[{"if-none-match", ""}], 200},
            {[{"if-none-match", String.trim(etag, "\"")}], 200},
            {[{"if-none-match", ~s("*")}], 200},
            {[{"if-modified-since", same}], 304},
            {[{"if-modified-since", later}], 304},
            {[{"if-modified-since", earlier}], 200},
            {[{"if-modified-since", "yesterday"}], 200},
            # Tags come first.
            {[{"if-none-match", ~s("a")}, {"if-modified-since", later}], 200},
            {[{"if-none-match", etag}, {"if-modified-since", earlier}], 304},
            {[{"if-match", etag}], 200}
          ],
          method <- ["GET", "HEAD"] do
        response = call(config(), method, "/thumbnail/50/photo.jpg", headers)
        assert {headers, response.status} == {headers, status}

        if status == 304 do
          assert response.body == ""
          assert header(response, "etag") == [etag]
          assert header(response, "cache-control") == ["public, max-age=3600"]

          assert header(response, "content-type") == [] and
                   header(response, "content-length") == []
        end
      end

      # There is no work: the picture is larger than allowed.
      config = config(max_file_bytes: 1)
      assert get(config, "/thumbnail/50/photo.jpg").status == 413
      assert get(config, "/thumbnail/50/photo.jpg", [{"if-none-match", etag}]).status == 304
    end

    test "tags differ with what was asked", %{etag: etag} do
      urls = [
        "/thumbnail/51/photo.jpg",
        "/thumbnail/50x/photo.jpg",
        "/thumbnail/50/photo.png",
        "/thumbnail/50/photo.jpg?fit=cover",
        "/thumbnail/50/photo.jpg?quality=79",
        "/thumbnail/50/photo.jpg?format=png",
        "/thumbnail/50/photo.jpg?filter=box",
        "/info/photo.jpg"
      ]

      tags = for url <- urls, do: header(get(config(), url), "etag")
      assert length(Enum.uniq([[etag] | tags])) == length(urls) + 1

      for url <- ["/thumbnail/50x50/photo.jpg", "/thumbnail/50/photo.jpg?quality=80&fit=contain"] do
        assert header(get(config(), url), "etag") == [etag]
      end

      assert header(get(config(quality: 79), "/thumbnail/50/photo.jpg"), "etag") != [etag]
    end

    test "the age is that of the configuration, and never longer than the URL is good" do
      assert header(get(config(max_age: 7), "/thumbnail/5/photo.jpg"), "cache-control") == [
               "public, max-age=7"
             ]

      expires = System.os_time(:second) + 100
      response = get(config(), "/thumbnail/5/photo.jpg?expires=#{expires}")
      ["public, max-age=" <> age] = header(response, "cache-control")
      assert String.to_integer(age) in 1..100
    end
  end

  describe "format=auto" do
    @avif "image/avif,image/webp,*/*"

    test "follows the picture and the header" do
      for {name, accept, opts, expected} <- [
            {"photo.jpg", nil, [], "image/jpeg"},
            {"photo.jpg", "image/webp,*/*", [], "image/jpeg"},
            {"photo.png", "image/webp,*/*", [], "image/jpeg"},
            {"alpha.png", "image/webp,*/*", [], "image/webp"},
            {"alpha.png", "*/*", [], "image/png"},
            {"alpha.webp", nil, [], "image/png"},
            {"photo.jpg", @avif, [], "image/jpeg"},
            {"photo.jpg", @avif, [avif: true], "image/avif"},
            {"alpha.png", @avif, [avif: true], "image/avif"},
            {"photo.jpg", "image/png", [], "image/png"}
          ],
          {opts, url} <- [
            {opts, "/thumbnail/20/#{name}?format=auto"},
            {[{:format, :auto} | opts], "/thumbnail/20/#{name}"}
          ] do
        response = get(config(opts), url, for(a <- [accept], a != nil, do: {"accept", a}))
        assert {name, accept, header(response, "content-type")} == {name, accept, [expected]}
        assert header(response, "vary") == ["accept"]
      end

      # One that is asked for does not vary.
      response = get(config(format: :auto), "/thumbnail/20/photo.jpg?format=gif")
      assert header(response, "content-type") == ["image/gif"] and header(response, "vary") == []
    end

    test "gives no AVIF that is too large" do
      config = config(avif: true)
      url = "/thumbnail/800x700/photo.jpg?enlarge=true&fit=fill&format="
      assert get(config, url <> "avif").status == 413

      assert header(get(config, url <> "auto", [{"accept", @avif}]), "content-type") == [
               "image/jpeg"
             ]
    end

    test "tags differ with what the header means, not with how it looks" do
      etag = fn accept ->
        header(get(config(), "/thumbnail/20/alpha.png?format=auto", [{"accept", accept}]), "etag")
      end

      assert etag.("image/webp,*/*") == etag.("image/webp, image/apng, */*;q=1")
      assert etag.("image/webp,*/*") != etag.("*/*")
    end

    test "says what is wrong with the picture" do
      assert get(config(), "/thumbnail/20/truncated.png?format=auto").status == 422
      assert post(config(), "/thumbnail/20?format=auto", "x").status == 415
      assert get(config(max_pixels: 9), "/thumbnail/20/photo.png?format=auto").status == 413
    end
  end

  describe "client hints" do
    test "change the size, if they are allowed to" do
      for {size, headers, opts, expected} <- [
            {"50x50", [{"dpr", "2"}], [], {100, 67}},
            {"50x50", [{"sec-ch-dpr", "2"}, {"dpr", "3"}], [], {100, 67}},
            {"50x50", [{"dpr", "1.1"}], [], {75, 50}},
            {"50x50", [{"dpr", "2.5"}], [], {150, 100}},
            {"50x50", [{"dpr", "1e9"}], [], {150, 100}},
            {"50x50", [{"dpr", "0.5"}], [], {50, 33}},
            {"50x50", [{"dpr", "x"}], [], {50, 33}},
            {"50x50", [{"dpr", "-2"}], [], {50, 33}},
            {"50x50", [{"width", "100"}], [], {50, 33}},
            {"x200", [{"width", "100"}], [], {100, 67}},
            {"x100", [{"dpr", "2"}, {"width", "100"}], [], {100, 67}},
            {"x100", [{"width", "0"}], [], {150, 100}},
            {"x100", [{"width", "9e9"}], [], {150, 100}},
            {"x100", [{"width", "99"}], [sizes: ["x100"]], {150, 100}},
            {"x100", [{"dpr", "2"}], [sizes: ["x100"]], {300, 200}}
          ] do
        response =
          get(config([client_hints: true] ++ opts), "/thumbnail/#{size}/photo.jpg", headers)

        assert {size, headers, size(response)} ==
                 {size, headers, Tuple.insert_at(expected, 0, :jpeg)}

        assert header(response, "vary") == ["sec-ch-dpr, sec-ch-width, dpr, width"]
        assert header(response, "accept-ch") == ["sec-ch-dpr, sec-ch-width, dpr, width"]
      end
    end

    test "are ignored otherwise" do
      response = get(config(), "/thumbnail/50/photo.jpg", [{"dpr", "2"}])
      assert size(response) == {:jpeg, 50, 33}
      assert header(response, "vary") == [] and header(response, "accept-ch") == []
    end

    test "vary together with the format" do
      response = get(config(client_hints: true, format: :auto), "/thumbnail/50/photo.jpg")
      assert header(response, "vary") == ["accept, sec-ch-dpr, sec-ch-width, dpr, width"]
    end
  end

  describe "keys" do
    setup do
      %{config: config(keys: ["old", "new"])}
    end

    test "sign URLs", %{config: config} do
      for key <- ["old", "new"],
          opts <- [[], [fit: :cover, quality: 7], [format: :auto, filename: "ä b&c"]] do
        assert get(config, URL.thumbnail("photo.jpg", 50, 40, [key: key] ++ opts)).status == 200
      end

      assert get(config, URL.sign("/info/photo.jpg", "", "new")).status == 200
      assert post(config, URL.sign("/info", "", "new"), fixture("photo.jpg")).status == 200

      url = URL.sign("/thumbnail/5", "fit=cover", "new")

      assert post(config, url, fixture("photo.jpg")).status ==
               200

      assert get(config, "/health").status == 200
    end

    test "refuse others, whatever else is wrong", %{config: config} do
      signed = URL.thumbnail("photo.jpg", 50, 40, key: "old", fit: :cover)

      for url <- [
            "/thumbnail/50x40/photo.jpg",
            "/thumbnail/0/photo.jpg",
            "/thumbnail/50/nix.jpg",
            "/info/photo.jpg",
            URL.thumbnail("photo.jpg", 50, 40, key: "other", fit: :cover),
            String.replace(signed, "50x40", "51x40"),
            String.replace(signed, "cover", "fill"),
            signed <> "&quality=1",
            signed <> "x",
            String.replace(signed, "?", "?x=1&")
          ] do
        response = get(config, url)
        assert {url, response.status, reason(response)} == {url, 403, "not_signed"}
      end

      assert post(config, "/thumbnail/5", fixture("photo.jpg")).status == 403
      assert post(config, "/info", fixture("photo.jpg")).status == 403
    end

    test "sign the time", %{config: config} do
      now = System.os_time(:second)
      url = URL.thumbnail("photo.jpg", 50, 40, key: "new", expires: now + 100)
      assert get(config, url).status == 200
      assert get(config, String.replace(url, "#{now + 100}", "#{now + 101}")).status == 403
      url = URL.thumbnail("photo.jpg", 50, 40, key: "new", expires: now - 1)
      assert get(config, url).status == 410
    end
  end

  test "metadata of files are given out as the configuration says" do
    for {allowed, given} <- [
          {nil, ~w(strip copyright icc copyright,icc)},
          {:strip, ~w(strip)},
          {:keep, ~w(strip keep copyright icc copyright,icc exif gps iptc xmp exif,gps,icc)},
          {[:exif, :icc], ~w(strip exif icc)}
        ],
        metadata <- ~w(strip keep copyright icc copyright,icc exif gps iptc xmp exif,gps,icc),
        route <- ["/thumbnail", "/explain"] do
      config = config(if(allowed, do: [metadata: allowed], else: []))
      response = get(config, "#{route}/9/photo.jpg?metadata=#{metadata}")
      expected = if metadata in given, do: 200, else: 403
      assert {route, allowed, metadata, response.status} == {route, allowed, metadata, expected}
    end

    assert {:error, %{key: :metadata}} = Config.new(metadata: [:nix])
  end

  test "sizes and qualities can be limited" do
    config = config(sizes: ["100x80", "50", "x30"], qualities: [60, 80], quality: 75)

    for {url, status} <- [
          {"/thumbnail/100x80/photo.jpg", 200},
          {"/thumbnail/50x50/photo.jpg", 200},
          {"/thumbnail/x30/photo.jpg", 200},
          {"/thumbnail/100x/photo.jpg", 403},
          {"/thumbnail/30/photo.jpg", 403},
          {"/thumbnail/50/photo.jpg?quality=60", 200},
          {"/thumbnail/50/photo.jpg?quality=75", 403},
          {"/info/photo.jpg", 200}
        ] do
      assert {url, get(config, url).status} == {url, status}
    end

    assert post(config, "/thumbnail/51", fixture("photo.jpg")).status == 403
  end

  test "above the limit it is refused at once" do
    live = Metrics.new()
    start_supervised!({Gate, {live, 1}})
    config = %{config() | live: live}
    test = self()

    holder =
      spawn_link(fn ->
        Gate.through(live, fn ->
          send(test, :in)
          receive(do: (:leave -> :ok))
        end)

        send(test, :left)
      end)

    assert_receive :in

    for response <- [
          get(config, "/thumbnail/5/photo.jpg"),
          post(config, "/info", fixture("photo.jpg"))
        ] do
      assert {response.status, reason(response)} == {503, "overloaded"}
      assert header(response, "retry-after") == ["1"]
    end

    # What is no work is answered, and what is wrong is said.
    assert get(config, "/health").status == 200
    assert get(config, "/thumbnail/5/nix.jpg").status == 404
    assert get(config, "/metrics").body =~ "thumbelina_in_progress 1\n"
    send(holder, :leave)
    assert_receive :left
    assert get(config, "/thumbnail/5/photo.jpg").status == 200
  end

  test "reasons of the operating system" do
    for {reason, status} <- [
          enomem: 503,
          emfile: 503,
          eio: 503,
          internal_error: 500,
          overloaded: 503
        ] do
      response = Thumbelina.Server.Failure.response(%Error{reason: reason, path: "/secret"})
      assert response.status == status
      refute response.body =~ "secret"
    end
  end

  test "whatever is sent, there is an answer" do
    :rand.seed(:exsss, {1, 2, 3})
    config = config(keys: [], max_pixels: 1_000_000)

    parts = [
      "/",
      "thumbnail",
      "info",
      "9",
      "9x",
      "photo.jpg",
      "..",
      "%",
      "%00",
      "%2e",
      "%ff",
      "?",
      "&",
      "=",
      "fit",
      "cover",
      "position",
      "0.5,",
      "format",
      "auto",
      "quality",
      "s",
      "\0",
      "\xFF",
      "é",
      "#",
      ";",
      "+",
      "x",
      "expires",
      "-1",
      "999999999999999999",
      "filename",
      "\r\n"
    ]

    headers = ["accept", "if-none-match", "if-modified-since", "dpr", "width", "x"]

    for _ <- 1..5000 do
      url = "/" <> Enum.join(for _ <- 1..:rand.uniform(12), do: Enum.random(parts))

      sent =
        for _ <- 1..3,
            do: {Enum.random(headers), Enum.join(for _ <- 1..4, do: Enum.random(parts))}

      method = Enum.random(["GET", "HEAD", "POST", "PUT", "\0"])
      response = call(%{config | client_hints: true}, method, url, sent, Enum.random(parts))
      assert response.status in [200, 304, 400, 403, 404, 405, 410, 413, 415, 422], url
      for {name, value} <- response.headers, do: refute(name <> value =~ ~r/[\r\n\0]/)
    end
  end
end
