defmodule Thumbelina.Server.Remote.AddressTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Addresses
  alias Thumbelina.Server.Remote.Address

  # Of each range: the neighbors, which are public or not, and the first and last.
  @addresses [
    {"0.0.0.0", "0.255.255.255", nil, "1.0.0.0"},
    {"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
    {"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
    {"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
    {"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
    {"168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"},
    {"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
    {"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
    {"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
    {"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"},
    {"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
    {"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
    {"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
    {"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
    {"224.0.0.0", "255.255.255.255", "223.255.255.255", nil},
    {"::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil, nil},
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
     "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
    {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
     "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
    {"4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil},
    {"::ffff:10.0.0.0", "::ffff:10.255.255.255", "::ffff:9.255.255.255", "::ffff:11.0.0.0"},
    {"64:ff9b::127.0.0.0", "64:ff9b::127.255.255.255", "64:ff9b::126.255.255.255",
     "64:ff9b::128.0.0.0"}
  ]

  @not_public Addresses.not_public()
  @public ~w(
    8.8.8.8 1.1.1.1 93.184.216.34 2606:4700::1111 2a00:1450:4001::1 2620:fe::fe
    ::ffff:8.8.8.8 64:ff9b::8.8.8.8
  )

  defp public?(text), do: text |> Addresses.parse() |> Address.public?()

  test "are public or not" do
    for {first, last, before, next} <- @addresses do
      for address <- [first, last], do: refute(public?(address), address)
      for address <- [before, next], address != nil, do: assert(public?(address), address)
    end

    for address <- @not_public, do: refute(public?(address), address)
    for address <- @public, do: assert(public?(address), address)
    assert length(@addresses) * 4 + length(@not_public) + length(@public) > 120
  end
end
