defmodule Thumbelina.Server.Ask do
  @moduledoc false
  # What a URL and its headers ask for: the size, the options, and how to answer.

  alias Thumbelina.{Edit, Error, Format, Options, Position, Request}
  alias Thumbelina.Server.{Accept, Config, Metadata, Overlay}
  alias Thumbelina.Server.Request, as: HTTPRequest

  @output [:fit, :position, :enlarge, :background, :dpr, :linear, :autorotate, :trim, :format] ++
            [:quality, :color, :progressive, :subsampling, :optimize_coding, :compression] ++
            [:colors, :dither, :max_bytes, :filter, :metadata, :on_damage]
  @types Keyword.take(Options.types(), @output)
  @names Enum.map(@output, &Atom.to_string/1)
  @known @names ++ ~w(filename expires s url)
  @edit ~w(edit) ++ @known

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
         :ok <- allowed_metadata(options[:metadata], http, config),
         {size, hints} = hinted(size, options[:dpr], http, config),
         {format, options} = Keyword.pop(options, :format),
         {:ok, {width, height}, options} <- checked(size, options, format) do
      ask = %__MODULE__{width: width, height: height, options: options, vary: hints}
      {:ok, negotiate(%{ask | filename: parameters["filename"]}, format, http, config)}
    end
  end

  @doc "The same for an edit, whose steps stand in the parameter `edit`, as text or as JSON."
  @spec edit(map, HTTPRequest.t(), Config.t()) :: {:ok, t} | refusal
  def edit(parameters, http, config) do
    with {:ok, steps, own} <- steps(parameters),
         {:ok, parameters} <- merged(Map.delete(parameters, "edit"), own),
         {:ok, options} <- options(parameters, config),
         {format, options} = Keyword.pop(options, :format),
         own = if(format in [:auto, nil], do: [], else: [format: format]),
         options = own ++ options,
         :ok <- checked_steps(steps, options),
         :ok <- few_overlays(steps),
         :ok <- allowed_quality(parameters, options, config),
         :ok <- allowed_dpr(options[:dpr], config),
         :ok <- allowed_metadata(options[:metadata], http, config),
         :ok <- allowed_sizes(steps, config) do
      ask = %__MODULE__{width: nil, height: nil, options: steps ++ options}
      {:ok, negotiate(%{ask | filename: parameters["filename"]}, format, http, config)}
    end
  end

  @doc "The parameters of an edit."
  @spec edit_parameters([{String.t(), String.t()}]) :: {:ok, map} | refusal
  def edit_parameters(pairs), do: parameters(pairs, @edit)

  defp steps(%{"edit" => text}) do
    if text =~ ~r/\A\s*[\[{]/ do
      with {:error, message} <- Edit.JSON.parse(text, @names, &Overlay.of/1),
           do: bad("wrong edit: " <> message)
    else
      with {:ok, steps} <- Edit.Text.parse(text, &overlay/1), do: {:ok, steps, %{}}
    end
  end

  defp steps(_parameters),
    do: bad("expected steps in the parameter edit, such as blur:2, or a form with a part edit")

  defp overlay(text) do
    with {:error, message} <- Overlay.of(text), do: Options.invalid(:overlay, text, message)
  end

  # What stands among the steps is what would stand beside them.
  defp merged(parameters, own) do
    case Enum.find(Map.keys(own), &is_map_key(parameters, &1)) do
      nil -> {:ok, Map.merge(parameters, own)}
      name -> bad("the parameter #{name} is given twice")
    end
  end

  # The error is about the first step that is wrong by itself.
  defp checked_steps(steps, options) do
    case Request.edit(steps ++ options) do
      {:ok, _request} ->
        :ok

      error ->
        with {where, wrong} <- Edit.wrong(steps),
             do: bad("wrong edit: #{where}: expected #{Edit.JSON.expected(wrong.expected)}"),
             else: (nil -> error)
    end
  end

  defp few_overlays(steps) do
    if Overlay.few?(steps),
      do: :ok,
      else: bad("wrong edit: expected at most #{Overlay.most()} overlays")
  end

  # All sizes that a step names.
  defp allowed_sizes(steps, config) do
    Enum.reduce_while(steps, :ok, fn step, :ok ->
      with :ok <- allowed_step(step, config), do: {:cont, :ok}, else: (error -> {:halt, error})
    end)
  end

  defp allowed_step({name, {width, height, opts}}, config) when name in [:resize, :thumbnail] do
    with :ok <- allowed_size({width, height}, config), do: allowed_dpr(opts[:dpr], config)
  end

  defp allowed_step({name, {width, height}}, config) when name in [:resize, :thumbnail],
    do: allowed_size({width, height}, config)

  defp allowed_step(_step, _config), do: :ok

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

  # Whoever sends a picture has what it says of itself.
  defp allowed_metadata(_parts, %{method: "POST"}, _config), do: :ok

  defp allowed_metadata(parts, _http, config) do
    if Metadata.allowed?(parts, config), do: :ok, else: Metadata.refused()
  end

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

  defp value(:metadata, _type, text) when text in ["strip", "keep"],
    do: value(:metadata, {:in, [:strip, :keep]}, text)

  defp value(:metadata, {:metadata, parts}, text) do
    named = Map.new(parts, &{Atom.to_string(&1), &1})
    texts = String.split(text, ",")

    if length(texts) <= map_size(named) and Enum.all?(texts, &is_map_key(named, &1)),
      do: {:ok, Enum.map(texts, &Map.fetch!(named, &1))},
      else: wrong(:metadata, text, [:strip, :keep, "or some of"] ++ parts)
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
      call = %{
        autorotate: request.autorotate,
        trim: request.trim || false,
        on_damage: request.on_damage
      }

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
