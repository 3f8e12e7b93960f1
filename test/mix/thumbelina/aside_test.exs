defmodule Mix.Thumbelina.AsideTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Aside

  @moduletag :tmp_dir

  setup %{tmp_dir: folder}, do: {:ok, path: Path.join(folder, "a.jpg"), names: Aside.names()}

  defp mode(path), do: Bitwise.band(File.stat!(path).mode, 0o777)

  test "names of runs are not the same, and hidden", %{names: names} do
    assert Aside.names() != names
    assert names =~ ~r/^\.thumbelina-/
  end

  test "creates a file where none is", %{tmp_dir: folder, path: path, names: names} do
    assert Aside.create(path, "one", names) == :ok
    assert Aside.create(path, "two", names) == {:error, :eexist}
    assert File.read!(path) == "one"
    assert Aside.create(Path.join(path, "b"), "", names) == {:error, :enotdir}
    assert Aside.create(Path.join(folder, "no/b"), "", names) == {:error, :enoent}
    assert File.ls!(folder) == ["a.jpg"]

    File.mkdir!(Path.join(folder, "sub"))
    assert Aside.create(Path.join(folder, "sub"), "", names) == {:error, :eisdir}
    assert Enum.sort(File.ls!(folder)) == ["a.jpg", "sub"]
  end

  test "of many that create one file, one does", %{tmp_dir: folder, path: path, names: names} do
    results =
      1..50
      |> Task.async_stream(&{&1, Aside.create(path, "#{&1}", names)}, max_concurrency: 10)
      |> Enum.map(fn {:ok, result} -> result end)

    assert [{winner, :ok}] = Enum.filter(results, &match?({_, :ok}, &1))
    assert Enum.count(results, &match?({_, {:error, :eexist}}, &1)) == 49
    assert File.read!(path) == "#{winner}"
    assert File.ls!(folder) == ["a.jpg"]
  end

  test "replaces a file, and not a folder", %{tmp_dir: folder, path: path, names: names} do
    assert Aside.replace(path, "one", names) == :ok
    assert Aside.replace(path, "two", names) == :ok
    assert File.read!(path) == "two"
    File.rm!(path)
    File.mkdir_p!(Path.join(path, "in it"))
    assert {:error, reason} = Aside.replace(path, "three", names)
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

  test "sweeps what this run has left, and what is old", %{tmp_dir: folder, names: names} do
    other = Aside.names()
    [own, young, old] = for name <- [names <> "1", other <> "1", other <> "2"], do: name
    kept = [young, ".thumb", "thumbelina-x", "a.jpg"]
    for name <- [own, old | kept], do: File.write!(Path.join(folder, name), "")

    for name <- [old, "a.jpg"],
        do: File.touch!(Path.join(folder, name), {{2020, 1, 1}, {0, 0, 0}})

    assert Aside.sweep([folder, Path.join(folder, "no such folder")], names) == :ok
    assert Enum.sort(File.ls!(folder)) == Enum.sort(kept)
  end

  test "checks that a folder can be written to", %{tmp_dir: folder, path: path, names: names} do
    assert Aside.check(folder, names) == :ok
    File.write!(path, "")
    assert Aside.check(path, names) == {:error, :enotdir}
    assert File.ls!(folder) == ["a.jpg"]
  end

  # The caller may die at any time.
  test "nothing that is half written has a file's name", %{path: path, names: names} do
    bytes = :binary.copy("thumbelina", 2_000_000)

    for pause <- 0..20 do
      {pid, monitor} =
        spawn_monitor(fn ->
          Aside.replace(path, bytes, names)
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
