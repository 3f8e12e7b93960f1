defmodule Thumbelina.HTTPServers do
  @moduledoc false
  # The same pictures by OTP's httpd, by Bandit and by Cowboy, and a client that knows no HTTP.
  #
  # The last two are there if `ERL_LIBS` names a folder that contains them, and what they need:
  # plug, plug_crypto, mime, telemetry; bandit, thousand_island, hpax, websock; plug_cowboy, cowboy,
  # cowlib, ranch and cowboy_telemetry.

  alias Thumbelina.Server

  @compile {:no_warn_undefined, [Bandit, ThousandIsland, Plug.Cowboy, :ranch]}

  @doc "Those that are there."
  def all do
    [:httpd] ++
      for {name, module} <- [bandit: Bandit, cowboy: Plug.Cowboy], Code.ensure_loaded?(module) do
        {:ok, _} =
          Application.ensure_all_started(if name == :cowboy, do: :plug_cowboy, else: name)

        name
      end
  end

  @doc "The child specs of a server, whose options are those of `Thumbelina.Server`."
  def children(:httpd, opts), do: [{Server, [port: 0] ++ opts}]

  def children(kind, opts) do
    name = opts[:name] || Module.concat(__MODULE__, kind)
    pictures = {Server, [listen: false, name: name] ++ Keyword.delete(opts, :name)}
    [pictures, listener(kind, {Thumbelina.Plug, server: name})]
  end

  # By default Bandit compresses what it can, and says so.
  @bandit [ip: :loopback, port: 0, startup_log: false, http_options: [compress: false]]

  defp listener(:bandit, plug), do: {Bandit, [plug: plug] ++ @bandit}

  defp listener(:cowboy, plug) do
    options = [port: 0, ip: {127, 0, 0, 1}, ref: __MODULE__]
    Plug.Cowboy.child_spec(scheme: :http, plug: plug, options: options)
  end

  @doc "The port of the last of these children, which have been started."
  def port(:httpd, pid), do: Server.port(pid)

  def port(:bandit, pid) do
    {:ok, {_address, port}} = ThousandIsland.listener_info(pid)
    port
  end

  def port(:cowboy, _pid), do: :ranch.get_port(__MODULE__)

  def connect(port, bytes \\ "") do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    :ok = :gen_tcp.send(socket, bytes)
    socket
  end

  def head(method, path, headers \\ []) do
    lines = for {name, value} <- [{"host", "a"} | headers], do: [name, ": ", value, "\r\n"]
    IO.iodata_to_binary([method, " ", path, " HTTP/1.1\r\n", lines, "\r\n"])
  end

  @doc "A request on a connection of its own."
  def request(port, method, path, headers \\ [], body \\ "") do
    length = [{"content-length", "#{byte_size(body)}"}]
    length = if method in ["GET", "HEAD"] and body == "", do: [], else: length
    socket = connect(port, head(method, path, [{"connection", "close"} | length] ++ headers))
    _ = :gen_tcp.send(socket, body)
    response = response(socket, method)
    :gen_tcp.close(socket)
    response
  end

  @doc "One response."
  def response(socket, method \\ "POST", read \\ "") do
    with [head, rest] <- String.split(read, "\r\n\r\n", parts: 2),
         ["HTTP/1.1 " <> <<status::binary-size(3), _::binary>> | lines] =
           String.split(head, "\r\n"),
         headers =
           for(
             line <- lines,
             [name, value] = String.split(line, ": ", parts: 2),
             do: {name, value}
           ),
         {:body, body} <- body(status, method, headers, rest) do
      %{status: String.to_integer(status), headers: headers, body: body}
    else
      # It only allows to go on.
      {:after, rest} -> response(socket, method, rest)
      _ -> receive_more(socket, method, read)
    end
  end

  defp receive_more(socket, method, read) do
    case :gen_tcp.recv(socket, 0, 30_000) do
      {:ok, bytes} -> response(socket, method, read <> bytes)
      {:error, reason} -> {:error, reason}
    end
  end

  defp body("100", _method, _headers, rest), do: {:after, rest}

  defp body(status, method, _headers, _rest) when status == "304" or method == "HEAD",
    do: {:body, ""}

  defp body(_status, _method, headers, rest) do
    length = headers |> List.keyfind("content-length", 0, {nil, "0"}) |> elem(1)
    length = String.to_integer(length)
    with <<body::binary-size(length), _::binary>> <- rest, do: {:body, body}
  end
end
