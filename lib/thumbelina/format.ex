defmodule Thumbelina.Format do
  @moduledoc """
  The formats that pictures are read from and written to.

  A format is what the bytes of a picture say, whatever its file is called.
  """

  # The native side has its table from the same file.
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

  @doc "The formats that are read."
  @spec readable :: [t, ...]
  def readable, do: @readable

  @doc "The formats that are written."
  @spec writable :: [t, ...]
  def writable, do: @writable

  @doc """
  The MIME type, as IANA has it or else as is usual.

      iex> Thumbelina.Format.mime(:jpeg)
      "image/jpeg"
  """
  @spec mime(t) :: String.t()
  def mime(format) when is_format(format), do: @facts[format].mime

  @doc """
  The extensions of file names, with their dot, the usual one first.

      iex> Thumbelina.Format.extensions(:tiff)
      [".tif", ".tiff"]
  """
  @spec extensions(t) :: [String.t(), ...]
  def extensions(format) when is_format(format), do: @facts[format].extensions

  @doc """
  The format that an extension, with its dot, stands for. Names of formats do, too.

      iex> Thumbelina.Format.of_extension(".JPG")
      {:ok, :jpeg}

      iex> Thumbelina.Format.of_extension(".txt")
      :error
  """
  @spec of_extension(String.t()) :: {:ok, t} | :error
  def of_extension(extension), do: Map.fetch(@extensions, String.downcase(extension))
end
