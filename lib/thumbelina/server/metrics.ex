defmodule Thumbelina.Server.Metrics do
  @moduledoc false
  # What the server counts, in an ETS table of its supervisor, and how Prometheus reads it. The
  # table also knows the gate, which has another pid after a restart.

  # The usual ones of Prometheus, in seconds.
  @buckets [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  @bounds Enum.map(@buckets, &round(&1 * 1_000_000))

  @spec new :: :ets.tid()
  def new, do: :ets.new(__MODULE__, [:public, write_concurrency: true, read_concurrency: true])

  @spec put_gate(:ets.tid(), pid) :: true
  def put_gate(live, gate), do: :ets.insert(live, {:gate, gate})

  @spec gate(:ets.tid()) :: pid
  def gate(live), do: :ets.lookup_element(live, :gate, 2)

  @spec in_progress(:ets.tid(), non_neg_integer) :: true
  def in_progress(live, count), do: :ets.insert(live, {:in_progress, count})

  @spec refused(:ets.tid()) :: :ok
  def refused(live), do: add(live, :refused)

  @spec hung_up(:ets.tid()) :: :ok
  def hung_up(live), do: add(live, :hung_up)

  @doc "Counts a request and how long it took."
  @spec request(:ets.tid() | nil, atom, pos_integer, non_neg_integer) :: :ok
  def request(nil, _route, _status, _micros), do: :ok

  def request(live, route, status, micros) do
    bucket = Enum.find_index(@bounds, &(micros <= &1)) || length(@bounds)
    add(live, {:status, route, status})
    add(live, {:bucket, route, bucket})
    add(live, {:micros, route}, micros)
  end

  defp add(live, key, count \\ 1) do
    _ = :ets.update_counter(live, key, count, {key, 0})
    :ok
  end

  @doc "Everything in the text format of Prometheus."
  @spec text(:ets.tid()) :: String.t()
  def text(live) do
    rows = :ets.tab2list(live)
    count = Map.new(rows)
    routes = for({{:micros, route}, _} <- rows, do: route) |> Enum.sort()

    IO.iodata_to_binary([
      head("thumbelina_requests_total", "counter", "Requests by route and status."),
      for {{:status, route, status}, count} <- Enum.sort(rows) do
        "thumbelina_requests_total{route=\"#{route}\",status=\"#{status}\"} #{count}\n"
      end,
      head("thumbelina_request_seconds", "histogram", "Seconds from a request to its response."),
      Enum.map(routes, &histogram(&1, count)),
      head("thumbelina_in_progress", "gauge", "Pictures that are worked on."),
      "thumbelina_in_progress #{count[:in_progress] || 0}\n",
      head(
        "thumbelina_refused_total",
        "counter",
        "Requests refused because all places were taken."
      ),
      "thumbelina_refused_total #{count[:refused] || 0}\n",
      head("thumbelina_hung_up_total", "counter", "Clients that did not wait for the response."),
      "thumbelina_hung_up_total #{count[:hung_up] || 0}\n"
    ])
  end

  defp head(name, type, help), do: "# HELP #{name} #{help}\n# TYPE #{name} #{type}\n"

  defp histogram(route, count) do
    {lines, total} =
      (@buckets ++ ["+Inf"])
      |> Enum.with_index()
      |> Enum.map_reduce(0, fn {bound, index}, sum ->
        sum = sum + Map.get(count, {:bucket, route, index}, 0)
        {"thumbelina_request_seconds_bucket{route=\"#{route}\",le=\"#{bound}\"} #{sum}\n", sum}
      end)

    seconds = count[{:micros, route}] / 1_000_000

    [
      lines,
      "thumbelina_request_seconds_sum{route=\"#{route}\"} #{seconds}\n",
      "thumbelina_request_seconds_count{route=\"#{route}\"} #{total}\n"
    ]
  end
end
