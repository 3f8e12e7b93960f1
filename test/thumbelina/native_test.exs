defmodule Thumbelina.NativeTest do
  # What runs where. Not async: some of these look at the whole VM.
  use ExUnit.Case

  alias Thumbelina.Native

  @fixtures Path.expand("../fixtures", __DIR__)

  defp read(name), do: File.read!(Path.join(@fixtures, name))

  defp fixtures do
    for name <- File.ls!(@fixtures), String.match?(name, ~r/^(photo|alpha|orientation)/), do: name
  end

  test "both roads, and any slice down to one step of work, give the same bytes" do
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

  test "a picture that can be cut stays on the normal road in slices" do
    {:ok, _, stats} =
      Thumbelina.measure(read("photo.png"), 60, 60, scheduler: :normal, steps_per_slice: 1)

    assert stats.roads == [:normal]
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
    assert [:normal, :dirty, :normal | _] = stats.roads
  end

  test "a crowd on the normal road sends further callers to the dirty one" do
    png = Thumbelina.thumbnail!(read("photo.png"), 1500, 1500, enlarge: true)
    assert {:ok, %{road: :normal}} = Thumbelina.explain(png, 20, 20)

    # Four for each core have a seat; each of these callers takes one again and again.
    crowd = for _ <- 1..(5 * System.schedulers()), do: spawn_caller(png)

    wait_until(fn ->
      {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 20, 20)
      stats.roads == [:dirty]
    end)

    # Whoever asks for it is let onto the normal road all the same.
    {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 20, 20, scheduler: :normal)
    assert stats.roads == [:normal]

    for pid <- crowd, do: Process.exit(pid, :kill)

    wait_until(fn ->
      {:ok, _, stats} = Thumbelina.measure(read("photo.png"), 20, 20)
      stats.roads == [:normal]
    end)
  end

  defp spawn_caller(bytes) do
    spawn(fn ->
      for _ <- 1..10_000, do: Thumbelina.thumbnail(bytes, 20, 20, steps_per_slice: 1)
    end)
  end

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
      wait_until(fn -> :erlang.memory(:system) - before < 40_000_000 end)
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
      wait_until(fn -> :code.soft_purge(Native) end)
      assert {:module, Native} = :code.load_file(Native)
      assert {:ok, ^expected} = Thumbelina.thumbnail(png, 50, 50)
    end

    # Also where the old version is still there, and no other: the next call loads it.
    wait_until(fn -> :code.soft_purge(Native) end)
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
    before = :erlang.memory(:system)
    parent = self()

    # Suspended while it is under way, it holds its reduced picture.
    pid =
      spawn(fn ->
        send(parent, :started)
        Thumbelina.thumbnail(png, 1000, 1000, scheduler: :normal, steps_per_slice: 1)
      end)

    assert_receive :started
    wait_until(fn -> :erlang.memory(:system) - before > 2_000_000 or not Process.alive?(pid) end)
    assert Process.alive?(pid)
    Process.exit(pid, :kill)
  end

  defp wait_until(condition, tries \\ 2_000)
  defp wait_until(_condition, 0), do: flunk("it did not happen in time")

  defp wait_until(condition, tries) do
    unless condition.() do
      receive do
      after
        1 -> wait_until(condition, tries - 1)
      end
    end
  end
end
