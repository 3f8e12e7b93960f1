Code.require_file("../../support/json.ex", __DIR__)

defmodule Mix.Thumbelina.ReportTest do
  # The shell, and stdout, are everybody's.
  use ExUnit.Case

  import ExUnit.CaptureIO

  alias Mix.Thumbelina.Report
  alias Thumbelina.{Error, TestJSON}

  setup do
    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(shell) end)
  end

  defp result(path, fields \\ []) do
    Map.merge(
      %{path: path, outputs: [], there: [], error: nil, bytes_in: 0, microseconds: 0},
      Map.new(fields)
    )
  end

  defp output(path), do: %{path: path, format: :jpeg, width: 50, height: 33, bytes: 100}

  defp results do
    [
      result("a.jpg", outputs: [output("o/a-1.jpg"), output("o/a-2.jpg")], bytes_in: 9_000),
      result("b.jpg", error: %Error{reason: :enoent, path: "b.jpg"}),
      result("c.jpg", there: ["o/c-1.jpg", "o/c-2.jpg"]),
      result("d.jpg", outputs: [output("o/d-1.jpg")], there: ["o/d-2.jpg"], bytes_in: 10),
      result("e.jpg",
        outputs: [output("o/e-1.jpg")],
        error: %Error{reason: :enospc, path: "o/e-2.jpg"}
      )
    ]
  end

  defp tell(results, opts) do
    results |> Enum.reduce(Report.new(length(results), opts), &Report.add/2) |> Report.finish()
  end

  test "people are told of what fails, and get a summary" do
    report = tell(results(), [])
    assert {report.made, report.failed, report.skipped} == {2, 2, 1}
    assert_received {:mix_shell, :error, ["b.jpg: no such file or directory"]}
    assert_received {:mix_shell, :error, ["e.jpg: o/e-2.jpg: no space left on device"]}
    assert_received {:mix_shell, :info, [summary]}

    assert summary =~
             ~r/^2 made, 2 failed, 1 skipped \(already there; --force makes them again\) in \d/

    assert summary =~ ~r/ in \d+\.\d s, 9010 bytes in, 400 bytes out$/

    refute_received {:mix_shell, _, _}
  end

  test "quiet is errors only" do
    tell(results(), quiet: true)
    assert_received {:mix_shell, :error, ["b.jpg: " <> _]}
    assert_received {:mix_shell, :error, ["e.jpg: " <> _]}
    refute_received {:mix_shell, _, _}
  end

  test "names cannot give orders to a terminal" do
    tell(
      [
        result("\e[31m\n.jpg", error: %Error{reason: :timeout}),
        result(<<"ü", 0xFF>>, error: %Error{reason: :truncated, format: :gif})
      ],
      []
    )

    assert_received {:mix_shell, :error,
                     ["\\e[31m\\n.jpg: the call took longer than its timeout"]}

    assert_received {:mix_shell, :error, ["ü\\xFF: truncated gif"]}
  end

  test "machines get an object for each picture, and one for all" do
    text = capture_io(fn -> tell(results() ++ [result(<<"\n", 0xFF>>)], json: true) end)
    assert [a, b, c, d, e, f, summary, ""] = String.split(text, "\n")

    assert a ==
             ~S({"path":"a.jpg","status":"made","outputs":[) <>
               ~S({"path":"o/a-1.jpg","format":"jpeg","width":50,"height":33,"bytes":100},) <>
               ~S({"path":"o/a-2.jpg","format":"jpeg","width":50,"height":33,"bytes":100}],) <>
               ~S("skipped":[],"microseconds":0})

    assert b ==
             ~S({"path":"b.jpg","status":"failed","outputs":[],"skipped":[],"microseconds":0,) <>
               ~S("error":{"reason":"enoent","message":"b.jpg: no such file or directory"}})

    assert %{"status" => "skipped", "skipped" => ["o/c-1.jpg", "o/c-2.jpg"], "outputs" => []} =
             TestJSON.read(c)

    assert %{"status" => "made", "skipped" => ["o/d-2.jpg"], "outputs" => [%{}]} =
             TestJSON.read(d)

    assert %{"status" => "failed", "outputs" => [%{}], "error" => %{"reason" => "enospc"}} =
             TestJSON.read(e)

    assert TestJSON.read(f)["path"] == "\n\uFFFD"
    assert %{"summary" => all} = TestJSON.read(summary)
    assert is_float(all["seconds"])

    assert Map.delete(all, "seconds") == %{
             "made" => 2,
             "failed" => 2,
             "skipped" => 2,
             "outputs" => 4,
             "bytes_in" => 9_010,
             "bytes_out" => 400
           }

    refute_received {:mix_shell, _, _}
  end

  # A terminal of 60 columns, that gives what was written to it.
  defp terminal(written \\ "") do
    receive do
      {:io_request, from, ref, {:get_geometry, :columns}} ->
        send(from, {:io_reply, ref, 60})
        terminal(written)

      {:io_request, from, ref, {:put_chars, _encoding, text}} ->
        send(from, {:io_reply, ref, :ok})
        terminal(written <> IO.chardata_to_string(text))

      {:written, from} ->
        send(from, {:written, written})
    end
  end

  defp on_terminal(opts) do
    device = spawn_link(fn -> terminal() end)
    tell(results(), [device: device] ++ opts)
    send(device, {:written, self()})
    assert_receive {:written, written}
    written
  end

  test "a terminal has a bar in one line, then the summary in its place" do
    written = on_terminal([])
    blank = "\r" <> String.duplicate(" ", 59) <> "\r"
    assert [bar, after_b | rest] = String.split(written, blank)
    assert "\r[" <> _ = bar
    assert bar =~ ~r{\] 0/5 *$}
    assert after_b =~ ~r{^\r\[#+-+\] 2/5 .*1 failed *$}
    summary = List.last(rest)
    assert summary =~ ~r/^2 made, .* bytes out\n$/
    assert written |> String.graphemes() |> Enum.count(&(&1 == "\n")) == 1

    assert_received {:mix_shell, :error, ["b.jpg: " <> _]}
    assert_received {:mix_shell, :error, ["e.jpg: " <> _]}
    refute_received {:mix_shell, :info, _}
  end

  test "there is no bar if quiet, and one beside JSON that goes elsewhere" do
    assert on_terminal(quiet: true) == ""
    text = capture_io(fn -> send(self(), {:bar, on_terminal(json: true)}) end)
    assert_received {:bar, "\r[" <> _ = bar}
    refute bar =~ "made"
    assert length(String.split(text, "\n", trim: true)) == 6
  end
end
