defmodule Mix.Thumbelina.Progress do
  @moduledoc false
  # How far a run is, as a line for a terminal.

  @typedoc """
  `:worked` counts the pictures that took work, so not those that were skipped; the rate is theirs.
  """
  @type t :: %__MODULE__{
          total: non_neg_integer,
          done: non_neg_integer,
          worked: non_neg_integer,
          failed: non_neg_integer,
          milliseconds: non_neg_integer
        }

  defstruct total: 0, done: 0, worked: 0, failed: 0, milliseconds: 0

  # A shorter bar says nothing, and a longer one no more.
  @shortest 10
  @longest 40

  @doc "The width of a terminal, or nil if the device is none."
  @spec columns(:io.device()) :: pos_integer | nil
  def columns(device) do
    case :io.columns(device) do
      {:ok, columns} -> columns
      {:error, _} -> nil
    end
  end

  @doc """
  The line, in ASCII. It is one column short of the terminal, because a character in the last column
  makes some terminals go to the next line, and has blanks at its end, which cover an earlier line.
  """
  @spec render(t, pos_integer) :: String.t()
  def render(%__MODULE__{} = progress, columns) do
    width = columns - 1
    text = text(progress)
    bar = bar(progress, min(width - String.length(text) - 3, @longest))
    (bar <> text) |> String.slice(0, width) |> String.pad_trailing(width)
  end

  defp bar(_progress, length) when length < @shortest, do: ""

  defp bar(%{total: total, done: done}, length) do
    full = div(length * done, max(total, 1))
    "[" <> String.duplicate("#", full) <> String.duplicate("-", length - full) <> "] "
  end

  defp text(progress) do
    ["#{progress.done}/#{progress.total}", speed(progress), failed(progress)]
    |> List.flatten()
    |> Enum.join("  ")
  end

  defp failed(%{failed: 0}), do: []
  defp failed(%{failed: failed}), do: "#{failed} failed"

  defp speed(%{worked: worked, milliseconds: time}) when worked == 0 or time == 0, do: []

  defp speed(%{worked: worked, milliseconds: time} = progress) do
    left = div((progress.total - progress.done) * time, worked * 1000)
    ["#{:erlang.float_to_binary(worked * 1000 / time, decimals: 1)}/s", "#{clock(left)} left"]
  end

  defp clock(seconds) when seconds < 3600, do: "#{div(seconds, 60)}:#{two(rem(seconds, 60))}"

  defp clock(seconds) do
    minutes = div(seconds, 60)
    "#{div(minutes, 60)}:#{two(rem(minutes, 60))}:#{two(rem(seconds, 60))}"
  end

  defp two(number), do: number |> Integer.to_string() |> String.pad_leading(2, "0")
end
