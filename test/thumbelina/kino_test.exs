defprotocol Kino.Render do
  # Stands for Kino's.
  @fallback_to_any true
  def to_livebook(value)
end

defmodule Kino.Image do
  defstruct [:content, :type]
  def new(content, type), do: %__MODULE__{content: content, type: type}
end

defimpl Kino.Render, for: Kino.Image do
  def to_livebook(image), do: {:shown, image.type, image.content}
end

defmodule Thumbelina.KinoTest do
  use ExUnit.Case, async: true

  test "an image shows itself" do
    image = Thumbelina.open!("test/fixtures/photo.jpg")
    assert Kino.Render.to_livebook(image) == {:shown, "image/jpeg", image.bytes}
  end

  test "what no browser shows becomes a PNG" do
    {:ok, image} = Thumbelina.new("P5 2 1 255\n" <> <<0, 255>>)
    assert {:shown, "image/png", bytes} = Kino.Render.to_livebook(image)
    assert {:ok, %{format: :png, width: 2, height: 1}} = Thumbelina.new(bytes)
  end

  test "the implementation is found when protocols are consolidated" do
    path = :thumbelina |> Application.app_dir("ebin") |> String.to_charlist()
    assert Thumbelina.Image in Protocol.extract_impls(Kino.Render, [path])
  end
end
