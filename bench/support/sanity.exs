defmodule Bench.Sanity do
  # Checks that every job does what its name says, before it is timed.

  @doc """
  Does each job once with each input, and raises if the result is not what was asked for.

  A job is `{name, {side, opts}}` with `:format` among the options; an input is `{name, image}`.
  """
  def check!(jobs, inputs) do
    for {input, image} <- inputs, {job, {side, opts}} <- jobs do
      with {:error, problem} <- check(image, side, opts) do
        Mix.raise("sanity pass: #{job}, #{input}: #{problem}")
      end
    end

    :ok
  end

  defp check(image, side, opts) do
    with {:ok, plan} <- Thumbelina.explain(image, side, side, opts),
         {:ok, thumb} <- Thumbelina.thumbnail(image, side, side, opts),
         {:ok, header} <- Thumbelina.new(thumb.bytes),
         # A good header does not make a good picture.
         {:ok, _decoded} <- Thumbelina.thumbnail(thumb, 8, 8) do
      # The plan could be wrong, too, but the longer side is known without it.
      longer = min(side, max(image.width, image.height))
      expected = {opts[:format], plan.width, plan.height}

      cond do
        max(plan.width, plan.height) != longer ->
          {:error, "#{longer} pixels expected, planned #{plan.width}x#{plan.height}"}

        facts(thumb) != expected or facts(header) != expected ->
          facts = Enum.map_join([expected, facts(thumb), facts(header)], ", ", &inspect/1)
          {:error, "the plan, the thumbnail and its header differ: #{facts}"}

        true ->
          :ok
      end
    else
      {:error, error} -> {:error, Exception.message(error)}
    end
  end

  defp facts(image), do: {image.format, image.width, image.height}
end
