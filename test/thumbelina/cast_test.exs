defmodule Thumbelina.CastTest do
  # Counts what is unanswered on this node.
  use ExUnit.Case

  import Thumbelina.Poll

  alias Thumbelina.{Error, Peers}

  @photo "test/fixtures/photo.jpg"

  defp bytes, do: File.read!(@photo)

  # A picture that is not there before the test wants it to be.
  defp held_back(test) do
    Stream.map([bytes()], fn piece ->
      send(test, {:producer, self()})

      receive do
        :go -> piece
      end
    end)
  end

  # The relay of a destination that is not the test itself.
  defp relay(register) do
    test = self()

    pid =
      spawn_link(fn ->
        register.(self())
        send(test, :registered)

        Enum.each(Stream.cycle([:ok]), fn :ok ->
          receive(do: (message -> send(test, {:relayed, message})))
        end)
      end)

    assert_receive :registered, 1_000
    pid
  end

  test "what a function returns is sent" do
    image = Thumbelina.open!(@photo)
    assert Thumbelina.cast(:thumbnail, self(), image, 100, 50.0) == :ok
    assert_receive {:ok, thumb}, 5_000
    assert {:ok, thumb} == Thumbelina.thumbnail(image, 100, 50)

    assert Thumbelina.cast(:thumbnail, self(), image, 100, 50, format: :png, tag: {:mine, 1}) ==
             :ok

    assert_receive {{:mine, 1}, result}, 5_000
    assert result == Thumbelina.thumbnail(image, 100, 50, format: :png)

    sizes = [{10, 10}, {20, 20, format: :gif}]
    assert Thumbelina.cast(:thumbnails, self(), image, sizes, tag: 1) == :ok

    assert_receive {1, {:ok, [%{width: 10}, %{format: :gif}]}}, 5_000

    assert Thumbelina.cast(:measure, self(), bytes(), 10, 10) == :ok
    assert_receive {:ok, %{width: 10}, %Thumbelina.Stats{}}, 5_000

    assert Thumbelina.cast(:explain, self(), {:file, @photo}, 10, 10, []) == :ok
    assert_receive {:ok, %Thumbelina.Plan{}}, 5_000

    assert Thumbelina.cast(:new, self(), bytes(), formats: [:png]) == :ok
    assert_receive {:error, %Error{reason: :format_not_allowed}}, 5_000
    refute_received _
  end

  test "errors are sent, whoever's they are" do
    failing = Stream.map([1], fn _ -> raise ArgumentError, "oops" end)

    for {picture, args, reason} <- [
          {"no picture", [1, 1], :unsupported_format},
          {{:file, "no/such.jpg"}, [1, 1], :enoent},
          {bytes(), [0, 1], :invalid_option},
          {bytes(), [1, 1, [color: 1]], :invalid_option},
          {failing, [1, 1], :source_failed},
          {Stream.map([1], fn _ -> Process.exit(self(), :kill) end), [1, 1], :source_failed}
        ] do
      assert apply(Thumbelina, :cast, [:thumbnail, self(), picture | args]) == :ok
      assert_receive {:error, %Error{reason: ^reason}}, 5_000
    end
  end

  test "a destination is a process here, by any name" do
    name = :"cast destination"
    relay(&Process.register(&1, name))
    relay(&:global.register_name({:cast, 1}, &1))
    {:ok, _} = Registry.start_link(keys: :unique, name: CastRegistry)
    relay(fn _ -> Registry.register(CastRegistry, "key", nil) end)

    for destination <- [
          name,
          {name, node()},
          {:global, {:cast, 1}},
          {:via, :global, {:cast, 1}},
          {:via, Registry, {CastRegistry, "key"}}
        ] do
      assert Thumbelina.cast(:thumbnail, destination, bytes(), 9, 9, tag: destination) == :ok
      assert_receive {:relayed, {^destination, {:ok, %{width: 9}}}}, 5_000
    end
  end

  test "a destination is a process on another node" do
    [{control, node}] = Peers.start(1)
    pid = Node.spawn(node, Process, :sleep, [:infinity])
    true = :erpc.call(node, Process, :register, [pid, :there])

    for {destination, count} <- [{pid, 1}, {{:there, node}, 2}] do
      assert Thumbelina.cast(:thumbnail, destination, bytes(), 9, 9, tag: destination) == :ok
      messages = fn -> elem(:erpc.call(node, Process, :info, [pid, :messages]), 1) end
      poll(fn -> length(messages.()) == count end)
      assert {^destination, {:ok, %{width: 9}}} = List.last(messages.())
    end

    assert Thumbelina.cast(:thumbnail, {:there, node}, held_back(self()), 9, 9) == :ok
    assert_receive {:producer, producer}, 5_000
    ref = Process.monitor(producer)
    Peers.kill({control, node})
    assert_receive {:DOWN, ^ref, _, _, :killed}, 5_000
  end

  test "the work stops when the destination dies, and is not done for nobody" do
    destination = spawn(fn -> Process.sleep(:infinity) end)
    assert Thumbelina.cast(:thumbnail, destination, held_back(self()), 9, 9) == :ok
    assert_receive {:producer, producer}, 5_000
    ref = Process.monitor(producer)
    Process.exit(destination, :kill)
    assert_receive {:DOWN, ^ref, _, _, :killed}, 5_000

    for nobody <- [destination, :nobody_has_this_name, {:global, :nobody}, {:nobody, node()}] do
      assert Thumbelina.cast(:thumbnail, nobody, held_back(self()), 9, 9) == :ok
    end

    poll(fn -> unanswered() == 0 end)
    # One may have been begun before it was known that nobody is there, and was ended.
    ended = for pid <- producers(), do: Process.alive?(pid)
    refute true in ended
  end

  defp producers do
    receive do
      {:producer, pid} -> [pid | producers()]
    after
      0 -> []
    end
  end

  defp unanswered, do: :atomics.get(:persistent_term.get(Thumbelina.Cast), 1)

  test "more than max_queue are refused, until earlier ones are answered" do
    cast = fn -> Thumbelina.cast(:thumbnail, self(), held_back(self()), 9, 9, max_queue: 3) end
    assert [cast.(), cast.(), cast.()] == [:ok, :ok, :ok]
    assert {:error, %Error{reason: :overloaded, maximum: 3} = error} = cast.()
    assert Exception.message(error) == "overloaded: 3 are in progress already"
    assert_receive {:producer, producer}, 5_000
    send(producer, :go)
    assert_receive {:ok, _}, 5_000
    poll(fn -> unanswered() == 2 end)
    assert cast.() == :ok

    for _ <- 1..3 do
      assert_receive {:producer, producer}, 5_000
      send(producer, :go)
    end

    for _ <- 1..3, do: assert_receive({:ok, _}, 5_000)
    poll(fn -> unanswered() == 0 end)
  end

  test "wrong operations, destinations and options are refused" do
    for {args, key} <- [
          {[:write, self(), bytes(), "x.jpg"], :operation},
          {[:open, self(), "x.jpg", []], :operation},
          {[:cast, self(), bytes(), 1, 1], :operation},
          {[:thumbnail!, self(), bytes(), 1, 1], :operation},
          {["thumbnail", self(), bytes(), 1, 1], :operation},
          {[:thumbnail, self(), bytes(), 1], :operation},
          {[:thumbnail, "me", bytes(), 1, 1], :destination},
          {[:thumbnail, nil, bytes(), 1, 1], :destination},
          {[:thumbnail, {:via, NoSuchRegistry, 1}, bytes(), 1, 1], :destination},
          {[:thumbnail, {:via, String, 1}, bytes(), 1, 1], :destination},
          {[:thumbnail, self(), bytes(), 1, 1, [max_queue: 0]], :max_queue}
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key}} = apply(Thumbelina, :cast, args)
    end
  end
end
