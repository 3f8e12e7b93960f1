defmodule Mix.Thumbelina.PrecompiledTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Precompiled

  @moduletag :tmp_dir

  @archive Precompiled.archive("0.1.0", "x86_64-unknown-linux-gnu")
  @library "not an ELF file, but long enough: " <> :binary.copy(<<0, 1, 2, 255>>, 50_000)

  setup %{tmp_dir: folder} do
    path = Path.join(folder, @archive)
    :ok = Precompiled.pack(path, "thumbelina.so", @library)
    {:ok, path: path, checksums: %{@archive => path |> File.read!() |> Precompiled.sha256()}}
  end

  # A server of what is in a folder, which may have a name that httpd knows nothing to do with.
  defp serve(folder) do
    served =
      Path.join(
        System.tmp_dir!(),
        "thumbelina-#{System.pid()}-#{System.unique_integer([:positive])}"
      )

    File.cp_r!(folder, served)
    on_exit(fn -> File.rm_rf!(served) end)

    {:ok, server} =
      :inets.start(:httpd,
        port: 0,
        bind_address: {127, 0, 0, 1},
        server_name: ~c"localhost",
        server_root: String.to_charlist(served),
        document_root: String.to_charlist(served),
        modules: [:mod_get]
      )

    on_exit(fn -> :inets.stop(:httpd, server) end)
    "http://127.0.0.1:#{:httpd.info(server)[:port]}"
  end

  test "names say what the library is for" do
    assert @archive == "thumbelina-v0.1.0-nif-2.16-x86_64-unknown-linux-gnu.tar.gz"
  end

  test "an archive is the same whenever it is made", %{path: path, checksums: checksums} do
    again = path <> ".again"
    :ok = Precompiled.pack(again, "thumbelina.so", @library)
    assert again |> File.read!() |> Precompiled.sha256() == checksums[@archive]
  end

  test "comes from a folder and from a server", %{tmp_dir: folder, checksums: checksums} do
    for source <- [folder, folder <> "/", serve(folder), serve(folder) <> "/"] do
      assert Precompiled.fetch(source, @archive, checksums) == {:ok, {"thumbelina.so", @library}}
    end
  end

  test "is taken only with its checksum", %{tmp_dir: folder, path: path, checksums: checksums} do
    assert {:error, reason} = Precompiled.fetch(folder, @archive, %{})
    assert reason == "native/checksums has no checksum for #{@archive}"

    # A byte of the library, and one that only the archive has.
    good = File.read!(path)

    for at <- [div(byte_size(good), 2), 4] do
      changed = good |> :binary.bin_to_list() |> List.update_at(at, &Bitwise.bxor(&1, 1))
      File.write!(path, changed)

      for source <- [folder, serve(folder)] do
        assert {:error, reason} = Precompiled.fetch(source, @archive, checksums)
        assert reason =~ "has the checksum"
      end
    end
  end

  test "says what is wrong with where it was to come from",
       %{tmp_dir: folder, checksums: checksums} do
    other = Precompiled.archive("0.1.0", "riscv64gc-unknown-linux-gnu")
    checksums = Map.put(checksums, other, checksums[@archive])
    server = serve(folder)

    for {source, reason} <- [
          {folder, ~r"/#{other}: no such file or directory"},
          {server, ~r"^#{server}/#{other}: 404 "},
          {"http://127.0.0.1:1", ~r"econnrefused"},
          {"https://127.0.0.1:1", ~r"econnrefused"},
          {"ftp://me:secret@nowhere", ~r"^ftp://nowhere is not an http or https URL$"},
          {"http://me:secret@127.0.0.1:1/a", ~r"^http://127.0.0.1:1/a/.*econnrefused"},
          {"httpdocs", ~r"^httpdocs is neither an absolute path"}
        ] do
      assert {:error, message} = Precompiled.fetch(source, other, checksums)
      assert message =~ reason
    end
  end

  test "a server's certificate is checked", %{tmp_dir: folder, checksums: checksums} do
    %{server_config: config} =
      :public_key.pkix_test_data(%{server_chain: chain(), client_chain: chain()})

    options = [:binary, active: false, ip: {127, 0, 0, 1}, log_level: :none] ++ config
    {:ok, socket} = :ssl.listen(0, options)
    {:ok, {_, port}} = :ssl.sockname(socket)

    server =
      spawn_link(fn ->
        {:ok, accepted} = :ssl.transport_accept(socket)
        :ssl.handshake(accepted)
      end)

    assert {:error, reason} = Precompiled.fetch("https://127.0.0.1:#{port}", @archive, checksums)

    assert reason =~ "unknown_ca"
    Process.unlink(server)
    assert File.exists?(Path.join(folder, @archive))
  end

  defp chain do
    signed = [digest: :sha256, key: {:rsa, 2048, 65_537}]
    %{root: signed, intermediates: [], peer: signed}
  end

  test "an archive is of one file", %{tmp_dir: folder, path: path} do
    {:ok, tar} = :erl_tar.open(String.to_charlist(path), [:write, :compressed])
    for name <- ~w(a b), do: :ok = :erl_tar.add(tar, "x", String.to_charlist(name), [])
    :ok = :erl_tar.close(tar)

    for bytes <- [File.read!(path), "not an archive", :zlib.gzip("not a tar")] do
      File.write!(path, bytes)
      checksums = %{@archive => Precompiled.sha256(bytes)}

      assert Precompiled.fetch(folder, @archive, checksums) ==
               {:error, "#{@archive} is not an archive of one file"}
    end
  end

  test "checksums are lines of sha256sum", %{tmp_dir: folder} do
    path = Path.join(folder, "checksums")
    sum = Precompiled.sha256("")
    assert Precompiled.checksums(path) == %{}
    File.write!(path, "# comment\n#{sum}  b.tar.gz\r\n#{sum} *c.tar.gz\r\nnonsense\n")
    assert Precompiled.checksums(path) == %{"b.tar.gz" => sum, "c.tar.gz" => sum}

    other = Precompiled.sha256("x")
    assert Precompiled.put_checksum("a.tar.gz", other, path) == :ok
    assert Precompiled.put_checksum("c.tar.gz", other, path) == :ok

    assert File.read!(path) ==
             "# comment\n#{other}  a.tar.gz\n#{sum}  b.tar.gz\n#{other}  c.tar.gz\n"
  end

  test "says which part of OTP is not there" do
    assert Precompiled.start([:crypto]) == :ok
    assert {:error, reason} = Precompiled.start([:crypto, :no_such_application])
    assert reason =~ "OTP's no_such_application is needed: "
  end
end
