defmodule Mix.Thumbelina.ProgressTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Progress

  defp line(fields, columns),
    do: Progress |> struct!(fields) |> Progress.render(columns) |> String.trim_trailing()

  @half [total: 200, done: 100, worked: 90, failed: 2, milliseconds: 20_000]

  test "has a bar, a count, the rate, the rest, and what failed" do
    assert line(@half, 60) ==
             "[##########-----------] 100/200  4.5/s  0:22 left  2 failed"

    assert line([total: 8, done: 0], 30) == "[-----------------------] 0/8"
    assert line([total: 8, done: 8], 30) == "[#######################] 8/8"
    assert line([total: 0], 30) == "[-----------------------] 0/0"
  end

  test "the bar has at most 40 characters, and goes before anything else does" do
    assert line(@half, 300) =~ ~r/^\[#{String.duplicate("#", 20)}-{20}\] 100/
    assert line(@half, 40) == "100/200  4.5/s  0:22 left  2 failed"
    assert line(@half, 20) == "100/200  4.5/s  0:2"
    assert line(@half, 1) == ""
  end

  test "the rate is of what took work, and the rest comes from it" do
    assert line([total: 1000, done: 900, worked: 0, milliseconds: 10], 20) == "900/1000"
    skipped = [total: 1000, done: 900, worked: 10, milliseconds: 10_000]
    assert line(skipped, 39) == "900/1000  1.0/s  1:40 left"
    hours = [total: 100_000, done: 1, worked: 1, milliseconds: 50]
    assert line(hours, 40) == "1/100000  20.0/s  1:23:19 left"
  end

  test "every line has the same width, and covers the one before" do
    for columns <- [1, 2, 10, 33, 80, 200], done <- 0..200//7 do
      line = Progress.render(%Progress{total: 200, done: done, worked: done, failed: 1}, columns)
      assert String.length(line) == columns - 1
      assert line =~ ~r/\A[\x20-\x7E]*\z/
    end
  end

  test "a file or a pipe is no terminal" do
    {:ok, device} = StringIO.open("")
    assert Progress.columns(device) == nil
  end
end
