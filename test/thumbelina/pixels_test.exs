defmodule Thumbelina.PixelsTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Pixels}

  doctest Thumbelina.Pixels

  @photo {:file, "test/fixtures/photo.png"}

  # Every shape and type, of a picture that is its own mirror image in nothing.
  defp samples(height, width, channels, {kind, bits} = type) do
    sample = fn i ->
      case kind do
        :u -> <<rem(i * 7 + 3, Bitwise.bsl(1, bits))::size(bits)-native>>
        :f -> <<rem(i, 97) / 97::float-32-native>>
      end
    end

    data = for i <- 1..(height * width * channels), into: "", do: sample.(i)
    %Pixels{data: data, shape: {height, width, channels}, type: type}
  end

  test "what is made into an image comes back as it was" do
    for type <- [{:u, 8}, {:u, 16}, {:f, 32}],
        channels <- [1, 3, 4],
        {h, w} <- [{1, 1}, {5, 7}] do
      pixels = samples(h, w, channels, type)
      pixels = if channels == 4, do: opaque(pixels), else: pixels
      assert {:ok, image} = Thumbelina.from_pixels(pixels)
      assert {image.width, image.height} == {w, h}
      assert {:ok, opened} = Thumbelina.new(image.bytes)
      assert opened == image

      if type == {:f, 32} and channels == 1 do
        # Floats of gray are read as RGB, if at all.
        assert {:ok, %{data: data}} = Thumbelina.to_pixels(image, channels: 1)
        assert byte_size(data) == byte_size(pixels.data)
      else
        assert Thumbelina.to_pixels(image) == {:ok, pixels}, inspect({type, channels})
      end
    end
  end

  defp opaque(%{type: {kind, bits}} = pixels) do
    most = if kind == :u, do: <<-1::size(bits)>>, else: <<1.0::float-32-native>>
    size = div(bits, 8)
    colors = size * 3

    data =
      for <<color::binary-size(colors), _::binary-size(size) <- pixels.data>>,
        into: "",
        do: color <> most

    %{pixels | data: data}
  end

  test "a binary is as good, with its shape" do
    for type <- [{:u, 8}, {:u, 16}, {:f, 32}] do
      %{data: data, shape: shape} = pixels = samples(5, 7, 3, type)

      assert Thumbelina.from_pixels(data, shape: shape, type: type) ==
               Thumbelina.from_pixels(pixels)
    end

    for {opts, key} <- [
          {[], :shape},
          {[shape: {1, 1}], :shape},
          {[shape: {1, 1, 1}, type: :u8], :type},
          {[shape: {2, 1, 1}], :data},
          {[shape: {1, 1, 1}, kind: 1], :kind},
          {:shape, :options},
          {[1], :options}
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key}} =
               Thumbelina.from_pixels(<<7>>, opts)
    end
  end

  test "gray with alpha keeps both" do
    pixels = %Pixels{data: <<9, 255, 7, 255>>, shape: {1, 2, 2}, type: {:u, 8}}
    assert {:ok, image} = Thumbelina.from_pixels(pixels)
    assert Thumbelina.to_pixels(image) == {:ok, pixels}
  end

  test "large ones are cut into strips" do
    pixels = samples(700, 400, 3, {:u, 16})
    assert {:ok, %{format: :tiff} = image} = Thumbelina.from_pixels(pixels)
    assert Thumbelina.to_pixels(image) == {:ok, pixels}
  end

  test "samples have the size and the options of a thumbnail" do
    assert {:ok, %{shape: {427, 640, 3}, type: {:u, 8}}} = Thumbelina.to_pixels(@photo)
    assert {:ok, pixels} = Thumbelina.to_pixels(@photo, 50, nil)
    assert {:ok, png} = Thumbelina.thumbnail(@photo, 50, nil, format: :png)
    assert Thumbelina.to_pixels(png) == {:ok, pixels}

    assert {:ok, %{shape: {20, 30, 1}, type: {:u, 16}, data: data}} =
             Thumbelina.to_pixels(@photo, 30, 20, fit: :fill, channels: 1, type: {:u, 16})

    assert byte_size(data) == 1200

    for scheduler <- [:normal, :dirty], steps <- [nil, 1] do
      opts = [scheduler: scheduler, steps_per_slice: steps]
      assert Thumbelina.to_pixels(@photo, 50, nil, opts) == {:ok, pixels}
    end
  end

  test "wrong arguments are named" do
    for {opts, key} <- [
          {[channels: 0], :channels},
          {[type: {:s, 8}], :type},
          {[type: :u8], :type},
          {[format: :png], :format},
          {[fit: :tight], :fit},
          {%{}, :options}
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key}} =
               Thumbelina.to_pixels(@photo, 9, 9, opts)

      assert {:error, %Error{reason: :invalid_option, key: ^key}} =
               Thumbelina.to_pixels(@photo, opts)
    end

    assert {:error, %Error{key: :width}} = Thumbelina.to_pixels(@photo, nil, nil, [])
    right = %Pixels{data: <<0>>, shape: {1, 1, 1}, type: {:u, 8}}

    for {wrong, key} <- [
          {%{right | data: ""}, :data},
          {%{right | data: [0]}, :data},
          {%{right | shape: {1, 1}}, :shape},
          {%{right | shape: {1, 1, 5}}, :shape},
          {%{right | shape: {0, 1, 1}}, :shape},
          {%{right | shape: {1.0, 1, 1}}, :shape},
          {%{right | type: {:s, 64}}, :type},
          {%{right | type: nil}, :type},
          {nil, :pixels}
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key} = error} =
               Thumbelina.from_pixels(wrong)

      assert Exception.message(error) =~ inspect(key)
    end
  end

  test "show their shape, not their data" do
    assert inspect(samples(2, 3, 1, {:u, 8})) == "#Thumbelina.Pixels<u8[2][3][1]>"
  end
end
