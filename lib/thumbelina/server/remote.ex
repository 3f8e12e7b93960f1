defmodule Thumbelina.Server.Remote do
  @moduledoc false
  # Pictures of other servers: a URL is opened, and its body is an enumerable of pieces that are
  # read as they are consumed, by the process that consumes them.
  #
  # The client is made of sockets and the VM's parser for HTTP, and not of `:httpc`. That one holds
  # headers, and the bodies of answers other than 200, in memory without a limit; and its
  # processes do not end with the one that waits for them. Here there are no processes.
  #
  # What a URL can reach is checked before each connection, also after redirects. The connection
  # goes to an address that was checked: see `Destination`.

  alias __MODULE__.{Body, Connection, Destination, Failed, Head, URL}

  # `url` is where the picture was in the end.
  @type t :: %__MODULE__{
          url: String.t(),
          content_type: String.t() | nil,
          etag: String.t() | nil,
          last_modified: String.t() | nil,
          body: Body.t()
        }
  @type config :: %{
          optional(:allow_hosts) => [String.t()],
          optional(:allow_ports) => [1..65_535],
          optional(:allow_private) => boolean,
          optional(:max_bytes) => non_neg_integer,
          optional(:connect_timeout) => non_neg_integer,
          optional(:timeout) => non_neg_integer,
          optional(:max_redirects) => non_neg_integer,
          optional(:resolver) => (String.t() -> {:ok, [:inet.ip_address()]} | {:error, term}),
          optional(:cacerts) => [term] | nil,
          optional(atom) => term
        }

  @derive {Inspect, except: [:body]}
  @enforce_keys [:url, :body]
  defstruct [:url, :content_type, :etag, :last_modified, :body]

  @defaults %{
    allow_hosts: [],
    allow_ports: [80, 443],
    allow_private: false,
    max_bytes: 64 * 1024 * 1024,
    connect_timeout: 5_000,
    timeout: 30_000,
    max_redirects: 3,
    resolver: &Destination.look_up/1,
    cacerts: nil
  }

  @doc """
  Opens a URL. The picture is an enumerable of binaries, for one who reads it once. Whoever does
  not read it closes it.

  `timeout` is for all of it, reading included. An error has the HTTP status to answer with, and a
  message. The pieces raise the same as `Failed`.
  """
  @spec open(term, config) :: {:ok, t} | {:error, {400..599, String.t()}}
  def open(url, config) do
    config = Map.merge(@defaults, config)
    deadline = System.monotonic_time(:millisecond) + config.timeout

    case URL.parse(url) do
      {:ok, url} -> follow(url, config, deadline, config.max_redirects)
      {:error, message} -> {:error, {400, message}}
    end
  end

  @doc "Closes a picture that is not read, or not to its end. It may be closed already."
  @spec close(t) :: :ok
  def close(%__MODULE__{body: body}), do: Connection.close(body.connection)

  defp follow(url, config, deadline, redirects) do
    time_left = fn -> Connection.time_left(deadline) end

    with {:ok, addresses} <- Destination.addresses(url, config, time_left),
         {:ok, connection} <- Connection.open(addresses, url, config, deadline) do
      case get(connection, url, config.max_bytes) do
        {:ok, remote} ->
          {:ok, remote}

        {:redirect, location} ->
          Connection.close(connection)
          redirect(url, location, config, deadline, redirects)

        {:error, error} ->
          Connection.close(connection)
          {:error, error}
      end
    end
  end

  defp redirect(_url, _location, _config, _deadline, 0),
    do: {:error, {502, "the server redirects too often"}}

  defp redirect(url, location, config, deadline, redirects) do
    case URL.resolve(url, location) do
      {:ok, url} -> follow(url, config, deadline, redirects - 1)
      {:error, message} -> {:error, {502, "the server redirects to a wrong URL: " <> message}}
    end
  end

  defp get(connection, url, max_bytes) do
    with :ok <- Connection.send(connection, request(url)),
         {:ok, head, buffer} <- Head.read(connection),
         :ok <- status(head),
         {:ok, body} <- Body.new(head, connection, buffer, max_bytes) do
      {:ok,
       %__MODULE__{
         url: to_string(url),
         content_type: Head.value(head, "content-type"),
         etag: Head.value(head, "etag"),
         last_modified: Head.value(head, "last-modified"),
         body: body
       }}
    end
  end

  defp request(url) do
    [
      ["GET ", url.target, " HTTP/1.1\r\nHost: ", URL.authority_of(url)],
      "\r\nUser-Agent: Thumbelina\r\nAccept: */*\r\nAccept-Encoding: identity",
      "\r\nConnection: close\r\n\r\n"
    ]
  end

  defp status(%{status: 200}), do: :ok

  defp status(%{status: status} = head) when status in [301, 302, 303, 307, 308] do
    case Head.values(head, "location") do
      [location] -> {:redirect, location}
      _ -> {:error, {502, "the server redirects to nowhere"}}
    end
  end

  defp status(%{status: status}) when status in [404, 410],
    do: {:error, {404, "the server has no such picture"}}

  defp status(%{status: status}), do: {:error, {502, "the server answers with #{status}"}}

  defimpl Enumerable do
    # A connection is read once, and says nothing about the rest of its bytes.
    def count(_remote), do: {:error, __MODULE__}
    def member?(_remote, _piece), do: {:error, __MODULE__}
    def slice(_remote), do: {:error, __MODULE__}

    def reduce(remote, acc, fun) do
      close = fn _body -> Thumbelina.Server.Remote.close(remote) end

      fn -> remote.body end
      |> Stream.resource(&next/1, close)
      |> Enumerable.reduce(acc, fun)
    end

    defp next(body) do
      case Body.next(body) do
        {:ok, piece, body} -> {[piece], body}
        :done -> {:halt, body}
        {:error, {status, message}} -> raise Failed, status: status, message: message
      end
    end
  end
end
