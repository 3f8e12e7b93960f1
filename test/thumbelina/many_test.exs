defmodule Thumbelina.ManyTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Error

  @sizes [
    {50, 50},
    {200, 120, fit: :cover, format: :png},
    {200, 120, fit: :cover, format: :png, position: :south},
    {nil, 30, format: :gif},
    {90, 90, fit: :fill, format: :webp, filter: :bilinear},
    {200, 200, quality: 30},
    {17, 200.0, format: :qoi}
  ]

  test "each of several thumbnails is what it is alone" do
    for name <- ~w(photo.jpg photo.png photo.bmp photo.tif photo.webp orientation-6.jpg),
        path = Path.join("test/fixtures", name),
        File.exists?(path),
        scheduler <- [:auto, :normal, :dirty] do
      image = Thumbelina.open!(path)
      {:ok, thumbs} = Thumbelina.thumbnails(image, @sizes, quality: 60, scheduler: scheduler)

      for {size, thumb} <- Enum.zip(@sizes, thumbs) do
        {width, height, opts} = with {width, height} <- size, do: {width, height, []}
        {:ok, alone} = Thumbelina.thumbnail(image, width, height, [quality: 60] ++ opts)

        assert {thumb.format, thumb.width, thumb.height} ==
                 {alone.format, alone.width, alone.height}

        {:ok, plan} = Thumbelina.explain(image, width, height, opts)
        {:ok, largest} = Thumbelina.explain(image, 200, 200, [])
        # Of a JPEG, the smaller ones start from a larger picture.
        if image.format != :jpeg or plan.decode_scale == largest.decode_scale,
          do: assert(thumb == alone, "#{name}, #{inspect(size)}")
      end
    end
  end

  test "memory and time are those of all of them" do
    png = File.read!("test/fixtures/photo.png")
    large = List.duplicate({900, 900, enlarge: true, format: :bmp}, 5)
    assert {:ok, thumbs} = Thumbelina.thumbnails(png, large)
    assert length(thumbs) == 5 and length(Enum.uniq(thumbs)) == 1

    assert {:error, %Error{reason: :limit_exceeded, limit: :max_memory}} =
             Thumbelina.thumbnails(png, large, max_memory: 8_000_000)

    assert {:ok, _} = Thumbelina.thumbnails(png, Enum.take(large, 1), max_memory: 8_000_000)
  end

  test "one that is refused refuses all" do
    png = File.read!("test/fixtures/photo.png")

    assert {:error, %Error{reason: :limit_exceeded, limit: :side}} =
             Thumbelina.thumbnails(png, [{10, 10}, {300, 300, format: :ico, enlarge: true}])

    assert_raise Error, fn -> Thumbelina.thumbnails!(png, []) end
    assert [_, _] = Thumbelina.thumbnails!(png, [{10, 10}, {20, 20}])
  end
end
