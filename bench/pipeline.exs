# A ─► B ─► C: pictures of a folder, their thumbnails, and files of these. With plain OTP and, if
# GenStage is on the code path, as three kinds of its stages. Says what either took.
#
#     mix run bench/pipeline.exs FOLDER OUTPUT_FOLDER

defmodule Pipeline do
  @size {200, 200}

  # A: {path, {:ok, image} | {:error, error}}, one file at a time.
  def pictures(folder),
    do:
      folder
      |> Thumbelina.stream_directory()
      |> Stream.map(fn {path, _} -> {path, Thumbelina.open(path)} end)

  # B
  def thumbnail({path, {:ok, image}}) do
    {width, height} = @size
    {path, Thumbelina.thumbnail(image, width, height, format: :jpeg)}
  end

  def thumbnail({path, error}), do: {path, error}

  # C
  def write({path, {:ok, thumb}}, output),
    do: Thumbelina.write(thumb, Path.join(output, "#{:erlang.phash2(path)}.jpg"))

  def write({path, {:error, error}}, _output) do
    IO.puts(:stderr, "#{path}: #{Exception.message(error)}")
    {:error, error}
  end
end

defmodule Pipeline.OTP do
  # Each stage asks the one before it for its next element: the stream is the pipeline, and the
  # tasks in the middle are its only buffer.
  def run(folder, output) do
    folder
    |> Pipeline.pictures()
    |> Task.async_stream(&Pipeline.thumbnail/1, timeout: :infinity)
    |> Enum.map(fn {:ok, thumb} -> Pipeline.write(thumb, output) end)
  end
end

if Code.ensure_loaded?(GenStage) do
  defmodule Pipeline.Thumbnails do
    use GenStage

    def start_link(producer), do: GenStage.start_link(__MODULE__, producer)

    # One picture on its way while another is made into a thumbnail.
    @impl true
    def init(producer),
      do: {:producer_consumer, nil, subscribe_to: [{producer, min_demand: 1, max_demand: 2}]}

    @impl true
    def handle_events(pictures, _from, state),
      do: {:noreply, Enum.map(pictures, &Pipeline.thumbnail/1), state}
  end

  defmodule Pipeline.GenStage do
    def run(folder, output) do
      {:ok, a} = GenStage.from_enumerable(Pipeline.pictures(folder))

      b =
        for _ <- 1..System.schedulers_online() do
          {:ok, stage} = Pipeline.Thumbnails.start_link(a)
          {stage, min_demand: 1, max_demand: 2, cancel: :transient}
        end

      b |> GenStage.stream() |> Enum.map(&Pipeline.write(&1, output))
    end
  end
end

case System.argv() do
  [folder, output] ->
    File.mkdir_p!(output)
    pipelines = [Pipeline.OTP, Pipeline.GenStage] |> Enum.filter(&Code.ensure_loaded?/1)

    for pipeline <- pipelines do
      {micros, results} = :timer.tc(fn -> pipeline.run(folder, output) end)
      made = Enum.count(results, &(&1 == :ok))

      IO.puts(
        "#{inspect(pipeline)}: #{made} of #{length(results)} pictures " <>
          "in #{div(micros, 1000)} ms"
      )
    end

  _ ->
    IO.puts(:stderr, "usage: mix run bench/pipeline.exs FOLDER OUTPUT_FOLDER")
    System.halt(1)
end
