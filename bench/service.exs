defmodule Bench.Service do
  # What a client of `Thumbelina.Server` gets: answers per second and how long they take, beside
  # libvips behind the same httpd, and under everything that a service in the open meets.
  #
  # The clients are wrk's, a program of its own, which shares the cores with the server.

  alias Bench.{Inputs, SlowClients, VixHttpd}

  @script Path.expand("support/requests.lua", __DIR__)
  @made ["256px jpeg", "640px jpeg", "3 MP jpeg"]
  @size "300x200"
  # As many as the server works on at a time by default, so that none is refused.
  @clients 4 * System.schedulers_online()
  @crowd 64
  @slow 8

  def run(flags) do
    if wrk() do
      measure(Keyword.get(flags, :quick, false), flags[:save])
    else
      IO.puts("# Service: left out, because wrk is not there\n")
    end
  end

  defp wrk, do: System.find_executable("wrk")

  defp measure(quick?, save?) do
    {rounds, seconds, crowded} = if quick?, do: {1, 1, 1}, else: {3, 10, 30}
    root = Path.join(System.tmp_dir!(), "thumbelina_bench_#{System.pid()}")
    File.mkdir_p!(root)

    try do
      names = write(root, if(quick?, do: Enum.take(@made, 2), else: @made))
      {:ok, server} = Thumbelina.Server.start_link(port: 0, root: root)
      servers = [{"Thumbelina", Thumbelina.Server.port(server)} | vix(root)]

      text =
        IO.iodata_to_binary([
          "# Service: #{System.schedulers_online()} schedulers, OTP #{System.otp_release()}, ",
          "wrk on the same machine\n",
          for(name <- names, do: compare(servers, name, rounds, seconds)),
          crowd(hd(servers), names, crowded)
        ])

      Supervisor.stop(server)
      if save?, do: save(text)
    after
      File.rm_rf!(root)
    end
  end

  # The pictures, and some that are none.
  defp write(root, made) do
    names =
      for {name, image} <- Inputs.make(made) do
        file = String.replace(name, " ", "-") <> ".jpg"
        Thumbelina.write!(image, Path.join(root, file |> String.replace("px-jpeg", "")))
        String.replace(file, "px-jpeg", "")
      end

    photo = File.read!(Path.join(root, "256.jpg"))
    File.write!(Path.join(root, "cut.jpg"), binary_part(photo, 0, div(byte_size(photo), 2)))
    File.write!(Path.join(root, "text.jpg"), "not a picture")
    # The header of a PNG of 60,000 x 60,000 pixels.
    ihdr = <<"IHDR", 60_000::32, 60_000::32, 8, 2, 0, 0, 0>>
    png = [<<0x89, "PNG\r\n", 0x1A, "\n", 13::32>>, ihdr, <<:erlang.crc32(ihdr)::32>>]
    File.write!(Path.join(root, "huge.jpg"), png)
    names
  end

  defp vix(root) do
    if Code.ensure_loaded?(Vix.Vips.Operation),
      do: [{"libvips", VixHttpd.start(root)}],
      else: []
  end

  # By turns, so that whatever else the machine does meets all of them.
  defp compare(servers, name, rounds, seconds) do
    paths = ["/thumbnail/#{@size}/#{name}"]

    runs =
      for _round <- 1..rounds, {server, port} <- servers do
        {server, load(port, @clients, seconds, paths)}
      end

    head = "\n#{name} to #{@size}, #{@clients} clients, medians of #{rounds} x #{seconds} s\n"

    lines =
      for {server, _port} <- servers do
        results = for {^server, result} <- runs, do: result
        [{200, _count}] = results |> Enum.flat_map(& &1.statuses) |> Enum.uniq_by(&elem(&1, 0))

        line(
          server,
          median(results, & &1.rate),
          for(p <- [50, 90, 99], do: percentile(results, p))
        )
      end

    say([head, lines])
  end

  defp percentile(results, percentile), do: median(results, & &1.percentiles[percentile])

  defp median(results, fun),
    do: results |> Enum.map(fun) |> Enum.sort() |> Enum.at(div(length(results), 2))

  defp line(name, rate, [p50, p90, p99]) do
    :io_lib.format("  ~-12ts~8.1f/s  50 % ~.1f ms, 90 % ~.1f ms, 99 % ~.1f ms~n", [
      name,
      rate,
      p50,
      p90,
      p99
    ])
  end

  # Two of three requests are for thumbnails; the others are wrong, too large or broken.
  defp crowd({server, port}, names, seconds) do
    paths = for name <- names, size <- ["300x200", "100x", "50"], do: "/thumbnail/#{size}/#{name}"
    before = resident()

    {result, resident} =
      SlowClients.beside(@slow, port, fn ->
        watcher = Task.async(fn -> watch(div(seconds * 1000, 10), 9) end)
        {load(port, @crowd, seconds, paths ++ ["mixed"]), Task.await(watcher, :infinity)}
      end)

    statuses = for {status, count} <- Enum.sort(result.statuses), do: "#{status}: #{count}"

    say([
      "\nA crowd: #{@crowd} clients of any kind and #{3 * @slow} slow ones, #{seconds} s\n",
      line(server, result.rate, for(p <- [50, 90, 99], do: result.percentiles[p])),
      "  answers by status: #{Enum.join(statuses, ", ")}\n",
      "  resident memory, MB: #{before} before, then #{Enum.join(resident, ", ")}\n"
    ])
  end

  defp watch(every, times) do
    for _ <- 1..times do
      Process.sleep(every)
      resident()
    end
  end

  defp resident do
    case File.read("/proc/self/status") do
      {:ok, text} ->
        ~r/VmRSS:\s+(\d+)/ |> Regex.run(text) |> Enum.at(1) |> String.to_integer() |> div(1024)

      {:error, _} ->
        div(:erlang.memory(:total), 1_000_000)
    end
  end

  defp load(port, clients, seconds, paths) do
    args =
      ["-t2", "-c#{clients}", "-d#{seconds}s", "--timeout", "30s", "-s", @script] ++
        ["http://127.0.0.1:#{port}", "--", "7" | paths]

    {out, 0} = System.cmd(wrk(), args)
    parse(out)
  end

  defp parse(out) do
    found = for line <- String.split(out, "\n"), do: String.split(line, " ")

    statuses =
      for ["status", status, count] <- found,
          do: {String.to_integer(status), String.to_integer(count)}

    [seconds] = for ["seconds", seconds] <- found, do: number(seconds)
    count = statuses |> Enum.map(&elem(&1, 1)) |> Enum.sum()

    %{
      statuses: statuses,
      rate: count / seconds,
      percentiles:
        for(["percentile", p, ms] <- found, into: %{}, do: {String.to_integer(p), number(ms)})
    }
  end

  defp number(text), do: text |> Float.parse() |> elem(0)

  defp say(text) do
    IO.write(text)
    text
  end

  defp save(text) do
    folder = Path.join(__DIR__, "results")
    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "service.txt"), text)
    IO.puts("\nSaved in #{Path.relative_to_cwd(folder)}")
  end
end
