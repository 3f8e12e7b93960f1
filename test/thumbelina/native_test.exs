defmodule Thumbelina.NativeTest do
  # What runs where. Not async: some of these look at the whole VM.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.Native

  @fixtures Path.expand("../fixtures", __DIR__)

  defp read(name), do: File.read!(Path.join(@fixtures, name))

  defp fixtures do
    for name <- File.ls!(@fixtures), String.match?(name, ~r/^(photo|alpha|orientation)/), do: name
  end

  # While one process loads the library, the others are in the functions that it replaces.
  @first_calls """
  {:ok, modules} = :application.get_key(:thumbelina, :modules)
  :ok = :code.ensure_modules_loaded(modules -- [Thumbelina.Kino])
  <<first::binary-size(1000), rest::binary>> = png = File.read!(path)

  calls = [
    fn -> Thumbelina.thumbnail([first, rest], 9, 9) end,
    fn -> Thumbelina.thumbnail(png, 9, 9) end,
    fn -> Thumbelina.thumbnail(png, 9, 9, scheduler: :dirty) end,
    fn -> Thumbelina.new(png) end,
    fn -> Thumbelina.info(png) end,
    fn -> Thumbelina.explain(png, 9, 9) end
  ]

  call = Enum.at(calls, index)

  makers =
    for _ <- 1..8 do
      Task.async(fn ->
        receive(do: (:go -> :ok))
        call.()
      end)
    end

  for maker <- makers, do: send(maker.pid, :go)
  makers |> Task.await_many(60_000) |> Enum.all?(&match?({:ok, _}, &1))
  """

  test "the first calls of a node may come all at once" do
    for {{control, _}, index} <- 6 |> Thumbelina.Peers.start(connect: false) |> Enum.with_index() do
      binding = [path: Path.join(@fixtures, "photo.png"), index: index]
      :ok = :peer.call(control, :application, :load, [:thumbelina])
      assert {true, _} = :peer.call(control, Code, :eval_string, [@first_calls, binding], 60_000)
      :peer.stop(control)
    end
  end

  test "both kinds of schedulers, and any slice down to one step of work, give the same bytes" do
    for name <- fixtures() do
      bytes = read(name)
      {:ok, expected} = Thumbelina.thumbnail(bytes, 60, 60)

      for opts <- [
            [scheduler: :normal],
            [scheduler: :dirty],
            [scheduler: :normal, steps_per_slice: 1],
            [scheduler: :normal, steps_per_slice: 3]
          ] do
        assert {:ok, ^expected} = Thumbelina.thumbnail(bytes, 60, 60, opts),
               "#{name} #{inspect(opts)}"
      end
    end
  end

  test "a picture that can be cut stays on normal schedulers in slices" do
    {:ok, _, stats} =
      Thumbelina.measure(read("photo.png"), 60, 60, scheduler: :normal, steps_per_slice: 1)

    assert stats.schedulers == [:normal]
    # A step for each strip of about 50 µs of work, of some milliseconds in all.
    assert stats.slices > 20
  end

  test "the slices of one picture let other processes run in between" do
    # With one step a slice, many reschedules happen inside one call. A process that counts can only
    # count if the caller's scheduler lets it, so both are bound to one scheduler's run queue by
    # leaving just one online.
    online = :erlang.system_flag(:schedulers_online, 1)
    on_exit(fn -> :erlang.system_flag(:schedulers_online, online) end)
    counter = :counters.new(1, [])
    counting = spawn_link(fn -> count(counter) end)
    before = :counters.get(counter, 1)
    {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 60, 60, scheduler: :normal)
    counted = :counters.get(counter, 1) - before
    Process.unlink(counting)
    Process.exit(counting, :kill)

    assert stats.slices > 1
    assert counted > 0
  end

  defp count(counter) do
    :counters.add(counter, 1, 1)
    :erlang.yield()
    count(counter)
  end

  test "pieces that cannot be cut go to a dirty scheduler and come back" do
    # A row of so many pixels takes longer than a piece may.
    opts = [fit: :fill, enlarge: true, filter: :nearest, format: :png]
    wide = Thumbelina.thumbnail!(read("photo.png"), 60_000, 3, opts)

    {:ok, _, stats} = Thumbelina.measure(wide, 300, 3, scheduler: :normal, fit: :fill)
    assert [:normal, :dirty, :normal | _] = stats.schedulers
  end

  describe "a crowd" do
    test "gets what was asked for, each of it, and nothing else in the mailbox" do
      png = read("photo.png")
      {:ok, expected} = Thumbelina.thumbnail(png, 50, 50)

      tasks =
        for _ <- 1..200 do
          Task.async(fn ->
            result = Thumbelina.thumbnail(png, 50, 50)
            {result, Process.info(self(), [:message_queue_len, :priority])}
          end)
        end

      for result <- Task.await_many(tasks, 60_000) do
        assert result == {{:ok, expected}, [message_queue_len: 0, priority: :normal]}
      end
    end

    test "is served by turns, as many at a time as there are schedulers" do
      seats = System.schedulers_online()
      crowd = spawn_callers(4 * seats, large_png(), [])
      poll(fn -> Enum.count(crowd, &waiting?/1) == 3 * seats end)

      # With all seats held by someone who does not move, only those get on who need none.
      working = Enum.reject(crowd, &waiting?/1)
      for pid <- working, do: :erlang.suspend_process(pid)

      for scheduler <- [:normal, :dirty] do
        {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 20, 20, scheduler: scheduler)
        assert stats.schedulers == [scheduler]
      end

      waiting = Task.async(fn -> Thumbelina.thumbnail(read("photo.png"), 20, 20) end)
      refute Task.yield(waiting, 100)
      for pid <- working, do: :erlang.resume_process(pid)
      assert {:ok, _} = Task.await(waiting)
    end

    test "loses no seat, and gains none, when some of it are killed" do
      seats = System.schedulers_online()

      # An AVIF is on a dirty scheduler nearly all of its time, a PNG never.
      for {bytes, opts} <- [{large_png(), []}, {read("photo.png"), [format: :avif]}],
          _ <- 1..10 do
        crowd = spawn_callers(4 * seats, bytes, opts)
        poll(fn -> Enum.count(crowd, &waiting?/1) > 0 end)
        {waiting, working} = Enum.split_with(crowd, &waiting?/1)
        kill(working ++ Enum.take_every(waiting, 2))
        assert {:ok, _} = Thumbelina.thumbnail(read("photo.png"), 20, 20)
        kill(crowd)
      end

      crowd = spawn_callers(3 * seats, large_png(), [])
      poll(fn -> Enum.count(crowd, &waiting?/1) == 2 * seats end)
    end

    test "does not wait for someone who takes longer than a second" do
      online = :erlang.system_flag(:schedulers_online, 1)
      on_exit(fn -> :erlang.system_flag(:schedulers_online, online) end)
      png = large_png()
      slow = Task.async(fn -> Thumbelina.thumbnail(png, 20, 20) end)
      poll(fn -> Process.info(slow.pid, :priority) == {:priority, :low} end)
      :erlang.suspend_process(slow.pid)

      waiting = Task.async(fn -> Thumbelina.thumbnail(read("photo.png"), 20, 20) end)
      refute Task.yield(waiting, 1_100)
      :erlang.resume_process(slow.pid)
      assert {:ok, _} = Task.await(waiting)
      refute Task.yield(slow, 0)
      assert {:ok, _} = Task.await(slow)
    end
  end

  describe "the caller's priority" do
    test "is low during the call unless asked otherwise, and what it was after it" do
      assert :low in priorities([])
      refute :low in priorities(priority: :unchanged)
    end

    test "is what it was after an error" do
      assert {:error, _} = Thumbelina.thumbnail(binary_part(read("photo.png"), 0, 500), 20, 20)
      assert Process.info(self(), :priority) == {:priority, :normal}
    end

    # Those of a caller whose own is high, as long as it is there.
    defp priorities(opts) do
      png = large_png()

      caller =
        Task.async(fn ->
          Process.flag(:priority, :high)
          {:ok, _} = Thumbelina.thumbnail(png, 20, 20, opts)
          assert Process.info(self(), :priority) == {:priority, :high}
        end)

      fn -> Process.info(caller.pid, :priority) end
      |> Stream.repeatedly()
      |> Enum.take_while(& &1)
      |> Enum.map(&elem(&1, 1))
    end
  end

  # A tenth of a second and more to shrink.
  defp large_png, do: Thumbelina.thumbnail!(read("photo.png"), 3000, 3000, enlarge: true)

  # Callers without end, until they are killed or the test ends.
  defp spawn_callers(count, bytes, opts) do
    callers = for _ <- 1..count, do: spawn(fn -> call_for_ever(bytes, opts) end)
    on_exit(fn -> kill(callers) end)
    callers
  end

  defp call_for_ever(bytes, opts) do
    Thumbelina.thumbnail(bytes, 20, 20, opts)
    call_for_ever(bytes, opts)
  end

  defp kill(pids) do
    monitors = for pid <- pids, do: Process.monitor(pid)
    for pid <- pids, do: Process.exit(pid, :kill)
    for monitor <- monitors, do: assert_receive({:DOWN, ^monitor, _, _, _}, 5_000)
  end

  defp waiting?(pid), do: Process.info(pid, :status) == {:status, :waiting}

  test "a killed caller frees what its picture held" do
    png = Thumbelina.thumbnail!(read("photo.png"), 3000, 3000, enlarge: true)

    for scheduler <- [:normal, :dirty] do
      before = :erlang.memory(:system)

      for _ <- 1..50 do
        {pid, ref} =
          spawn_monitor(fn ->
            Thumbelina.thumbnail(png, 1500, 1500, scheduler: scheduler, steps_per_slice: 1)
          end)

        # Long enough to be under way at different places, short enough never to be done.
        receive do
        after
          :rand.uniform(8) -> :ok
        end

        Process.exit(pid, :kill)
        assert_receive {:DOWN, ^ref, :process, ^pid, :killed}, 5_000
      end

      :erlang.garbage_collect()
      # One such call holds 15 MB: fifty that leaked would hold 750.
      poll(fn -> :erlang.memory(:system) - before < 40_000_000 end)
    end
  end

  test "a new version of the module is loaded while calls are under way" do
    png = read("photo.png")
    {:ok, expected} = Thumbelina.thumbnail(png, 50, 50)
    parent = self()

    callers =
      for scheduler <- [:normal, :dirty, :auto] do
        spawn_link(fn -> call_until_told(parent, png, expected, scheduler) end)
      end

    for _ <- 1..10 do
      # A purge kills whoever still runs the old version; this waits for them.
      poll(fn -> :code.soft_purge(Native) end)
      assert {:module, Native} = :code.load_file(Native)
      assert {:ok, ^expected} = Thumbelina.thumbnail(png, 50, 50)
    end

    # Also where the old version is still there, and no other: the next call loads it.
    poll(fn -> :code.soft_purge(Native) end)
    assert :code.delete(Native)
    assert {:ok, ^expected} = Thumbelina.thumbnail(png, 50, 50)

    for caller <- callers do
      send(caller, :stop)
      assert_receive {:stopped, ^caller, calls}, 5_000
      assert calls > 0
    end
  end

  defp call_until_told(parent, bytes, expected, scheduler, calls \\ 0) do
    assert {:ok, ^expected} = Thumbelina.thumbnail(bytes, 50, 50, scheduler: scheduler)

    receive do
      :stop -> send(parent, {:stopped, self(), calls + 1})
    after
      0 -> call_until_told(parent, bytes, expected, scheduler, calls + 1)
    end
  end

  test "two thousand calls at once all get their answer" do
    jpg = read("photo.jpg")
    png = read("photo-palette.png")
    expected = {Thumbelina.thumbnail!(jpg, 40, 40), Thumbelina.thumbnail!(png, 40, 40)}

    1..2000
    |> Enum.map(fn n ->
      Task.async(fn -> Thumbelina.thumbnail!(if(rem(n, 2) == 0, do: jpg, else: png), 40, 40) end)
    end)
    |> Task.await_many(60_000)
    |> Enum.with_index(1)
    |> Enum.each(fn {thumb, n} -> assert thumb == elem(expected, rem(n, 2)) end)
  end

  test "what the NIF holds shows in the VM's memory" do
    png = Thumbelina.thumbnail!(read("photo.png"), 2000, 2000, enlarge: true)
    # What others held is given back by now.
    poll(fn -> abs(:erlang.memory(:system) - memory_after(20)) < 100_000 end)
    before = :erlang.memory(:system)
    parent = self()

    # Suspended while it is under way, it holds its reduced picture.
    pid =
      spawn(fn ->
        send(parent, :started)
        Thumbelina.thumbnail(png, 1000, 1000, scheduler: :normal, steps_per_slice: 1)
      end)

    assert_receive :started
    poll(fn -> :erlang.memory(:system) - before > 2_000_000 or not Process.alive?(pid) end)
    assert Process.alive?(pid)
    Process.exit(pid, :kill)
  end

  defp memory_after(milliseconds) do
    receive do
    after
      milliseconds -> :erlang.memory(:system)
    end
  end

  @tag :tmp_dir
  test "says that the library is not there, where the modules are alone", %{tmp_dir: folder} do
    ebin = :code.lib_dir(:thumbelina) |> Path.join("ebin")
    alone = Path.join(folder, "alone")
    File.cp_r!(ebin, alone)
    code = "Thumbelina.new(<<0>>)"
    {said, status} = System.cmd("elixir", ["-pa", alone, "-e", code], stderr_to_stdout: true)

    assert {status, said =~ "(RuntimeError) Thumbelina's native library cannot be loaded"} ==
             {1, true}
  end
end
