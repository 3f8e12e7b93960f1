defmodule Bench.Chart do
  # The rows of `Bench.Responsiveness` as an SVG: for each load a bar from the median to 99.9 %,
  # with a mark at 99 %. Calls and sleeper have a panel each, with a logarithmic scale of its own.

  alias Bench.Samples

  @panels ["GenServer.call, ms", "sleeper, ms late"]
  # In milliseconds; nothing that is measured here is shorter.
  @least 0.001

  @label_width 230
  @panel_width 330
  @gap 50
  @row 16
  @top 64

  @colors %{
    nil => "#666666",
    auto: "#1b7837",
    normal: "#c51b7d",
    dirty: "#4575b4",
    vix: "#d95f02"
  }

  def draw(rows) do
    height = @top + length(rows) * @row + 34
    width = @label_width + 2 * @panel_width + 2 * @gap

    IO.iodata_to_binary([
      ~s(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 #{width} #{height}" ),
      ~s(font-family="sans-serif" font-size="11" fill="#222">\n),
      ~s(<rect width="#{width}" height="#{height}" fill="#fff"/>\n),
      text(
        12,
        20,
        "What other processes notice next to callers: p50 to p99.9, the mark is p99",
        14
      ),
      for({panel, at} <- Enum.with_index(@panels), do: panel(panel, left(at), rows)),
      for({row, at} <- Enum.with_index(rows), do: label(row, at)),
      "</svg>\n"
    ])
  end

  defp left(panel), do: @label_width + panel * (@panel_width + @gap)

  defp panel(name, left, rows) do
    bottom = @top + length(rows) * @row
    scale = {left, decades(name, rows)}

    grid =
      for decade <- elem(scale, 1) do
        x = x(:math.pow(10, decade), scale)

        [
          ~s(<line x1="#{x}" y1="#{@top - 6}" x2="#{x}" y2="#{bottom}" stroke="#ddd"/>\n),
          text(x, bottom + 16, decade(decade), 10, "middle")
        ]
      end

    bars = for {row, at} <- Enum.with_index(rows), do: bar(row, name, scale, at)
    [text(left, @top - 16, name, 12), grid, bars]
  end

  # The powers of ten, of milliseconds, between which all of a probe's bars lie.
  defp decades(probe, rows) do
    values = for row <- rows, value <- shown(row, probe), do: :math.log10(max(value, @least))
    first = values |> Enum.min() |> Float.floor() |> trunc()
    last = values |> Enum.max() |> Float.ceil() |> trunc()
    first..max(last, first + 1)
  end

  defp shown(row, probe) do
    {^probe, [p50, _p90, p99, p999, _max]} = List.keyfind(row.probes, probe, 0)
    [p50, p99, p999]
  end

  defp bar(row, probe, scale, at) do
    y = @top + at * @row
    [from, mark, to] = for value <- shown(row, probe), do: x(value, scale)
    color = @colors[row.scheduler]

    [
      ~s(<rect x="#{from}" y="#{y}" width="#{max(to - from, 1.5)}" height="9" fill="#{color}" ),
      ~s(opacity="0.55"/>\n<rect x="#{mark - 1}" y="#{y - 1}" width="2" height="11" ),
      ~s(fill="#{color}"/>\n)
    ]
  end

  defp label(row, at) do
    y = @top + at * @row + 9
    text(@label_width - 10, y, row.label, 11, "end")
  end

  defp x(milliseconds, {left, first..last//1}) do
    decades = :math.log10(max(milliseconds, @least)) - first
    Float.round(left + decades / (last - first) * @panel_width, 1)
  end

  defp decade(decade), do: Samples.decimals(:math.pow(10, decade), max(-decade, 0))

  defp text(x, y, text, size, anchor \\ "start"),
    do: ~s(<text x="#{x}" y="#{y}" font-size="#{size}" text-anchor="#{anchor}">#{text}</text>\n)
end
