defmodule Mix.Thumbelina.BatchTest do
  # Logging is everybody's.
  use ExUnit.Case

  alias Mix.Thumbelina.Batch
  alias Thumbelina.Error

  @moduletag :tmp_dir
  @fixtures Path.expand("../../fixtures", __DIR__)

  setup :unlogged

  # What a folder of somebody's pictures is like: in/ is read and out/ is written.
  setup %{tmp_dir: folder} do
    {:ok, input: Path.join(folder, "in"), output: Path.join(folder, "out")}
  end

  # Crashes are logged.
  defp unlogged(%{unlogged: true}) do
    :ok = :logger.add_primary_filter(__MODULE__, {fn _event, _ -> :stop end, nil})
    on_exit(fn -> :ok = :logger.remove_primary_filter(__MODULE__) end)
  end

  defp unlogged(_context), do: :ok

  defp copy(folder, names) do
    for {to, fixture} <- names do
      path = Path.join(folder, to)
      File.mkdir_p!(Path.dirname(path))
      File.cp!(Path.join(@fixtures, fixture), path)
    end
  end

  defp settings(output, fields \\ []) do
    Map.merge(
      %{output: output, sizes: [{"50", {50, 50}}], opts: [], jobs: 2, force: false},
      Map.new(fields)
    )
  end

  @two [{"50", {50, 50}}, {"x20", {nil, 20}}]

  # The results by the last part of their paths. Each picture has one.
  defp run(pictures, settings) do
    results = Batch.run(pictures, settings, [], &[&1 | &2])
    by_name = Map.new(results, &{Path.basename(&1.path), &1})
    assert map_size(by_name) == length(pictures) and length(results) == length(pictures)
    by_name
  end

  defp all(paths, settings) do
    {:ok, pictures} = Batch.plan(paths, settings)
    :ok = Batch.prepare(settings)
    run(pictures, settings)
  end

  defp files(folder), do: folder |> files("") |> Enum.sort()

  defp files(folder, inside) do
    for name <- File.ls!(folder),
        path <- files_at(Path.join(folder, name), inside <> name),
        do: path
  end

  defp files_at(path, inside),
    do: if(File.dir?(path), do: files(path, inside <> "/"), else: [inside])

  test "makes all sizes of all pictures, each inside its folder", context do
    copy(context.input, [
      {"a.JPEG", "photo.jpg"},
      {"x/b.png", "photo.png"},
      {"x/b.tga", "photo.tga"}
    ])

    results = all([context.input], settings(context.output, sizes: @two))

    assert files(context.output) ==
             ~w(a-50.jpg a-x20.jpg x/b-50.png x/b-50.tga x/b-x20.png x/b-x20.tga)

    for {name, %{error: nil, there: [], outputs: [first, second]} = result} <- results do
      assert result.bytes_in == File.stat!(result.path).size
      assert result.microseconds > 0
      assert {first.width, first.height, second.width, second.height} == {50, 33, 30, 20}
      assert first.path =~ "-50." and second.path =~ "-x20."

      for output <- [first, second] do
        image = Thumbelina.open!(output.path)
        assert {image.width, image.height} == {output.width, output.height}
        assert byte_size(image.bytes) == output.bytes
        assert image.format == output.format
        assert name =~ "#{output.format}" or {name, output.format} == {"a.JPEG", :jpeg}
      end

      # One decode for both, with the bytes that the library gives.
      {:ok, thumbs} = Thumbelina.thumbnails(Thumbelina.open!(result.path), [{50, 50}, {nil, 20}])

      assert Enum.map(thumbs, & &1.bytes) == [File.read!(first.path), File.read!(second.path)]
    end
  end

  test "the format is the asked one, or the extension's, or what the picture says", context do
    copy(context.input, [
      {"really.png", "photo.jpg"},
      {"photo.dds", "photo.dds"},
      {"photo.2024", "photo.jpg"},
      {"alpha.PGM", "alpha.png"}
    ])

    paths = for name <- ~w(photo.2024 . photo.2024), do: Path.join(context.input, name)
    results = all(paths, settings(context.output))
    assert Enum.all?(results, fn {_name, result} -> result.error == nil end)
    assert files(context.output) == ~w(alpha.pnm photo.2024.jpg photo.png really.png)

    for name <- files(context.output) do
      image = context.output |> Path.join(name) |> Thumbelina.open!()
      assert Path.extname(name) == image.extension
    end

    asked = Path.join(context.output, "asked")
    all(paths, settings(asked, opts: [format: :gif]))
    assert files(asked) == ~w(alpha.gif photo.2024.gif photo.gif really.gif)
  end

  test "what is broken is told, and the others are made", context do
    copy(context.input, [
      {"a.jpg", "photo.jpg"},
      {"cut.jpg", "truncated.jpg"},
      {"z.jpg", "photo.jpg"}
    ])

    for {name, text} <- [{"text.gif", "photo.jpg"}, {"empty.png", ""}, {"no.dds", "DDS "}] do
      File.write!(Path.join(context.input, name), text)
    end

    missing = Path.join(context.input, "missing.jpg")
    results = all([missing, context.input], settings(context.output, jobs: 3))

    reasons =
      for {name, %{error: %Error{reason: reason}}} <- results, into: %{}, do: {name, reason}

    assert reasons == %{
             "cut.jpg" => :truncated,
             "empty.png" => :unsupported_format,
             "missing.jpg" => :enoent,
             "no.dds" => :truncated,
             "text.gif" => :unsupported_format
           }

    assert files(context.output) == ["a.jpg", "z.jpg"]
    assert results["cut.jpg"].bytes_in == File.stat!(Path.join(@fixtures, "truncated.jpg")).size
  end

  test "a picture that goes away in between", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}, {"b.jpg", "photo.jpg"}])
    settings = settings(context.output)
    {:ok, pictures} = Batch.plan([context.input], settings)
    File.rm!(Path.join(context.input, "a.jpg"))
    results = run(pictures, settings)
    assert results["a.jpg"].error.reason == :enoent
    assert results["b.jpg"].error == nil
    assert files(context.output) == ["b.jpg"]
  end

  test "what is there is kept, unless forced", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}, {"b.jpg", "photo.jpg"}])
    File.mkdir_p!(context.output)
    [a, b] = for name <- ["a-50.jpg", "b-50.jpg"], do: Path.join(context.output, name)
    File.write!(a, "mine")

    results = all([context.input], settings(context.output, sizes: @two))
    assert [%{path: made}] = results["a.jpg"].outputs
    assert {Path.basename(made), results["a.jpg"].there} == {"a-x20.jpg", [a]}
    assert File.read!(a) == "mine"
    assert length(results["b.jpg"].outputs) == 2

    # Nothing is read if there is nothing to do, so that it may even be broken.
    File.write!(Path.join(context.input, "b.jpg"), "broken")
    results = all([context.input], settings(context.output, sizes: @two))
    assert %{outputs: [], error: nil, bytes_in: 0, there: [^b, _]} = results["b.jpg"]

    results = all([context.input], settings(context.output, sizes: @two, force: true))
    assert results["b.jpg"].error.reason == :unsupported_format
    assert %{there: [], outputs: [_, _]} = results["a.jpg"]
    assert Thumbelina.open!(a).width == 50
  end

  @tag :unix
  test "a link that points nowhere is there, and a folder is in the way", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}, {"b.jpg", "photo.jpg"}, {"x/c.jpg", "photo.jpg"}])

    File.mkdir_p!(Path.join(context.output, "b.jpg/in it"))
    File.ln_s!("nowhere", Path.join(context.output, "a.jpg"))
    File.write!(Path.join(context.output, "x"), "no folder")

    for {force, a} <- [{false, 0}, {true, 1}] do
      results = all([context.input], settings(context.output, force: force))
      assert length(results["a.jpg"].outputs) == a
      assert results["a.jpg"].error == nil
      assert results["b.jpg"].error.reason in [:eisdir, :eexist]
      assert results["b.jpg"].error.path == Path.join(context.output, "b.jpg")
      assert results["c.jpg"].error.reason == :enotdir
    end

    refute File.exists?(Path.join(context.output, "nowhere"))
    assert files(context.output) == ["a.jpg", "x"]
  end

  test "two pictures of one thumbnail are refused, both by name", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}, {"a.jpeg", "photo.jpg"}, {"a.png", "photo.png"}])
    copy(context.input, [{"y/a.gif", "photo.gif"}])
    [jpeg, jpg, png] = for name <- ~w(a.jpeg a.jpg a.png), do: Path.join(context.input, name)
    settings = settings(context.output)

    assert Batch.plan([context.input], settings) ==
             {:error,
              "#{jpeg} and #{jpg} would both be written to #{Path.join(context.output, "a.jpg")}"}

    assert {:ok, _} = Batch.plan([jpg, png, png], settings)

    assert {:error, message} =
             Batch.plan([jpg, png], settings(context.output, sizes: @two, opts: [format: :qoi]))

    assert message =~ ~r/a.jpg and .*a.png would both be written to .*a-50.qoi$/

    # From two folders.
    assert {:error, message} =
             Batch.plan(
               [png, Path.join(context.input, "y")],
               settings(context.output, opts: [format: :png])
             )

    assert message =~ "a.png and #{Path.join(context.input, "y/a.gif")}"
    refute File.exists?(context.output)
  end

  @tag :unix
  test "no picture is written over, by whatever name its folder goes", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}, {"b.jpg", "photo.jpg"}, {"x/c.jpg", "photo.jpg"}])

    link = Path.join(context.tmp_dir, "link")
    File.ln_s!("in", link)

    for output <- [context.input, Path.join(context.input, "x/.."), link] do
      assert {:error, message} = Batch.plan([context.input], settings(output, force: true))

      assert message =~
               "the thumbnail of #{context.input}/a.jpg would be written over the picture"
    end

    # Beside the pictures is fine, but not twice.
    beside = settings(context.input, sizes: @two)
    results = all([context.input], beside)
    assert Enum.all?(results, fn {_name, result} -> length(result.outputs) == 2 end)
    assert {:error, message} = Batch.plan([context.input], beside)
    assert message =~ "a-50.jpg"
  end

  test "an output folder that cannot be is refused", context do
    File.write!(context.output, "")

    for output <- [context.output, Path.join(context.output, "below")] do
      assert Batch.prepare(settings(output)) ==
               {:error, %Error{reason: :enotdir, path: output}}
    end

    assert File.read!(context.output) == ""
  end

  test "a file over the limit is not read", context do
    copy(context.input, [{"a.jpg", "photo.jpg"}])
    path = Path.join(context.input, "huge.tif")
    {:ok, file} = File.open(path, [:write])
    # A hole: no disk is needed.
    {:ok, _} = :file.position(file, 300_000_000_000)
    :ok = :file.truncate(file)
    :ok = File.close(file)

    results = all([context.input], settings(context.output))
    assert %Error{limit: :max_bytes_in, value: 300_000_000_000} = results["huge.tif"].error
    assert results["a.jpg"].error == nil

    results = all([context.input], settings(context.output, force: true, opts: [max_bytes_in: 9]))
    assert %Error{limit: :max_bytes_in, maximum: 9} = results["a.jpg"].error
  end

  test "as many at a time as there are jobs, and no more" do
    pictures = for n <- 1..40, do: {:error, "#{n}", %Error{reason: :enoent}}

    for jobs <- [1, 3] do
      running = :counters.new(2, [:atomics])

      work = fn {:error, path, _} ->
        :counters.add(running, 1, 1)
        if :counters.get(running, 1) > jobs, do: :counters.add(running, 2, 1)
        :erlang.yield()
        :counters.sub(running, 1, 1)
        path
      end

      paths = Batch.each(pictures, jobs, work, [], &[&1 | &2])
      assert Enum.sort(paths) == Enum.sort(for {:error, path, _} <- pictures, do: path)
      assert :counters.get(running, 2) == 0
    end
  end

  @tag :unlogged
  test "a crash of one is its result, and no other's" do
    pictures = for n <- 1..10, do: {:error, "#{n}", %Error{reason: :enoent}}

    work = fn
      {_, "3", _} -> raise "crash"
      {_, "5", _} -> Process.exit(self(), :kill)
      {_, path, _} -> %{path: path, error: nil}
    end

    results = Batch.each(pictures, 2, work, [], &[&1 | &2])
    assert length(results) == 10
    failed = for %{error: %Error{reason: :internal_error}, path: path} <- results, do: path
    assert Enum.sort(failed) == ["3", "5"]
  end

  @tag :unlogged
  test "when the run fails, nothing is left of it", context do
    copy(context.input, for(n <- 1..20, do: {"#{n}.jpg", "photo.jpg"}))
    settings = settings(context.output)
    {:ok, pictures} = Batch.plan([context.input], settings)

    # As when stdout is closed.
    assert_raise RuntimeError, fn ->
      Batch.run(pictures, settings, 0, fn
        _result, 5 -> raise "no more"
        _result, count -> count + 1
      end)
    end

    assert files(context.output) |> Enum.all?(&(&1 =~ ~r/^\d+\.jpg$/))
    assert length(files(context.output)) in 6..19

    # And the next one goes on.
    File.write!(Path.join(context.output, ".thumbelina-1-1-1"), "killed")
    File.touch!(Path.join(context.output, ".thumbelina-1-1-1"), {{2020, 1, 1}, {0, 0, 0}})
    results = run(pictures, settings)
    assert Enum.all?(results, fn {_name, result} -> result.error == nil end)
    assert files(context.output) == Enum.sort(for n <- 1..20, do: "#{n}.jpg")
  end
end
