defmodule Thumbelina.Server.Disposition do
  @moduledoc false
  # The `Content-Disposition` header, with a name that the client asked for (RFC 6266).

  alias Thumbelina.Format

  # File systems hold 255 bytes.
  @longest 200

  @doc """
  The header for a name. The picture's extension replaces that of another picture format, and is
  added to all others: nobody gets an `.exe` by a link to a picture.
  """
  @spec inline(String.t(), Format.t()) :: String.t()
  def inline(name, format), do: header("inline", name, format)

  @doc "The same for a picture that is to be saved instead of shown."
  @spec attachment(String.t(), Format.t()) :: String.t()
  def attachment(name, format), do: header("attachment", name, format)

  defp header(kind, name, format) do
    name = name |> clean() |> with_extension(format)
    ascii = String.replace(name, ~r/[^\x20-\x7E]|["\\%]/u, "_")

    "#{kind}; filename=\"#{ascii}\"; filename*=UTF-8''#{URI.encode(name, &URI.char_unreserved?/1)}"
  end

  # Neither folders nor what terminals and file systems take for something else.
  defp clean(name) do
    name = if String.valid?(name), do: name, else: ""

    name
    |> String.replace(~r{.*[/\\]}us, "")
    |> String.replace(~r/[\p{C}:*?"<>|]/u, "")
    |> String.replace(~r/^[\s.]+|[\s.]+$/u, "")
    |> shorten()
  end

  defp shorten(name) when byte_size(name) <= @longest, do: name

  defp shorten(name),
    do: name |> String.next_grapheme() |> take("", @longest)

  defp take({grapheme, rest}, taken, left) when byte_size(grapheme) <= left,
    do: rest |> String.next_grapheme() |> take(taken <> grapheme, left - byte_size(grapheme))

  defp take(_, taken, _left), do: taken

  defp with_extension("", format), do: with_extension("thumbnail", format)

  defp with_extension(name, format) do
    [usual | _] = Format.extensions(format)
    extension = Path.extname(name)

    case Format.of_extension(extension) do
      {:ok, ^format} -> name
      {:ok, _other} -> Path.rootname(name) <> usual
      :error -> name <> usual
    end
  end
end
