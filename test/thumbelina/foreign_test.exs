defmodule Thumbelina.ForeignTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Foreign}

  defp ftyp(major, others) do
    body = "ftyp" <> major <> <<0::32>> <> Enum.join(others)
    <<byte_size(body) + 4::32>> <> body <> <<0, 0, 1, 0>> <> "meta" <> :binary.copy(<<0>>, 64)
  end

  test "pictures of formats that are not read are called by their names" do
    for {bytes, format} <- [
          {ftyp("heic", ["mif1", "heic"]), :heic},
          {ftyp("mif1", ["mif1", "heix"]), :heic},
          {ftyp("msf1", ["hevc"]), :heic},
          {ftyp("avif", ["mif1", "miaf"]), :avif},
          {ftyp("mif1", ["mif1", "avif", "miaf"]), :avif},
          {ftyp("avis", []), :avif},
          {<<0, 0, 0, 12, "JXL ", 13, 10, 0x87, 10, 0, 0>>, :jxl},
          {<<0xFF, 0x0A, 0x10, 0>>, :jxl},
          {<<0, 0, 0, 12, "jP  ", 13, 10, 0x87, 10, 0, 0>>, :jp2},
          {<<0xFF, 0x4F, 0xFF, 0x51, 0, 41>>, :jp2},
          {"%PDF-1.7\n%âãÏÓ", :pdf},
          {~s(<svg xmlns="http://www.w3.org/2000/svg"/>), :svg},
          {~s(\uFEFF<?xml version="1.0"?>\n<!-- drawn -->\n<!DOCTYPE svg>\n<svg\nwidth="1"/>),
           :svg},
          {"\n  <!-- a tool's <name> -->\n<svg>", :svg}
        ] do
      assert Foreign.format(bytes) == format
      assert {:error, %Error{} = error} = Thumbelina.new(bytes)
      assert %{reason: :unsupported_format, format: ^format, path: nil} = error
      name = format |> Atom.to_string() |> String.upcase()
      assert Exception.message(error) == "#{name} is not supported"
      assert {:error, ^error} = Thumbelina.thumbnail(bytes, 10, 10)
    end
  end

  test "what is no picture has no name" do
    for bytes <- [
          "",
          "ftyp",
          <<0, 0, 0, 8, "ftyp">>,
          ftyp("isom", ["mp42"]),
          "<html><body><svg></svg></body></html>",
          "<!DOCTYPE html><svg>",
          "<?xml version=\"1.0\"?><rss/>",
          :binary.copy(<<0xFF>>, 100)
        ] do
      assert {:error, %Error{reason: :unsupported_format} = error} = Thumbelina.new(bytes)
      assert {error.path, error.format} == {nil, nil}
    end

    # Of a box without a length only the first brand is looked at.
    assert Foreign.format(<<0, 0, 0, 0, "ftypheic">>) == :heic

    assert Foreign.format(ftyp("isom", ["mp42"])) == nil
  end

  test "what reads like a path is told to be one" do
    for path <- [
          "photo.jpg",
          "a photo.jpeg",
          "/etc/passwd",
          "./x",
          "../x/y",
          "~/bild.png",
          "C:\\bilder\\a.png",
          "ü/ö.webp",
          "priv/static/thumb.tiff"
        ] do
      assert {:error, %Error{reason: :unsupported_format, value: ^path} = error} =
               Thumbelina.thumbnail(path, 200, 200)

      assert Exception.message(error) =~ "#{inspect(path)} looks like a path"
      assert Exception.message(error) =~ "Thumbelina.open/2"
    end

    # What a file has in it is no path of the caller's.
    for source <- [
          %Thumbelina.Image{bytes: "a.jpg", format: :jpeg, extension: "", width: 1, height: 1}
        ] do
      assert {:error, %Error{path: nil}} = Thumbelina.thumbnail(source, 9, 9)
    end

    for bytes <- [
          "hello",
          "two\nlines.jpg",
          <<0xFF, ".jpg">>,
          String.duplicate("a", 2000) <> ".jpg"
        ] do
      assert {:error, %Error{reason: :unsupported_format, path: nil}} = Thumbelina.new(bytes)
    end
  end
end
