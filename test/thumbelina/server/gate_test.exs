defmodule Thumbelina.Server.GateTest do
  use ExUnit.Case, async: true

  import Thumbelina.Poll

  alias Thumbelina.Error
  alias Thumbelina.Server.{Gate, Metrics}

  setup do
    live = Metrics.new()
    gate = start_supervised!({Gate, {live, 2}})
    %{live: live, gate: gate}
  end

  # A process that is in until it is told to leave.
  defp enter(live, leave \\ fn -> :ok end) do
    test = self()

    pid =
      spawn(fn ->
        result =
          Gate.through(live, fn ->
            send(test, {:in, self()})
            receive(do: (:leave -> leave.()))
          end)

        send(test, {:out, self(), result})
      end)

    receive do
      {:in, ^pid} -> {:ok, pid}
      {:out, ^pid, result} -> result
    end
  end

  defp in_progress(live, gate) do
    # What was cast before is done.
    _ = :sys.get_state(gate)
    [in_progress: count] = :ets.lookup(live, :in_progress)
    count
  end

  test "lets so many in, and turns others away", %{live: live, gate: gate} do
    assert {:ok, first} = enter(live)
    assert {:ok, second} = enter(live)
    assert {:error, %Error{reason: :overloaded}} = enter(live)
    assert {:error, %Error{reason: :overloaded}} = enter(live)
    assert in_progress(live, gate) == 2
    assert Metrics.text(live) =~ "\nthumbelina_refused_total 2\n"
    send(first, :leave)
    assert_receive {:out, ^first, :ok}
    assert {:ok, third} = enter(live)
    send(second, :leave)
    send(third, :leave)
    assert_receive {:out, ^second, :ok}
    assert_receive {:out, ^third, :ok}
    assert in_progress(live, gate) == 0
  end

  test "places come back however it ends", %{live: live, gate: gate} do
    for leave <- [
          fn -> exit(:shutdown) end,
          fn -> exit(:normal) end,
          fn -> exit({:shutdown, 1}) end
        ] do
      {:ok, pid} = enter(live, leave)
      monitor = Process.monitor(pid)
      send(pid, :leave)
      assert_receive {:DOWN, ^monitor, _, _, _}

      assert in_progress(live, gate) == 0
    end

    {:ok, pid} = enter(live)
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^monitor, _, _, :killed}
    # The gate's monitor fires in its own time, but before any later request.
    poll(fn -> in_progress(live, gate) == 0 end)
  end

  test "many come and go, and some are killed", %{live: live, gate: gate} do
    pids =
      for number <- 1..300 do
        spawn(fn ->
          for _ <- 1..20,
              do:
                Gate.through(live, fn ->
                  if rem(number, 3) == 0, do: Process.exit(self(), :kill)
                end)
        end)
      end

    for pid <- pids do
      monitor = Process.monitor(pid)
      assert_receive {:DOWN, ^monitor, _, _, _}, 30_000
    end

    poll(fn -> in_progress(live, gate) == 0 end)
    assert :sys.get_state(gate).places == %{}
    assert {:monitors, []} = Process.info(gate, :monitors)
  end

  test "without a gate, everybody is in" do
    assert Gate.through(nil, fn -> :done end) == :done
    assert Gate.outside(nil, fn -> :done end) == :done
  end

  test "whoever waits outside has no place", %{live: live, gate: gate} do
    for count <- [0, 1] do
      if count == 1, do: {:ok, _} = enter(live)

      assert :done ==
               Gate.through(live, fn ->
                 assert in_progress(live, gate) == count + 1

                 assert :waited ==
                          Gate.outside(live, fn ->
                            assert in_progress(live, gate) == count
                            :waited
                          end)

                 assert in_progress(live, gate) == count + 1
                 :done
               end)

      assert in_progress(live, gate) == count
    end
  end

  test "whoever comes back when it is full is turned away", %{live: live, gate: gate} do
    result =
      Gate.through(live, fn ->
        Gate.outside(live, fn -> for _ <- 1..2, do: {:ok, _} = enter(live) end)
        flunk("there was no place")
      end)

    assert {:error, %Error{reason: :overloaded, maximum: 2}} = result
    assert in_progress(live, gate) == 2
    assert Metrics.text(live) =~ "\nthumbelina_refused_total 1\n"
  end

  test "what is raised outside, or ends a process there, leaves nothing",
       %{live: live} = context do
    raising = fn -> Gate.through(live, fn -> Gate.outside(live, fn -> raise "oops" end) end) end
    assert_raise RuntimeError, "oops", raising
    assert in_progress(live, context.gate) == 0

    {pid, monitor} =
      spawn_monitor(fn ->
        Gate.through(live, fn -> Gate.outside(live, fn -> Process.exit(self(), :kill) end) end)
      end)

    assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
    assert in_progress(live, context.gate) == 0
    assert {:monitors, []} = Process.info(context.gate, :monitors)
    # What others throw is theirs.
    assert catch_throw(Gate.through(live, fn -> throw(:mine) end)) == :mine
  end
end
