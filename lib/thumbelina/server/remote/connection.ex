defmodule Thumbelina.Server.Remote.Connection do
  @moduledoc false
  # A connection to one address, with TLS or without, until a deadline. It is passive: it sends no
  # messages to the process that opened it, and is closed when that one ends.

  alias Thumbelina.Server.Remote.URL

  # OTP's ssl and public_key are called with `apply`: they are needed for https only, the project
  # does not list them, and the compiler would warn.

  @type t :: %__MODULE__{
          module: :gen_tcp | :ssl,
          socket: :gen_tcp.socket() | term,
          deadline: integer
        }
  @type error :: {:error, {400..599, String.t()}}

  @enforce_keys [:module, :socket, :deadline]
  defstruct @enforce_keys

  @doc "The milliseconds that are left until a deadline."
  @spec time_left(integer) :: non_neg_integer
  def time_left(deadline), do: max(deadline - System.monotonic_time(:millisecond), 0)

  @doc """
  Connects to the first of the addresses that can be connected to. No name is looked up: that of
  the URL is only what the server's certificate must be for.
  """
  @spec open([:inet.ip_address(), ...], URL.t(), map, integer) :: {:ok, t} | error
  def open(addresses, url, config, deadline) do
    with {:ok, tls} <- tls(url, config),
         {:ok, socket} <- first(addresses, url.port, config.connect_timeout, deadline),
         do: secure(socket, tls, config.connect_timeout, deadline)
  end

  defp first([address | others], port, timeout, deadline) do
    family = if tuple_size(address) == 8, do: :inet6, else: :inet

    options = [
      family,
      mode: :binary,
      active: false,
      buffer: 65_536,
      nodelay: true,
      send_timeout: timeout,
      send_timeout_close: true
    ]

    case :gen_tcp.connect(address, port, options, at_most(timeout, deadline)) do
      {:ok, socket} -> {:ok, socket}
      {:error, _} when others != [] -> first(others, port, timeout, deadline)
      {:error, reason} -> failed(reason, "connected to")
    end
  end

  defp secure(socket, nil, _timeout, deadline),
    do: {:ok, %__MODULE__{module: :gen_tcp, socket: socket, deadline: deadline}}

  defp secure(tcp, tls, timeout, deadline) do
    case apply(:ssl, :connect, [tcp, tls, at_most(timeout, deadline)]) do
      {:ok, socket} ->
        {:ok, %__MODULE__{module: :ssl, socket: socket, deadline: deadline}}

      {:error, reason} ->
        :ok = :gen_tcp.close(tcp)
        failed(reason, "trusted")
    end
  end

  defp at_most(timeout, deadline), do: min(timeout, time_left(deadline))

  @doc "Sends all of it."
  @spec send(t, iodata) :: :ok | error
  def send(%{module: module, socket: socket}, bytes) do
    with {:error, reason} <- module.send(socket, bytes), do: failed(reason, "asked")
  end

  @doc "The next bytes, or `:closed`."
  @spec receive_bytes(t) :: {:ok, binary} | :closed | error
  def receive_bytes(%{module: module, socket: socket, deadline: deadline}) do
    case time_left(deadline) do
      0 ->
        failed(:timeout, "read from")

      time_left ->
        case module.recv(socket, 0, time_left) do
          {:ok, bytes} -> {:ok, bytes}
          {:error, :closed} -> :closed
          {:error, reason} -> failed(reason, "read from")
        end
    end
  end

  @doc "Closes it. It may be closed already."
  @spec close(t) :: :ok
  def close(%{module: module, socket: socket}) do
    _ = module.close(socket)
    :ok
  end

  defp failed(:timeout, _what), do: {:error, {504, "the server took too long"}}
  defp failed(_reason, what), do: {:error, {502, "the server could not be #{what}"}}

  defp tls(%{scheme: :http}, _config), do: {:ok, nil}

  defp tls(url, config) do
    case Mix.Thumbelina.Precompiled.start([:public_key, :ssl]) do
      :ok -> certificates(url, config.cacerts)
      {:error, reason} -> {:error, {500, reason}}
    end
  end

  defp certificates(url, nil) do
    certificates(url, apply(:public_key, :cacerts_get, []))
  rescue
    _ -> {:error, {500, "the system has no CA certificates to verify the server with"}}
  end

  defp certificates(url, cacerts) do
    {:ok,
     [
       verify: :verify_peer,
       cacerts: cacerts,
       depth: 10,
       versions: [:"tlsv1.3", :"tlsv1.2"],
       # What is refused is reported to the caller.
       log_level: :error,
       # A session of another name at the same address would be resumed without a certificate.
       reuse_sessions: false,
       customize_hostname_check: [
         match_fun: apply(:public_key, :pkix_verify_hostname_match_fun, [:https])
       ]
     ] ++ name(url)}
  end

  # With an address as the host, the certificate must be for the address of the connection.
  defp name(%{address: nil, host: host}),
    do: [server_name_indication: String.to_charlist(host)]

  defp name(_url), do: []
end
