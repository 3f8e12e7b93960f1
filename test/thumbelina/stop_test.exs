defmodule Thumbelina.StopTest do
  # Looks at memory, and takes the cores.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{Error, Image}

  # A picture that takes half a second and more on one core.
  defp large do
    row = for x <- 0..8_999, into: "", do: <<rem(x * 7, 256), rem(x, 256), rem(x * x, 256)>>
    IO.iodata_to_binary(["P6 9000 6000 255\n", List.duplicate(row, 6_000)])
  end

  setup_all do
    %{large: large()}
  end

  @opts [format: :png, enlarge: true, filter: :lanczos3]

  test "a timeout ends the work on every scheduler", %{large: large} do
    for scheduler <- [:auto, :normal, :dirty], timeout <- [0, 1, 5, 20] do
      {micros, result} =
        :timer.tc(fn ->
          Thumbelina.thumbnail(
            large,
            6_000,
            4_000,
            [scheduler: scheduler, timeout: timeout] ++ @opts
          )
        end)

      assert {:error, %Error{reason: :timeout} = error} = result
      assert Exception.message(error) =~ "timeout"
      # Of an otherwise idle machine it is a millisecond or two.
      assert micros < (timeout + 200) * 1_000, "#{scheduler}: #{micros} µs for #{timeout} ms"
    end

    assert {:ok, %Image{}} = Thumbelina.thumbnail(large, 10, 10, timeout: 60_000)
    assert {:message_queue_len, 0} = Process.info(self(), :message_queue_len)
  end

  test "a timeout ends waiting for a turn, and what comes in pieces", %{large: large} do
    seats = System.schedulers_online()

    busy =
      for _ <- 1..(seats * 2) do
        Task.async(fn -> Thumbelina.thumbnail(large, 3_000, 3_000, @opts) end)
      end

    Process.sleep(50)
    {micros, result} = :timer.tc(fn -> Thumbelina.thumbnail(large, 9, 9, timeout: 30) end)
    assert {:error, %Error{reason: :timeout}} = result
    assert micros < 500_000

    # What is decoded when all of it is there waits for a turn then: no longer than is left.
    webp =
      Stream.map(
        [File.read!("test/fixtures/photo.webp")],
        &tap(&1, fn _ -> Process.sleep(80) end)
      )

    {micros, result} = :timer.tc(fn -> Thumbelina.thumbnail(webp, 9, 9, timeout: 100) end)
    assert {:error, %Error{reason: :timeout}} = result
    assert micros in 100_000..400_000

    for task <- busy, do: Task.shutdown(task, :brutal_kill)

    slow =
      Stream.map(for(<<piece::binary-size(65_536) <- large>>, do: piece), fn piece ->
        Process.sleep(5)
        piece
      end)

    assert {:error, %Error{reason: :timeout}} = Thumbelina.thumbnail(slow, 9, 9, timeout: 40)
    assert {:message_queue_len, 0} = Process.info(self(), :message_queue_len)
  end

  test "a caller that is killed leaves no work behind", %{large: large} do
    # The pool and its threads are there.
    {:ok, _} = Thumbelina.thumbnail(large, 9, 9, scheduler: :dirty)
    before = native()

    for scheduler <- [:normal, :dirty, :auto], wait <- [1, 10, 50] do
      {pid, ref} =
        spawn_monitor(fn ->
          Thumbelina.thumbnail(large, 6_000, 4_000, [scheduler: scheduler] ++ @opts)
        end)

      Process.sleep(wait)
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^ref, :process, ^pid, :killed}, 1_000

      # Much sooner than the work would take.
      poll(fn -> native() - before < 4_000_000 end, 1_000)
    end
  end

  test "a panic is an error, and the pool and its seats survive it", %{large: large} do
    png = File.read!("test/fixtures/photo.png")
    {:ok, expected} = Thumbelina.thumbnail(png, 30, 30)

    for scheduler <- [:normal, :dirty, :auto], step <- [0, 1, 2, 5], _ <- 1..4 do
      assert {:error, %Error{reason: :internal_error}} =
               Thumbelina.thumbnail(png, 30, 30, scheduler: scheduler, panic_after: step)
    end

    assert {:error, %Error{reason: :internal_error}} =
             Thumbelina.thumbnail([png], 30, 30, panic_after: 1)

    for scheduler <- [:normal, :dirty, :auto] do
      assert {:ok, ^expected} = Thumbelina.thumbnail(png, 30, 30, scheduler: scheduler)
    end

    assert {:ok, _} = Thumbelina.thumbnail(large, 500, 500, scheduler: :dirty)
  end

  defp native do
    :erlang.garbage_collect()
    :erlang.memory(:system)
  end
end
