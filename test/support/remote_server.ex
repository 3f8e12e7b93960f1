defmodule Thumbelina.RemoteServer do
  @moduledoc false
  # Servers that pictures are downloaded from, for the tests of `Thumbelina.Server.Remote`. A name
  # stands for each of them, which leads to this machine.

  import ExUnit.{Assertions, Callbacks}
  import Thumbelina.Poll

  alias Thumbelina.Server.Remote
  alias Thumbelina.Server.Remote.Failed

  @localhost {127, 0, 0, 1}
  @name "pictures.example"

  def localhost, do: @localhost
  def name, do: @name

  @doc "A server that calls `fun` with each connection and the head of its request. Its port."
  def serve(fun, transport \\ :gen_tcp, options \\ []) do
    options = [:binary, active: false, reuseaddr: true, ip: @localhost] ++ options
    {:ok, listener} = transport.listen(0, options)

    {:ok, {_, port}} =
      if transport == :ssl, do: :ssl.sockname(listener), else: :inet.sockname(listener)

    start_supervised!({Task, fn -> accept(transport, listener, fun) end}, id: make_ref())
    port
  end

  defp accept(transport, listener, fun) do
    with {:ok, socket} <- accepted(transport, listener),
         {:ok, head} <- head(transport, socket, "") do
      fun.(socket, head)
      transport.close(socket)
    end

    accept(transport, listener, fun)
  end

  defp accepted(:gen_tcp, listener), do: :gen_tcp.accept(listener)

  defp accepted(:ssl, listener) do
    with {:ok, socket} <- :ssl.transport_accept(listener), do: :ssl.handshake(socket, 5_000)
  end

  defp head(transport, socket, read) do
    if String.ends_with?(read, "\r\n\r\n") do
      {:ok, read}
    else
      with {:ok, bytes} <- transport.recv(socket, 0, 5_000),
           do: head(transport, socket, read <> bytes)
    end
  end

  @doc "A server that answers everybody with the same bytes."
  def answer(bytes), do: serve(fn socket, _head -> :gen_tcp.send(socket, bytes) end)

  @doc "What such a server answers."
  def ok(headers, body),
    do: ["HTTP/1.1 200 OK\r\n", Enum.map(headers, &[&1, "\r\n"]), "\r\n", body]

  @doc "The configuration that allows to open its URL."
  def config(port, more \\ []) do
    Enum.into(more, %{
      allow_hosts: [@name],
      allow_ports: List.wrap(port),
      allow_private: true,
      resolver: fn _name -> {:ok, [@localhost]} end,
      timeout: 10_000
    })
  end

  def url(port, path \\ "/"), do: "http://#{@name}:#{port}#{path}"
  def open(port, more \\ []), do: Remote.open(url(port), config(port, more))

  def read(remote), do: remote |> Enum.to_list() |> IO.iodata_to_binary()

  @doc "What was read, or the status of what opening or reading fails with."
  def status(port, more \\ []) do
    case open(port, more) do
      {:ok, remote} ->
        try do
          {:read, read(remote)}
        rescue
          error in Failed -> {:failed, error.status}
        end

      {:error, {status, message}} ->
        assert is_binary(message)
        status
    end
  end

  @doc """
  Runs `fun`, after which neither a process, nor a port of this process, nor a message is left.
  """
  def nothing_left(fun) do
    processes = Process.list()
    ports = ports()
    result = fun.()
    assert Process.info(self(), :messages) == {:messages, []}
    assert ports() -- ports == []
    poll(fn -> Process.list() -- processes == [] end)
    result
  end

  defp ports, do: for(port when is_port(port) <- elem(Process.info(self(), :links), 1), do: port)
end
