defmodule Mix.Thumbelina.InputsTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Inputs

  @moduletag :tmp_dir

  # Files without contents: only names count here.
  defp touch(folder, names) do
    for name <- names do
      path = Path.join(folder, name)
      File.mkdir_p!(Path.dirname(path))
      File.touch!(path)
    end

    folder
  end

  defp inside({:ok, inputs}), do: for({:ok, _path, inside} <- inputs, do: inside)
  defp find(paths, output \\ "no such folder"), do: Inputs.find(paths, output)

  test "a file is taken whatever its name, and a folder is searched", %{tmp_dir: folder} do
    touch(folder, ["b.JPG", "a/z.png", "a/y/x.TIFF", "notes.txt", "c.avif", "none", ".d.jpg"])
    touch(folder, [".git/e.jpg", "a/.f/g.jpg"])
    assert inside(find([folder])) == ["a/y/x.TIFF", "a/z.png", "b.JPG"]
    assert inside(find([folder <> "/"])) == ["a/y/x.TIFF", "a/z.png", "b.JPG"]
    assert inside(find([Path.join(folder, ".git")])) == ["e.jpg"]

    path = Path.join(folder, "notes.txt")
    assert find([path]) == {:ok, [{:ok, path, "notes.txt"}]}
    hidden = Path.join(folder, ".d.jpg")
    assert find([path, hidden]) == {:ok, [{:ok, path, "notes.txt"}, {:ok, hidden, ".d.jpg"}]}
  end

  test "of a glob, the path from the first wildcard on is kept", %{tmp_dir: folder} do
    touch(folder, ["in/a.jpg", "in/b.png", "in/x/c.jpg", "in/x/y/d.jpg", "in/x/y/e.gif"])
    glob = &find([Path.join(folder, &1)])
    assert inside(glob.("in/*.jpg")) == ["a.jpg"]
    assert inside(glob.("in/**/*.jpg")) == ["a.jpg", "x/c.jpg", "x/y/d.jpg"]
    assert inside(glob.("i?/x/{c,d}.jpg")) == ["in/x/c.jpg"]
    assert glob.("i{n") == {:error, "no file matches #{Path.join(folder, "i{n")}"}
    up = Path.join(folder, "in/*/../a.jpg")
    assert find([up]) == {:error, "#{up} has .. after a wildcard"}
    # A folder that is found is searched, once.
    assert inside(glob.("in/*")) == ["a.jpg", "b.png", "x/c.jpg", "x/y/d.jpg", "x/y/e.gif"]
    assert Enum.sort(inside(glob.("in/**"))) == inside(glob.("in/*"))
    assert glob.("in/*.tif") == {:error, "no file matches #{Path.join(folder, "in/*.tif")}"}
  end

  test "a file whose name looks like a glob", %{tmp_dir: folder} do
    touch(folder, ["a[1].jpg", "a1.jpg"])
    assert inside(find([Path.join(folder, "a[1].jpg")])) == ["a[1].jpg"]
  end

  test "each once, in order", %{tmp_dir: folder} do
    touch(folder, ["x/a.jpg", "x/b.jpg"])
    x = Path.join(folder, "x")
    b = Path.join(x, "b.jpg")
    assert inside(find([b, x, x <> "/../x", b])) == ["b.jpg", "a.jpg"]
    # In another place of the output, it is another one.
    assert inside(find([b, folder])) == ["b.jpg", "x/a.jpg", "x/b.jpg"]
  end

  test "the output folder is not searched", %{tmp_dir: folder} do
    touch(folder, ["a.jpg", "thumbs/b.jpg", "x/thumbs/c.jpg"])
    thumbs = Path.join(folder, "thumbs")
    assert inside(find([folder], thumbs)) == ["a.jpg", "x/thumbs/c.jpg"]
    assert inside(find([folder], folder <> "/x/../thumbs/")) == ["a.jpg", "x/thumbs/c.jpg"]
    assert inside(find([thumbs], thumbs)) == ["b.jpg"]

    assert inside(find([folder <> "/*"], thumbs)) == ["a.jpg", "x/thumbs/c.jpg"]
    assert inside(find([folder <> "/**/*.jpg"], thumbs)) == ["a.jpg", "x/thumbs/c.jpg"]
    assert inside(find([thumbs <> "/*.jpg"], thumbs)) == ["b.jpg"]
    assert {:error, "no pictures were found" <> _} = find([folder <> "/th*"], thumbs)
  end

  test "what is not there is told, and no files at all are an error", %{tmp_dir: folder} do
    touch(folder, ["a.jpg", "empty/notes.txt"])
    missing = Path.join(folder, "no.jpg")
    a = Path.join(folder, "a.jpg")
    assert find([missing, a]) == {:ok, [{:error, missing, :enoent}, {:ok, a, "a.jpg"}]}
    empty = Path.join(folder, "empty")
    assert {:ok, [_]} = find([empty, a])
    assert find([empty, empty]) == {:error, "no pictures were found in #{empty}, #{empty}"}
  end

  @tag :unix
  test "links to files are followed, and links to folders are not", %{tmp_dir: folder} do
    touch(folder, ["in/a.jpg", "b.jpg"])

    for {to, name} <- [{"..", "up"}, {"..", "up.jpg"}, {"../b.jpg", "b.jpg"}, {"no", "c.jpg"}] do
      File.ln_s!(to, Path.join([folder, "in", name]))
    end

    {"", 0} = System.cmd("mkfifo", [Path.join(folder, "in/pipe.jpg")])
    [a, b, c] = for name <- ~w(a b c), do: Path.join([folder, "in", name <> ".jpg"])

    assert find([Path.join(folder, "in")]) ==
             {:ok, [{:ok, a, "a.jpg"}, {:ok, b, "b.jpg"}, {:error, c, :enoent}]}
  end

  # Other file systems refuse them.
  @tag skip: :os.type() != {:unix, :linux}
  test "names that are not UTF-8 are found", %{tmp_dir: folder} do
    name = <<"a", 0xFF, ".jpg">>
    File.touch!(Path.join(folder, name))
    assert inside(find([folder])) == [name]
  end
end
