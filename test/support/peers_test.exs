defmodule Thumbelina.PeersTest do
  # Starts nodes, and makes this node one of a cluster.
  use ExUnit.Case

  import Thumbelina.{Poll, Quiet}

  alias Thumbelina.Peers

  @moduletag :unix

  # Starts a process with a peer that it has suspended.
  @own (quote do
          caller = self()

          {owner, _monitor} =
            spawn_monitor(fn ->
              {control, _node} = peer = Thumbelina.Peers.start_one(schedulers: 1)
              Thumbelina.Peers.suspend(peer)
              send(caller, {:suspended, Thumbelina.Peers.os_pid(peer), control})
              receive do: ({:exit, reason} -> exit(reason))
            end)

          receive do
            {:suspended, os_pid, control} -> {owner, os_pid, control}
            {:DOWN, _monitor, :process, ^owner, reason} -> raise inspect(reason)
          end
        end)

  test "a suspended peer ends with its owner, however that ends" do
    ends = [
      &send(&1, {:exit, :normal}),
      &send(&1, {:exit, :shutdown}),
      &Process.exit(&1, :kill)
    ]

    # The peer's process on this node reports it.
    quiet()

    for how <- ends do
      {{owner, os_pid, control}, _} = Code.eval_quoted(@own)
      monitor = Process.monitor(control)
      assert os_pid in Peers.running()
      how.(owner)
      assert_receive {:DOWN, _monitor, :process, ^owner, _reason}
      assert_receive {:DOWN, ^monitor, :process, ^control, _reason}, 10_000
      poll(fn -> os_pid not in Peers.running() end)
    end
  end

  test "a suspended peer ends with its VM, though that is killed" do
    [{control, _node} = vm] = Peers.start(1, schedulers: 1)
    for name <- ~w(poll quiet peers), do: Peers.load([vm], "test/support/#{name}.ex")
    {{_owner, os_pid, _control}, _} = :peer.call(control, Code, :eval_quoted, [@own], 30_000)
    assert Peers.running(Peers.os_pid(vm)) == [os_pid]
    Peers.kill(vm)
    poll(fn -> Peers.running(Peers.os_pid(vm)) == [] end)
  end
end
