defmodule Thumbelina.Server.Remote.ConnectionTest do
  # Not async: it looks at which processes are left over.
  use ExUnit.Case

  import Thumbelina.RemoteServer

  alias Thumbelina.Server.Remote

  @localhost localhost()
  @name name()

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
