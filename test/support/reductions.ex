defmodule Thumbelina.Reductions do
  @moduledoc false
  # What work costs, for tests of how it grows with its input: unlike times, reductions hardly vary.

  @doc "The reductions that a call of `fun` takes, in a fresh process."
  def count(fun) do
    Task.async(fn ->
      {:reductions, before} = Process.info(self(), :reductions)
      fun.()
      {:reductions, now} = Process.info(self(), :reductions)
      now - before
    end)
    |> Task.await(30_000)
  end
end
