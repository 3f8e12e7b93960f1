defmodule Thumbelina.Edit.JSON do
  @moduledoc false
  # Steps of an edit as JSON, for requests and the command line: a list of objects of one member.
  #
  #     [{"resize": [400, null]}, {"rotate": {"value": 5, "background": "white"}},
  #      {"blur": 2.0}, {"format": "webp"}]
  #
  # A value is what the library takes, where a tuple is a list and an atom a string. With options,
  # it is an object that has it as `value`. What they may be is the business of `Thumbelina.Edit`,
  # which gets them as a caller of the library would give them.

  alias Thumbelina.{Color, Edit, JSON, Options, Position}

  # As in a line of text; options come on top.
  @max_steps 32
  @max_entries 64

  @names Map.new(Edit.names(), &{Atom.to_string(&1), &1})

  @options Map.new(Edit.names(), fn name ->
             {name, Map.new(Edit.options(name), &{Atom.to_string(&1), &1})}
           end)

  @words for {key, {:in, words}} when key in [:fit, :filter] <- Options.types(),
             into: %{flip: [:horizontal, :vertical], round: [:circle]},
             do: {key, words}

  @words Map.new(@words, fn {key, words} ->
           {key, Map.new(words, &{Atom.to_string(&1), &1})}
         end)

  @typedoc "Members that are no steps, as a URL would have them."
  @type parameters :: %{String.t() => String.t()}

  @doc """
  Reads steps, and options of the `known` names among them. `picture` makes what an overlay names a
  source, or refuses it.
  """
  @spec parse(String.t(), [String.t()], (String.t() -> {:ok, term} | {:error, String.t()})) ::
          {:ok, keyword, parameters} | {:error, String.t()}
  def parse(text, known, picture) do
    case JSON.decode(text) do
      {:ok, [_ | _] = entries} ->
        entries |> Enum.with_index(1) |> collect({[], %{}}, &entry(&1, known, picture))

      {:ok, _other} ->
        {:error, ~s(expected a list of steps, such as [{"resize": [400, null]}, {"blur": 2}])}

      {:error, message} ->
        {:error, "expected JSON, which is #{message}"}
    end
  end

  defp collect([], {steps, parameters}, _read), do: {:ok, Enum.reverse(steps), parameters}

  defp collect([entry | entries], {steps, parameters}, read) do
    case read.(entry) do
      {:step, step} when length(steps) < @max_steps ->
        collect(entries, {[step | steps], parameters}, read)

      {:parameter, name, _text} when is_map_key(parameters, name) ->
        {:error, "#{name} is given twice"}

      {:parameter, name, text} when map_size(parameters) < @max_entries ->
        collect(entries, {steps, Map.put(parameters, name, text)}, read)

      {:error, message} ->
        {:error, message}

      _one_more ->
        {:error, "expected at most #{@max_steps} steps"}
    end
  end

  defp entry({%{} = entry, index}, known, picture) when map_size(entry) == 1 do
    [{name, value}] = Map.to_list(entry)

    cond do
      is_map_key(@names, name) -> step(Map.fetch!(@names, name), value, index, picture)
      name in known -> parameter(name, value, index)
      true -> {:error, "step #{index}: unknown; expected one of #{names(known)}"}
    end
  end

  defp entry({_other, index}, _known, _picture),
    do: {:error, ~s(step #{index}: expected an object of one member, such as {"blur": 2})}

  defp names(known), do: Enum.join(Enum.map(Edit.names(), &Atom.to_string/1) ++ known, ", ")

  defp step(name, %{"value" => value} = given, index, picture) do
    with {:ok, opts} <- given |> Map.delete("value") |> options(name, index),
         {:ok, value} <- value(name, value, index, picture),
         do: {:step, {name, with_options(name, value, opts)}}
  end

  defp step(name, %{}, index, _picture),
    do: {:error, "step #{index}, #{name}: expected a value, or an object with a value"}

  defp step(name, value, index, picture),
    do: with({:ok, value} <- value(name, value, index, picture), do: {:step, {name, value}})

  defp options(given, name, index) do
    known = Map.fetch!(@options, name)

    case Enum.find(given, fn {key, _value} -> not is_map_key(known, key) end) do
      nil ->
        {:ok, for({key, value} <- given, do: option(Map.fetch!(known, key), value))}

      _unknown ->
        expected = if known == %{}, do: "no options", else: Enum.join(Map.keys(known), ", ")
        {:error, "step #{index}, #{name}: unknown option; expected #{expected}"}
    end
  end

  defp option(:background, color), do: {:background, color(color)}
  defp option(:position, [x, y]), do: {:position, {x, y}}

  # A string that is no position stays one, which the check of the step refuses.
  defp option(:position, text) when is_binary(text) do
    case Position.parse(text) do
      {:ok, position} -> {:position, position}
      :error -> {:position, text}
    end
  end

  defp option(key, value), do: {key, word(key, value)}

  defp value(:overlay, text, index, picture) when is_binary(text) do
    with {:error, message} <- picture.(text), do: {:error, "step #{index}, overlay: #{message}"}
  end

  # Anything else would be a picture.
  defp value(:overlay, _other, index, _picture),
    do: {:error, "step #{index}, overlay: expected a string that says where the picture is"}

  defp value(name, [_, _] = size, _index, _picture) when name in [:thumbnail, :resize, :crop],
    do: {:ok, List.to_tuple(size)}

  defp value(:crop, [_, _, _, _] = part, _index, _picture), do: {:ok, List.to_tuple(part)}
  defp value(:border, [width, color], _index, _picture), do: {:ok, {width, color(color)}}
  defp value(:tint, color, _index, _picture), do: {:ok, color(color)}
  defp value(name, value, _index, _picture), do: {:ok, word(name, value)}

  defp word(key, text) when is_binary(text) and is_map_key(@words, key),
    do: @words |> Map.fetch!(key) |> Map.get(text, text)

  defp word(_key, value), do: value

  defp color([_, _, _] = color), do: List.to_tuple(color)
  defp color([_, _, _, _] = color), do: List.to_tuple(color)
  defp color(other), do: other

  defp with_options(_name, value, []), do: value

  defp with_options(name, {a, b}, opts) when name in [:resize, :thumbnail, :crop],
    do: {a, b, opts}

  defp with_options(_name, value, opts), do: {value, opts}

  defp parameter(name, value, index) do
    case text(name, value) do
      {:ok, text} -> {:parameter, name, text}
      :error -> {:error, "step #{index}, #{name}: expected a string, a number, true or false"}
    end
  end

  defp text("background", [_ | _] = color) do
    with {:ok, rgba} <- color |> color() |> Color.parse(), do: {:ok, Color.to_text(rgba)}
  end

  defp text(name, [_ | _] = list) when name in ["position", "metadata"] do
    texts = for item <- list, {:ok, text} <- [text(nil, item)], do: text
    if length(texts) == length(list), do: {:ok, Enum.join(texts, ",")}, else: :error
  end

  defp text(_name, text) when is_binary(text), do: {:ok, text}
  defp text(_name, value) when is_number(value) or is_boolean(value), do: {:ok, "#{value}"}
  defp text(_name, _value), do: :error

  @doc "What was expected, as JSON has it."
  @spec expected(String.t()) :: String.t()
  def expected(text) do
    text
    |> String.replace(["{", "}"], &if(&1 == "{", do: "[", else: "]"))
    |> String.replace(~r/(?<![\w"]):([a-z]\w*)/, ~s("\\1"))
    |> String.replace(~r/\bnil\b/, "null")
  end
end
