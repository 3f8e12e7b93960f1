defmodule Mix.Tasks.Thumbelina.ServerTest do
  use ExUnit.Case

  setup do
    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(shell) end)
  end

  defp start(args), do: Mix.Tasks.Thumbelina.Server.start(args)

  defp status(port, path) do
    {:ok, {{_, status, _}, _, _}} =
      :httpc.request(:get, {~c"http://127.0.0.1:#{port}#{path}", []}, [], [])

    status
  end

  test "serves, and says where" do
    args =
      ~w(--port 0 --root test/fixtures --sizes 9,10x --qualities 50,80 --format auto --avif) ++
        ~w(--metadata exif,icc) ++
        ~w(--formats jpg,png --max-concurrency 2 --max-age 5 --timeout 5000 --ip 127.0.0.1)

    server = start(args)
    assert_received {:mix_shell, :info, ["Thumbelina listens on http://127.0.0.1:" <> port]}
    assert Thumbelina.Server.port(server) == String.to_integer(port)
    assert status(port, "/thumbnail/9/photo.jpg") == 200
    assert status(port, "/thumbnail/9/photo.gif") == 415
    assert status(port, "/thumbnail/8/photo.jpg") == 403
    assert status(port, "/thumbnail/9/photo.jpg?metadata=exif") == 200
    assert status(port, "/thumbnail/9/photo.jpg?metadata=gps") == 403
    assert status(port, "/thumbnail/10x/photo.jpg?quality=51") == 403
    Supervisor.stop(server)
  end

  test "takes hosts together and one by one" do
    args = ~w(--port 0 --allow-host a.test --allow-hosts b.test,c.test --allow-host d.test)
    server = start(args ++ ~w(--timeout 2000))
    assert_received {:mix_shell, :info, ["Thumbelina listens on http://127.0.0.1:" <> port]}

    # No such host can be found, which is another thing than one that is not allowed.
    for {host, status} <- [{"a", 502}, {"b", 502}, {"c", 502}, {"d", 502}, {"e", 403}] do
      url = URI.encode_www_form("http://#{host}.test/x.jpg")
      assert {host, status(port, "/thumbnail/9?url=#{url}")} == {host, status}
    end

    Supervisor.stop(server)
  end

  test "raises what is wrong" do
    for {args, message} <- [
          {~w(x), ~r/^usage: /},
          {~w(--nix), ~r/unknown option or missing value: --nix/},
          {~w(--name x), ~r/unknown option or missing value: --name/},
          {~w(--port x), ~r/invalid value for --port: x/},
          {~w(--port 70000), ~r/invalid value for --port: expected 0..65535/},
          {~w(--root no/such), ~r/invalid value for --root: expected a folder that exists/},
          {~w(--sizes 1x1,x), ~r/invalid value for --sizes: /},
          {~w(--qualities 1,x), ~r/invalid value for --qualities: 1,x/},
          {~w(--format dds), ~r/invalid value for --format: dds/},
          {~w(--formats nix), ~r/invalid value for --formats: nix/},
          {~w(--metadata exif,nix), ~r/invalid value for --metadata: exif,nix/},
          {~w(--ip localhost), ~r/invalid value for --ip: expected an address/}
        ] do
      assert_raise Mix.Error, message, fn -> start(args) end
    end
  end

  test "says that the port is taken" do
    Thumbelina.Quiet.quiet()
    Process.flag(:trap_exit, true)
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)

    assert_raise Mix.Error, ~r/address already in use/, fn -> start(["--port", "#{port}"]) end
  end

  test "helps" do
    # It may have run for another task.
    Mix.Task.reenable("help")
    on_exit(fn -> Mix.Task.reenable("help") end)
    help = ExUnit.CaptureIO.capture_io(fn -> assert start(["--help"]) == :help end)
    help = String.replace(help, ~r/\s+/, " ")
    assert help =~ "mix thumbelina.server --root FOLDER"
    assert help =~ ~r/--max-concurrency 1\.\.65536/
    assert help =~ ~r/--ip ADDRESS[^*]*Default: 127\.0\.0\.1 /
    refute help =~ "`:"
    refute help =~ "--tls"
  end
end
