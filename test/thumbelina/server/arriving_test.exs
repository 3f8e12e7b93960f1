defmodule Thumbelina.Server.ArrivingTest do
  # Bodies that come in pieces, over sockets: by httpd, and by Bandit and Cowboy where these are
  # there, see `HTTPServers`.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.HTTPServers

  @fixtures Path.expand("test/fixtures")
  # Some seconds of work, which a test does not wait for.
  @slow "/thumbnail/9000?enlarge=true&format=png"

  for kind <- HTTPServers.all() do
    describe "#{kind}" do
      @describetag kind: kind

      test "makes what the library makes, of bodies of all sizes", %{kind: kind} do
        port = start(kind)
        png = fixture("photo.png")

        for {body, auto} <- [{png, :jpeg}, {fixture("photo-16bit.tif"), :png}, {bmp(), :png}],
            {path, opts} <- [
              {"/thumbnail/60", []},
              {"/thumbnail/60?format=auto", [format: auto]}
            ] do
          response = HTTPServers.request(port, "POST", path, [], body)
          {:ok, thumb} = Thumbelina.thumbnail(body, 60, 60, opts)
          assert {path, response.status, response.body == thumb.bytes} == {path, 200, true}
        end
      end

      test "refuses by the header, before the rest comes", %{kind: kind} do
        port = start(kind, max_pixels: 1_000_000, formats: [:jpeg, :pnm])

        for {head, status, reason} <- [
              {"P5 3000 1000 255\n", 413, "limit_exceeded"},
              {"not a picture\n", 415, "unsupported_format"},
              {binary_part(fixture("photo.png"), 0, 1000), 415, "format_not_allowed"}
            ] do
          socket = post(port, "/thumbnail/9", 3_000_017)
          # Enough for the first piece of any of them.
          :ok = :gen_tcp.send(socket, [head, :binary.copy(<<0>>, 200_000)])
          response = HTTPServers.response(socket)
          assert {response.status, response.body =~ reason} == {status, true}
          :gen_tcp.close(socket)
        end

        assert HTTPServers.request(port, "GET", "/health").status == 200
      end

      test "reads nothing of what is refused by its head", %{kind: kind} do
        port = start(kind, max_body_bytes: 1_000_000, keys: ["secret"])

        if kind == :httpd do
          # It reads bodies that are not too long, and keeps nothing of them.
          socket = post(port, "/thumbnail/9", 1_000_001)
          assert HTTPServers.response(socket).status == 413
        else
          for {path, length, status} <- [
                {"/thumbnail/9", 100_000, 403},
                {"/nix", 100_000, 404},
                {Thumbelina.URL.sign("/thumbnail/9", "", "secret"), 1_000_001, 413},
                {Thumbelina.URL.sign("/info", "", "secret"), 1_000_001, 413}
              ] do
            socket = post(port, path, length)
            assert {path, HTTPServers.response(socket).status} == {path, status}
            :gen_tcp.close(socket)
          end
        end
      end

      test "slow clients hold no place", %{kind: kind} do
        port = start(kind, max_concurrency: 1)
        # Five at a time may be too many at their beginning; nobody keeps others out afterwards.
        poll(fn -> 200 in statuses_of_slow_clients(port) end)
      end

      test "if there is no place when a piece has come, it is refused", %{kind: kind} do
        port = start(kind, max_concurrency: 1, timeout: 60_000)
        png = fixture("photo.png")
        <<first::binary-size(200_000), rest::binary>> = png
        upload = post(port, "/thumbnail/9", byte_size(png))
        :ok = :gen_tcp.send(upload, first)
        # Until then it may have the place, and the other one is refused.
        poll(fn -> takes_place?(port) end)
        _ = :gen_tcp.send(upload, rest)
        response = HTTPServers.response(upload)
        assert response.status == 503
        assert {"retry-after", "1"} in response.headers
        :gen_tcp.close(upload)
      end

      test "clients that leave in the middle leave nothing", %{kind: kind} do
        port = start(kind)
        before = Process.list()
        sockets = for _ <- 1..5, do: post(port, "/thumbnail/9", 300_379)

        for socket <- sockets,
            do: :ok = :gen_tcp.send(socket, binary_part(fixture("photo.png"), 0, 200_000))

        poll(fn -> workers(before) >= 5 end)
        Enum.each(sockets, &:gen_tcp.close/1)
        poll(fn -> workers(before) == 0 end)
        assert metric(port, "thumbelina_in_progress") == 0
      end

      test "a picture that is cut off is damaged", %{kind: kind} do
        port = start(kind)
        cut = binary_part(fixture("photo.png"), 0, 200_000)
        response = HTTPServers.request(port, "POST", "/thumbnail/600", [], cut)
        assert {response.status, response.body =~ "truncated"} == {422, true}
      end

      @tag :tmp_dir
      @tag timeout: 120_000
      test "memory does not follow the body", %{kind: kind, tmp_dir: folder} do
        # Twenty-five megapixels that cannot be compressed.
        noise = "P5 5000 5000 255\n" <> :crypto.strong_rand_bytes(25_000_000)
        path = Path.join(folder, "large.png")
        File.write!(path, Thumbelina.thumbnail!(noise, 5000, 5000, format: :png).bytes)
        size = File.stat!(path).size
        assert size > 25_000_000
        port = start(kind, max_body_bytes: 100_000_000, timeout: 60_000)
        peak = start_peak()

        for _ <- 1..2 do
          :erlang.garbage_collect()
          before = :erlang.memory(:total)
          reset(peak)
          socket = post(port, "/thumbnail/200?format=auto", size)
          for piece <- File.stream!(path, [], 65_536), do: :ok = :gen_tcp.send(socket, piece)
          response = HTTPServers.response(socket)
          assert response.status == 200
          assert %{format: :jpeg, width: 200} = Thumbelina.new!(response.body)
          grown = reset(peak) - before
          assert grown < div(size, 4), "#{grown} bytes for a body of #{size}"
          :gen_tcp.close(socket)
        end
      end
    end
  end

  for kind <- HTTPServers.all() -- [:httpd] do
    test "#{kind}: bodies of unknown length are bounded, too" do
      port = start(unquote(kind), max_body_bytes: 500_000)
      head = HTTPServers.head("POST", "/thumbnail/50", [{"transfer-encoding", "chunked"}])
      padded = fixture("photo.png") <> :binary.copy(" ", 10_000)

      for {pieces, status} <- [
            {List.duplicate(:binary.copy("x", 10_000), 10), 415},
            {for(<<piece::binary-size(10_001) <- padded>>, do: piece), 200},
            {["P5 2000 1000 255\n" | List.duplicate(:binary.copy("x", 10_000), 100)], 413}
          ] do
        socket = HTTPServers.connect(port, head)

        for piece <- pieces do
          size = Integer.to_string(byte_size(piece), 16)
          _ = :gen_tcp.send(socket, [size, "\r\n", piece, "\r\n"])
        end

        _ = :gen_tcp.send(socket, "0\r\n\r\n")
        assert %{status: ^status} = HTTPServers.response(socket)
        :gen_tcp.close(socket)
      end
    end
  end

  if :cowboy in HTTPServers.all() do
    test "cowboy ends the work when the client hangs up" do
      port = start(:cowboy, timeout: 60_000)
      jpeg = fixture("photo.jpg")
      png = fixture("photo.png")

      for body <- [jpeg, png] do
        socket = post(port, @slow, byte_size(body))
        :ok = :gen_tcp.send(socket, body)
        poll(fn -> metric(port, "thumbelina_in_progress") == 1 end)
        :gen_tcp.close(socket)
        poll(fn -> metric(port, "thumbelina_in_progress") == 0 end)
      end

      assert metric(port, ~s(thumbelina_requests_total{route="thumbnail",status="200"})) == 0
    end
  end

  if :bandit in HTTPServers.all() do
    test "bandit ends bodies that do not come" do
      port = start(:bandit, body_timeout: 200)
      socket = post(port, "/thumbnail/9", 300_379)
      assert %{status: 408} = HTTPServers.response(socket)
    end
  end

  # Five that stop in the middle, and go on when others have been served meanwhile.
  defp statuses_of_slow_clients(port) do
    png = fixture("photo.png")
    <<first::binary-size(200_000), rest::binary>> = png

    sockets =
      for _ <- 1..5 do
        socket = post(port, "/thumbnail/9", byte_size(png))
        :ok = :gen_tcp.send(socket, first)
        socket
      end

    # They have the place for a moment, now and then.
    poll(fn ->
      HTTPServers.request(port, "GET", "/thumbnail/9/photo.jpg").status == 200 and
        metric(port, "thumbelina_in_progress") == 0
    end)

    for socket <- sockets do
      _ = :gen_tcp.send(socket, rest)
      response = HTTPServers.response(socket)
      :gen_tcp.close(socket)
      poll(fn -> metric(port, "thumbelina_in_progress") == 0 end)
      assert response.status in [200, 503]
      response.status
    end
  end

  defp start(kind, opts \\ []) do
    children = HTTPServers.children(kind, [root: @fixtures] ++ opts)

    pids =
      for {child, number} <- Enum.with_index(children),
          do: start_supervised!(Supervisor.child_spec(child, id: {kind, number}))

    HTTPServers.port(kind, List.last(pids))
  end

  defp post(port, path, length),
    do:
      HTTPServers.connect(
        port,
        HTTPServers.head("POST", path, [{"content-length", "#{length}"}])
      )

  defp fixture(name), do: File.read!(Path.join(@fixtures, name))

  # One that is decoded as it comes, and larger than many pieces.
  defp bmp do
    {:ok, image} = Thumbelina.thumbnail(fixture("photo.jpg"), 640, 427, format: :bmp)
    image.bytes
  end

  defp metric(port, name) do
    %{body: body} = HTTPServers.request(port, "GET", "/metrics")

    case Regex.run(~r/^#{Regex.escape(name)} (\d+)$/m, body) do
      [_, count] -> String.to_integer(count)
      nil -> 0
    end
  end

  # Whether a long piece of work has got the only place.
  defp takes_place?(port) do
    jpeg = fixture("photo.jpg")
    socket = post(port, @slow, byte_size(jpeg))
    :ok = :gen_tcp.send(socket, jpeg)

    case :gen_tcp.recv(socket, 0, 300) do
      {:error, :timeout} -> metric(port, "thumbelina_in_progress") == 1
      {:ok, "HTTP/1.1 503" <> _} -> false
    end
  end

  # Processes that work on a body.
  defp workers(before) do
    Enum.count(Process.list() -- before, fn pid ->
      with {:current_stacktrace, stack} <- Process.info(pid, :current_stacktrace) do
        Enum.any?(stack, fn {module, _, _, _} -> module == Thumbelina.Server.Upload end)
      end
    end)
  end

  # A process that looks at the VM's memory.
  defp start_peak do
    start_supervised!({Task, fn -> look(:erlang.memory(:total)) end})
  end

  defp look(peak) do
    receive do
      {:reset, from} ->
        send(from, {:peak, peak})
        look(0)
    after
      5 -> look(max(peak, :erlang.memory(:total)))
    end
  end

  defp reset(peak) do
    send(peak, {:reset, self()})
    receive(do: ({:peak, bytes} -> bytes))
  end
end
