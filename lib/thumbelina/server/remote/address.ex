defmodule Thumbelina.Server.Remote.Address do
  @moduledoc false
  # Which IP addresses are public: those of the registries of IANA that are globally reachable.
  # Anything else may be a machine that trusts whoever can reach it.

  @not_public_v4 [
    # This network, and unspecified
    "0.0.0.0/8",
    # Private
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    # Carriers' NAT
    "100.64.0.0/10",
    # Loopback
    "127.0.0.0/8",
    # Link-local, with the metadata of clouds
    "169.254.0.0/16",
    # The same, of Azure: in the middle of public ones
    "168.63.129.16/32",
    # Protocol assignments
    "192.0.0.0/24",
    # Documentation
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    # Relays of 6to4
    "192.88.99.0/24",
    # Benchmarks
    "198.18.0.0/15",
    # Multicast
    "224.0.0.0/4",
    # Reserved, and broadcast
    "240.0.0.0/4"
  ]

  # Outside of it are the unspecified address, loopback, IPv4-compatible ones, discard-only, segment
  # routing, unique local (with the metadata of clouds), link-local, site-local and multicast.
  @public_v6 "2000::/3"

  @not_public_v6 [
    # Protocol assignments: Teredo, benchmarks, ORCHID and others
    "2001::/23",
    # Documentation
    "2001:db8::/32",
    "3fff::/20",
    # 6to4
    "2002::/16"
  ]

  # Other ways to write an IPv4 address. A network with IPv6 only reaches all of IPv4 by NAT64.
  @v4_in_v6 ["::ffff:0:0/96", "64:ff9b::/96"]

  bits = fn
    {a, b, c, d} -> <<a, b, c, d>>
    v6 -> for part <- Tuple.to_list(v6), into: "", do: <<part::16>>
  end

  ranges = fn ranges ->
    for range <- ranges do
      [address, length] = String.split(range, "/")
      {:ok, address} = address |> String.to_charlist() |> :inet.parse_strict_address()
      length = String.to_integer(length)
      <<prefix::bitstring-size(length), _::bitstring>> = bits.(address)
      prefix
    end
  end

  @not_public_v4 ranges.(@not_public_v4)
  @not_public_v6 ranges.(@not_public_v6)
  @public_v6 ranges.([@public_v6])
  @v4_in_v6 ranges.(@v4_in_v6)

  @doc "Whether an address is public."
  @spec public?(:inet.ip_address()) :: boolean
  def public?({a, b, c, d}), do: not within?(<<a, b, c, d>>, @not_public_v4)

  def public?({a, b, c, d, e, f, g, h}) do
    bits = <<a::16, b::16, c::16, d::16, e::16, f::16, g::16, h::16>>

    if within?(bits, @v4_in_v6),
      do: public?({div(g, 256), rem(g, 256), div(h, 256), rem(h, 256)}),
      else: within?(bits, @public_v6) and not within?(bits, @not_public_v6)
  end

  defp within?(bits, prefixes) do
    Enum.any?(prefixes, fn prefix ->
      length = bit_size(prefix)
      match?(<<^prefix::bitstring-size(length), _::bitstring>>, bits)
    end)
  end
end
