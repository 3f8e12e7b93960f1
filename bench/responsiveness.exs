defmodule Bench.Responsiveness do
  # What other processes of the node notice while some make thumbnails, and how long the thumbnails
  # take.

  alias Bench.{Chart, Inputs, Load, Probes, Samples, Sanity}

  @made ["256px jpeg", "640px jpeg", "3 MP jpeg", "11 MP jpeg"]
  @single ["256px jpeg", "3 MP jpeg"]
  @quick_made ["256px jpeg", "640px png"]
  @quick_single ["640px png"]
  @photos "jpg"
  @side 200

  @schedulers [:auto, :normal, :dirty]
  @percentiles [0.5, 0.9, 0.99, 0.999, 1.0]

  def run(flags) do
    quick? = Keyword.get(flags, :quick, false)
    {samples, callers} = if quick?, do: {30, [1, 4]}, else: {3000, [1, 4, 32]}
    loads = loads(quick?)

    title = """
    # Responsiveness: what other processes notice next to callers that make thumbnails nonstop

    #{samples} samples of each probe, #{div(samples, 10)} of collections and run queues. \
    #{System.schedulers_online()} schedulers, Erlang/OTP #{System.otp_release()}.
    Thumbnails of #{@side} pixels, JPEG. "mixed" draws one of these at random each time:
    """

    [{"mixed", mixed} | _] = loads
    head = title <> "\n" <> Inputs.describe(mixed)
    IO.puts(head)
    for {_name, inputs} <- loads, do: Sanity.check!(jobs(), inputs)

    configurations =
      [{"nothing", [], nil, 0}] ++
        for {name, inputs} <- loads, count <- callers, scheduler <- schedulers() do
          {name, inputs, scheduler, count}
        end

    rows =
      for configuration <- configurations do
        row = measure(configuration, samples)
        row |> lines() |> IO.puts()
        row
      end

    if flags[:save], do: save(head, rows)
  end

  defp loads(quick?) do
    {made, single} = if quick?, do: {@quick_made, @quick_single}, else: {@made, @single}
    photos = if quick?, do: [], else: Inputs.corpus(@photos)
    mixed = if photos == [], do: Inputs.make(made), else: photos
    [{"mixed", mixed} | for({name, _} = input <- Inputs.make(single), do: {name, [input]})]
  end

  # Vix is measured as well, if it is there.
  defp schedulers, do: if(vix?(), do: @schedulers ++ [:vix], else: @schedulers)

  defp vix?, do: Code.ensure_loaded?(Vix.Vips.Operation)

  defp jobs,
    do:
      for(scheduler <- @schedulers, do: {scheduler, {@side, format: :jpeg, scheduler: scheduler}})

  defp make(:vix) do
    # Variables, because these modules may not be there.
    {operation, image} = {Vix.Vips.Operation, Vix.Vips.Image}

    fn {_name, %Thumbelina.Image{bytes: bytes}} ->
      {:ok, thumb} =
        operation.thumbnail_buffer(bytes, @side, height: @side, size: :VIPS_SIZE_DOWN)

      {:ok, _bytes} = image.write_to_buffer(thumb, ".jpg[Q=80]")
    end
  end

  defp make(scheduler) do
    opts = [format: :jpeg, scheduler: scheduler]
    fn {_name, image} -> Thumbelina.thumbnail!(image, @side, @side, opts) end
  end

  defp measure({name, inputs, scheduler, callers}, samples) do
    # These probes keep a core busy, which takes it from the callers, so calls are not counted
    # meanwhile.
    others = fn -> {Probes.others(div(samples, 10)), Probes.busy(div(samples, 3))} end

    {idle, {others, busy}, per_second, took} =
      Load.beside(callers, inputs, make(scheduler), fn -> Probes.idle(samples) end, others)

    own = if took == [], do: [], else: [{"the thumbnail, ms", took}]
    probes = for {probe, values} <- idle ++ others ++ own, do: {probe, summary(values)}
    label = label(name, scheduler, callers)
    %{label: label, scheduler: scheduler, per_second: per_second, busy: busy, probes: probes}
  end

  defp label("nothing", nil, 0), do: "nothing"
  defp label(name, scheduler, 1), do: "1 caller, #{name}, #{scheduler}"
  defp label(name, scheduler, callers), do: "#{callers} callers, #{name}, #{scheduler}"

  defp summary(values) do
    sorted = Samples.sort(values)
    for part <- @percentiles, do: Samples.percentile(sorted, part)
  end

  defp lines(row) do
    rates = [
      row.per_second && "#{Samples.decimals(row.per_second)} thumbnails/s",
      "a busy process #{Samples.decimals(row.busy)} million reductions/s"
    ]

    [
      ["\nNext to ", row.label, ": ", rates |> Enum.filter(& &1) |> Enum.join(", "), "\n"],
      format(["", "p50", "p90", "p99", "p99.9", "max"]),
      for({probe, values} <- row.probes, do: format([probe | Enum.map(values, &number/1)]))
    ]
  end

  defp format(cells), do: :io_lib.format("  ~-20ts~10ts~10ts~10ts~10ts~10ts~n", cells)

  defp number(value) when is_integer(value), do: Integer.to_string(value)
  defp number(value), do: Samples.decimals(value, 3)

  defp save(head, rows) do
    folder = Path.join(__DIR__, "results")
    File.mkdir_p!(folder)
    text = IO.iodata_to_binary([head, Enum.map(rows, &lines/1)])
    File.write!(Path.join(folder, "responsiveness.txt"), text)
    File.write!(Path.join(folder, "responsiveness.svg"), Chart.draw(rows))
    IO.puts("\nSaved in #{Path.relative_to_cwd(folder)}")
  end
end
