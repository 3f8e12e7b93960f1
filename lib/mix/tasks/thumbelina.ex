defmodule Mix.Tasks.Thumbelina do
  @shortdoc "Makes a thumbnail of a picture file"

  alias Thumbelina.{Error, Format, Options}

  @moduledoc """
  Makes a thumbnail of a picture file.

      mix thumbelina INPUT OUTPUT SIZE [options]

  `SIZE` is `320x240`, `320` for a square box, or `320x` or `x240` to leave one side open.

  `-` as INPUT reads from stdin, `-` as OUTPUT writes to stdout. The thumbnail's format is the one
  given with `--format`, or else the one of OUTPUT's extension; on stdout, it is the input's.

  One line says what was made and how long it took, on stderr if the thumbnail goes to stdout.
  Errors go to stderr, with exit status 1. If Mix may have to compile the project first,
  `MIX_QUIET=1` keeps its messages out of stdout.

      mix thumbelina photo.jpg thumb.webp 320x240 --fit cover
      mix thumbelina - - 200 --format png < photo.jpg > thumb.png

  ## Options

  The options of `Thumbelina.thumbnail/4`, with dashes. Formats can also be given by their file
  extensions, such as `jpg`.

  #{Options.docs(:command_line)}
    * `--help` - print this text
  """
  use Mix.Task

  @usage "usage: mix thumbelina INPUT OUTPUT SIZE [options] (see mix help thumbelina)"

  @impl true
  def run(args) do
    {flags, positional, invalid} =
      OptionParser.parse(args, strict: [help: :boolean] ++ switches(), aliases: [h: :help])

    case invalid do
      [] -> :ok
      [{flag, nil} | _] -> Mix.raise("unknown option or missing value: #{flag}\n#{@usage}")
      [{flag, value} | _] -> Mix.raise("invalid value for #{flag}: #{value}\n#{@usage}")
    end

    case {flags[:help], positional} do
      {true, _} -> Mix.Task.run("help", ["thumbelina"])
      {_, [input, output, size]} -> make(input, output, size(size), options(flags, output))
      _ -> Mix.raise(@usage)
    end
  end

  defp make(input, output, {width, height}, opts) do
    Mix.Task.run("app.config")

    {micros, result} =
      :timer.tc(fn ->
        with {:ok, image} <- read(input, Options.take_probe(opts)),
             {:ok, thumb} <- Thumbelina.thumbnail(image, width, height, opts),
             :ok <- write(thumb, output) do
          {:ok, image, thumb}
        end
      end)

    case result do
      {:ok, image, thumb} ->
        say(
          output,
          "#{output}: #{thumb.format} #{thumb.width}x#{thumb.height}, " <>
            "#{byte_size(thumb.bytes)} bytes, " <>
            "from #{image.format} #{image.width}x#{image.height} " <>
            "in #{:erlang.float_to_binary(micros / 1000, decimals: 1)} ms"
        )

      {:error, %Error{reason: :invalid_option, key: :path} = error} ->
        Mix.raise("#{output}: expected #{error.expected}")

      {:error, %Error{reason: :invalid_option} = error} ->
        name = if error.key in [:width, :height], do: error.key, else: Options.flag(error.key)
        Mix.raise("invalid value for #{name}: #{error.value}; expected #{error.expected}")

      {:error, %Error{path: nil} = error} ->
        Mix.raise("#{input}: #{Exception.message(error)}")

      {:error, error} ->
        Mix.raise(Exception.message(error))
    end
  end

  # Read bytes, whatever the terminal's encoding.
  defp read("-", opts) do
    :ok = :io.setopts(:standard_io, encoding: :latin1)

    case IO.binread(:stdio, :eof) do
      bytes when is_binary(bytes) -> Thumbelina.new(bytes, opts)
      :eof -> Thumbelina.new("", opts)
      {:error, reason} -> Mix.raise("stdin cannot be read: #{inspect(reason)}")
    end
  end

  defp read(path, opts), do: Thumbelina.open(path, opts)

  defp write(thumb, "-") do
    :ok = :io.setopts(:standard_io, encoding: :latin1)

    with {:error, reason} <- :file.write(:standard_io, thumb.bytes),
         do: Mix.raise("stdout cannot be written: #{inspect(reason)}")
  end

  defp write(thumb, path), do: Thumbelina.write(thumb, path)

  defp say("-", line), do: IO.puts(:stderr, line)
  defp say(_output, line), do: Mix.shell().info(line)

  defp switches do
    for {key, type} <- Options.types() do
      case type do
        :boolean -> {key, :boolean}
        {:integer, _, _} -> {key, :integer}
        :timeout -> {key, :integer}
        {kind, _} when kind in [:in, :formats] -> {key, :string}
      end
    end
  end

  defp options(flags, output) do
    types = Options.types()
    opts = for {key, value} <- flags, type = types[key], do: {key, value(key, type, value)}

    if Keyword.has_key?(opts, :format) or output == "-",
      do: opts,
      else: [{:format, format_of(output)} | opts]
  end

  defp format_of(output) do
    extension = Path.extname(output)

    case Format.of_extension(extension) do
      {:ok, format} ->
        format

      :error ->
        what = if extension == "", do: "no extension", else: "the unknown extension #{extension}"
        Mix.raise("#{output} has #{what}: choose the format with --format")
    end
  end

  defp value(key, {:in, atoms}, text) do
    found = if key == :format, do: format(text), else: text

    Enum.find(atoms, &(Atom.to_string(&1) == found)) ||
      Mix.raise(
        "invalid value for #{Options.flag(key)}: #{text}; expected one of #{Enum.join(atoms, ", ")}"
      )
  end

  defp value(_key, {:formats, _}, "all"), do: :all
  defp value(_key, {:formats, _}, "default"), do: :default

  defp value(key, {:formats, atoms}, text),
    do: for(name <- String.split(text, ","), do: value(key, {:in, atoms}, format(name)))

  defp value(_key, _type, value), do: value

  # The name of a format, given by its name or by an extension.
  defp format(name) do
    case Format.of_extension("." <> name) do
      {:ok, format} -> Atom.to_string(format)
      :error -> name
    end
  end

  defp size(text) do
    case Regex.run(~r/^(\d*)([xX]?)(\d*)$/, text) do
      [_, side, "", ""] when side != "" -> {side(side), side(side)}
      [_, width, x, height] when x != "" and width <> height != "" -> {side(width), side(height)}
      _ -> Mix.raise("invalid size: #{text}; expected 320x240, 320, 320x or x240\n#{@usage}")
    end
  end

  defp side(""), do: nil
  defp side(digits), do: String.to_integer(digits)
end
