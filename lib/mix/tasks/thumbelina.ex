defmodule Mix.Tasks.Thumbelina do
  @shortdoc "Makes a thumbnail of a picture file"

  alias Thumbelina.{Image, Options}

  @moduledoc """
  Makes a thumbnail of a picture file.

      mix thumbelina INPUT OUTPUT SIZE [options]

  `SIZE` is `320x240`, or `320x` or `x240` to leave a side free. The output's format is `--format`,
  or what OUTPUT's extension says, or the input's. One line says what was made and how long it took;
  an error goes to stderr, with exit status 1.

      mix thumbelina photo.jpg thumb.webp 320x240 --fit cover

  ## Options

  Those of `Thumbelina.thumbnail/4`, with dashes:

  #{Options.docs(:command_line)}
  """
  use Mix.Task

  @usage "usage: mix thumbelina INPUT OUTPUT WIDTHxHEIGHT [options] (see mix help thumbelina)"

  @impl true
  def run(args) do
    {flags, positional, invalid} = OptionParser.parse(args, strict: switches())

    case invalid do
      [] -> :ok
      [{flag, nil} | _] -> Mix.raise("unknown option or missing value: #{flag}\n#{@usage}")
      [{flag, value} | _] -> Mix.raise("invalid value for #{flag}: #{value}\n#{@usage}")
    end

    case positional do
      [input, output, size] -> make(input, output, size(size), options(flags, output))
      _ -> Mix.raise(@usage)
    end
  end

  defp make(input, output, {width, height}, opts) do
    Mix.Task.run("app.config")

    {micros, result} =
      :timer.tc(fn ->
        with {:ok, image} <- Thumbelina.open(input, Options.take_probe(opts)),
             {:ok, thumb} <- Thumbelina.thumbnail(image, width, height, opts),
             :ok <- Thumbelina.write(thumb, output) do
          {:ok, image, thumb}
        end
      end)

    case result do
      {:ok, image, thumb} ->
        Mix.shell().info(
          "#{output}: #{thumb.format} #{thumb.width}x#{thumb.height}, " <>
            "#{byte_size(thumb.bytes)} bytes, from #{image.format} #{image.width}x#{image.height} " <>
            "in #{:erlang.float_to_binary(micros / 1000, decimals: 1)} ms"
        )

      {:error, %{path: nil} = error} ->
        Mix.raise("#{input}: #{Exception.message(error)}")

      {:error, error} ->
        Mix.raise(Exception.message(error))
    end
  end

  defp switches do
    for {key, type} <- Options.types() do
      case type do
        :boolean -> {key, :boolean}
        {:integer, _, _} -> {key, :integer}
        {kind, _} when kind in [:in, :formats] -> {key, :string}
      end
    end
  end

  defp options(flags, output) do
    types = Options.types()
    opts = for {key, value} <- flags, do: {key, value(key, types[key], value)}

    with false <- Keyword.has_key?(opts, :format),
         {:ok, format} <- Image.format_of_extension(Path.extname(output)) do
      [{:format, format} | opts]
    else
      _ -> opts
    end
  end

  defp value(key, {:in, atoms}, text) do
    Enum.find(atoms, &(Atom.to_string(&1) == text)) ||
      Mix.raise("invalid value for --#{key}: #{text}; expected one of #{Enum.join(atoms, ", ")}")
  end

  defp value(_key, {:formats, _}, "all"), do: :all
  defp value(_key, {:formats, _}, "default"), do: :default

  defp value(key, {:formats, atoms}, text),
    do: for(name <- String.split(text, ","), do: value(key, {:in, atoms}, name))

  defp value(_key, _type, value), do: value

  defp size(text) do
    case Regex.run(~r/^(\d*)x(\d*)$/, text) do
      [_, width, height] when width != "" or height != "" -> {side(width), side(height)}
      _ -> Mix.raise("invalid size: #{text}; expected 320x240, 320x or x240\n#{@usage}")
    end
  end

  defp side(""), do: nil
  defp side(digits), do: String.to_integer(digits)
end
