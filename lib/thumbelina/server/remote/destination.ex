defmodule Thumbelina.Server.Remote.Destination do
  @moduledoc false
  # Where a URL may lead to: the addresses to connect to, if the host, the port and every address
  # are allowed. The name is looked up once, here; a second answer could be another one.

  alias Thumbelina.Worker
  alias Thumbelina.Server.Remote.{Address, URL}

  @doc "The addresses of a URL's host."
  @spec addresses(URL.t(), map, (... -> non_neg_integer)) ::
          {:ok, [:inet.ip_address(), ...]} | {:error, {400..599, String.t()}}
  def addresses(url, config, time_left) do
    with :ok <- host(url, config.allow_hosts),
         :ok <- port(url, config.allow_ports),
         {:ok, addresses} <- resolve(url, config.resolver, time_left.()),
         do: public(addresses, config.allow_private)
  end

  defp host(url, allowed) do
    if Enum.any?(allowed, &host?(url, String.downcase(&1))),
      do: :ok,
      else: {:error, {403, "the host is not allowed"}}
  end

  # For names only: an address has no subdomains.
  defp host?(url, "*." <> domain),
    do: url.address == nil and domain != "" and String.ends_with?(url.host, "." <> domain)

  defp host?(url, allowed) do
    # An IPv6 address may be in the list with brackets or without, and in any form.
    literal =
      if String.contains?(allowed, ":"), do: "[#{String.trim(allowed, "[")}", else: allowed

    match?({:ok, host, _} when host == url.host, URL.host(literal))
  end

  defp port(url, allowed) do
    if url.port in allowed, do: :ok, else: {:error, {403, "the port is not allowed"}}
  end

  defp public(addresses, allow_private) do
    if allow_private or Enum.all?(addresses, &Address.public?/1),
      do: {:ok, addresses},
      else: {:error, {403, "the host has an address that is not public"}}
  end

  defp resolve(%{address: address}, _resolver, _time_left) when address != nil,
    do: {:ok, [address]}

  defp resolve(url, resolver, time_left) do
    case within(time_left, fn -> resolver.(url.host) end) do
      {:ok, {:ok, [_ | _] = addresses}} -> {:ok, addresses}
      {:ok, _} -> {:error, {502, "the host has no address"}}
      :timeout -> {:error, {504, "the look-up of the host's address took too long"}}
    end
  end

  # A look-up cannot be stopped in its own process. It ends with the caller, and leaves no message.
  defp within(time_left, fun) do
    reply_to = :erlang.alias()

    {pid, monitor} =
      :erlang.spawn_opt(fn -> send(reply_to, {reply_to, result(fun)}) end, [:link, :monitor])

    answer =
      receive do
        {^reply_to, answer} -> {:ok, answer}
        {:DOWN, ^monitor, _, _, _} -> {:ok, :error}
      after
        time_left -> :timeout
      end

    Worker.stop(pid)
    Process.demonitor(monitor, [:flush])
    :erlang.unalias(reply_to)
    drop(reply_to)
    answer
  end

  defp result(fun) do
    fun.()
  catch
    _, _ -> :error
  end

  defp drop(reply_to) do
    receive do
      {^reply_to, _} -> drop(reply_to)
    after
      0 -> :ok
    end
  end

  @doc "The resolver of the system."
  @spec look_up(String.t()) :: {:ok, [:inet.ip_address()]}
  def look_up(name) do
    {:ok,
     for family <- [:inet, :inet6],
         {:ok, addresses} <- [:inet.getaddrs(String.to_charlist(name), family)],
         address <- addresses do
       address
     end}
  end
end
