defmodule Mix.Thumbelina.Aside do
  @moduledoc false
  # Files that are there as a whole or not at all, whenever the VM is stopped: they are written
  # under another name in the same folder, and then get their own.

  @prefix ".thumbelina-"

  # A thumbnail is written in milliseconds. What is older was left by a VM that is no more.
  @stale_seconds 60

  @typedoc "How the temporary names of a run begin, and whether it is over."
  @opaque run :: {String.t(), :atomics.atomics_ref()}

  @doc """
  Starts a run.

  No other run has its temporary names: not on this machine, where no two processes have a number at
  the same time, and not on another one, unless it has that number at the same nanosecond. Even then
  nothing is overwritten, because temporary files are only ever created.
  """
  @spec start :: run
  def start do
    {"#{@prefix}#{System.pid()}-#{System.os_time()}-", :atomics.new(1, signed: false)}
  end

  @doc """
  Ends a run: whoever still wants to write gets the error `:eintr`. Removes what it has left in the
  folders, and what an earlier one has if it was killed.
  """
  @spec stop(run, Enumerable.t()) :: :ok
  def stop({names, over}, folders) do
    :atomics.put(over, 1, 1)
    stale = System.os_time(:second) - @stale_seconds

    for folder <- folders,
        {:ok, found} <- [File.ls(folder)],
        name <- found,
        String.starts_with?(name, @prefix),
        path = Path.join(folder, name),
        String.starts_with?(name, names) or older?(path, stale),
        do: _ = File.rm(path)

    :ok
  end

  defp older?(path, seconds) do
    case File.lstat(path, time: :posix) do
      {:ok, %File.Stat{mtime: written}} -> written < seconds
      {:error, _} -> false
    end
  end

  @doc "Writes a file where none is. What is there stays: that is the error `:eexist`."
  @spec create(Path.t(), binary, run) :: :ok | {:error, File.posix()}
  def create(path, bytes, run), do: aside(path, bytes, run, &place(&1, path))

  @doc "Writes a file in the place of what may be there."
  @spec replace(Path.t(), binary, run) :: :ok | {:error, File.posix()}
  def replace(path, bytes, run), do: aside(path, bytes, run, &File.rename(&1, path))

  @doc """
  The same for an existing file that keeps its owner and its mode. Returns `:direct` if that is not
  possible, as for a link, a device, or a folder that does not take another file.
  """
  @spec update(Path.t(), binary) :: :ok | :direct
  def update(path, bytes) do
    kept =
      case File.lstat(path) do
        {:ok, %File.Stat{type: :regular, links: 1} = stat} -> &like(&1, stat)
        {:error, :enoent} -> fn _aside -> :ok end
        _ -> fn _aside -> :direct end
      end

    rename = fn aside -> with :ok <- kept.(aside), do: File.rename(aside, path) end
    with {:error, _} <- aside(path, bytes, start(), rename), do: :direct
  end

  @doc "Whether files can be written to a folder."
  @spec check(Path.t(), run) :: :ok | {:error, File.posix()}
  def check(folder, run), do: folder |> Path.join("any") |> aside("", run, fn _ -> :ok end)

  defp aside(path, bytes, {names, over}, finish) do
    name = names <> Integer.to_string(System.unique_integer([:positive]))
    aside = path |> Path.dirname() |> Path.join(name)

    try do
      with 0 <- :atomics.get(over, 1),
           :ok <- File.write(aside, bytes, [:exclusive]) do
        finish.(aside)
      else
        1 -> {:error, :eintr}
        error -> error
      end
    after
      _ = File.rm(aside)
    end
  end

  # A link is made where nothing is, in one step. Some file systems have no links.
  defp place(aside, path) do
    case File.ln(aside, path) do
      :ok -> :ok
      {:error, :eexist} -> there(path)
      {:error, _} -> if there?(path), do: there(path), else: File.rename(aside, path)
    end
  end

  defp there(path), do: {:error, if(File.dir?(path), do: :eisdir, else: :eexist)}
  defp there?(path), do: match?({:ok, _}, File.lstat(path))

  defp like(aside, %File.Stat{mode: mode, uid: uid, gid: gid}) do
    with :ok <- :file.change_owner(aside, uid, gid),
         do: File.chmod(aside, Bitwise.band(mode, 0o7777))
  end
end
