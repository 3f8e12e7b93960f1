defmodule Thumbelina.Server.UploadTest do
  use ExUnit.Case, async: true

  import Thumbelina.Poll

  alias Thumbelina.Error
  alias Thumbelina.Server.{Ask, Config, Gate, Metrics, Request, Upload, Work}

  defp config(opts \\ []) do
    {:ok, config} = Config.new([max_concurrency: 1] ++ opts)
    live = Metrics.new()
    start_supervised!({Gate, {live, 1}}, id: make_ref())
    %{config | live: live}
  end

  defp in_progress(config) do
    _ = :sys.get_state(Metrics.gate(config.live))
    :ets.lookup_element(config.live, :in_progress, 2)
  end

  defp mailbox, do: elem(Process.info(self(), :messages), 1)

  # Pieces that say when they are given up.
  defp pieces(list) do
    test = self()

    Stream.resource(
      fn -> list end,
      fn
        [] -> {:halt, []}
        [fun | rest] when is_function(fun) -> {[fun.()], rest}
        [piece | rest] -> {[piece], rest}
      end,
      fn _ -> send(test, :closed) end
    )
  end

  test "hands pieces over, to whoever asks, and goes on where that stopped" do
    config = config()
    owner = self()

    result =
      Upload.work(pieces(["a", "b", "c", "d"]), config, fn pieces ->
        assert self() != owner
        assert in_progress(config) == 1
        first = Enum.take(pieces, 2)
        {first, Enum.to_list(pieces), Enum.to_list(pieces)}
      end)

    assert result == {["a", "b"], ["c", "d"], []}
    assert_received :closed
    assert mailbox() == []
    assert in_progress(config) == 0
  end

  test "asks for no more than is wanted" do
    config = config()
    never = fn -> flunk("not asked for") end
    assert Upload.work(pieces([never]), config, fn _ -> :enough end) == :enough
    assert_received :closed
    assert Upload.work(pieces(["a", never]), config, &Enum.take(&1, 1)) == ["a"]
    assert_received :closed
  end

  test "a piece is waited for without a place, and without time running out" do
    config = config(timeout: 50)

    slow = fn ->
      assert in_progress(config) == 0
      Process.send_after(self(), :late, 200)
      receive(do: (:late -> "late"))
    end

    assert Upload.work(pieces([slow, "b"]), config, &Enum.to_list/1) == ["late", "b"]
  end

  test "if there is no place when a piece has come, that is the end" do
    config = config()
    test = self()

    full = fn ->
      spawn_link(fn ->
        Gate.through(config.live, fn ->
          send(test, :in)
          receive(do: (:leave -> :ok))
        end)
      end)

      assert_receive :in
      "a"
    end

    work = fn pieces ->
      send(test, {:worker, self()})
      Enum.to_list(pieces)
    end

    assert {:error, %Error{reason: :overloaded}} = Upload.work(pieces([full]), config, work)
    assert_received {:worker, worker}
    poll(fn -> not Process.alive?(worker) end)
    # And none at the beginning: nothing is asked for.
    assert {:error, %Error{reason: :overloaded}} = Upload.work(pieces([full]), config, work)
    refute_received {:worker, _}
  end

  test "work that takes too long is stopped" do
    config = config(timeout: 30)
    test = self()

    for list <- [[], ["a"], ["a", "b"]] do
      result =
        Upload.work(pieces(list), config, fn pieces ->
          send(test, {:worker, self()})
          _ = Enum.to_list(pieces)
          receive(do: (:never -> :ok))
        end)

      assert result == {:error, %Error{reason: :timeout}}
      assert_received {:worker, worker}
      poll(fn -> not Process.alive?(worker) end)
      assert_received :closed
      assert mailbox() == []
      assert in_progress(config) == 0
    end
  end

  test "what is raised, on either side, is raised here" do
    config = config()
    assert_raise RuntimeError, "work", fn -> Upload.work([], config, fn _ -> raise "work" end) end
    assert catch_throw(Upload.work(["a"], config, fn _ -> throw(:up) end)) == :up
    assert catch_exit(Upload.work(["a"], config, fn _ -> exit(:now) end)) == :now

    broken = pieces(["a", fn -> raise "pieces" end])
    assert_raise RuntimeError, "pieces", fn -> Upload.work(broken, config, &Enum.to_list/1) end
    assert_received :closed
    assert mailbox() == []
    assert in_progress(config) == 0
  end

  test "whoever is killed takes the worker along, and the place" do
    config = config()
    test = self()

    owner =
      spawn(fn ->
        Upload.work(["a"], config, fn pieces ->
          _ = Enum.to_list(pieces)
          send(test, {:worker, self()})
          receive(do: (:never -> :ok))
        end)
      end)

    assert_receive {:worker, worker}
    monitor = Process.monitor(worker)
    assert in_progress(config) == 1
    Process.exit(owner, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^worker, :killed}
    poll(fn -> in_progress(config) == 0 end)
  end

  test "works where exits are trapped" do
    Process.flag(:trap_exit, true)
    config = config()
    assert Upload.work(["a"], config, &Enum.to_list/1) == ["a"]

    killed = fn _ -> Process.exit(self(), :kill) end
    assert catch_exit(Upload.work(["a"], config, killed)) == :killed
    assert mailbox() == []
  end

  test "a picture in pieces becomes what it becomes as a whole, in the same format" do
    for path <- Path.wildcard("test/fixtures/*"),
        bytes = File.read!(path),
        {:ok, config} = Config.new(avif: true, format: :auto),
        accept <- ["*/*", "image/webp,*/*", "image/avif,image/webp"],
        request = %Request{method: "POST", path: "/", headers: [{"accept", accept}]},
        size <- ["20", "900"],
        size == "20" or path =~ "photo.jpg",
        {:ok, ask} = Ask.new(size, %{"enlarge" => "true"}, request, config),
        step <- [33, 5000] do
      pieces =
        for from <- 0..(byte_size(bytes) - 1)//step,
            do: binary_part(bytes, from, min(step, byte_size(bytes) - from))

      whole = Work.thumbnail(fn -> {:ok, bytes} end, ask, config)
      assert {path, outcome(Work.arriving(pieces, ask, config))} == {path, outcome(whole)}
    end
  end

  defp outcome({:ok, image}), do: {image.format, :erlang.md5(image.bytes)}
  defp outcome({:error, error}), do: error.reason
end
