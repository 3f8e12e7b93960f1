defmodule Thumbelina.Store do
  @moduledoc """
  A store for results: one in a cluster, bounded by bytes, in memory and, if you like, on disk.

      children = [
        {Thumbelina.Store, max_bytes: 268_435_456, dir: "/var/cache/thumbs"}
      ]

  Every node that starts this child is a candidate, and one of them holds the store. The others keep
  copies of what they read near, for some time. Whichever node asks, `fetch/3` computes a value
  once:

      def show(conn, %{"id" => id}) do
        photo = Photos.read!(id)

        with {:ok, key} <- Thumbelina.Store.key(photo, 200, 200),
             {:ok, thumb} <-
               Thumbelina.Store.fetch(key, fn -> Thumbelina.thumbnail(photo, 200, 200) end) do
          conn
          |> put_resp_content_type(Thumbelina.Image.mime(thumb), nil)
          |> send_resp(200, thumb.bytes)
        end
      end

  A key can be any term. If a picture has an id that changes whenever the picture does, a key like
  `{:photo, id, 200, 200}` saves reading and digesting it.

  ## What it promises

    * **Memory is bounded.** The values on the node that holds the store count at most `:max_bytes`
      bytes, the copies on any other node at most `:near_bytes`, the files at most `:dir_bytes`.
      What has not been used for the longest time goes first. An image or a binary counts its bytes,
      any other term the size of its external format, and each 512 bytes more.
    * **A value is computed once** while the store answers, however many processes on however many
      nodes ask for it at the same time. If the process that computes it dies, raises, throws or
      exits, the next one that waits computes it.
    * **Nobody waits for ever.** If the store's node dies, another candidate takes over, with the
      copies it has near and what is in its own directory, and callers go on with that one. A store
      that does not answer for 5 seconds is taken to be away, and asked again by one process only,
      until it answers. While there is no store to ask, each candidate node stands in with its near
      cache, and computes once for its own callers. On a node without the child, `fetch/3` then just
      runs the function, `get/2` is `:error`, and `put/3` and `delete/2` do nothing.
    * **After a netsplit**, each side has a store of its own. When it heals, one of the two steps
      down: who waits for something there still gets it, and its memory is emptied.
    * **Reading does not wait for writing.** Values are read from ETS, and from files by the process
      that wants them.

  ## What it does not promise

    * **To remember.** It is a cache, and may forget anything at any time.
    * **To be up to date on all nodes.** After a `put/3` or `delete/2`, other nodes may read the
      older value from their near cache for up to `:near_ttl`, by default a minute, and it may come
      back with a node that takes over later, or from the other side of a netsplit.
      With keys that are digests of content, as `key/4` makes them, an old value is a right value.
    * **To talk with other versions.** All candidates must run the same version of Thumbelina.
      Another one's requests may crash the store, which then begins anew.
    * **To keep secrets.** Whoever may write to the directory decides what is read from it. Give
      each node a directory of its own, that only its user may write to. Files are checked by a
      digest, against damage.
  """

  use Supervisor

  alias Thumbelina.{Error, Request, Telemetry}
  alias Thumbelina.Store.{Client, Config, Disk, Election, Key, Server}

  @typedoc """
  Options of the child spec.

  #{Config.docs()}
  """
  @type options :: unquote(Config.type())

  @typedoc """
  What the store says of itself.

    * `:node` - the node that holds it
    * `:role` - `:holder`, or `:candidate` if that node only stands in for a store that is not there
    * `:entries`, `:bytes`, `:max_bytes` - what is in memory
    * `:hits`, `:misses` - how many reads found something, in memory or in a file, and how many did
      not. Reads from the near cache of another node do not get here
    * `:files`, `:file_bytes` - what is on disk
  """
  @type info :: %{
          node: node,
          role: :holder | :candidate,
          entries: non_neg_integer,
          bytes: non_neg_integer,
          max_bytes: pos_integer,
          hits: non_neg_integer,
          misses: non_neg_integer,
          files: non_neg_integer,
          file_bytes: non_neg_integer
        }

  @typedoc "Which store: its `:name`, by default `Thumbelina.Store`."
  @type which :: [name: atom]

  @doc """
  Starts a candidate. Usually a supervisor does that, by the child spec `{Thumbelina.Store, opts}`.

  Fails with `:invalid_option`, or with a posix reason if the directory cannot be made.

  ## Examples

      iex> {:ok, _pid} = Thumbelina.Store.start_link(name: :small, max_bytes: 1_000_000)
      iex> Thumbelina.Store.put(:a, "value", name: :small)
      iex> Thumbelina.Store.get(:a, name: :small)
      {:ok, "value"}

      iex> {:error, error} = Thumbelina.Store.start_link(max_bytes: 0)
      iex> {error.reason, error.key}
      {:invalid_option, :max_bytes}
  """
  @spec start_link(options) :: Supervisor.on_start() | {:error, Error.t()}
  def start_link(opts \\ []) do
    with {:ok, config} <- Config.new(opts),
         disk = Disk.new(config),
         :ok <- Disk.prepare(disk),
         do: Supervisor.start_link(__MODULE__, {config, disk}, name: config.name)
  end

  @doc false
  def child_spec(opts) do
    id = if Keyword.keyword?(opts), do: Keyword.get(opts, :name, __MODULE__), else: __MODULE__
    %{id: id, start: {__MODULE__, :start_link, [opts]}, type: :supervisor}
  end

  @impl true
  def init({config, disk}) do
    disks = if disk, do: [{Disk, disk}], else: []

    # What comes later asks what came before who it is.
    Supervisor.init(disks ++ [{Server, {config, disk}}, {Election, config.name}],
      strategy: :rest_for_one
    )
  end

  @doc """
  Reads a value.

  Returns `:error` if it is not there, or if there is no store.

  ## Examples

      iex> Thumbelina.Store.get(:unknown)
      :error
  """
  @spec get(term, which) :: {:ok, term} | :error
  def get(key, opts \\ []), do: Client.read(name(opts), Key.id(key))

  @doc """
  Stores a value, in place of an older one.

  A value that counts more than `:max_bytes` is only kept on disk, one that makes a file of more
  than `:dir_bytes` only in memory. Returns `:ok` in any case. Values of any kind can be stored, but
  pids, references, ports and functions mean nothing after a restart.

  ## Examples

      iex> thumb = Thumbelina.thumbnail!(Thumbelina.open!("test/fixtures/photo.jpg"), 50, 50)
      iex> Thumbelina.Store.put({:photo, 1}, thumb)
      iex> Thumbelina.Store.get({:photo, 1}) == {:ok, thumb}
      true
  """
  @spec put(term, term, which) :: :ok
  def put(key, value, opts \\ []), do: Client.put(name(opts), Key.id(key), value)

  @doc """
  Reads a value, or computes it.

  The function runs in one of the processes that ask for the key, and that process gets what it
  returns. All others in the cluster wait for it, and get the same. If that is `{:ok, value}`, the
  value is stored; anything else is not. If the function raises, throws or exits, that reaches its
  own process only, and the next one runs its function. A function that itself fetches the same key
  computes it.

  ## Options

    * `:name` - which store
    * `:timeout` (milliseconds, or `:infinity`; default `60_000`) - how long to wait for another
      process that computes the value. After that, the value is computed here too

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, key} = Thumbelina.Store.key(image, 50, 50)
      iex> make = fn -> Thumbelina.thumbnail(image, 50, 50) end
      iex> {:ok, thumb} = Thumbelina.Store.fetch(key, make)
      iex> {thumb.width, thumb.height}
      {50, 33}

      iex> Thumbelina.Store.fetch(:bad, fn -> {:error, :no_picture} end)
      {:error, :no_picture}
      iex> Thumbelina.Store.get(:bad)
      :error
  """
  @spec fetch(term, (... -> result), name: atom, timeout: timeout) :: {:ok, term} | result
        when result: term
  def fetch(key, fun, opts \\ [])

  def fetch(key, fun, opts) when is_function(fun, 0) do
    opts = validated(opts, name: __MODULE__, timeout: 60_000)
    name = name(name: opts[:name])

    Telemetry.span(:store, %{name: name, key: key}, fn ->
      computed = :counters.new(1, [])

      counted = fn ->
        :counters.add(computed, 1, 1)
        fun.()
      end

      result = Client.fetch(name, Key.id(key), counted, timeout(opts[:timeout]))
      {result, %{}, %{computed: :counters.get(computed, 1) > 0}}
    end)
  end

  def fetch(_key, fun, _opts),
    do: raise(ArgumentError, "expected a function without arguments, got: #{inspect(fun)}")

  @doc """
  Forgets a value, in memory, on disk, and near this node.

  ## Examples

      iex> Thumbelina.Store.put(:old, 1)
      iex> Thumbelina.Store.delete(:old)
      iex> Thumbelina.Store.get(:old)
      :error
  """
  @spec delete(term, which) :: :ok
  def delete(key, opts \\ []), do: Client.delete(name(opts), Key.id(key))

  @doc """
  Says what is in the store, and where it is.

  Returns `:error` if there is no store, or if it does not answer.

  ## Examples

      iex> Thumbelina.Store.put(:a, "12345")
      iex> {:ok, info} = Thumbelina.Store.info()
      iex> {info.node == node(), info.entries, info.bytes}
      {true, 1, 517}

      iex> Thumbelina.Store.info(name: :nowhere)
      :error
  """
  @spec info(which) :: {:ok, info} | :error
  def info(opts \\ []), do: Client.info(name(opts))

  @doc """
  A key for one thumbnail, as `Thumbelina.thumbnail/4` would make it.

  It is a digest of the picture's bytes and of what is asked: the size, and all options that can
  change the result, with their defaults and the configuration filled in. `:timeout`, `:scheduler`,
  `:priority` and `:max_memory` are not among them. Other versions of Thumbelina make other keys.

  Fails with `:invalid_option` for a wrong size or option, or if the picture is not an image, a
  binary or iodata: pictures in pieces can be read only once.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, key} = Thumbelina.Store.key(image, 200, 200)
      iex> byte_size(key)
      32
      iex> Thumbelina.Store.key(image.bytes, 200.0, 200, quality: 80) == {:ok, key}
      true
      iex> Thumbelina.Store.key(image, 200, 200, quality: 81) == {:ok, key}
      false
  """
  @spec key(
          Thumbelina.Image.t() | iodata,
          Thumbelina.side(),
          Thumbelina.side(),
          Thumbelina.options()
        ) ::
          {:ok, binary} | {:error, Error.t()}
  def key(source, width, height, opts),
    do: Key.digest(:one, source, Request.new(width, height, opts))

  @doc """
  A key for one thumbnail with default options, or for a list of thumbnails.

  With a list of sizes and options, it is the key for what `Thumbelina.thumbnails/3` makes. That of
  a list of one is not the key of that one thumbnail, because the values differ: a list, and an
  image.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> sizes = [{50, 50}, {200, 200, quality: 70}]
      iex> {:ok, key} = Thumbelina.Store.key(image, sizes, fit: :cover)
      iex> sizes = [{50, 50, fit: :cover}, {200, 200, fit: :cover, quality: 70}]
      iex> Thumbelina.Store.key(image, sizes) == {:ok, key}
      true
  """
  @spec key(
          Thumbelina.Image.t() | iodata,
          [Thumbelina.size(), ...] | Thumbelina.side(),
          Thumbelina.options() | Thumbelina.side()
        ) :: {:ok, binary} | {:error, Error.t()}
  def key(source, sizes, opts) when is_list(sizes),
    do: Key.digest(:many, source, Request.new(sizes, opts))

  def key(source, width, height), do: key(source, width, height, [])

  @doc """
  A key for a list of thumbnails with default options.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.Store.key(image, [{50, 50}]) == Thumbelina.Store.key(image, [{50, 50}], [])
      true
  """
  @spec key(Thumbelina.Image.t() | iodata, [Thumbelina.size(), ...]) ::
          {:ok, binary} | {:error, Error.t()}
  def key(source, sizes), do: Key.digest(:many, source, Request.new(sizes, []))

  @doc """
  A key for a picture as `Thumbelina.edit/2` would make it.

  It is a digest as that of `key/4`, of the steps as well. The pictures of overlays count with their
  bytes, so that they cannot be in pieces either.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> steps = [resize: {100, 100}, overlay: {{:file, "test/fixtures/photo.png"}, width: 20}]
      iex> {:ok, key} = Thumbelina.Store.edit_key(image, steps)
      iex> {:ok, made} = Thumbelina.Store.fetch(key, fn -> Thumbelina.edit(image, steps) end)
      iex> {made.width, made.height}
      {100, 100}
      iex> Thumbelina.Store.edit_key(image, steps ++ [blur: 2]) == {:ok, key}
      false
  """
  @spec edit_key(Thumbelina.Image.t() | iodata, Thumbelina.edits()) ::
          {:ok, binary} | {:error, Error.t()}
  def edit_key(source, edits), do: Key.edit(source, Request.edit(edits))

  defp name(opts) do
    case validated(opts, name: __MODULE__)[:name] do
      name when is_atom(name) -> name
      name -> raise ArgumentError, "expected :name to be an atom, got: #{inspect(name)}"
    end
  end

  defp validated(opts, known) do
    if Keyword.keyword?(opts),
      do: Keyword.validate!(opts, known),
      else: raise(ArgumentError, "expected options as a keyword list, got: #{inspect(opts)}")
  end

  defp timeout(:infinity), do: :infinity
  defp timeout(timeout) when is_integer(timeout) and timeout >= 0, do: timeout

  defp timeout(timeout) do
    raise ArgumentError,
          "expected :timeout to be milliseconds or :infinity, got: #{inspect(timeout)}"
  end
end
