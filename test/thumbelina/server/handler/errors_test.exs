defmodule Thumbelina.Server.Handler.ErrorsTest do
  # What is refused, with which status and reason.
  use ExUnit.Case, async: true

  import Thumbelina.HandlerRequests

  alias Thumbelina.Error
  alias Thumbelina.Server.{Gate, Handler, Metrics, Request}

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
end
