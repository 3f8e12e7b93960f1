defmodule Thumbelina.Server.Files do
  @moduledoc false
  # Files under the server's root. No path, and no symbolic link, leads out of it.

  alias Thumbelina.Error

  # All of it is about the open file, whatever happens to its name meanwhile. Times have seconds, so
  # until a file is `settled`, it may change once more and look the same.
  @type t :: %__MODULE__{
          device: :file.fd(),
          size: non_neg_integer,
          mtime: integer,
          id: [term],
          settled?: boolean
        }

  @enforce_keys [:device, :size, :mtime, :id, :settled?]
  defstruct @enforce_keys

  # As in Linux.
  @most_links 40

  @typep missing :: {:error, :not_found | Error.t()}

  @doc """
  Opens the file that the segments of a path name, passes it to `fun`, and closes it. What is not a
  regular file under the root does not exist.
  """
  @spec open(Path.t() | nil, [String.t()], (t -> result)) :: result | missing when result: term
  def open(nil, _segments, _fun), do: {:error, :not_found}

  def open(root, segments, fun) do
    with true <- Enum.all?(segments, &name?/1),
         {:ok, path, seen} <- find(root, segments),
         {:ok, device} <- :file.open(path, [:read, :raw, :binary]) do
      try do
        with {:ok, file} <- opened(device, seen), do: fun.(file)
      after
        :file.close(device)
      end
    else
      # There are too many open files, which will pass.
      {:error, posix} when posix in [:emfile, :enfile] -> {:error, %Error{reason: posix}}
      _ -> {:error, :not_found}
    end
  end

  @doc "The first bytes of the file: at most as many as it had when it was opened."
  @spec read(t) :: {:ok, binary} | {:error, Error.t()}
  def read(%__MODULE__{device: device, size: size}) do
    case :file.read(device, size) do
      {:ok, bytes} -> {:ok, bytes}
      :eof -> {:ok, ""}
      {:error, posix} -> {:error, %Error{reason: posix}}
    end
  end

  # Neither hidden ones nor `..`, and nothing that another system takes for a separator, a drive or
  # the end of the name.
  defp name?("." <> _), do: false
  defp name?(""), do: false
  defp name?(name), do: :binary.match(name, forbidden()) == :nomatch

  defp forbidden do
    case :os.type() do
      {:win32, _} -> ["/", "\\", <<0>>, ":"]
      _ -> ["/", "\\", <<0>>]
    end
  end

  # The type is known before the file is opened, because opening a pipe waits for its other end.
  defp find(root, segments) do
    with {:ok, root, _info, left} <- real(Path.split(root), @most_links),
         {:ok, path, info, _left} <- real(Path.split(root) ++ segments, left),
         :regular <- info[:type],
         true <- under?(Path.split(root), Path.split(path)),
         do: {:ok, path, info}
  end

  defp under?([part | root], [part | path]), do: under?(root, path)
  defp under?([], path), do: path != [] and Enum.all?(path, &name?/1)
  defp under?(_root, _path), do: false

  # The path without links, looked up part by part.
  defp real([top | parts], links), do: real(top, parts, nil, links)

  defp real(path, [], nil, links),
    do: with({:ok, info} <- look(path), do: {:ok, path, info, links})

  defp real(path, [], info, links), do: {:ok, path, info, links}
  defp real(path, ["." | parts], _info, links), do: real(path, parts, nil, links)
  defp real(path, [".." | parts], _info, links), do: real(Path.dirname(path), parts, nil, links)

  defp real(folder, [part | parts], _info, links) do
    path = Path.join(folder, part)

    with {:ok, info} <- look(path) do
      case info[:type] do
        :symlink when links > 0 -> follow(folder, path, parts, links - 1)
        :directory -> real(path, parts, info, links)
        _ when parts == [] -> real(path, parts, info, links)
        _ -> {:error, :not_found}
      end
    end
  end

  defp follow(folder, link, parts, links) do
    with {:ok, target} <- :file.read_link_all(link) do
      target = IO.chardata_to_string(target)

      case Path.type(target) do
        :relative -> real(folder, Path.split(target) ++ parts, nil, links)
        :absolute -> real(Path.split(target) ++ parts, links)
        :volumerelative -> {:error, :not_found}
      end
    end
  end

  defp look(path), do: info(:file.read_link_info(path, [:raw, time: :posix]))

  defp opened(device, seen) do
    with {:ok, info} <- info(:file.read_file_info(device, [:raw, time: :posix])),
         # Nobody put another file there between the look and the opening.
         true <- info[:type] == :regular and info[:id] == seen[:id] do
      {:ok,
       %__MODULE__{
         device: device,
         size: info[:size],
         mtime: info[:mtime],
         id: info[:id],
         settled?: settled?(info)
       }}
    else
      _ -> {:error, :not_found}
    end
  end

  # Clocks of file servers are not those of this machine, but about right.
  @settling 2

  defp settled?(info) do
    now = System.os_time(:second)
    Enum.all?([info[:mtime], info[:ctime]], &(abs(now - &1) > @settling))
  end

  # A `file_info` of OTP, whose fields are documented.
  defp info({:ok, info}) do
    {:file_info, size, type, _access, _atime, mtime, ctime, _mode, _links, major, minor, inode,
     _uid, _gid} = info

    {:ok,
     [
       size: size,
       type: type,
       mtime: mtime,
       ctime: ctime,
       id: [size, mtime, ctime, major, minor, inode]
     ]}
  end

  defp info(error), do: error
end
