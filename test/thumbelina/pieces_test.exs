defmodule Thumbelina.PiecesTest do
  # Measures memory.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{Error, Image}

  @pictures "test/fixtures/*.*" |> Path.wildcard() |> Enum.map(&Path.basename/1)

  # Formats whose headers are at the start, and say how large the picture is.
  @early ~w(photo.jpg photo.png photo.gif photo.webp photo.bmp photo.qoi photo.ppm photo.ff
            photo.hdr photo.exr photo.dds photo.tga photo-rle.tga photo-progressive.jpg)

  defp read(name), do: File.read!(Path.join("test/fixtures", name))

  # As a producer hands them out: one after the other, when asked.
  defp pieces(bytes, sizes) do
    Stream.unfold({bytes, Stream.cycle(sizes)}, fn
      {"", _sizes} ->
        nil

      {bytes, sizes} ->
        size = min(hd(Enum.take(sizes, 1)), byte_size(bytes))
        <<piece::binary-size(size), rest::binary>> = bytes
        {piece, {rest, Stream.drop(sizes, 1)}}
    end)
  end

  defp every(bytes, size), do: pieces(bytes, [size])

  # Counts the pieces that are asked for.
  defp counted(pieces, counter), do: Stream.each(pieces, fn _ -> :counters.add(counter, 1, 1) end)

  test "however a picture is cut, the thumbnail is the same" do
    for name <- @pictures, bytes = read(name) do
      expected = Thumbelina.thumbnail(bytes, 60, 60, format: :png)
      assert Thumbelina.thumbnail([bytes], 60, 60, format: :png) == expected

      for sizes <- [[1_009], [16_384], [7, 4_093, 251], [byte_size(bytes)]],
          scheduler <- [:auto, :normal, :dirty] do
        opts = [format: :png, scheduler: scheduler]
        found = Thumbelina.thumbnail(pieces(bytes, sizes), 60, 60, opts)
        assert found == expected, "#{name} in pieces of #{inspect(sizes)} on #{scheduler}"
      end
    end
  end

  test "files, iodata and functions are read as pieces, wherever a source is taken" do
    stream = File.stream!("test/fixtures/photo.jpg", [], 4_096)
    image = Thumbelina.open!("test/fixtures/photo.jpg")
    assert Thumbelina.open(stream) == {:ok, image}
    assert Thumbelina.new(stream) == {:ok, image}
    assert Thumbelina.open(%{path: "test/fixtures/photo.jpg"}) == {:ok, image}
    thumb = Thumbelina.thumbnail!(image, 50, 50)
    assert Thumbelina.thumbnail(stream, 50, 50) == {:ok, thumb}
    assert Thumbelina.thumbnails(stream, [{50, 50}]) == {:ok, [thumb]}
    assert {:ok, ^thumb, _stats} = Thumbelina.measure(stream, 50, 50)
    # How many bytes are to come is not known, so that costs are estimated by the size.
    {:ok, plan} = Thumbelina.explain(image, 50, 50)
    assert {:ok, planned} = Thumbelina.explain(stream, 50, 50)
    assert %{planned | cost: plan.cost, costs: plan.costs} == plan

    nested = Stream.map(every(image.bytes, 1_000), &[[], ["", &1], [<<>> | ""]])
    assert Thumbelina.thumbnail(nested, 50, 50) == {:ok, thumb}

    next = fn
      {:cont, acc}, fun -> Enumerable.reduce(every(image.bytes, 999), {:cont, acc}, fun)
      other, _fun -> other
    end

    assert Thumbelina.thumbnail(&next.(&1, fn piece, acc -> &2.(piece, acc) end), 50, 50) ==
             {:ok, thumb}
  end

  test "what is no piece is told" do
    for wrong <- [[:a], 1..3, %{a: 1}, Stream.map(1..2, & &1)] do
      assert {:error, %Error{reason: :invalid_option, key: :image}} =
               Thumbelina.thumbnail(wrong, 5, 5)
    end

    for wrong <- [:photo, %{a: 1}, {:ok, 1}] do
      assert {:error, %Error{reason: :invalid_option, key: :path}} = Thumbelina.open(wrong)
    end

    assert {:error, %Error{reason: :truncated}} =
             Thumbelina.thumbnail(every(read("photo.png") |> binary_part(0, 5_000), 999), 5, 5)

    assert {:error, %Error{reason: :unsupported_format}} =
             Thumbelina.thumbnail(Stream.map([], & &1), 5, 5)

    assert {:error, %Error{format: :heic}} =
             Thumbelina.thumbnail(
               every(<<24::32, "ftypheic", 0::32, "mif1heic", 0::800>>, 10),
               5,
               5
             )
  end

  test "a picture is refused before the rest of it is read" do
    counter = :counters.new(1, [])
    asked = fn -> :counters.get(counter, 1) end

    refused = fn bytes, reason, opts ->
      :counters.put(counter, 1, 0)
      pieces = bytes |> every(1_024) |> counted(counter)
      assert {:error, %Error{reason: ^reason}} = Thumbelina.thumbnail(pieces, 9, 9, opts)
      assert asked.() < 5
    end

    noise = :binary.copy("no picture at all ", 10_000)
    refused.(noise, :unsupported_format, [])
    for name <- @early, do: refused.(read(name), :limit_exceeded, max_pixels: 10)
    for name <- @early, do: refused.(read(name), :format_not_allowed, formats: [:ico])
    # What is plain and long goes on.
    refused.("P5 90 90 255\n" <> noise <> noise, :limit_exceeded, max_bytes_in: 3_000)

    :counters.put(counter, 1, 0)
    pieces = noise |> every(1_024) |> counted(counter)
    assert {:error, %Error{reason: :unsupported_format}} = Thumbelina.new(pieces)
    assert asked.() < 5

    :counters.put(counter, 1, 0)
    pieces = read("photo.png") |> every(1_024) |> counted(counter)
    assert {:ok, _plan} = Thumbelina.explain(pieces, 9, 9)
    assert asked.() < 5

    pieces = read("photo.png") |> every(1_024) |> counted(counter)

    assert {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in}} =
             Thumbelina.new(pieces, max_bytes_in: 2_000)
  end

  test "a producer that raises, throws or exits leaves nothing behind" do
    png = read("photo.png")
    broken = fn fail -> Stream.map([1], fn _ -> fail.() end) end

    round = fn ->
      for fail <- [fn -> raise "broken" end, fn -> throw(:broken) end, fn -> exit(:broken) end] do
        pieces = Stream.concat(every(binary_part(png, 0, 20_000), 4_096), broken.(fail))

        result =
          try do
            Thumbelina.thumbnail(pieces, 2_000, 2_000, enlarge: true)
          rescue
            error in RuntimeError -> {:raised, error.message}
          catch
            kind, value -> {kind, value}
          end

        assert result in [{:raised, "broken"}, {:throw, :broken}, {:exit, :broken}]
      end
    end

    for _ <- 1..5, do: round.()
    before = native()
    for _ <- 1..20, do: round.()
    # Each held two megabytes and more; large blocks are given back a moment later.
    poll(fn -> native() - before < 2_000_000 end)

    assert Process.info(self(), :priority) == {:priority, :normal}
    assert {:message_queue_len, 0} = Process.info(self(), :message_queue_len)
    assert {:ok, %Image{}} = Thumbelina.thumbnail(png, 20, 20)
  end

  # A picture of a hundred megapixels, of which the pieces are made as they are asked for.
  test "what is used is let go" do
    row = :binary.copy(<<10, 20, 30>>, 10_000)
    rows = Stream.repeatedly(fn -> row end) |> Stream.take(10_000)
    before = native()
    peak = :counters.new(1, [])

    watched =
      Stream.each(rows, fn _ ->
        held = native() - before
        if held > :counters.get(peak, 1), do: :counters.put(peak, 1, held)
      end)

    pieces = Stream.concat(["P6 10000 10000 255\n"], watched)

    assert {:ok, thumb} =
             Thumbelina.thumbnail(pieces, 50, 50, format: :png, max_bytes_in: 400_000_000)

    assert {thumb.width, thumb.height} == {50, 50}
    assert :counters.get(peak, 1) < 8_000_000
  end

  defp native do
    :erlang.garbage_collect()
    :erlang.memory(:system)
  end
end
