defmodule Thumbelina.Foreign do
  @moduledoc false
  # Recognizes formats that are not read, for an error message that helps.

  @doc "All of them."
  @spec formats :: [atom, ...]
  def formats, do: [:avif, :heic, :jp2, :jxl, :pdf, :svg]

  # Brands of ISO base media files (ISO/IEC 14496-12) that MIAF and HEIF define for pictures.
  @brands %{
    "avif" => :avif,
    "avis" => :avif,
    "heic" => :heic,
    "heix" => :heic,
    "heim" => :heic,
    "heis" => :heic,
    "hevc" => :heic,
    "hevx" => :heic,
    "mif1" => :heic,
    "msf1" => :heic
  }

  # How far to look for a root element.
  @head 4_096

  @doc "Adds the format to an error about bytes that are not read."
  @spec name(error, binary) :: error when error: Exception.t()
  def name(%{reason: :unsupported_format, format: nil} = error, bytes),
    do: %{error | format: format(bytes)}

  def name(error, _bytes), do: error

  @doc """
  Adds to an error if what the caller passed as the bytes of a picture looks like a path.
  """
  @spec explain(result, term) :: result when result: term
  def explain({:error, %{reason: :unsupported_format, format: nil} = error}, source)
      when is_binary(source) do
    {:error, if(path?(source), do: %{error | value: source}, else: error)}
  end

  def explain(result, _source), do: result

  @doc "The format whose signature the bytes have, if it is known but not read."
  @spec format(binary) :: atom
  def format(<<length::32, "ftyp", major::4-bytes, rest::binary>>) do
    # After the major brand come a version of 4 bytes and the compatible brands.
    others = rest |> binary_part(0, min(byte_size(rest), max(length - 12, 0)) |> min(@head))
    found = for <<brand::4-bytes <- major <> others>>, format = @brands[brand], do: format
    # A HEIF file also lists its general brand.
    if :avif in found, do: :avif, else: List.first(found)
  end

  def format(<<0, 0, 0, 12, "JXL ", 13, 10, 0x87, 10, _::binary>>), do: :jxl
  def format(<<0xFF, 0x0A, _::binary>>), do: :jxl
  def format(<<0, 0, 0, 12, "jP  ", 13, 10, 0x87, 10, _::binary>>), do: :jp2
  def format(<<0xFF, 0x4F, 0xFF, 0x51, _::binary>>), do: :jp2
  def format(<<"%PDF-", _::binary>>), do: :pdf

  def format(bytes) do
    head = binary_part(bytes, 0, min(byte_size(bytes), @head))
    # A prolog and comments may come first. An HTML page has another root element.
    if head =~ ~r/\A(\xEF\xBB\xBF)?\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg[\s>])/ and
         head =~ ~r/<svg[\s>]/,
       do: :svg
  end

  @doc "Whether the bytes look like the path of a file."
  @spec path?(binary) :: boolean
  def path?(bytes) do
    byte_size(bytes) in 1..1024 and String.printable?(bytes) and not (bytes =~ ~r/[\r\n]/) and
      (bytes =~ ~r"^(~|\.{0,2}|[A-Za-z]:)[/\\]" or bytes =~ ~r/\.[A-Za-z0-9]{1,5}$/)
  end
end
