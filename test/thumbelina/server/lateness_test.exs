Code.require_file("../../support/json.ex", __DIR__)

defmodule Thumbelina.Server.LatenessTest do
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{Error, Server, TestJSON}
  alias Thumbelina.Server.{Config, Gate, Handler, Lateness, Metrics, Request}

  @photo "test/fixtures/photo.jpg"

  defp config(opts \\ []) do
    {:ok, config} = Config.new(opts)
    config
  end

  defp post(config, url, body \\ "", headers \\ []) do
    [path | query] = String.split(url, "?")
    request = %Request{method: "POST", path: path, query: Enum.join(query), headers: headers}
    Handler.handle(%{request | body: body}, config)
  end

  defp measured(response) do
    assert response.status == 200
    assert {"cache-control", "no-store"} in response.headers
    TestJSON.read(response.body)
  end

  test "says how late each timer was" do
    started = System.monotonic_time(:microsecond)
    %{"late" => late} = json = measured(post(config(), "/lateness?ms=100"))
    took = System.monotonic_time(:microsecond) - started
    assert Map.delete(json, "late") == %{"callers" => 0, "thumbnails" => 0}
    assert length(late) in 1..100 and Enum.all?(late, &(is_integer(&1) and &1 >= 0))
    # One timer after the other, for as long as asked.
    asleep = Enum.sum(late) + 1000 * length(late)
    assert asleep <= took and took >= 100_000
    assert measured(post(config(), "/lateness?ms=1&load=none"))["late"] != []
  end

  test "makes thumbnails meanwhile, on as many schedulers as there are" do
    for load <- ~w(normal dirty) do
      events = attach()
      json = measured(post(config(), "/lateness?ms=200&load=#{load}", File.read!(@photo)))
      assert json["callers"] == System.schedulers_online()
      assert json["thumbnails"] >= 1
      assert json["late"] != []
      assert events.() == []
    end
  end

  # What goes on after the answer: none of the callers is there any more.
  defp attach do
    before = Process.list()
    fn -> for pid <- Process.list() -- before, caller?(pid), do: pid end
  end

  defp caller?(pid) do
    case Process.info(pid, :dictionary) do
      {:dictionary, dictionary} -> self() in Keyword.get(dictionary, :"$callers", [])
      nil -> false
    end
  end

  test "refuses what makes no sense" do
    for {query, status, reason} <- [
          {"ms=0", 400, "invalid_option"},
          {"ms=1001", 400, "invalid_option"},
          {"ms=-1", 400, "invalid_option"},
          {"ms=1.5", 400, "invalid_option"},
          {"ms=", 400, "invalid_option"},
          {"ms=99999999999999999999", 400, "invalid_option"},
          {"load=auto", 400, "invalid_option"},
          {"load=", 400, "invalid_option"},
          {"load=normal&load=dirty", 400, "invalid_option"},
          {"size=9", 400, "invalid_option"},
          {"ms=1000&load=normal", 415, "unsupported_format"},
          {"expires=1", 410, "expired"}
        ] do
      response = post(config(), "/lateness?" <> query)
      assert {query, response.status} == {query, status}
      assert TestJSON.read(response.body)["error"] == reason
    end

    truncated = File.read!("test/fixtures/truncated.jpg")
    # The first error ends it, whatever the time is.
    assert post(config(), "/lateness?ms=1000&load=dirty", truncated).status == 422
    assert post(config(max_pixels: 9), "/lateness?load=normal", File.read!(@photo)).status == 413
    assert post(config(max_body_bytes: 9), "/lateness", "more than that").status == 413
    assert Handler.handle(%Request{method: "GET", path: "/lateness"}, config()).status == 405
  end

  test "is not for the pages of others" do
    for {site, status} <- [
          {"same-origin", 200},
          {"none", 200},
          {"same-site", 403},
          {"cross-site", 403}
        ] do
      response = post(config(), "/lateness?ms=1", "", [{"sec-fetch-site", site}])
      assert {site, response.status} == {site, status}
    end
  end

  describe "with a gate" do
    setup do
      live = Metrics.new()
      start_supervised!({Gate, {live, 2}})
      %{config: %{config() | live: live}}
    end

    test "every caller has a place, and gives it back", %{config: config} do
      json = measured(post(config, "/lateness?ms=50&load=normal", File.read!(@photo)))
      assert json["callers"] == min(2, System.schedulers_online())
      assert in_progress(config) == 0
      assert post(config, "/lateness?ms=1000&load=normal", "nothing").status == 415
      poll(fn -> in_progress(config) == 0 end)
    end

    test "with fewer places there are fewer, and with none none", %{config: config} do
      first = occupy(config)
      photo = File.read!(@photo)
      assert measured(post(config, "/lateness?ms=50&load=dirty", photo))["callers"] == 1
      second = occupy(config)
      response = post(config, "/lateness?ms=1000&load=dirty", photo)
      assert {response.status, TestJSON.read(response.body)["error"]} == {503, "overloaded"}
      assert {"retry-after", "1"} in response.headers
      # A timer alone needs none.
      assert measured(post(config, "/lateness?ms=1"))["callers"] == 0
      for pid <- [first, second], do: send(pid, :leave)
    end

    test "whoever asks may die", %{config: config} do
      {asker, monitor} =
        spawn_monitor(fn ->
          Lateness.measure(%{load: :dirty, ms: 1000}, File.read!(@photo), config)
        end)

      # At least one that makes thumbnails, and the one that sleeps.
      poll(fn -> in_progress(config) > 0 and length(links(asker)) > 1 end)
      linked = links(asker)
      Process.exit(asker, :kill)
      assert_receive {:DOWN, ^monitor, _, _, :killed}
      poll(fn -> not Enum.any?(linked, &Process.alive?/1) end)
      poll(fn -> in_progress(config) == 0 end)
    end

    test "whoever asks may trap exits, and finds nothing in the mailbox", %{config: config} do
      Process.flag(:trap_exit, true)
      ask = %{load: :normal, ms: 20}
      assert {:ok, %{late: [_ | _]}} = Lateness.measure(ask, File.read!(@photo), config)
      assert {:error, %Error{}} = Lateness.measure(%{ask | ms: 1000}, "nothing", config)
      assert {:messages, []} = Process.info(self(), :messages)
    end
  end

  defp links(pid) do
    {:links, links} = Process.info(pid, :links)
    links
  end

  defp occupy(%{live: live}) do
    test = self()

    pid =
      spawn_link(fn ->
        Gate.through(live, fn ->
          send(test, {:in, self()})
          receive(do: (:leave -> :ok))
        end)
      end)

    assert_receive {:in, ^pid}
    pid
  end

  defp in_progress(%{live: live}) do
    _ = :sys.get_state(Metrics.gate(live))
    [in_progress: count] = :ets.lookup(live, :in_progress)
    count
  end

  test "ends when the client hangs up" do
    server = start_supervised!({Server, port: 0, max_concurrency: 64})
    port = Server.port(server)
    [gate] = for {Gate, pid, _, _} <- Supervisor.which_children(server), do: pid
    photo = File.read!(@photo)

    head = "POST /lateness?ms=1000&load=dirty HTTP/1.1\r\nhost: a\r\n"
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    :ok = :gen_tcp.send(socket, [head, "content-length: #{byte_size(photo)}\r\n\r\n", photo])

    poll(fn -> match?({:monitors, [_ | _]}, Process.info(gate, :monitors)) end)
    {:monitors, callers} = Process.info(gate, :monitors)
    :gen_tcp.close(socket)
    poll(fn -> Process.info(gate, :monitors) == {:monitors, []} end)
    refute Enum.any?(callers, fn {:process, pid} -> Process.alive?(pid) end)
    # It did not get to its end.
    metrics = :httpc.request(~c"http://127.0.0.1:#{port}/metrics")
    assert {:ok, {{_, 200, _}, _, text}} = metrics
    refute to_string(text) =~ ~s(route="lateness",status="200")
  end
end
