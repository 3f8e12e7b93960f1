defmodule Thumbelina.Server.Remote.DestinationTest do
  use ExUnit.Case

  import Thumbelina.RemoteServer

  alias Thumbelina.Addresses
  alias Thumbelina.Server.Remote

  @localhost localhost()
  @name name()

  describe "the addresses" do
    test "must all be public" do
      for other <- Enum.map(Addresses.not_public(), &Addresses.parse/1) do
        for addresses <- [[other], [{8, 8, 8, 8}, other], [other, {8, 8, 8, 8}]] do
          resolver = fn @name -> {:ok, addresses} end
          assert status(80, allow_private: false, resolver: resolver) == 403
        end
      end

      for none <- [{:ok, []}, {:error, :nxdomain}, :what],
          do: assert(status(80, resolver: fn _ -> none end) == 502)

      for literal <- [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fd00:ec2::254]",
            "169.254.169.254"
          ] do
        # Also if it is allowed as a host, and without a look-up.
        config = %{allow_hosts: [literal], resolver: fn _ -> {:ok, [{8, 8, 8, 8}]} end}

        assert {:error, {403, "the host has an address" <> _}} =
                 Remote.open("http://#{literal}/", config)
      end
    end

    test "are asked for once, and that is where the connection goes" do
      one = answer(ok([], "one"))
      {:ok, other} = :gen_tcp.listen(one, [:binary, active: false, ip: {127, 0, 0, 2}])
      {:ok, answers} = Agent.start_link(fn -> [[@localhost], [{127, 0, 0, 2}]] end)

      resolver = fn @name ->
        {:ok, Agent.get_and_update(answers, fn [next | rest] -> {next, rest} end)}
      end

      assert status(one, resolver: resolver) == {:read, "one"}
      assert Agent.get(answers, & &1) == [[{127, 0, 0, 2}]]
      assert :gen_tcp.accept(other, 0) == {:error, :timeout}
    end

    test "the system's resolver is asked by default" do
      one = answer(ok([], "x"))
      config = one |> config(allow_hosts: ["localhost"]) |> Map.delete(:resolver)
      assert {:ok, remote} = Remote.open("http://localhost:#{one}/", config)
      assert read(remote) == "x"

      assert {:error, {403, "the host has an address" <> _}} =
               Remote.open("http://localhost:#{one}/", %{config | allow_private: false})
    end
  end

  describe "hosts" do
    test "are refused unless they are in the list" do
      for {host, allowed, expected} <- [
            {"a.example", [], 403},
            {"a.example", ["b.example"], 403},
            {"a.example", ["a.example"], 502},
            {"A.EXAMPLE", ["a.example"], 502},
            {"a.example.", ["a.example"], 502},
            {"a.example", ["A.Example."], 502},
            {"a.example", ["*.example"], 502},
            {"b.a.example", ["*.example"], 502},
            {"b.a.example", ["*.a.example"], 502},
            {"a.example", ["*.a.example"], 403},
            {"xa.example", ["*.a.example"], 403},
            {"a.example.evil.test", ["a.example", "*.a.example"], 403},
            {"a.example", ["*", "*.", "", "a", "example", ".example"], 403},
            {"xn--bcher-kva.example", ["xn--bcher-kva.example"], 502},
            {"1.2.3.4", ["*.4", "*.2.3.4", "*.3.4"], 403},
            {"[2606:4700::1]", ["*.4700::1]"], 403}
          ] do
        config = %{allow_hosts: allowed, resolver: fn _ -> {:error, :nxdomain} end}
        assert {:error, {^expected, _}} = Remote.open("http://#{host}/", config), host
      end

      assert {:error, {403, "the port is not allowed"}} =
               Remote.open("http://a.example:8080/", %{allow_hosts: ["a.example"]})

      assert {:error, {403, _}} = Remote.open("http://a.example/", %{})
    end

    test "an IPv6 address is the same in each form" do
      for written <- ["[2606:4700::1]", "[2606:4700:0:0:0:0:0:1]", "[2606:4700::0001]"],
          allowed <- ["2606:4700::1", "[2606:4700::1]", "2606:4700:0::1"] do
        # No port is allowed, which is looked at after the host.
        config = %{allow_hosts: [allowed], allow_ports: []}
        assert {:error, {403, "the port" <> _}} = Remote.open("http://#{written}/", config)
      end
    end
  end
end
