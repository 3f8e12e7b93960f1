defmodule Mix.Thumbelina.Batch do
  @moduledoc false
  # Thumbnails of many files. First it is settled what is written where, which reads no picture
  # unless its name says nothing of its format; then some pictures are worked on at a time, each in
  # a task of its own. What is kept of a picture that is done are a few numbers.

  alias Mix.Thumbelina.{Aside, Inputs}
  alias Thumbelina.{Error, Format, Image, Options}

  @typedoc "A size, and how file names have it."
  @type size :: {String.t(), {pos_integer | nil, pos_integer | nil}}

  @typedoc "`:opts` are those of `Thumbelina.thumbnails/3`."
  @type settings :: %{
          output: Path.t(),
          sizes: [size, ...],
          opts: keyword,
          jobs: pos_integer,
          force: boolean
        }

  @typedoc "A picture, the path of its thumbnails without size and extension, and their format."
  @type picture :: {:ok, Path.t(), Path.t(), Format.t()} | {:error, Path.t(), Error.t()}

  @type output :: %{
          path: Path.t(),
          format: Format.t(),
          width: pos_integer,
          height: pos_integer,
          bytes: non_neg_integer
        }

  @typedoc "What became of a picture. `:there` are the paths where nothing had to be made."
  @type result :: %{
          path: Path.t(),
          outputs: [output],
          there: [Path.t()],
          error: Error.t() | nil,
          bytes_in: non_neg_integer,
          microseconds: non_neg_integer
        }

  @doc """
  Settles which thumbnails are written where.

  The error is for people: there are no pictures, or one file would be written twice, or over a
  picture that is to be read.
  """
  @spec plan([Path.t()], settings) :: {:ok, [picture, ...]} | {:error, String.t()}
  def plan(paths, settings) do
    with {:ok, inputs} <- Inputs.find(paths, settings.output),
         pictures = Enum.map(inputs, &picture(&1, settings)),
         :ok <- distinct(pictures, settings),
         do: {:ok, pictures}
  end

  defp picture({:error, path, posix}, _settings), do: {:error, path, error(posix, path)}

  defp picture({:ok, path, inside}, settings) do
    {name, known} = named(inside)

    case format(settings.opts[:format] || known, path, settings) do
      {:ok, format} -> {:ok, path, Path.join(settings.output, name), format}
      {:error, error} -> {:error, path, error}
    end
  end

  # What is no extension of a picture is a part of the name.
  defp named(inside) do
    case inside |> Path.extname() |> Format.of_extension() do
      {:ok, format} -> {Path.rootname(inside), if(format in Format.writable(), do: format)}
      :error -> {inside, nil}
    end
  end

  # Only the picture itself says what it is, and whether it has alpha.
  defp format(nil, path, %{sizes: [{_name, {width, height}} | _]} = settings) do
    with {:ok, image} <- open(path, settings),
         {:ok, plan} <- Thumbelina.explain(image, width, height, settings.opts),
         do: {:ok, plan.format}
  end

  defp format(format, _path, _settings), do: {:ok, format}

  # Folders are compared by what they are, because links give one folder several names.
  defp distinct(pictures, settings) do
    planned = for {:ok, path, stem, format} <- pictures, do: {path, stem, format}

    folders =
      for {path, stem, _format} <- planned,
          folder <- [Path.dirname(path), Path.dirname(stem)],
          uniq: true,
          do: folder

    known = Map.new(folders, &{&1, identity(&1)})
    place = fn path -> {known[Path.dirname(path)], Path.basename(path)} end

    with :ok <- no_two(planned, place, settings),
         do: none_over_another(planned, place, settings)
  end

  defp identity(folder) do
    case File.stat(folder) do
      {:ok, %File.Stat{inode: inode, major_device: device}} when inode != 0 -> {device, inode}
      _ -> Path.expand(folder)
    end
  end

  defp no_two(planned, place, %{sizes: [size | _]} = settings) do
    first_by(planned, fn {path, stem, format}, seen ->
      key = {place.(stem), format}

      case seen do
        %{^key => other} ->
          written = target(stem, size, format, settings)
          {:error, "#{other} and #{path} would both be written to #{written}"}

        _ ->
          Map.put(seen, key, path)
      end
    end)
  end

  defp none_over_another(planned, place, settings) do
    read = MapSet.new(planned, fn {path, _stem, _format} -> place.(path) end)

    first_by(planned, fn {path, stem, format}, seen ->
      over = for {to, _box} <- targets(stem, format, settings), place.(to) in read, do: to

      case over do
        [] -> seen
        [to | _] -> {:error, "the thumbnail of #{path} would be written over the picture #{to}"}
      end
    end)
  end

  defp first_by(planned, fun) do
    found =
      Enum.reduce_while(planned, %{}, fn one, seen ->
        case fun.(one, seen) do
          {:error, _} = error -> {:halt, error}
          seen -> {:cont, seen}
        end
      end)

    with %{} <- found, do: :ok
  end

  defp targets(stem, format, settings) do
    for {_name, box} = size <- settings.sizes, do: {target(stem, size, format, settings), box}
  end

  defp target(stem, {name, _box}, format, settings) do
    [extension | _] = Format.extensions(format)
    if match?([_], settings.sizes), do: stem <> extension, else: "#{stem}-#{name}#{extension}"
  end

  @doc "Makes the output folder, and sees whether it can be written to."
  @spec prepare(settings) :: :ok | {:error, Error.t()}
  def prepare(%{output: output}) do
    with :ok <- make_folder(output),
         :ok <- Aside.check(output, Aside.start()) do
      :ok
    else
      {:error, posix} -> {:error, error(posix, output)}
    end
  end

  # A file is in the way of the folder, which says less about a thumbnail than about the folder.
  defp make_folder(path) do
    with {:error, :eexist} <- File.mkdir_p(path), do: {:error, :enotdir}
  end

  @doc """
  Makes the thumbnails, and passes each picture's result to `fun` as soon as it is there. Every
  picture has exactly one result.
  """
  @spec run([picture], settings, acc, (result, acc -> acc)) :: acc when acc: term
  def run(pictures, settings, acc, fun) do
    aside = Aside.start()
    stop = fn -> Aside.stop(aside, folders(pictures)) end

    stopping(stop, fn ->
      each(pictures, settings.jobs, &make(&1, settings, aside), acc, fun)
    end)
  end

  defp folders(pictures) do
    for {:ok, _path, stem, _format} <- pictures, uniq: true, do: Path.dirname(stem)
  end

  # SIGTERM would end the VM with the status of success. Ctrl-C and SIGKILL cannot be trapped: what
  # they leave, the next run removes.
  @terminated 128 + 15

  @dialyzer {:no_return, stopping: 2}
  defp stopping(stop, fun) do
    trapped =
      System.trap_signal(:sigterm, fn ->
        stop.()
        System.halt(@terminated)
      end)

    try do
      fun.()
    after
      with {:ok, id} <- trapped, do: System.untrap_signal(:sigterm, id)
      stop.()
    end
  end

  @doc """
  Runs `work` for each picture, `jobs` at a time. A crash of one is its result, and no other's.
  """
  @spec each([picture], pos_integer, (picture -> result), acc, (result, acc -> acc)) :: acc
        when acc: term
  def each(pictures, jobs, work, acc, fun) do
    {:ok, tasks} = Task.Supervisor.start_link()
    opts = [max_concurrency: jobs, ordered: false, timeout: :infinity, zip_input_on_exit: true]

    try do
      tasks
      |> Task.Supervisor.async_stream_nolink(pictures, work, opts)
      |> Enum.reduce(acc, fn
        {:ok, result}, acc ->
          fun.(result, acc)

        {:exit, {picture, _reason}}, acc ->
          fun.(failed(path(picture), %Error{reason: :internal_error}), acc)
      end)
    after
      Supervisor.stop(tasks)
    end
  end

  defp path({:ok, path, _stem, _format}), do: path
  defp path({:error, path, _error}), do: path

  defp make({:error, path, error}, _settings, _aside), do: failed(path, error)

  defp make({:ok, path, stem, format}, settings, aside) do
    {microseconds, result} =
      :timer.tc(fn ->
        targets = targets(stem, format, settings)

        case Enum.split_with(targets, fn {to, _box} -> not settings.force and there?(to) end) do
          {there, []} ->
            there(new(path), there)

          {there, missing} ->
            path |> new() |> there(there) |> thumbs(missing, format, settings, aside)
        end
      end)

    %{result | microseconds: microseconds}
  end

  defp new(path),
    do: %{path: path, outputs: [], there: [], error: nil, bytes_in: 0, microseconds: 0}

  defp failed(path, error), do: %{new(path) | error: error}

  defp there(result, targets), do: %{result | there: for({to, _box} <- targets, do: to)}

  # A folder is in the way, which is an error.
  defp there?(path) do
    case File.lstat(path) do
      {:ok, %File.Stat{type: type}} -> type != :directory
      {:error, _} -> false
    end
  end

  defp thumbs(result, targets, format, settings, aside) do
    sizes = for {_to, {width, height}} <- targets, do: {width, height}
    opts = Keyword.put(settings.opts, :format, format)

    with {:ok, image} <- open(result.path, settings) do
      result = %{result | bytes_in: byte_size(image.bytes)}

      case Thumbelina.thumbnails(image, sizes, opts) do
        {:ok, thumbs} -> write(result, targets, thumbs, settings, aside)
        {:error, error} -> %{result | error: error}
      end
    else
      {:error, error} -> %{result | error: error}
    end
  end

  defp open(path, settings), do: Thumbelina.open(path, Options.take_probe(settings.opts))

  defp write(result, targets, thumbs, settings, aside) do
    targets
    |> Enum.zip(thumbs)
    |> Enum.reduce(result, fn {{to, _box}, thumb}, result ->
      case put(to, thumb.bytes, settings, aside) do
        :ok -> %{result | outputs: result.outputs ++ [output(to, thumb)]}
        # Somebody else was faster.
        {:error, :eexist} -> %{result | there: result.there ++ [to]}
        {:error, posix} -> %{result | error: result.error || error(posix, to)}
      end
    end)
  end

  defp put(path, bytes, settings, aside) do
    with :ok <- make_folder(Path.dirname(path)) do
      if settings.force,
        do: Aside.replace(path, bytes, aside),
        else: Aside.create(path, bytes, aside)
    end
  end

  defp output(path, %Image{format: format, width: width, height: height, bytes: bytes}),
    do: %{path: path, format: format, width: width, height: height, bytes: byte_size(bytes)}

  defp error(posix, path), do: %Error{reason: posix, path: path}
end
