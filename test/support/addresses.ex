defmodule Thumbelina.Addresses do
  @moduledoc false
  # Addresses of the internet, for tests.

  @not_public ~w(
    127.0.0.1 169.254.169.254 100.100.100.200 192.0.0.192 255.255.255.255 239.1.2.3
    ::1 ::2 fd00:ec2::254 fc00:: fdff::1 fe80:: fe80::1 febf::1 fec0:: feff::1 ff02::1
    ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::8.8.8.8 64:ff9b::10.0.0.1
    64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:808:808:: 100::1
    2001:0:808:808::1 2001:2::1 2001:10::1 2001:20::1 5f00::1 ::ffff:0:8.8.8.8
  )

  @doc "Some that are not public, of all kinds."
  def not_public, do: @not_public

  def parse(text) do
    {:ok, address} = text |> String.to_charlist() |> :inet.parse_strict_address()
    address
  end
end
