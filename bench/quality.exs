defmodule Bench.Quality do
  # How much thumbnails differ from those of libvips, to look at: the mean CIEDE2000 of each
  # picture of the folder that THUMBELINA_CORPUS names. It finds the pictures that come out wrong.

  alias Bench.{DeltaE, Inputs}

  @side 200
  # Of the two, who shrinks how makes up to about 1 on noise and drawings.
  @most 1.5

  def run(flags) do
    cond do
      not Code.ensure_loaded?(Vix.Vips.Operation) ->
        IO.puts("# Quality: left out, because libvips is not there\n")

      System.get_env("THUMBELINA_CORPUS") == nil ->
        IO.puts("# Quality: left out, because THUMBELINA_CORPUS names no folder\n")

      true ->
        DeltaE.check!()
        paths = Inputs.files()
        compare(if flags[:quick], do: Enum.take_every(paths, 50), else: paths)
    end
  end

  defp compare(paths) do
    IO.puts("# Quality: mean CIEDE2000 to libvips, #{length(paths)} files to #{@side} pixels\n")

    results =
      for path <- paths do
        result = judge(path)
        if line = line(result), do: IO.puts("  #{line}  #{Path.relative_to_cwd(path)}")
        result
      end

    counts = results |> Enum.frequencies_by(&elem(&1, 0)) |> Enum.sort()
    IO.puts("\n" <> Enum.map_join(counts, ", ", fn {kind, count} -> "#{kind}: #{count}" end))

    case for({kind, mean} when kind in [:agree, :differ] <- results, do: mean) do
      [] ->
        :ok

      means ->
        [mean, most] = for value <- [Enum.sum(means) / length(means), Enum.max(means)], do: value
        IO.puts("mean of all #{round2(mean)}, largest #{round2(most)}\n")
    end
  end

  defp line({:differ, mean}), do: "differs by #{round2(mean)}"
  defp line({:refused, reason}), do: "refused as #{reason}, libvips opens it"
  defp line({:other_size, sizes}), do: "other sizes: #{sizes}"
  defp line({_agreed, _}), do: nil

  defp round2(mean), do: :erlang.float_to_binary(mean, decimals: 2)

  defp judge(path) do
    # Of all formats it is the one that has no variants.
    ours = Thumbelina.thumbnail({:file, path}, @side, @side, format: :farbfeld)
    theirs = libvips(path, size(ours))

    case {ours, theirs} do
      {{:ok, image}, {:ok, theirs}} -> differ(image, theirs)
      {{:ok, _image}, :error} -> {:alone, nil}
      {{:error, error}, {:ok, _theirs}} -> {:refused, error.reason}
      {{:error, _error}, :error} -> {:refused_by_both, nil}
    end
  end

  defp differ(image, theirs) do
    ours = pixels(image.bytes)

    if byte_size(ours) == byte_size(theirs) do
      mean = DeltaE.mean(ours, theirs)
      {if(mean > @most, do: :differ, else: :agree), mean}
    else
      {:other_size, "#{byte_size(ours)} and #{byte_size(theirs)} bytes"}
    end
  end

  defp size({:ok, image}), do: {image.width, image.height}
  defp size({:error, _error}), do: {@side, @side}

  # Bytes of RGB, with white behind what is transparent.
  defp pixels(<<"farbfeld", _width::32, _height::32, pixels::binary>>) do
    for <<r::16, g::16, b::16, a::16 <- pixels>>, into: "" do
      <<onto_white(r, a), onto_white(g, a), onto_white(b, a)>>
    end
  end

  defp onto_white(sample, 65_535), do: round(sample / 257)
  defp onto_white(sample, alpha), do: round((sample * alpha / 65_535 + 65_535 - alpha) / 257)

  defp libvips(path, {width, height}) do
    # Variables, because these modules may not be there.
    {operation, image} = {Vix.Vips.Operation, Vix.Vips.Image}

    options = [
      height: height,
      size: :VIPS_SIZE_FORCE,
      "output-profile": "srgb",
      "fail-on": :VIPS_FAIL_ON_ERROR
    ]

    with {:ok, thumb} <- operation.thumbnail(path, width, options),
         {:ok, thumb} <- operation.colourspace(thumb, :VIPS_INTERPRETATION_sRGB),
         {:ok, thumb} <- flatten(operation, thumb, image.has_alpha?(thumb)),
         {:ok, thumb} <- operation.cast(thumb, :VIPS_FORMAT_UCHAR),
         {:ok, pixels} <- image.write_to_binary(thumb) do
      {:ok, pixels}
    else
      {:error, _reason} -> :error
    end
  end

  defp flatten(operation, thumb, true),
    do: operation.flatten(thumb, background: [255.0, 255.0, 255.0])

  defp flatten(_operation, thumb, false), do: {:ok, thumb}
end
