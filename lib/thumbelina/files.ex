defmodule Thumbelina.Files do
  @moduledoc false
  # Which files a folder, a glob or a list of paths stands for. Folders are read when their turn
  # comes, one at a time: what is held of a tree are the names along one branch.

  alias Thumbelina.{Format, Source}

  @doc """
  The paths, lazily and in a stable order. A folder stands for the pictures in it and in its
  folders, by their extensions, without those whose names begin with a dot and without following
  links to folders. Anything else stands for itself.
  """
  @spec paths(Path.t() | Enumerable.t()) :: Enumerable.t()
  def paths(path) when is_binary(path) do
    Stream.resource(fn -> start(path) end, &next/1, fn _stack -> :ok end)
  end

  def paths(paths) do
    if Source.enumerable?(paths),
      do: paths,
      else:
        raise(
          ArgumentError,
          "expected a folder, a glob or an enumerable of files, got: " <> inspect(paths)
        )
  end

  defp start(path) do
    cond do
      File.dir?(path) -> [{:folder, path}]
      # A file may well have brackets in its name.
      File.exists?(path) or not glob?(path) -> [path]
      true -> path |> Path.wildcard() |> Enum.reject(&File.dir?/1)
    end
  end

  defp glob?(path), do: String.contains?(path, ["*", "?", "[", "{"])

  defp next([]), do: {:halt, []}
  defp next([{:folder, folder} | stack]), do: {[], entries(folder) ++ stack}
  defp next([path | stack]), do: {[path], stack}

  defp entries(folder) do
    case File.ls(folder) do
      {:ok, names} -> names |> Enum.sort() |> Enum.flat_map(&entry(folder, &1))
      # One that cannot be read is an error in its place.
      {:error, _posix} -> [folder]
    end
  end

  defp entry(_folder, "." <> _hidden), do: []

  defp entry(folder, name) do
    path = Path.join(folder, name)

    case File.lstat(path) do
      {:ok, %{type: :directory}} ->
        [{:folder, path}]

      {:ok, %{type: type}} when type in [:regular, :symlink] ->
        if picture?(name), do: [path], else: []

      _ ->
        []
    end
  end

  defp picture?(name), do: match?({:ok, _format}, name |> Path.extname() |> Format.of_extension())
end
