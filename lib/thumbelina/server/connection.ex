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
  #   - A piece must be taken before httpd reads on, and between two pieces httpd takes no messages
  #     but its own. So a piece is handed to the worker, and httpd goes on when that asks for the
  #     next one, or has answered: meanwhile it sends nothing.
  #   - To clients of HTTP/1.0, httpd turns every status above 404 into 403. So the response is
  #     written here.

  require Record

  alias Thumbelina.Worker
  alias Thumbelina.Server.{Body, Config, Failure, Handler, HTTPDate, Metrics, Request, Response}

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

  # The pieces that bodies are taken in, and responses sent in.
  @piece Body.piece()

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
      {:first, piece} -> {:continue, begin(mod, piece)}
      {:continue, piece, :undefined} -> {:continue, begin(mod, piece)}
      {:continue, piece, upload} -> {:continue, more(mod, upload, piece)}
      {:last, piece, :undefined} -> complete(mod, piece)
      {:last, piece, upload} -> last(mod, upload, piece)
    end
  rescue
    # httpd answers with the status 500, and tells nobody.
    exception ->
      :logger.error(Exception.format(:error, exception, __STACKTRACE__))
      reraise exception, __STACKTRACE__
  end

  # What becomes of a body: `:refused`, by its head; the worker that waits for its next piece; or
  # how it was answered before its end, by `{:answered, response}`, or `{:sent, status, size}`.

  # A request that will be refused is read to its end, because few clients take a response before.
  # Nothing of it is kept.
  defp begin(mod, piece) do
    if Handler.refused?(request(mod, ""), config(mod)) do
      :refused
    else
      # It may be answered before the end.
      _ = setopts(mod, [])
      worker = start(mod, &pieces/2)
      with ^worker <- until_asked(mod, worker), do: more(mod, worker, piece)
    end
  end

  defp more(mod, %{pid: pid, tag: tag} = worker, piece) do
    send(pid, {tag, :piece, piece})
    until_asked(mod, worker)
  end

  defp more(_mod, upload, _piece), do: upload

  # The socket is not watched, which would make the VM read on: this takes no longer than a piece.
  defp until_asked(mod, worker) do
    case await(mod, worker) do
      :asked -> worker
      result -> early(mod, worker, result)
    end
  end

  # A thumbnail waits for the end of the body, for clients that listen only then. An error is sent
  # at once. What the client still sends is read and dropped, because it would not get the response
  # if the connection were closed before.
  defp early(_mod, worker, {:ok, %Response{status: status} = response}) when status < 400 do
    Worker.stop(worker.pid)
    {:answered, response}
  end

  defp early(mod, worker, result) do
    {status, size} = respond(mod(mod, connection: false), worker, result)
    Worker.stop(worker.pid)
    {:sent, status, size}
  end

  defp last(mod, %{pid: pid, tag: tag} = worker, piece) do
    stop_timer()
    send(pid, {tag, :last, piece})
    finish(mod, worker)
  end

  defp last(mod, :refused, _piece), do: complete(mod, "")

  defp last(mod, {:answered, response}, _piece) do
    stop_timer()
    send_response(mod, response)
    done(mod, response.status, byte_size(response.body))
  end

  defp last(mod, {:sent, status, size}, _piece) do
    stop_timer()
    hang_up(mod)
    done(mod, status, size)
  end

  defp complete(mod, body) do
    stop_timer()

    if Process.get(@chunked),
      do: refuse_chunked(mod),
      else: finish(mod, start(mod, fn _connection, _tag -> body end))
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
  defp start(mod, body) do
    {connection, tag} = {self(), make_ref()}
    {request, config} = {request(mod, body.(connection, tag)), config(mod)}
    handle = fn -> send(connection, {tag, Handler.handle(request, config)}) end
    %{pid: :proc_lib.spawn_link(handle), tag: tag, live: config.live}
  end

  # The pieces, for the worker. If httpd ends the connection because nobody is there, that is a
  # normal end, which the link does not pass on.
  defp pieces(connection, tag) do
    Stream.resource(
      fn -> {Process.monitor(connection), :more} end,
      fn
        {monitor, :last} -> {:halt, {monitor, :last}}
        {monitor, :more} -> next_piece(connection, tag, monitor)
      end,
      fn {monitor, _} -> Process.demonitor(monitor, [:flush]) end
    )
  end

  defp next_piece(connection, tag, monitor) do
    send(connection, {tag, :next})

    receive do
      {^tag, :piece, piece} -> {[piece], {monitor, :more}}
      {^tag, :last, piece} -> {[piece], {monitor, :last}}
      {:DOWN, ^monitor, :process, _pid, _reason} -> exit(:shutdown)
    end
  end

  # The request is complete.
  defp finish(mod, worker) do
    _ = watch(mod)
    {status, size} = respond(mod, worker, await(mod, worker))
    Worker.stop(worker.pid)
    done(mod, status, size)
  end

  defp respond(mod, _worker, {:ok, response}) do
    send_response(mod, response)
    {response.status, byte_size(response.body)}
  end

  # The message is for httpd, which ends the connection. Its configuration may be gone already.
  defp respond(_mod, %{live: live}, {:gone, message}) do
    Metrics.hung_up(live)
    send(self(), message)
    {499, 0}
  end

  # A bug, which the VM has logged.
  defp respond(mod, _worker, :crash) do
    send_response(mod, Failure.response({500, :internal_error, "internal error"}))
    {500, 0}
  end

  # One message tells that the client has closed the connection. If it sends its next request before
  # it has this response, that is the message, and httpd finds it in the mailbox afterwards. Then
  # nobody knows when the client hangs up, and the work is done to its end.
  defp watch(mod), do: setopts(mod, active: :once)

  # With a port of its own, httpd takes no options for sockets without TLS.
  defp setopts(mod, options) do
    if tls?(mod) do
      ssl(:setopts, [mod(mod, :socket), options])
    else
      timeout = lookup(mod, :thumbelina_send_timeout)
      :inet.setopts(mod(mod, :socket), options ++ sending(timeout))
    end
  end

  # The next that happens.
  defp await(mod, %{pid: pid, tag: tag}) do
    socket = mod(mod, :socket)
    monitor = Process.monitor(pid)

    result =
      receive do
        {^tag, :next} -> :asked
        {^tag, %Response{} = response} -> {:ok, response}
        {:DOWN, ^monitor, :process, ^pid, _reason} -> :crash
        {closed, ^socket} = message when closed in [:tcp_closed, :ssl_closed] -> {:gone, message}
        {error, ^socket, _} = message when error in [:tcp_error, :ssl_error] -> {:gone, message}
        # The server stops.
        {:EXIT, from, _reason} = message when from != pid -> {:gone, message}
      end

    Process.demonitor(monitor, [:flush])
    result
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
