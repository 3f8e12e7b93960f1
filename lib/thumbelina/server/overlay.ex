defmodule Thumbelina.Server.Overlay do
  @moduledoc false
  # The other picture of a step: a file under the root, a picture of another server, or a part of
  # the form. What is under the root, and who other servers are, is decided as for every picture.

  alias Thumbelina.Server.{Config, Files, Form, Origin}

  # Each is read and decoded.
  @most 4

  @typedoc "Where it is. No pair, which would be a picture with options."
  @type t :: %{path: [String.t()]} | %{url: String.t()} | %{form: String.t()}

  @doc "Reads what a step says."
  @spec of(String.t()) :: {:ok, t} | {:error, String.t()}
  def of("form:" <> name) when name != "", do: {:ok, %{form: name}}

  def of(text) do
    cond do
      text =~ ~r{\Ahttps?://}i -> {:ok, %{url: text}}
      text in ["", "/"] -> {:error, "expected a path, a URL, or form: and the name of a part"}
      true -> {:ok, %{path: text |> String.trim_leading("/") |> String.split("/")}}
    end
  end

  @doc "Whether there are no more than are read for one picture."
  @spec few?(keyword) :: boolean
  def few?(steps), do: length(Keyword.get_values(steps, :overlay)) <= @most

  @doc "The most overlays of one picture."
  @spec most :: pos_integer
  def most, do: @most

  @doc "The parts of the form that steps name."
  @spec parts(keyword) :: [String.t()]
  def parts(steps) do
    for {:overlay, value} <- steps, %{form: name} <- [source(value)], do: name
  end

  @doc """
  What tells whether the overlays are still the same, where the picture itself may be kept by
  caches: these are files.
  """
  @spec versions(keyword, Config.t()) :: {:ok, [term]} | {:error, term}
  def versions(steps, config) do
    Enum.reduce_while(Keyword.get_values(steps, :overlay), {:ok, []}, fn value, {:ok, ids} ->
      with %{path: path} <- source(value),
           {:ok, id} <- Files.open(config.root, path, &{:ok, &1.id}) do
        {:cont, {:ok, [id | ids]}}
      else
        {:error, _} = error -> {:halt, named(error)}
        _elsewhere -> {:halt, refused()}
      end
    end)
  end

  defp refused do
    {:error,
     {400, :invalid_option, "wrong edit: expected overlays under the root, where it is no POST"}}
  end

  @doc "Puts the bytes into the steps."
  @spec load(keyword, Form.t(), Config.t()) :: {:ok, keyword} | {:error, term}
  def load(steps, form, config) do
    deadline = now() + config.timeout

    loaded =
      Enum.reduce_while(steps, [], fn step, loaded ->
        case step(step, form, config, deadline) do
          {:ok, step} -> {:cont, [step | loaded]}
          error -> {:halt, named(error)}
        end
      end)

    with loaded when is_list(loaded) <- loaded, do: {:ok, Enum.reverse(loaded)}
  end

  defp step({:overlay, value}, form, config, deadline) do
    # A thing of no time left is refused as one that takes too long.
    config = %{config | timeout: max(deadline - now(), 1)}

    with {:ok, bytes} <- bytes(source(value), form, config),
         do: {:ok, {:overlay, put(value, bytes)}}
  end

  defp step(step, _form, _config, _deadline), do: {:ok, step}

  defp source({source, _opts}), do: source
  defp source(source), do: source

  defp put({_source, opts}, bytes), do: {bytes, opts}
  defp put(_source, bytes), do: bytes

  defp bytes(%{form: name}, form, config), do: Form.bytes(form, name, config)

  defp bytes(%{path: path}, _form, config),
    do: Files.open(config.root, path, &Origin.read(&1, config))

  defp bytes(%{url: url}, _form, config) do
    with {:ok, remote} <- Origin.open(url, config), do: Origin.fetch(remote)
  end

  defp named({:error, :not_found}), do: {:error, {404, :not_found, "overlay: not found"}}

  defp named({:error, {status, reason, text}}),
    do: {:error, {status, reason, "overlay: " <> text}}

  defp named(error), do: error

  defp now, do: System.monotonic_time(:millisecond)
end
