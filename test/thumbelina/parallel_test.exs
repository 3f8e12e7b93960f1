defmodule Thumbelina.ParallelTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Error, Image}

  @photo "test/fixtures/photo.jpg"

  defp bytes, do: File.read!(@photo)

  # Pieces of a picture, with something to do before the last of them.
  defp pieces(before_last) do
    <<first::1000-bytes, last::bytes>> = bytes()

    Stream.map([first, last], fn piece ->
      (if(piece == last, do: before_last.()) && piece) || piece
    end)
  end

  test "every picture has a result, in its place, whatever kind it is of" do
    image = Thumbelina.open!(@photo)
    good = {:ok, Thumbelina.thumbnail!(bytes(), 60, 60)}

    pictures = [
      image,
      "no picture",
      {:file, @photo},
      bytes(),
      {:file, "no/such.jpg"},
      File.stream!(@photo, [], 5_000),
      File.stream!("no/such.jpg", [], 5_000),
      {"my/name.jpg", File.stream!(@photo, [], 5_000)},
      {"my/name.jpg", ["no", "picture"]},
      [bytes()],
      :wrong,
      pieces(fn -> raise "oops" end),
      pieces(fn -> throw(:oops) end),
      pieces(fn -> exit(:oops) end),
      pieces(fn -> Process.exit(self(), :oops) end),
      image
    ]

    for opts <- [[], [max_concurrency: 1], [max_concurrency: 7]] do
      results = pictures |> Thumbelina.stream(60, 60, opts) |> Enum.to_list()

      assert [
               ^good,
               {:error, %Error{reason: :unsupported_format, path: nil}},
               ^good,
               ^good,
               {:error, %Error{reason: :enoent, path: "no/such.jpg"}},
               ^good,
               {:error, %Error{reason: :enoent, path: "no/such.jpg"}},
               ^good,
               {:error, %Error{reason: :unsupported_format, path: "my/name.jpg"}},
               ^good,
               {:error, %Error{reason: :invalid_option, key: :image, value: :wrong}},
               {:error,
                %Error{reason: :source_failed, value: %RuntimeError{message: "oops"}} = error},
               {:error, %Error{reason: :source_failed, value: {:throw, :oops}}},
               {:error, %Error{reason: :source_failed, value: {:exit, :oops}}},
               {:error, %Error{reason: :source_failed, value: {:exit, :oops}}},
               ^good
             ] = results

      assert Exception.message(error) == "the producer of the picture raised: oops"
    end
  end

  test "the order is that of the pictures, or that in which they are done" do
    test = self()

    slow =
      pieces(fn ->
        send(test, {:waits, self()})

        receive do
          :go -> :ok
        end
      end)

    pictures = [slow, bytes(), bytes()]

    ordered =
      Task.async(fn ->
        pictures |> Thumbelina.stream(40, nil, max_concurrency: 2) |> Enum.to_list()
      end)

    assert_receive {:waits, producer}, 5_000
    send(producer, :go)
    assert [{:ok, first}, {:ok, first}, {:ok, first}] = Task.await(ordered)

    unordered =
      pictures
      |> Thumbelina.stream(40, nil, max_concurrency: 2, ordered: false)
      |> Stream.with_index()
      |> Enum.map(fn {{:ok, %Image{}}, index} ->
        # The first picture is done last, as it is told only now.
        if index == 1 do
          assert_receive {:waits, producer}, 5_000
          send(producer, :go)
        end

        index
      end)

    assert unordered == [0, 1, 2]
  end

  test "no more pictures are taken than may be in progress" do
    open = :counters.new(2, [])

    pictures =
      Stream.map(1..40, fn _ ->
        :counters.add(open, 1, 1)
        now = :counters.get(open, 1)
        if now > :counters.get(open, 2), do: :counters.put(open, 2, now)
        pieces(fn -> :ok end)
      end)

    stream = Thumbelina.stream(pictures, 30, 30, max_concurrency: 3, ordered: false)
    assert Enum.count(stream, fn {:ok, _} -> :counters.sub(open, 1, 1) == :ok end) == 40
    # Those in progress, one whose result is handed over, and one that was just taken.
    assert :counters.get(open, 2) <= 5
    assert :counters.get(open, 1) == 0
  end

  test "halting ends what is in progress" do
    test = self()

    stuck =
      pieces(fn ->
        send(test, {:stuck, self()})
        Process.sleep(:infinity)
      end)

    taken =
      [bytes(), stuck, stuck, bytes()]
      |> Thumbelina.stream(30, 30, max_concurrency: 3)
      |> Enum.take(1)

    assert [{:ok, _}] = taken

    for _ <- 1..2 do
      receive do
        {:stuck, pid} ->
          ref = Process.monitor(pid)
          assert_receive {:DOWN, ^ref, _, _, _}, 5_000
      after
        # It was ended before it got so far.
        0 -> :ok
      end
    end
  end

  test "a picture that takes too long is an error in its place" do
    stuck = pieces(fn -> Process.sleep(:infinity) end)

    results =
      [bytes(), stuck, bytes()] |> Thumbelina.stream(30, 30, timeout: 300) |> Enum.to_list()

    assert [{:ok, _}, {:error, %Error{reason: :timeout}}, {:ok, _}] = results
  end

  test "nothing is left of a stream, for a caller that traps exits either" do
    Process.flag(:trap_exit, true)
    before = Process.info(self(), :links)
    stream = Thumbelina.stream([bytes(), bytes()], 30, 30)
    assert [{{:ok, _}, 1}, {{:ok, _}, 2}] = stream |> Enum.zip(1..5)
    assert Enum.count(stream) == 2
    assert Process.info(self(), :links) == before
    assert Process.info(self(), :messages) == {:messages, []}
  end

  test "wrong options raise at once" do
    for {opts, key} <- [
          {[max_concurrency: 0], :max_concurrency},
          {[ordered: 1], :ordered},
          {[color: 1], :color},
          {:none, :options}
        ] do
      assert %Error{reason: :invalid_option, key: ^key} =
               catch_error(Thumbelina.stream([bytes()], 30, 30, opts))
    end

    assert %Error{key: :width} = catch_error(Thumbelina.stream([], 0, 30))
  end
end
