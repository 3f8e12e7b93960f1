defmodule Thumbelina.Server do
  @moduledoc """
  An HTTP server for thumbnails, on OTP's httpd.

      children = [{Thumbelina.Server, port: 4000, root: "priv/pictures"}]

      curl -o thumb.jpg "localhost:4000/thumbnail/300x200/cats/tom.jpg?fit=cover"
      curl -o thumb.png --data-binary @tom.tiff "localhost:4000/thumbnail/300?format=png"

  `mix thumbelina.server` starts one from the command line. By default it listens on the loopback
  address only: it is meant to stand behind a proxy or a CDN that keeps what it made.

  It needs OTP's `:inets` and `:crypto`, and `:ssl` and `:public_key` for HTTPS. They are not
  dependencies of this library, so list them in the `extra_applications` of your own `mix.exs`.

  In Phoenix, or with Bandit or Cowboy, `Thumbelina.Plug` answers the same requests. Then it is
  started with `listen: false`, and needs no `:inets`.

  ## Routes

    * `GET /thumbnail/SIZE/PATH` - the thumbnail of a picture under the root. The size is `300x200`,
      `300` for a square box, or `300x` or `x200` to leave one side open
    * `GET /thumbnail/SIZE?url=URL` - the thumbnail of a picture of another server, one of
      `:allow_hosts`
    * `POST /thumbnail/SIZE` - the thumbnail of the picture in the body, which is worked on while
      it comes
    * `GET /edit/PATH?edit=STEPS` - a picture under the root after [steps](#module-edits)
    * `GET /edit?edit=STEPS&url=URL` - one of another server
    * `POST /edit?edit=STEPS` - the picture in the body
    * `POST /edit` - the picture of a form, `multipart/form-data`, with the steps in a part `edit`
      and the picture in a part `picture`
    * `/explain/...` instead of `/thumbnail/...` - what making the thumbnail would take, as JSON:
      the fields of `Thumbelina.Plan`. `POST /explain` is that of `POST /edit`
    * `GET /info/PATH`, `POST /info` - JSON: what the picture's header says, `format`, `width` and
      `height` as shown, `orientation`, `frames`, `color_space`, `alpha` and `profile`, as in
      `Thumbelina.Info`, and `bytes`, but nothing of EXIF; its average `color`, `"#rrggbb"`; and a
      `placeholder`, a tiny picture as a data URI. These are `:color` and `:lqip` of
      `Thumbelina.placeholder/3`, made of one decode
    * `GET /health` - the status 200, as long as the server runs
    * `GET /metrics` - counters for Prometheus: requests by route and status, their times, pictures
      in progress, requests refused, and clients that hung up
    * `GET /` - [a page](#module-the-page) to try it

  `HEAD` works wherever `GET` does. The parameters of a thumbnail are

    * `fit`, `position`, `enlarge`, `background`, `dpr`, `linear`, `autorotate`, `trim`, `format`,
      `quality`, `color`, `progressive`, `subsampling`, `optimize_coding`, `compression`, `colors`,
      `dither`, `max_bytes`, `filter`, `on_damage` - as in `Thumbelina.thumbnail/4`. A position that
      is a point is written `0.3,0.7`. The format can also be given by a file extension, or be
      `auto`
    * `metadata` - as there, `strip`, `keep` or parts such as `copyright,icc`. Of pictures that are
      not in the body, only what the option `:metadata` allows
    * `filename` - the name under which a browser saves it. The extension is that of the format
    * `expires` - the Unix time from which on the URL gets the status 410
    * `s` - the signature, if there are `:keys`. Infos take `expires` and `s` too
    * `url` - where the picture is, percent-encoded

  Other parameters, or one given twice, are errors, so that every thumbnail has few URLs.

  ## Edits

  Steps are those of `Thumbelina.edit/2`, up to 32, as a line of text or as JSON:

      crop:0,0,400,400|resize:200x|rotate:5,background=white|grayscale

      [
        {"crop": [0, 0, 400, 400]},
        {"resize": [200, null]},
        {"rotate": {"value": 5, "background": "white"}},
        {"grayscale": true},
        {"format": "webp"}
      ]

  In a URL they are percent-encoded, as httpd wants it: `|` is `%7C`. The text is that of
  `mix thumbelina --edit`. JSON is a list of objects of one member, the step.
  Its value is what `Thumbelina.edit/2` takes, where a tuple is a list and an atom a string; with
  options, it is an object that has it as `value`. Parameters of a thumbnail can stand among the
  steps, or in the URL, but not in both.

      curl -o soft.webp --data-binary @tom.jpg \\
        "localhost:4000/edit?edit=resize:400x%7Cblur:2&format=webp"
      curl -o soft.webp -F 'edit=[{"resize": [400, null]}, {"blur": 2}, {"format": "webp"}]' \\
        -F picture=@tom.jpg localhost:4000/edit

  An overlay is the path of a picture under the root; or, of a `POST`, a URL of `:allow_hosts`, or
  `form:NAME`, a part of the form. There are at most four.

  What is wrong is an error with the status 400 that names the step. With `:sizes`, all sizes of
  resizes have to be among them. With `:keys`, the steps have to be in the URL, because no signature
  is over a body.

  ## The page

  `GET /` is a page to try the server in a browser: it shows what becomes of a picture that is
  dropped, pasted or chosen, in several sizes, all fits and several formats, with the bytes and
  milliseconds of each; positions, and a focal point to drag; a list of steps to put together, with
  the picture that they make, where each of them is done, and the same as Elixir, as JSON, for curl
  and as a URL; the original and the thumbnail side by side; and the plan. It loads nothing from
  elsewhere, runs nothing inline (its `Content-Security-Policy` says so), and works below any path,
  as long as that ends with a slash.

  It also shows how late timers are on the node next to thumbnails. For this it has a route of its
  own, `POST /lateness?load=normal&ms=250`: a process sleeps for 1 ms again and again, and the
  answer has by how many microseconds it woke late each time, as `{"late": [...]}`. Meanwhile as
  many processes as there are schedulers make thumbnails of the picture in the body, on `normal` or
  `dirty` schedulers, each in one of the `:max_concurrency` places; or none do, with `load=none`. It
  takes at most 1,000 ms, and ends when the client hangs up. Requests from pages of other sites get
  the status 403.

  The page is there unless there are `:keys`, `:sizes` or `:qualities`: it signs nothing, and asks
  for sizes and qualities of its own. `page: true` and `page: false` override that. Without it, `/`,
  `/page/...` and `/lateness` get the status 404.

  ## The URLs of imgproxy

  With `imgproxy: true`, paths that are none of the above are read as imgproxy reads them, with
  signatures by `:imgproxy_keys`: whoever has such URLs only changes the host name.

      /SIGNATURE/rs:fill:300:200/q:70/plain/local:///cats/tom.jpg@webp
      /SIGNATURE/w:300/aHR0cHM6Ly9pbWFnZXMuZXhhbXBsZS5jb20vdG9tLmpwZw.png

  Sources are files under the root, and URLs of `:allow_hosts`. Options, by their short or long
  names, and the arguments that are accepted where not all are:

  #{Thumbelina.Server.Imgproxy.Table.docs()}

  Any other option, or argument, is an error with the status 400 that names it. A wrong signature
  is one with 403, a URL that has expired with 404.

  ## Pictures of other servers

  They are fetched with GET, over HTTP or HTTPS with a verified certificate, with at most three
  redirects, within `:timeout` and `:max_file_bytes`. Before each connection the name is looked up
  once, and all its addresses must be public, unless `allow_private: true` is given; the connection
  goes to one of these. The answer has an `ETag` if the other server sends one, or a date.

  ## Formats

  With `auto`, the header `Accept` decides together with the picture. Thumbnails of pictures without
  alpha are JPEGs, unless the client refuses those. Those with alpha are WebPs if the client names
  `image/webp`, and otherwise PNGs: WebP is written without loss, which is smaller than PNG, but
  for photographs far larger than JPEG. With `avif: true`, clients that name `image/avif` get that,
  if the thumbnail has at most 500,000 pixels. Weights (`q=0.5`) are multiplied with this order of
  preference. The response has `Vary: Accept`.

  ## Caches

  Thumbnails and infos of files have `Cache-Control`, `ETag` and `Last-Modified`, and
  `If-None-Match` and `If-Modified-Since` are answered with the status 304 before any work. The tag
  is a digest of what was asked and of the file's size, times and inode. What comes from a body or
  from a file that was written in the last two seconds, and all errors, have
  `Cache-Control: no-store`.

  ## Errors

  An error is a JSON object with the `error`, such as `"invalid_option"`, and a `message` for
  people.

    * 400 - a size, option or request that makes no sense
    * 403 - the URL is not signed, or the size or quality is not one of those allowed
    * 404 - there is no such picture. Files outside of the root and hidden ones do not exist
    * 405 - the method is not in `Allow`
    * 410 - the URL has expired
    * 408 - the body did not come within `:body_timeout`. Only `Thumbelina.Plug` says so
    * 411 - the body has no `Content-Length`. `Thumbelina.Plug` takes it
    * 413 - more bytes, pixels or memory than allowed
    * 415 - not a picture, or a format that is not read or not allowed
    * 422 - the picture is damaged or cut off
    * 502 - another server did not send the picture
    * 503 - `:max_concurrency` pictures are worked on when the request comes, or when a piece of its
      body does; or the system has no more memory or files. `Retry-After` is 1
    * 504 - it took longer than `:timeout`

  What httpd does not understand it answers itself, with a page in HTML: 400, 411, 413 and 414 for
  heads and lengths that are wrong or too long, 408 and 503 for clients that are too slow or too
  many, 417, 501 and 505 for expectations, methods and versions that it does not know.

  ## Options

  #{Thumbelina.Server.Config.docs()}
  If there is a `Thumbelina.Store` under its usual name on the node, thumbnails and edits go through
  it, and the color and placeholder of infos: each is made once in the whole cluster. Its keys are
  digests of all bytes, so that bodies are collected then, before they are worked on.

  ## Bodies

  The body of a `POST` for a thumbnail is worked on in pieces of 64 KiB as it comes, if it is longer
  than that. JPEG, PNG, GIF, QOI and the uncompressed formats are decoded piece by piece, and what
  has been used is released; the others are collected, see `t:Thumbelina.source/0`. `/info` collects
  all of it, because it tells the number of bytes.

  As soon as it is known that there will be no thumbnail, the response is sent: after the head of
  the request if that is wrong, or says that there are more than `:max_body_bytes`; after the
  picture's header if its format or size is not allowed; and where the picture is damaged. What the
  client still sends is read by httpd within `:body_timeout`, and dropped. After a refusal by the
  head httpd reads the body first, and the connection goes on; after one of the others it is closed.

  ## Clients that are slow, or leave

  A slow client occupies a connection, but none of the `:max_concurrency` places: while a piece of
  its body is awaited, the place is free for others, and so is the time of `:timeout`. If all places
  are taken when the piece has come, the request ends with 503. A client has `:keep_alive_timeout`
  for the head, `:body_timeout` for the body, and `:send_timeout` for taking each part of the
  response.

  A picture that is decoded piece by piece occupies the memory of its thumbnail meanwhile, at most
  `:max_memory`; one that is collected occupies up to `:max_body_bytes`. Keep the product with
  `:max_clients` in mind.

  When a client hangs up, the work stops: when the next piece would be read, or at once if its body
  was there as a whole. The latter is not noticed of clients that send their next request before
  they have the response. The time of a hang-up behind `Thumbelina.Plug` depends on what serves it.
  """

  use Supervisor

  alias Thumbelina.Error
  alias Thumbelina.Server.{Config, Gate, Httpd, Metrics}

  @doc false
  def child_spec(opts) do
    id = with true <- Keyword.keyword?(opts), name when name != nil <- opts[:name], do: name
    id = if is_boolean(id) or id == nil, do: __MODULE__, else: id
    %{id: id, start: {__MODULE__, :start_link, [opts]}, type: :supervisor}
  end

  @doc """
  Starts a server, and links it to the caller.

  Fails with an error like `:invalid_option` or `:eaddrinuse`, and with a text if a part of OTP is
  missing.

  ## Examples

      iex> {:ok, server} = Thumbelina.Server.start_link(port: 0, root: "test/fixtures")
      iex> Thumbelina.Server.port(server) > 0
      true
      iex> Supervisor.stop(server)
      :ok

      iex> {:error, error} = Thumbelina.Server.start_link(port: "http")
      iex> {error.reason, error.key}
      {:invalid_option, :port}
  """
  @spec start_link(keyword) :: {:ok, pid} | {:error, Error.t() | String.t() | term}
  def start_link(opts) do
    with {:ok, config, listener} <- Config.server(opts),
         :ok <- start_otp(listener) do
      names = if listener.name, do: [name: listener.name], else: []

      case Supervisor.start_link(__MODULE__, {config, listener}, names) do
        {:error, {:shutdown, {:failed_to_start_child, Httpd, reason}}} -> {:error, reason}
        result -> result
      end
    end
  end

  # httpd does not need the application `:inets` to run, only to be there.
  defp start_otp(%{listen: false}), do: start_applications([:crypto])

  defp start_otp(listener) do
    case Application.load(:inets) do
      result when result in [:ok, {:error, {:already_loaded, :inets}}] ->
        start_applications([:crypto | if(listener.tls, do: [:ssl], else: [])])

      _ ->
        missing(:inets)
    end
  end

  defp start_applications(applications) do
    Enum.find_value(applications, :ok, fn application ->
      with {:error, _} <- Application.ensure_all_started(application),
           do: missing(application),
           else: (_ -> nil)
    end)
  end

  defp missing(application) do
    {:error,
     "Thumbelina.Server needs OTP's #{inspect(application)}: " <>
       "add it to the extra_applications in your mix.exs"}
  end

  @doc """
  The port that a server listens on.

  Raises `ArgumentError` for one with `listen: false`.

  ## Examples

      iex> {:ok, server} = Thumbelina.Server.start_link(port: 0)
      iex> Thumbelina.Server.port(server) in 1..65_535
      true
      iex> Supervisor.stop(server)
      :ok
  """
  @spec port(Supervisor.supervisor()) :: :inet.port_number()
  def port(server) do
    case for {Httpd, pid, _, _} <- Supervisor.which_children(server), do: pid do
      [httpd] -> Httpd.port(httpd)
      [] -> raise ArgumentError, "the server #{inspect(server)} does not listen"
    end
  end

  @doc false
  # The configuration of a server with a name, if it runs.
  @spec fetch_config(atom) :: {:ok, Config.t()} | :error
  def fetch_config(name) do
    [{:config, config}] = :ets.lookup(table(name), :config)
    {:ok, config}
  rescue
    ArgumentError -> :error
  end

  # A table ends with the process that made it, which is the server's supervisor.
  defp table(name), do: Module.concat(__MODULE__, name)

  @impl true
  def init({config, listener}) do
    config = %{config | live: Metrics.new()}
    if listener.name, do: publish(config, listener.name)

    # A connection that is sending a response gets some seconds.
    httpd = Supervisor.child_spec({Httpd, {config, listener}}, shutdown: 15_000)
    gate = {Gate, {config.live, config.max_concurrency}}
    Supervisor.init([gate | if(listener.listen, do: [httpd], else: [])], strategy: :rest_for_one)
  end

  # For `Thumbelina.Plug`, which knows no more than the name.
  defp publish(config, name) do
    table = :ets.new(table(name), [:named_table, read_concurrency: true])
    :ets.insert(table, {:config, config})
  end
end
