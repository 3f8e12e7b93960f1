defmodule Thumbelina.FormatTest do
  use ExUnit.Case, async: true
  doctest Thumbelina.Format

  alias Thumbelina.Format

  test "every extension leads back to its format" do
    for format <- Format.readable() ++ Format.writable(),
        extension <- [".#{format}" | Format.extensions(format)] do
      assert Format.of_extension(extension) == {:ok, format}
      assert Format.of_extension(String.upcase(extension)) == {:ok, format}
    end
  end

  test "the native side has the same formats" do
    assert Format.readable() -- Format.writable() == [:dds, :psd]
    assert Format.writable() -- Format.readable() == [:avif]
    photo = Thumbelina.open!("test/fixtures/photo.jpg")

    for format <- Format.writable() do
      assert {:ok, %{format: ^format} = thumb} =
               Thumbelina.thumbnail(photo, 20, 20, format: format)

      assert thumb.extension == hd(Format.extensions(format))
      if format in Format.readable(), do: assert(Thumbelina.new!(thumb).format == format)
    end
  end
end
