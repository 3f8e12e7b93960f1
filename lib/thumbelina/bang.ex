defmodule Thumbelina.Bang do
  @moduledoc false
  # The functions with a `!`, of those that return `{:ok, value}` or `{:error, error}`.

  @doc """
  Defines, for each head in the block, the function of that name with a `!`, with its documentation
  and its spec. A head has the types of its arguments: `blur(source :: source, sigma :: number)`.
  """
  defmacro define(group, result, do: block),
    do: block |> heads() |> Enum.map(&defined(&1, group, result))

  defp heads({:__block__, _meta, heads}), do: heads
  defp heads(head), do: [head]

  defp defined({name, _meta, args}, group, result) do
    bang = :"#{name}!"
    typed = Enum.map(args, &typed/1)
    names = for {:"::", _meta, [name, _type]} <- typed, do: name

    quote do
      @doc group: unquote(group)
      @doc unquote("Like `#{name}/#{length(args)}`, but raises `Thumbelina.Error`.")
      @spec unquote(bang)(unquote_splicing(typed)) :: unquote(result)
      def unquote(bang)(unquote_splicing(Enum.map(args, &parameter/1))) do
        case unquote(name)(unquote_splicing(names)) do
          {:ok, value} -> value
          {:error, error} -> raise error
        end
      end
    end
  end

  defp typed({:\\, _meta, [typed, _default]}), do: typed
  defp typed(typed), do: typed

  defp parameter({:\\, meta, [typed, default]}), do: {:\\, meta, [parameter(typed), default]}
  defp parameter({:"::", _meta, [name, _type]}), do: name
end
