defmodule Thumbelina.Server.EditTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Server.{Config, Handler, Request}

  @photo File.read!("test/fixtures/photo.jpg")

  defp config(opts \\ []) do
    {:ok, config} = Config.new([root: "test/fixtures"] ++ opts)
    config
  end

  defp post(query, config \\ config(), body \\ @photo) do
    request = %Request{method: "POST", path: "/edit", query: query, headers: [], body: body}
    Handler.handle(request, config)
  end

  defp steps(text), do: "edit=" <> URI.encode_www_form(text)

  test "the picture in the body, after the steps" do
    response = post(steps("crop:0,0,400,400|resize:50x|grayscale") <> "&format=png&quality=70")
    assert response.status == 200
    {:ok, made} = Thumbelina.new(response.body)
    assert {made.format, made.width, made.height} == {:png, 50, 50}

    assert Thumbelina.edit(@photo,
             crop: {0, 0, 400, 400},
             resize: {50, nil},
             grayscale: true,
             format: :png
           ) == {:ok, made}
  end

  test "what is wrong is said before the body is read" do
    unread = Stream.map([1], fn _ -> flunk("the body was read") end)

    for query <-
          ["", "edit=", steps("blur:none"), steps("blurr:2"), steps("overlay:")] ++
            [steps("["), steps("[]"), steps(~s([{"blur":"none"}])), steps("{}")] ++
            [steps("blur:2") <> "&url=a", steps("blur:2") <> "&quality=0"] do
      assert post(query, config(), unread).status == 400, query
    end

    assert post(steps("crop:9999,0,1,1")).status == 400
    assert post(steps("blur:2"), config(), "no picture").status == 415
  end

  test "sizes that are not allowed, and signatures" do
    config = config(sizes: ["50x50"])
    assert post(steps("resize:60x60"), config).status == 403
    assert post(steps("blur:1|thumbnail:50x50"), config).status == 200

    signed = config(keys: ["secret"])
    assert post(steps("blur:1"), signed).status == 403
    "/edit?" <> query = Thumbelina.URL.sign("/edit", steps("blur:1"), "secret")
    assert post(query, signed).status == 200
  end

  test "limits hold for what is in between" do
    assert post(steps("border:9000,red"), config(max_pixels: 1_000_000)).status == 413
    assert post(steps("blur:9|resize:9x9"), config(max_memory: 1_000_000)).status == 413
  end

  describe "as JSON" do
    test "in the URL, with options among the steps" do
      json = ~s([{"crop": [0, 0, 400, 400]}, {"rotate": {"value": 5, "background": "white"}},
        {"resize": [50, null]}, {"blur": 1.5}, {"border": [2, [255, 0, 0]]}, {"format": "webp"}])

      response = post(steps(json))
      assert response.status == 200
      assert {:ok, made} = Thumbelina.new(response.body)

      assert Thumbelina.edit(@photo,
               crop: {0, 0, 400, 400},
               rotate: {5, background: "white"},
               resize: {50, nil},
               blur: 1.5,
               border: {2, {255, 0, 0}},
               format: :webp
             ) == {:ok, made}
    end

    test "all options of a thumbnail, in both places, once" do
      json =
        ~s([{"thumbnail": [64, 64]}, {"fit": "pad"}, {"background": "gold"}, {"quality": 30}])

      beside = steps(~s([{"thumbnail": [64, 64]}])) <> "&fit=pad&background=gold&quality=30"
      assert %{status: 200, body: body} = post(steps(json))
      assert post(beside).body == body
      assert {:ok, %{width: 64, height: 64, format: :jpeg}} = Thumbelina.new(body)

      for beside <- ["&fit=pad", "&quality=9"] do
        response = post(steps(json) <> beside)
        assert {response.status, message(response)} == {400, twice(beside)}
      end
    end

    defp twice("&fit=pad"), do: "the parameter fit is given twice"
    defp twice("&quality=9"), do: "the parameter quality is given twice"

    test "what is wrong names the step" do
      for {json, message} <- [
            {~s([{"invert": true}, {"rotate": "left"}]),
             "wrong edit: step 2, rotate: expected a number from -1000000000 to 1000000000"},
            {~s([{"rotate": {"value": 1, "background": "beige-ish"}}]),
             "wrong edit: step 1, rotate, background: expected \"#rgb\""},
            {~s([{"flip": "sideways"}]),
             ~s(wrong edit: step 1, flip: expected "horizontal" or "vertical")},
            {~s([{"resize": 5}]), "wrong edit: step 1, resize: expected [width, height]"},
            {~s([{"resize": [null, null]}]),
             "wrong edit: step 1, resize, width: expected a width or a height"},
            {~s([{"blur": 1}, {"nix": 1}]), "wrong edit: step 2: unknown; expected one of"},
            {~s([{"blur": 1}), "wrong edit: expected JSON, which is cut off after 12 bytes"},
            {~s([{"blur": 1}, {"format": "docx"}]), "wrong format: docx; expected"},
            {~s([{"overlay": ""}]),
             "wrong edit: step 1, overlay: expected a path, a URL, or form:"},
            {"[" <> Enum.map_join(1..5, ",", fn _ -> ~s({"overlay": "a"}) end) <> "]",
             "wrong edit: expected at most 4 overlays"}
          ] do
        response = post(steps(json))
        assert response.status == 400
        assert String.starts_with?(message(response), message), message(response)
      end

      # Of text, too.
      assert message(post(steps("invert|blur:-1"))) ==
               "wrong edit: step 2, blur: expected a number from 0.01 to 1000"
    end

    test "sizes, ratios and qualities that are not allowed" do
      config = config(sizes: ["50x50"], qualities: [70])

      for {json, status} <- [
            {~s([{"resize": [50, 50]}]), 200},
            {~s([{"resize": [60, 60]}]), 403},
            {~s([{"resize": {"value": [50, 50], "dpr": 2}}]), 200},
            {~s([{"resize": {"value": [50, 50], "dpr": 2.5}}]), 403},
            {~s([{"resize": [50, 50]}, {"dpr": 2.5}]), 403},
            {~s([{"resize": [50, 50]}, {"quality": 70}]), 200},
            {~s([{"resize": [50, 50]}, {"quality": 71}]), 403}
          ],
          do: assert({json, post(steps(json), config).status} == {json, status})
    end
  end

  describe "as a form" do
    test "has the picture, and the steps if they are not in the URL" do
      json = ~s([{"resize": [40, 30]}, {"format": "png"}])
      made = Thumbelina.edit!(@photo, resize: {40, 30}, format: :png)

      for {query, parts} <- [
            {"", [{"edit", json}, {"picture", @photo}]},
            {"", [{"picture", @photo}, {"edit", "resize:40x30"}, {"edit_", nil}]},
            {steps(json), [{"picture", @photo}]},
            {"format=png", [{"picture", @photo}, {"edit", ~s([{"resize": [40, 30]}])}]}
          ] do
        parts = Enum.reject(parts, &match?({_, nil}, &1))
        response = submit(parts, query)
        assert response.status == 200, response.body
        {:ok, image} = Thumbelina.new(response.body)
        assert {image.width, image.height} == {40, 30}
        if image.format == :png, do: assert(response.body == made.bytes)
      end
    end

    test "whatever else is in it is refused" do
      json = ~s([{"blur": 2}])

      for {query, parts, message} <- [
            {"", [{"picture", @photo}], "expected a part edit in the form"},
            {"", [{"edit", json}], "expected a part picture in the form"},
            {steps(json), [{"edit", json}, {"picture", @photo}],
             "a part that nothing takes: \"edit\""},
            {"", [{"edit", json}, {"picture", @photo}, {"logo", @photo}],
             "a part that nothing takes: \"logo\""},
            {"", [{"edit", json}, {"edit", json}],
             "the form has two parts of one name: \"edit\""},
            {"", [{"edit", "[" <> String.duplicate(" ", 65_536)}, {"picture", @photo}],
             "the part edit has more than 65536 bytes"},
            {"", [{"edit", <<255>>}, {"picture", @photo}], "the part edit is not UTF-8"}
          ] do
        response = submit(parts, query)
        assert {response.status, message(response)} == {400, message}
      end

      assert submit([{"edit", json}, {"picture", "no picture"}]).status == 415
    end

    test "no larger than a body may be" do
      config = config(max_body_bytes: 10_000)
      parts = [{"edit", ~s([{"blur": 1}])}, {"picture", String.duplicate("a", 10_000)}]
      assert submit(parts, "", config).status == 413
    end

    test "where signatures are needed, the steps are in the URL" do
      config = config(keys: ["secret"])
      parts = [{"edit", ~s([{"blur": 1}])}, {"picture", @photo}]
      "/edit?" <> query = Thumbelina.URL.sign("/edit", "", "secret")
      response = submit(parts, query, config)
      assert {response.status, message(response) =~ "steps in the URL"} == {403, true}
      assert Handler.refused?(request(query, form(parts)), config)
      "/edit?" <> query = Thumbelina.URL.sign("/edit", steps(~s([{"blur": 1}])), "secret")
      assert submit([{"picture", @photo}], query, config).status == 200
    end

    test "a refusal is known by the head" do
      for {query, refused?} <- [{"", false}, {steps("blur:1"), false}, {steps("blur:x"), true}],
          do: assert(Handler.refused?(request(query, form([])), config()) == refused?)

      assert Handler.refused?(request("", {[], ""}), config())
    end
  end

  describe "overlays" do
    @mark Thumbelina.edit!(@photo, resize: {16, 16}, format: :png).bytes

    test "are files under the root" do
      for text <- [
            ~s([{"overlay": {"value": "alpha.png", "position": "southeast"}}]),
            "overlay:/alpha.png,position=southeast"
          ] do
        response = post(steps(text) <> "&format=png")

        assert Thumbelina.edit!(@photo,
                 overlay: {{:file, "test/fixtures/alpha.png"}, position: :southeast},
                 format: :png
               ).bytes == response.body
      end
    end

    test "nothing else, and nothing outside" do
      for {source, status} <- [
            {"nix.png", 404},
            {"../edit_test.exs", 404},
            {"/etc/passwd", 404},
            {"a/../alpha.png", 404},
            {"form:nix", 400},
            {"http://127.0.0.1/a.png", 403},
            {"https://example.com/a.png", 403}
          ] do
        json = ~s([{"overlay": "#{source}"}])
        response = post(steps(json))
        assert {source, response.status} == {source, status}
        refute response.body =~ "fixtures"
      end

      assert post(steps(~s([{"overlay": "alpha.png"}])), config(root: nil)).status == 404
      # Neither is what the library takes.
      for value <- [~s(["a.png"]), ~s({"file": "a.png"}), "null", "5"],
          do: assert(post(steps(~s([{"overlay": #{value}}]))).status == 400)
    end

    test "are parts of the form" do
      json = ~s([{"resize": [100, 80]}, {"overlay": {"value": "form:mark", "tile": true}}])
      response = submit([{"picture", @photo}, {"mark", @mark}, {"edit", json}], "format=png")

      assert Thumbelina.edit!(@photo,
               resize: {100, 80},
               overlay: {@mark, tile: true},
               format: :png
             ).bytes == response.body

      response = submit([{"picture", @photo}, {"mark", "no picture"}, {"edit", json}])
      assert {response.status, message(response)} == {415, "not a known picture format"}
    end

    test "are no longer than a file may be" do
      config = config(max_file_bytes: 100)
      assert post(steps(~s([{"overlay": "alpha.png"}])), config).status == 413
    end
  end

  describe "of a file" do
    defp get(path, query, config \\ config(), headers \\ []) do
      request = %Request{method: "GET", path: path, query: query, headers: headers}
      Handler.handle(request, config)
    end

    defp header(response, name), do: for({^name, value} <- response.headers, do: value)

    test "is what it is of a body, and is kept by caches" do
      query = steps(~s([{"resize": [40, 30]}, {"overlay": "alpha.png"}, {"format": "png"}]))
      response = get("/edit/photo.jpg", query)
      assert {response.status, header(response, "content-type")} == {200, ["image/png"]}
      assert response.body == post(query).body
      assert ["public, max-age=3600"] = header(response, "cache-control")
      [etag] = header(response, "etag")
      again = get("/edit/photo.jpg", query, config(), [{"if-none-match", etag}])
      assert again.status == 304
      refute header(get("/edit/photo.jpg", query <> "&quality=9"), "etag") == [etag]
      assert get("/edit/truncated.jpg", query).status == 422
    end

    test "what is refused" do
      for {path, query, status} <- [
            {"/edit/photo.jpg", "", 400},
            {"/edit/photo.jpg", steps("blur:x"), 400},
            {"/edit/nix.jpg", steps("blur:1"), 404},
            {"/edit/../mix.exs", steps("blur:1"), 404},
            {"/edit/photo.jpg", steps("overlay:nix.png"), 404},
            {"/edit/photo.jpg", steps("overlay:form:a"), 400},
            {"/edit/photo.jpg", steps(~s([{"overlay": "http://127.0.0.1/a"}])), 400},
            {"/edit/photo.jpg", steps("blur:1") <> "&url=a", 400},
            {"/edit/photo.jpg", steps("blur:1") <> "&metadata=gps", 403},
            {"/edit", steps("blur:1"), 400},
            {"/edit", steps("blur:1") <> "&url=http%3A%2F%2F127.0.0.1%2Fa", 403}
          ],
          do: assert({path, query, get(path, query).status} == {path, query, status})

      signed = config(keys: ["secret"])
      assert get("/edit/photo.jpg", steps("blur:1"), signed).status == 403
      url = Thumbelina.URL.sign("/edit/photo.jpg", [edit: "blur:1", format: "png"], "secret")
      [path, query] = String.split(url, "?")
      assert get(path, query, signed).status == 200
    end
  end

  describe "explain" do
    test "has the plan, with its steps" do
      request = %Request{
        method: "POST",
        path: "/explain",
        query: steps(~s([{"blur": 2}, {"resize": [100, null]}, {"round": "circle"}])),
        body: @photo
      }

      response = Handler.handle(request, config())
      assert response.status == 200
      {:ok, plan} = Thumbelina.JSON.decode(response.body)
      {:ok, expected} = Thumbelina.explain(@photo, blur: 2, resize: {100, nil}, round: :circle)
      assert {plan["width"], plan["height"]} == {expected.width, expected.height}

      assert plan["steps"] ==
               for(
                 step <- expected.steps,
                 do: Map.new(step, fn {k, v} -> {"#{k}", if(is_atom(v), do: "#{v}", else: v)} end)
               )
    end
  end

  test "whatever is sent, there is an answer" do
    :rand.seed(:exsss, 7)
    photo = File.read!("test/fixtures/photo-gray.jpg")
    names = Enum.map(Thumbelina.Edit.names(), &Atom.to_string/1)
    options = ~w(value fit position background amount threshold margin opacity tile width dpr)

    values =
      ~w(null true false 0 1 -1 2.5 90 300 65536 4294967295 1e30 "" "red" "center" "cover" "circle") ++
        ~w("horizontal" "alpha.png" "form:x" [] [9,9] [0,0,9,9] [2,"red"] [null,40] [1,2,3] {} [[]])

    value = fn -> Enum.random(values) end

    statuses =
      for _ <- 1..1500 do
        steps =
          for _ <- 1..Enum.random([1, 1, 2]) do
            inner =
              if :rand.uniform(3) == 1,
                do: ~s({"value": #{value.()}, "#{Enum.random(options)}": #{value.()}}),
                else: value.()

            ~s({"#{Enum.random(names)}": #{inner}})
          end

        json = "[" <> Enum.join(steps, ",") <> "]"
        config = config(max_pixels: 1_000_000, max_memory: 64_000_000)
        response = post(steps(json), config, photo)
        assert {json, response.status in [200, 400, 403, 404, 413]} == {json, true}
        if response.status != 200, do: assert(message(response) != "")
        response.status
      end

    assert %{200 => made, 400 => refused} = Enum.frequencies(statuses)
    assert made > 30 and refused > 30, inspect({made, refused})
  end

  test "metadata of a body, which its sender has" do
    for metadata <- ["keep", "exif,icc", "copyright", "strip"],
        do: assert(post(steps("blur:1") <> "&metadata=" <> metadata).status == 200)

    for metadata <- ["", "all", "exif,", "exif,exif,exif,exif,exif,exif,exif"],
        do: assert(post(steps("blur:1") <> "&metadata=" <> metadata).status == 400)
  end

  @boundary "----WebKitFormBoundaryx9"

  defp form(parts) do
    parts =
      for {name, content} <- parts do
        [
          ["--", @boundary, "\r\n", ~s(Content-Disposition: form-data; name="#{name}")],
          if(byte_size(content) > 1000, do: ~s(; filename="a.jpg"\r\nContent-Type: image/jpeg)),
          ["\r\n\r\n", content, "\r\n"]
        ]
        |> Enum.reject(&(&1 == nil))
      end

    headers = [{"content-type", "multipart/form-data; boundary=#{@boundary}"}]
    {headers, IO.iodata_to_binary([parts, "--", @boundary, "--\r\n"])}
  end

  defp request(query, {headers, body}),
    do: %Request{method: "POST", path: "/edit", query: query, headers: headers, body: body}

  defp submit(parts, query \\ "", config \\ config()),
    do: query |> request(form(parts)) |> Handler.handle(config)

  defp message(response) do
    {:ok, %{"message" => message}} = Thumbelina.JSON.decode(response.body)
    message
  end
end
