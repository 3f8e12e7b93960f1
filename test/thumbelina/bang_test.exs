defmodule Thumbelina.BangTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Edit, Error}

  @photo {:file, "test/fixtures/photo.jpg"}

  # What each function takes behind the picture.
  @calls [
    resize: [30, 20],
    resize: [30, nil, [format: :png]],
    crop: [30, 20],
    crop: [30, 20, [position: :north]],
    crop: [1, 2, 30, 20],
    crop: [1, 2, 30, 20, [format: :png]],
    flip: [:vertical],
    rotate: [90],
    blur: [2],
    sharpen: [1, [amount: 2]],
    brighten: [1.2],
    contrast: [1.2],
    saturate: [1.2],
    gamma: [1.2],
    grayscale: [],
    invert: [],
    threshold: [100],
    tint: ["gold"],
    overlay: [@photo, [width: 20]],
    round: [:circle],
    border: [3, "gold"],
    convert: [:png],
    thumbnail: [30, 20],
    thumbnails: [[{30, 20}]],
    placeholder: [:color],
    edit: [[blur: 2]],
    compare: [@photo],
    hash: [],
    info: [],
    new: [],
    to_pixels: [],
    to_pixels: [30, 20, [channels: 1]]
  ]

  test "a function with a ! gives what the one without gives, or raises its error" do
    for {name, args} <- @calls do
      bang = :"#{name}!"
      {:ok, value} = apply(Thumbelina, name, [@photo | args])
      assert apply(Thumbelina, bang, [@photo | args]) == value, "#{bang}"

      assert_raise Error, ~r/not a known picture/, fn ->
        apply(Thumbelina, bang, ["no picture" | args])
      end
    end

    pixels = Thumbelina.to_pixels!(@photo, 3, 2, fit: :fill)
    assert {:ok, Thumbelina.from_pixels!(pixels)} == Thumbelina.from_pixels(pixels)
    assert Thumbelina.from_pixels!(<<1, 2>>, shape: {1, 2, 1}).width == 2
    assert_raise Error, ~r/:data/, fn -> Thumbelina.from_pixels!(<<1>>, shape: {1, 2, 1}) end
    assert_raise Error, ~r/:blur/, fn -> Thumbelina.blur!(@photo, -1) end
  end

  test "every step has one" do
    for name <- Edit.names() -- [:thumbnail], do: assert(@calls[name], "#{name}")
  end
end
