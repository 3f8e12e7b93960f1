defmodule Bench.Sheet do
  # Contact sheets, to look at: a page of one picture after every step and with every option that
  # shows, and one with the thumbnail of every picture in the folder that THUMBELINA_CORPUS names,
  # or the reason why there is none.

  alias Bench.Inputs

  @side 120
  @folder Path.expand("../_build/sheets", __DIR__)

  def run(flags) do
    operations()

    if System.get_env("THUMBELINA_CORPUS") == nil do
      IO.puts("# Contact sheet: left out, because THUMBELINA_CORPUS names no folder\n")
    else
      corpus(if flags[:quick], do: Enum.take_every(Inputs.files(), 50), else: Inputs.files())
    end
  end

  # Each from the same photograph, as a PNG if nothing else is said.
  defp operations do
    image = Thumbelina.open!(Path.expand("../test/fixtures/photo.jpg", __DIR__))
    mark = Thumbelina.open!(Path.expand("../test/fixtures/alpha.png", __DIR__))
    framed = Thumbelina.edit!(image, border: {40, "white"}, format: :png)

    section = fn title, list, make ->
      figures = for entry <- list, do: figure(caption(entry), make.(entry))
      ["<h2>", title, "</h2><section>", figures, "</section>"]
    end

    write("operations", [
      section.("Steps, before which resize: {#{@side}, nil}", steps(mark), fn steps ->
        Thumbelina.edit(image, [resize: {@side, nil}, format: :png] ++ steps)
      end),
      section.("Fits, in a box of #{@side} by #{@side}", fits(), fn opts ->
        Thumbelina.thumbnail(image, @side, @side, opts ++ [format: :png])
      end),
      section.("Positions, in a box of 60 by #{@side}", positions(), fn position ->
        opts = [fit: :cover, position: position, format: :png]
        Thumbelina.thumbnail(image, 60, @side, opts)
      end),
      section.("Trimmed, or not, with a white border", [[trim: true], [trim: false]], fn opts ->
        Thumbelina.thumbnail(framed, @side, @side, opts ++ [format: :png])
      end),
      section.("Outputs", outputs(), &Thumbelina.thumbnail(image, @side, @side, &1)),
      section.("Filters", filters(), fn filter ->
        Thumbelina.thumbnail(image, @side, @side, filter: filter, format: :png)
      end)
    ])
  end

  defp steps(mark) do
    [
      [],
      [crop: {20, 20, 60, 40}],
      [crop: {60, 40, position: :northwest}],
      [flip: :horizontal],
      [flip: :vertical],
      [rotate: 90],
      [rotate: 180],
      [rotate: 270],
      [rotate: 30],
      [rotate: {30, background: "gold"}],
      [blur: 0.5],
      [blur: 2],
      [blur: 10],
      [blur: 40],
      [sharpen: 1],
      [sharpen: {3, amount: 2, threshold: 10}],
      [brighten: 1.5],
      [brighten: 0.5],
      [contrast: 1.5],
      [contrast: 0.5],
      [saturate: 2],
      [saturate: 0.3],
      [gamma: 2.2],
      [gamma: 0.5],
      [grayscale: true],
      [invert: true],
      [threshold: 100],
      [tint: "#704214"],
      [overlay: {mark, width: 40, position: :southeast, margin: 4}],
      [overlay: {mark, width: 30, tile: true, opacity: 0.5}],
      [round: 16],
      [round: :circle],
      [border: {8, "gold"}],
      [border: {8, "#0000ff80"}],
      [thumbnail: {60, 60, fit: :cover}, round: :circle, border: {4, "tomato"}],
      [grayscale: true, tint: "teal", round: 10, border: {2, "teal"}]
    ]
  end

  defp fits do
    fits = for fit <- [:contain, :cover, :fill, :pad, :inside, :outside], do: [fit: fit]
    pads = for position <- [:north, :south], do: [fit: :pad, position: position]
    fits ++ pads ++ [[fit: :pad, background: "#f5c400"], [dpr: 1.1], [linear: true]]
  end

  defp positions do
    compass = ~w(north northeast east southeast south southwest west northwest)a
    [:center] ++ compass ++ [{0.0, 0.0}, {0.3, 0.25}, :attention, :entropy]
  end

  defp outputs do
    [
      [format: :jpeg],
      [format: :jpeg, quality: 10],
      [format: :jpeg, progressive: true],
      [format: :jpeg, subsampling: "4:4:4"],
      [format: :jpeg, max_bytes: 2_000],
      [format: :png, colors: 8],
      [format: :png, colors: 8, dither: true],
      [format: :png, colors: 256],
      [format: :webp],
      [format: :gif],
      [format: :avif]
    ]
  end

  defp filters do
    ~w(lanczos3 catmull_rom mitchell gaussian hamming bilinear box nearest)a
  end

  # As it is written in code, with a picture by its kind.
  defp caption(entry) do
    text = inspect(entry, limit: :infinity)
    Regex.replace(~r/#Thumbelina.Image<.*?>|%Thumbelina.Image{.*?}/s, text, "mark")
  end

  defp corpus(paths) do
    sections =
      for {folder, paths} <- paths |> Enum.group_by(&Path.dirname/1) |> Enum.sort() do
        ["<h2>", escape(folder), "</h2><section>", Enum.map(paths, &thumbnail/1), "</section>"]
      end

    write("corpus", sections)
  end

  defp thumbnail(path) do
    made = Thumbelina.thumbnail({:file, path}, @side, @side, format: :png)
    figure(Path.basename(path), made)
  end

  defp figure(caption, made) do
    shown =
      case made do
        {:ok, image} -> picture(image)
        {:error, error} -> ["<p>", escape(to_string(error.reason)), "</p>"]
      end

    ["<figure>", shown, "<figcaption>", escape(caption), "</figcaption></figure>\n"]
  end

  defp picture(image) do
    size = "width=#{image.width} height=#{image.height}"
    [~s(<img #{size} src="), Thumbelina.Image.to_data_uri(image), ~s(">)]
  end

  # What is transparent shows a checkerboard.
  @head """
  <!doctype html><meta charset="utf-8"><title>Contact sheet</title>
  <style>
    body { font: 11px sans-serif; margin: 16px; background: #fff; color: #222 }
    section { display: grid; grid-template-columns: repeat(auto-fill, 140px); gap: 8px }
    figure { margin: 0; overflow: hidden }
    figcaption { overflow-wrap: anywhere; max-height: 3.6em; overflow: hidden }
    img { background: repeating-conic-gradient(#ccc 0 25%, #eee 0 50%) 0 0 / 16px 16px }
    p { color: #b00 }
  </style>
  """

  defp write(name, body) do
    File.mkdir_p!(@folder)
    path = Path.join(@folder, "#{name}.html")
    File.write!(path, [@head, body])
    IO.puts("# Contact sheet: #{Path.relative_to_cwd(path)}\n")
  end

  defp escape(text), do: text |> String.replace("&", "&amp;") |> String.replace("<", "&lt;")
end
