defmodule Thumbelina.Server.MetricsTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.Metrics

  test "is empty at first" do
    text = Metrics.text(Metrics.new())
    assert text =~ "thumbelina_in_progress 0\n"
    refute text =~ "_bucket"
  end

  test "counts requests and their times" do
    live = Metrics.new()

    for micros <- [1, 5_000, 5_001, 90_000_000],
        do: Metrics.request(live, :thumbnail, 200, micros)

    Metrics.request(live, :thumbnail, 404, 0)
    Metrics.request(live, :health, 200, 2_500_000)
    Metrics.request(nil, :health, 200, 1)
    Metrics.hung_up(live)
    text = Metrics.text(live)

    for line <- [
          ~s(thumbelina_requests_total{route="health",status="200"} 1),
          ~s(thumbelina_requests_total{route="thumbnail",status="200"} 4),
          ~s(thumbelina_requests_total{route="thumbnail",status="404"} 1),
          ~s(thumbelina_request_seconds_bucket{route="thumbnail",le="0.005"} 3),
          ~s(thumbelina_request_seconds_bucket{route="thumbnail",le="0.01"} 4),
          ~s(thumbelina_request_seconds_bucket{route="thumbnail",le="10"} 4),
          ~s(thumbelina_request_seconds_bucket{route="thumbnail",le="+Inf"} 5),
          ~s(thumbelina_request_seconds_count{route="thumbnail"} 5),
          ~s(thumbelina_request_seconds_sum{route="health"} 2.5),
          ~s(thumbelina_hung_up_total 1)
        ] do
      assert line in String.split(text, "\n"), line
    end

    # Every line is a comment or a sample.
    for line <- String.split(text, "\n", trim: true) do
      assert line =~ ~r/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.e+-]+)$/
    end
  end
end
