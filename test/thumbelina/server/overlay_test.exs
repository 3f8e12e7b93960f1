defmodule Thumbelina.Server.OverlayTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Error
  alias Thumbelina.Server.{Config, Overlay}

  defp config(opts) do
    {:ok, config} = Config.new(opts)
    config
  end

  test "says where it is" do
    for {text, overlay} <- [
          {"a.png", %{path: ["a.png"]}},
          {"/a/b c.png", %{path: ["a", "b c.png"]}},
          {"../a.png", %{path: ["..", "a.png"]}},
          {"ftp://a/b", %{path: ["ftp:", "", "a", "b"]}},
          {"http://a/b", %{url: "http://a/b"}},
          {"HTTPS://a/b", %{url: "HTTPS://a/b"}},
          {"form:mark", %{form: "mark"}}
        ],
        do: assert({text, Overlay.of(text)} == {text, {:ok, overlay}})

    for text <- ["", "/"], do: assert({:error, "expected a path" <> _} = Overlay.of(text))
    assert {:ok, %{path: ["form:"]}} = Overlay.of("form:")
  end

  test "parts of the form, and how many there are" do
    steps = [blur: 1, overlay: %{form: "a"}, overlay: {%{form: "b"}, tile: true}]
    assert Overlay.parts(steps ++ [overlay: %{path: ["c"]}]) == ["a", "b"]
    assert Overlay.few?(steps ++ steps)
    refute Overlay.few?(steps ++ steps ++ steps)
  end

  @tag :tmp_dir
  test "its bytes come into the steps", %{tmp_dir: folder} do
    File.write!(Path.join(folder, "a"), "of the file")
    config = config(root: folder)
    form = %{"mark" => "of the form"}

    steps = [
      blur: 1,
      overlay: {%{path: ["a"]}, tile: true},
      format: :png,
      overlay: %{form: "mark"}
    ]

    assert Overlay.load(steps, form, config) ==
             {:ok,
              [
                blur: 1,
                overlay: {"of the file", tile: true},
                format: :png,
                overlay: "of the form"
              ]}

    for {overlay, status} <- [{%{path: ["b"]}, 404}, {%{path: ["..", "a"]}, 404}] do
      assert {:error, {^status, _, "overlay: not found"}} =
               Overlay.load([overlay: overlay], form, config)
    end

    assert {:error, {400, _, "overlay: expected a part nix in the form"}} =
             Overlay.load([overlay: %{form: "nix"}], form, config)

    assert {:error, {403, :source_failed, "overlay: " <> _}} =
             Overlay.load([overlay: %{url: "http://127.0.0.1/"}], form, config)

    assert {:error, %Error{reason: :limit_exceeded}} =
             Overlay.load(
               [overlay: %{path: ["a"]}],
               form,
               config(root: folder, max_file_bytes: 3)
             )
  end

  @tag :tmp_dir
  test "versions of files tell whether they are the same", %{tmp_dir: folder} do
    path = Path.join(folder, "a")
    File.write!(path, "1")
    config = config(root: folder)
    steps = [overlay: %{path: ["a"]}, blur: 1, overlay: {%{path: ["a"]}, tile: true}]
    assert {:ok, [_, _] = versions} = Overlay.versions(steps, config)
    assert Overlay.versions(steps, config) == {:ok, versions}
    File.touch!(path, 1_000_000_000)
    refute Overlay.versions(steps, config) == {:ok, versions}
    assert Overlay.versions([blur: 1], config) == {:ok, []}

    assert {:error, {404, _, _}} = Overlay.versions([overlay: %{path: ["nix"]}], config)

    for elsewhere <- [%{form: "a"}, %{url: "http://a/"}],
        do: assert({:error, {400, _, _}} = Overlay.versions([overlay: elsewhere], config))
  end
end
