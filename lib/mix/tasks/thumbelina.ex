defmodule Mix.Tasks.Thumbelina do
  @shortdoc "Makes thumbnails of picture files"

  alias Mix.Thumbelina.{Aside, Batch, Report}
  alias Thumbelina.{Edit, Error, Format, Image, Options, Position, Request}

  @moduledoc """
  Makes thumbnails of picture files: of one, or of many.

      mix thumbelina INPUT OUTPUT SIZE [options]
      mix thumbelina INPUT OUTPUT --edit STEPS [options]
      mix thumbelina PATH... --output FOLDER --sizes SIZE,... [options]

  `SIZE` is `320x240`, `320` for a square box, or `320x` or `x240` to leave one side open.

      mix thumbelina photo.jpg thumb.webp 320x240 --fit cover
      mix thumbelina - - 200 --format png < photo.jpg > thumb.png
      mix thumbelina photo.jpg soft.webp --edit 'resize:400x|blur:2'
      mix thumbelina photos --output thumbs --sizes 200
      mix thumbelina photos 'scans/**/*.tif' --output thumbs --sizes 100,400x300,800 --format webp
      mix thumbelina photos --output thumbs --sizes 200 --json > made.jsonl

  Errors go to stderr, with exit status 1. If Mix may have to compile the project first,
  `MIX_QUIET=1` keeps its messages out of stdout.

  ## One picture

  `-` as INPUT reads from stdin, `-` as OUTPUT writes to stdout. The thumbnail's format is the one
  given with `--format`, or else the one of OUTPUT's extension; on stdout, it is the input's. An
  existing OUTPUT is overwritten.

  One line says what was made and how long it took, on stderr if the thumbnail goes to stdout.

  With `--edit STEPS`, the picture is made by the steps of `Thumbelina.edit/2` instead. Steps are
  parted by `|`, their values by commas, and options are `name=value`, like this:

      crop:0,0,400,400 or crop:400x300      resize:400x300, resize:400x or thumbnail:200
      flip:horizontal   rotate:30,background=white   blur:2   sharpen:1,amount=1.5,threshold=2
      brighten:1.2   contrast:1.2   saturate:1.4   gamma:2.2   grayscale   invert   threshold:128
      tint:#704214   round:12 or round:circle   border:10,gold
      overlay:logo.png,position=southeast,margin=10,opacity=0.5,width=80,tile=false
      resize:400x300,fit=pad,position=north,background=white,filter=box,enlarge=true,dpr=2

  All of them, and their options, are those of `Thumbelina.edit/2`. A position that is a point is
  written `position=0.3;0.7`, and a color needs no `#`. What these marks do not allow, such as a
  comma in the name of a file, is said as JSON, with a list for a tuple; a value that has options is
  the `value` of an object:

      [{"resize": [400, null]}, {"rotate": {"value": 5, "background": "white"}},
       {"overlay": {"value": "logo, new.png", "position": "southeast"}}]

  ## Many pictures

  A PATH is one of these:

    * a file
    * a folder. It is searched, with the folders in it, for files with the extension of a picture.
      Names that start with a dot are left out, and so are the output folder and links to folders
    * a glob, as `Path.wildcard/1` takes it. Quote it, so that the shell leaves it alone. A folder
      that it matches is searched

  Thumbnails go into the output folder, which is made if it is not there. The path inside the folder
  that was searched is kept, and of a glob the path from the first wildcard on: of
  `photos/2024/cat.JPG`, found in `photos`, the thumbnail is `2024/cat.jpg`. With several sizes, the
  size is a part of the name: `2024/cat-100.jpg` and `2024/cat-400x300.jpg`. Every picture is
  decoded once for all sizes.

  The format is the one given with `--format`, or else the one of the file's own extension, if that
  format can be written. Nothing is done if one file would be written twice, or over one of the
  pictures.

  A thumbnail that is there already is not made again, so that a run that was stopped can go on; if
  all of a picture's are there, it counts as skipped. A picture that fails is told of, and the
  others are made all the same; the exit status is then 1 at the end. No thumbnail is ever half
  written, even if the run is killed.

  At the end there is a summary. On a terminal, stderr shows how far the run is, how many pictures
  are done per second, and how long the rest will take; the summary then takes that line's place.

    * `--output FOLDER` - the folder for the thumbnails
    * `--sizes SIZE,...` - the sizes of the thumbnails of each picture
    * `--jobs N` - how many pictures are worked on at a time. Default: one for each scheduler
    * `--force` - make thumbnails again that are there already
    * `--quiet` - tell of errors only. With `--json`, show no progress
    * `--json` - write an object of JSON to stdout for each picture that is done, one on a line, and
      nothing else. It has the `path`, the `status` `made`, `skipped` or `failed`, the `outputs`
      with `path`, `format`, `width`, `height` and `bytes`, the paths in `skipped` that were there
      already, and the `microseconds` it took. If it failed, there is an `error` with its `reason`
      and `message`. The last line is an object with a `summary` of how many pictures were `made`,
      `failed` and `skipped`, how many `outputs` were written, the `seconds`, `bytes_in` and
      `bytes_out`. In the names of files, a byte that is not UTF-8 becomes U+FFFD

  ## Options

  The options of `Thumbelina.thumbnail/4`, with dashes, for one picture and for many. Formats can
  also be given by their file extensions, such as `jpg`.

  #{Options.docs(:command_line)}
    * `--help` - print this text
  """
  use Mix.Task

  @usage """
  usage: mix thumbelina INPUT OUTPUT SIZE [options]
         mix thumbelina INPUT OUTPUT --edit STEPS [options]
         mix thumbelina PATH... --output FOLDER --sizes SIZE,... [options]
  (see mix help thumbelina)\
  """

  # Of many pictures.
  @many [
    output: :string,
    sizes: :string,
    jobs: :integer,
    force: :boolean,
    quiet: :boolean,
    json: :boolean
  ]

  @impl true
  def run(args) do
    {flags, positional, invalid} =
      OptionParser.parse(args,
        strict: [help: :boolean, edit: :string] ++ @many ++ switches(),
        aliases: [h: :help]
      )

    case invalid do
      [] -> :ok
      [{flag, nil} | _] -> Mix.raise("unknown option or missing value: #{flag}\n#{@usage}")
      [{flag, value} | _] -> refuse(flag, value, of_flag(flag))
    end

    {many, flags} = Keyword.split(flags, Keyword.keys(@many))
    # Of flags that are there twice, the last one holds, as it does for the library's options.
    many = Enum.reverse(many)

    {edit, flags} = Keyword.pop(flags, :edit)

    case {flags[:help], many[:output], positional} do
      {true, _, _} ->
        Mix.Task.rerun("help", ["thumbelina"])

      {_, nil, [input, output]} when edit != nil ->
        only_with_output(many)
        opts = options(flags, output)
        edits = steps(edit) ++ opts
        make(input, output, &Thumbelina.edit(&1, edits), opts)

      {_, folder, _} when edit != nil and folder != nil ->
        Mix.raise("--edit makes one picture, and --output is for many\n#{@usage}")

      _ when edit != nil ->
        Mix.raise(@usage)

      {_, nil, [input, output, size]} ->
        only_with_output(many)
        {width, height} = size(size)
        opts = options(flags, output)
        make(input, output, &Thumbelina.thumbnail(&1, width, height, opts), opts)

      {_, folder, [_ | _] = paths} when folder != nil ->
        make_many(paths, settings(many, flags), many)

      {_, nil, _} ->
        only_with_output(many)
        Mix.raise(@usage)

      _ ->
        Mix.raise(@usage)
    end
  end

  # One picture

  defp make(input, output, made, opts) do
    configure(output == "-")

    {micros, result} =
      :timer.tc(fn ->
        with {:ok, image} <- read(input, Options.take_probe(opts)),
             {:ok, thumb} <- made.(image),
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
        Mix.raise(wrong(error))

      {:error, %Error{path: nil} = error} ->
        Mix.raise("#{input}: #{Exception.message(error)}")

      {:error, error} ->
        Mix.raise(Exception.message(error))
    end
  end

  # Options are flags.
  defp steps("[" <> _ = json) do
    case Edit.JSON.parse(json, [], &{:ok, {:file, &1}}) do
      {:ok, steps, _none} -> checked(steps, &Edit.JSON.expected/1)
      {:error, message} -> Mix.raise("invalid value for --edit: #{message}")
    end
  end

  defp steps(text) do
    case Edit.Text.parse(text, &{:ok, {:file, &1}}) do
      {:ok, steps} -> checked(steps, &Edit.Text.expected/1)
      {:error, error} -> Mix.raise(wrong(error))
    end
  end

  defp checked(steps, words) do
    with {where, error} <- Edit.wrong(steps),
         do: refuse("--edit: #{where}", error.value, words.(error.expected))

    steps
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

  defp write(thumb, path) do
    with :ok <- Image.check_extension(thumb, path),
         :direct <- Aside.update(path, thumb.bytes),
         do: Thumbelina.write(thumb, path)
  end

  defp say("-", line), do: IO.puts(:stderr, line)
  defp say(_output, line), do: Mix.shell().info(line)

  # Many pictures

  defp make_many(paths, settings, flags) do
    configure(flags[:json])
    boxes = for {_name, box} <- settings.sizes, do: box

    with {:error, error} <- Request.new(boxes, settings.opts), do: Mix.raise(wrong(error))

    pictures =
      case Batch.plan(paths, settings) do
        {:ok, pictures} -> pictures
        {:error, message} -> Mix.raise(Report.shown(message))
      end

    with {:error, error} <- Batch.prepare(settings),
         do: Mix.raise(Report.shown(Exception.message(error)))

    report = pictures |> length() |> Report.new(flags)
    report = pictures |> Batch.run(settings, report, &Report.add/2) |> Report.finish()
    if report.failed > 0, do: exit({:shutdown, 1})
  end

  defp settings(many, flags) do
    jobs = Keyword.get(many, :jobs, System.schedulers_online())

    if jobs < 1, do: refuse("--jobs", jobs, of_flag("--jobs"))

    %{
      output: many[:output],
      sizes: sizes(many[:sizes]),
      opts: options(flags),
      jobs: jobs,
      force: Keyword.get(many, :force, false)
    }
  end

  defp sizes(nil), do: Mix.raise("--output needs --sizes\n#{@usage}")

  defp sizes(text) do
    names = text |> String.downcase() |> String.split(",")

    with [name | _] <- names -- Enum.uniq(names),
         do: Mix.raise("invalid value for --sizes: #{name} is there twice")

    for name <- names, do: {name, size(name)}
  end

  defp only_with_output([]), do: :ok

  defp only_with_output([{key, _value} | _]),
    do: Mix.raise("#{Options.flag(key)} needs --output\n#{@usage}")

  # Both

  # What Mix says while it compiles the project would be in front of what goes to stdout.
  defp configure(quiet) do
    shell = Mix.shell()
    if quiet, do: Mix.shell(Mix.Shell.Quiet)

    try do
      Mix.Task.run("app.config")
    after
      Mix.shell(shell)
    end
  end

  defp wrong(%Error{reason: :invalid_option} = error) do
    name = if error.key in [:width, :height], do: error.key, else: Options.flag(error.key)
    refusal(name, error.value, Edit.Text.expected(error.expected))
  end

  defp refusal(name, value, expected),
    do: "invalid value for #{name}: #{shown(value)}; expected #{expected}"

  @spec refuse(String.t(), term, String.t()) :: no_return
  defp refuse(name, value, expected), do: Mix.raise(refusal(name, value, expected))

  # What a flag takes whose value is no number.
  defp of_flag("--jobs"), do: "a positive number"

  defp of_flag(flag) do
    types = for {key, type} <- Options.types(), into: %{}, do: {Options.flag(key), type}
    # The others are there or not, as those of two values are.
    types |> Map.get(flag, :boolean) |> Options.expected_of() |> Edit.Text.expected()
  end

  defp shown(value) when is_binary(value) or is_atom(value), do: value
  defp shown(value), do: inspect(value)

  defp switches do
    for {key, type} <- Options.types() do
      case type do
        :boolean ->
          {key, :boolean}

        {:integer, _, _} ->
          {key, :integer}

        :timeout ->
          {key, :integer}

        {:number, _, _} ->
          {key, :string}

        {kind, _}
        when kind in [:in, :compression, :formats, :metadata, :position] ->
          {key, :string}

        kind when kind in [:color, :trim] ->
          {key, :string}
      end
    end
  end

  defp options(flags) do
    types = Options.types()
    for {key, value} <- flags, type = types[key], do: {key, value(key, type, value)}
  end

  defp options(flags, output) do
    opts = options(flags)

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

    Enum.find(atoms, &(to_string(&1) == found)) ||
      refuse(Options.flag(key), text, "one of #{Enum.join(atoms, ", ")}")
  end

  defp value(key, {:compression, names}, text) do
    if text =~ ~r/\A\d\z/,
      do: String.to_integer(text),
      else: value(key, {:in, Enum.to_list(0..9) ++ names}, text)
  end

  defp value(_key, {:formats, _}, "all"), do: :all
  defp value(_key, {:formats, _}, "default"), do: :default

  defp value(key, {:formats, atoms}, text),
    do: parts(key, text, [:all, :default], atoms, &format/1)

  defp value(_key, {:metadata, _}, "strip"), do: :strip
  defp value(_key, {:metadata, _}, "keep"), do: :keep

  defp value(key, {:metadata, parts}, text), do: parts(key, text, [:strip, :keep], parts, & &1)

  defp value(key, {:position, names}, text) do
    case Position.parse(text) do
      {:ok, position} ->
        position

      :error ->
        expected = "one of #{Enum.join(names, ", ")}, or a point such as 0.3,0.7"
        refuse(Options.flag(key), text, expected)
    end
  end

  defp value(_key, type, value) when type in [:boolean, :timeout], do: value
  defp value(_key, {:integer, _, _}, value), do: value

  defp value(key, type, text) do
    with :error <- Options.read(type, text) do
      refuse(Options.flag(key), text, type |> Options.expected_of() |> Edit.Text.expected())
    else
      {:ok, value} -> value
    end
  end

  # Some of these, by their names.
  defp parts(key, text, words, atoms, name) do
    for part <- String.split(text, ",") do
      Enum.find(atoms, &(Atom.to_string(&1) == name.(part))) ||
        refuse(
          Options.flag(key),
          part,
          "#{Enum.join(words, ", ")}, or some of " <> Enum.join(atoms, ",")
        )
    end
  end

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
