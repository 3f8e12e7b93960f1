defmodule Mix.Thumbelina.Inputs do
  @moduledoc false
  # The files that the paths of a command line stand for: files, folders, and globs.

  alias Thumbelina.Format

  @typedoc """
  A file, and its path inside the folder that was searched; or what cannot be read, and why.
  """
  @type t :: {:ok, Path.t(), Path.t()} | {:error, Path.t(), File.posix()}

  @doc """
  Finds them, each once, in the order of the paths and then of the names. The folder `output` is not
  searched, unless a path leads into it.

  The error is for people: what is wrong with a glob, or that there are no files at all.
  """
  @spec find([Path.t()], Path.t()) :: {:ok, [t, ...]} | {:error, String.t()}
  def find(paths, output) do
    output = Path.expand(output)
    found = Enum.map(paths, &look(&1, output))

    with nil <- Enum.find(found, &match?({:wrong, _message}, &1)),
         [_ | _] = inputs <- found |> Enum.concat() |> Enum.uniq_by(&once/1) do
      {:ok, inputs}
    else
      {:wrong, message} -> {:error, message}
      [] -> {:error, "no pictures were found in #{Enum.join(paths, ", ")}"}
    end
  end

  defp once({:ok, path, inside}), do: {Path.expand(path), inside}
  defp once({:error, path, _reason}), do: Path.expand(path)

  # A name may look like a glob and be one of a file.
  defp look(path, output) do
    case {kind(path), glob?(path)} do
      {:folder, _} -> folder(path, "", output)
      {:file, _} -> [{:ok, path, Path.basename(path)}]
      {{:error, _reason}, true} -> glob(path, output)
      {{:error, reason}, false} -> [{:error, path, reason}]
    end
  end

  defp kind(path) do
    case File.stat(path) do
      {:ok, %File.Stat{type: :directory}} -> :folder
      {:ok, _stat} -> :file
      {:error, reason} -> {:error, reason}
    end
  end

  defp glob?(path), do: path =~ ~r/[*?\[{]/

  # What is kept of a path are the parts from the first with a wildcard on.
  defp glob(glob, output) do
    {fixed, rest} = glob |> Path.split() |> Enum.split_while(&(not glob?(&1)))

    # Such a path leads out of the output folder. And Elixir 1.14 fails on it.
    if ".." in rest do
      {:wrong, "#{glob} has .. after a wildcard"}
    else
      case wildcard(glob) do
        [] -> {:wrong, "no file matches #{glob}"}
        paths -> paths |> outside(fixed, output) |> Enum.flat_map(&match(&1, fixed, output))
      end
    end
  end

  defp outside(paths, fixed, output) do
    base = if fixed == [], do: ".", else: Path.join(fixed)

    if within?(base, output),
      do: paths,
      else: Enum.reject(paths, &within?(&1, output))
  end

  defp within?(path, folder) do
    path = Path.expand(path)
    path == folder or String.starts_with?(path, folder <> "/")
  end

  # A pattern that is none matches nothing.
  defp wildcard(glob) do
    Path.wildcard(glob)
  rescue
    ErlangError -> []
  end

  defp match(path, fixed, output) do
    inside = path |> Path.split() |> Enum.drop(length(fixed)) |> Path.join()

    case kind(path) do
      :folder -> folder(path, inside, output)
      :file -> [{:ok, path, inside}]
      {:error, reason} -> [{:error, path, reason}]
    end
  end

  defp folder(path, inside, output) do
    # File.ls leaves out names that are not UTF-8.
    case :file.list_dir_all(path) do
      {:ok, names} ->
        names
        |> Enum.map(&IO.chardata_to_string/1)
        |> Enum.reject(&String.starts_with?(&1, "."))
        |> Enum.sort()
        |> Enum.flat_map(&member(Path.join(path, &1), Path.join(inside, &1), output))

      {:error, reason} ->
        [{:error, path, reason}]
    end
  end

  # Links to folders are not followed: they may lead back.
  defp member(path, inside, output) do
    case File.lstat(path) do
      {:ok, %File.Stat{type: :directory}} ->
        if Path.expand(path) == output, do: [], else: folder(path, inside, output)

      _ ->
        if picture?(path), do: file(path, inside), else: []
    end
  end

  defp file(path, inside) do
    case File.stat(path) do
      {:ok, %File.Stat{type: :regular}} -> [{:ok, path, inside}]
      {:ok, _stat} -> []
      {:error, reason} -> [{:error, path, reason}]
    end
  end

  defp picture?(path) do
    case path |> Path.extname() |> Format.of_extension() do
      {:ok, format} -> format in Format.readable()
      :error -> false
    end
  end
end
