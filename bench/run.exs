# `mix run bench [--quick] [--save] [NAME...]`, with the names throughput, responsiveness, service,
# operations, quality and sheet.
#
# Without a name all are run, in about half an hour. With `--quick` they take some seconds: that
# only shows that they work, and the numbers mean nothing. With `--save`, the results of the
# responsiveness and service benches are also written to bench/results/.

usage =
  "usage: mix run bench [--quick] [--save] " <>
    "[throughput | responsiveness | service | operations | quality | sheet]"

# The alias puts a `--` in front, so that Mix does not take the options for its own.
argv = with ["--" | rest] <- System.argv(), do: rest

{flags, names} =
  case OptionParser.parse(argv, strict: [quick: :boolean, save: :boolean]) do
    {opts, names, []} -> {opts, names}
    {_, _, [{option, _} | _]} -> Mix.raise("unknown option #{option}\n#{usage}")
  end

for file <-
      ~w(inputs sanity samples stopwatch probes load chart slow_clients vix_httpd delta_e) do
  Code.require_file("support/#{file}.exs", __DIR__)
end

for file <- ~w(throughput responsiveness service operations quality sheet) do
  Code.require_file("#{file}.exs", __DIR__)
end

if flags[:quick] && flags[:save], do: Mix.raise("--quick numbers are not worth saving\n#{usage}")

benches = %{
  "throughput" => Bench.Throughput,
  "responsiveness" => Bench.Responsiveness,
  "service" => Bench.Service,
  "operations" => Bench.Operations,
  "quality" => Bench.Quality,
  "sheet" => Bench.Sheet
}

for name <- names, not is_map_key(benches, name) do
  Mix.raise("unknown bench #{name}\n#{usage}")
end

names =
  if names == [],
    do: ~w(throughput responsiveness service operations quality sheet),
    else: Enum.uniq(names)

for name <- names, do: benches[name].run(flags)
