defmodule Bench.Inputs do
  # One committed picture in every size and format, so that a bench needs no files and measures the
  # same pictures everywhere. Enlarged ones are smoother than a photograph of that size, and so
  # have fewer bytes and decode faster. Your own photographs can be added with THUMBELINA_CORPUS.

  @picture Path.expand("../../test/fixtures/photo.png", __DIR__)

  # The picture is 3:2, so that 2048 pixels of width are 3 megapixels and 4096 are 11.
  @made %{
    "256px jpeg" => {256, :jpeg},
    "640px jpeg" => {640, :jpeg},
    "3 MP jpeg" => {2048, :jpeg},
    "11 MP jpeg" => {4096, :jpeg},
    "640px png" => {640, :png},
    "3 MP png" => {2048, :png},
    "640px webp" => {640, :webp},
    "640px gif" => {640, :gif}
  }

  @doc "Named pictures, in the order of the names."
  def make(names) do
    picture = Thumbelina.open!(@picture)

    for name <- names do
      {width, format} = Map.fetch!(@made, name)
      # The quality of a camera rather than of a thumbnail.
      opts = [enlarge: true, format: format, quality: 90]
      {name, Thumbelina.thumbnail!(picture, width, nil, opts)}
    end
  end

  @doc "The photos of the folder that THUMBELINA_CORPUS names, if it names one, of some formats."
  def corpus(formats \\ "jpg,png,webp,gif") do
    case System.get_env("THUMBELINA_CORPUS") do
      nil ->
        []

      folder ->
        paths = Path.wildcard(Path.join(folder, "photos/*.{#{formats}}"))
        if paths == [], do: Mix.raise("THUMBELINA_CORPUS contains no photos/*.{#{formats}}")
        for path <- paths, do: {Path.basename(path), Thumbelina.open!(path)}
    end
  end

  @doc "All files of the folder that THUMBELINA_CORPUS names, and of its folders."
  def files do
    folder = System.fetch_env!("THUMBELINA_CORPUS")
    for path <- Path.wildcard(Path.join(folder, "**/*")), File.regular?(path), do: path
  end

  @doc "A line for each input."
  def describe(inputs) do
    lines =
      for {name, image} <- inputs do
        "  #{name}: #{image.width}x#{image.height}, #{div(byte_size(image.bytes), 1000)} kB\n"
      end

    "Inputs (3 MP and 11 MP are enlarged, and smoother than photographs of that size):\n" <>
      Enum.join(lines)
  end
end
