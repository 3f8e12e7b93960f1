defmodule Bench.Sheet do
  # Contact sheets, to look at: a page with the thumbnail of every picture in the folder that
  # THUMBELINA_CORPUS names, or the reason why there is none.

  alias Bench.Inputs

  @side 120
  @folder Path.expand("../_build/sheets", __DIR__)

  def run(flags) do
    if System.get_env("THUMBELINA_CORPUS") == nil do
      IO.puts("# Contact sheet: left out, because THUMBELINA_CORPUS names no folder\n")
    else
      corpus(if flags[:quick], do: Enum.take_every(Inputs.files(), 50), else: Inputs.files())
    end
  end

  defp corpus(paths) do
    sections =
      for {folder, paths} <- paths |> Enum.group_by(&Path.dirname/1) |> Enum.sort() do
        ["<h2>", escape(folder), "</h2><section>", Enum.map(paths, &figure/1), "</section>"]
      end

    write("corpus", sections)
  end

  defp figure(path) do
    shown =
      case Thumbelina.thumbnail({:file, path}, @side, @side, format: :png) do
        {:ok, image} -> picture(image)
        {:error, error} -> ["<p>", to_string(error.reason), "</p>"]
      end

    ["<figure>", shown, "<figcaption>", escape(Path.basename(path)), "</figcaption></figure>\n"]
  end

  defp picture(image) do
    data = Base.encode64(image.bytes)
    size = "width=#{image.width} height=#{image.height}"
    [~s(<img #{size} src="data:image/png;base64,), data, ~s(">)]
  end

  # What is transparent shows a checkerboard.
  @head """
  <!doctype html><meta charset="utf-8"><title>Contact sheet</title>
  <style>
    body { font: 11px sans-serif; margin: 16px; background: #fff; color: #222 }
    section { display: grid; grid-template-columns: repeat(auto-fill, 140px); gap: 8px }
    figure { margin: 0; overflow: hidden }
    figcaption { overflow-wrap: anywhere; max-height: 2.4em; overflow: hidden }
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
