defmodule Mix.Thumbelina.AsideTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Aside

  @moduletag :tmp_dir

  setup %{tmp_dir: folder}, do: {:ok, path: Path.join(folder, "a.jpg"), run: Aside.start()}

  defp mode(path), do: Bitwise.band(File.stat!(path).mode, 0o777)

  test "creates a file where none is", %{tmp_dir: folder, path: path, run: run} do
    assert Aside.create(path, "one", run) == :ok
    assert Aside.create(path, "two", run) == {:error, :eexist}
    assert File.read!(path) == "one"
    assert Aside.create(Path.join(path, "b"), "", run) == {:error, :enotdir}
    assert Aside.create(Path.join(folder, "no/b"), "", run) == {:error, :enoent}
    assert File.ls!(folder) == ["a.jpg"]

    File.mkdir!(Path.join(folder, "sub"))
    assert Aside.create(Path.join(folder, "sub"), "", run) == {:error, :eisdir}
    assert Enum.sort(File.ls!(folder)) == ["a.jpg", "sub"]
  end

  test "of many that create one file, one does", %{tmp_dir: folder, path: path, run: run} do
    results =
      1..50
      |> Task.async_stream(&{&1, Aside.create(path, "#{&1}", run)}, max_concurrency: 10)
      |> Enum.map(fn {:ok, result} -> result end)

    assert [{winner, :ok}] = Enum.filter(results, &match?({_, :ok}, &1))
    assert Enum.count(results, &match?({_, {:error, :eexist}}, &1)) == 49
    assert File.read!(path) == "#{winner}"
    assert File.ls!(folder) == ["a.jpg"]
  end

  test "replaces a file, and not a folder", %{tmp_dir: folder, path: path, run: run} do
    assert Aside.replace(path, "one", run) == :ok
    assert Aside.replace(path, "two", run) == :ok
    assert File.read!(path) == "two"
    File.rm!(path)
    File.mkdir_p!(Path.join(path, "in it"))
    assert {:error, reason} = Aside.replace(path, "three", run)
    assert reason in [:eisdir, :eexist, :eacces]
    assert File.ls!(folder) == ["a.jpg"]
  end

  @tag :unix
  test "updates a file, which keeps its mode", %{tmp_dir: folder, path: path} do
    assert Aside.update(path, "one") == :ok
    File.chmod!(path, 0o640)
    before = File.stat!(path).inode
    assert Aside.update(path, "two") == :ok
    assert {File.read!(path), mode(path)} == {"two", 0o640}
    assert File.stat!(path).inode != before
    assert File.ls!(folder) == ["a.jpg"]
  end

  @tag :unix
  test "leaves what is no plain file alone", %{tmp_dir: folder, path: path} do
    File.write!(path, "one")
    link = Path.join(folder, "link")
    File.ln_s!("a.jpg", link)
    assert Aside.update(link, "two") == :direct
    assert Aside.update("/dev/null", "two") == :direct
    assert Aside.update(folder, "two") == :direct
    assert Aside.update(Path.join(path, "b"), "two") == :direct

    # Another name of the file is to go on being one.
    File.ln!(path, Path.join(folder, "other"))
    assert Aside.update(path, "two") == :direct

    assert File.read!(path) == "one"
    assert Enum.sort(File.ls!(folder)) == ["a.jpg", "link", "other"]
  end

  test "a run that is over leaves nothing, and writes no more", context do
    %{tmp_dir: folder, path: path, run: {names, _over} = run} = context
    {other, _over} = Aside.start()
    assert other != names
    [own, young, old] = [names <> "1", other <> "1", other <> "2"]
    kept = [young, ".thumb", "thumbelina-x", "b.jpg"]
    for name <- [own, old | kept], do: File.write!(Path.join(folder, name), "")

    for name <- [old, "b.jpg"],
        do: File.touch!(Path.join(folder, name), {{2020, 1, 1}, {0, 0, 0}})

    assert Aside.stop(run, [folder, Path.join(folder, "no such folder")]) == :ok
    assert Enum.sort(File.ls!(folder)) == Enum.sort(kept)
    assert Aside.create(path, "", run) == {:error, :eintr}
    assert Aside.replace(path, "", run) == {:error, :eintr}
    assert Enum.sort(File.ls!(folder)) == Enum.sort(kept)
  end

  test "checks that a folder can be written to", %{tmp_dir: folder, path: path, run: run} do
    assert Aside.check(folder, run) == :ok
    File.write!(path, "")
    assert Aside.check(path, run) == {:error, :enotdir}
    assert File.ls!(folder) == ["a.jpg"]
  end

  # The caller may die at any time.
  test "nothing that is half written has a file's name", %{path: path, run: run} do
    bytes = :binary.copy("thumbelina", 2_000_000)

    for pause <- 0..20 do
      {pid, monitor} =
        spawn_monitor(fn ->
          Aside.replace(path, bytes, run)
        end)

      for _ <- 1..(pause * 20_000)//1, do: :ok
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^monitor, :process, ^pid, _}

      case File.stat(path) do
        {:ok, %{size: size}} -> assert size == byte_size(bytes)
        {:error, :enoent} -> :ok
      end
    end
  end
end
