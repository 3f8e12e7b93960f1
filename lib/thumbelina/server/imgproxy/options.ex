defmodule Thumbelina.Server.Imgproxy.Options do
  @moduledoc false
  # The options in a URL, one after the other, with those of presets. `Table` says which there are,
  # and `Arguments` what they mean.

  alias Thumbelina.Server.Imgproxy.{Arguments, Table, Value}

  @max_side Arguments.max_side()

  # Presets can name presets, so a short URL could ask for very many options.
  @most_options 1_000

  @typep refusal :: {:error, {400..404, String.t()}}

  @doc """
  Applies the options at the beginning of the parts of a path, and returns the parts that follow.
  The default preset comes first. `env` has `presets`, `only_presets`, `now` and `security`.
  """
  @spec parse([String.t()], map, map) :: {:ok, map, [String.t()]} | refusal
  def parse(segments, asked, env) do
    state = Map.put(asked, :left, @most_options)
    default = if is_map_key(env.presets, "default"), do: ["default"], else: []

    with {:ok, options, rest} <- split(segments, env),
         {:ok, state} <- presets(default, state, env, []),
         {:ok, state} <- apply_all(options, state, env, []),
         do: {:ok, Map.delete(state, :left), rest}
  end

  @doc "The format that a source's extension asks for."
  @spec extension(String.t() | nil, map) :: {:ok, map} | refusal
  def extension(nil, asked), do: {:ok, asked}

  def extension(extension, asked),
    do: named("extension", Arguments.take("format", [extension], asked))

  @doc "Checks what several options say together."
  @spec check(map) :: :ok | refusal
  def check(asked) do
    cond do
      max(asked.width, asked.height) * asked.dpr > @max_side ->
        bad("dpr: a side has more than #{@max_side} pixels")

      wrong = wrong_crop(asked) || wrong_trim(asked) ->
        bad(wrong)

      asked.width == 0 or asked.height == 0 ->
        :ok

      asked.min_width > asked.width ->
        bad("min-width: a box with both sides cannot have a larger min-width")

      asked.min_height > asked.height ->
        bad("min-height: a box with both sides cannot have a larger min-height")

      true ->
        :ok
    end
  end

  # What is worth to be seen is looked for in the small picture.
  defp wrong_crop(%{crop: nil, crop_ratio: nil}), do: nil
  defp wrong_crop(%{crop: {_width, _height, gravity}}) when gravity != nil, do: nil

  defp wrong_crop(%{position: :attention}),
    do: "crop: the gravity sm is not supported for it; give it one of its own"

  defp wrong_crop(_asked), do: nil

  # How large what is left of the picture is shows when it is made.
  defp wrong_trim(%{trim: nil}), do: nil

  defp wrong_trim(asked) do
    cond do
      asked.fit in [:fill_down, :auto] -> "trim: the resizing type is not supported with it"
      asked.fit == :fill and not asked.enlarge -> "trim: force is only supported with enlarge"
      asked.min_width + asked.min_height > 0 -> "trim: no min-width or min-height with it"
      asked.dpr != 1.0 and not asked.enlarge -> "trim: dpr is only supported with enlarge"
      asked.zoom != {1.0, 1.0} -> "trim: no zoom with it"
      asked.crop || asked.crop_ratio -> "trim: no crop with it"
      asked.extend || asked.extend_ratio -> "trim: no extend with it"
      asked.padding -> "trim: no padding with it"
      asked.watermark -> "trim: no watermark with it"
      offset?(asked.position) -> "trim: no offsets with it"
      true -> nil
    end
  end

  defp offset?({_position, _x, _y}), do: true
  defp offset?(_position), do: false

  # Only presets: their names, and the source.
  defp split([names | rest], %{only_presets: true}),
    do: {:ok, [["preset" | String.split(names, ":")]], rest}

  defp split(segments, _env) do
    if segments != [] and Arguments.resizing_type?(hd(segments)) do
      bad("the basic URL format of old imgproxies is not supported")
    else
      {options, rest} = Enum.split_while(segments, &String.contains?(&1, ":"))
      {:ok, Enum.map(options, &String.split(&1, ":")), rest}
    end
  end

  defp apply_all(options, state, env, used) do
    Enum.reduce_while(options, {:ok, state}, fn [name | args], {:ok, state} ->
      with {:ok, state} <- count(state),
           {:ok, state} <- apply_one(name, args, state, env, used) do
        {:cont, {:ok, state}}
      else
        error -> {:halt, error}
      end
    end)
  end

  defp count(%{left: 0}), do: bad("the URL has more than #{@most_options} options")
  defp count(%{left: left} = state), do: {:ok, %{state | left: left - 1}}

  defp apply_one(name, args, state, env, used) do
    case Table.find(name) do
      {:ok, "preset", _what} ->
        presets(args, state, env, used)

      {:ok, "max_src_" <> _, _what} when not env.security ->
        {:error, {403, "#{name}: security options are not allowed"}}

      {:ok, "expires", _what} ->
        taken = Arguments.take("expires", args, state)
        named(name, with({:ok, state} <- taken, do: alive(state, env)))

      {:ok, long, {:take, _note}} ->
        named(name, Arguments.take(long, args, state))

      {:ok, long, what} ->
        condition = elem(what, 1)
        if Table.meets?(condition, args), do: {:ok, state}, else: refuse(name, long, condition)

      :error ->
        bad("unknown option #{Value.shown(name)}")
    end
  end

  defp refuse(name, long, condition) do
    name = if name == long, do: name, else: "#{name} (#{long})"

    if condition == :never do
      bad("the option #{name} is not supported")
    else
      value = condition |> Table.condition() |> String.replace("`", "")
      bad("the option #{name} is not supported, only with #{value}")
    end
  end

  # As in imgproxy, a preset that comes back while it is applied is left out.
  defp presets(names, state, env, used) do
    Enum.reduce_while(names, {:ok, state}, fn name, {:ok, state} ->
      with {:ok, state} <- count(state), {:ok, state} <- preset(name, state, env, used) do
        {:cont, {:ok, state}}
      else
        error -> {:halt, error}
      end
    end)
  end

  defp preset(name, state, %{presets: presets} = env, used) do
    case presets do
      %{^name => options} ->
        if name in used, do: {:ok, state}, else: expand(name, options, state, env, used)

      _ ->
        bad("unknown preset #{Value.shown(name)}")
    end
  end

  defp expand(name, options, state, env, used) do
    case options |> String.split("/") |> split(%{env | only_presets: false}) do
      {:ok, options, []} -> apply_all(options, state, env, [name | used])
      _ -> bad("the preset #{Value.shown(name)} is not made of options")
    end
  end

  defp alive(%{expires: expires} = state, %{now: now}) do
    if expires != nil and expires < now,
      do: {:error, {404, "the URL has expired"}},
      else: {:ok, state}
  end

  defp named(name, {:error, text}) when is_binary(text), do: bad("#{name}: #{text}")
  defp named(_name, result), do: result

  defp bad(message), do: {:error, {400, message}}
end
