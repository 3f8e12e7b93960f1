defmodule Thumbelina.Plug do
  @moduledoc """
  What `Thumbelina.Server` answers, as a plug: for Phoenix, and for Bandit and Cowboy without it.

  The server is started without sockets, under a name, by your own supervisor and before whatever
  has the plug. It counts the pictures in progress and the requests, and keeps the secrets.

      children = [
        {Thumbelina.Server, listen: false, name: MyApp.Pictures, root: "priv/pictures"},
        MyAppWeb.Endpoint
      ]

  Then, in a router of Phoenix, in one of `Plug.Router`, or in any other pipeline:

      forward "/pictures", Thumbelina.Plug, server: MyApp.Pictures
      forward "/pictures", to: Thumbelina.Plug, init_opts: [server: MyApp.Pictures]
      plug Thumbelina.Plug, server: MyApp.Pictures

  The picture `cats/tom.jpg` is at `/pictures/thumbnail/300x200/cats/tom.jpg`. All options but those
  of sockets are the server's, see `Thumbelina.Server`. The plug's only option is `:server`, the
  name. If no server of this name runs, a request raises `ArgumentError`.

  Plug is not a dependency of this library, and has to be there only when the plug is called.

  ## Paths

  The plug answers everything below the path where it is mounted, with 404 what it does not know,
  and halts. It takes what follows that path, as it was sent: `Thumbelina.URL` makes such URLs with
  `base: "/pictures"`. Signatures are over what follows, so that they hold wherever the plug is
  mounted. `/health` and `/metrics` are below that path, too: who may see them is up to your router.

  The page is at that path with a slash behind it, `/pictures/`, where the path without one leads.

  ## Bodies

  Whatever reads the body of a `POST` before leaves nothing for the plug. `Plug.Parsers` reads those
  that are sent as forms, which is what `curl --data-binary` says if it is not told otherwise, and
  with `pass: ["*/*"]` leaves others alone. So clients send `content-type: image/jpeg`, or any other
  type that is not a form, or the plug comes before the parsers. The form of an edit is the
  exception: `multipart/form-data` that `Plug.Parsers` has read is taken as it has read it.

  Bandit compresses responses without an `ETag`, such as thumbnails of bodies, if the client takes
  that. Pictures do not get smaller by it: `http_options: [compress: false]`.

  Pieces are read with a `:read_timeout` of what is left of `:body_timeout`. If this is over between
  two pieces, the status is 408; if a read fails, it is 400, unless the adapter raises or ends the
  process. How long a client may take for a single piece is up to the adapter. When a picture is
  refused, the rest of its body is left to the adapter: it reads and drops some of it, or closes the
  connection.

  ## Clients that hang up

  When the process of the request ends, so does the work. Cowboy ends that process when the client
  hangs up, over HTTP/1.1 and HTTP/2. Bandit notices it when it reads from the connection or writes
  to it: while a body comes, but not while its thumbnail is made, which is then done to its end, or
  until `:timeout` is up.
  """

  alias Thumbelina.Server
  alias Thumbelina.Server.{Body, Handler, Request, Response}

  # Only called, so that it does not matter which of the two is compiled first.
  @compile {:no_warn_undefined, Plug.Conn}

  @typedoc "A `Plug.Conn`."
  @type conn :: %{:__struct__ => Plug.Conn, optional(atom) => term}

  @doc """
  Checks the options, when the router is compiled or when it starts.

  Returns plain data. Raises `ArgumentError` for anything but a name as `:server`.

  ## Examples

      iex> Thumbelina.Plug.init(server: MyApp.Pictures)
      MyApp.Pictures
  """
  @spec init(keyword) :: atom
  def init(server: server) when is_atom(server) and server not in [nil, true, false], do: server

  def init(opts) do
    raise ArgumentError,
          "expected Thumbelina.Plug to have the name of a Thumbelina.Server, such as " <>
            "server: MyApp.Pictures, got: #{inspect(opts)}"
  end

  @doc """
  Answers the request, and halts.

  Raises `ArgumentError` if the server does not run.
  """
  @spec call(conn, atom) :: conn
  def call(conn, server) do
    case Server.fetch_config(server) do
      {:ok, config} -> if bare?(conn, config), do: to_page(conn), else: answer(conn, config)
      :error -> raise ArgumentError, not_running(server)
    end
  end

  # The page names its files from where it is, which has to end in a slash.
  defp bare?(conn, config) do
    config.page and conn.path_info == [] and conn.method in ["GET", "HEAD"] and
      not String.ends_with?(conn.request_path, "/")
  end

  defp to_page(conn) do
    page = conn.request_path |> String.split("/") |> List.last()

    conn
    |> Plug.Conn.put_resp_header("location", "./" <> page <> "/")
    |> Plug.Conn.send_resp(308, "")
    |> Plug.Conn.halt()
  end

  defp not_running(server) do
    "Thumbelina.Plug needs a server that does not run: start " <>
      "{Thumbelina.Server, listen: false, name: #{inspect(server)}} under a supervisor, before " <>
      "the endpoint"
  end

  # A conn changes when a piece of its body is read, and the last one sends the response.
  defp answer(conn, config) do
    key = {__MODULE__, make_ref()}
    Process.put(key, conn)

    try do
      body = parsed(conn) || body(key, config)
      response = conn |> request(body) |> Handler.whole(config)
      key |> Process.get() |> respond(response)
    after
      Process.delete(key)
    end
  end

  defp request(conn, body) do
    %Request{
      method: conn.method,
      path: path(conn),
      query: conn.query_string,
      headers: conn.req_headers,
      body: body
    }
  end

  # The end of the path as it came, with so many segments as are left. What is before them may not
  # be `script_name`, which can have a prefix that a proxy took away.
  defp path(%{request_path: "/" <> path, path_info: left}) do
    segments = String.split(path, "/")
    before = Enum.count(segments, &(&1 != "")) - length(left)
    # If there are more, somebody has changed them.
    "/" <> Enum.join(if(before < 0, do: left, else: below(segments, before)), "/")
  end

  # Such as the `*` of `OPTIONS`.
  defp path(%{request_path: path}), do: path

  defp below(segments, 0), do: segments
  defp below(["" | segments], count), do: below(segments, count)
  defp below([_segment | segments], count), do: below(segments, count - 1)

  # What `Plug.Parsers` has made of a form: strings, and uploads in files.
  defp parsed(%{body_params: %{} = params} = conn) when not is_struct(params) do
    type = conn |> Plug.Conn.get_req_header("content-type") |> List.first("")

    if type |> String.downcase() |> String.starts_with?("multipart/form-data"),
      do: {:form, Enum.flat_map(params, &part/1)}
  end

  defp parsed(_conn), do: nil

  defp part({name, %{path: path}}) when is_binary(path), do: [{name, {:file, path}}]
  defp part({name, text}) when is_binary(text), do: [{name, text}]
  # Names with brackets become lists and maps, which nothing here has.
  defp part({name, _other}), do: [{name, ""}]

  defp body(key, config) do
    Stream.resource(
      fn -> now() + config.body_timeout end,
      fn
        :done -> {:halt, :done}
        deadline -> piece(key, deadline, deadline - now())
      end,
      fn _ -> :ok end
    )
  end

  defp piece(_key, _deadline, left) when left <= 0, do: too_slow()

  defp piece(key, deadline, left) do
    opts = [length: Body.piece(), read_length: Body.piece(), read_timeout: left]

    case key |> Process.get() |> Plug.Conn.read_body(opts) do
      {:ok, piece, conn} ->
        Process.put(key, conn)
        {[piece], :done}

      {:more, piece, conn} ->
        Process.put(key, conn)
        {[piece], deadline}

      {:error, :timeout} ->
        too_slow()

      {:error, _reason} ->
        raise Body.Failed, status: 400, reason: :bad_request, message: "the body was cut off"
    end
  end

  @spec too_slow :: no_return
  defp too_slow do
    raise Body.Failed,
      status: 408,
      reason: :request_timeout,
      message: "the body did not come in time"
  end

  defp now, do: System.monotonic_time(:millisecond)

  # The adapter knows the length. Plug's own `cache-control` is for pages.
  defp respond(conn, %Response{} = response) do
    response.headers
    |> List.keydelete("content-length", 0)
    |> Enum.reduce(Plug.Conn.delete_resp_header(conn, "cache-control"), &put/2)
    |> Plug.Conn.send_resp(response.status, response.body)
    |> Plug.Conn.halt()
  end

  # Others may have said already what their part of the response varies with.
  defp put({"vary", value}, conn) do
    values = Plug.Conn.get_resp_header(conn, "vary") ++ [value]
    Plug.Conn.put_resp_header(conn, "vary", Enum.join(values, ", "))
  end

  defp put({name, value}, conn), do: Plug.Conn.put_resp_header(conn, name, value)
end
