defmodule Thumbelina.Server.RemoteTest do
  # Not async: it looks at which processes are left over.
  use ExUnit.Case

  import Thumbelina.RemoteServer

  alias Thumbelina.Server.Remote
  alias Thumbelina.Server.Remote.Failed

  @localhost localhost()
  @name name()

  describe "a picture" do
    test "comes in pieces, which are its bytes" do
      bytes = :rand.bytes(1_000_000)
      test = self()

      port =
        serve(fn socket, head ->
          send(test, {:head, head})
          headers = ["Content-Length: 1000000", "ETag: \"a\"", "Content-Type: image/png"]
          date = "Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT"
          :gen_tcp.send(socket, ok([date | headers], bytes))
        end)

      assert {:ok, remote} = Remote.open(url(port, "/a%20b.png?x=1#part"), config(port))
      assert remote.url == url(port, "/a%20b.png?x=1")
      assert {remote.etag, remote.content_type} == {"\"a\"", "image/png"}
      assert remote.last_modified == "Tue, 15 Nov 1994 12:45:26 GMT"
      refute inspect(remote) =~ "Port"

      assert_receive {:head, head}
      assert "GET /a%20b.png?x=1 HTTP/1.1\r\n" <> _ = head

      for line <- [
            "Host: #{@name}:#{port}",
            "User-Agent: Thumbelina",
            "Accept-Encoding: identity"
          ],
          do: assert(head =~ "\r\n#{line}\r\n")

      refute head =~ ~r/cookie/i

      nothing_left(fn ->
        pieces = Enum.to_list(remote)
        assert length(pieces) > 2 and "" not in pieces
        assert IO.iodata_to_binary(pieces) == bytes
      end)
    end

    test "can be made a thumbnail of" do
      png = File.read!("test/fixtures/photo.png")
      {:ok, expected} = Thumbelina.thumbnail(png, 30, 30)
      {:ok, remote} = open(answer(ok(["Content-Length: #{byte_size(png)}"], png)))
      assert Thumbelina.thumbnail(remote, 30, 30) == {:ok, expected}

      {:ok, remote} = open(answer(ok(["Content-Length: 1000000"], png)))

      assert_raise Failed, "the server's answer ended early", fn ->
        Thumbelina.thumbnail(remote, 30, 30)
      end
    end

    test "can be read by another process than the one that opened it" do
      {:ok, remote} = open(answer(ok(["Content-Length: 5"], "hello")))
      assert Task.await(Task.async(fn -> read(remote) end)) == "hello"
    end

    test "closes its connection when it is halted, closed or raised in, or its process is killed" do
      test = self()

      endless = fn socket, _head ->
        :gen_tcp.send(socket, ok([], "first"))
        send(test, {:closed, :gen_tcp.recv(socket, 0, 20_000)})
      end

      port = serve(endless)

      for how <- [
            &Enum.take(&1, 1),
            &Remote.close/1,
            &catch_error(Enum.each(&1, fn _ -> raise "no" end))
          ] do
        {:ok, remote} = open(port)
        how.(remote)
        assert_receive {:closed, {:error, :closed}}, 5_000
        assert Remote.close(remote) == :ok
        assert Process.info(self(), :messages) == {:messages, []}
      end

      opener =
        spawn(fn ->
          {:ok, _} = open(port)
          send(test, :open)
          Process.sleep(:infinity)
        end)

      assert_receive :open, 5_000
      Process.exit(opener, :kill)
      assert_receive {:closed, {:error, :closed}}, 5_000
    end

    test "leaves nothing behind, however it ends" do
      one = answer(ok(["Content-Length: 9"], "too short"))
      short = answer(ok(["Content-Length: 99"], "too short"))

      nothing_left(fn ->
        for _ <- 1..50 do
          assert {:read, "too short"} = status(one)
          assert {:failed, 502} = status(short)
          assert 403 = status(one, allow_hosts: [])
          assert 502 = status(one, resolver: fn _ -> raise "no" end)
          assert 504 = status(one, resolver: fn _ -> Process.sleep(:infinity) end, timeout: 1)
          {:ok, remote} = open(one)
          assert [_] = Enum.take(remote, 1)
        end
      end)
    end

    test "leaves no message in a process that traps exits" do
      Process.flag(:trap_exit, true)
      one = answer(ok([], "x"))

      for _ <- 1..20 do
        assert {:read, "x"} = status(one)
        assert 502 = status(one, resolver: fn _ -> exit(:no) end)
        assert 504 = status(one, resolver: fn _ -> Process.sleep(:infinity) end, timeout: 1)
      end

      refute_received _
    end
  end

  describe "bounds" do
    test "of an endless body, an endless head, and endless bodies of errors" do
      block = String.duplicate("a", 65_536)

      endless = fn first ->
        serve(fn socket, _head ->
          :gen_tcp.send(socket, first)
          Stream.repeatedly(fn -> :gen_tcp.send(socket, block) end) |> Enum.find(&(&1 != :ok))
        end)
      end

      assert status(endless.(ok([], "")), max_bytes: 3_000_000) == {:failed, 413}
      assert status(endless.("HTTP/1.1 200 OK\r\nX: ")) == 502
      assert status(endless.("HTTP/1.1 ")) == 502
      assert status(endless.("")) == 502
      assert status(endless.("HTTP/1.1 404 Not Found\r\n\r\n")) == 404
      assert status(endless.("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")) == 502
      assert status(endless.(ok(["Transfer-Encoding: chunked"], "1;"))) == {:failed, 502}

      headers =
        serve(fn socket, _head ->
          :gen_tcp.send(socket, "HTTP/1.1 200 OK\r\n")

          Stream.repeatedly(fn -> :gen_tcp.send(socket, "A: b\r\n") end)
          |> Enum.find(&(&1 != :ok))
        end)

      assert status(headers) == 502

      continues =
        serve(fn socket, _head ->
          go_on = "HTTP/1.1 100 Continue\r\n\r\n"
          Stream.repeatedly(fn -> :gen_tcp.send(socket, go_on) end) |> Enum.find(&(&1 != :ok))
        end)

      assert status(continues) == 502
    end

    test "of time: for the name, the head, and the body" do
      silent = fn first ->
        serve(fn socket, _head ->
          :gen_tcp.send(socket, first)
          :gen_tcp.recv(socket, 0, 20_000)
        end)
      end

      assert status(silent.(""), timeout: 100) == 504
      assert status(silent.("HTTP/1.1 200 OK\r\nContent-"), timeout: 100) == 504
      # A busy machine may be late already when it opens.
      some = silent.(ok(["Content-Length: 9"], "some"))
      assert status(some, timeout: 200) in [504, {:failed, 504}]

      # Each byte is in time, but all of them are not.
      drip =
        serve(fn socket, _head ->
          :gen_tcp.send(socket, ok([], ""))

          Stream.repeatedly(fn -> Process.sleep(5) && :gen_tcp.send(socket, "a") end)
          |> Enum.find(&(&1 != :ok))
        end)

      assert status(drip, timeout: 200) in [504, {:failed, 504}]

      asleep = fn _name -> Process.sleep(:infinity) end
      assert status(drip, timeout: 50, resolver: asleep) == 504
      assert status(drip, timeout: 0) == 504
    end

    test "of time: for whoever reads, too, although there are bytes to read" do
      {:ok, remote} = open(answer(ok([], :rand.bytes(1_000_000))), timeout: 500)

      error = assert_raise Failed, fn -> Enum.each(remote, fn _ -> Process.sleep(600) end) end
      assert error.status == 504
    end
  end

  describe "redirects" do
    defp redirecting(targets) do
      test = self()

      serve(fn socket, "GET " <> rest ->
        [path | _] = String.split(rest, " ")
        send(test, {:asked, path})

        case targets[path] do
          nil -> :gen_tcp.send(socket, ok([], path))
          to -> :gen_tcp.send(socket, "HTTP/1.1 302 Found\r\nLocation: #{to}\r\n\r\n")
        end
      end)
    end

    test "are followed, as many as allowed" do
      port = redirecting(%{"/" => "/1?a=b", "/1?a=b" => "x/../2#part", "/2" => "?q"})
      assert status(port) == {:read, "/2?q"}
      assert status(port, max_redirects: 2) == 502
      assert status(port, max_redirects: 0) == 502

      port = redirecting(%{"/" => "/"})
      assert status(port) == 502
    end

    test "lead to nothing that is not allowed" do
      for {to, expected} <- [
            {"http://other.example/", 403},
            {"//other.example/", 403},
            {"http://127.0.0.1/", 403},
            {"http://[::1]/", 403},
            {"http://#{@name}:22/", 403},
            {"http://2130706433/", 502},
            {"http://user@#{@name}/", 502},
            {"ftp://#{@name}/", 502},
            {"file:///etc/passwd", 502},
            {"javascript:alert(1)", 502},
            {"gopher://#{@name}:70/x", 502},
            {"/a b", 502},
            {"\\\\#{@name}/", 502},
            {"http:///", 502},
            {"http:/x", 502},
            {"", 502},
            {"/#{String.duplicate("a", 9000)}", 502}
          ] do
        assert status(redirecting(%{"/" => to})) == expected, to
        assert_received {:asked, "/"}
        refute_received {:asked, _}
      end

      assert status(answer("HTTP/1.1 302 Found\r\n\r\n")) == 502
    end

    test "are checked after the name is looked up, each time" do
      port = redirecting(%{"/" => "/next"})
      {:ok, asked} = Agent.start_link(fn -> 0 end)

      resolver = fn _name ->
        case Agent.get_and_update(asked, &{&1, &1 + 1}) do
          0 -> {:ok, [@localhost]}
          _ -> {:error, :nxdomain}
        end
      end

      assert status(port, resolver: resolver) == 502
      assert Agent.get(asked, & &1) == 2

      # A name that leads to this machine.
      port = redirecting(%{})
      assert status(port, allow_private: false) == 403
      assert_received {:asked, "/"}
      refute_received {:asked, _}
    end
  end
end
