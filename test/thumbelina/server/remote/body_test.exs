defmodule Thumbelina.Server.Remote.BodyTest do
  use ExUnit.Case

  import Thumbelina.RemoteServer

  test "may end with the connection, or come in chunks, however it is cut" do
    assert status(answer(ok([], "to the end"))) == {:read, "to the end"}
    assert status(answer(ok(["Content-Length: 0"], ""))) == {:read, ""}
    assert status(answer(["HTTP/1.0 200 OK\r\n\r\n", "old"])) == {:read, "old"}
    assert status(answer(["HTTP/1.1 100 Continue\r\n\r\n", ok([], "x")])) == {:read, "x"}

    chunks = [
      "5\r\nhello\r\n",
      "0001; a=b\r\n \r\n",
      "A\r\n0123456789\r\n",
      "0\r\nA: b\r\n\r\n"
    ]

    whole = IO.iodata_to_binary(ok(["Transfer-Encoding: Chunked"], chunks))
    assert status(answer(whole)) == {:read, "hello 0123456789"}

    port =
      serve(fn socket, _head ->
        :inet.setopts(socket, nodelay: true)
        for <<byte <- whole>>, do: :gen_tcp.send(socket, <<byte>>)
      end)

    assert status(port) == {:read, "hello 0123456789"}
  end

  test "of bytes" do
    assert status(answer(ok(["Content-Length: 10"], "0123456789")), max_bytes: 10) ==
             {:read, "0123456789"}

    assert status(answer(ok(["Content-Length: 11"], "")), max_bytes: 10) == 413
    assert status(answer(ok([], "0123456789")), max_bytes: 10) == {:read, "0123456789"}
    assert status(answer(ok([], "0123456789A")), max_bytes: 10) == {:failed, 413}

    chunked = ["Transfer-Encoding: chunked"]

    assert status(answer(ok(chunked, "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n")), max_bytes: 10) ==
             {:read, "hellohello"}

    assert status(answer(ok(chunked, "5\r\nhello\r\n6\r\n")), max_bytes: 10) == {:failed, 413}
    assert status(answer(ok(chunked, "FFFFFFFFFFFF\r\n")), max_bytes: 10) == {:failed, 413}
  end

  test "a wrong length is no success" do
    assert status(answer(ok(["Content-Length: 3"], "hello"))) == {:read, "hel"}
    assert status(answer(ok(["Content-Length: 9"], "hello"))) == {:failed, 502}

    assert status(answer(ok(["Content-Length: 5", "Content-Length: 5"], "hello"))) ==
             {:read, "hello"}

    for wrong <- ["-1", "+5", "5, 5", "0x5", "", "5 5", String.duplicate("9", 30)],
        do: assert(status(answer(ok(["Content-Length: #{wrong}"], "hello"))) == 502)

    assert status(answer(ok(["Content-Length: 5", "Content-Length: 4"], "hello"))) == 502
    both = ["Content-Length: 5", "Transfer-Encoding: chunked"]
    assert status(answer(ok(both, "0\r\n\r\n"))) == 502
    assert status(answer(ok(["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"))) == 502

    for wrong <- ["5\r\nhel", "x\r\n", "-1\r\n", "5\r\nhelloXX", "\r\n", "", "5\nhello\n0\n\n"],
        do: assert(status(answer(ok(["Transfer-Encoding: chunked"], wrong))) == {:failed, 502})
  end
end
