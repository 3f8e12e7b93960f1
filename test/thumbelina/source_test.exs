defmodule Thumbelina.SourceTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Source}

  # The same bytes, from the middle of a bitstring on.
  defp unaligned(bytes) do
    <<_::3, unaligned::binary>> = <<0::3, bytes::binary>>
    unaligned
  end

  test "tells a binary that the VM copies from one that it does not" do
    bytes = :binary.copy(<<1, 2, 3>>, 100_000)
    <<_::binary-size(7), part::binary-size(200_000), _::binary>> = bytes

    refute Source.copied?(bytes)
    refute Source.copied?(part)
    assert Source.copied?(unaligned(bytes))
    assert Source.copied?(unaligned(part))
    # So short that it does not matter.
    refute Source.copied?(unaligned("GIF89a"))
  end

  test "a picture that does not start on a byte is a picture like any other" do
    picture = File.read!("test/fixtures/photo.png")
    assert byte_size(picture) > 65_536

    for source <- [unaligned(picture), unaligned(picture <> :binary.copy(<<0>>, 1_000_000))] do
      assert {:ok, %{format: :png, width: 640, bytes: ^source}} = Thumbelina.new(source)
      assert {:ok, %{width: 50}} = Thumbelina.explain(source, 50, 50)

      for scheduler <- [:auto, :normal, :dirty] do
        assert Thumbelina.thumbnail(source, 50, 50, scheduler: scheduler) ==
                 Thumbelina.thumbnail(picture, 50, 50)
      end
    end
  end

  test "an image without bytes is an error" do
    image = Thumbelina.open!("test/fixtures/photo.png")

    for wrong <- [nil, 5, [image.bytes], <<1::3>>, <<image.bytes::binary, 1::1>>] do
      image = %{image | bytes: wrong}
      expected = {:invalid_option, :image, wrong}

      for result <- [
            Thumbelina.thumbnail(image, 50, 50),
            Thumbelina.explain(image, 50, 50),
            Thumbelina.write(image, Path.join(System.tmp_dir!(), "no.png"))
          ] do
        assert {:error, %Error{} = error} = result
        assert {error.reason, error.key, error.value} == expected
      end
    end
  end

  test "a path that no file can have is an error" do
    assert {:error, %Error{reason: :invalid_option, key: :path}} = Thumbelina.open("a\0b")
    image = Thumbelina.open!("test/fixtures/photo.png")
    assert {:error, %Error{reason: :invalid_option, key: :path}} = Thumbelina.write(image, "a\0b")
  end

  # A sparse file takes no place on the disk. Where it was read, it would take the memory.
  @tag :tmp_dir
  test "a file of more bytes than allowed is not read", %{tmp_dir: folder} do
    path = Path.join(folder, "huge.jpg")
    File.cp!("test/fixtures/photo.jpg", path)
    {:ok, file} = :file.open(path, [:read, :write, :raw])
    {:ok, _} = :file.position(file, 1_000_000_000_000)
    :ok = :file.truncate(file)
    :ok = :file.close(file)

    for result <- [
          Thumbelina.open(path),
          Thumbelina.new({:file, path}),
          Thumbelina.thumbnail({:file, path}, 50, 50),
          Thumbelina.Cluster.thumbnail({:file, path}, 50, 50),
          Thumbelina.Cluster.thumbnail({node(), path}, 50, 50),
          Thumbelina.explain({:file, path}, 50, 50),
          Thumbelina.Store.key({:file, path}, 50, 50),
          [path] |> Thumbelina.open_all() |> Enum.at(0)
        ] do
      assert {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in} = error} = result
      assert {error.value, error.maximum, error.path} == {1_000_000_000_000, 268_435_456, path}
    end

    assert {:error, %Error{maximum: 20_000}} =
             Thumbelina.open("test/fixtures/photo.jpg", max_bytes_in: 20_000)
  end

  @tag :tmp_dir
  test "what has no size is read to its end, or to the limit", %{tmp_dir: folder} do
    picture = File.read!("test/fixtures/photo.png")
    pipe = Path.join(folder, "pipe")
    {_, 0} = System.cmd("mkfifo", [pipe])
    writer = Task.async(fn -> File.write!(pipe, picture) end)
    assert {:ok, %{format: :png, bytes: ^picture}} = Thumbelina.open(pipe)
    Task.await(writer)

    assert {:error, %Error{reason: :limit_exceeded, maximum: 100_000, path: "/dev/zero"}} =
             Thumbelina.open("/dev/zero", max_bytes_in: 100_000)

    empty = Path.join(folder, "empty.jpg")
    File.touch!(empty)
    assert {:error, %Error{reason: :unsupported_format, path: ^empty}} = Thumbelina.open(empty)
    assert {:error, %Error{reason: :eisdir, path: ^folder}} = Thumbelina.open(folder)
  end
end
