defmodule Bench.Operations do
  # Every operation at 400 pixels, as a JPEG, beside the same of libvips: decoding and the resize
  # are part of it, as they are for whoever calls it. By turns, on one thread each.

  alias Bench.{Inputs, Samples}

  @side 400
  @rounds 41

  def run(flags) do
    quick? = Keyword.get(flags, :quick, false)
    {inputs, rounds} = if quick?, do: {["640px jpeg"], 1}, else: {["3 MP jpeg"], @rounds}
    inputs = Inputs.make(inputs) ++ if(quick?, do: [], else: Inputs.corpus("jpg"))

    IO.puts("# Operations: a step after a resize to #{@side} pixels, as a JPEG, medians in ms\n")
    IO.puts(Inputs.describe(inputs))
    for input <- inputs, do: compare(input, rounds)
  end

  defp compare({name, image}, rounds) do
    mark = Thumbelina.thumbnail!(image, 80, 80, format: :png)
    IO.puts(name)

    for {label, steps, theirs} <- operations(mark) do
      ours = fn ->
        {:ok, _} = Thumbelina.edit(image, [resize: {@side, nil}, format: :jpeg] ++ steps)
      end

      theirs = if vix?(), do: fn -> vix(image.bytes, theirs) end
      runs = Enum.filter([ours, theirs], & &1)
      for run <- runs, do: run.()
      took = for _ <- 1..rounds, do: Enum.map(runs, &micros/1)
      medians = took |> Enum.zip_with(&median/1)
      IO.puts("  #{String.pad_trailing(label, 12)} #{line(medians)}")
    end
  end

  defp line([ours]), do: ms(ours)

  defp line([ours, theirs]) do
    times = Samples.decimals(ours / theirs)
    "#{ms(ours)}  libvips #{ms(theirs)}  #{times} of its time"
  end

  defp ms(micros), do: micros |> Kernel./(1_000) |> Samples.decimals() |> String.pad_leading(7)

  defp median(values), do: values |> Samples.sort() |> Samples.percentile(0.5)

  defp micros(run) do
    {micros, _} = :timer.tc(run)
    micros
  end

  defp vix?, do: Code.ensure_loaded?(Vix.Vips.Operation)

  defp vix(bytes, operation) do
    # Variables, because these modules may not be there.
    {vips, image} = {Vix.Vips.Operation, Vix.Vips.Image}
    {:ok, thumb} = vips.thumbnail_buffer(bytes, @side, height: 10_000_000)
    {:ok, _bytes} = thumb |> operation.(vips) |> image.write_to_buffer(".jpg[Q=80]")
  end

  defp operations(mark) do
    [
      {"resize", [], fn image, _ -> image end},
      {"crop", [crop: {50, 50, 200, 150}], &ok(&2.extract_area(&1, 50, 50, 200, 150))},
      {"flip", [flip: :horizontal], &ok(&2.flip(&1, :VIPS_DIRECTION_HORIZONTAL))},
      {"rotate 90", [rotate: 90], &ok(&2.rot(&1, :VIPS_ANGLE_D90))},
      {"rotate 30", [rotate: {30, background: "white"}],
       &ok(&2.rotate(&1, 30.0, background: [255.0, 255.0, 255.0]))},
      {"blur 1", [blur: 1], &ok(&2.gaussblur(&1, 1.0))},
      {"blur 2", [blur: 2], &ok(&2.gaussblur(&1, 2.0))},
      {"blur 3", [blur: 3], &ok(&2.gaussblur(&1, 3.0))},
      {"blur 10", [blur: 10], &ok(&2.gaussblur(&1, 10.0))},
      {"blur 30", [blur: 30], &ok(&2.gaussblur(&1, 30.0))},
      {"sharpen", [sharpen: 1], &ok(&2.sharpen(&1, sigma: 1.0))},
      {"brighten", [brighten: 1.2], &linear(&1, &2, 1.2, 0.0)},
      {"contrast", [contrast: 1.2], &linear(&1, &2, 1.2, -25.5)},
      {"saturate", [saturate: 1.4], &saturate/2},
      {"gamma", [gamma: 1.5], &ok(&2.gamma(&1, exponent: 1.5))},
      {"grayscale", [grayscale: true], &gray/2},
      {"invert", [invert: true], &ok(&2.invert(&1))},
      {"threshold", [threshold: 128],
       &ok(&2.relational_const(gray(&1, &2), :VIPS_OPERATION_RELATIONAL_MOREEQ, [128.0]))},
      {"tint", [tint: "#704214"], &tint/2},
      {"overlay", [overlay: {mark, position: :southeast}], &overlay(&1, &2, mark)},
      {"tile", [overlay: {mark, tile: true, opacity: 0.5}], &tile(&1, &2, mark)},
      {"round", [round: 40], &round/2},
      {"border", [border: {10, "red"}], &border/2}
    ]
  end

  defp ok({:ok, image}), do: image

  defp linear(image, vips, factor, offset),
    do: ok(vips.linear(image, [factor], [offset], uchar: true))

  # The same matrix.
  defp saturate(image, vips) do
    {weights, factor} = {[0.2126, 0.7152, 0.0722], 1.4}

    rows =
      for row <- 0..2 do
        for {weight, column} <- Enum.with_index(weights),
            do: weight * (1 - factor) + if(row == column, do: factor, else: 0.0)
      end

    matrix = Vix.Vips.Image
    made = ok(vips.recomb(image, ok(matrix.new_from_list(rows))))
    ok(vips.cast(made, :VIPS_FORMAT_UCHAR))
  end

  defp gray(image, vips), do: ok(vips.colourspace(image, :VIPS_INTERPRETATION_B_W))

  defp tint(image, vips) do
    lab = ok(vips.colourspace(image, :VIPS_INTERPRETATION_LAB))
    lightness = ok(vips.extract_band(lab, 0))
    tinted = ok(vips.bandjoin_const(lightness, [12.5, 31.2]))
    tinted = ok(vips.copy(tinted, interpretation: :VIPS_INTERPRETATION_LAB))
    ok(vips.colourspace(tinted, :VIPS_INTERPRETATION_sRGB))
  end

  defp overlay(image, vips, mark) do
    {over, _flags} = ok(vips.pngload_buffer(mark.bytes))
    options = [x: 320, y: 180]
    flat(vips, ok(vips.composite2(image, alpha(over, vips), :VIPS_BLEND_MODE_OVER, options)))
  end

  defp tile(image, vips, mark) do
    {over, _flags} = ok(vips.pngload_buffer(mark.bytes))
    over = ok(vips.linear(alpha(over, vips), [1.0, 1.0, 1.0, 0.5], [0.0]))
    over = ok(vips.replicate(ok(vips.cast(over, :VIPS_FORMAT_UCHAR)), 6, 6))
    flat(vips, ok(vips.composite2(image, over, :VIPS_BLEND_MODE_OVER)))
  end

  defp alpha(image, vips) do
    ok(vips.bandjoin_const(image, [255.0]))
  end

  defp flat(vips, image), do: ok(vips.flatten(image, background: [255.0]))

  defp round(image, vips) do
    {width, height} = {Vix.Vips.Image.width(image), Vix.Vips.Image.height(image)}

    svg =
      "<svg width='#{width}' height='#{height}'>" <>
        "<rect width='100%' height='100%' rx='40' fill='white'/></svg>"

    {mask, _flags} = ok(vips.svgload_buffer(svg))
    mask = ok(vips.extract_band(mask, 3))
    flat(vips, ok(vips.bandjoin([image, mask])))
  end

  defp border(image, vips) do
    {width, height} = {Vix.Vips.Image.width(image), Vix.Vips.Image.height(image)}
    options = [extend: :VIPS_EXTEND_BACKGROUND, background: [255.0, 0.0, 0.0]]
    ok(vips.embed(image, 10, 10, width + 20, height + 20, options))
  end
end
