defmodule Thumbelina.Server.Httpd do
  @moduledoc false
  # Starts OTP's httpd, on its own and not below the application `:inets`, and stops with it.

  use GenServer

  alias Thumbelina.Error
  alias Thumbelina.Server.{Config, Connection}

  @spec start_link({Config.t(), Config.listener()}) :: GenServer.on_start()
  def start_link({config, listener}),
    do: GenServer.start_link(__MODULE__, {config, listener})

  @spec port(pid) :: :inet.port_number()
  def port(pid), do: GenServer.call(pid, :port)

  @impl true
  def init({config, listener}) do
    Process.flag(:trap_exit, true)
    # A restart finds the same one.
    [supervisor | _] = Process.get(:"$ancestors")
    Connection.put_body_timeout(supervisor, config.body_timeout)

    :ok = await_end(listener, 600)

    with {:ok, port} <- await_free(listener, 20),
         config = Connection.httpd(config, %{listener | port: port}),
         {:ok, httpd} <- apply(:inets, :start, [:httpd, config, :stand_alone]) do
      {:ok, %{httpd: httpd, ip: listener.ip, port: port, supervisor: supervisor}}
    else
      {:error, reason} ->
        Connection.delete_body_timeout(supervisor)
        {:stop, reason}
    end
  end

  # If it cannot listen, httpd logs pages and gives no reason, so the port is tried before. And if
  # it has to choose a port, it ignores the options of TLS, so the choice is made here, too.
  defp free(%{ip: ip, port: port}) do
    family = if tuple_size(ip) == 8, do: :inet6, else: :inet

    case :gen_tcp.listen(port, [family, ip: ip, reuseaddr: true]) do
      {:ok, socket} ->
        {:ok, port} = :inet.port(socket)
        :ok = :gen_tcp.close(socket)
        {:ok, port}

      {:error, posix} ->
        {:error, %Error{reason: posix}}
    end
  end

  @impl true
  def handle_call(:port, _from, state), do: {:reply, state.port, state}

  @impl true
  def handle_info({:EXIT, httpd, reason}, %{httpd: httpd} = state),
    do: {:stop, reason, %{state | httpd: nil}}

  def handle_info(_message, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state) do
    if state.httpd, do: stop(state.httpd)
    Connection.delete_body_timeout(state.supervisor)
    _ = await_free(state, 100)
  end

  defp stop(httpd) do
    monitor = Process.monitor(httpd)
    Process.exit(httpd, :shutdown)

    receive do
      {:DOWN, ^monitor, :process, _pid, _reason} -> :ok
    end
  end

  # If this process was killed, the httpd of the one before may still be closing its connections.
  # Its processes have names with the address and the port, which the next one needs.
  defp await_end(%{ip: ip, port: port} = listener, tries) do
    address = "__#{ip |> Tuple.to_list() |> Enum.join("_")}__#{port}"

    if tries > 0 and Enum.any?(Process.registered(), &of_httpd?(&1, address)) do
      Process.sleep(10)
      await_end(listener, tries - 1)
    else
      :ok
    end
  end

  defp of_httpd?(name, address) do
    case Atom.to_string(name) do
      "httpd" <> rest ->
        String.contains?(rest, [address <> "default"]) or String.ends_with?(rest, address)

      _ ->
        false
    end
  end

  # A socket is closed some time after its process has ended. So when the server has stopped,
  # another one can have the port, and so can this one after a crash.
  defp await_free(listener, tries) do
    with {:error, %Error{reason: :eaddrinuse}} when tries > 0 <- free(listener) do
      Process.sleep(10)
      await_free(listener, tries - 1)
    end
  end
end
