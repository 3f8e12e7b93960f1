defmodule Thumbelina.Format do
  @moduledoc """
  The formats of pictures: which ones are read and written, their MIME types and file extensions.

  The format of a picture is detected from its bytes, never from its file name.
  """

  # The native side makes its table from the same file.
  @path Path.expand("../../native/core/formats.txt", __DIR__)
  @external_resource @path

  @formats (for line <- @path |> File.read!() |> String.split("\n", trim: true),
                not String.starts_with?(line, "#") do
              [name, mime, extensions, reads, writes | _native] = String.split(line)

              {String.to_atom(name),
               %{
                 mime: mime,
                 extensions: String.split(extensions, ","),
                 reads: reads == "yes",
                 writes: writes == "yes"
               }}
            end)

  @facts Map.new(@formats)
  @readable for {format, %{reads: true}} <- @formats, do: format
  @writable for {format, %{writes: true}} <- @formats, do: format
  @extensions for {format, %{extensions: extensions}} <- @formats,
                  extension <- Enum.uniq(extensions ++ [".#{format}"]),
                  into: %{},
                  do: {extension, format}

  @type t ::
          unquote(
            @formats
            |> Keyword.keys()
            |> Enum.reverse()
            |> Enum.reduce(&{:|, [], [&1, &2]})
          )

  defguardp is_format(format) when is_map_key(@facts, format)

  @doc "The formats that can be read."
  @spec readable :: [t, ...]
  def readable, do: @readable

  @doc "The formats that can be written."
  @spec writable :: [t, ...]
  def writable, do: @writable

  @doc """
  The MIME type of a format: the one registered with IANA, or else the usual one.

      iex> Thumbelina.Format.mime(:jpeg)
      "image/jpeg"
  """
  @spec mime(t) :: String.t()
  def mime(format) when is_format(format), do: @facts[format].mime
  def mime(other), do: no_format(other)

  @doc """
  The file extensions of a format, with their dot. The usual one comes first.

      iex> Thumbelina.Format.extensions(:tiff)
      [".tif", ".tiff"]
  """
  @spec extensions(t) :: [String.t(), ...]
  def extensions(format) when is_format(format), do: @facts[format].extensions
  def extensions(other), do: no_format(other)

  @spec no_format(term) :: no_return
  defp no_format(other) do
    formats = Enum.map_join(Keyword.keys(@formats), ", ", &inspect/1)
    raise ArgumentError, "expected a format, one of #{formats}, got: #{inspect(other)}"
  end

  @doc """
  The format that a file extension, with its dot, stands for. A format's name works as an extension
  too, and case does not matter.

      iex> Thumbelina.Format.of_extension(".JPG")
      {:ok, :jpeg}

      iex> Thumbelina.Format.of_extension(".txt")
      :error
  """
  @spec of_extension(String.t()) :: {:ok, t} | :error
  def of_extension(extension) when is_binary(extension),
    do: Map.fetch(@extensions, String.downcase(extension))

  def of_extension(other),
    do: raise(ArgumentError, "expected a file extension as a string, got: #{inspect(other)}")
end
