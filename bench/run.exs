# `mix run bench [--quick] [throughput | responsiveness]`
#
# Without a name both are run, in about seven minutes. With `--quick` they take about a second: that
# shows that they run, and its numbers mean nothing.

usage = "usage: mix run bench [--quick] [throughput | responsiveness]"

# The alias puts a `--` in front, lest Mix takes the options for its own.
argv = with ["--" | rest] <- System.argv(), do: rest

{quick?, names} =
  case OptionParser.parse(argv, strict: [quick: :boolean]) do
    {opts, names, []} -> {Keyword.get(opts, :quick, false), names}
    {_, _, [{option, _} | _]} -> Mix.raise("unknown option #{option}\n#{usage}")
  end

for file <-
      ~w(support/inputs support/sanity support/samples support/stopwatch) ++
        ~w(throughput responsiveness) do
  Code.require_file("#{file}.exs", __DIR__)
end

benches = %{"throughput" => Bench.Throughput, "responsiveness" => Bench.Responsiveness}

for name <- names, not is_map_key(benches, name) do
  Mix.raise("unknown bench #{name}\n#{usage}")
end

names = if names == [], do: ~w(throughput responsiveness), else: Enum.uniq(names)
for name <- names, do: benches[name].run(quick?)
