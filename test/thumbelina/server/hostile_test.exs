defmodule Thumbelina.Server.HostileTest do
  # Requests that no client sends, over real sockets: every one is answered with a status of 4xx,
  # or one of httpd's own for what it does not know, or httpd closes the connection.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.Server

  @count 10_000
  # What httpd answers: 501 to methods, 505 to versions it does not know.
  @not_known [501, 505]

  setup do
    server =
      start_supervised!({
        Server,
        # Otherwise paths that are nothing but dots lead to it.
        port: 0,
        root: "test/fixtures",
        page: false,
        keep_alive_timeout: 1,
        body_timeout: 500,
        max_body_bytes: 1000,
        max_clients: 1000
      })

    %{server: server, port: Server.port(server)}
  end

  @tag timeout: 300_000
  test "ten thousand hostile requests", %{server: server, port: port} do
    :rand.seed(:exsss, {2, 3, 5})
    requests = for _ <- 1..@count, do: hostile()

    results =
      requests
      |> Task.async_stream(&{&1, send_raw(port, &1)},
        max_concurrency: 100,
        ordered: false,
        timeout: 60_000
      )
      |> Enum.map(fn {:ok, result} -> result end)

    for {request, result} <- results do
      assert result in [:closed | @not_known] or result in 400..499,
             "#{inspect(result)} to #{inspect(request, limit: :infinity, printable_limit: 500)}"
    end

    assert length(results) == @count
    # Most of it is understood well enough to be refused.
    assert Enum.count(results, &is_integer(elem(&1, 1))) > @count * 0.8

    assert Process.alive?(server) and Server.port(server) == port
    assert send_raw(port, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n") == 200
    assert send_raw(port, "GET /thumbnail/9/photo.jpg HTTP/1.1\r\nhost: a\r\n\r\n") == 200
    connections_end(server)
  end

  # The status, or that there was none before the connection was closed.
  defp send_raw(port, request) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    _ = :gen_tcp.send(socket, request)
    result = status(socket, "")
    :gen_tcp.close(socket)
    result
  end

  # httpd repeats the version that it got, whatever that is. 100 only allows to send the body.
  @status ~r/\AHTTP[^ \r\n]* (\d{3})[^\r\n]*\r\n/

  defp status(socket, read) do
    case Regex.run(@status, read) do
      [_, "100"] -> interim(socket, String.split(read, "\r\n\r\n", parts: 2))
      [_, status] -> String.to_integer(status)
      nil -> more(socket, read)
    end
  end

  defp interim(socket, [_interim, rest]), do: status(socket, rest)
  defp interim(socket, [part]), do: more(socket, part)

  defp more(socket, read) do
    case :gen_tcp.recv(socket, 0, 10_000) do
      {:ok, bytes} -> status(socket, read <> bytes)
      {:error, :timeout} -> :waits
      {:error, _} when read == "" -> :closed
      {:error, _} -> {:half, read}
    end
  end

  # None of the connections is left behind, waiting for something that never comes.
  defp connections_end(server) do
    [{_, httpd, _, _}] =
      for {Server.Httpd, pid, _, _} = child <- Supervisor.which_children(server),
          is_pid(pid),
          do: child

    httpd_sup = :sys.get_state(httpd).httpd
    [{_, instance, _, _}] = Supervisor.which_children(httpd_sup)

    [connections] =
      for {{:httpd_connection_sup, _, _, _}, pid, _, _} <- Supervisor.which_children(instance),
          do: pid

    poll(fn -> Supervisor.count_children(connections).active == 0 end)
  end

  defp hostile do
    case :rand.uniform(6) do
      1 -> line() <> "host: a\r\n\r\n"
      2 -> "GET #{path()} HTTP/1.1\r\nhost: a\r\n\r\n"
      3 -> "GET #{path()} HTTP/1.1\r\n" <> headers() <> "\r\n"
      4 -> "POST #{path()} HTTP/1.1\r\nhost: a\r\n" <> headers() <> "\r\n" <> junk(50)
      5 -> chunked()
      6 -> mangled()
    end
  end

  defp line do
    method =
      pick([
        "GET",
        "get",
        "",
        "G\0T",
        "FOO",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        long("A"),
        "HEAD",
        " GET",
        junk(5)
      ])

    version =
      pick([
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/2.0",
        "HTTP/1.9",
        "http/1.1",
        "HTTP/-1",
        "HTTP/1",
        "",
        "HTTP/" <> long("1"),
        junk(6),
        "HTTP/1.1 x"
      ])

    separator = pick([" ", " ", " ", "\t", "  ", "", "\0"])
    method <> separator <> path() <> separator <> version <> pick(["\r\n", "\r\n", "\n", "\r"])
  end

  # None of these exists: neither in the folder nor as a route.
  defp path do
    pick([
      fn -> "/thumbnail/9/" <> up() <> up() <> "etc/passwd" end,
      fn -> "/thumbnail/9/" <> up() <> "fixtures/photo.jp" end,
      fn -> "/info/" <> up() <> "mix.exs" end,
      fn ->
        "/thumbnail/#{pick(["0", "-1", "x", "1e9", "99999999999", "%39%", "1x2x3"])}/photo.jpg"
      end,
      fn ->
        "/thumbnail/9/photo.jpg?" <>
          pick([
            "fit=%",
            "%=%",
            "a=1",
            "quality=101",
            "format=%00",
            "fit=cover&fit=fill",
            long("q=1&")
          ])
      end,
      fn -> "/%" <> junk(3) end,
      fn -> "/" <> long("a") end,
      fn -> "/" <> long("../") end,
      fn -> "/" <> long("%2e%2e/") end,
      fn -> "/a\0b" end,
      fn -> "http://" <> junk(5) <> "/x" end,
      fn -> "http://a:99999999999/x" end,
      fn -> "//a/x" end,
      fn -> "*" end,
      fn -> "" end,
      fn -> "/" <> junk(20) end,
      fn -> "/é/\xFF\xFE" end,
      fn -> "\\..\\x" end
    ]).()
  end

  defp up,
    do:
      pick([
        "../",
        "%2e%2e/",
        "..%2f",
        "%2e%2e%2f",
        "%252e%252e%252f",
        "..\\",
        "..%5c",
        "%c0%ae%c0%ae/",
        ".%00./",
        "..%00/",
        "....//",
        "..;/"
      ])

  defp headers do
    for _ <- 1..:rand.uniform(4), into: "" do
      pick([
        fn ->
          "content-length: #{pick(lengths())}\r\n"
        end,
        fn -> "content-length: 5\r\ncontent-length: 6\r\n" end,
        fn ->
          "transfer-encoding: #{pick(encodings())}\r\n"
        end,
        fn -> "expect: #{pick(["100-continue", "200-ok", ""])}\r\n" end,
        fn -> "host: #{junk(5)}\r\n" end,
        fn -> "connection: #{pick(["close", "keep-alive", "upgrade", junk(3)])}\r\n" end,
        fn -> "no colon\r\n" end,
        fn -> ": no name\r\n" end,
        fn -> " folded\r\n" end,
        fn -> "x: #{long("a")}\r\n" end,
        fn -> String.duplicate("x: y\r\n", 200) end,
        fn -> "#{junk(8)}: #{junk(8)}\r\n" end,
        fn -> "x: a\0b\r\n" end,
        fn -> "if-none-match: #{junk(10)}\r\n" end,
        fn -> "accept: #{junk(10)}\r\n" end,
        fn -> "x: y\n" end,
        fn -> "x: y\r" end
      ]).()
    end
  end

  defp lengths do
    ~w(-1 0 9 99 1000 1001 99999999999999999999 1e3 +5 0x10) ++ ["", " ", "5, 5", "5 5", junk(3)]
  end

  defp encodings, do: ~w(chunked Chunked gzip identity chunked,chunked) ++ ["\0"]

  # Not a picture, so that even a body that is understood is refused.
  defp chunked do
    size = pick(["5", "0", "fffffffffffffffff", "-5", "xyz", "", "5;a=b", "7fffffff"])
    head = "POST /thumbnail/9 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n"

    extra =
      pick(["", "content-length: 5\r\n", "content-length: 0\r\n", "expect: 100-continue\r\n"])

    head <>
      extra <>
      "\r\n" <>
      size <>
      "\r\nabcde\r\n0\r\n" <>
      pick(["", "content-length: x\r\n", "GET /nix HTTP/1.1\r\n"]) <> "\r\n"
  end

  # A good request with some bytes of it replaced, so that it is none.
  defp mangled do
    request = "GET /thumbnail/9/nix.jpg?fit=cover HTTP/1.1\r\nhost: a\r\naccept: */*\r\n"

    mangled =
      for _ <- 1..:rand.uniform(4), reduce: request do
        request ->
          at = :rand.uniform(byte_size(request)) - 1
          <<before::binary-size(at), _, rest::binary>> = request
          before <> junk(1) <> rest
      end

    mangled <> "\r\n"
  end

  defp pick(list), do: Enum.random(list)
  defp long(text), do: String.duplicate(text, div(:rand.uniform(20_000), byte_size(text)))
  defp junk(size), do: :rand.bytes(size)
end
