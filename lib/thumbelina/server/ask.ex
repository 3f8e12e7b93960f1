defmodule Thumbelina.Server.Ask do
  @moduledoc false
  # What a URL and its headers ask for: the size, the options, and how to answer.

  alias Thumbelina.{Error, Format, Options, Position, Request}
  alias Thumbelina.Server.{Accept, Config}
  alias Thumbelina.Server.Request, as: HTTPRequest

  @output [:fit, :position, :enlarge, :background, :dpr, :linear, :autorotate, :trim, :format] ++
            [:quality, :color, :progressive, :subsampling, :optimize_coding, :compression] ++
            [:colors, :dither, :max_bytes, :filter]
  @types Keyword.take(Options.types(), @output)
  @own ~w(filename expires s url)
  @known Enum.map(@output, &Atom.to_string/1) ++ @own

  # `formats` are those to choose from, the best one first, if the picture has alpha or not.
  @type t :: %__MODULE__{
          width: pos_integer | nil,
          height: pos_integer | nil,
          options: keyword,
          formats: %{opaque: [Format.t(), ...], alpha: [Format.t(), ...]} | nil,
          filename: String.t() | nil,
          vary: [String.t()]
        }

  @enforce_keys [:width, :height, :options]
  defstruct [:width, :height, :options, :formats, :filename, vary: []]

  @typep refusal :: {:error, Error.t() | {400..499, atom, String.t()}}

  @doc "The parameters of a query: none twice, and no unknown ones."
  @spec parameters([{String.t(), String.t()}], [String.t()]) :: {:ok, map} | refusal
  def parameters(pairs, known \\ @known) do
    Enum.reduce_while(pairs, {:ok, %{}}, fn {name, value}, {:ok, acc} ->
      cond do
        name not in known ->
          {:halt, bad("unknown parameter #{name}: expected one of #{Enum.join(known, ", ")}")}

        is_map_key(acc, name) ->
          {:halt, bad("the parameter #{name} is given twice")}

        true ->
          {:cont, {:ok, Map.put(acc, name, value)}}
      end
    end)
  end

  @spec new(String.t(), map, HTTPRequest.t(), Config.t()) :: {:ok, t} | refusal
  def new(size, parameters, http, config) do
    with {:ok, size} <- size(size),
         :ok <- allowed_size(size, config),
         {:ok, options} <- options(parameters, config),
         :ok <- allowed_quality(parameters, options, config),
         :ok <- allowed_dpr(options[:dpr], config),
         {size, hints} = hinted(size, options[:dpr], http, config),
         {format, options} = Keyword.pop(options, :format),
         {:ok, {width, height}, options} <- checked(size, options, format) do
      ask = %__MODULE__{width: width, height: height, options: options, vary: hints}
      {:ok, negotiate(%{ask | filename: parameters["filename"]}, format, http, config)}
    end
  end

  defp size(text) do
    with :error <- Config.size(text),
         do: {:error, {400, :invalid_size, "expected a size such as 300x200, 300, 300x or x200"}}
  end

  defp allowed_size(_size, %{sizes: nil}), do: :ok

  defp allowed_size(size, %{sizes: sizes}) do
    if size in sizes, do: :ok, else: {:error, {403, :size_not_allowed, "this size is not made"}}
  end

  defp allowed_quality(%{"quality" => _}, options, %{qualities: [_ | _] = qualities}) do
    if options[:quality] in qualities,
      do: :ok,
      else: {:error, {403, :quality_not_allowed, "this quality is not made"}}
  end

  defp allowed_quality(_parameters, _options, _config), do: :ok

  # Where sizes are listed, ratios are few, too.
  @ratios [1, 1.5, 2, 3]

  defp allowed_dpr(dpr, %{sizes: [_ | _]}) when dpr != nil do
    if Enum.any?(@ratios, &(&1 == dpr)),
      do: :ok,
      else: {:error, {403, :size_not_allowed, "this device pixel ratio is not made"}}
  end

  defp allowed_dpr(_dpr, _config), do: :ok

  defp options(parameters, config) do
    defaults = [format: config.format, quality: config.quality]

    Enum.reduce_while(@types, {:ok, defaults}, fn {key, type}, {:ok, acc} ->
      with {:ok, text} <- Map.fetch(parameters, Atom.to_string(key)),
           {:ok, value} <- value(key, type, text) do
        {:cont, {:ok, Keyword.put(acc, key, value)}}
      else
        :error -> {:cont, {:ok, acc}}
        error -> {:halt, error}
      end
    end)
  end

  defp value(:format, _type, "auto"), do: {:ok, :auto}

  defp value(:format, {:in, formats}, text) do
    case Format.of_extension("." <> text) do
      {:ok, format} ->
        if format in formats, do: {:ok, format}, else: wrong(:format, text, formats)

      :error ->
        wrong(:format, text, formats)
    end
  end

  defp value(key, {:in, atoms}, text) do
    case Enum.find(atoms, &(to_string(&1) == text)) do
      nil -> wrong(key, text, atoms)
      atom -> {:ok, atom}
    end
  end

  defp value(key, {:compression, names}, text) do
    if text =~ ~r/\A\d\z/,
      do: {:ok, String.to_integer(text)},
      else: value(key, {:in, names}, text)
  end

  defp value(:position, {:position, names}, text) do
    with :error <- Position.parse(text),
         do: wrong(:position, text, names ++ ["or a point such as 0.3,0.7"])
  end

  defp value(key, :boolean, text), do: value(key, {:in, [true, false]}, text)

  defp value(key, {:integer, first, last}, text) do
    if text =~ ~r/\A\d{1,15}\z/ and String.to_integer(text) in first..last,
      do: {:ok, String.to_integer(text)},
      else: wrong(key, text, ["#{first}..#{last}"])
  end

  defp value(key, type, text) do
    with :error <- Options.read(type, text),
         do: wrong(key, text, [Options.expected_of(type)])
  end

  defp wrong(key, text, expected),
    do: bad("wrong #{key}: #{text}; expected #{Enum.map_join(expected, ", ", &to_string/1)}")

  defp bad(message), do: {:error, {400, :invalid_option, message}}

  # Checked as the library does it, and complete, so that equal requests look the same.
  defp checked({width, height}, options, format) do
    own = if format in [:auto, nil], do: [], else: [format: format]

    with {:ok, %{outputs: [output]} = request} <- Request.new(width, height, own ++ options) do
      call = %{autorotate: request.autorotate, trim: request.trim || false}
      all = Map.merge(output, call)
      # The ratio is in the size.
      options = for {key, _type} <- @types, key != :dpr, do: {key, Map.fetch!(all, key)}
      {:ok, {output.width, output.height}, options}
    end
  end

  defp negotiate(ask, :auto, http, config) do
    accept = HTTPRequest.header(http, "accept")

    formats =
      for kind <- [:opaque, :alpha], into: %{}, do: {kind, Accept.rank(accept, kind, config.avif)}

    %{ask | formats: formats, vary: ["accept" | ask.vary]}
  end

  defp negotiate(ask, _format, _http, _config), do: ask

  @hints ~w(sec-ch-dpr sec-ch-width dpr width)

  @doc "The headers that may change the size."
  @spec hints :: [String.t(), ...]
  def hints, do: @hints

  # What the URL says counts.
  defp hinted(size, dpr, _http, config) when dpr != nil or not config.client_hints,
    do: {size, []}

  defp hinted({width, height}, nil, http, config) do
    dpr = http |> hint("dpr") |> ratio()
    {width, height} = {scaled(width, dpr), scaled(height, dpr)}
    # Everybody could ask for every width, which is what these are there to prevent.
    free? = config.keys == nil and config.sizes == nil
    {{width || (free? && http |> hint("width") |> pixels()) || nil, height}, @hints}
  end

  defp hint(http, name),
    do: HTTPRequest.header(http, "sec-ch-" <> name) || HTTPRequest.header(http, name) || ""

  # Few ratios, so that there are few thumbnails of a picture.
  defp ratio(text) do
    case Float.parse(text) do
      {number, ""} when number > 2 -> 3
      {number, ""} when number > 1.5 -> 2
      {number, ""} when number > 1 -> 1.5
      _ -> 1
    end
  end

  defp pixels(text),
    do: if(text =~ ~r/\A[1-9]\d{0,4}\z/, do: String.to_integer(text))

  defp scaled(nil, _ratio), do: nil
  defp scaled(side, ratio), do: ceil(side * ratio)
end
