defmodule Thumbelina.StoreTest do
  # The doctests use the store of the default name.
  use ExUnit.Case

  import Thumbelina.{Poll, Quiet}

  alias Thumbelina.{Error, Store}
  alias Thumbelina.Store.Server

  setup context do
    opts = Map.get(context, :store, [])
    if opts, do: start_supervised!({Store, opts})
    :ok
  end

  doctest Thumbelina.Store

  # What a row takes.
  @overhead 512

  describe "values" do
    test "are any terms, under keys that are any terms" do
      for key <- [:a, "a", ~c"a", 1, 1.0, nil, {1, [2], %{a: 3}}, self(), make_ref()] do
        assert Store.get(key) == :error
        assert Store.put(key, {:value, key}) == :ok
      end

      assert Store.get(1) == {:ok, {:value, 1}}
      assert Store.get(1.0) == {:ok, {:value, 1.0}}

      for value <- [nil, :error, {:ok, 1}, "", [], [1 | 2], %{}, <<1::3>>, fn -> 1 end, 1.5] do
        assert Store.put(:key, value) == :ok
        assert Store.get(:key) == {:ok, value}
      end
    end

    test "replace older ones, and are counted once" do
      for n <- 1..10, do: Store.put(:key, String.duplicate("x", n * 100))
      assert {:ok, %{entries: 1, bytes: bytes}} = Store.info()
      assert bytes == 1000 + @overhead
      assert Store.delete(:key) == :ok
      assert Store.delete(:key) == :ok
      assert {:ok, %{entries: 0, bytes: 0}} = Store.info()
    end

    test "hits and misses are counted" do
      Store.put(:a, 1)
      for _ <- 1..3, do: assert(Store.get(:a) == {:ok, 1})
      for _ <- 1..2, do: assert(Store.get(:b) == :error)
      assert {:ok, %{hits: 3, misses: 2, role: :holder}} = Store.info()
    end

    test "hold no part of something larger" do
      large = :binary.copy("0123456789", 100_000)
      part = binary_part(large, 5, 1000)
      image = %{Thumbelina.open!("test/fixtures/photo.png") | bytes: part}

      values = [part, image, {[part], %{part => [part | part]}}]
      for {value, key} <- Enum.with_index(values), do: Store.put(key, value)
      Store.fetch(:fetched, fn -> {:ok, part} end)

      for key <- [0, 1, 2, :fetched], {:ok, value} = Store.get(key) do
        for binary <- binaries(value), do: assert(:binary.referenced_byte_size(binary) < 2000)
      end

      assert {:ok, image} == Store.get(1)
      # A whole binary is kept as it is.
      Store.put(:whole, large)
      {:ok, whole} = Store.get(:whole)
      assert :binary.referenced_byte_size(whole) == byte_size(large)
    end

    defp binaries(value) when is_binary(value), do: [value]
    defp binaries(%Thumbelina.Image{bytes: bytes}), do: [bytes]
    defp binaries([head | tail]), do: binaries(head) ++ binaries(tail)
    defp binaries(value) when is_tuple(value), do: value |> Tuple.to_list() |> binaries()
    defp binaries(value) when is_map(value), do: value |> Map.to_list() |> binaries()
    defp binaries(_), do: []
  end

  describe "the bound" do
    @describetag store: [max_bytes: 10 * (1000 + 512)]

    @value String.duplicate("v", 1000)

    test "drops the least recently used" do
      for n <- 1..10, do: Store.put(n, @value)
      # Reads and writes are uses.
      for n <- [1, 3, 5], do: assert({:ok, _} = Store.get(n))
      Store.put(2, @value)
      for n <- 11..14, do: Store.put(n, @value)

      left = for n <- 1..14, Store.get(n) != :error, do: n
      assert left == [1, 2, 3, 5, 9, 10, 11, 12, 13, 14]
    end

    test "is exact in any order of uses" do
      :rand.seed(:exsss, {1, 2, 3})
      # A list of keys, the most recently used first, is what it must be like.
      for _ <- 1..3000, reduce: [] do
        model ->
          key = :rand.uniform(20)

          case :rand.uniform(3) do
            1 ->
              Store.put(key, @value)
              Enum.take([key | List.delete(model, key)], 10)

            2 ->
              assert match?({:ok, _}, Store.get(key)) == key in model
              if key in model, do: [key | List.delete(model, key)], else: model

            3 ->
              if rem(key, 5) == 0, do: Store.delete(key)
              if rem(key, 5) == 0, do: List.delete(model, key), else: model
          end
      end
    end

    test "refuses what is too large, and keeps the rest" do
      Store.put(:small, "1")
      Store.put(:large, "1")
      Store.put(:large, String.duplicate("v", 20_000))
      assert Store.get(:large) == :error
      assert Store.get(:small) == {:ok, "1"}
    end

    test "holds while many put and read" do
      {:ok, %{max_bytes: max}} = Store.info()

      writers =
        for w <- 1..8 do
          Task.async(fn ->
            for n <- 1..300 do
              Store.put({w, n}, String.duplicate("v", rem(n * 37, 3000)))
              Store.get({rem(w, 8) + 1, n})
            end
          end)
        end

      watcher =
        Task.async(fn ->
          Stream.repeatedly(fn -> in_table() end)
          |> Enum.reduce_while({0, 0}, fn bytes, {most, looks} ->
            if Enum.any?(writers, &Process.alive?(&1.pid)),
              do: {:cont, {max(most, bytes), looks + 1}},
              else: {:halt, {most, looks}}
          end)
        end)

      Task.await_many(writers, 30_000)
      {most, looks} = Task.await(watcher)
      assert looks > 0 and most > div(max, 2)
      # Seen row by row while rows come and go: some may be seen that have gone.
      assert most <= 2 * max
      {:ok, info} = Store.info()
      assert info.bytes <= max
      assert info.bytes == in_table()
      assert info.entries > 0
    end

    defp in_table,
      do: :ets.select(Store, [{{:_, :_, :"$1", :_, :_, :_}, [], [:"$1"]}]) |> Enum.sum()
  end

  describe "fetch" do
    test "computes once for many callers" do
      test = self()

      callers =
        for n <- 1..100 do
          Task.async(fn ->
            Store.fetch(:key, fn ->
              send(test, {:computing, self()})
              receive do: (:go -> {:ok, {:by, n}})
            end)
          end)
        end

      assert_receive {:computing, winner}
      wait_for_waiters(99)
      send(winner, :go)
      results = Task.await_many(callers)
      assert [{:ok, {:by, _}}] = Enum.uniq(results)
      refute_received {:computing, _}
      assert Store.fetch(:key, fn -> flunk() end) == hd(results)
    end

    test "passes on what is not stored to those who wait, and not later" do
      test = self()

      callers =
        for _ <- 1..10 do
          Task.async(fn ->
            Store.fetch(:key, fn ->
              send(test, {:computing, self()})
              receive do: (:go -> {:error, make_ref()})
            end)
          end)
        end

      assert_receive {:computing, winner}
      wait_for_waiters(9)
      send(winner, :go)
      assert [{:error, ref}] = callers |> Task.await_many() |> Enum.uniq()
      assert is_reference(ref)
      assert Store.get(:key) == :error

      for other <- [:error, nil, 1, {:ok, 1, 2}],
          do: assert(Store.fetch(:key, fn -> other end) == other)

      assert Store.get(:key) == :error
    end

    test "goes on with the next when one is killed, raises, throws or exits" do
      test = self()

      for {how, expected} <- [
            kill: :killed,
            raise: {:error, %RuntimeError{message: "no"}},
            throw: {:throw, :no},
            exit: {:exit, :no}
          ] do
        callers =
          for n <- 1..4 do
            spawn_monitor(fn ->
              try do
                Store.fetch(how, fn ->
                  send(test, {:computing, self()})

                  receive do
                    :raise -> raise "no"
                    :throw -> throw(:no)
                    :exit -> exit(:no)
                    :go -> {:ok, n}
                  end
                end)
              catch
                kind, reason -> exit({kind, reason})
              end
            end)
          end

        for waiting <- [3, 2] do
          assert_receive {:computing, winner}
          wait_for_waiters(waiting)
          if how == :kill, do: Process.exit(winner, :kill), else: send(winner, how)
          assert_receive {:DOWN, _, :process, ^winner, ^expected}
        end

        assert_receive {:computing, winner}
        wait_for_waiters(1)
        send(winner, :go)
        for _ <- 1..2, do: assert_receive({:DOWN, _, :process, _, :normal})
        assert {:ok, n} = Store.get(how)
        assert {^winner, _} = Enum.at(callers, n - 1)
      end
    end

    test "lets a caller that failed go on" do
      for _ <- 1..3 do
        assert catch_throw(Store.fetch(:key, fn -> throw(:x) end)) == :x
        assert catch_exit(Store.fetch(:key, fn -> exit(:x) end)) == :x
        assert_raise RuntimeError, "x", fn -> Store.fetch(:key, fn -> raise "x" end) end
      end

      assert Store.fetch(:key, fn -> {:ok, 1} end) == {:ok, 1}
      assert_nothing_left()
    end

    test "of the key that is being computed computes it" do
      assert Store.fetch(:key, fn -> Store.fetch(:key, fn -> {:ok, 1} end) end) == {:ok, 1}

      assert Store.fetch(:other, fn ->
               {:ok, one} = Store.fetch(:key, fn -> flunk() end)
               {:ok, one + 1}
             end) == {:ok, 2}
    end

    test "waits no longer than its timeout" do
      test = self()

      # Each computes one key and wants the other's, so that each waits for itself.
      tasks =
        for {mine, others} <- [a: :b, b: :a] do
          Task.async(fn ->
            Store.fetch(mine, fn ->
              send(test, {:computing, self()})
              receive do: (:go -> :ok)
              Store.fetch(others, fn -> {:ok, {:without, mine}} end, timeout: 50)
            end)
          end)
        end

      for %{pid: pid} <- tasks, do: assert_receive({:computing, ^pid})
      for %{pid: pid} <- tasks, do: send(pid, :go)
      assert [{:ok, one}, {:ok, other}] = Task.await_many(tasks)
      for result <- [one, other], do: assert(result in [{:without, :a}, {:without, :b}])
    end

    test "leaves no message and no process behind" do
      for n <- 1..50, do: Store.fetch(n, fn -> if rem(n, 2) == 0, do: {:ok, n}, else: :no end)
      for n <- 1..50, do: Store.fetch(n, fn -> :no end)
      assert Process.info(self(), :messages) == {:messages, []}
      assert Process.info(self(), :monitors) == {:monitors, []}
      assert_nothing_left()
    end

    test "goes on when the store's process dies while it computes" do
      test = self()

      callers =
        for n <- 1..5 do
          Task.async(fn ->
            Store.fetch(:key, fn ->
              send(test, {:computing, self()})
              receive do: (:go -> {:ok, n})
            end)
          end)
        end

      assert_receive {:computing, first}
      wait_for_waiters(4)
      server = Server.whereis(Store)
      # A supervisor reports it.
      quiet()
      Process.exit(server, :kill)

      # Of those who waited, one computes: with the new process, or alone where there was none yet.
      assert_receive {:computing, second} when second != first
      for task <- callers, do: send(task.pid, :go)
      assert Enum.all?(Task.await_many(callers), &match?({:ok, n} when n in 1..5, &1))
      poll(fn -> match?({:ok, %{role: :holder}}, Store.info()) end)
      assert Server.whereis(Store) != server
    end

    defp wait_for_waiters(count) do
      poll(fn ->
        {:ok, claims} = claims()

        Enum.any?(claims, fn
          {_, %{waiters: waiters}} -> map_size(waiters) == count
          _ -> false
        end)
      end)
    end

    defp assert_nothing_left do
      poll(fn -> claims() == {:ok, %{}} end)
      assert {:monitors, []} = Process.info(Server.whereis(Store), :monitors)
    end

    defp claims, do: {:ok, :sys.get_state(Server.whereis(Store)).claims}
  end

  describe "no store" do
    @describetag store: nil

    test "is no error" do
      assert Store.get(:key) == :error
      assert Store.put(:key, 1) == :ok
      assert Store.delete(:key) == :ok
      assert Store.info() == :error
      assert Store.fetch(:key, fn -> {:ok, 1} end) == {:ok, 1}
      assert_raise RuntimeError, fn -> Store.fetch(:key, fn -> raise "x" end) end
      assert Store.get(:key) == :error
    end

    test "wrong options are errors that name them" do
      for {key, wrong} <- [
            name: "store",
            name: nil,
            max_bytes: 0,
            max_bytes: 1.5,
            max_bytes: :infinity,
            near_bytes: -1,
            near_ttl: 0,
            dir: ~c"dir",
            dir: "",
            dir_bytes: nil,
            color: :red
          ] do
        assert {:error, %Error{reason: :invalid_option, key: ^key, value: ^wrong} = error} =
                 Store.start_link([{key, wrong}])

        assert Exception.message(error) =~ inspect(key)
      end

      assert {:error, %Error{reason: :invalid_option, key: :options}} = Store.start_link(%{})
      assert {:error, %Error{reason: :invalid_option}} = Store.start_link([1])
      assert {:error, %Error{reason: :eexist}} = Store.start_link(dir: "mix.exs")
      assert %{id: Store} = Store.child_spec(%{})
    end

    test "has no table to look into" do
      refute Store.Table.member?(Store, Store.Key.id(:key))
      assert Store.Table.read(Store, Store.Key.id(:key)) == :error
      assert Store.Table.used(Store, Store.Key.id(:key)) == nil
    end

    test "several stores are different stores" do
      for name <- [:one, :two], do: start_supervised!({Store, name: name})
      Store.put(:key, 1, name: :one)
      assert Store.get(:key, name: :one) == {:ok, 1}
      assert Store.get(:key, name: :two) == :error
      assert Store.get(:key) == :error
    end
  end

  test "wrong arguments raise in the caller, and the store lives on" do
    server = Server.whereis(Store)
    assert_raise ArgumentError, fn -> Store.get(:key, name: "x") end
    assert_raise ArgumentError, fn -> Store.fetch(:key, fn _ -> 1 end) end
    assert_raise ArgumentError, fn -> Store.fetch(:key, {:ok, 1}) end
    assert_raise ArgumentError, fn -> Store.fetch(:key, fn -> 1 end, timeout: -1) end

    for call <- [
          &Store.get(:key, &1),
          &Store.put(:key, 1, &1),
          &Store.delete(:key, &1),
          &Store.info/1,
          &Store.fetch(:key, fn -> 1 end, &1)
        ] do
      assert_raise ArgumentError, ~r/:color/, fn -> call.(color: :red) end
    end

    assert Store.get(:key) == :error
    assert Server.whereis(Store) == server and Process.alive?(server)
  end
end
