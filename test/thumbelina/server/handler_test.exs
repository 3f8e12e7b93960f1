Code.require_file("../../support/json.ex", __DIR__)

defmodule Thumbelina.Server.HandlerTest do
  use ExUnit.Case, async: true

  import Thumbelina.HandlerRequests

  alias Thumbelina.{TestJSON, URL}
  alias Thumbelina.Server.{Gate, Metrics}

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
