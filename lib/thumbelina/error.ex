defmodule Thumbelina.Error do
  @moduledoc """
  Why something did not work, as data. Match on `:reason`, never on the message.

  The reasons, and the fields that are set with them:

    * `:enoent`, `:eacces` and the other posix reasons - the file could not be read or written.
      `:path`
    * `:unsupported_format` - the bytes are not a known picture format, or, with `:format`, an
      unusual variant of a format or a format that is not read. With `:path`, the bytes look like a
      path, which `Thumbelina.open/2` takes. `:format`, `:path`
    * `:format_not_allowed` - the option `:formats` leaves this format out. `:format`
    * `:invalid_image` - the bytes break the rules of their format. `:format`, `:offset`
    * `:truncated` - the bytes end before the picture does. `:format`, `:offset`
    * `:limit_exceeded` - a limit was exceeded. `:limit`, `:value`, `:maximum`
    * `:timeout` - the call took longer than the option `:timeout` allows
    * `:busy` - a server has as many pictures in progress as its option `:max_concurrency` allows
    * `:invalid_option` - an unknown option, or a wrong option, size or source. For a wrong source
      `:key` is `:image` or `:path`. `:key`, `:value`, `:expected`
    * `:enomem` - the machine has not enough memory left for this picture
    * `:internal_error` - a bug in Thumbelina; the node is safe

  `:offset` is the byte where the problem showed, counted from 0. The problem itself may lie some
  bytes earlier. Only the JPEG decoder sets it.

  `:format` is a `t:Thumbelina.Format.t/0` or a `t:foreign/0`.

  `:limit` is one of the options `:max_pixels`, `:max_bytes_in` and `:max_memory`, or `:side`: the
  longest side that the output format can hold, or that a filter can make in a bounded time. With
  `:max_memory`, `:maximum` is 64 MiB and not the option if a single row, or something else that is
  decoded in one piece, is too large.
  """

  @type reason ::
          :unsupported_format
          | :format_not_allowed
          | :invalid_image
          | :truncated
          | :limit_exceeded
          | :timeout
          | :busy
          | :invalid_option
          | :internal_error
          | File.posix()

  @typedoc "Formats that are not read, only recognized, so that the error can name them."
  @type foreign ::
          unquote(
            Thumbelina.Foreign.formats()
            |> Enum.reverse()
            |> Enum.reduce(&{:|, [], [&1, &2]})
          )

  @type t :: %__MODULE__{
          reason: reason,
          format: Thumbelina.Format.t() | foreign | nil,
          limit: :max_pixels | :max_bytes_in | :max_memory | :side | nil,
          value: term,
          maximum: non_neg_integer | nil,
          key: atom | nil,
          expected: String.t() | nil,
          path: Path.t() | nil,
          offset: non_neg_integer | nil
        }

  defexception [:reason, :format, :limit, :value, :maximum, :key, :expected, :path, :offset]

  @impl true
  def message(%__MODULE__{reason: :invalid_option, expected: "one of the options" <> _} = error) do
    "unknown option #{inspect(error.key)}: expected #{error.expected}"
  end

  def message(%__MODULE__{reason: :invalid_option} = error) do
    "invalid value for #{inspect(error.key)}: expected #{error.expected}, " <>
      "got: #{inspect(error.value)}"
  end

  def message(%__MODULE__{reason: :limit_exceeded} = error) do
    "#{error.limit} exceeded: #{error.value}, but at most #{error.maximum} allowed"
  end

  def message(%__MODULE__{reason: :unsupported_format, format: nil, path: nil}),
    do: "not a known picture format"

  def message(%__MODULE__{reason: :unsupported_format, format: nil, path: path}),
    do:
      "not a known picture format: #{inspect(path)} looks like a path. " <>
        "Use Thumbelina.open/2 to read a file"

  def message(%__MODULE__{reason: :unsupported_format, format: format}) do
    if format in Thumbelina.Foreign.formats(),
      do: "#{format |> Atom.to_string() |> String.upcase()} is not supported",
      else: "this variant of #{format} is not supported"
  end

  def message(%__MODULE__{reason: :format_not_allowed, format: format}),
    do:
      "#{format} is not one of the allowed formats: allow it with formats: :all, " <>
        "or with a list that contains #{inspect(format)}"

  def message(%__MODULE__{reason: :invalid_image} = error),
    do: "invalid #{error.format}" <> where(error, "around")

  def message(%__MODULE__{reason: :truncated} = error),
    do: "truncated #{error.format}" <> where(error, "at")

  def message(%__MODULE__{reason: :timeout}), do: "the call took longer than its timeout"

  def message(%__MODULE__{reason: :busy}),
    do: "too many pictures are in progress: try again later"

  def message(%__MODULE__{reason: :internal_error}), do: "internal error: please report this"

  def message(%__MODULE__{reason: posix, path: path}) do
    what = List.to_string(:file.format_error(posix))
    if path, do: "#{path}: #{what}", else: what
  end

  defp where(%{offset: nil}, _preposition), do: ""
  defp where(%{offset: offset}, preposition), do: " #{preposition} byte #{offset}"

  defimpl Inspect do
    import Inspect.Algebra

    # Most fields belong to other reasons, and are nil.
    def inspect(error, opts) do
      fields =
        for {key, value} <- Map.to_list(error),
            value != nil and key not in [:__struct__, :__exception__],
            do: {key, value}

      container_doc("%Thumbelina.Error{", fields, "}", opts, fn {key, value}, opts ->
        concat("#{key}: ", to_doc(value, opts))
      end)
    end
  end
end
