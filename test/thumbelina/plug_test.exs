if Code.ensure_loaded?(Plug.Router) do
  defmodule Thumbelina.PlugTest.Router do
    use Plug.Router, init_mode: :runtime
    plug(:match)
    plug(:dispatch)
    forward("/pictures", to: Thumbelina.Plug, init_opts: [server: Thumbelina.PlugTest.Pictures])
    forward("/a b/c", to: Thumbelina.Plug, init_opts: [server: Thumbelina.PlugTest.Pictures])
    match(_, do: Plug.Conn.send_resp(conn, 418, "not below"))
  end

  defmodule Thumbelina.PlugTest.Compiled do
    use Plug.Builder, init_mode: :compile
    plug(:vary)
    plug(Thumbelina.Plug, server: Thumbelina.PlugTest.Pictures)
    plug(:never)
    def vary(conn, _), do: Plug.Conn.put_resp_header(conn, "vary", "origin")
    def never(_conn, _), do: raise("it was not halted")
  end
end

defmodule Thumbelina.PlugTest do
  # What the plug makes of requests. With the real Plug, Bandit and Cowboy: see `HTTPServers`.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{HTTPServers, Server, URL}
  alias Thumbelina.PlugTest.{Compiled, Pictures, Router}

  @compile {:no_warn_undefined, [Plug.Conn, Plug.Parsers, Plug.Test, Compiled, Router]}
  @fixtures Path.expand("test/fixtures")
  @plug if Code.ensure_loaded?(Plug.Conn), do: nil, else: "Plug is not in ERL_LIBS"
  @servers if length(HTTPServers.all()) == 3,
             do: nil,
             else: "Bandit and Cowboy are not both in ERL_LIBS"

  doctest Thumbelina.Plug

  defp start(opts \\ []) do
    start_supervised!({Server, [listen: false, name: Pictures, root: @fixtures] ++ opts})
  end

  defp png, do: File.read!(Path.join(@fixtures, "photo.png"))

  test "wrong options are said, and a server that is not there" do
    for opts <- [[], [server: nil], [server: "a"], [server: :a, port: 1], [sever: :a], :a] do
      assert_raise ArgumentError, ~r/expected Thumbelina.Plug to have the name/, fn ->
        Thumbelina.Plug.init(opts)
      end
    end

    assert_raise ArgumentError, ~r/listen: false, name: No.Such\} under a supervisor/, fn ->
      Thumbelina.Plug.call(%{}, No.Such)
    end
  end

  test "a server does not need inets, nor a socket, and is gone when it stops" do
    pid = start()
    assert {:ok, %Server.Config{live: live}} = Server.fetch_config(Pictures)
    assert live != nil
    assert [{Server.Gate, _, _, _}] = Supervisor.which_children(pid)
    assert_raise ArgumentError, ~r/does not listen/, fn -> Server.port(Pictures) end
    assert {:error, {:already_started, ^pid}} = Server.start_link(listen: false, name: Pictures)
    :ok = stop_supervised(Pictures)
    assert Server.fetch_config(Pictures) == :error
    start()
    assert {:ok, _} = Server.fetch_config(Pictures)
  end

  describe "with Plug" do
    @describetag skip: @plug

    defp conn(method, path, body \\ nil), do: Plug.Test.conn(method, path, body)
    defp through(conn, plug \\ Router), do: plug.call(conn, plug.init([]))
    defp header(conn, name), do: Plug.Conn.get_resp_header(conn, name)

    test "answers everything below its path, and halts" do
      start()
      conn = :get |> conn("/pictures/thumbnail/100/photo.jpg?fit=cover") |> through()
      assert {conn.status, conn.halted, conn.state} == {200, true, :sent}
      assert %{width: 100, height: 100, format: :jpeg} = Thumbelina.new!(conn.resp_body)
      assert header(conn, "content-type") == ["image/jpeg"]
      assert header(conn, "cache-control") == ["public, max-age=3600"]
      assert [etag] = header(conn, "etag")

      again =
        :get
        |> conn("/pictures/thumbnail/100/photo.jpg?fit=cover")
        |> Plug.Conn.put_req_header("if-none-match", etag)
        |> through()

      assert {again.status, again.resp_body, header(again, "etag")} == {304, "", [etag]}

      for {method, path, status} <- [
            {:get, "/pictures/nix", 404},
            {:get, "/pictures/health", 200},
            {:get, "/pictures/health/", 404},
            {:get, "/pictures//health", 404},
            {:get, "/a%20b/c/health", 200},
            {:get, "/a%20b/c/thumbnail/9/%70hoto.jpg", 200},
            {:get, "/pictures/thumbnail/9/..%2fphoto.jpg", 404},
            {:delete, "/pictures/health", 405},
            {:options, "/pictures/health", 405},
            {:get, "/elsewhere", 418}
          ] do
        conn = method |> conn(path) |> through()
        assert {path, conn.status} == {path, status}
        assert conn.halted == (status != 418)
      end
    end

    test "has the page, below a path that ends in a slash" do
      start()
      conn = :get |> conn("/pictures") |> through()
      assert {conn.status, header(conn, "location")} == {308, ["./pictures/"]}
      conn = :get |> conn("/pictures/") |> through()
      assert {conn.status, header(conn, "content-type")} == {200, ["text/html; charset=utf-8"]}

      for [_, file] <- Regex.scan(~r/(?:src|href)="([^"#]+\.\w+)"/, conn.resp_body) do
        assert {file, (:get |> conn("/pictures/" <> file) |> through()).status} == {file, 200}
      end

      :ok = stop_supervised(Pictures)
      start(page: false)

      for path <- ["/pictures", "/pictures/"] do
        assert (:get |> conn(path) |> through()).status == 404
      end
    end

    test "init is plain data, for routers that are compiled" do
      start(format: :auto)
      conn = :get |> conn("/thumbnail/9/photo.jpg") |> through(Compiled)
      assert {conn.status, conn.halted} == {200, true}
      # What others have said stays.
      assert header(conn, "vary") == ["origin, accept"]
    end

    test "the path is what was sent, whatever script_name says" do
      start()

      for {request_path, script_name, path_info, status} <- [
            # A proxy took `/app` away, and Phoenix puts it into `script_name`.
            {"/pictures/health", ["app", "pictures"], ["health"], 200},
            {"/de/pictures/health", ["pictures"], ["health"], 200},
            {"//pictures/health", ["pictures"], ["health"], 200},
            {"/pictures//health", ["pictures"], ["health"], 404},
            {"/pictures/health/", ["pictures"], ["health"], 404},
            # A plug has replaced the path.
            {"/short", [], ["thumbnail", "9", "photo.jpg"], 200},
            {"*", [], ["*"], 400},
            {"/", [], [], 200}
          ] do
        conn =
          Map.merge(conn(:get, "/"), %{
            request_path: request_path,
            script_name: script_name,
            path_info: path_info
          })

        assert {request_path, Thumbelina.Plug.call(conn, Pictures).status} ==
                 {request_path, status}
      end
    end

    test "signatures are over the path below" do
      start(keys: ["secret"])
      url = URL.thumbnail("photo.jpg", 9, 9, key: "secret", base: "/pictures")
      assert (:get |> conn(url) |> through()).status == 200
      assert (:get |> conn(url <> "x") |> through()).status == 403
      post = URL.sign("/thumbnail/9", "fit=cover", "secret")
      assert (:post |> conn("/pictures" <> post, png()) |> through()).status == 200
    end

    test "bodies, and HEAD" do
      start()
      conn = :post |> conn("/pictures/thumbnail/50", png()) |> through()
      assert {:ok, thumb} = Thumbelina.thumbnail(png(), 50, 50)
      assert {conn.status, conn.resp_body} == {200, thumb.bytes}
      conn = :post |> conn("/pictures/info", png()) |> through()
      assert conn.resp_body =~ ~s("bytes":#{byte_size(png())})
      conn = :head |> conn("/pictures/thumbnail/50/photo.png") |> through()
      assert {conn.status, conn.resp_body} == {200, ""}
      assert Process.get_keys() |> Enum.filter(&match?({Thumbelina.Plug, _}, &1)) == []
    end

    @edit ~s([{"resize": [40, 30]}, {"format": "png"}])

    defp form_of(parts) do
      body =
        for {head, content} <- parts,
            do: ["--b\r\nContent-Disposition: form-data; ", head, "\r\n\r\n", content, "\r\n"]

      {[{"content-type", "multipart/form-data; boundary=b"}],
       IO.iodata_to_binary([body, "--b--"])}
    end

    defp form do
      form_of([
        {~s(name="edit"\r\nContent-Type: application/json), @edit},
        {~s(name="picture"; filename="a.png"\r\nContent-Type: image/png), png()}
      ])
    end

    test "forms, also those that Plug.Parsers has read" do
      start()
      {[{name, type}], body} = form()
      {:ok, made} = Thumbelina.edit(png(), resize: {40, 30}, format: :png)
      parsers = Plug.Parsers.init(parsers: [:urlencoded, :multipart], pass: ["*/*"])

      for parse <- [& &1, &Plug.Parsers.call(&1, parsers)] do
        conn = :post |> conn("/pictures/edit", body) |> Plug.Conn.put_req_header(name, type)
        conn = conn |> parse.() |> through()
        assert {conn.status, conn.resp_body} == {200, made.bytes}
      end

      # What is no form there.
      for path <- ["/pictures/thumbnail/9", "/pictures/info"] do
        conn = :post |> conn(path, body) |> Plug.Conn.put_req_header(name, type)
        assert (conn |> Plug.Parsers.call(parsers) |> through()).status == 415
      end

      {_, body} = form_of([{"name=edit[x]", "1"}, {"name=picture", "x"}])
      conn = :post |> conn("/pictures/edit", body) |> Plug.Conn.put_req_header(name, type)
      assert (conn |> Plug.Parsers.call(parsers) |> through()).status == 400
    end

    test "a process that is killed frees its place" do
      start(max_concurrency: 1, timeout: 60_000)
      {:ok, config} = Server.fetch_config(Pictures)

      pid =
        spawn(fn ->
          :post |> conn("/pictures/thumbnail/9000?enlarge=true&format=png", png()) |> through()
        end)

      poll(fn -> in_progress(config) == 1 end)
      assert (:get |> conn("/pictures/thumbnail/9/photo.jpg") |> through()).status == 503
      # The native work of another process is linked to it.
      Process.exit(pid, :kill)
      poll(fn -> in_progress(config) == 0 end)
      assert (:get |> conn("/pictures/thumbnail/9/photo.jpg") |> through()).status == 200
      assert header(:get |> conn("/pictures/metrics") |> through(), "content-type") != []
    end
  end

  defp in_progress(config), do: :ets.lookup_element(config.live, :in_progress, 2)

  describe "over sockets" do
    @describetag skip: @servers

    # Methods that httpd knows, and paths.
    @requests [
      {"GET", "/health", 200},
      {"HEAD", "/health", 200},
      {"GET", "/metrics/", 404},
      {"GET", "/thumbnail/100x100/photo.jpg", 200},
      {"HEAD", "/thumbnail/100x100/photo.jpg", 200},
      {"GET", "/thumbnail/100/photo.jpg?fit=cover&format=webp", 200},
      {"GET", "/thumbnail/50/photo.jpg?format=auto", 200},
      {"GET", "/thumbnail/100/photo.jpg?format=png&filename=My+cat.jpg", 200},
      {"GET", "/%74humbnail/100/%70hoto.jpg?%66it=%63over", 200},
      {"GET", "/info/orientation-6.jpg", 200},
      {"HEAD", "/info/orientation-6.jpg", 200},
      {"GET", "/", 200},
      {"GET", "/nix", 404},
      {"HEAD", "/nix", 404},
      {"GET", "/health/", 404},
      {"GET", "/thumbnail", 404},
      {"GET", "/info", 405},
      {"GET", "/thumbnail/100", 400},
      {"POST", "/thumbnail/100/photo.jpg", 405},
      {"POST", "/health", 405},
      {"PUT", "/thumbnail/1", 405},
      {"DELETE", "/thumbnail/100/photo.jpg", 405},
      {"GET", "/thumbnail/x/photo.jpg", 400},
      {"GET", "/thumbnail/0/photo.jpg", 400},
      {"GET", "/thumbnail/100/photo.jpg?fit=tight", 400},
      {"GET", "/thumbnail/100/photo.jpg?fit", 400},
      {"GET", "/thumbnail/100/photo.jpg?quality=80&quality=80", 400},
      {"GET", "/thumbnail/100/photo.jpg?filter=%00", 400},
      {"GET", "/thumbnail/100/photo.jpg?timeout=1", 400},
      {"GET", "/thumbnail/100/photo.jpg?expires=1", 410},
      {"GET", "/thumbnail/99999/photo.jpg?enlarge=true&format=png", 413},
      {"GET", "/thumbnail/100/nix.jpg", 404},
      {"GET", "/thumbnail/100/..%2fmix.exs", 404},
      {"GET", "/thumbnail/100/huge-header.png", 413},
      {"GET", "/thumbnail/100/truncated.jpg", 422},
      {"POST", "/thumbnail/100", 415},
      {"POST", "/info", 415}
    ]

    # Those of the server, and not of the response.
    @own ~w(date server connection keep-alive)

    defp ports(opts) do
      for kind <- HTTPServers.all() do
        children = HTTPServers.children(kind, [root: @fixtures] ++ opts)

        pids =
          for {child, number} <- Enum.with_index(children),
              do: start_supervised!(Supervisor.child_spec(child, id: {kind, number}))

        {kind, HTTPServers.port(kind, List.last(pids))}
      end
    end

    defp comparable(response) do
      headers = for {name, _} = header <- response.headers, name not in @own, do: header
      %{response | headers: Enum.sort(headers)}
    end

    test "Bandit and Cowboy answer what httpd answers" do
      ports = ports([])

      bodies =
        for name <- ~w(photo.png photo.jpg alpha.webp truncated.png huge-header.bmp), do: name

      requests =
        for({method, path, status} <- @requests, do: {method, path, "", status}) ++
          for name <- bodies,
              path <- ["/thumbnail/60x50?fit=cover", "/info"],
              do: {"POST", path, File.read!(Path.join(@fixtures, name)), :any}

      for {method, path, body, status} <- requests do
        [{:httpd, first} | others] =
          for {kind, port} <- ports,
              do: {kind, comparable(HTTPServers.request(port, method, path, [], body))}

        assert {method, path, first.status} ==
                 {method, path, if(status == :any, do: first.status, else: status)}

        for {kind, response} <- others, do: assert({kind, path, response} == {kind, path, first})
      end
    end

    test "Bandit and Cowboy take forms, as httpd does" do
      {headers, body} = form()
      {:ok, made} = Thumbelina.edit(png(), resize: {40, 30}, format: :png)

      for {kind, port} <- ports(max_body_bytes: byte_size(body)) do
        response = HTTPServers.request(port, "POST", "/edit", headers, body)
        assert {kind, response.status, response.body} == {kind, 200, made.bytes}
        response = HTTPServers.request(port, "POST", "/edit?edit=blur:x", headers, body)
        assert {kind, response.status} == {kind, 400}
        response = HTTPServers.request(port, "POST", "/explain", headers, body)
        assert {kind, response.status} == {kind, 200}
        assert response.body =~ ~s("step":"resize")
      end
    end

    test "Bandit and Cowboy answer conditional requests, and negotiate, as httpd does" do
      ports = ports(format: :auto, client_hints: true)
      path = "/thumbnail/50x/alpha.png"

      etag =
        for {_kind, port} <- ports,
            uniq: true,
            do: List.keyfind(HTTPServers.request(port, "GET", path).headers, "etag", 0)

      assert [{"etag", etag}] = etag

      for headers <- [[{"if-none-match", etag}], [{"accept", "image/webp"}], [{"DPR", "2"}]] do
        assert [response] =
                 for(
                   {_kind, port} <- ports,
                   uniq: true,
                   do: comparable(HTTPServers.request(port, "GET", path, headers))
                 )

        assert response.status in [200, 304]
        assert Enum.uniq_by(response.headers, &elem(&1, 0)) == response.headers
      end
    end

    test "connections go on after a response" do
      for {kind, port} <- ports([]) do
        socket = HTTPServers.connect(port)

        for {method, path, status} <- [
              {"GET", "/thumbnail/9/photo.jpg", 200},
              {"HEAD", "/thumbnail/9/photo.jpg", 200},
              {"GET", "/nix", 404},
              {"GET", "/health", 200}
            ] do
          :ok = :gen_tcp.send(socket, HTTPServers.head(method, path))
          assert {kind, HTTPServers.response(socket, method).status} == {kind, status}
        end
      end
    end
  end
end
