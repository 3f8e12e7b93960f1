defmodule Thumbelina.Server.Remote.HeadTest do
  use ExUnit.Case

  import Thumbelina.RemoteServer

  alias Thumbelina.Server.Remote

  test "of statuses, encodings, and what is not HTTP" do
    for {code, expected} <- [
          {404, 404},
          {410, 404},
          {403, 502},
          {500, 502},
          {206, 502},
          {204, 502},
          {304, 502}
        ],
        do: assert(status(answer("HTTP/1.1 #{code} X\r\nContent-Length: 0\r\n\r\n")) == expected)

    assert status(answer(ok(["Content-Encoding: gzip"], "x"))) == 502
    assert status(answer(ok(["Content-Encoding: identity"], "x"))) == {:read, "x"}

    for wrong <- [
          "",
          "hello\r\n\r\n",
          "HTTP/0.9 200 OK\r\n\r\nx",
          "HTTP/2.0 200 OK\r\n\r\nx",
          "HTTP/1.1 200 OK\r\n",
          "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
          "HTTP/1.1 999 X\r\n\r\n",
          <<0, 255, 10>>,
          "SSH-2.0-x\r\n"
        ],
        do: assert(status(answer(wrong)) == 502, inspect(wrong))

    {:ok, remote} =
      open(answer(ok(["ETag: a\tb", "Content-Type: a\e[1m", "Last-Modified: \xff"], "x")))

    assert {remote.etag, remote.content_type, remote.last_modified} == {nil, nil, nil}
    Remote.close(remote)
  end
end
