defmodule Thumbelina.HostileTest do
  # Inputs made to take much time or memory for a tiny picture. Times vary, so the tests assert that
  # the work was cut: with one step per slice, each slice charges its process at least a hundredth
  # of a timeslice, which is 40 reductions, and one that went over the whole input would charge no
  # more than 4,000. Not async: it looks at the VM's memory.
  use ExUnit.Case

  alias Thumbelina.{Error, Native}

  @reductions_per_slice 40

  @probe %{formats: :default, max_bytes_in: 1_000_000_000}

  defp chunk(type, data) do
    [<<byte_size(data)::32>>, type, data, <<:erlang.crc32([type, data])::32>>]
  end

  defp png(width, height, color, chunks) do
    header = <<width::32, height::32, 8, color, 0, 0, 0>>
    signature = <<137, "PNG", 13, 10, 26, 10>>
    IO.iodata_to_binary([signature, chunk("IHDR", header), chunks, chunk("IEND", "")])
  end

  defp rows(width, height), do: :binary.copy(<<0>>, (width + 1) * height)

  defp empty_chunks(type, count), do: :binary.copy(IO.iodata_to_binary(chunk(type, "")), count)

  defp gif(canvas, {width, height, flags}, data) do
    screen = <<canvas::little-16, canvas::little-16, 0x80, 0, 0, 0, 0, 0, 255, 255, 255>>
    frame = <<0x2C, 0::16, 0::16, width::little-16, height::little-16, flags, 2>>
    blocks = for <<block::binary-size(250) <- data>>, do: [250, block]
    IO.iodata_to_binary(["GIF89a", screen, frame, blocks, 0, 0x3B])
  end

  # The least number of slices that explains what the call was charged.
  defp slices(bytes) do
    {:reductions, before} = Process.info(self(), :reductions)
    result = Thumbelina.thumbnail(bytes, 10, 10, scheduler: :normal, steps_per_slice: 1)
    {:reductions, charged} = Process.info(self(), :reductions)

    with {:error, %Error{reason: reason}} <- result do
      assert reason in [:truncated, :invalid_image]
    end

    div(charged - before, @reductions_per_slice)
  end

  test "empty chunks before the data, inside it and after it" do
    data = :zlib.compress(rows(2, 2))
    <<first::binary-size(3), rest::binary>> = data
    many = empty_chunks("IDAT", 500_000)

    before = png(2, 2, 0, [empty_chunks("teSt", 500_000), chunk("IDAT", data)])
    assert Native.probe(before, true, @probe) == :too_big

    assert slices(png(2, 2, 0, [chunk("IDAT", first), many, chunk("IDAT", rest)])) > 1000
    assert {:ok, _} = Thumbelina.thumbnail(png(2, 2, 0, [chunk("IDAT", data), many]), 1, 1)
  end

  test "empty blocks inside the data" do
    stored = fn last, data ->
      <<last, byte_size(data)::little-16, Bitwise.bxor(byte_size(data), 0xFFFF)::little-16,
        data::binary>>
    end

    empty = :binary.copy(stored.(0, ""), 1_000_000)
    pixels = rows(2, 2)
    adler = <<:erlang.adler32(pixels)::32>>
    data = IO.iodata_to_binary([<<0x78, 0x01>>, empty, stored.(1, pixels), adler])
    assert {:ok, _} = Thumbelina.thumbnail(png(2, 2, 0, chunk("IDAT", data)), 1, 1)
    assert slices(png(2, 2, 0, chunk("IDAT", data))) > 1000
  end

  test "a GIF of clear codes" do
    # Codes of three bits, all of them 4: 100 100 100 …, low bits first.
    clear = :binary.copy(<<0b00100100, 0b01001001, 0b10010010>>, 200_000)
    assert slices(gif(1, {1, 1, 0}, clear)) > 1000
    assert slices(gif(64, {64, 64, 0x40}, clear)) > 1000
  end

  test "a GIF whose interlaced frame is much larger than its canvas" do
    before = :erlang.memory(:system)

    for {{width, height}, limit} <- [
          {{20_000, 20_000}, :max_pixels},
          {{20_000, 10_000}, :max_memory}
        ] do
      tiny = gif(1, {width, height, 0x40}, "")

      assert {:error, %Error{reason: :limit_exceeded, limit: ^limit}} =
               Thumbelina.thumbnail(tiny, 10, 10, max_memory: 64_000_000)
    end

    assert :erlang.memory(:system) - before < 20_000_000
  end

  test "headers that are as long as the file" do
    comments = :binary.copy("#\n", 500_000)
    hdr = "#?RADIANCE\n" <> comments <> "FORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n" <> <<1, 1, 1, 1>>
    gif = gif(1, {1, 1, 0}, "")
    <<screen::binary-size(19), rest::binary>> = gif
    extension = IO.iodata_to_binary([<<0x21, 0xFE>>, :binary.copy(<<1, 0>>, 1_000_000), 0])
    # The `0` of a comment's byte would end the block, so that it is followed by ones.
    extension = :binary.replace(extension, <<1, 0>>, <<1, 32>>, [:global])

    # Nobody has so much to say of a picture.
    assert {:error, %Error{reason: :invalid_image, format: :hdr}} = Thumbelina.new(hdr)
    pgm = "P5\n" <> comments <> "1 1 255\n" <> <<7>>

    for bytes <- [pgm, screen <> extension <> rest] do
      assert Native.probe(bytes, true, @probe) == :too_big
      assert {:ok, %{width: 1, height: 1}} = Thumbelina.new(bytes)
      assert {:ok, %{width: 1}} = Thumbelina.explain(bytes, 1, 1)
    end
  end

  test "a row of a hundred megapixels" do
    before = :erlang.memory(:system)

    for bytes <- [
          "farbfeld" <> <<100_000_000::32, 1::32>>,
          "qoif" <> <<100_000_000::32, 1::32, 4, 0>>,
          png(100_000_000, 1, 6, chunk("IDAT", :zlib.compress("")))
        ] do
      assert {:error, %Error{reason: :limit_exceeded, limit: :max_memory}} =
               Thumbelina.thumbnail(bytes, 10, 10)
    end

    assert :erlang.memory(:system) - before < 20_000_000
  end

  test "a small picture enlarged to a large one" do
    small = Thumbelina.thumbnail!(File.read!("test/fixtures/photo.png"), 10, 10)

    for filter <- [:nearest, :lanczos3], format <- [:png, :bmp] do
      opts = [enlarge: true, filter: filter, format: format, scheduler: :normal]
      assert {:ok, _, stats} = Thumbelina.measure(small, 2000, 2000, [steps_per_slice: 1] ++ opts)
      # 8 MB are zeroed in steps of 256 KiB alone.
      assert stats.slices > 40
    end
  end

  test "very tall and very wide pictures" do
    for {width, height} <- [{1, 500_000}, {500_000, 1}] do
      bytes = png(width, height, 0, chunk("IDAT", :zlib.compress(rows(width, height))))
      opts = [scheduler: :normal, fit: :fill, steps_per_slice: 1]
      assert {:ok, thumb, stats} = Thumbelina.measure(bytes, 100_000, 100_000, opts)
      assert max(thumb.width, thumb.height) == 100_000
      assert :dirty in stats.schedulers or stats.slices > 20
    end
  end
end
