defmodule Thumbelina.Server.Form do
  @moduledoc false
  # The parts of a body of `multipart/form-data` (RFC 7578): a picture, and what is to be done with
  # it. Any other body is a picture alone.
  #
  # The body is there as a whole, and no longer than a body may be. Nothing of it is copied.

  alias Thumbelina.Server.{Body, Config, Request}
  alias Thumbelina.Source

  # More of any is none of what is asked for here.
  @max_parts 8
  @max_head 4096
  @max_text 65_536

  @typedoc "The contents of parts by their names. What a plug has put into a file is read later."
  @type t :: %{String.t() => binary | {:file, Path.t()}}

  @typep refusal :: {:error, Thumbelina.Error.t() | {400, atom, String.t()}}

  @doc "Whether the body is a form."
  @spec form?(Request.t()) :: boolean
  def form?(%Request{body: {:form, _parts}}), do: true
  def form?(request), do: content_type(request) =~ ~r{\A\s*multipart/form-data\s*(;|\z)}i

  @doc "The parts of the body. One that is no form is the part `picture`."
  @spec read(Request.t(), Config.t()) :: {:ok, t} | refusal
  def read(%Request{body: {:form, parts}}, _config), do: named(parts, %{})

  def read(request, config) do
    if form?(request) do
      with {:ok, boundary} <- boundary(content_type(request)),
           {:ok, body} <- Body.whole(request, config),
           do: parse(body, boundary)
    else
      with {:ok, body} <- Body.whole(request, config), do: {:ok, %{"picture" => body}}
    end
  end

  @doc "The bytes of a part."
  @spec bytes(t, String.t(), Config.t()) :: {:ok, binary} | refusal
  def bytes(form, name, config) do
    case form do
      %{^name => {:file, path}} -> unnamed(Source.read(path, config.max_body_bytes))
      %{^name => bytes} -> {:ok, bytes}
      _ -> wrong("expected a part #{name} in the form")
    end
  end

  # Where the plug has put it is nobody's business.
  defp unnamed({:error, error}), do: {:error, %{error | path: nil}}
  defp unnamed(ok), do: ok

  @doc "A part that is a short text."
  @spec text(t, String.t(), Config.t()) :: {:ok, String.t()} | refusal
  def text(form, name, config) do
    with {:ok, text} <- bytes(form, name, config) do
      cond do
        byte_size(text) > @max_text -> wrong("the part #{name} has more than #{@max_text} bytes")
        not String.valid?(text) -> wrong("the part #{name} is not UTF-8")
        true -> {:ok, text}
      end
    end
  end

  @doc "Refuses parts of other names than these."
  @spec only(t, [String.t()]) :: :ok | refusal
  def only(form, names) do
    case Map.keys(form) -- names do
      [] -> :ok
      [name | _] -> wrong("a part that nothing takes: #{shown(name)}")
    end
  end

  @doc "Reads a body that has a boundary."
  @spec parse(binary, String.t()) :: {:ok, t} | refusal
  def parse(body, boundary) do
    # The first one has no end of a line before it, if there is no preamble.
    delimiter = "--" <> boundary

    case :binary.split(body, delimiter) do
      ["", rest] -> parts(rest, "\r\n" <> delimiter, [])
      _ -> preamble(body, "\r\n" <> delimiter)
    end
  end

  defp preamble(body, delimiter) do
    case :binary.split(body, delimiter) do
      [_preamble, rest] -> parts(rest, delimiter, [])
      [_] -> wrong("the form has no boundary")
    end
  end

  defp parts("--" <> _epilogue, _delimiter, parts), do: parts |> Enum.reverse() |> named(%{})

  defp parts(_rest, _delimiter, parts) when length(parts) >= @max_parts,
    do: wrong("the form has more than #{@max_parts} parts")

  defp parts(rest, delimiter, parts) do
    with {:ok, rest} <- line_end(rest),
         {:ok, part, rest} <- to_delimiter(rest, delimiter),
         {:ok, name, content} <- part(part),
         do: parts(rest, delimiter, [{name, content} | parts])
  end

  # Spaces may follow a boundary.
  defp line_end("\r\n" <> rest), do: {:ok, rest}
  defp line_end(<<space, rest::binary>>) when space in [?\s, ?\t], do: line_end(rest)
  defp line_end(_other), do: wrong("the form is cut off, or its boundary is in a part")

  # A part without headers and contents ends where it begins.
  defp to_delimiter(rest, "\r\n" <> bare = delimiter) do
    size = byte_size(bare)

    case rest do
      <<^bare::binary-size(size), rest::binary>> ->
        {:ok, "", rest}

      _ ->
        with [part, rest] <- :binary.split(rest, delimiter),
             do: {:ok, part, rest},
             else: (_ -> wrong("the form is cut off"))
    end
  end

  defp part(part) do
    head = binary_part(part, 0, min(byte_size(part), @max_head))

    with [head, _] <- :binary.split(head, "\r\n\r\n"),
         {:ok, name} <- name(head) do
      from = byte_size(head) + 4
      {:ok, name, binary_part(part, from, byte_size(part) - from)}
    else
      [_no_end] -> wrong("a part of the form has no headers, or too many")
      error -> error
    end
  end

  @disposition ~r/(?:\A|\r\n)content-disposition:[ \t]*form-data((?:[^\r]|\r(?!\n))*)/i
  @name ~r/;[ \t]*name[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;"]+))/i

  defp name(head) do
    with true <- String.valid?(head),
         [_, parameters] <- Regex.run(@disposition, head),
         [_ | names] <- Regex.run(@name, parameters),
         name when name != "" <- List.last(names) do
      {:ok, name}
    else
      _ -> wrong("a part of the form has no name")
    end
  end

  defp named([], form), do: {:ok, form}

  defp named([{name, _content} | _parts], form) when is_map_key(form, name),
    do: wrong("the form has two parts of one name: #{shown(name)}")

  defp named([{name, content} | parts], form), do: named(parts, Map.put(form, name, content))

  @boundary ~r/;[ \t]*boundary[ \t]*=[ \t]*(?:"([^"]{1,70})"|([^\s;",]{1,70})(?=[\s;]|\z))/i

  defp boundary(type) do
    case Regex.run(@boundary, type) do
      [_ | boundary] -> {:ok, List.last(boundary)}
      nil -> wrong("expected a boundary of the form")
    end
  end

  defp content_type(request), do: Request.header(request, "content-type") || ""

  defp shown(name), do: inspect(String.slice(name, 0, 40))

  defp wrong(message), do: {:error, {400, :bad_request, message}}
end
