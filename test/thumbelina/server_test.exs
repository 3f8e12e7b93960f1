defmodule Thumbelina.ServerTest do
  use ExUnit.Case

  import Thumbelina.Poll

  import Thumbelina.{Poll, Quiet}

  alias Thumbelina.{Error, Server, URL}
  alias Thumbelina.Server.Httpd

  @fixtures Path.expand("test/fixtures")
  # Some seconds of work, which a test does not wait for.
  @slow "/thumbnail/9000?enlarge=true&format=png"

  doctest Thumbelina.Server

  defp start(opts \\ []) do
    server = start_supervised!({Server, [port: 0, root: @fixtures] ++ opts})
    %{server: server, port: Server.port(server)}
  end

  # A client that knows HTTP.
  defp request(%{port: port}, method, path, opts \\ []) do
    url = String.to_charlist("#{opts[:scheme] || "http"}://127.0.0.1:#{port}#{path}")

    headers =
      for {name, value} <- opts[:headers] || [], do: {to_charlist(name), to_charlist(value)}

    request =
      if opts[:body],
        do: {url, headers, ~c"application/octet-stream", opts[:body]},
        else: {url, headers}

    http = [
      ssl: [verify: :verify_none],
      autoredirect: false,
      version: opts[:version] || ~c"HTTP/1.1"
    ]

    {:ok, {{_, status, _}, headers, body}} =
      :httpc.request(method, request, http, body_format: :binary)

    %{
      status: status,
      headers: Map.new(headers, fn {k, v} -> {to_string(k), to_string(v)} end),
      body: body
    }
  end

  # And one that does not.
  defp connect(%{port: port}, bytes \\ "") do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    :ok = :gen_tcp.send(socket, bytes)
    socket
  end

  # One response: its head and its body, and what came after it.
  defp response(socket, read \\ "") do
    with [head, rest] <- String.split(read, "\r\n\r\n", parts: 2),
         length = content_length(head),
         <<body::binary-size(length), rest::binary>> <- rest do
      {head, body, rest}
    else
      _ ->
        {:ok, bytes} = :gen_tcp.recv(socket, 0, 30_000)
        response(socket, read <> bytes)
    end
  end

  defp content_length(head) do
    case Regex.run(~r/\r\ncontent-length: (\d+)/i, head) do
      [_, length] -> String.to_integer(length)
      nil -> 0
    end
  end

  defp closed?(socket), do: match?({:error, _}, :gen_tcp.recv(socket, 0, 30_000))

  defp post(path, body, headers \\ ""),
    do:
      "POST #{path} HTTP/1.1\r\nhost: a\r\n#{headers}" <>
        "content-length: #{byte_size(body)}\r\n\r\n#{body}"

  defp metric(server, name) do
    # On a connection that is closed afterwards.
    socket = connect(server, "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    {_head, body, ""} = response(socket)
    :gen_tcp.close(socket)

    case Regex.run(~r/^#{Regex.escape(name)} (\d+)$/m, body) do
      [_, count] -> String.to_integer(count)
      nil -> 0
    end
  end

  defp in_progress(server), do: metric(server, "thumbelina_in_progress")

  defp httpd(server) do
    [pid] = for {Httpd, pid, _, _} <- Supervisor.which_children(server), do: pid
    pid
  end

  defp connections(server) do
    [{_, instance, _, _}] = Supervisor.which_children(:sys.get_state(httpd(server.server)).httpd)

    [pid] =
      for {{:httpd_connection_sup, _, _, _}, pid, _, _} <- Supervisor.which_children(instance),
          do: pid

    Supervisor.count_children(pid).active
  end

  # One that comes in several pieces, and one that is there as a whole when it is worked on.
  defp png, do: File.read!(Path.join(@fixtures, "photo.png"))
  defp jpeg, do: File.read!(Path.join(@fixtures, "photo.jpg"))

  test "serves" do
    server = start(keys: ["secret"], format: :auto)
    path = URL.thumbnail("photo.jpg", 100, 100, key: "secret", filename: "ä")
    response = request(server, :get, path, headers: [{"Accept", "image/png"}])
    assert response.status == 200
    assert %{width: 100, height: 67, format: :png} = Thumbelina.new!(response.body)
    assert response.headers["content-length"] == "#{byte_size(response.body)}"
    assert response.headers["content-type"] == "image/png"
    assert response.headers["vary"] == "accept"
    assert Map.has_key?(response.headers, "date")
    refute Map.has_key?(response.headers, "server")

    head = request(server, :head, path, headers: [{"Accept", "image/png"}])
    assert {head.status, head.body} == {200, ""}
    assert Map.delete(head.headers, "date") == Map.delete(response.headers, "date")

    etag = response.headers["etag"]

    again =
      request(server, :get, path, headers: [{"Accept", "image/png"}, {"If-None-Match", etag}])

    assert {again.status, again.body} == {304, ""}
    refute Map.has_key?(again.headers, "content-type")

    for {method, path, opts, status} <- [
          {:get, "/health", [], 200},
          {:get, "/nix", [], 404},
          {:get, "/thumbnail/100/photo.jpg", [], 403},
          {:put, "/health", [body: "x"], 405},
          {:delete, "/health", [], 405},
          {:post, URL.sign("/thumbnail/50", "", "secret"), [body: png()], 200},
          {:post, URL.sign("/info", "", "secret"), [body: png()], 200},
          {:post, URL.sign("/thumbnail/50", "", "secret"), [body: "x"], 415}
        ] do
      assert {path, request(server, method, path, opts).status} == {path, status}
    end

    assert metric(server, ~s(thumbelina_requests_total{route="thumbnail",status="304"})) == 1
    assert metric(server, "thumbelina_refused_total") == 0
    poll(fn -> in_progress(server) == 0 end)
  end

  test "takes edits, with their steps in the URL or in a form" do
    server = start()
    made = Thumbelina.edit!(jpeg(), resize: {40, 30}, invert: true, format: :png).bytes
    path = "/edit?edit=resize:40x30%7Cinvert&format=png"
    assert %{status: 200, body: ^made} = request(server, :post, path, body: jpeg())
    get = String.replace(path, "?", "/photo.jpg?")
    assert %{status: 200, body: ^made} = request(server, :get, get)

    edit = ~s([{"resize": [40, 30]}, {"invert": true}, {"format": "png"}])

    body =
      "--b\r\ncontent-disposition: form-data; name=edit\r\n\r\n#{edit}\r\n" <>
        "--b\r\ncontent-disposition: form-data; name=picture\r\n\r\n#{jpeg()}\r\n--b--"

    socket =
      connect(server, post("/edit", body, "content-type: multipart/form-data; boundary=b\r\n"))

    assert {"HTTP/1.1 200 OK" <> _, ^made, ""} = response(socket)

    # What is refused by its head is read to its end, and the connection goes on.
    :ok = :gen_tcp.send(socket, post("/edit?edit=blur:x", jpeg()))
    assert {"HTTP/1.1 400 " <> _, message, ""} = response(socket)
    assert message =~ "step 1, blur"
    :ok = :gen_tcp.send(socket, post("/explain?edit=blur:1", jpeg()))
    assert {"HTTP/1.1 200 " <> _, plan, ""} = response(socket)
    assert plan =~ ~s("step":"blur")
  end

  test "keeps statuses for clients of HTTP/1.0" do
    server = start()

    for {path, status} <- [
          {"/thumbnail/9/truncated.jpg", "422"},
          {"/thumbnail/9/photo.jpg", "200"}
        ] do
      socket = connect(server, "GET #{path} HTTP/1.0\r\n\r\n")
      {head, _body, ""} = response(socket)
      assert head =~ ~r/^HTTP\/1.1 #{status} .*connection: close/s
      assert closed?(socket)
    end
  end

  test "takes several requests on a connection, and before they are answered" do
    server = start()
    request = "GET /thumbnail/9/photo.jpg HTTP/1.1\r\nhost: a\r\n\r\n"
    last = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    socket = connect(server, request)
    assert {"HTTP/1.1 200 OK" <> _, body, ""} = response(socket)
    :ok = :gen_tcp.send(socket, request <> request)
    assert {"HTTP/1.1 200 OK" <> _, ^body, rest} = response(socket)
    assert {"HTTP/1.1 200 OK" <> _, ^body, ""} = response(socket, rest)
    # In pieces, while the one before is worked on, whose body is there as a whole.
    :ok = :gen_tcp.send(socket, post("/thumbnail/900?enlarge=true&format=png", jpeg()))

    poll(fn ->
      in_progress(server) == 1 or
        metric(server, ~s(thumbelina_requests_total{route="thumbnail",status="200"})) == 4
    end)

    :ok = :gen_tcp.send(socket, request)
    :ok = :gen_tcp.send(socket, last)
    assert {"HTTP/1.1 200 OK" <> _, _, rest} = response(socket)
    assert {"HTTP/1.1 200 OK" <> _, ^body, rest} = response(socket, rest)
    assert {"HTTP/1.1 200 OK" <> _, ~s({"status":"ok"}), ""} = response(socket, rest)
    assert closed?(socket)
  end

  test "takes large bodies, and no larger ones" do
    bmp = Thumbelina.thumbnail!(png(), 1500, nil, enlarge: true, format: :bmp).bytes
    server = start(max_body_bytes: byte_size(bmp))
    assert request(server, :post, "/thumbnail/100", body: bmp).status == 200

    # The limit itself, with a client that asks before it sends.
    socket =
      connect(
        server,
        "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n" <>
          "content-length: #{byte_size(bmp)}\r\n\r\n"
      )

    assert {"HTTP/1.1 100 " <> _, "", ""} = response(socket)
    :ok = :gen_tcp.send(socket, bmp)
    assert {"HTTP/1.1 200 OK" <> _, _, ""} = response(socket)

    for headers <- ["", "expect: 100-continue\r\n"] do
      socket =
        connect(
          server,
          "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\n#{headers}" <>
            "content-length: #{byte_size(bmp) + 1}\r\n\r\n"
        )

      assert {"HTTP/1.1 413 " <> _, _, _} = response(socket)
      assert closed?(socket)
    end
  end

  test "reads the body of a request that is refused, and keeps nothing of it" do
    server = start(keys: ["secret"])

    socket =
      connect(server, "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ncontent-length: 20000000\r\n\r\n")

    for _ <- 1..20, do: :ok = :gen_tcp.send(socket, :binary.copy(<<0>>, 1_000_000))
    assert {"HTTP/1.1 403 " <> _, _, ""} = response(socket)
    # The connection goes on with the next one.
    :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert {"HTTP/1.1 200 " <> _, _, ""} = response(socket)
  end

  test "sends what is wrong with a picture before its end, reads on, and closes" do
    for {opts, scheme, {connect, send, receive}} <- [
          {[], "http", tcp()},
          {[tls: certificate()], "https", tls()}
        ] do
      server = start(opts ++ [max_pixels: 1_000_000])
      socket = connect.(server)
      head = "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n"
      picture = "P5 3000 1000 255\n" <> :binary.copy("x", 99_983)
      :ok = send.(socket, head <> picture)
      {:ok, response} = receive.(socket)
      assert response =~ ~r/\AHTTP\/1.1 413 .*\r\nconnection: close\r\n.*limit_exceeded/s
      for _ <- 1..29, do: assert(send.(socket, :binary.copy("x", 100_000)) == :ok)
      assert {:error, _} = receive.(socket)
      assert request(server, :get, "/health", scheme: scheme).status == 200
      :ok = stop_supervised(Server)
    end
  end

  test "a thumbnail that is known before the end of its body waits for it" do
    server = start()
    bmp = Thumbelina.thumbnail!(png(), 640, 427, format: :bmp).bytes
    body = bmp <> :binary.copy("x", 500_000)
    head = "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ncontent-length: #{byte_size(body)}\r\n\r\n"
    socket = connect(server, head)
    for <<piece::binary-size(50_000) <- body>>, do: :ok = :gen_tcp.send(socket, piece)
    assert {:error, :timeout} = :gen_tcp.recv(socket, 0, 100)
    left = rem(byte_size(body), 50_000)
    :ok = :gen_tcp.send(socket, binary_part(body, byte_size(body) - left, left))
    assert {"HTTP/1.1 200 OK" <> _, _, ""} = response(socket)
    # The connection goes on.
    :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert {"HTTP/1.1 200 " <> _, _, ""} = response(socket)
  end

  defp tcp, do: {&connect/1, &:gen_tcp.send/2, &:gen_tcp.recv(&1, 0, 30_000)}

  defp tls do
    connect = fn server ->
      options = [verify: :verify_none, active: false, mode: :binary]
      {:ok, socket} = :ssl.connect({127, 0, 0, 1}, server.port, options)
      socket
    end

    {connect, &:ssl.send/2, &:ssl.recv(&1, 0, 30_000)}
  end

  defp certificate do
    chain = [digest: :sha256, key: {:rsa, 2048, 65_537}]
    peers = %{root: chain, intermediates: [chain], peer: chain}
    :public_key.pkix_test_data(%{server_chain: peers, client_chain: peers}).server_config
  end

  test "refuses chunked bodies, and what they hide" do
    server = start()

    for length <- ["", "content-length: 4\r\n"] do
      hidden = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n"

      socket =
        connect(
          server,
          "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\n#{length}" <>
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n#{hidden}"
        )

      assert {"HTTP/1.1 411 " <> _, _, ""} = response(socket)
      assert closed?(socket)
    end

    assert metric(server, ~s(thumbelina_requests_total{route="health",status="200"})) == 0
  end

  test "sheds what is too much at once" do
    server = start(max_concurrency: 1, timeout: 60_000)
    first = connect(server, post(@slow, jpeg()))
    poll(fn -> in_progress(server) == 1 end)
    # OTP's client would try again by itself.
    second = connect(server, post("/thumbnail/9", png()))
    assert {"HTTP/1.1 503 " <> _ = head, body, ""} = response(second)
    assert head =~ "retry-after: 1"
    assert body =~ ~s("error":"overloaded")
    assert request(server, :get, "/health").status == 200
    assert metric(server, "thumbelina_refused_total") == 1
    :gen_tcp.close(first)
    poll(fn -> in_progress(server) == 0 end)
    assert request(server, :post, "/thumbnail/9", body: png()).status == 200
  end

  test "work stops when the client hangs up" do
    server = start(max_concurrency: 3, timeout: 60_000)

    for hang_up <- [
          &:gen_tcp.close/1,
          &:gen_tcp.shutdown(&1, :read_write),
          # With a reset.
          fn socket ->
            :ok = :inet.setopts(socket, linger: {true, 0})
            :gen_tcp.close(socket)
          end
        ] do
      sockets = for _ <- 1..3, do: connect(server, post(@slow, jpeg()))
      poll(fn -> in_progress(server) == 3 end)
      Enum.each(sockets, hang_up)
      poll(fn -> in_progress(server) == 0 end)
    end

    assert metric(server, "thumbelina_hung_up_total") == 9
    # None of them was finished.
    assert metric(server, ~s(thumbelina_requests_total{route="thumbnail",status="200"})) == 0
    poll(fn -> connections(server) == 0 end)
  end

  test "a worker that dies is an internal error, and its place comes back" do
    server = start(timeout: 60_000)
    socket = connect(server, post(@slow, jpeg()))
    poll(fn -> in_progress(server) == 1 end)
    [gate] = for {Server.Gate, pid, _, _} <- Supervisor.which_children(server.server), do: pid
    {:monitors, [process: worker]} = Process.info(gate, :monitors)
    Process.exit(worker, :kill)
    assert {"HTTP/1.1 500 " <> _, body, ""} = response(socket)
    assert body == ~s({"error":"internal_error","message":"internal error"})
    poll(fn -> in_progress(server) == 0 end)
    # The connection goes on.
    :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert {"HTTP/1.1 200 " <> _, _, ""} = response(socket)
  end

  test "work stops when its time is up" do
    server = start(timeout: 1)
    assert request(server, :post, @slow, body: png()).status == 504
    poll(fn -> in_progress(server) == 0 end)
  end

  test "slow clients hold nothing" do
    server = start(max_concurrency: 1, keep_alive_timeout: 1, body_timeout: 300)

    # A head that never ends, a byte at a time; a body that never comes; and nothing at all.
    dripping = connect(server, "GET /health HTTP/1.1\r\nx: ")

    heads =
      for part <- ["GET", "GET /health", "GET /health HTTP/1.1\r\nhost: a\r\n"],
          do: connect(server, part)

    bodies =
      for sent <- ["", "P", :binary.copy("P", 70_000)],
          do:
            connect(
              server,
              "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n" <> sent
            )

    # httpd does not find the end of a body if more comes with it.
    followed = connect(server, post("/info", "x") <> "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    idle = connect(server)
    close = [headers: [{"Connection", "close"}]]
    assert request(server, :get, "/thumbnail/9/photo.jpg", close).status == 200

    # It ends although there is always something new.
    poll(fn -> :gen_tcp.send(dripping, "x") != :ok end)
    # What is no picture is refused before the rest of it comes.
    assert {"HTTP/1.1 415 " <> _ = head, _, ""} = bodies |> List.last() |> response()
    assert head =~ "\r\nconnection: close"
    for socket <- bodies, do: assert(closed?(socket))
    assert closed?(idle)
    poll(fn -> ends?(followed) end)
    for socket <- heads, do: poll(fn -> ends?(socket) end)
    poll(fn -> connections(server) == 0 end)
  end

  defp ends?(socket) do
    case :gen_tcp.recv(socket, 0, 0) do
      {:ok, _} -> false
      {:error, :timeout} -> false
      {:error, _} -> true
    end
  end

  test "a body may take longer than the head" do
    server = start(keep_alive_timeout: 1, body_timeout: 30_000)
    <<first::binary-size(100_000), rest::binary>> = png()

    socket =
      connect(
        server,
        "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ncontent-length: #{byte_size(png())}\r\n\r\n" <>
          first
      )

    # Until a connection that sends nothing is closed.
    assert closed?(connect(server))
    :ok = :gen_tcp.send(socket, rest)
    assert {"HTTP/1.1 200 OK" <> _, _, ""} = response(socket)
    # The timer of the body is gone, that of the connection works.
    assert closed?(socket)
  end

  test "clients that do not read hold nothing" do
    server = start(send_timeout: 200, max_concurrency: 1)
    path = "/thumbnail/3000?enlarge=true&format=bmp"
    socket = connect(server, post(path, png()))

    poll(fn ->
      metric(server, ~s(thumbelina_requests_total{route="thumbnail",status="200"})) == 1
    end)

    poll(fn -> in_progress(server) == 0 end)
    poll(fn -> connections(server) == 0 end)
    :gen_tcp.close(socket)
  end

  test "nor do those whose thumbnail is there before the end of their body" do
    server = start(send_timeout: 200)
    bmp = Thumbelina.thumbnail!(png(), 640, 427, format: :bmp).bytes
    body = bmp <> :binary.copy("x", 500_000)
    socket = connect(server, post("/thumbnail/3000?enlarge=true&format=bmp", body))

    poll(fn ->
      metric(server, ~s(thumbelina_requests_total{route="thumbnail",status="200"})) == 1
    end)

    poll(fn -> connections(server) == 0 end)
    :gen_tcp.close(socket)
  end

  test "above max_clients, requests are refused" do
    server = start(max_clients: 2)
    idle = for _ <- 1..6, do: connect(server)
    poll(fn -> connections(server) >= 6 end)
    socket = connect(server, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert {"HTTP/1.1 503 " <> _, _, _} = response(socket)
    Enum.each(idle, &:gen_tcp.close/1)

    poll(fn ->
      socket = connect(server, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
      {head, _, _} = response(socket)
      :gen_tcp.close(socket)
      head =~ "200 OK"
    end)
  end

  test "stops at once, and starts on the same port" do
    server = start(timeout: 60_000)
    port = server.port
    busy = connect(server, post(@slow, jpeg()))
    idle = connect(server)
    poll(fn -> in_progress(server) == 1 end)
    :ok = stop_supervised(Server)
    assert closed?(busy) and closed?(idle)
    assert {:error, :econnrefused} = :gen_tcp.connect({127, 0, 0, 1}, port, [])
    # Nothing is left for connections of other servers.
    assert for({{Server.Connection, _}, _} = left <- :persistent_term.get(), do: left) == []

    for _ <- 1..3 do
      again = start(port: port)
      assert again.port == port
      assert request(again, :get, "/health").status == 200
      :ok = stop_supervised(Server)
    end
  end

  test "comes back after a crash" do
    quiet()
    server = start(name: :thumbelina_server_test, port: free_port())
    assert Process.whereis(:thumbelina_server_test) == server.server

    for kill <- [
          fn -> httpd(server.server) end,
          fn -> :sys.get_state(httpd(server.server)).httpd end,
          fn ->
            hd(for {Server.Gate, pid, _, _} <- Supervisor.which_children(server.server), do: pid)
          end
        ] do
      pid = kill.()
      monitor = Process.monitor(pid)
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^monitor, _, _, _}
      poll(fn -> answers?(server) end)
    end

    assert Server.port(:thumbelina_server_test) == server.port
  end

  defp answers?(server) do
    case :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false]) do
      {:ok, socket} ->
        _ = :gen_tcp.send(socket, "GET /thumbnail/9/photo.jpg HTTP/1.1\r\nhost: a\r\n\r\n")
        answer = :gen_tcp.recv(socket, 0, 10_000)
        :gen_tcp.close(socket)
        match?({:ok, "HTTP/1.1 200 OK" <> _}, answer)

      {:error, _} ->
        false
    end
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end

  test "says why it does not start" do
    quiet()
    Process.flag(:trap_exit, true)
    server = start()
    assert {:error, %Error{reason: :eaddrinuse} = error} = Server.start_link(port: server.port)
    assert Exception.message(error) =~ "address already in use"
    assert {:error, %Error{reason: :eaddrnotavail}} = Server.start_link(port: 0, ip: "192.0.2.1")

    assert {:error, %Error{reason: :invalid_option, key: :root}} =
             Server.start_link(root: "no/such")

    assert {:error, %Error{reason: :invalid_option, key: :options}} = Server.start_link(:nix)
    # It still works.
    assert request(server, :get, "/health").status == 200
  end

  test "several servers have their own options" do
    children =
      for id <- [:a, :b],
          do:
            start_supervised!(
              Supervisor.child_spec(
                {Server, port: 0, sizes: [if(id == :a, do: "9", else: "8")], root: @fixtures},
                id: id
              )
            )

    [a, b] = for server <- children, do: %{server: server, port: Server.port(server)}
    assert request(a, :get, "/thumbnail/9/photo.jpg").status == 200
    assert request(b, :get, "/thumbnail/9/photo.jpg").status == 403
    assert metric(a, ~s(thumbelina_requests_total{route="thumbnail",status="403"})) == 0
    assert Server.child_spec(name: :a).id == :a
    assert Server.child_spec([]).id == Server
  end

  test "speaks IPv6" do
    case :gen_tcp.listen(0, [:inet6, ip: {0, 0, 0, 0, 0, 0, 0, 1}]) do
      {:ok, socket} ->
        :gen_tcp.close(socket)
        server = start(ip: "::1")

        {:ok, socket} =
          :gen_tcp.connect({0, 0, 0, 0, 0, 0, 0, 1}, server.port, [:binary, :inet6, active: false])

        :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        assert {"HTTP/1.1 200 OK" <> _, _, ""} = response(socket)

      {:error, _} ->
        # This machine has none.
        assert {:error, %Error{}} = Server.start_link(ip: "::1", port: 0)
    end
  end

  test "speaks TLS" do
    server = start(tls: certificate(), timeout: 60_000)
    assert request(server, :get, "/thumbnail/9/photo.jpg", scheme: "https").status == 200
    assert request(server, :post, "/thumbnail/9", body: png(), scheme: "https").status == 200

    # Somebody who does not speak it, and somebody who hangs up.
    assert closed?(connect(server, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")) or true
    {:ok, socket} = :ssl.connect({127, 0, 0, 1}, server.port, verify: :verify_none, active: false)
    :ok = :ssl.send(socket, post(@slow, jpeg()))

    in_progress = fn ->
      request(server, :get, "/metrics", scheme: "https").body =~ "thumbelina_in_progress 1\n"
    end

    poll(in_progress)
    :ssl.close(socket)
    poll(fn -> not in_progress.() end)
  end
end
