defmodule Thumbelina.TelemetryTest do
  # While `:telemetry` is there, every thumbnail of this node is an event.
  use ExUnit.Case

  alias Thumbelina.{Error, Peers}

  # The one function of the library that is called, for the process that is registered here.
  defp load_telemetry(_context) do
    Process.register(self(), __MODULE__)

    {:module, :telemetry, _, _} =
      Module.create(
        :telemetry,
        quote do
          def execute(event, measurements, metadata),
            do: send(unquote(__MODULE__), {event, measurements, metadata})
        end,
        Macro.Env.location(__ENV__)
      )

    on_exit(fn ->
      :code.delete(:telemetry)
      :code.purge(:telemetry)
    end)
  end

  describe "with :telemetry" do
    setup :load_telemetry

    test "a thumbnail is a span, with what it took" do
      bytes = File.read!("test/fixtures/photo.png")
      {:ok, thumb} = Thumbelina.thumbnail(bytes, 50, 50, scheduler: :normal)

      assert_received {[:thumbelina, :thumbnail, :start], start, context}
      assert %{monotonic_time: begun, system_time: _} = start

      assert %{request: %{outputs: [%{width: 50, height: 50}]}, telemetry_span_context: ref} =
               context

      assert_received {[:thumbelina, :thumbnail, :stop], stop,
                       %{telemetry_span_context: ^ref} = context}

      assert context.schedulers == [:normal]
      assert stop.duration > 0 and stop.monotonic_time == begun + stop.duration
      assert stop.slices > 0 and stop.longest_slice > 0
      assert {stop.bytes_in, stop.pixels_in} == {byte_size(bytes), 640 * 427}
      assert {stop.bytes_out, stop.pixels_out} == {byte_size(thumb.bytes), 50 * 33}
      refute_received _
    end

    test "an error ends a span, as does what a producer raises" do
      {:error, error} = Thumbelina.thumbnails("no picture", [{1, 1}])
      assert_received {[:thumbelina, :thumbnail, :start], _, _}
      assert_received {[:thumbelina, :thumbnail, :stop], %{duration: _}, %{error: ^error}}

      pieces = Stream.map([1], fn _ -> raise "oops" end)
      assert %RuntimeError{} = catch_error(Thumbelina.thumbnail(pieces, 1, 1))
      assert_received {[:thumbelina, :thumbnail, :start], _, %{telemetry_span_context: ref}}

      assert_received {[:thumbelina, :thumbnail, :exception], %{duration: _},
                       %{
                         telemetry_span_context: ^ref,
                         kind: :error,
                         reason: %RuntimeError{},
                         stacktrace: [_ | _]
                       }}

      refute_received _
    end
  end

  describe "with :telemetry and" do
    setup :load_telemetry

    test "a store, fetching says who computes" do
      start_supervised!({Thumbelina.Store, name: :telemetry_store})

      for computed <- [true, false] do
        assert {:ok, 1} =
                 Thumbelina.Store.fetch("key", fn -> {:ok, 1} end, name: :telemetry_store)

        assert_received {[:thumbelina, :store, :start], _, %{name: :telemetry_store, key: "key"}}
        assert_received {[:thumbelina, :store, :stop], %{duration: _}, %{computed: ^computed}}
      end
    end

    test "a server, a request is a span" do
      {:ok, config} = Thumbelina.Server.Config.new(root: "test/fixtures")
      request = %Thumbelina.Server.Request{method: "GET", path: "/info/photo.jpg"}
      response = Thumbelina.Server.Handler.handle(request, config)
      size = byte_size(response.body)

      assert_received {[:thumbelina, :server, :start], _,
                       %{method: "GET", path: "/info/photo.jpg"}}

      assert_received {[:thumbelina, :server, :stop], %{bytes_out: ^size},
                       %{route: :info, status: 200}}
    end

    test "a cluster, what is sent is a span" do
      [{_control, node}] = Peers.start(1)
      member = Thumbelina.Cluster.child_spec([])
      {:ok, _} = :supervisor.start_child({:kernel_safe_sup, node}, member)
      start_supervised!(member)
      path = Path.expand("test/fixtures/photo.png")
      assert {:ok, _} = Thumbelina.Cluster.thumbnail({node, path}, 50, 50)
      assert_received {[:thumbelina, :cluster, :start], _, %{node: ^node}}
      assert_received {[:thumbelina, :cluster, :stop], _, %{node: ^node, outcome: :done}}
    end
  end

  test "without it there is none" do
    refute function_exported?(:telemetry, :execute, 3)
    assert {:error, %Error{}} = Thumbelina.thumbnail("no picture", 1, 1)
  end
end
