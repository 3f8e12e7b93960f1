defmodule Thumbelina.Foreign do
  @moduledoc false
  # What bytes are that are no picture which is read, for a message that helps.

  @doc "All of them."
  @spec formats :: [atom, ...]
  def formats, do: [:avif, :heic, :jp2, :jxl, :pdf, :psd, :svg]

  # Brands of ISO base media files (ISO/IEC 14496-12), as MIAF and HEIF give them to pictures.
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

  # Where a root element is looked for.
  @head 4_096

  @doc "Names the format in an error about bytes that are not read."
  @spec name(error, binary) :: error when error: Exception.t()
  def name(%{reason: :unsupported_format, format: nil} = error, bytes),
    do: %{error | format: format(bytes)}

  def name(error, _bytes), do: error

  @doc """
  Says in the error of a result that what a caller handed in as a picture's bytes looks like a
  path.
  """
  @spec explain(result, term) :: result when result: term
  def explain({:error, %{reason: :unsupported_format, format: nil} = error}, source)
      when is_binary(source) do
    {:error, if(path?(source), do: %{error | path: source}, else: error)}
  end

  def explain(result, _source), do: result

  @doc "The format that bytes have the signature of, if it is one that is known and not read."
  @spec format(binary) :: atom
  def format(<<length::32, "ftyp", major::4-bytes, rest::binary>>) do
    # After the major brand come a version of 4 bytes and the compatible brands.
    others = rest |> binary_part(0, min(byte_size(rest), max(length - 12, 0)) |> min(@head))
    found = for <<brand::4-bytes <- major <> others>>, format = @brands[brand], do: format
    # A HEIF file says of itself what it is in general too.
    if :avif in found, do: :avif, else: List.first(found)
  end

  def format(<<0, 0, 0, 12, "JXL ", 13, 10, 0x87, 10, _::binary>>), do: :jxl
  def format(<<0xFF, 0x0A, _::binary>>), do: :jxl
  def format(<<0, 0, 0, 12, "jP  ", 13, 10, 0x87, 10, _::binary>>), do: :jp2
  def format(<<0xFF, 0x4F, 0xFF, 0x51, _::binary>>), do: :jp2
  def format(<<"8BPS", _::binary>>), do: :psd
  def format(<<"%PDF-", _::binary>>), do: :pdf

  def format(bytes) do
    head = binary_part(bytes, 0, min(byte_size(bytes), @head))
    # A prolog and comments may come first; a page of HTML has its own root.
    if head =~ ~r/\A(\xEF\xBB\xBF)?\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg[\s>])/ and
         head =~ ~r/<svg[\s>]/,
       do: :svg
  end

  @doc "Whether what was taken for a picture's bytes reads like the path of a file."
  @spec path?(binary) :: boolean
  def path?(bytes) do
    byte_size(bytes) in 1..1024 and String.printable?(bytes) and not (bytes =~ ~r/[\r\n]/) and
      (bytes =~ ~r"^(~|\.{0,2}|[A-Za-z]:)[/\\]" or bytes =~ ~r/\.[A-Za-z0-9]{1,5}$/)
  end
end
