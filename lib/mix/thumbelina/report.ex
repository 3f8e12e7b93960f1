defmodule Mix.Thumbelina.Report do
  @moduledoc false
  # What a run over many pictures tells: people by lines, and a progress bar on a terminal, or
  # machines by JSON.

  alias Mix.Thumbelina.{Batch, JSON, Progress}
  alias Thumbelina.Error

  @type t :: %__MODULE__{
          json: boolean,
          quiet: boolean,
          terminal: :io.device() | nil,
          total: non_neg_integer,
          started: integer,
          drawn: integer | nil,
          made: non_neg_integer,
          failed: non_neg_integer,
          skipped: non_neg_integer,
          outputs: non_neg_integer,
          bytes_in: non_neg_integer,
          bytes_out: non_neg_integer
        }

  @enforce_keys [:json, :quiet, :terminal, :total, :started]
  defstruct @enforce_keys ++
              [drawn: nil, made: 0, failed: 0, skipped: 0, outputs: 0, bytes_in: 0, bytes_out: 0]

  # The eye sees no more, and a terminal far away takes its time.
  @redraw_milliseconds 100

  @doc """
  The report of a run that starts now, over `total` pictures.

  ## Options

    * `:json` - one JSON object a line on stdout, for each picture and for the summary
    * `:quiet` - nothing but errors
    * `:device` - where the progress bar goes if it is a terminal, by default stderr
  """
  @spec new(non_neg_integer, keyword) :: t
  def new(total, opts \\ []) do
    {json, quiet} = {opts[:json] || false, opts[:quiet] || false}
    device = opts[:device] || :standard_error
    # A bar and lines of JSON on one terminal would be in each other's way.
    bar = not quiet and not (json and Progress.columns(:standard_io) != nil)

    draw(%__MODULE__{
      json: json,
      quiet: quiet,
      terminal: if(bar and Progress.columns(device) != nil, do: device),
      total: total,
      started: now()
    })
  end

  @doc "Counts a picture, and tells of it."
  @spec add(Batch.result(), t) :: t
  def add(result, report) do
    report = count(report, result)

    cond do
      report.json -> put(result |> picture() |> json())
      result.error -> aside(report, fn -> Mix.shell().error(line(result)) end)
      true -> :ok
    end

    if due?(report), do: draw(report), else: report
  end

  @doc "Tells the summary."
  @spec finish(t) :: t
  def finish(report) do
    clear(report)

    cond do
      report.json -> put(json(summary: summary(report)))
      report.quiet -> :ok
      # Stdout may be the same terminal, and be there before the bar is gone.
      report.terminal -> IO.puts(report.terminal, sentence(report))
      true -> Mix.shell().info(sentence(report))
    end

    report
  end

  @doc "What became of a picture: it failed, or something was made of it, or all was there already."
  @spec status(Batch.result()) :: :made | :failed | :skipped
  def status(%{error: %Error{}}), do: :failed
  def status(%{outputs: []}), do: :skipped
  def status(_result), do: :made

  defp count(report, result) do
    bytes_out = result.outputs |> Enum.map(& &1.bytes) |> Enum.sum()

    %{
      report
      | outputs: report.outputs + length(result.outputs),
        bytes_in: report.bytes_in + result.bytes_in,
        bytes_out: report.bytes_out + bytes_out
    }
    |> Map.update!(status(result), &(&1 + 1))
  end

  # For machines

  defp json(object), do: [JSON.encode(object), ?\n]

  defp put(line) do
    with {:error, reason} <- :file.write(:standard_io, line),
         do: Mix.raise("stdout cannot be written: #{inspect(reason)}")
  end

  defp picture(result) do
    [path: result.path, status: status(result), outputs: Enum.map(result.outputs, &output/1)] ++
      [skipped: result.there, microseconds: result.microseconds] ++ error(result.error)
  end

  defp output(output) do
    [path: output.path, format: output.format, width: output.width, height: output.height] ++
      [bytes: output.bytes]
  end

  defp error(nil), do: []
  defp error(error), do: [error: [reason: error.reason, message: Exception.message(error)]]

  defp summary(report) do
    [made: report.made, failed: report.failed, skipped: report.skipped] ++
      [outputs: report.outputs, seconds: milliseconds(report) / 1000] ++
      [bytes_in: report.bytes_in, bytes_out: report.bytes_out]
  end

  # For people

  defp line(%{path: path, error: error}) do
    where = if error.path in [nil, path], do: path, else: "#{path}: #{error.path}"
    shown("#{where}: ") <> Exception.message(%{error | path: nil})
  end

  @doc "A text with names in it, which may have what a terminal would take for orders."
  @spec shown(String.t()) :: String.t()
  def shown(text) do
    if String.valid?(text) and not (text =~ ~r/[[:cntrl:]]/u),
      do: text,
      else: text |> inspect(binaries: :as_strings) |> String.slice(1..-2//1)
  end

  defp sentence(report) do
    there = if report.skipped == 0, do: "", else: " (already there; --force makes them again)"

    "#{report.made} made, #{report.failed} failed, #{report.skipped} skipped#{there} " <>
      "in #{:erlang.float_to_binary(milliseconds(report) / 1000, decimals: 1)} s, " <>
      "#{report.bytes_in} bytes in, #{report.bytes_out} bytes out"
  end

  # The progress bar

  defp draw(%{terminal: nil} = report), do: report

  defp draw(report) do
    bar(report)
    %{report | drawn: now()}
  end

  defp due?(%{drawn: nil}), do: false
  defp due?(%{drawn: drawn}), do: now() - drawn >= @redraw_milliseconds

  # Lines of text go above the bar.
  defp aside(report, fun) do
    clear(report)
    fun.()
    bar(report)
  end

  # The terminal's width is asked for every time, because it may change.
  defp bar(report), do: rewrite(report, &["\r", Progress.render(progress(report), &1)])
  defp clear(report), do: rewrite(report, &["\r", String.duplicate(" ", &1 - 1), "\r"])

  defp rewrite(%{terminal: nil}, _line), do: :ok

  defp rewrite(%{terminal: terminal}, line) do
    case Progress.columns(terminal) do
      nil -> :ok
      columns -> IO.write(terminal, line.(columns))
    end
  end

  defp progress(report) do
    worked = report.made + report.failed

    %Progress{
      total: report.total,
      done: worked + report.skipped,
      worked: worked,
      failed: report.failed,
      milliseconds: milliseconds(report)
    }
  end

  defp milliseconds(report), do: now() - report.started
  defp now, do: System.monotonic_time(:millisecond)
end
