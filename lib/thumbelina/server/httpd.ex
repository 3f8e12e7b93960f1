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
    Connection.put_body_timeout(self(), listener.body_timeout)

    with :ok <- free(listener),
         {:ok, httpd} <- :inets.start(:httpd, Connection.httpd(config, listener), :stand_alone),
         {:ok, port} <- started(httpd) do
      {:ok, %{httpd: httpd, port: port}}
    else
      {:error, reason} ->
        Connection.delete_body_timeout(self())
        {:stop, reason}
    end
  end

  # httpd says nothing but that it did not start, and logs some pages. So the port is tried before.
  defp free(%{ip: ip, port: port}) do
    family = if tuple_size(ip) == 8, do: :inet6, else: :inet

    case :gen_tcp.listen(port, [family, ip: ip, reuseaddr: true]) do
      {:ok, socket} -> :gen_tcp.close(socket)
      {:error, posix} -> {:error, %Error{reason: posix}}
    end
  end

  # With the port 0, its supervisor starts even if there is nothing to supervise.
  defp started(httpd) do
    case Supervisor.which_children(httpd) do
      [{{:httpd_instance_sup, _ip, port, _profile}, pid, :supervisor, _}] when is_pid(pid) ->
        {:ok, port}

      _ ->
        stop(httpd)
        {:error, :httpd_did_not_start}
    end
  end

  @impl true
  def handle_call(:port, _from, state), do: {:reply, state.port, state}

  @impl true
  def handle_info({:EXIT, httpd, reason}, %{httpd: httpd} = state),
    do: {:stop, reason, %{state | httpd: nil}}

  def handle_info(_message, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, %{httpd: httpd}) do
    if httpd, do: stop(httpd)
    Connection.delete_body_timeout(self())
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
