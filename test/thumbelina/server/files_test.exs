defmodule Thumbelina.Server.FilesTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.Files

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    root = Path.join(folder, "root")
    File.mkdir_p!(Path.join(root, "cats/.hidden"))
    File.mkdir_p!(Path.join(folder, "root-2"))
    File.write!(Path.join(folder, "secret"), "secret")
    File.write!(Path.join(folder, "root-2/secret"), "secret")
    File.write!(Path.join(root, "cats/tom"), "tom")
    File.write!(Path.join(root, "cats/.hidden/tom"), "secret")
    File.write!(Path.join(root, ".env"), "secret")
    File.write!(Path.join(root, "käse 50%"), "cheese")
    File.write!(Path.join(root, "empty"), "")
    %{root: root}
  end

  defp read(root, segments), do: Files.open(root, segments, &Files.read/1)

  test "reads files under the root", %{root: root} do
    assert read(root, ["cats", "tom"]) == {:ok, "tom"}
    assert read(root, ["käse 50%"]) == {:ok, "cheese"}
    assert read(root, ["empty"]) == {:ok, ""}
    assert read(Path.relative_to_cwd(root) |> Path.expand(), ["cats", "tom"]) == {:ok, "tom"}
    assert read(nil, ["cats", "tom"]) == {:error, :not_found}
  end

  test "knows no way out", %{root: root} do
    for segments <- [
          [],
          [""],
          ["cats"],
          ["cats", ""],
          ["", "cats", "tom"],
          ["cats", "", "tom"],
          ["cats", "tom", ""],
          ["cats", "tom", "x"],
          ["cats", ".", "tom"],
          ["cats", "..", "cats", "tom"],
          ["..", "secret"],
          ["..", "root-2", "secret"],
          ["../secret"],
          ["cats/tom"],
          ["cats\\tom"],
          ["..\\secret"],
          ["%2e%2e", "secret"],
          ["cats", "tom\0"],
          ["cats", "tom\0.jpg"],
          [".env"],
          ["cats", ".hidden", "tom"],
          ["~", "x"],
          ["nix"],
          [String.duplicate("a", 5000)],
          [<<0xFF, 0xFE>>],
          List.duplicate("a", 3000)
        ] do
      assert read(root, segments) == {:error, :not_found}, inspect(segments)
    end
  end

  @tag :unix
  test "links stay inside", %{root: root, tmp_dir: folder} do
    link = fn target, name -> File.ln_s!(target, Path.join(root, name)) end

    link.("cats/tom", "inside")
    link.("inside", "twice")
    link.(Path.join(root, "cats"), "folder")
    link.("../root/cats/tom", "around")
    File.mkdir!(Path.join(root, "deep"))
    File.ln_s!("../cats/./../cats/tom", Path.join(root, "deep/up"))

    for segments <- [["inside"], ["twice"], ["folder", "tom"], ["around"], ["deep", "up"]] do
      assert read(root, segments) == {:ok, "tom"}, inspect(segments)
    end

    link.("../secret", "out")
    link.(Path.join(folder, "secret"), "absolute")
    link.("/etc", "etc")
    link.("..", "parent")
    link.("../root-2", "sibling")
    link.("out", "twice-out")
    link.(".env", "env")
    link.("cats/.hidden", "shown")
    link.("loop", "loop")
    link.("ping", "pong")
    link.("pong", "ping")
    link.("nix", "dangling")
    link.(".", "self")

    for segments <- [
          ["out"],
          ["absolute"],
          ["etc", "passwd"],
          ["parent", "secret"],
          ["sibling", "secret"],
          ["twice-out"],
          ["env"],
          ["shown", "tom"],
          ["loop"],
          ["ping"],
          ["dangling"],
          ["self"],
          ["parent"]
        ] do
      assert read(root, segments) == {:error, :not_found}, inspect(segments)
    end

    # The root may be reached by a link, and may be another one for the next request.
    File.ln_s!("root", Path.join(folder, "current"))
    assert read(Path.join(folder, "current"), ["cats", "tom"]) == {:ok, "tom"}
    assert read(Path.join(folder, "current"), ["out"]) == {:error, :not_found}
    File.rm!(Path.join(folder, "current"))
    File.ln_s!("root-2", Path.join(folder, "current"))
    assert read(Path.join(folder, "current"), ["secret"]) == {:ok, "secret"}
  end

  @tag :unix
  test "only regular files are opened", %{root: root} do
    {_, 0} = System.cmd("mkfifo", [Path.join(root, "pipe")])
    {:ok, socket} = :gen_udp.open(0, [{:ifaddr, {:local, Path.join(root, "s")}}])
    File.ln_s!("/dev/zero", Path.join(root, "zero"))
    File.ln_s!("pipe", Path.join(root, "to-pipe"))

    # Opening the pipe would wait for ever.
    for name <- ~w(pipe s zero to-pipe cats) do
      assert read(root, [name]) == {:error, :not_found}
    end

    :gen_udp.close(socket)
  end

  @tag :unix
  test "what cannot be read does not exist", %{root: root} do
    path = Path.join(root, "cats/tom")
    File.chmod!(path, 0)
    # Nothing is forbidden to root.
    expected = if match?({:ok, _}, File.read(path)), do: {:ok, "tom"}, else: {:error, :not_found}
    assert read(root, ["cats", "tom"]) == expected
  end

  test "closes the file, whatever happens", %{root: root} do
    device = Files.open(root, ["cats", "tom"], & &1.device)
    assert {:error, :einval} = :file.read(device, 1)
    assert catch_throw(Files.open(root, ["cats", "tom"], &throw(&1.device))) |> is_tuple()
  end

  test "identifies the file", %{root: root} do
    id = fn -> Files.open(root, ["cats", "tom"], & &1.id) end
    before = id.()
    assert before == id.()
    File.write!(Path.join(root, "cats/tom"), "another")
    assert before != id.()
  end

  test "a file that was just written may still change", %{root: root} do
    refute Files.open(root, ["cats", "tom"], & &1.settled?)
    File.touch!(Path.join(root, "cats/tom"), 0)
    # The time of the last change of anything cannot be set.
    refute Files.open(root, ["cats", "tom"], & &1.settled?)
    assert Files.open(Path.expand("."), ["mix.exs"], & &1.settled?) == old?("mix.exs")
  end

  defp old?(path) do
    %{mtime: mtime, ctime: ctime} = File.stat!(path, time: :posix)
    max(mtime, ctime) < System.os_time(:second) - 2
  end

  @tag :unix
  test "files that change meanwhile give the old or the new one", %{root: root, tmp_dir: folder} do
    # A name that is now the picture, and now a link to what is none of it.
    path = Path.join(root, "swap")
    other = Path.join(folder, "other")

    swapper =
      Task.async(fn ->
        Stream.repeatedly(fn ->
          File.write!(other, "inside")
          File.rename!(other, path)
          File.ln_s!("../secret", other)
          File.rename!(other, path)
        end)
        |> Enum.take(500)
      end)

    results =
      Stream.repeatedly(fn -> read(root, ["swap"]) end)
      |> Enum.reduce_while(MapSet.new(), fn result, results ->
        step = if Process.alive?(swapper.pid), do: :cont, else: :halt
        {step, MapSet.put(results, result)}
      end)

    Task.await(swapper, 60_000)
    assert MapSet.subset?(results, MapSet.new([{:ok, "inside"}, {:error, :not_found}]))
  end
end
