defmodule Thumbelina.Parallel do
  @moduledoc false
  # Many pictures, each in a task of its own.

  alias Thumbelina.{Error, Source, Worker}

  # The native work ends by itself when the time is up. Only a producer of pieces can take longer.
  @grace 200

  @doc """
  Runs `fun` for each of `items`, lazily, and gives its results, or what became of it. How many are
  run at a time is asked when the stream begins, if the options do not say.
  """
  @spec map(Enumerable.t(), (term -> result), map, timeout, (... -> pos_integer)) ::
          Enumerable.t()
        when result: term
  def map(items, fun, opts, timeout, most) do
    unless Source.enumerable?(items) do
      raise ArgumentError,
            "expected an enumerable of pictures, such as that of Thumbelina.open_all/2, " <>
              "got: #{inspect(items)}"
    end

    fn acc, reducer ->
      items
      |> Task.async_stream(&run(fn -> fun.(&1) end),
        max_concurrency: opts.max_concurrency || most.(),
        ordered: opts.ordered,
        timeout: if(timeout == :infinity, do: :infinity, else: timeout + @grace),
        on_timeout: :kill_task
      )
      |> Stream.map(fn
        {:ok, result} -> result
        {:exit, :timeout} -> {:error, %Error{reason: :timeout}}
      end)
      |> Enumerable.reduce(acc, reducer)
    end
  end

  # The task is linked to the caller of the stream, the worker only to the task: what a producer is
  # linked to may die, and takes no other picture along.
  defp run(fun) do
    Process.flag(:trap_exit, true)
    {worker, ref} = Worker.start_link(fun)

    receive do
      {^ref, result} -> result
      {:EXIT, ^worker, reason} -> Worker.failed(reason)
      {:EXIT, _caller, _reason} -> exit(:shutdown)
    end
  end
end
