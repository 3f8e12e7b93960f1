defmodule Bench.DeltaE do
  # CIEDE2000: how different two colors look; 1 is about what an eye can just see. As in Sharma, Wu
  # and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test
  # Data, and Mathematical Observations" (2005), whose test data checks it.

  @sharma [
    {{50.0, 2.6772, -79.7751}, {50.0, 0.0, -82.7485}, 2.0425},
    {{50.0, -1.3802, -84.2814}, {50.0, 0.0, -82.7485}, 1.0},
    {{50.0, 2.49, -0.001}, {50.0, -2.49, 0.0009}, 7.1792},
    {{50.0, 2.5, 0.0}, {73.0, 25.0, -18.0}, 27.1492},
    {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
    {{90.8027, -2.0831, 1.441}, {91.1528, -1.6435, 0.0447}, 1.4441},
    {{2.0776, 0.0795, -1.135}, {0.9033, -0.0636, -0.5514}, 0.9082}
  ]

  @doc "Raises if the formula does not give the published figures."
  def check! do
    for {a, b, expected} <- @sharma, got = of_lab(a, b), abs(got - expected) > 0.0001 do
      raise "#{inspect(a)} and #{inspect(b)}: #{got} instead of #{expected}"
    end

    :ok
  end

  @doc "The mean over all pixels of two pictures of the same size: bytes of sRGB."
  def mean(a, b) when byte_size(a) == byte_size(b) and a != "" do
    {sum, _labs} = sum(a, b, 0.0, %{})
    sum / div(byte_size(a), 3)
  end

  # Most colors of a picture come again.
  defp sum(<<>>, <<>>, sum, labs), do: {sum, labs}

  defp sum(<<a::24, rest_a::binary>>, <<a::24, rest_b::binary>>, sum, labs),
    do: sum(rest_a, rest_b, sum, labs)

  defp sum(<<a::24, rest_a::binary>>, <<b::24, rest_b::binary>>, sum, labs) do
    labs = labs |> Map.put_new_lazy(a, fn -> lab(a) end) |> Map.put_new_lazy(b, fn -> lab(b) end)
    sum(rest_a, rest_b, sum + of_lab(labs[a], labs[b]), labs)
  end

  # IEC 61966-2-1, to CIE L*a*b* of the same white, D65.
  defp lab(rgb) do
    <<r, g, b>> = <<rgb::24>>
    [r, g, b] = for sample <- [r, g, b], do: linear(sample / 255)
    x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
    y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
    z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
    {116 * y - 16, 500 * (x - y), 200 * (y - z)}
  end

  defp linear(sample) when sample <= 0.04045, do: sample / 12.92
  defp linear(sample), do: :math.pow((sample + 0.055) / 1.055, 2.4)

  defp f(t) when t > 216 / 24_389, do: :math.pow(t, 1 / 3)
  defp f(t), do: (24_389 / 27 * t + 16) / 116

  @doc "Of two colors in CIE L*a*b*."
  def of_lab({l1, a1, b1}, {l2, a2, b2}) do
    g = 0.5 * (1 - seventh((hypot(a1, b1) + hypot(a2, b2)) / 2))
    {a1, a2} = {a1 * (1 + g), a2 * (1 + g)}
    {c1, c2} = {hypot(a1, b1), hypot(a2, b2)}
    {h1, h2} = {hue(a1, b1), hue(a2, b2)}
    {dh, mean_h} = hues(h1, h2, c1 * c2 == 0)
    mean_l = (l1 + l2) / 2
    mean_c = (c1 + c2) / 2

    t =
      1 - 0.17 * cos(mean_h - 30) + 0.24 * cos(2 * mean_h) + 0.32 * cos(3 * mean_h + 6) -
        0.2 * cos(4 * mean_h - 63)

    off = (mean_l - 50) * (mean_l - 50)
    l = (l2 - l1) / (1 + 0.015 * off / :math.sqrt(20 + off))
    c = (c2 - c1) / (1 + 0.045 * mean_c)
    h = 2 * :math.sqrt(c1 * c2) * sin(dh / 2) / (1 + 0.015 * mean_c * t)
    turn = 30 * :math.exp(-:math.pow((mean_h - 275) / 25, 2))
    rotation = -2 * seventh(mean_c) * sin(2 * turn)
    :math.sqrt(max(l * l + c * c + h * h + rotation * c * h, 0.0))
  end

  defp seventh(c), do: :math.sqrt(:math.pow(c, 7) / (:math.pow(c, 7) + :math.pow(25, 7)))
  defp hypot(a, b), do: :math.sqrt(a * a + b * b)

  defp hue(a, b) when a == 0 and b == 0, do: 0.0

  defp hue(a, b) do
    degrees = :math.atan2(b, a) * 180 / :math.pi()
    if degrees < 0, do: degrees + 360, else: degrees
  end

  # The difference of two hues and their mean, the shorter way around.
  defp hues(h1, h2, true), do: {0.0, h1 + h2}
  defp hues(h1, h2, false) when abs(h1 - h2) <= 180, do: {h2 - h1, (h1 + h2) / 2}

  defp hues(h1, h2, false) do
    mean = if h1 + h2 < 360, do: (h1 + h2 + 360) / 2, else: (h1 + h2 - 360) / 2
    {if(h2 <= h1, do: h2 - h1 + 360, else: h2 - h1 - 360), mean}
  end

  defp sin(degrees), do: :math.sin(degrees * :math.pi() / 180)
  defp cos(degrees), do: :math.cos(degrees * :math.pi() / 180)
end
