defmodule Thumbelina.Server.AlphaTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.Alpha

  test "of the fixtures" do
    for {name, kind} <- [
          {"photo.jpg", :opaque},
          {"photo.png", :opaque},
          {"photo-16bit.png", :opaque},
          {"photo-gray.png", :opaque},
          {"photo-interlaced.png", :opaque},
          {"photo-palette.png", :opaque},
          {"alpha.png", :alpha},
          {"alpha-gray.png", :alpha},
          {"photo.ppm", :opaque},
          {"photo.hdr", :opaque},
          {"photo.qoi", :opaque},
          {"alpha.qoi", :alpha},
          {"alpha.webp", :alpha},
          # It may be transparent anywhere in the file.
          {"photo.gif", :alpha},
          {"photo.tif", :alpha}
        ] do
      image = Thumbelina.open!("test/fixtures/#{name}")
      assert {name, Alpha.kind(image)} == {name, kind}
    end
  end

  test "of what Thumbelina writes" do
    for {name, kind} <- [{"photo.jpg", :opaque}, {"alpha.png", :alpha}],
        format <- [:png, :webp, :qoi] do
      thumb = Thumbelina.thumbnail!(File.read!("test/fixtures/#{name}"), 20, 20, format: format)
      expected = if format == :qoi and name == "photo.jpg", do: Alpha.kind(thumb), else: kind
      assert {name, format, Alpha.kind(thumb)} == {name, format, expected}
    end
  end

  test "of headers that are cut off, it may" do
    image = Thumbelina.open!("test/fixtures/photo.png")

    for size <- 0..60 do
      assert Alpha.kind(%{image | bytes: binary_part(image.bytes, 0, size)}) in [:alpha, :opaque]
    end

    palette = Thumbelina.open!("test/fixtures/photo-palette.png")
    assert Alpha.kind(%{palette | bytes: binary_part(palette.bytes, 0, 40)}) == :alpha
  end

  test "a transparent color is alpha" do
    png = <<137, "PNG\r\n", 26, 10, 13::32, "IHDR", 1::32, 1::32, 8, 2, 0, 0, 0, 0::32>>
    image = %{Thumbelina.open!("test/fixtures/photo.png") | bytes: ""}
    gamma = <<4::32, "gAMA", 1::32, 0::32>>
    color = <<6::32, "tRNS", 0::48, 0::32>>
    pixels = <<9::32, "IDAT">>
    assert Alpha.kind(%{image | bytes: png <> gamma <> color <> pixels}) == :alpha
    assert Alpha.kind(%{image | bytes: png <> gamma <> pixels}) == :opaque
  end
end
