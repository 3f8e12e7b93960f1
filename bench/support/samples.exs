defmodule Bench.Samples do
  # Statistics of many measurements of the same thing.

  def average(samples), do: Enum.sum(samples) / length(samples)

  @doc "The standard deviation as a fraction of the average."
  def deviation([_sample]), do: 0.0

  def deviation(samples) do
    average = average(samples)
    squares = for sample <- samples, do: (sample - average) ** 2
    :math.sqrt(Enum.sum(squares) / (length(samples) - 1)) / average
  end

  @doc "The samples in the form that `percentile/2` takes."
  def sort(samples), do: samples |> Enum.sort() |> List.to_tuple()

  @doc "The smallest sample that is not exceeded by this fraction of all samples."
  def percentile(sorted, part) do
    elem(sorted, max(ceil(part * tuple_size(sorted)), 1) - 1)
  end

  @doc "Converts the VM's native time unit to milliseconds."
  def milliseconds(native),
    do: System.convert_time_unit(native, :native, :nanosecond) / 1_000_000

  def decimals(number, count \\ 2), do: :erlang.float_to_binary(number / 1, decimals: count)
end
