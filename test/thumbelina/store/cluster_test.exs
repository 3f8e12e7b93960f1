defmodule Thumbelina.Store.ClusterTest do
  # Starts nodes, and makes this node one of a cluster.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{Peers, Store, StoreClient}
  alias Thumbelina.Store.{Election, Server}

  @moduletag :unix
  @moduletag timeout: 120_000

  @client "test/support/store_client.ex"

  # Peers with a candidate each; the first of them holds the store. Then this node is a candidate
  # too.
  defp cluster(count, opts \\ []) do
    peers = Peers.start(count, schedulers: 2)
    Peers.load(peers, @client)

    for {{_, node}, n} <- Enum.with_index(peers) do
      :ok = :erpc.call(node, StoreClient, :start, [opts])
      if n == 0, do: poll(fn -> on(node, Store, :info) |> holder() == node end)
    end

    [{_, first} | _] = peers
    # The names of the cluster are known here.
    :ok = :global.sync()
    start_supervised!({Store, opts})
    for node <- [node() | Enum.map(peers, &elem(&1, 1))], do: await_holder(node, first)
    peers
  end

  defp on(node, module, function, args \\ []), do: :erpc.call(node, module, function, args)

  defp holder({:ok, %{role: :holder, node: node}}), do: node
  defp holder(_), do: nil

  defp await_holder(node, holder),
    do: poll(fn -> node |> on(Store, :info) |> holder() == holder end)

  # How many wait for others' computations, as the store sees it.
  defp waiters(server \\ Election.whereis(Store)), do: server |> :sys.get_state() |> waiting()

  defp waiting(%{claims: claims}) do
    for({_, %{waiters: waiters}} <- claims, do: map_size(waiters)) |> Enum.sum()
  end

  defp results(count) do
    for _ <- 1..count do
      assert_receive {:done, _pid, result}, 30_000
      result
    end
  end

  test "200 callers on three nodes, one computation" do
    [{_, one}, {_, other}] = cluster(2)
    image = Thumbelina.open!("test/fixtures/photo.jpg")

    for {key, round} <- Enum.with_index([:a, :b, {:c, 1}]) do
      for {node, count} <- [{node(), 67}, {one, 67}, {other, 66}],
          do: on(node, StoreClient, :fetch, [self(), key, count])

      assert_receive {:computing, winner}, 5000
      poll(fn -> waiters() == 199 end)
      send(winner, {:go, {:ok, image}})
      assert Enum.uniq(results(200)) == [{:ok, image}]
      refute_received {:computing, _}
      # Later callers find it, wherever they are.
      for node <- [node(), one, other], do: assert(on(node, Store, :get, [key]) == {:ok, image})
      {:ok, info} = Store.info()
      assert {info.node, info.entries} == {one, round + 1}
    end

    assert waiters() == 0
    poll(fn -> :sys.get_state(Election.whereis(Store)).claims == %{} end)
  end

  test "what is not stored is passed on to other nodes too" do
    [{_, one}, {_, other}] = cluster(2)
    for node <- [node(), one, other], do: on(node, StoreClient, :fetch, [self(), :key, 5])
    assert_receive {:computing, winner}, 5000
    poll(fn -> waiters() == 14 end)
    send(winner, {:go, {:error, :no_picture}})
    assert Enum.uniq(results(15)) == [{:error, :no_picture}]
    for node <- [node(), one, other], do: assert(on(node, Store, :get, [:key]) == :error)
  end

  test "when a winner is killed, or its whole node, the next computes" do
    [{_, one}, third, {_, other}] = cluster(3)
    {_, third_node} = third

    on(third_node, StoreClient, :fetch, [self(), :key, 1])
    assert_receive {:computing, first}, 5000
    assert node(first) == third_node
    for node <- [one, other, node()], do: on(node, StoreClient, :fetch, [self(), :key, 3])
    poll(fn -> waiters() == 9 end)

    Peers.kill(third)
    assert_receive {:computing, second}, 5000
    poll(fn -> waiters() == 8 end)

    Process.exit(second, :kill)
    assert_receive {:computing, last}, 5000
    poll(fn -> waiters() == 7 end)
    send(last, {:go, {:ok, 1}})
    assert Enum.uniq(results(8)) == [{:ok, 1}]
    refute_received {:computing, _}
  end

  test "when the store's node dies under load, another takes over, and answers are right" do
    [first, {_, other}] = cluster(2, max_bytes: 200_000, near_bytes: 50_000)
    {_, first_node} = first

    loaders = for node <- [node(), other], do: on(node, StoreClient, :start_load, [8, 100])
    poll(fn -> match?({:ok, %{hits: hits}} when hits > 200, Store.info()) end)
    Peers.kill(first)

    poll(fn -> holder(Store.info()) not in [nil, first_node] end)
    {:ok, %{node: second}} = Store.info()
    assert second in [node(), other]
    for node <- [node(), other], do: await_holder(node, second)

    poll(fn ->
      match?({:ok, %{hits: hits, entries: entries}} when hits > 200 and entries > 0, Store.info())
    end)

    for loader <- loaders do
      results = StoreClient.stop_load(loader)
      assert length(results) == 8

      for result <- results do
        assert {:load, calls, []} = result
        assert calls > 10
      end
    end

    {:ok, info} = Store.info()
    assert info.bytes <= 200_000
  end

  test "a node that takes over has what it had near, and its directory" do
    dir = Path.join(System.tmp_dir!(), "thumbelina-store-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf!(dir) end)
    # This node only: the other starts without a directory.
    [first] = Peers.start(1, schedulers: 2)
    {_, node} = first
    Peers.load([first], @client)
    start_supervised!({Store, dir: dir})
    Store.put(:mine, 1)
    poll(fn -> match?({:ok, %{files: 1}}, Store.info()) end)
    stop_supervised!(Store)

    :ok = on(node, StoreClient, :start, [[]])
    await_holder(node, node)
    start_supervised!({Store, dir: dir})
    await_holder(node(), node)
    assert Store.get(:mine) == :error
    Store.put(:near, 2)
    on(node, Store, :put, [:far, 3])

    Peers.kill(first)
    poll(fn -> holder(Store.info()) == node() end)
    assert Store.get(:mine) == {:ok, 1}
    assert Store.get(:near) == {:ok, 2}
    assert Store.get(:far) == :error
  end

  test "a store that is suspended holds nobody up for ever" do
    [first, {_, other}] = cluster(2)
    {_, first_node} = first
    Store.put(:near, 1)
    on(first_node, Store, :put, [:far, 2])
    Peers.suspend(first)

    try do
      assert Store.get(:near) == {:ok, 1}

      # These wait until it is clear that it does not answer. Then each node has a computation.
      for node <- [node(), other], do: on(node, StoreClient, :fetch, [self(), :key, 20])
      assert_receive {:computing, one}, 20_000
      assert_receive {:computing, two}, 20_000
      assert Enum.sort([node(one), node(two)]) == Enum.sort([node(), other])

      for node <- [node(), other],
          do: poll(fn -> waiters(on(node, Server, :whereis, [Store])) == 19 end)

      for pid <- [one, two], do: send(pid, {:go, {:ok, 3}})
      assert Enum.uniq(results(40)) == [{:ok, 3}]
      refute_received {:computing, _}

      # Now that it is known to be away, nobody asks it.
      assert :erlang.trace_pattern({:erpc, :call, 5}, true, [:call_count]) == 1
      assert Store.get(:far) == :error
      assert Store.fetch(:other, fn -> {:ok, 4} end) == {:ok, 4}
      assert Store.put(:other, 5) == :ok
      assert Store.get(:other) == {:ok, 5}
      assert Store.delete(:other) == :ok
      assert Store.get(:other) == :error
      assert {:ok, %{role: :candidate, node: node}} = Store.info()
      assert node == node()
      assert :erlang.trace_info({:erpc, :call, 5}, :call_count) == {:call_count, 0}
    after
      :erlang.trace_pattern({:erpc, :call, 5}, false, [:call_count])
      Peers.resume(first)
    end

    # And that it is back.
    for node <- [node(), other], do: await_holder(node, first_node)
    assert Store.get(:far) == {:ok, 2}
    assert Store.fetch(:new, fn -> {:ok, 5} end) == {:ok, 5}
    poll(fn -> on(first_node, Store, :get, [:new]) == {:ok, 5} end)
  end

  test "a winner that is suspended holds nobody up for longer than the timeout" do
    [_, second] = cluster(2)
    {_, second_node} = second
    on(second_node, StoreClient, :fetch, [self(), :key, 1])
    assert_receive {:computing, winner}, 5000
    Peers.suspend(second)

    try do
      assert Store.fetch(:key, fn -> {:ok, :here} end, timeout: 300) == {:ok, :here}
    after
      Peers.resume(second)
    end

    send(winner, {:go, {:ok, :there}})
    assert results(1) == [{:ok, :there}]
    poll(fn -> on(second_node, Store, :get, [:key]) == {:ok, :there} end)
  end

  describe "the near cache" do
    test "is out of date for no longer than its time" do
      [{_, one}, {_, other}] = cluster(2, near_ttl: 300)
      on(one, Store, :put, [:key, 1])
      assert Store.get(:key) == {:ok, 1}
      poll(fn -> Store.Table.member?(Store, Store.Key.id(:key)) end)
      # Another node, which does not hold the store.
      on(other, Store, :put, [:key, 2])
      poll(fn -> Store.get(:key) == {:ok, 2} end)
      on(other, Store, :delete, [:key])
      assert on(one, Store, :get, [:key]) == :error
      poll(fn -> Store.get(:key) == :error end)
    end

    test "has a copy anew when its time is over" do
      [{_, one}] = cluster(1, near_ttl: 1_000)
      on(one, Store, :put, [:key, 1])
      id = Store.Key.id(:key)
      assert Store.get(:key) == {:ok, 1}

      for _ <- 1..2 do
        poll(fn -> Store.Table.member?(Store, id) end)
        poll(fn -> not Store.Table.member?(Store, id) end)
        {:ok, %{hits: hits}} = Store.info()
        assert Store.get(:key) == {:ok, 1}
        assert {:ok, %{hits: more}} = Store.info()
        assert more == hits + 1
      end
    end

    test "is read first, and forgets what this node deletes" do
      [{_, one}] = cluster(1)
      on(one, Store, :put, [:key, 1])
      assert Store.get(:key) == {:ok, 1}
      :sys.get_state(Server.whereis(Store))
      {:ok, %{hits: hits}} = Store.info()
      for _ <- 1..100, do: assert(Store.get(:key) == {:ok, 1})
      assert {:ok, %{hits: ^hits}} = Store.info()

      Store.put(:key, 2)
      :sys.get_state(Server.whereis(Store))
      assert Store.get(:key) == {:ok, 2}
      Store.delete(:key)
      assert Store.get(:key) == :error
      assert on(one, Store, :get, [:key]) == :error
    end

    test "is bounded, or off" do
      [{_, one}] = cluster(1, near_bytes: 5 * 1512)
      for n <- 1..20, do: on(one, Store, :put, [n, String.duplicate("x", 1000)])
      for n <- 1..20, do: assert({:ok, _} = Store.get(n))
      state = :sys.get_state(Server.whereis(Store))
      assert state.table.bytes == 5 * 1512
      {:ok, %{hits: hits}} = Store.info()
      for n <- 16..20, do: assert({:ok, _} = Store.get(n))
      assert {:ok, %{hits: ^hits, entries: 20}} = Store.info()

      stop_supervised!(Store)
      start_supervised!({Store, near_bytes: 0})
      await_holder(node(), one)
      for _ <- 1..3, do: assert({:ok, _} = Store.get(20))
      assert {:ok, %{hits: more}} = Store.info()
      assert more == hits + 3
      assert :sys.get_state(Server.whereis(Store)).table.bytes == 0
    end
  end

  test "a node without the child uses the store of the cluster" do
    [{_, one}] = cluster(1)
    stop_supervised!(Store)
    assert Store.put(:key, 1) == :ok
    assert Store.get(:key) == {:ok, 1}
    assert Store.fetch(:other, fn -> {:ok, 2} end) == {:ok, 2}
    assert on(one, Store, :get, [:other]) == {:ok, 2}
    assert Store.delete(:key) == :ok
    assert Store.get(:key) == :error
    assert_raise RuntimeError, fn -> Store.fetch(:raise, fn -> raise "x" end) end
    assert {:ok, %{node: ^one, entries: 1}} = Store.info()
    poll(fn -> :sys.get_state(Election.whereis(Store)).claims == %{} end)
  end

  test "a netsplit, and its end" do
    args = ["-kernel", "prevent_overlapping_partitions", "false"]
    peers = Peers.start(4, schedulers: 2, connect: false, args: args)
    Peers.load(peers, @client)
    Peers.join(peers)

    for {control, _} <- peers do
      # They report that they cannot connect.
      :ok = :peer.call(control, :logger, :set_primary_config, [:level, :none])
      :ok = :peer.call(control, StoreClient, :start, [])
    end

    one_holder = fn -> peers |> holders() |> Enum.uniq() |> length() == 1 end
    poll(one_holder, 60_000)

    loaders =
      for {control, _} = peer <- peers,
          do: {peer, :peer.call(control, StoreClient, :start_load, [4, 50])}

    {left, right} = Enum.split(peers, 2)

    for round <- 1..3 do
      Peers.cut(left, right)

      # One on each side.
      poll(
        fn ->
          case for(side <- [left, right], do: Enum.uniq(holders(side))) do
            [[one], [other]] -> one in nodes(left) and other in nodes(right)
            _ -> false
          end
        end,
        60_000
      )

      # On each side, some wait for one, while it heals.
      held =
        for side <- [left, right], {control, _} = peer <- side do
          {peer, side, :peer.call(control, StoreClient, :hold, [{:held, round}, 3])}
        end

      for side <- [left, right], do: poll(fn -> held(side, {:held, round}) == 5 end)

      Peers.heal(left, right)
      poll(fn -> roles(peers) == [:candidate, :candidate, :candidate, :holder] end, 60_000)
      poll(one_holder, 60_000)
      assert [holder] = peers |> holders() |> Enum.uniq()
      assert holder in nodes(peers)

      # Whoever waited gets the answer of its side or, if it was sent on, of the other.
      answers = for side <- [left, right], do: {:ok, nodes(side)}

      for {{control, _}, side, keeper} <- held,
          do: :peer.call(control, StoreClient, :release, [keeper, {:ok, nodes(side)}])

      computed =
        for {{control, _}, _side, keeper} <- held do
          {computed, results} = :peer.call(control, StoreClient, :collect, [keeper], 30_000)
          assert length(results) == 3 and results -- (answers ++ answers ++ answers) == []
          computed
        end

      assert Enum.sum(computed) == 2
    end

    for {{control, _}, loader} <- loaders do
      results = :peer.call(control, StoreClient, :stop_load, [loader], 30_000)
      assert length(results) == 4

      for result <- results do
        assert {:load, calls, []} = result
        assert calls > 10
      end
    end
  end

  defp node_of({_, node}), do: node
  defp nodes(peers), do: Enum.map(peers, &node_of/1)

  # Who holds the store, as each peer sees it.
  defp holders(peers) do
    for {control, _} <- peers, do: control |> :peer.call(Store, :info, [], 30_000) |> holder()
  end

  defp roles(peers), do: peers |> Enum.map(&state(&1).role) |> Enum.sort()

  # How many wait for a key on one side.
  defp held(peers, key) do
    id = Store.Key.id(key)

    for(peer <- peers, claim = state(peer).claims[id], do: map_size(claim.waiters)) |> Enum.sum()
  end

  defp state({control, _}) do
    server = :peer.call(control, Server, :whereis, [Store])
    :peer.call(control, :sys, :get_state, [server])
  end
end
