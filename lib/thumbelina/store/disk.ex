defmodule Thumbelina.Store.Disk do
  @moduledoc false
  # The values of one node as files, bounded by bytes, least recently used first out. Whoever wants
  # a value reads its file; one process writes, removes, and keeps account. What is not in its
  # account when it starts is found by going through the directory; files that are not the store's
  # are left alone.
  #
  # A file's time of modification is the last use that is known of it, which lets the order survive
  # a restart. Uses in memory are not written each time: they count when room is needed here, and
  # are noted when the value leaves the memory.

  use GenServer, restart: :permanent

  alias Thumbelina.Error
  alias Thumbelina.Store.{Config, Entry, Table}

  # What may wait to be written. If the disk is slower than the callers, further values are only
  # kept in memory.
  @most_pending 67_108_864

  # Another writer's file may be in the making. After so many seconds it is what a crash left.
  @abandoned 600

  # The numbers that everybody may see.
  @pending 1
  @files 2
  @bytes 3

  @enforce_keys [:server, :table, :dir, :max_bytes, :account]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          server: atom,
          table: atom,
          dir: Path.t(),
          max_bytes: pos_integer,
          account: :atomics.atomics_ref()
        }

  @spec new(Config.t()) :: t | nil
  def new(%Config{dir: nil}), do: nil

  def new(%Config{} = config) do
    %__MODULE__{
      server: Module.concat(config.name, "Disk"),
      table: config.name,
      dir: config.dir,
      max_bytes: config.dir_bytes,
      account: :atomics.new(3, signed: true)
    }
  end

  @doc "Makes the directory, if it is not there."
  @spec prepare(t | nil) :: :ok | {:error, Error.t()}
  def prepare(nil), do: :ok

  def prepare(disk) do
    with {:error, posix} <- File.mkdir_p(disk.dir),
         do: {:error, %Error{reason: posix, path: disk.dir}}
  end

  @spec start_link(t) :: GenServer.on_start()
  def start_link(disk), do: GenServer.start_link(__MODULE__, disk, name: disk.server)

  @doc "Reads a value in the calling process."
  @spec read(t, Table.id()) :: {:ok, term} | :error
  def read(disk, id) do
    with {:ok, bytes} <- read_file(path(disk, id), disk.max_bytes),
         {:ok, value} <- Entry.decode(id, bytes) do
      GenServer.cast(disk.server, {:used, id, System.monotonic_time()})
      {:ok, value}
    else
      {:error, _posix} ->
        :error

      :error ->
        GenServer.cast(disk.server, {:delete, id})
        :error
    end
  end

  @doc "Writes a value, some time later."
  @spec write(t, Table.id(), term, pos_integer) :: :ok
  def write(disk, id, value, size) do
    if :atomics.add_get(disk.account, @pending, size) <= @most_pending do
      GenServer.cast(disk.server, {:write, id, value, size})
    else
      :atomics.sub(disk.account, @pending, size)
      # An older value must not come back.
      GenServer.cast(disk.server, {:delete, id})
    end
  end

  @doc "Notes when values were used."
  @spec used(t, Table.dropped()) :: :ok
  def used(disk, dropped) do
    for {id, used} <- dropped, do: GenServer.cast(disk.server, {:used, id, used})
    :ok
  end

  @doc "Removes a value. When this returns, nobody finds it any more."
  @spec delete(t | nil, Table.id(), timeout) :: :ok
  def delete(nil, _id, _timeout), do: :ok
  def delete(disk, id, timeout), do: GenServer.call(disk.server, {:delete, id}, timeout)

  @spec info(t | nil) :: %{files: integer, file_bytes: integer}
  def info(nil), do: %{files: 0, file_bytes: 0}

  def info(disk),
    do: %{files: :atomics.get(disk.account, @files), file_bytes: bytes(disk)}

  defp bytes(disk), do: :atomics.get(disk.account, @bytes)

  @doc "Where the file of a value is."
  @spec path(t, Table.id()) :: Path.t()
  def path(disk, id) do
    name = Base.encode16(id, case: :lower)
    Path.join([disk.dir, binary_part(name, 0, 2), name])
  end

  # Raw, because `File.read/1` goes through one process that serves the whole node.
  defp read_file(path, most) do
    with {:ok, file} <- :file.open(path, [:read, :raw, :binary]) do
      try do
        with {:ok, size} when size in 1..most//1 <- :file.position(file, :eof),
             {:ok, bytes} when byte_size(bytes) == size <- :file.pread(file, 0, size) do
          {:ok, bytes}
        else
          # Longer than it can be, empty, or cut off in this moment.
          {:ok, _} -> :error
          :eof -> :error
          {:error, posix} -> {:error, posix}
        end
      after
        :file.close(file)
      end
    end
  end

  # The account: `files` are {id, size, placed}, and `index` orders them by {placed, id}. These
  # times are system time, as the file system's are.

  @impl true
  def init(disk) do
    Entry.load()
    for number <- [@pending, @files, @bytes], do: :atomics.put(disk.account, number, 0)

    state = %{
      disk: disk,
      files: :ets.new(__MODULE__, [:set, :private]),
      index: :ets.new(__MODULE__, [:ordered_set, :private]),
      failing: false
    }

    # There may be millions of files. Values can be read meanwhile.
    {:ok, state, {:continue, :scan}}
  end

  @impl true
  def handle_continue(:scan, %{disk: disk} = state) do
    state =
      for dir <- list(disk.dir),
          hex?(dir, 2),
          name <- list(Path.join(disk.dir, dir)),
          reduce: state do
        state -> found(state, dir, name)
      end

    {:noreply, make_room(state, disk.max_bytes)}
  end

  @impl true
  def handle_cast({:write, id, value, size}, state) do
    state = store(state, id, Entry.encode(id, value))
    :atomics.sub(state.disk.account, @pending, size)
    {:noreply, state}
  end

  def handle_cast({:used, id, used}, state) do
    {:noreply, place(state, id, used + System.time_offset())}
  end

  def handle_cast({:delete, id}, state), do: {:noreply, remove(state, id)}

  @impl true
  def handle_call({:delete, id}, _from, state), do: {:reply, :ok, remove(state, id)}

  defp list(dir) do
    case File.ls(dir) do
      {:ok, names} -> names
      {:error, _} -> []
    end
  end

  defp hex?(name, length), do: byte_size(name) == length and name =~ ~r/\A[0-9a-f]+\z/

  defp found(state, dir, name) do
    path = Path.join([state.disk.dir, dir, name])

    case File.lstat(path, time: :posix) do
      {:ok, %{type: :regular} = stat} -> found(state, dir, name, path, stat)
      _ -> state
    end
  end

  defp found(state, dir, name, path, stat) do
    cond do
      String.starts_with?(name, dir) and hex?(name, 64) ->
        id = Base.decode16!(name, case: :lower)
        enter(state, id, stat.size, System.convert_time_unit(stat.mtime, :second, :native))

      String.ends_with?(name, ".tmp") and System.os_time(:second) - stat.mtime > @abandoned ->
        _ = File.rm(path)
        state

      true ->
        state
    end
  end

  defp enter(state, id, size, placed) do
    :ets.insert(state.files, {id, size, placed})
    :ets.insert(state.index, {{placed, id}})
    :atomics.add(state.disk.account, @files, 1)
    :atomics.add(state.disk.account, @bytes, size)
    state
  end

  defp leave(state, id) do
    case :ets.take(state.files, id) do
      [{_id, size, placed}] ->
        :ets.delete(state.index, {placed, id})
        :atomics.sub(state.disk.account, @files, 1)
        :atomics.sub(state.disk.account, @bytes, size)
        state

      [] ->
        state
    end
  end

  defp remove(state, id) do
    # A damaged file may be one that the account does not know.
    _ = File.rm(path(state.disk, id))
    leave(state, id)
  end

  # Notes a later use.
  defp place(state, id, used) do
    case :ets.lookup(state.files, id) do
      [{_id, size, placed}] when placed < used ->
        state = leave(state, id)
        # Somebody else may have removed it.
        if touch(path(state.disk, id), used) == {:error, :enoent},
          do: state,
          else: enter(state, id, size, used)

      _ ->
        state
    end
  end

  # Unlike `File.touch/2`, this makes no file.
  defp touch(path, used) do
    with {:ok, stat} <- File.stat(path, time: :posix) do
      seconds = System.convert_time_unit(used, :native, :second)
      File.write_stat(path, %{stat | mtime: seconds}, time: :posix)
    end
  end

  defp store(state, id, entry) do
    size = IO.iodata_length(entry)

    if size > state.disk.max_bytes do
      remove(state, id)
    else
      # The file that is replaced counts until it is.
      state = make_room(state, state.disk.max_bytes - size)

      case write_file(path(state.disk, id), entry) do
        :ok ->
          %{state | failing: false} |> leave(id) |> enter(id, size, System.system_time())

        {:error, posix} ->
          warn(state, posix)
          %{remove(state, id) | failing: true}
      end
    end
  end

  # Once, and not for every value.
  defp warn(%{failing: true}, _posix), do: :ok

  defp warn(%{disk: disk}, posix) do
    :logger.warning("~ts cannot write to ~ts, and goes on without: ~ts", [
      inspect(disk.table),
      disk.dir,
      :file.format_error(posix)
    ])
  end

  # Written aside and renamed, so that nobody reads half of a file. The names differ, in case that
  # two nodes were given the same directory.
  defp write_file(path, entry) do
    aside = "#{path}.#{System.pid()}-#{System.unique_integer([:positive])}.tmp"

    with :ok <- File.mkdir_p(Path.dirname(path)),
         {:ok, file} <- :file.open(aside, [:write, :raw, :exclusive]),
         :ok <- write_and_close(file, entry),
         :ok <- File.rename(aside, path) do
      :ok
    else
      error ->
        _ = File.rm(aside)
        error
    end
  end

  defp write_and_close(file, entry) do
    written = :file.write(file, entry)
    closed = :file.close(file)
    with :ok <- written, do: closed
  end

  # As in `Table`, with the uses in memory as the stamps that came since.
  defp make_room(state, most), do: make_room(state, most, System.system_time())

  defp make_room(state, most, start) do
    if bytes(state.disk) <= most, do: state, else: state |> drop(start) |> make_room(most, start)
  end

  defp drop(state, start) do
    {placed, id} = :ets.first(state.index)
    used = Table.used(state.disk.table, id)
    used = if used, do: used + System.time_offset(), else: placed
    if used > placed and placed < start, do: place(state, id, used), else: remove(state, id)
  end
end
