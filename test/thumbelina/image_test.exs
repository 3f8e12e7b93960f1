defmodule Thumbelina.ImageTest do
  use ExUnit.Case, async: true
  doctest Thumbelina.Image

  test "is inspected without its bytes" do
    image = Thumbelina.new!("P5 2 1 255\n" <> <<0, 255>>)
    assert inspect(image) == "#Thumbelina.Image<pnm 2x1, 13 bytes>"
  end

  test "every picture that is read or written has a MIME type" do
    for path <- Path.wildcard("test/fixtures/photo.*"), do: assert_mime(Thumbelina.open!(path))

    thumb =
      Thumbelina.thumbnail!(Thumbelina.open!("test/fixtures/photo.jpg"), 9, 9, format: :avif)

    assert Thumbelina.Image.mime(thumb) == "image/avif"
    assert_raise ArgumentError, fn -> Thumbelina.Image.mime(:heic) end
  end

  defp assert_mime(image) do
    mime = Thumbelina.Image.mime(image)
    assert mime =~ ~r"^image/[a-z.-]+$"
    assert mime == Thumbelina.Image.mime(image.format)
  end
end
