defmodule Thumbelina.Server.RemoteTest do
  # Not async: it looks at which processes are left over.
  use ExUnit.Case

  alias Thumbelina.Server.Remote
  alias Thumbelina.Server.Remote.{Address, Failed, URL}

  @localhost {127, 0, 0, 1}
  @name "pictures.example"

  # A server that calls `fun` with each connection and the head of its request.
  defp serve(fun, transport \\ :gen_tcp, options \\ []) do
    options = [:binary, active: false, reuseaddr: true, ip: @localhost] ++ options
    {:ok, listener} = transport.listen(0, options)

    {:ok, {_, port}} =
      if transport == :ssl, do: :ssl.sockname(listener), else: :inet.sockname(listener)

    start_supervised!({Task, fn -> accept(transport, listener, fun) end}, id: make_ref())
    port
  end

  defp accept(transport, listener, fun) do
    with {:ok, socket} <- accepted(transport, listener),
         {:ok, head} <- head(transport, socket, "") do
      fun.(socket, head)
      transport.close(socket)
    end

    accept(transport, listener, fun)
  end

  defp accepted(:gen_tcp, listener), do: :gen_tcp.accept(listener)

  defp accepted(:ssl, listener) do
    with {:ok, socket} <- :ssl.transport_accept(listener), do: :ssl.handshake(socket, 5_000)
  end

  defp head(transport, socket, read) do
    if String.ends_with?(read, "\r\n\r\n") do
      {:ok, read}
    else
      with {:ok, bytes} <- transport.recv(socket, 0, 5_000),
           do: head(transport, socket, read <> bytes)
    end
  end

  # Serves the same bytes to everybody.
  defp answer(bytes), do: serve(fn socket, _head -> :gen_tcp.send(socket, bytes) end)

  defp ok(headers, body),
    do: ["HTTP/1.1 200 OK\r\n", Enum.map(headers, &[&1, "\r\n"]), "\r\n", body]

  defp config(port, more \\ []) do
    Enum.into(more, %{
      allow_hosts: [@name],
      allow_ports: List.wrap(port),
      allow_private: true,
      resolver: fn _name -> {:ok, [@localhost]} end,
      timeout: 10_000
    })
  end

  defp url(port, path \\ "/"), do: "http://#{@name}:#{port}#{path}"
  defp open(port, more \\ []), do: Remote.open(url(port), config(port, more))

  defp read(remote), do: remote |> Enum.to_list() |> IO.iodata_to_binary()

  # The status of what opening or reading fails with.
  defp status(port, more \\ []) do
    case open(port, more) do
      {:ok, remote} ->
        try do
          {:read, read(remote)}
        rescue
          error in Failed -> {:failed, error.status}
        end

      {:error, {status, message}} ->
        assert is_binary(message)
        status
    end
  end

  defp eventually(fun, tries \\ 500) do
    cond do
      fun.() -> true
      tries == 0 -> flunk("it did not happen")
      true -> Process.sleep(10) && eventually(fun, tries - 1)
    end
  end

  # Runs `fun`, after which neither a process, nor a port of this process, nor a message is left.
  defp nothing_left(fun) do
    processes = Process.list()
    ports = ports()
    result = fun.()
    assert Process.info(self(), :messages) == {:messages, []}
    assert ports() -- ports == []
    eventually(fn -> Process.list() -- processes == [] end)
    result
  end

  defp ports, do: for(port when is_port(port) <- elem(Process.info(self(), :links), 1), do: port)

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
          do:
            assert(status(answer("HTTP/1.1 #{code} X\r\nContent-Length: 0\r\n\r\n")) == expected)

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

    test "a port that nobody listens at" do
      {:ok, listener} = :gen_tcp.listen(0, ip: @localhost)
      {:ok, port} = :inet.port(listener)
      :gen_tcp.close(listener)
      assert status(port) == 502
      # The next address is tried.
      one = answer(ok([], "x"))

      assert status(one, resolver: fn _ -> {:ok, [{127, 0, 0, 77}, @localhost]} end) ==
               {:read, "x"}
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

  describe "the addresses" do
    # Of each range: the neighbors, which are public or not, and the first and last.
    @addresses [
      {"0.0.0.0", "0.255.255.255", nil, "1.0.0.0"},
      {"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
      {"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
      {"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
      {"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
      {"168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"},
      {"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
      {"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
      {"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
      {"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"},
      {"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
      {"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
      {"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
      {"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
      {"224.0.0.0", "255.255.255.255", "223.255.255.255", nil},
      {"::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil, nil},
      {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
       "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
      {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
       "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
      {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
       "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
      {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
       "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
      {"4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
       "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil},
      {"::ffff:10.0.0.0", "::ffff:10.255.255.255", "::ffff:9.255.255.255", "::ffff:11.0.0.0"},
      {"64:ff9b::127.0.0.0", "64:ff9b::127.255.255.255", "64:ff9b::126.255.255.255",
       "64:ff9b::128.0.0.0"}
    ]

    @not_public ~w(
      127.0.0.1 169.254.169.254 100.100.100.200 192.0.0.192 255.255.255.255 239.1.2.3
      ::1 ::2 fd00:ec2::254 fc00:: fdff::1 fe80:: fe80::1 febf::1 fec0:: feff::1 ff02::1
      ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::8.8.8.8 64:ff9b::10.0.0.1
      64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:808:808:: 100::1
      2001:0:808:808::1 2001:2::1 2001:10::1 2001:20::1 5f00::1 ::ffff:0:8.8.8.8
    )
    @public ~w(
      8.8.8.8 1.1.1.1 93.184.216.34 2606:4700::1111 2a00:1450:4001::1 2620:fe::fe
      ::ffff:8.8.8.8 64:ff9b::8.8.8.8
    )

    defp public?(text) do
      {:ok, address} = text |> String.to_charlist() |> :inet.parse_strict_address()
      Address.public?(address)
    end

    test "are public or not" do
      for {first, last, before, next} <- @addresses do
        for address <- [first, last], do: refute(public?(address), address)
        for address <- [before, next], address != nil, do: assert(public?(address), address)
      end

      for address <- @not_public, do: refute(public?(address), address)
      for address <- @public, do: assert(public?(address), address)
      assert length(@addresses) * 4 + length(@not_public) + length(@public) > 120
    end

    test "must all be public" do
      for other <- @not_public do
        {:ok, other} = other |> String.to_charlist() |> :inet.parse_strict_address()

        for addresses <- [[other], [{8, 8, 8, 8}, other], [other, {8, 8, 8, 8}]] do
          resolver = fn @name -> {:ok, addresses} end
          assert status(80, allow_private: false, resolver: resolver) == 403
        end
      end

      for none <- [{:ok, []}, {:error, :nxdomain}, :what],
          do: assert(status(80, resolver: fn _ -> none end) == 502)

      for literal <- [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fd00:ec2::254]",
            "169.254.169.254"
          ] do
        # Also if it is allowed as a host, and without a look-up.
        config = %{allow_hosts: [literal], resolver: fn _ -> {:ok, [{8, 8, 8, 8}]} end}

        assert {:error, {403, "the host has an address" <> _}} =
                 Remote.open("http://#{literal}/", config)
      end
    end

    test "are asked for once, and that is where the connection goes" do
      one = answer(ok([], "one"))
      {:ok, other} = :gen_tcp.listen(one, [:binary, active: false, ip: {127, 0, 0, 2}])
      {:ok, answers} = Agent.start_link(fn -> [[@localhost], [{127, 0, 0, 2}]] end)

      resolver = fn @name ->
        {:ok, Agent.get_and_update(answers, fn [next | rest] -> {next, rest} end)}
      end

      assert status(one, resolver: resolver) == {:read, "one"}
      assert Agent.get(answers, & &1) == [[{127, 0, 0, 2}]]
      assert :gen_tcp.accept(other, 0) == {:error, :timeout}
    end

    test "the system's resolver is asked by default" do
      one = answer(ok([], "x"))
      config = one |> config(allow_hosts: ["localhost"]) |> Map.delete(:resolver)
      assert {:ok, remote} = Remote.open("http://localhost:#{one}/", config)
      assert read(remote) == "x"

      assert {:error, {403, "the host has an address" <> _}} =
               Remote.open("http://localhost:#{one}/", %{config | allow_private: false})
    end
  end

  describe "hosts" do
    test "are refused unless they are in the list" do
      for {host, allowed, expected} <- [
            {"a.example", [], 403},
            {"a.example", ["b.example"], 403},
            {"a.example", ["a.example"], 502},
            {"A.EXAMPLE", ["a.example"], 502},
            {"a.example.", ["a.example"], 502},
            {"a.example", ["A.Example."], 502},
            {"a.example", ["*.example"], 502},
            {"b.a.example", ["*.example"], 502},
            {"b.a.example", ["*.a.example"], 502},
            {"a.example", ["*.a.example"], 403},
            {"xa.example", ["*.a.example"], 403},
            {"a.example.evil.test", ["a.example", "*.a.example"], 403},
            {"a.example", ["*", "*.", "", "a", "example", ".example"], 403},
            {"xn--bcher-kva.example", ["xn--bcher-kva.example"], 502},
            {"1.2.3.4", ["*.4", "*.2.3.4", "*.3.4"], 403},
            {"[2606:4700::1]", ["*.4700::1]"], 403}
          ] do
        config = %{allow_hosts: allowed, resolver: fn _ -> {:error, :nxdomain} end}
        assert {:error, {^expected, _}} = Remote.open("http://#{host}/", config), host
      end

      assert {:error, {403, "the port is not allowed"}} =
               Remote.open("http://a.example:8080/", %{allow_hosts: ["a.example"]})

      assert {:error, {403, _}} = Remote.open("http://a.example/", %{})
    end

    test "an IPv6 address is the same in each form" do
      for written <- ["[2606:4700::1]", "[2606:4700:0:0:0:0:0:1]", "[2606:4700::0001]"],
          allowed <- ["2606:4700::1", "[2606:4700::1]", "2606:4700:0::1"] do
        # No port is allowed, which is looked at after the host.
        config = %{allow_hosts: [allowed], allow_ports: []}
        assert {:error, {403, "the port" <> _}} = Remote.open("http://#{written}/", config)
      end
    end

    test "odd ones are refused" do
      odd = [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0X7F000001/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.0x1/",
        "http://127.0.0.1.1/",
        "http://127.0.0.256/",
        "http://0/",
        "http://0x/",
        "http://a.0x7f/",
        "http://a.1/",
        "http://1.2.3.4../",
        "http://[::ffff:127.0.0.1%25lo]/",
        "http://[fe80::1%lo]/",
        "http://[127.0.0.1]/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://x[::1]/",
        "http://[[::1]]/",
        "http://[]/",
        "http://a.example../",
        "http://.a.example/",
        "http://a..example/",
        "http://./",
        "http://../",
        "http:///",
        "http:////a.example/",
        "http://?a.example",
        "http:a.example",
        "http:/a.example/",
        "//a.example/",
        "a.example/",
        "/",
        "",
        "http",
        "http://",
        "http://a.example:/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:080000/",
        "http://a.example:-1/",
        "http://a.example:80:80/",
        "http://a.example:http/",
        "http://u@a.example/",
        "http://u:p@a.example/",
        "http://@a.example/",
        "http://:@a.example/",
        "http://127.0.0.1@a.example/",
        "http://a.example@127.0.0.1/",
        "http://a.example:80@127.0.0.1/",
        "http://a.example\\@127.0.0.1/",
        "http://127.0.0.1\\@a.example/",
        "http://127.0.0.1\\.a.example/",
        "http:\\\\a.example\\",
        "http://a.example%00/",
        "http://a%2eexample/",
        "http://%61.example/",
        "http://%31%32%37.0.0.1/",
        "http://a.example%40127.0.0.1/",
        "http://a.ex\tample/",
        "http://a.ex\nample/",
        "http://a.example/\r\nX: y",
        "http://a.example/\n",
        "http://a.example\n",
        " http://a.example/",
        "http://a.example/ ",
        "http://a.example/a b",
        "http://a.example/%",
        "http://a.example/%4",
        "http://a.example/%zz",
        "http://a.example/\0",
        "http://bücher.example/",
        "http://a。example/",
        "http://①②⑦.⓪.⓪.①/",
        "http://a.example/ü",
        <<"http://a.example/", 255>>,
        "http://-a.example/",
        "http://a-.example/",
        "http://a,b.example/",
        "http://a;b.example/",
        "http://#{String.duplicate("a", 64)}.example/",
        "http://#{String.duplicate("a.", 127)}example/",
        "http://a.example/#{String.duplicate("a", 9000)}",
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "data:image/png;base64,AAAA",
        "httpx://a.example/",
        "https+x://a.example/",
        nil,
        :url,
        ~c"http://a.example/",
        %{}
      ]

      config = %{allow_hosts: ["a.example", "*.example", "127.0.0.1", "::1"], allow_private: true}
      for url <- odd, do: assert({:error, {400, _}} = Remote.open(url, config), inspect(url))
    end

    test "ordinary ones are taken" do
      for {url, host, port, target} <- [
            {"HTTP://A.Example", "a.example", 80, "/"},
            {"https://a.example?q", "a.example", 443, "/?q"},
            {"https://a.example#x", "a.example", 443, "/"},
            {"http://a.example.:81/a/../b//c@d:e?x=[1]&y=http://b/", "a.example", 81,
             "/a/../b//c@d:e?x=[1]&y=http://b/"},
            {"http://a_b.c-d.example/%2F%c3", "a_b.c-d.example", 80, "/%2F%c3"},
            {"http://1a.2b/", "1a.2b", 80, "/"},
            {"http://8.8.8.8:00080/", "8.8.8.8", 80, "/"},
            {"http://[2606:4700:0::1]:8080/", "2606:4700::1", 8080, "/"}
          ] do
        assert {:ok, %{host: ^host, port: ^port, target: ^target} = parsed} = URL.parse(url)
        assert URL.parse(to_string(parsed)) == {:ok, parsed}
      end
    end

    test "nothing odd raises, or gets to an address that is not allowed" do
      :rand.seed(:exsss, {1, 2, 3})
      test = self()

      parts =
        ~w(http https ftp : / // /// ? # @ [ ] \\ . .. % %00 %2e %40 a.example A.EXAMPLE evil.test
        127.0.0.1 127.1 0x7f 2130706433 ::1 ::ffff:127.0.0.1 localhost u:p@ :80 :443 :99999 , ; * ü 。
        xn--a - _ a b 1 0 = &) ++
          [" ", "\t", "\r\n", "\0", <<255>>, "http://a.example", "http://"]

      config = %{
        allow_hosts: ["a.example", "*.a.example"],
        resolver: fn host -> send(test, {:looked_up, host}) && {:error, :nxdomain} end
      }

      {:ok, base} = URL.parse("http://a.example/x/y?z")

      statuses =
        for _ <- 1..10_000 do
          random = for _ <- 1..:rand.uniform(9), into: "", do: Enum.random(parts)
          text = if :rand.uniform(2) == 1, do: "http://" <> random, else: random
          assert {kind, _} = URL.resolve(base, text)
          assert kind in [:ok, :error]

          case URL.parse(text) do
            {:ok, parsed} -> assert URL.parse(to_string(parsed)) == {:ok, parsed}
            {:error, message} -> assert is_binary(message)
          end

          assert {:error, {status, message}} = Remote.open(text, config)
          assert is_binary(message)
          status
        end

      assert statuses |> Enum.uniq() |> Enum.sort() == [400, 403, 502]

      hosts =
        for {:looked_up, host} <- elem(Process.info(self(), :messages), 1), uniq: true, do: host

      assert hosts != [] and
               Enum.all?(hosts, &(&1 == "a.example" or String.ends_with?(&1, ".a.example")))
    end
  end

  describe "TLS" do
    # Certificates of a server: for names or addresses, signed by an authority of its own.
    defp certificates(alternatives, peer \\ []) do
      names = {:Extension, {2, 5, 29, 17}, false, alternatives}
      key = [key: {:namedCurve, :secp256r1}, digest: :sha256]

      %{server_config: server, client_config: client} =
        :public_key.pkix_test_data(%{
          server_chain: %{
            root: key,
            intermediates: [],
            peer: key ++ [extensions: [names]] ++ peer
          },
          client_chain: %{root: key, intermediates: [], peer: key}
        })

      {server, client[:cacerts]}
    end

    defp tls(server, fun \\ &:ssl.send(&1, &2)) do
      test = self()

      serve(
        fn socket, _head ->
          send(test, {:name, :ssl.connection_information(socket, [:sni_hostname])})

          if is_function(fun, 1),
            do: fun.(socket),
            else: fun.(socket, ok([], "secret"))
        end,
        :ssl,
        server ++ [log_level: :none]
      )
    end

    defp open_tls(port, cacerts, host \\ @name) do
      with {:ok, remote} <-
             Remote.open(
               "https://#{host}:#{port}/",
               config(port, cacerts: cacerts, allow_hosts: [host])
             ),
           do: {:ok, read(remote)}
    end

    test "is verified for the name, although the connection goes to an address" do
      {server, cacerts} = certificates(dNSName: ~c"pictures.example")
      port = tls(server)
      assert open_tls(port, cacerts) == {:ok, "secret"}
      assert_receive {:name, {:ok, [sni_hostname: ~c"pictures.example"]}}
      assert open_tls(port, cacerts, "PICTURES.example.") == {:ok, "secret"}

      # Also after it was right for another name at the same address.
      for other <- ["other.example", "a.pictures.example", "example", "127.0.0.1"],
          do:
            assert(
              {:error, {502, "the server could not be trusted"}} = open_tls(port, cacerts, other)
            )
    end

    test "a wildcard is for one label" do
      {server, cacerts} = certificates(dNSName: ~c"*.example")
      port = tls(server)
      assert open_tls(port, cacerts) == {:ok, "secret"}
      assert {:error, {502, _}} = open_tls(port, cacerts, "a.b.example")
      assert {:error, {502, _}} = open_tls(port, cacerts, "example")
    end

    test "an address needs a certificate for the address" do
      {server, cacerts} = certificates(iPAddress: <<127, 0, 0, 1>>)
      port = tls(server)
      assert open_tls(port, cacerts, "127.0.0.1") == {:ok, "secret"}
      assert {:error, {502, _}} = open_tls(port, cacerts)
    end

    test "an unknown authority, the system's ones, and an expired certificate are refused" do
      {server, cacerts} = certificates(dNSName: ~c"pictures.example")
      {_, others} = certificates(dNSName: ~c"pictures.example")
      port = tls(server)
      assert {:error, {502, "the server could not be trusted"}} = open_tls(port, others)
      assert {:error, {502, _}} = open_tls(port, [])
      assert {:error, {status, _}} = open_tls(port, nil)
      assert status in [500, 502]
      assert open_tls(port, cacerts) == {:ok, "secret"}

      for validity <- [{{2020, 1, 1}, {2021, 1, 1}}, {{2040, 1, 1}, {2041, 1, 1}}] do
        {server, cacerts} = certificates([dNSName: ~c"pictures.example"], validity: validity)
        assert {:error, {502, _}} = open_tls(tls(server), cacerts)
      end
    end

    test "what is not TLS, or is silent, is refused in time" do
      {_server, cacerts} = certificates(dNSName: ~c"pictures.example")
      {:ok, listener} = :gen_tcp.listen(0, ip: @localhost)
      {:ok, port} = :inet.port(listener)

      plain =
        Task.async(fn ->
          {:ok, socket} = :gen_tcp.accept(listener)
          :gen_tcp.send(socket, "HTTP/1.1 400 Bad Request\r\n\r\n")
          :gen_tcp.close(socket)
        end)

      assert {:error, {502, _}} = open_tls(port, cacerts)
      Task.await(plain)
      {:ok, listener} = :gen_tcp.listen(0, ip: @localhost)
      {:ok, port} = :inet.port(listener)

      nothing_left(fn ->
        config = config(port, cacerts: cacerts, timeout: 200)
        assert {:error, {504, _}} = Remote.open("https://#{@name}:#{port}/", config)
      end)
    end

    test "closes its connection when it is halted, and leaves nothing" do
      test = self()
      {server, cacerts} = certificates(dNSName: ~c"pictures.example")

      port =
        tls(server, fn socket ->
          :ssl.send(socket, ok([], "first"))
          send(test, {:closed, :ssl.recv(socket, 0, 20_000)})
        end)

      {_, others} = certificates(dNSName: ~c"pictures.example")
      wrong = config(port, cacerts: others)
      config = config(port, cacerts: cacerts)
      url = "https://#{@name}:#{port}/"
      {:ok, remote} = Remote.open(url, config)
      Remote.close(remote)
      assert_receive {:closed, {:error, _}}, 5_000
      assert_received {:name, _}

      nothing_left(fn ->
        for _ <- 1..10 do
          {:ok, remote} = Remote.open(url, config)
          assert Enum.take(remote, 1) == ["first"]
          assert_receive {:closed, {:error, _}}, 5_000
          assert_received {:name, _}
          assert {:error, {502, _}} = Remote.open(url, wrong)
        end

        {opener, monitor} =
          spawn_monitor(fn ->
            {:ok, _remote} = Remote.open(url, config)
            send(test, :open)
            Process.sleep(:infinity)
          end)

        assert_receive :open, 5_000
        Process.exit(opener, :kill)
        assert_receive {:closed, {:error, _}}, 5_000
        assert_receive {:DOWN, ^monitor, _, _, _}
        assert_received {:name, _}
      end)
    end
  end
end
