defmodule Thumbelina.Store.DiskTest do
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.Store
  alias Thumbelina.Store.{Disk, Key}

  # What a file has besides the value in the external term format.
  @frame byte_size("Thumbelina store 1\n") + 32 + 32

  setup do
    dir = Path.join(System.tmp_dir!(), "thumbelina-store-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(dir) end)
    %{dir: dir}
  end

  test "values survive a restart", %{dir: dir} do
    image = Thumbelina.open!("test/fixtures/photo.jpg")
    values = [image, [image, image], "text", %{a: [1.5 | :b]}, nil, fn -> 1 end]
    start(dir: dir)
    for {value, key} <- Enum.with_index(values), do: Store.put(key, value)
    assert Store.fetch(:fetched, fn -> {:ok, 1} end) == {:ok, 1}
    assert Store.fetch(:failed, fn -> :no end) == :no
    files(7)

    restart(dir: dir)
    assert {:ok, %{entries: 0}} = Store.info()
    for {value, key} <- Enum.with_index(values), do: assert(Store.get(key) == {:ok, value})
    assert Store.fetch(:fetched, fn -> flunk() end) == {:ok, 1}
    assert Store.get(:failed) == :error
    # What was read is in memory again.
    poll(fn -> match?({:ok, %{entries: 7}}, Store.info()) end)
    for path <- files(7), do: File.rm!(path)
    for {value, key} <- Enum.with_index(values), do: assert(Store.get(key) == {:ok, value})
  end

  test "files are named by digests, in directories of two digits", %{dir: dir} do
    start(dir: dir)
    Store.put(:key, 1)
    [path] = files(1)
    name = :key |> Key.id() |> Base.encode16(case: :lower)
    assert path == Path.join([dir, binary_part(name, 0, 2), name])
    assert File.stat!(path).size == @frame + byte_size(:erlang.term_to_binary(1))
    assert {:ok, %{files: 1, file_bytes: bytes}} = Store.info()
    assert bytes == File.stat!(path).size
  end

  test "what memory has no room for is on disk", %{dir: dir} do
    start(dir: dir, max_bytes: 3 * 1512)
    for n <- 1..10, do: Store.put(n, value(n))
    Store.put(:large, String.duplicate("x", 100_000))
    files(11)
    for n <- 1..10, do: assert(Store.get(n) == {:ok, value(n)})
    assert {:ok, <<_::100_000-bytes>>} = Store.get(:large)
    assert {:ok, %{entries: entries, hits: 11, misses: 0}} = Store.info()
    assert entries <= 3
  end

  test "an older value does not come back", %{dir: dir} do
    start(dir: dir, max_bytes: 1000)
    Store.put(:key, 1)
    files(1)
    Store.put(:key, String.duplicate("x", 2000))
    settle()
    assert {:ok, <<_::2000-bytes>>} = Store.get(:key)

    restart(dir: dir, dir_bytes: 1000)
    files(0)
    Store.put(:key, 1)
    files(1)
    Store.put(:key, String.duplicate("x", 2000))
    files(0)
  end

  test "delete removes the file, and no reader brings it back", %{dir: dir} do
    start(dir: dir, max_bytes: 100_000)

    for n <- 1..100 do
      Store.put(n, n)
      settle()
      # Out of memory, so that readers go to the file.
      :sys.replace_state(server(), &%{&1 | table: Store.Table.clear(&1.table)})
      readers = for _ <- 1..4, do: Task.async(fn -> Store.get(n) end)
      Store.delete(n)
      for read <- Task.await_many(readers), do: assert(read in [{:ok, n}, :error])
      # What a reader promoted has arrived.
      :sys.get_state(server())
      assert Store.get(n) == :error
    end

    files(0)
  end

  describe "the bound" do
    test "holds, and the least recently used goes first", %{dir: dir} do
      size = @frame + byte_size(:erlang.term_to_binary(value(1)))
      start(dir: dir, dir_bytes: 5 * size, max_bytes: 2 * 1512)
      for n <- 1..5, do: Store.put(n, value(n))
      files(5)
      # Used from the file, and then in memory only.
      assert {:ok, _} = Store.get(1)
      settle()
      assert {:ok, _} = Store.get(1)
      for n <- 6..7, do: Store.put(n, value(n))
      settle()

      left = for n <- 1..7, File.exists?(path(dir, n)), do: n
      assert left == [1, 4, 5, 6, 7]
      assert {:ok, %{files: 5, file_bytes: bytes}} = Store.info()
      assert bytes == 5 * size
    end

    test "uses in memory count", %{dir: dir} do
      size = @frame + byte_size(:erlang.term_to_binary(value(1)))
      start(dir: dir, dir_bytes: 3 * size)
      for n <- 1..3, do: Store.put(n, value(n))
      files(3)
      for _ <- 1..3, do: assert({:ok, _} = Store.get(1))
      Store.put(4, value(4))
      settle()
      assert for(n <- 1..4, File.exists?(path(dir, n)), do: n) == [1, 3, 4]
    end

    test "is that of the new start, by the times of the files", %{dir: dir} do
      size = @frame + byte_size(:erlang.term_to_binary(value(1)))
      start(dir: dir)
      for n <- 1..6, do: Store.put(n, value(n))
      files(6)
      now = System.os_time(:second)

      for {n, age} <- Enum.zip(1..6, [10, 60, 20, 50, 30, 40]),
          do: File.touch!(path(dir, n), now - age)

      restart(dir: dir, dir_bytes: 3 * size)
      files(3)
      assert for(n <- 1..6, File.exists?(path(dir, n)), do: n) == [1, 3, 5]
      # A read is a use that a restart knows of.
      File.touch!(path(dir, 5), now - 1000)
      restart(dir: dir, dir_bytes: 3 * size)
      assert {:ok, _} = Store.get(5)
      settle()
      assert File.stat!(path(dir, 5), time: :posix).mtime >= now
    end

    test "holds while many write", %{dir: dir} do
      start(dir: dir, dir_bytes: 100_000, max_bytes: 20_000)

      tasks =
        for w <- 1..6 do
          Task.async(fn ->
            for n <- 1..60 do
              # The same keys from several writers.
              key = {rem(w, 3), n}
              Store.put(key, {key, :binary.copy("x", rem(n * 97, 5000))})
              with {:ok, found} <- Store.get(key), do: assert({^key, _} = found)
              on_disk = dir |> paths() |> Enum.map(&size/1) |> Enum.sum()
              # A file that is being replaced is there twice.
              assert on_disk <= 105_000
            end
          end)
        end

      Task.await_many(tasks, 60_000)
      settle()
      {:ok, info} = Store.info()
      assert info.file_bytes == dir |> paths() |> Enum.map(&size/1) |> Enum.sum()
      assert info.files == length(paths(dir))
      assert info.file_bytes in 50_000..100_000
    end
  end

  test "a damaged file is a miss, and is removed", %{dir: dir} do
    start(dir: dir, max_bytes: 1)
    Store.put(:key, value(1))
    [path] = files(1)
    whole = File.read!(path)
    assert Store.get(:key) == {:ok, value(1)}
    size = byte_size(whole)

    flipped =
      for at <- Enum.uniq([0, 18, 19, 50, 51, 82, 83, 84, div(size, 2), size - 1]) do
        <<head::binary-size(at), byte, tail::binary>> = whole
        <<head::binary, Bitwise.bxor(byte, 1), tail::binary>>
      end

    cut = for length <- [0, 1, 19, 51, 83, 84, size - 1], do: binary_part(whole, 0, length)

    for damaged <- flipped ++ cut ++ [whole <> <<0>>, "", String.duplicate("x", size)] do
      File.write!(path, damaged)
      assert Store.get(:key) == :error
      settle()
      refute File.exists?(path)
    end

    # The file of another key, under this name.
    Store.put(:other, value(2))
    settle()
    File.cp!(path(dir, :other), path)
    assert Store.get(:key) == :error
    settle()
    refute File.exists?(path)
    assert Store.fetch(:key, fn -> {:ok, value(3)} end) == {:ok, value(3)}
    settle()
    assert Store.get(:key) == {:ok, value(3)}
  end

  test "a file makes no atoms", %{dir: dir} do
    start(dir: dir, max_bytes: 1)
    Store.put(:key, ["thumbelina_atom_that_nobody_has"])
    [path] = files(1)
    # The same file, with an atom of the same name, and the right digest.
    name = "thumbelina_atom_that_nobody_has"
    term = <<131, 119, byte_size(name)>> <> name
    id = Key.id(:key)
    rest = id <> term
    File.write!(path, ["Thumbelina store 1\n", :crypto.hash(:sha256, rest), rest])
    assert Store.get(:key) == :error

    assert_raise ArgumentError, fn ->
      String.to_existing_atom(Enum.join(~w(thumbelina atom that nobody has), "_"))
    end
  end

  test "files of others are left alone, and what a crash left is removed", %{dir: dir} do
    others = ["README", "ab/README", "ab/cd", "zz/#{String.duplicate("z", 64)}", "ab/x.tmp"]

    for other <- others do
      dir |> Path.join(other) |> Path.dirname() |> File.mkdir_p!()
      dir |> Path.join(other) |> File.write!("x")
    end

    left = Path.join(dir, "ab/#{String.duplicate("ab", 32)}.1-1.tmp")
    File.write!(left, "half")
    File.touch!(left, System.os_time(:second) - 3600)
    File.mkdir_p!(Path.join(dir, "cd/#{String.duplicate("cd", 32)}"))

    start(dir: dir, dir_bytes: 1)
    settle()
    for other <- others, do: assert(File.exists?(Path.join(dir, other)))
    refute File.exists?(left)
    assert {:ok, %{files: 0, file_bytes: 0}} = Store.info()
  end

  test "a disk that cannot be written to is reported once, and the store goes on", %{dir: dir} do
    start(dir: dir)
    # A file is where a directory is wanted.
    blocked = for n <- 1..50, uniq: true, do: dir |> path(n) |> Path.dirname()
    for path <- blocked, do: File.write!(path, "")

    logged =
      logged(fn ->
        for n <- 1..50, do: Store.put(n, value(n))
        settle()
        for n <- 1..50, do: assert(Store.get(n) == {:ok, value(n)})
      end)

    assert [message] = logged
    assert message =~ "Thumbelina.Store cannot write to #{dir}"
    for path <- blocked, do: File.rm!(path)

    assert logged(fn ->
             Store.put(1, value(1))
             files(1)
           end) == []
  end

  test "the disk's process may die", %{dir: dir} do
    start(dir: dir)
    Store.put(:key, 1)
    files(1)
    disk = Process.whereis(Module.concat(Store, "Disk"))

    logged(fn ->
      Process.exit(disk, :kill)
      poll(fn -> Process.whereis(Module.concat(Store, "Disk")) not in [nil, disk] end)
      poll(fn -> match?({:ok, %{role: :holder, files: 1}}, Store.info()) end)
    end)

    assert Store.get(:key) == {:ok, 1}
  end

  test "values for a disk that does not keep up are only in memory", %{dir: dir} do
    start(dir: dir)
    disk = Process.whereis(Module.concat(Store, "Disk"))
    Store.put(0, "old")
    files(1)
    :ok = :sys.suspend(disk)
    large = :binary.copy("x", 10_000_000)
    for n <- 0..9, do: Store.put(n, large)
    # The store and its readers do not wait.
    for n <- 0..9, do: assert({:ok, ^large} = Store.get(n))
    :ok = :sys.resume(disk)
    assert length(files(6)) == 6
  end

  defp start(opts), do: start_supervised!({Store, opts})

  defp restart(opts) do
    stop_supervised!(Store)
    start(opts)
  end

  defp server, do: Store.Server.whereis(Store)

  # What was sent to the processes before has been done.
  defp settle do
    :sys.get_state(server())
    :sys.get_state(Module.concat(Store, "Disk"))
  end

  defp value(n), do: String.pad_leading("#{n}", 1000)

  defp path(dir, key), do: Disk.path(%{disk() | dir: dir}, Key.id(key))
  defp disk, do: Store.Table.fact(Store, :disk)

  # The store's files, once there are so many.
  defp files(count) do
    poll(fn ->
      settle()
      length(paths(disk().dir)) == count
    end)

    paths(disk().dir)
  end

  defp paths(dir), do: dir |> Path.join("*/*") |> Path.wildcard() |> Enum.filter(&File.regular?/1)

  defp size(path) do
    case File.stat(path) do
      {:ok, stat} -> stat.size
      {:error, :enoent} -> 0
    end
  end

  # What is logged meanwhile, which does not reach the terminal.
  defp logged(fun) do
    {:ok, _} = :logger.get_handler_config(:default)
    :ok = :logger.add_handler_filter(:default, __MODULE__, {&collect/2, self()})

    try do
      fun.()
    after
      :logger.remove_handler_filter(:default, __MODULE__)
    end

    collected([])
  end

  def collect(event, test) do
    send(test, {:logged, event})
    :stop
  end

  defp collected(messages) do
    receive do
      {:logged, %{msg: {:report, _}}} ->
        collected(messages)

      {:logged, %{msg: {format, args}}} ->
        collected(["#{:io_lib.format(format, args)}" | messages])
    after
      0 -> messages
    end
  end
end
