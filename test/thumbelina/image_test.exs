defmodule Thumbelina.ImageTest do
  use ExUnit.Case, async: true

  test "is inspected without its bytes" do
    image = Thumbelina.new!("P5 2 1 255\n" <> <<0, 255>>)
    assert inspect(image) == "#Thumbelina.Image<pnm 2x1, 13 bytes>"
  end

  test "every extension leads back to its format" do
    for extension <-
          ~w(.jpg .jpeg .JPG .png .gif .webp .tif .tiff .bmp .ico .tga .pnm .ppm .pgm .qoi
                        .hdr .exr .ff .avif) do
      assert {:ok, format} = Thumbelina.Image.format_of_extension(extension)
      assert is_atom(format)
    end

    assert Thumbelina.Image.format_of_extension(".jpeg") == {:ok, :jpeg}
    assert Thumbelina.Image.format_of_extension(".txt") == :error
  end
end
