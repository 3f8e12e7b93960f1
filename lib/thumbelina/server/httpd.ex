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
    Connection.put_body_timeout(supervisor, listener.body_timeout)

    with {:ok, port} <- free(listener),
         config = Connection.httpd(config, %{listener | port: port}),
         {:ok, httpd} <- :inets.start(:httpd, config, :stand_alone) do
      {:ok, %{httpd: httpd, port: port, supervisor: supervisor}}
    else
      {:error, reason} ->
        Connection.delete_body_timeout(supervisor)
        {:stop, reason}
    end
  end

  # If it cannot listen, httpd logs pages and gives no reason, so the port is tried before. And if it
  # has to choose a port, it ignores the options of TLS, so the choice is made here, too.
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
  def terminate(_reason, %{httpd: httpd, supervisor: supervisor}) do
    if httpd, do: stop(httpd)
    Connection.delete_body_timeout(supervisor)
  end

  # Waits, so that the port is free when the server has stopped.
  defp stop(httpd) do
    monitor = Process.monitor(httpd)
    Process.exit(httpd, :shutdown)

    receive do
      {:DOWN, ^monitor, :process, _pid, _reason} -> :ok
    end
  end
end
