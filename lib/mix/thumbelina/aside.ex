defmodule Mix.Thumbelina.Aside do
  @moduledoc false
  # Files that are there as a whole or not at all, whenever the VM is stopped: they are written under
  # another name in the same folder, and then get their own.

  @prefix ".thumbelina-"

  # A thumbnail is written in milliseconds. What is older was left by a VM that is no more.
  @stale_seconds 60

  @doc """
  How the temporary names of this run begin.

  No other run has them: not on this machine, where no two processes have a number at the same time,
  and not on another one, unless it has that number at the same nanosecond. Even then nothing is
  overwritten, because temporary files are only ever created.
  """
  @spec names :: String.t()
  def names, do: "#{@prefix}#{System.pid()}-#{System.os_time()}-"

  @doc "Writes a file where none is. What is there stays: that is the error `:eexist`."
  @spec create(Path.t(), binary, String.t()) :: :ok | {:error, File.posix()}
  def create(path, bytes, names), do: aside(path, bytes, names, &place(&1, path))

  @doc "Writes a file in the place of what may be there."
  @spec replace(Path.t(), binary, String.t()) :: :ok | {:error, File.posix()}
  def replace(path, bytes, names), do: aside(path, bytes, names, &File.rename(&1, path))

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
    with {:error, _} <- aside(path, bytes, names(), rename), do: :direct
  end

  @doc "Whether files can be written to a folder."
  @spec check(Path.t(), String.t()) :: :ok | {:error, File.posix()}
  def check(folder, names), do: folder |> Path.join("any") |> aside("", names, fn _ -> :ok end)

  @doc "Removes what this run has left in the folders, and what an earlier one has if it was killed."
  @spec sweep(Enumerable.t(), String.t()) :: :ok
  def sweep(folders, names) do
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

  defp aside(path, bytes, names, finish) do
    name = names <> Integer.to_string(System.unique_integer([:positive]))
    aside = path |> Path.dirname() |> Path.join(name)

    try do
      with :ok <- File.write(aside, bytes, [:exclusive]), do: finish.(aside)
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
