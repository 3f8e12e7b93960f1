# `mix run bench [--quick] [--save] [throughput | responsiveness]`
#
# Without a name both are run, in about half an hour. With `--quick` they take some seconds: that
# shows that they run, and its numbers mean nothing. With `--save`, what is measured of
# responsiveness is also put into bench/results/, as a table and as a chart.

usage = "usage: mix run bench [--quick] [--save] [throughput | responsiveness]"

# The alias puts a `--` in front, lest Mix takes the options for its own.
argv = with ["--" | rest] <- System.argv(), do: rest

{flags, names} =
  case OptionParser.parse(argv, strict: [quick: :boolean, save: :boolean]) do
    {opts, names, []} -> {opts, names}
    {_, _, [{option, _} | _]} -> Mix.raise("unknown option #{option}\n#{usage}")
  end

for file <-
      ~w(inputs sanity samples stopwatch probes load chart) do
  Code.require_file("support/#{file}.exs", __DIR__)
end

for file <- ~w(throughput responsiveness) do
  Code.require_file("#{file}.exs", __DIR__)
end

if flags[:quick] && flags[:save], do: Mix.raise("nobody needs saved what means nothing\n#{usage}")

benches = %{"throughput" => Bench.Throughput, "responsiveness" => Bench.Responsiveness}

for name <- names, not is_map_key(benches, name) do
  Mix.raise("unknown bench #{name}\n#{usage}")
end

names = if names == [], do: ~w(throughput responsiveness), else: Enum.uniq(names)
for name <- names, do: benches[name].run(flags)
