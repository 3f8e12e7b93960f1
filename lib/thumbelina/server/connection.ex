defmodule Thumbelina.Server.Connection do
  @moduledoc false
  # The module of OTP's httpd: it calls these functions in the process of a connection.
  #
  # What httpd gives: a request's head has to arrive within `keep_alive_timeout`, and the sizes of
  # method, URI, headers and body are bounded. What it does not give, and is done here:
  #
  #   - Once the head is there, httpd waits for the body without an end: for one that does not come,
  #     and for one that is there and followed by the next request. A timer ends that.
  #   - Of a chunked body, httpd collects a chunk of any size. Such requests are refused with 411.
  #   - httpd compares `Content-Length` with `max_body_size` by `>` and `<`, and crashes if they are
  #     equal and the client expects `100-continue`. So half a byte is added to the limit.
  #   - Bodies become lists, of sixteen bytes for each, unless they are taken in pieces.
  #   - While a request is answered, nobody looks at the socket. So the work is done in another
  #     process, and this one watches the socket, and kills the worker if the client hangs up.
  #   - To clients of HTTP/1.0, httpd turns every status above 404 into 403. So the response is
  #     written here.

  require Record

  alias Thumbelina.Server.{Config, Failure, Handler, HTTPDate, Metrics, Request, Response}

  # `#mod{}` of inets/include/httpd.hrl, which is documented. The header file itself may not be
  # there when the library is compiled.
  @mod [
    :init_data,
    :data,
    :socket_type,
    :socket,
    :config_db,
    :method,
    :absolute_uri,
    :request_uri,
    :http_version,
    :request_line,
    :parsed_header,
    :entity_body,
    :connection
  ]
  Record.defrecordp(:mod, @mod)

  @doc "The fields of `#mod{}`, for a test that compares them with OTP's."
  def fields, do: @mod

  # The pieces that bodies are taken in.
  @piece 65_536

  @doc "The configuration of httpd."
  @spec httpd(Config.t(), Config.listener()) :: keyword
  def httpd(config, listener) do
    family = if tuple_size(listener.ip) == 8, do: :inet6, else: :inet
    # Both have to be folders that exist, and are not used.
    unused = :code.root_dir()

    [
      port: listener.port,
      bind_address: listener.ip,
      ipfamily: family,
      server_name: ~c"thumbelina",
      server_root: unused,
      document_root: unused,
      mime_types: [{~c"html", ~c"text/html"}],
      server_tokens: :none,
      modules: [__MODULE__],
      customize: __MODULE__,
      socket_type: socket_type(listener),
      max_clients: listener.max_clients,
      keep_alive_timeout: listener.keep_alive_timeout,
      max_uri_size: 8192,
      max_header_size: 10_240,
      max_body_size: config.max_body_bytes,
      max_content_length: config.max_body_bytes,
      max_client_body_chunk: @piece,
      thumbelina: config,
      thumbelina_send_timeout: listener.send_timeout
    ]
  end

  defp socket_type(%{tls: nil}), do: :ip_comm
  # A client that gives up during the handshake is nothing to log.
  defp socket_type(listener),
    do: {:ssl, [log_level: :none] ++ listener.tls ++ sending(listener.send_timeout)}

  defp sending(timeout), do: [nodelay: true, send_timeout: timeout]

  @doc "How httpd keeps an entry of its configuration. What is not matched here, it keeps itself."
  def store({:max_body_size, bytes}, _config), do: {:ok, {:max_body_size, bytes + 0.5}}

  # For httpd's option `customize`: called for every header, when the head is complete.

  @chunked {__MODULE__, :chunked}
  @timer {__MODULE__, :timer}

  def request_header({name, value}) do
    if Process.get(@timer) == nil, do: Process.put(@timer, start_timer())
    if name == ~c"transfer-encoding", do: Process.put(@chunked, true)

    # A length would make httpd wait for it. The one of the two that comes later sees the mark.
    if name in [~c"transfer-encoding", ~c"content-length"] and Process.get(@chunked),
      do: {true, {~c"content-length", ~c"0"}},
      else: {true, {name, value}}
  end

  def response_header(header), do: {true, header}
  def response_default_headers, do: []

  # To httpd, the message looks as if the client had closed the connection.
  defp start_timer do
    tag = make_ref()
    {Process.send_after(self(), {:tcp_closed, tag}, body_timeout()), tag}
  end

  defp stop_timer do
    with {timer, tag} <- Process.delete(@timer) do
      _ = Process.cancel_timer(timer)

      receive do
        {:tcp_closed, ^tag} -> :ok
      after
        0 -> :ok
      end
    end
  end

  # `request_header/1` gets no configuration. One of the ancestors is the server's supervisor.
  defp body_timeout do
    Enum.find_value(Process.get(:"$ancestors", []), 60_000, fn ancestor ->
      :persistent_term.get({__MODULE__, ancestor}, nil)
    end)
  end

  @doc "Tells the connections below a supervisor the timeout of bodies, and takes it back."
  @spec put_body_timeout(pid | atom, pos_integer) :: :ok
  def put_body_timeout(supervisor, timeout),
    do: :persistent_term.put({__MODULE__, supervisor}, timeout)

  @spec delete_body_timeout(pid | atom) :: boolean
  def delete_body_timeout(supervisor), do: :persistent_term.erase({__MODULE__, supervisor})

  @doc "A piece of a body, or a request that is complete."
  def unquote(:do)(mod() = mod) do
    case mod(mod, :entity_body) do
      {:first, piece} -> {:continue, collect(start(mod), piece)}
      {:continue, piece, :undefined} -> {:continue, collect(start(mod), piece)}
      {:continue, piece, body} -> {:continue, collect(body, piece)}
      {:last, piece, :undefined} -> complete(mod, [], piece)
      {:last, piece, body} -> complete(mod, body, piece)
    end
  rescue
    # httpd answers with the status 500, and tells nobody.
    exception ->
      :logger.error(Exception.format(:error, exception, __STACKTRACE__))
      reraise exception, __STACKTRACE__
  end

  # A request that will be refused is read to its end, because few clients take a response before.
  # Nothing of it is kept.
  defp start(mod) do
    if Handler.refused?(request(mod, ""), config(mod)), do: :refused, else: []
  end

  defp collect(:refused, _piece), do: :refused
  defp collect(pieces, piece), do: [pieces | piece]

  defp complete(mod, body, piece) do
    stop_timer()

    if Process.get(@chunked) do
      refuse_chunked(mod)
    else
      body = if body == :refused, do: "", else: IO.iodata_to_binary([body | piece])
      answer(mod, request(mod, body), config(mod))
    end
  end

  defp config(mod), do: lookup(mod, :thumbelina)

  # Called with `apply`, because the project does not list OTP's applications, and the compiler
  # would warn.
  defp lookup(mod, key), do: apply(:httpd_util, :lookup, [mod(mod, :config_db), key])
  defp ssl(function, args), do: apply(:ssl, function, args)

  defp request(mod, body) do
    [path | query] = mod |> mod(:request_uri) |> text() |> String.split("?", parts: 2)

    %Request{
      method: mod |> mod(:method) |> text(),
      path: path,
      query: Enum.join(query),
      # httpd has the last one first.
      headers:
        for(
          {name, value} <- Enum.reverse(mod(mod, :parsed_header)),
          do: {text(name), text(value)}
        ),
      body: body
    }
  end

  # httpd has bytes in lists. Headers may have been decoded.
  defp text(list), do: :erlang.list_to_binary(list)

  # The body is not known, so the next request is not either: the connection ends. The mark stays,
  # in case httpd takes the body for more requests.
  defp refuse_chunked(mod) do
    if Process.get(@chunked) == true do
      Process.put(@chunked, :refused)
      failure = {411, :length_required, "expected a Content-Length, and no Transfer-Encoding"}
      send_response(mod(mod, connection: false), Failure.response(failure))
      hang_up(mod)
    end

    done(mod, 411, 0)
  end

  # The response is made by a process of its own. It is linked, so that it does not outlive the
  # connection.
  defp answer(mod, request, config) do
    connection = self()
    tag = make_ref()

    {worker, monitor} =
      :proc_lib.spawn_opt(
        fn -> send(connection, {tag, Handler.handle(request, config)}) end,
        [:link, :monitor]
      )

    _ = watch(mod)
    result = await(mod(mod, :socket), tag, worker, monitor)
    if match?({:gone, _}, result), do: Process.exit(worker, :kill)
    Process.demonitor(monitor, [:flush])
    forget(worker)

    case result do
      {:ok, response} ->
        send_response(mod, response)
        done(mod, response.status, byte_size(response.body))

      {:gone, message} ->
        Metrics.hung_up(config.live)
        # For httpd, which ends the connection.
        send(self(), message)
        done(mod, 499, 0)

      # A bug, which the VM has logged.
      :crash ->
        send_response(mod, Failure.response({500, :internal_error, "internal error"}))
        done(mod, 500, 0)
    end
  end

  # One message tells that the client has closed the connection. If it sends its next request before
  # it has this response, that is the message, and httpd finds it in the mailbox afterwards. Then
  # nobody knows when the client hangs up, and the work is done to its end.
  defp watch(mod) do
    if tls?(mod) do
      ssl(:setopts, [mod(mod, :socket), [active: :once]])
    else
      # With a port of its own, httpd takes no options for sockets without TLS.
      timeout = lookup(mod, :thumbelina_send_timeout)
      :inet.setopts(mod(mod, :socket), [active: :once] ++ sending(timeout))
    end
  end

  defp await(socket, tag, worker, monitor) do
    receive do
      {^tag, %Response{} = response} -> {:ok, response}
      {:DOWN, ^monitor, :process, ^worker, _reason} -> :crash
      {closed, ^socket} = message when closed in [:tcp_closed, :ssl_closed] -> {:gone, message}
      {error, ^socket, _} = message when error in [:tcp_error, :ssl_error] -> {:gone, message}
      # The server stops.
      {:EXIT, from, _reason} = message when from != worker -> {:gone, message}
    end
  end

  defp forget(worker) do
    Process.unlink(worker)

    receive do
      {:EXIT, ^worker, _reason} -> :ok
    after
      0 -> :ok
    end
  end

  # Nothing more is sent, whatever httpd makes of the bytes that are left, and then it ends.
  defp hang_up(mod) do
    _ =
      if tls?(mod),
        do: ssl(:shutdown, [mod(mod, :socket), :write]),
        else: :gen_tcp.shutdown(mod(mod, :socket), :write)

    send(self(), {:tcp_closed, mod(mod, :socket)})
  end

  defp send_response(mod, %Response{} = response) do
    head = [
      "HTTP/1.1 #{response.status} #{phrase(response.status)}\r\n",
      "date: #{HTTPDate.format(System.os_time(:second))}\r\n",
      for({name, value} <- response.headers, do: [name, ": ", value, "\r\n"]),
      if(mod(mod, :connection), do: "", else: "connection: close\r\n"),
      "\r\n"
    ]

    with {:error, _} <- send_pieces(mod, head, response.body), do: close(mod)
  end

  # The VM takes everything at once, and only refuses more. In pieces, a client that does not read
  # is noticed.
  defp send_pieces(mod, head, <<piece::binary-size(@piece), rest::binary>>) do
    with :ok <- send_bytes(mod, [head | piece]), do: send_pieces(mod, "", rest)
  end

  defp send_pieces(mod, head, rest), do: send_bytes(mod, [head | rest])

  defp send_bytes(mod, bytes) do
    if tls?(mod),
      do: ssl(:send, [mod(mod, :socket), bytes]),
      else: :gen_tcp.send(mod(mod, :socket), bytes)
  end

  @phrases %{
    200 => "OK",
    304 => "Not Modified",
    400 => "Bad Request",
    403 => "Forbidden",
    404 => "Not Found",
    405 => "Method Not Allowed",
    410 => "Gone",
    411 => "Length Required",
    413 => "Content Too Large",
    415 => "Unsupported Media Type",
    422 => "Unprocessable Content",
    500 => "Internal Server Error",
    503 => "Service Unavailable",
    504 => "Gateway Timeout"
  }

  # It may be empty.
  defp phrase(status), do: Map.get(@phrases, status, "")

  defp close(mod) do
    if tls?(mod) do
      ssl(:close, [mod(mod, :socket)])
    else
      # What the client did not take yet is not waited for.
      _ = :inet.setopts(mod(mod, :socket), linger: {true, 0})
      :gen_tcp.close(mod(mod, :socket))
    end
  end

  # The type has the options of TLS, with the private key: it must not get into an exception.
  defp tls?(mod), do: mod(mod, :socket_type) != :ip_comm

  defp done(mod, status, size),
    do: {:proceed, [{:response, {:already_sent, status, size}} | mod(mod, :data)]}
end
