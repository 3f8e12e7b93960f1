defmodule Thumbelina.Error do
  @moduledoc """
  Why something did not work, as data. Match on `:reason`, never on the message.

  The reasons, and the fields that are set with them:

    * `:enoent`, `:eacces` and the other posix reasons - the file could not be read or written.
      `:path`
    * `:unsupported_format` - the bytes are not a known picture format, or, with `:format`, an
      unusual variant of a format or a format that is not read. With `:value`, the bytes look like a
      path, which `Thumbelina.open/2` takes. `:format`, `:value`
    * `:format_not_allowed` - the option `:formats` leaves this format out. `:format`
    * `:invalid_image` - the bytes break the rules of their format. `:format`, `:offset`
    * `:truncated` - the bytes end before the picture does. `:format`, `:offset`
    * `:limit_exceeded` - a limit was exceeded. `:limit`, `:value`, `:maximum`
    * `:outside_picture` - a crop is not inside of the picture, whose size at this step is `:value`.
      `:value`
    * `:timeout` - the call took longer than the option `:timeout` allows
    * `:source_failed` - the producer of a picture in pieces raised, threw or exited, in the process
      of `Thumbelina.stream/4` or `Thumbelina.cast/4` that ran it. `:value` is the exception, or
      `{kind, reason}`
    * `:overloaded` - as much is in progress as the option `:max_queue` of a cast, or
      `:max_concurrency` of a server, allows. `:maximum`
    * `:invalid_option` - an unknown option, or a wrong option, size or source. For a wrong source
      `:key` is `:image` or `:path`. `:key`, `:value`, `:expected`
    * `:node_down` - the node is not reachable, died or gave no sign of life meanwhile, or runs no
      `Thumbelina.Cluster`. `:node`
    * `:enomem` - the machine has not enough memory left for this picture
    * `:internal_error` - a bug in Thumbelina; the node is safe

  `:path` is the file that the error is about, if it is known.

  `:offset` is the byte where the problem showed, counted from 0. The problem itself may lie some
  bytes earlier. Only the JPEG decoder sets it.

  `:format` is a `t:Thumbelina.Format.t/0` or a `t:foreign/0`.

  `:limit` is one of the options `:max_pixels`, `:max_bytes_in`, `:max_memory` and `:max_bytes`, or
  `:side`: the longest side that the output format can hold, or that a filter can make in a bounded
  time. With `:max_memory`, `:maximum` is 64 MiB and not the option if a single row, or something
  else that is decoded in one piece, is too large.
  """

  @type reason ::
          :unsupported_format
          | :format_not_allowed
          | :invalid_image
          | :truncated
          | :limit_exceeded
          | :outside_picture
          | :timeout
          | :source_failed
          | :overloaded
          | :invalid_option
          | :node_down
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
          limit: :max_pixels | :max_bytes_in | :max_memory | :max_bytes | :side | nil,
          value: term,
          maximum: non_neg_integer | nil,
          key: atom | nil,
          expected: String.t() | nil,
          path: Path.t() | nil,
          offset: non_neg_integer | nil,
          node: node | nil
        }

  defexception [
    :reason,
    :format,
    :limit,
    :value,
    :maximum,
    :key,
    :expected,
    :path,
    :offset,
    :node
  ]

  @impl true
  def message(%__MODULE__{path: nil} = error), do: text(error)

  def message(%__MODULE__{reason: :invalid_option} = error), do: text(error)
  def message(%__MODULE__{path: path} = error), do: "#{path}: #{text(error)}"

  defp text(%{reason: :invalid_option, expected: "one of the options" <> _} = error),
    do: "unknown option #{inspect(error.key)}: expected #{error.expected}"

  defp text(%{reason: :invalid_option} = error) do
    "invalid value for #{inspect(error.key)}: expected #{error.expected}, " <>
      "got: #{inspect(error.value)}"
  end

  defp text(%{reason: :limit_exceeded} = error),
    do: "#{error.limit} exceeded: #{error.value}, but at most #{error.maximum} allowed"

  defp text(%{reason: :unsupported_format, format: nil, value: nil}),
    do: "not a known picture format"

  defp text(%{reason: :unsupported_format, format: nil, value: path}) do
    "not a known picture format: #{inspect(path)} looks like a path. " <>
      "Use Thumbelina.open/2 to read a file"
  end

  defp text(%{reason: :unsupported_format, format: format}) do
    if format in Thumbelina.Foreign.formats(),
      do: "#{format |> Atom.to_string() |> String.upcase()} is not supported",
      else: "this variant of #{format} is not supported"
  end

  defp text(%{reason: :format_not_allowed, format: format}) do
    "#{format} is not one of the allowed formats: allow it with formats: :all, " <>
      "or with a list that contains #{inspect(format)}"
  end

  defp text(%{reason: :invalid_image} = error),
    do: "invalid #{error.format}" <> where(error, "around")

  defp text(%{reason: :truncated} = error),
    do: "truncated #{error.format}" <> where(error, "at")

  defp text(%{reason: :outside_picture, value: {width, height}}),
    do: "the crop is not inside of the picture, which has #{width} by #{height} pixels there"

  defp text(%{reason: :timeout}), do: "the call took longer than its timeout"

  defp text(%{reason: :source_failed, value: exception}) when is_exception(exception),
    do: "the producer of the picture raised: #{Exception.message(exception)}"

  defp text(%{reason: :source_failed, value: {kind, reason}}),
    do: "the producer of the picture failed: #{Exception.format_banner(kind, reason)}"

  defp text(%{reason: :overloaded, maximum: most}),
    do: "overloaded: #{most} are in progress already"

  defp text(%{reason: :node_down, node: node}),
    do: "the node #{node} cannot be reached, or runs no Thumbelina.Cluster"

  defp text(%{reason: :internal_error}), do: "internal error: please report this"
  defp text(%{reason: posix}), do: List.to_string(:file.format_error(posix))

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
