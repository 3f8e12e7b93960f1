defmodule Thumbelina.Edit.Text do
  @moduledoc false
  # Steps of an edit as a line of text, for the command line and URLs:
  #
  #     crop:0,0,400,400|resize:200x|rotate:30,background=white|grayscale|round:circle
  #
  # Steps are parted by `|`, values by commas, and options are `name=value`. What they may be is the
  # business of `Thumbelina.Edit`, which gets them as a caller of the library would give them.

  alias Thumbelina.{Edit, Error, Options, Position}

  # Nobody needs more, and each is work.
  @max_steps 32

  @names Map.new(Edit.names(), &{Atom.to_string(&1), &1})

  @options for name <- Edit.names(),
               option <- Edit.options(name),
               into: %{},
               do: {Atom.to_string(option), option}

  @words for {key, {:in, words}} when key in [:fit, :filter] <- Options.types(),
             word <- words ++ ~w(true false horizontal vertical circle)a,
             into: %{},
             do: {Atom.to_string(word), word}

  # How they are written.
  @forms [
    thumbnail: "thumbnail:200 or thumbnail:400x300",
    resize: "resize:400x300, resize:400x or resize:200",
    crop: "crop:10,20,300,200 or crop:300x200",
    flip: "flip:horizontal or flip:vertical",
    rotate: "rotate:90 or rotate:5,background=white",
    blur: "blur:2",
    sharpen: "sharpen:1 or sharpen:1,amount=1.5,threshold=2",
    brighten: "brighten:1.2",
    contrast: "contrast:1.2",
    saturate: "saturate:1.4",
    gamma: "gamma:2.2",
    grayscale: "grayscale",
    invert: "invert",
    threshold: "threshold:128",
    tint: "tint:#704214",
    overlay: "overlay:logo.png or overlay:logo.png,position=southeast,margin=10",
    round: "round:12 or round:circle",
    border: "border:10,gold"
  ]

  @doc "Reads steps. `picture` makes what an overlay names a source, or refuses it."
  @spec parse(String.t(), (String.t() -> {:ok, term} | {:error, term})) ::
          {:ok, keyword} | {:error, Error.t()}
  def parse(text, picture) do
    parts = String.split(text, "|")

    if length(parts) > @max_steps do
      Options.invalid(:edit, text, "at most #{@max_steps} steps")
    else
      steps =
        Enum.reduce_while(parts, [], fn part, steps ->
          case step(part, picture) do
            {:ok, step} ->
              {:cont, [step | steps]}

            {:error, %Error{} = error} ->
              {:halt, {:error, error}}

            {:wrong, name} ->
              {:halt, Options.invalid(:edit, part, "a step as in #{@forms[name]}")}

            :error ->
              {:halt, wrong(part)}
          end
        end)

      with steps when is_list(steps) <- steps, do: {:ok, Enum.reverse(steps)}
    end
  end

  defp wrong(part) do
    names = Enum.map_join(Edit.names(), ", ", &Atom.to_string/1)
    Options.invalid(:edit, part, "steps such as resize:400x or blur:2, parted by |, of #{names}")
  end

  defp step(part, picture) do
    {name, rest} = pair(part, ":")

    with {:ok, name} <- Map.fetch(@names, name),
         {opts, values} = rest |> values() |> Enum.split_with(&option?/1),
         {:ok, opts} <- options(opts) do
      case value(name, values, picture) do
        {:ok, value} -> {:ok, {name, with_options(name, value, opts)}}
        :error -> {:wrong, name}
        error -> error
      end
    end
  end

  @doc "What was expected, as text has it, where nothing is left out by a `nil`."
  @spec expected(String.t()) :: String.t()
  def expected(text),
    do:
      text
      |> String.replace(~r/,? or :?(nil|infinity)\b/, "")
      |> String.replace(~r/(?<!\w):(?=[a-z])/, "")

  defp pair(text, mark) do
    case String.split(text, mark, parts: 2) do
      [name, rest] -> {name, rest}
      [name] -> {name, ""}
    end
  end

  defp values(""), do: []
  defp values(text), do: String.split(text, ",")

  defp option?(text) do
    {name, _value} = pair(text, "=")
    text != name and is_map_key(@options, name)
  end

  # A point has a comma of its own: `position=0.3;0.7` has none.
  defp options(texts) do
    Enum.reduce_while(texts, {:ok, []}, fn text, {:ok, opts} ->
      {name, value} = pair(text, "=")

      case option(Map.fetch!(@options, name), value) do
        {:ok, option} -> {:cont, {:ok, opts ++ [option]}}
        :error -> {:halt, wrong_position(text)}
      end
    end)
  end

  defp wrong_position(text) do
    names = Enum.map_join(Position.names(), ", ", &Atom.to_string/1)
    Options.invalid(:edit, text, "position=0.3;0.7, or one of #{names}")
  end

  defp option(:position, text) do
    with {:ok, position} <- text |> String.replace(";", ",") |> Position.parse(),
         do: {:ok, {:position, position}}
  end

  defp option(:background, text), do: {:ok, {:background, color(text)}}
  defp option(name, text), do: {:ok, {name, term(text)}}

  defp value(name, [size], _picture) when name in [:resize, :thumbnail, :crop], do: size(size)

  defp value(name, [width, height], _picture) when name in [:resize, :thumbnail, :crop],
    do: {:ok, {term(width), term(height)}}

  defp value(:crop, [_, _, _, _] = values, _picture),
    do: {:ok, values |> Enum.map(&term/1) |> List.to_tuple()}

  defp value(name, [], _picture) when name in [:grayscale, :invert], do: {:ok, true}
  defp value(:border, [width, color], _picture), do: {:ok, {term(width), color(color)}}
  defp value(:tint, [color], _picture), do: {:ok, color(color)}
  defp value(:overlay, [text], picture), do: picture.(text)
  defp value(name, [value], _picture) when name not in [:border], do: {:ok, term(value)}
  defp value(_name, _values, _picture), do: :error

  defp size(text) do
    case String.split(text, "x") do
      [width, height] when {width, height} != {"", ""} -> {:ok, {side(width), side(height)}}
      [side] -> {:ok, {term(side), term(side)}}
      _ -> :error
    end
  end

  defp side(""), do: nil
  defp side(text), do: term(text)

  # Digits without the `#`, which would end a URL. No name of a color has these letters alone.
  @digits ~r/\A([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\z/

  defp color(text), do: if(text =~ @digits, do: "#" <> text, else: text)

  # Nobody needs more digits, and the time to read many is not linear.
  @number ~r/\A-?\d{1,10}(\.\d{1,10})?\z/

  # A number or a word, or the text itself, which the check of the step refuses.
  defp term(text) do
    cond do
      is_map_key(@words, text) -> Map.fetch!(@words, text)
      not (text =~ @number) -> text
      String.contains?(text, ".") -> String.to_float(text)
      true -> String.to_integer(text)
    end
  end

  defp with_options(_name, value, []), do: value

  defp with_options(name, {a, b}, opts) when name in [:resize, :thumbnail, :crop],
    do: {a, b, opts}

  defp with_options(_name, value, opts), do: {value, opts}
end
