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
          ["", "edit=", steps("blur:none"), steps("blurr:2"), steps("overlay:mark.png")] ++
            [steps("blur:2") <> "&fit=cover", steps("blur:2") <> "&quality=0"] do
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
end
