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
end
