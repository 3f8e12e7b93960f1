defmodule Thumbelina.ReadmeTest do
  # The README's examples run as they stand there, each section in the order of its blocks, and no
  # option is without one.
  use ExUnit.Case, async: true

  @readme Path.expand("../README.md", __DIR__)
  @external_resource @readme

  # With names that only a whole application, or another library, gives a meaning to.
  @not_run [
    "Installing it",
    "In a pipeline",
    "On several nodes",
    "In Phoenix, or with Plug",
    "Samples for Nx, Evision and Bumblebee"
  ]

  sections =
    @readme
    |> File.read!()
    |> String.split(~r/^\#{2,3} /m)
    |> Enum.drop(1)
    |> Map.new(fn section ->
      [title, text] = String.split(section, "\n", parts: 2)
      {title, text}
    end)

  @sections sections

  @examples for {title, text} <- sections,
                title not in @not_run,
                blocks = Regex.scan(~r/^```elixir\n(.*?)^```$/ms, text, capture: :all_but_first),
                blocks != [],
                do: {title, List.flatten(blocks)}

  setup_all do
    folder =
      Path.join(System.tmp_dir!(), "thumbelina-readme-#{System.unique_integer([:positive])}")

    File.mkdir_p!(Path.join(folder, "photos"))
    on_exit(fn -> File.rm_rf!(folder) end)
    for name <- ~w(photo.jpg photos/cat.jpg), do: copy("photo.jpg", Path.join(folder, name))
    copy("alpha.png", Path.join(folder, "logo.png"))
    %{folder: folder}
  end

  for {title, blocks} <- @examples do
    @blocks blocks
    test "the examples of \"#{title}\" run", %{folder: folder} do
      Enum.reduce(@blocks, binding_at_first(folder), fn
        "config" <> _ = block, binding ->
          assert [thumbelina: [_ | _]] =
                   Config.Reader.eval!("config.exs", "import Config\n" <> block)

          binding

        block, binding ->
          code = block |> Code.string_to_quoted!() |> Macro.prewalk(&inside(&1, folder))
          {_, binding} = Code.eval_quoted(code, binding, file: @readme)
          binding
      end)
    end
  end

  test "every option has an example" do
    options = Regex.scan(~r/^- `:(\w+)` - /m, @sections["Options"], capture: :all_but_first)
    assert length(options) > 25

    for [name] <- options do
      assert has_example?(["Options", "Fit and position", "Metadata"], name), name
    end
  end

  test "every step has an example that runs, and so have its options", %{folder: folder} do
    rows = Regex.scan(~r/^\| `(\w+): (.+?)` \|.*\| (.*?) *\|$/m, @sections["Operations"])
    assert length(rows) > 15
    binding = binding_at_first(folder)

    for [_, step, value, options] <- rows do
      code = "Thumbelina.edit(image, [{:#{step}, #{value}}, format: :png])"
      assert {{:ok, %Thumbelina.Image{}}, _} = Code.eval_string(code, binding)

      for [name] <- Regex.scan(~r/`(\w+)`/, options, capture: :all_but_first) do
        assert has_example?(["Operations", "Fit and position", "Options"], name),
               "#{step}: #{name}"
      end
    end
  end

  defp has_example?(sections, name) do
    blocks = for {title, blocks} <- @examples, title in sections, do: blocks
    blocks |> List.flatten() |> Enum.any?(&(&1 =~ ~r/\b#{name}: /))
  end

  # What a section takes for granted: a picture, another one, and a process.
  defp binding_at_first(folder) do
    {:ok, image} = Thumbelina.open(Path.join(folder, "photo.jpg"))
    {:ok, other} = Thumbelina.thumbnail(image, 640, 427, quality: 50)
    {:ok, other_hash} = Thumbelina.hash(other)
    source = {:file, Path.join(folder, "logo.png")}
    [image: image, other: other, other_hash: other_hash, source: source, destination: self()]
  end

  defp inside(path, folder) when path in ~w(photo.jpg logo.png thumb.jpg photos photos/**/*.jpg),
    do: Path.join(folder, path)

  defp inside(code, _), do: code

  defp copy(fixture, path), do: File.cp!(Path.expand("fixtures/#{fixture}", __DIR__), path)
end
