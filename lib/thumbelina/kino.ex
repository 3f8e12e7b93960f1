# How Livebook shows an image.
#
# This is what `defimpl Kino.Render, for: Thumbelina.Image` would define. It is written by hand,
# because Kino need not be there when Thumbelina is compiled: it can come later, or never.
defmodule Kino.Render.Thumbelina.Image do
  @moduledoc false

  Module.register_attribute(__MODULE__, :__impl__, persist: true)
  @__impl__ [protocol: Kino.Render, for: Thumbelina.Image]

  @doc false
  def __impl__(:target), do: __MODULE__
  def __impl__(:protocol), do: Kino.Render
  def __impl__(:for), do: Thumbelina.Image

  # What browsers show.
  @shown [:jpeg, :png, :gif, :webp, :bmp, :ico, :avif]

  @doc false
  def to_livebook(%{format: format} = image) when format in @shown do
    kino = apply(Kino.Image, :new, [image.bytes, Thumbelina.Image.mime(image)])
    apply(Kino.Render, :to_livebook, [kino])
  end

  def to_livebook(image) do
    case Thumbelina.thumbnail(image, image.width, image.height, format: :png) do
      {:ok, png} -> to_livebook(png)
      {:error, _} -> apply(Kino.Render, :to_livebook, [apply(Kino.Inspect, :new, [image])])
    end
  end
end
