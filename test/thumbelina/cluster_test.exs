defmodule Thumbelina.ClusterTest do
  use ExUnit.Case, async: false
  doctest Thumbelina.Cluster

  import Thumbelina.{Poll, Quiet}

  alias Thumbelina.{Cluster, Error, Image, Peers}
  alias Thumbelina.Cluster.{Member, Transfer, Work}

  @moduletag :unix
  @moduletag timeout: 120_000

  @photo "test/fixtures/photo.jpg"

  # Pictures that can be told apart, and so can their thumbnails. Some are sent whole, some in
  # pieces.
  defp picture(n, side \\ nil) do
    side = side || 100 + rem(n, 3) * 100
    row = for x <- 0..(side - 1), into: <<>>, do: <<rem(n * 7 + div(x * 100, side), 256)>>
    "P5 #{side} #{side} 255\n# #{n}\n" <> String.duplicate(row, side)
  end

  # Measured, because that is no run which `runs/1` counts.
  defp local(source, width, height, opts \\ []) do
    with {:ok, image, _stats} <- Thumbelina.measure(source, width, height, opts),
         do: {:ok, image}
  end

  # Members under a supervisor that outlives the call.
  defp join({_control, node}) do
    {:ok, _} = :supervisor.start_child({:kernel_safe_sup, node}, Cluster.child_spec([]))
    count_runs(node)
    node
  end

  defp leave(node) do
    :ok = :supervisor.terminate_child({:kernel_safe_sup, node}, Cluster)
    :ok = :supervisor.delete_child({:kernel_safe_sup, node}, Cluster)
  end

  # This node and some more, which know each other.
  defp cluster(count, opts \\ []) do
    peers = Peers.start(count, [schedulers: 1] ++ opts)
    start_supervised!({Cluster, []})
    count_runs(node())
    nodes = Enum.map(peers, &join/1)
    know(nodes)
    {peers, nodes}
  end

  defp know(nodes),
    do: poll(fn -> Enum.sort(member_nodes()) == Enum.sort([node() | nodes]) end)

  defp member_nodes, do: Enum.map(Cluster.members(), & &1.node)
  defp working(node), do: Enum.find(Cluster.members(), &(&1.node == node)).working

  # The VM counts the calls of a function.
  defp count_runs(node) do
    {:module, _} = :erpc.call(node, :code, :ensure_loaded, [Thumbelina.Job])
    :erpc.call(node, :erlang, :trace_pattern, [{Thumbelina.Job, :run, 2}, true, [:call_count]])
  end

  defp runs(node) do
    {:call_count, count} =
      :erpc.call(node, :erlang, :trace_info, [{Thumbelina.Job, :run, 2}, :call_count])

    count
  end

  defp works(node), do: length(Task.Supervisor.children({Work.supervisor(), node}))

  # Takes all of this node's schedulers, so that work is sent.
  defp occupy do
    for _ <- 1..System.schedulers_online(), do: {:ok, _, _} = Member.take_at(node())
  end

  # A picture whose producer stops in the middle until it is told to go on.
  defp held(bytes, test \\ self()) do
    {first, rest} = halves(bytes)

    Stream.concat([
      [first],
      Stream.map([rest], fn rest ->
        send(test, {:held, self()})
        receive do: (:go_on -> rest)
      end)
    ])
  end

  defp halves(bytes) do
    half = div(byte_size(bytes), 2)
    {binary_part(bytes, 0, half), binary_part(bytes, half, byte_size(bytes) - half)}
  end

  defp in_process(fun) do
    test = self()
    spawn_monitor(fn -> send(test, {:result, self(), fun.()}) end)
  end

  describe "without other members" do
    test "works here, whether or not this node is one" do
      photo = Thumbelina.open!(@photo)
      expected = local(photo, 100, 100)
      assert Cluster.members() == []
      assert Cluster.thumbnail(photo, 100, 100) == expected

      start_supervised!({Cluster, []})
      node = node()
      schedulers = System.schedulers_online()
      assert [%{node: ^node, schedulers: ^schedulers, working: 0}] = Cluster.members()
      assert Cluster.thumbnail(photo, 100, 100) == expected
      assert Cluster.thumbnail({:file, @photo}, 100, 100) == expected
      assert Cluster.thumbnail({node(), @photo}, 100, 100) == expected
      assert Cluster.thumbnail(File.stream!(@photo, [], 1000), 100, 100) == expected
      occupy()
      assert Cluster.thumbnail(photo, 100, 100) == expected
    end

    test "raises what it would return" do
      {:ok, expected} = local(picture(1), 20, 20)
      assert Cluster.thumbnail!(picture(1), 20, 20) == expected
      assert Cluster.thumbnail!(picture(1), 20, 20, attempt_timeout: 500) == expected
      assert Cluster.thumbnails!(picture(1), [{20, 20}]) == [expected]

      for call <- [
            fn opts -> Cluster.thumbnail!(picture(1), 20, 20, opts) end,
            fn opts -> Cluster.thumbnails!(picture(1), [{20, 20}], opts) end
          ] do
        assert %Error{reason: :invalid_option, key: :quality} = catch_error(call.(quality: 0))
        assert %Error{reason: :limit_exceeded} = catch_error(call.(max_pixels: 1))
      end
    end

    test "takes no options, and is there once" do
      start_supervised!({Cluster, []})
      assert {:error, {:already_started, _}} = Cluster.start_link([])
      assert_raise ArgumentError, fn -> Cluster.start_link(group: :a) end
    end

    test "does not mind what members of another version say" do
      start_supervised!({Cluster, []})
      member = Process.whereis(Member)
      send(member, {:load, self(), 1, %{}, :more})
      assert [%{working: 0}] = Cluster.members()
      assert Process.whereis(Member) == member
    end

    test "copes with a scope that is there, and with its end" do
      # Supervisors report it.
      quiet()
      {:ok, scope} = :pg.start(Thumbelina.Cluster.Scope)
      start_supervised!({Cluster, []})
      member = Process.whereis(Member)
      assert :pg.get_members(Thumbelina.Cluster.Scope, :members) == [member]

      Process.exit(scope, :kill)
      poll(fn -> Process.whereis(Member) not in [nil, member] end)
      assert [%{working: 0}] = Cluster.members()
      refute Process.whereis(Thumbelina.Cluster.Scope) == scope
    end

    test "counts calls until they end, however they do" do
      start_supervised!({Cluster, []})
      pieces = held(picture(1))
      {caller, monitor} = in_process(fn -> Cluster.thumbnail(pieces, 10, 10) end)
      assert_receive {:held, ^caller}, 5_000
      assert working(node()) == 1
      Process.exit(caller, :kill)
      assert_receive {:DOWN, ^monitor, _, _, :killed}, 5_000
      poll(fn -> working(node()) == 0 end)

      assert_raise RuntimeError, "no more", fn ->
        Cluster.thumbnail(Stream.map([1], fn 1 -> raise "no more" end), 10, 10)
      end

      poll(fn -> working(node()) == 0 end)
    end
  end

  describe "wrong options and sources" do
    test "are refused before anything is sent" do
      {_peers, [peer]} = cluster(1)
      occupy()

      for {opts, key} <- [
            {[color: :red], :color},
            {[quality: 0], :quality},
            {[attempt_timeout: 0], :attempt_timeout},
            {[attempt_timeout: "1"], :attempt_timeout},
            {:none, :options}
          ] do
        assert {:error, %Error{reason: :invalid_option, key: ^key}} =
                 Cluster.thumbnail(picture(1), 10, 10, opts)

        assert {:error, %Error{reason: :invalid_option, key: ^key}} =
                 Cluster.thumbnails(picture(1), [{10, 10}], opts)

        assert %Error{reason: :invalid_option, key: ^key} =
                 catch_error(Cluster.stream([picture(1)], 10, 10, opts))
      end

      for {opts, key} <- [{[max_concurrency: 0], :max_concurrency}, {[ordered: 1], :ordered}] do
        assert %Error{reason: :invalid_option, key: ^key} =
                 catch_error(Cluster.stream([picture(1)], 10, 10, opts))
      end

      wrong = [42, nil, {:file, 42}, {:file, [1.5]}, {:fiel, "a.jpg"}, {nil, "a"}, {1, "a"}]

      for source <- wrong do
        assert {:error, %Error{reason: :invalid_option}} = Cluster.thumbnail(source, 10, 10)
      end

      assert {:error, %Error{reason: :invalid_option, key: :path}} =
               Cluster.thumbnail({peer, 42}, 10, 10)

      assert {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in, value: size}} =
               Cluster.thumbnail(picture(1, 400), 10, 10, max_bytes_in: 100_000)

      assert size == byte_size(picture(1, 400))
      assert runs(peer) == 0
    end

    test "errors are those of the same call without a cluster" do
      {_peers, [peer]} = cluster(1)
      occupy()
      png = File.read!("test/fixtures/photo.png")

      sources = [
        "not a picture",
        "photo.jpg",
        ["photo", ".jpg"],
        binary_part(png, 0, 200_000),
        String.duplicate("nothing ", 20_000),
        binary_part(File.read!(@photo), 0, 30_000),
        Stream.map(["P5 2 2 ", "255\n", "ab"], & &1),
        Stream.map([binary_part(png, 0, 100_000), :no_bytes], & &1),
        [],
        Stream.map([], & &1)
      ]

      for source <- sources do
        assert {:error, %Error{}} = expected = local(source, 10, 10)
        assert Cluster.thumbnail(source, 10, 10) == expected
      end

      for {source, opts} <- [
            {picture(2, 500), [max_pixels: 1000]},
            {picture(2, 500), [formats: [:jpeg]]}
          ] do
        assert {:error, %Error{}} = expected = local(source, 10, 10, opts)
        assert Cluster.thumbnail(source, 10, 10, opts) == expected
      end

      # How much was there when it was too much depends on the pieces.
      assert {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in, maximum: 1_000}} =
               Cluster.thumbnail(Stream.map([picture(2, 700)], & &1), 10, 10, max_bytes_in: 1_000)

      assert runs(peer) > length(sources)
    end
  end

  describe "where the work is done" do
    test "here, as long as there is a scheduler free" do
      {_peers, [peer]} = cluster(1)
      for n <- 1..20, do: assert({:ok, _} = Cluster.thumbnail(picture(n), 50, 50))
      assert {runs(node()), runs(peer)} == {20, 0}
    end

    test "a burst spreads over the schedulers of all" do
      {_peers, [one, two]} = cluster(2)
      many = System.schedulers_online() + 2
      picture = picture(1)
      pieces = held(picture)
      callers = for _ <- 1..many, do: in_process(fn -> Cluster.thumbnail(pieces, 20, 20) end)
      for {caller, _} <- callers, do: assert_receive({:held, ^caller}, 5_000)

      assert Enum.sort(for %{node: node} = m <- Cluster.members(), do: {node, m.working}) ==
               Enum.sort([{node(), System.schedulers_online()}, {one, 1}, {two, 1}])

      # What this node has sent is known to the others.
      poll(fn ->
        members = :erpc.call(one, Cluster, :members, [])
        for(%{working: working} <- members, do: working) |> Enum.sum() == many
      end)

      expected = local(picture, 20, 20)
      for {caller, _} <- callers, do: send(caller, :go_on)
      for {caller, _} <- callers, do: assert_receive({:result, ^caller, ^expected}, 5_000)
      poll(fn -> Enum.all?(Cluster.members(), &(&1.working == 0)) end)
      assert {works(one), works(two)} == {0, 0}
    end

    test "each thumbnail is made once, and each member makes some" do
      {_peers, nodes} = cluster(3)
      pictures = for n <- 1..300, do: picture(n)
      expected = for picture <- pictures, do: local(picture, 60, 60, format: :png)
      assert Enum.to_list(Cluster.stream(pictures, 60, 60, format: :png)) == expected

      counts = for node <- [node() | nodes], do: runs(node)
      assert Enum.sum(counts) == 300
      assert Enum.all?(counts, &(&1 > 0)), inspect(counts)
    end

    test "a node that joins later gets work" do
      {_peers, [one]} = cluster(1)
      [late] = Peers.start(1, schedulers: 1)
      late = join(late)
      know([one, late])
      # Otherwise so many small pictures may all be made here.
      occupy()
      pictures = for n <- 1..60, do: picture(n)
      assert Enum.all?(Cluster.stream(pictures, 50, 50), &match?({:ok, _}, &1))
      assert runs(late) > 0
      assert Enum.sum(for node <- [node(), one, late], do: runs(node)) == 60
    end
  end

  describe "what is sent" do
    setup do
      {peers, [peer]} = cluster(1)
      occupy()
      %{peer: peer, control: hd(peers)}
    end

    test "every kind of source", %{peer: peer} do
      photo = Thumbelina.open!(@photo)
      png = File.read!("test/fixtures/photo.png")

      sources = [
        photo,
        png,
        [binary_part(png, 0, 100), binary_part(png, 100, byte_size(png) - 100)],
        File.stream!("test/fixtures/photo.png", [], 7_000),
        Stream.map([["P5", ~c" 2 2"], "", " 255\nabcd"], & &1),
        Stream.map([picture(1, 2_000)], & &1),
        fn acc, fun -> Enumerable.reduce([png], acc, fun) end
      ]

      for source <- sources do
        assert {:ok, %Image{}} = expected = local(source, 120, 90)
        assert Cluster.thumbnail(source, 120, 90) == expected
        sizes = [{50, 50}, {20, 20, format: :png}]
        assert Cluster.thumbnails(source, sizes) == Thumbelina.thumbnails(source, sizes)
      end

      assert runs(peer) == 2 * length(sources)
    end

    test "a large thumbnail comes back", %{peer: peer} do
      opts = [enlarge: true, format: :bmp]
      assert {:ok, %Image{bytes: bytes}} = expected = local(picture(1), 1500, 1500, opts)
      assert byte_size(bytes) > 2_000_000
      assert Cluster.thumbnail(picture(1), 1500, 1500, opts) == expected
      assert runs(peer) == 1
    end

    test "a file is read where it lies", %{peer: peer} do
      path = Path.expand(@photo)
      expected = local(Thumbelina.open!(path), 100, 100)
      assert Cluster.thumbnail({peer, path}, 100, 100) == expected
      assert Cluster.thumbnail({peer, to_charlist(path)}, 100, 100) == expected
      assert Cluster.thumbnail({:file, path}, 100, 100) == expected
      assert runs(peer) == 3

      assert {:error, %Error{reason: :enoent, path: "/no/such.jpg"}} =
               Cluster.thumbnail({peer, "/no/such.jpg"}, 100, 100)

      assert {:error, %Error{reason: :enoent, path: "/no/such.jpg"}} =
               Cluster.thumbnail({:file, "/no/such.jpg"}, 100, 100)

      assert {:error, %Error{reason: :invalid_option, key: :path}} =
               Cluster.thumbnail({peer, "a\0b"}, 100, 100)

      leave(peer)
      assert {:error, error} = Cluster.thumbnail({peer, path}, 100, 100)
      assert {error.reason, error.node} == {:node_down, peer}
      assert Exception.message(error) =~ "#{peer}"
      assert inspect(error) =~ "node: :\"#{peer}\""
    end

    test "no more pieces are asked for than are needed, and at most a window ahead", context do
      test = self()
      piece = String.duplicate("x", 65_536)
      endless = Stream.repeatedly(fn -> send(test, :asked) && piece end)

      assert {:error, %Error{reason: :unsupported_format}} =
               Cluster.thumbnail(endless, 10, 10, attempt_timeout: 60_000)

      assert count_messages(:asked) <= 2 * Transfer.window()

      # A member that hangs is sent no more than the window.
      Peers.suspend(context.control)
      # The retry here refuses it, too.
      assert {:error, %Error{reason: :unsupported_format}} =
               Cluster.thumbnail(endless, 10, 10, attempt_timeout: 200)

      assert count_messages(:asked) <= 2 * Transfer.window()
      Peers.resume(context.control)
    end

    test "20 MB do not stand in the way of others", %{peer: peer} do
      picture = picture(3, 4_500)
      assert byte_size(picture) > 20_000_000
      expected = local(picture, 100, 100)
      {caller, _} = in_process(fn -> Cluster.thumbnail(picture, 100, 100) end)
      slowest = slowest_ping(peer, caller, 0)
      assert slowest < 200_000
      assert runs(peer) == 1
      assert_received {:pinged, expected_result} when expected_result == expected
    end

    test "what a producer raises reaches the caller, and nothing goes on", %{peer: peer} do
      {first, _rest} = halves(picture(1, 600))

      pieces =
        Stream.map([first, :stop], fn
          :stop -> raise "no more"
          piece -> piece
        end)

      assert_raise RuntimeError, "no more", fn -> Cluster.thumbnail(pieces, 10, 10) end
      assert catch_throw(Cluster.thumbnail(Stream.map([1], &throw/1), 10, 10)) == 1

      assert [{:ok, _}, {:error, %Error{reason: :source_failed}}] =
               [picture(1), pieces] |> Cluster.stream(10, 10) |> Enum.to_list()

      poll(fn -> works(peer) == 0 and working(peer) == 0 end)
      refute_received _
    end

    test "a producer is closed", %{peer: peer} do
      test = self()

      source = fn piece ->
        Stream.resource(fn -> 0 end, &{[piece], &1}, fn _ -> send(test, :closed) end)
      end

      assert {:error, _} = Cluster.thumbnail(source.(String.duplicate("x", 100_000)), 10, 10)
      assert_received :closed
      assert {:error, _} = Cluster.thumbnail(source.(:no_bytes), 10, 10)
      assert_received :closed
      assert {:error, _} = Cluster.thumbnail(source.("P5 9999 9999 255\n"), 10, 10, timeout: 100)
      assert_received :closed
      refute_received _
      assert runs(peer) == 3
    end

    test "the time of the call is that of all of it", %{peer: peer, control: control} do
      assert {:error, %Error{reason: :timeout}} =
               Cluster.thumbnail(picture(1), 10, 10, timeout: 0)

      # A member that hangs cannot tell that the time is over.
      Peers.suspend(control)

      assert {:error, %Error{reason: :timeout}} =
               Cluster.thumbnail(picture(1), 10, 10, timeout: 300)

      Peers.resume(control)

      # A producer is not interrupted.
      pieces = held(picture(1, 600))
      {caller, _} = in_process(fn -> Cluster.thumbnail(pieces, 10, 10, timeout: 1_000) end)
      assert_receive {:held, ^caller}, 5_000
      refute_receive {:result, ^caller, _}, 1_100
      send(caller, :go_on)
      assert_receive {:result, ^caller, {:error, %Error{reason: :timeout}}}, 5_000
      poll(fn -> works(peer) == 0 end)
    end

    test "what raises there is raised here", %{peer: peer} do
      :erpc.call(peer, Application, :put_env, [:thumbelina, :threads, :many])
      :erpc.call(peer, Logger, :configure, [[level: :none]])

      assert_raise ArgumentError, ~r/threads/, fn -> Cluster.thumbnail(picture(1), 10, 10) end
      poll(fn -> working(peer) == 0 end)
      refute_received _
    end
  end

  describe "when something fails" do
    test "300 pictures come out right, though one node dies and another hangs" do
      {[dies, hangs, _], [one, two, three]} = cluster(3)
      pictures = for n <- 1..300, do: picture(n)
      expected = for picture <- pictures, do: local(picture, 60, 60, format: :png)
      sources = Enum.map(Enum.with_index(pictures), &as_source/1)

      results =
        sources
        |> Cluster.stream(60, 60, format: :png, attempt_timeout: 1_000, max_concurrency: 12)
        |> Stream.with_index()
        |> Enum.map(fn {result, index} ->
          if index == 80 do
            assert runs(one) > 0 and runs(two) > 0
            Peers.kill(dies)
            Peers.suspend(hangs)
          end

          result
        end)

      assert results == expected
      assert runs(three) > 0 and runs(node()) > 0
      know([three])

      # It is given work again when it goes on, and has finished nothing for those that left it.
      Peers.resume(hangs)
      know([two, three])
      poll(fn -> works(two) == 0 and works(three) == 0 end)
      before = runs(two)
      assert Enum.to_list(Cluster.stream(sources, 60, 60, format: :png)) == expected
      assert runs(two) > before
    end

    test "a producer is run once, whichever node does the work" do
      {[peer, _other], [one, two]} = cluster(2)
      occupy()
      # So that the first of the two is chosen.
      {:ok, ^two, _} = Member.take_at(two)
      test = self()
      bytes = picture(1, 1_000)
      {first, rest} = halves(bytes)

      pieces =
        Stream.map([first, rest], fn piece ->
          send(test, {:produced, self(), byte_size(piece)})
          if piece == rest, do: receive(do: (:go_on -> piece)), else: piece
        end)

      expected = local(bytes, 30, 30)

      for fail <- [:suspend, :kill] do
        {caller, _} =
          in_process(fn -> Cluster.thumbnail(pieces, 30, 30, attempt_timeout: 500) end)

        assert_receive {:produced, ^caller, _}, 5_000
        assert_receive {:produced, ^caller, _}, 5_000
        poll(fn -> works(one) == 1 end)
        if fail == :suspend, do: Peers.suspend(peer), else: Peers.kill(peer)
        send(caller, :go_on)
        assert_receive {:result, ^caller, ^expected}, 10_000
        refute_received {:produced, _, _}
        if fail == :suspend, do: Peers.resume(peer)
        if fail == :suspend, do: poll(fn -> one in member_nodes() end)
      end
    end

    test "a file of a node that fails is the error :node_down" do
      {[peer], [node]} = cluster(1)
      path = Path.expand(@photo)
      Peers.suspend(peer)

      assert {:error, %Error{reason: :node_down, node: ^node}} =
               Cluster.thumbnail({node, path}, 10, 10, attempt_timeout: 200)

      Peers.resume(peer)
      poll(fn -> match?({:ok, _}, Cluster.thumbnail({node, path}, 10, 10)) end)
      Peers.kill(peer)

      assert {:error, %Error{reason: :node_down, node: ^node}} =
               Cluster.thumbnail({node, path}, 10, 10)
    end

    test "the work of a caller that dies ends" do
      {_peers, [peer]} = cluster(1)
      occupy()
      pieces = held(picture(1))
      # Takes long in native code: seconds.
      long = fn -> Cluster.thumbnail(picture(1), 9_000, 9_000, enlarge: true, format: :png) end

      for call <- [fn -> Cluster.thumbnail(pieces, 10, 10) end, long] do
        {caller, monitor} = in_process(call)
        poll(fn -> works(peer) == 1 and working(peer) == 1 end)
        Process.exit(caller, :kill)
        assert_receive {:DOWN, ^monitor, _, _, :killed}, 5_000
        # Sooner than the work would take.
        poll(fn -> works(peer) == 0 and working(peer) == 0 end, 10_000)
      end
    end

    test "a stream that is halted ends what is in progress, here and there" do
      {_peers, nodes} = cluster(2)
      test = self()
      held = for n <- 2..10, do: held(picture(n), test)
      [{:ok, _}] = [picture(1) | held] |> Cluster.stream(20, 20) |> Enum.take(1)
      for node <- nodes, do: poll(fn -> works(node) == 0 end)
      poll(fn -> Enum.all?(Cluster.members(), &(&1.working == 0)) end)
      assert count_held() <= System.schedulers_online() + 2

      # The same for a stream whose caller dies.
      {caller, monitor} = in_process(fn -> Stream.run(Cluster.stream(held, 20, 20)) end)
      for _ <- 1..(System.schedulers_online() + 2), do: assert_receive({:held, _}, 5_000)
      for node <- nodes, do: poll(fn -> works(node) == 1 end)
      # No more are begun than can be in progress.
      refute_received {:held, _}
      Process.exit(caller, :kill)
      assert_receive {:DOWN, ^monitor, _, _, :killed}, 5_000
      for node <- nodes, do: poll(fn -> works(node) == 0 end)
      poll(fn -> Enum.all?(Cluster.members(), &(&1.working == 0)) end)
    end

    test "a stream gives results as they come, if it may" do
      start_supervised!({Cluster, []})
      test = self()
      sources = [held(picture(1), test), picture(2)]
      {:ok, one} = local(picture(1), 20, 20)
      {:ok, two} = local(picture(2), 20, 20)

      results =
        sources
        |> Cluster.stream(20, 20, ordered: false, max_concurrency: 2)
        |> Enum.map(fn {:ok, image} ->
          if image == two do
            assert_receive {:held, task}, 5_000
            send(task, :go_on)
          end

          image
        end)

      assert results == [two, one]
    end

    test "a node leaves when it has finished" do
      {_peers, [peer]} = cluster(1)
      occupy()
      picture = picture(1)
      pieces = held(picture)
      {caller, _} = in_process(fn -> Cluster.thumbnail(pieces, 20, 20) end)
      assert_receive {:held, ^caller}, 5_000
      poll(fn -> works(peer) == 1 end)
      here = runs(node())
      {leaving, _} = in_process(fn -> leave(peer) end)
      know([])
      assert {:ok, _} = Cluster.thumbnail(picture(2), 20, 20)
      assert runs(node()) == here + 1
      send(caller, :go_on)
      expected = local(picture, 20, 20)
      assert_receive {:result, ^caller, ^expected}, 5_000
      assert_receive {:result, ^leaving, :ok}, 5_000
      assert runs(node()) == here + 1
    end

    test "a node leaves and joins under load, and no caller notices" do
      {[peer, _], [one, two]} = cluster(2)
      pictures = for n <- 1..200, do: picture(n)
      expected = for picture <- pictures, do: local(picture, 60, 60)

      results =
        pictures
        |> Cluster.stream(60, 60, max_concurrency: 8)
        |> Stream.with_index()
        |> Enum.map(fn {result, index} ->
          if index == 50, do: leave(one)
          if index == 100, do: join(peer)
          result
        end)

      assert results == expected
      assert runs(two) > 0
      know([one, two])
    end
  end

  # Pings until the result is there; the slowest in microseconds.
  defp slowest_ping(node, caller, slowest) do
    receive do
      {:result, ^caller, result} ->
        send(self(), {:pinged, result})
        slowest
    after
      0 ->
        {time, ^node} = :timer.tc(:erpc, :call, [node, :erlang, :node, []])
        slowest_ping(node, caller, max(slowest, time))
    end
  end

  defp as_source({picture, index}) do
    case rem(index, 3) do
      0 -> picture
      1 -> Thumbelina.new!(picture)
      2 -> Stream.map([picture], & &1)
    end
  end

  defp count_messages(message, count \\ 0) do
    receive do
      ^message -> count_messages(message, count + 1)
    after
      0 -> count
    end
  end

  defp count_held(count \\ 0) do
    receive do
      {:held, _} -> count_held(count + 1)
    after
      0 -> count
    end
  end
end
