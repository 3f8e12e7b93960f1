defmodule Thumbelina.Source do
  @moduledoc false
  # Where pictures come from: any term a caller passes, and files. Everything is turned into bytes
  # here, or into pieces that are still to come.

  alias Thumbelina.{Error, Image, Native, Options}

  @type t :: {:bytes, binary} | {:pieces, Enumerable.t()}

  @doc """
  The bytes or pieces of what a caller passed as an encoded picture. A file of more than `max_bytes`
  bytes is not read.
  """
  @spec of(term, pos_integer) :: {:ok, t} | {:error, Error.t()}
  def of(bytes, _max_bytes) when is_binary(bytes), do: {:ok, {:bytes, bytes}}

  def of(%Image{} = image, _max_bytes) do
    with {:ok, bytes} <- bytes(image), do: {:ok, {:bytes, bytes}}
  end

  def of({:file, path}, max_bytes) when is_binary(path) or is_list(path),
    do: open(path, max_bytes)

  def of(list, _max_bytes) when is_list(list) do
    {:ok, {:bytes, IO.iodata_to_binary(list)}}
  rescue
    ArgumentError -> not_a_picture(list)
  end

  def of(other, _max_bytes) do
    if enumerable?(other), do: {:ok, {:pieces, other}}, else: not_a_picture(other)
  end

  @doc "Whether pieces or pictures can be taken from a term, as a function of two arguments can be."
  @spec enumerable?(term) :: boolean
  def enumerable?(fun) when is_function(fun), do: is_function(fun, 2)
  def enumerable?(list) when is_list(list), do: not List.improper?(list)
  def enumerable?(other), do: Enumerable.impl_for(other) != nil

  @doc "The same for a file: a path, a map or struct with one, or the contents in pieces."
  @spec open(term, pos_integer) :: {:ok, t} | {:error, Error.t()}
  def open(path, max_bytes) when is_binary(path) or is_list(path) do
    with {:ok, bytes} <- read(path, max_bytes), do: {:ok, {:bytes, bytes}}
  end

  # Such as a `%Plug.Upload{}`. Any enumerable is taken as pieces, except a plain map.
  def open(%{path: path} = upload, max_bytes) when is_binary(path) do
    if Enumerable.impl_for(upload) in [nil, Enumerable.Map],
      do: open(path, max_bytes),
      else: {:ok, {:pieces, upload}}
  end

  def open(other, _max_bytes) do
    if enumerable?(other) and Enumerable.impl_for(other) != Enumerable.Map,
      do: {:ok, {:pieces, other}},
      else:
        Options.invalid(:path, other, "a path, a map with a :path, or an enumerable of iodata")
  end

  @doc "A path as a string."
  @spec path(term) :: {:ok, String.t()} | {:error, Error.t()}
  def path(path) when is_binary(path), do: {:ok, path}

  def path(path) do
    {:ok, IO.chardata_to_string(path)}
  rescue
    _not_chardata -> Options.invalid(:path, path, "a path")
  end

  @doc "Adds the path of a source that is a file to an error about it."
  @spec at_path(result, term) :: result when result: term
  def at_path({:error, %Error{path: nil, reason: reason} = error}, {:file, path})
      when reason != :invalid_option and is_binary(path),
      do: {:error, %{error | path: path}}

  def at_path(result, _source), do: result

  @doc "The encoded picture of an image."
  @spec bytes(term) :: {:ok, binary} | {:error, Error.t()}
  def bytes(%Image{bytes: bytes}) when is_binary(bytes), do: {:ok, bytes}

  def bytes(%Image{bytes: other}),
    do: Options.invalid(:image, other, "an image whose :bytes are a binary")

  def bytes(other), do: Options.invalid(:image, other, "a Thumbelina.Image")

  @doc """
  Passes the pieces to `fun`, one after the other, as long as it returns `{:cont, acc}`. Whatever
  the producer raises reaches the caller.
  """
  @spec reduce(Enumerable.t(), acc, (binary, acc -> {:cont, acc} | {:halt, result})) ::
          acc | result | {:error, Error.t()}
        when acc: term, result: term
  def reduce(pieces, acc, fun) do
    Enum.reduce_while(pieces, acc, fn piece, acc ->
      case piece(piece) do
        {:ok, ""} -> {:cont, acc}
        {:ok, piece} -> fun.(piece, acc)
        error -> {:halt, error}
      end
    end)
  end

  defp piece(piece) when is_binary(piece), do: {:ok, piece}

  defp piece(piece) when is_list(piece) do
    {:ok, IO.iodata_to_binary(piece)}
  rescue
    ArgumentError -> not_a_picture(piece)
  end

  defp piece(piece), do: not_a_picture(piece)

  # How many bytes to wait for before the first look at the header.
  @first_look 64

  @doc """
  Collects pieces until `look` returns something other than `:more`, and returns that. `look` gets
  the bytes so far, and whether they are all. No more pieces are asked for than that takes.
  """
  @spec first(Enumerable.t(), (binary, boolean -> :more | answer)) :: answer | {:error, Error.t()}
        when answer: term
  def first(pieces, look) do
    with {:all, bytes} <- collect(pieces, :infinity, look, &{:halt, &1}), do: look.(bytes, true)
  end

  @doc """
  Collects all pieces, up to `max_bytes` bytes. As soon as `look` returns an error for the bytes so
  far, that is the result.
  """
  @spec all(Enumerable.t(), pos_integer, (binary, boolean -> :more | {:ok, term} | error)) ::
          {:ok, binary} | error
        when error: {:error, Error.t()}
  def all(pieces, max_bytes, look) do
    known = fn
      {:ok, _header} -> :known
      error -> {:halt, error}
    end

    with {:all, bytes} <- collect(pieces, max_bytes, look, known), do: {:ok, bytes}
  end

  # Looks at the bytes so far, now and then, until there is an answer: which ends it, or is enough.
  defp collect(pieces, max_bytes, look, decide) do
    collected =
      reduce(pieces, {[], 0, @first_look}, fn piece, {parts, size, next} ->
        {parts, size} = {[parts | piece], size + byte_size(piece)}

        cond do
          # An atom is more than any number.
          size > max_bytes -> {:halt, too_long(size, max_bytes)}
          size < next -> {:cont, {parts, size, next}}
          true -> look_at(parts, size, look, decide)
        end
      end)

    with {parts, size, _next} when is_integer(size) <- collected,
         do: {:all, IO.iodata_to_binary(parts)}
  end

  defp look_at(parts, size, look, decide) do
    case look.(IO.iodata_to_binary(parts), false) do
      # Do not look again after every single byte.
      :more -> {:cont, {parts, size, size + div(size, 4)}}
      answer -> with :known <- decide.(answer), do: {:cont, {parts, size, :infinity}}
    end
  end

  defp too_long(size, most) do
    {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in, value: size, maximum: most}}
  end

  # Copying this many bytes takes next to no time.
  @short 65_536

  # More bytes than a binary on a process's heap can have: those are always copied.
  @part 128

  @doc """
  Whether the VM would copy the binary for a NIF because it does not start at a byte boundary, which
  takes too long on a normal scheduler. Elixir has no function for this; see `distance` in
  native/nif.
  """
  @spec copied?(binary) :: boolean
  def copied?(bytes) when byte_size(bytes) <= @short, do: false

  def copied?(bytes) do
    last = byte_size(bytes) - @part
    Native.distance(binary_part(bytes, 0, @part), binary_part(bytes, last, @part)) != last
  end

  # Raw, because `File.read/1` goes through one process that serves the whole node: everybody's
  # files would wait until a large picture is read.
  @doc "The contents of a file that has at most `max_bytes` bytes."
  @spec read(Path.t(), pos_integer) :: {:ok, binary} | {:error, Error.t()}
  def read(path, max_bytes) do
    read =
      with {:ok, file} <- :file.open(path, [:read, :raw, :binary]) do
        try do
          with {:ok, info} <- :file.read_file_info(file, [:raw]),
               do: read(file, File.Stat.from_record(info), max_bytes)
        after
          :file.close(file)
        end
      end

    read |> at(path) |> at_path({:file, path})
  end

  defp read(_file, %{size: size}, max_bytes) when size > max_bytes, do: too_long(size, max_bytes)

  defp read(file, %{type: :regular, size: size}, _max_bytes) when size > 0 do
    with :eof <- :file.read(file, size), do: {:ok, ""}
  end

  # A pipe, or what the kernel writes when it is read: its size shows at its end.
  defp read(file, _no_size, max_bytes), do: read_on(file, [], 0, max_bytes)

  @piece 65_536

  defp read_on(_file, _parts, size, most) when size > most, do: too_long(size, most)

  defp read_on(file, parts, size, most) do
    case :file.read(file, @piece) do
      {:ok, bytes} -> read_on(file, [parts | bytes], size + byte_size(bytes), most)
      :eof -> {:ok, IO.iodata_to_binary(parts)}
      error -> error
    end
  end

  @spec write(Path.t(), binary) :: :ok | {:error, Error.t()}
  def write(path, bytes), do: path |> File.write(bytes) |> at(path)

  defp at({:error, %Error{}} = error, _path), do: error
  # Not a posix reason: the name contains a null byte.
  defp at({:error, :badarg}, path), do: Options.invalid(:path, path, "a path without null bytes")
  defp at({:error, posix}, path), do: {:error, %Error{reason: posix, path: path}}
  defp at(ok, _path), do: ok

  defp not_a_picture(other) do
    expected = "an image, iodata, {:file, path}, or an enumerable of iodata"
    Options.invalid(:image, other, expected)
  end
end
