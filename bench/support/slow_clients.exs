defmodule Bench.SlowClients do
  # Clients that keep a server waiting: with a head or a body that comes byte by byte, or by not
  # reading what they asked for.

  @wait 50

  @doc "Runs `fun` beside as many of each kind, which begin again whenever the server hangs up."
  def beside(count, port, fun) do
    clients =
      for kind <- [:head, :body, :reader], _ <- 1..count do
        spawn_link(fn -> forever(kind, port) end)
      end

    try do
      fun.()
    after
      for client <- clients do
        Process.unlink(client)
        Process.exit(client, :kill)
      end
    end
  end

  defp forever(kind, port) do
    # A small window, so that the server's own buffers are full soon.
    opts = [:binary, active: false, recbuf: 4_096]

    with {:ok, socket} <- :gen_tcp.connect(~c"localhost", port, opts) do
      keep_waiting(kind, socket)
      :gen_tcp.close(socket)
    end

    Process.sleep(@wait)
    forever(kind, port)
  end

  defp keep_waiting(:head, socket),
    do: bytes(socket, "GET /thumbnail/300/256.jpg HTTP/1.1\r\nHost: localhost\r\nX: " <> filler())

  defp keep_waiting(:body, socket) do
    head = "POST /thumbnail/300 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n"
    with :ok <- :gen_tcp.send(socket, head), do: bytes(socket, filler())
  end

  defp keep_waiting(:reader, socket) do
    head =
      "GET /thumbnail/2000/256.jpg?format=bmp&enlarge=true HTTP/1.1\r\nHost: localhost\r\n\r\n"

    with :ok <- :gen_tcp.send(socket, head), do: read(socket)
  end

  defp filler, do: String.duplicate("x", 9_000)

  defp bytes(_socket, ""), do: :ok

  defp bytes(socket, <<byte, rest::binary>>) do
    with :ok <- :gen_tcp.send(socket, <<byte>>) do
      Process.sleep(@wait)
      bytes(socket, rest)
    end
  end

  defp read(socket) do
    with {:ok, _byte} <- :gen_tcp.recv(socket, 1) do
      Process.sleep(@wait)
      read(socket)
    end
  end
end
