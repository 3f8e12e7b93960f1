defmodule Thumbelina.FilesTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Files, Image}

  @photo "test/fixtures/photo.jpg"

  defp folder(context) do
    folder = Path.join(System.tmp_dir!(), "files-#{System.pid()}-#{:erlang.phash2(context.test)}")
    File.rm_rf!(folder)
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    [folder: folder]
  end

  setup :folder

  defp put(folder, names) do
    for name <- names do
      path = Path.join(folder, name)
      File.mkdir_p!(Path.dirname(path))
      File.cp!(@photo, path)
    end
  end

  defp paths(source, folder),
    do: source |> Files.paths() |> Enum.map(&Path.relative_to(&1, folder))

  test "a folder stands for the pictures in it and its folders, in order", %{folder: folder} do
    put(folder, ~w(b/2.png b/1.JPG a.jpeg c.webp b/deep/er/x.gif z.txt b/Makefile .hidden.jpg))
    put(folder, ~w(.git/y.jpg [odd]/{name}.jpg))
    File.mkdir_p!(Path.join(folder, "empty.jpg"))

    assert paths(folder, folder) ==
             ~w([odd]/{name}.jpg a.jpeg b/1.JPG b/2.png b/deep/er/x.gif c.webp)
  end

  @tag :unix
  test "links to files are followed, links to folders are not", %{folder: folder} do
    put(folder, ~w(a/1.jpg))
    File.ln_s!(folder, Path.join(folder, "a/loop"))
    File.ln_s!(Path.join(folder, "a/1.jpg"), Path.join(folder, "link.jpg"))
    File.ln_s!("nowhere", Path.join(folder, "lost.jpg"))
    assert paths(folder, folder) == ~w(a/1.jpg link.jpg lost.jpg)
  end

  test "a glob, a path with brackets, and a list", %{folder: folder} do
    put(folder, ~w(a/1.jpg a/2.png b/3.jpg b[1].jpg))
    assert paths(Path.join(folder, "**/*.jpg"), folder) == ~w(a/1.jpg b/3.jpg b[1].jpg)
    assert paths(Path.join(folder, "?"), folder) == []
    assert paths(Path.join(folder, "b[1].jpg"), folder) == ["b[1].jpg"]
    assert paths(Path.join(folder, "none.jpg"), folder) == ["none.jpg"]
    assert Files.paths(["x", "y"]) == ["x", "y"]
  end

  test "folders are read when their turn comes", %{folder: folder} do
    put(folder, ~w(a/1.jpg b/1.jpg))
    stream = Files.paths(folder)
    put(folder, ~w(a/0.jpg))

    assert ["a/0.jpg", "a/1.jpg", "b/2.jpg"] =
             Enum.map(stream, fn path ->
               # One that is put into a folder before it is read.
               if path =~ "a/1.jpg" do
                 File.rename!(Path.join(folder, "b/1.jpg"), Path.join(folder, "b/2.jpg"))
               end

               Path.relative_to(path, folder)
             end)
  end

  test "open_all keeps every file in its place, with its path", %{folder: folder} do
    put(folder, ~w(1.jpg 3.jpg 5.jpg))
    File.write!(Path.join(folder, "2.jpg"), "no picture")

    File.write!(
      Path.join(folder, "4.png"),
      binary_part(File.read!("test/fixtures/photo.png"), 0, 20)
    )

    results = folder |> Thumbelina.open_all(formats: [:jpeg, :png]) |> Enum.to_list()

    assert [
             {:ok, %Image{format: :jpeg}},
             {:error, %Error{reason: :unsupported_format, path: second} = error},
             {:ok, %Image{}},
             {:error, %Error{reason: :truncated, format: :png, path: fourth}},
             {:ok, %Image{}}
           ] = results

    assert {Path.basename(second), Path.basename(fourth)} == {"2.jpg", "4.png"}
    assert Exception.message(error) == "#{second}: not a known picture format"
  end

  test "open_all reads one file at a time", %{folder: folder} do
    put(folder, ~w(1.jpg 2.jpg))
    stream = Thumbelina.open_all(folder)

    results =
      Enum.map(stream, fn result ->
        File.rm(Path.join(folder, "2.jpg"))
        result
      end)

    assert [{:ok, _}, {:error, %Error{reason: :enoent}}] = results
  end

  test "stream_directory gives contents in pieces", %{folder: folder} do
    put(folder, ~w(b.jpg a/x.jpg))
    whole = File.read!(@photo)

    assert [{first, bytes}, {second, _}] =
             folder |> Thumbelina.stream_directory(1000) |> Enum.to_list()

    assert [first, second] == for(name <- ~w(a/x.jpg b.jpg), do: Path.join(folder, name))
    pieces = Enum.to_list(bytes)
    assert IO.iodata_to_binary(pieces) == whole
    assert pieces |> Enum.drop(-1) |> Enum.all?(&(byte_size(&1) == 1000))
    assert Thumbelina.thumbnail(bytes, 50, 50) == Thumbelina.thumbnail(whole, 50, 50)
  end
end
