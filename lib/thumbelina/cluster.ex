defmodule Thumbelina.Cluster do
  @moduledoc """
  Thumbnails on all nodes of a cluster.

      children = [{Thumbelina.Cluster, []}]

  A node that starts this child is a member: it works for others, and others work for it. The calls
  are those of `Thumbelina`, with the same results:

      {:ok, thumb} = Thumbelina.Cluster.thumbnail(image, 200, 200)

  How the nodes get connected is not this module's business. On a node that has not started the
  child, is not distributed or is alone, everything runs right there.

  ## What runs where

  A call runs on the caller's node, in the calling process, as long as that node has fewer works in
  progress than schedulers. After that it runs on the member that has least to do for each of its
  schedulers; that may still be the caller's node. Members tell each other how much they have to do
  when it changes, and each counts at once what it sends itself. Thumbnails that are made without
  this module are not counted.

  Options are checked on the caller's node, and its configuration fills in the defaults. What
  belongs to the node that does the work, `:threads` and `:yield_limit`, is that node's.

  Up to 64 KiB, a picture is sent with the request. Larger ones, and those that come in pieces, are
  sent in pieces of 256 KiB at most, two at a time, and are decoded as they come: in one thread, as
  all pictures in pieces are. The process that calls runs the producer of pieces, as it does without
  a cluster. Small pieces are put together to 64 KiB, so the `:value` of `:limit_exceeded` may be
  another one than without a cluster. Thumbnails come back in one message, however
  large they are; the distribution cuts it, and lets other messages go in between.

  `{:file, path}` is a file of the caller's node, and is read there. `{node, path}` is a file of
  that node: it is read and worked on there, and only the thumbnail crosses the wire. That works
  with any node that can be reached and has started the child.

  ## If a node fails

  If a node dies, leaves or gives no sign of life for `:attempt_timeout` milliseconds, the work is
  done once more on the caller's node, which cannot fail without the caller. It is the result of one
  of them that is returned, never both. To make that possible, the pieces of an enumerable are kept
  on the caller's node until the result is there: up to `:max_bytes_in` bytes, since more are
  refused. The producer runs once.

  For `{node, path}` there is no other node. Its error is `:node_down`.

  A member that gave no sign of life gets no work until it does. The sign comes from its VM: a file
  system that hangs there is a case for `:timeout`, which holds for the whole call, on whatever
  node.

  If the supervisor of a member stops, its node leaves: it gets no more work, and has ten seconds to
  finish what it has.

  If the caller dies, the work ends, wherever it is.

  ## What is not promised

    * Members must run the same version of Thumbelina. With another one, calls may raise
    * Like everything between connected nodes, this is for nodes that trust each other: a member
      reads any file for any other
    * A picture that takes its node down, in spite of all limits, is tried on the caller's node next
  """

  alias Thumbelina.Cluster.{Call, Member, Work}
  alias Thumbelina.{Error, Image, Job, Options, Parallel, Request, Source}

  @default_patience 30_000

  @typedoc """
  A picture: one that `Thumbelina.thumbnail/4` takes, which may be a file of the caller's node, or a
  file of another node.
  """
  @type source :: Thumbelina.source() | {node, Path.t()}

  @typedoc """
  `t:Thumbelina.options/0`, and

    * `:attempt_timeout` (milliseconds, or `:infinity`; default `#{@default_patience}`) - how long a
      member may give no sign of life before the work is done elsewhere
  """
  @type options :: [{:attempt_timeout, timeout} | Thumbelina.option()]

  @typedoc "`t:options/0`, `:max_concurrency` and `:ordered`, see `t:Thumbelina.stream_option/0`."
  @type stream_options :: [
          {:attempt_timeout, timeout} | Thumbelina.stream_option() | Thumbelina.option()
        ]

  @doc """
  The child spec of this node's member. It takes no options.

  ## Examples

      iex> Thumbelina.Cluster.child_spec([]).type
      :supervisor
  """
  @spec child_spec([]) :: Supervisor.child_spec()
  def child_spec(opts) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [opts]}, type: :supervisor}
  end

  @doc """
  Makes this node a member, for as long as the supervisor lives that this starts.

  Fails with `{:already_started, pid}` if it is a member.
  """
  @spec start_link([]) :: Supervisor.on_start()
  def start_link([]) do
    # The member is the last to start and the first to stop: a node gets no work without the
    # supervisor of the works, and none when that waits for the works to end.
    children = [
      %{id: :scope, start: {Member, :start_scope, []}},
      {Task.Supervisor, name: Work.supervisor()},
      Member
    ]

    Supervisor.start_link(children, strategy: :one_for_all, name: __MODULE__)
  end

  def start_link(opts),
    do: raise(ArgumentError, "Thumbelina.Cluster takes no options, got: #{inspect(opts)}")

  @doc """
  The members that this node can give work to, itself first: their schedulers online, and the works
  in progress that this node knows of. Empty if this node is no member.

  ## Examples

      iex> Thumbelina.Cluster.members()
      []
  """
  @spec members :: [%{node: node, schedulers: pos_integer, working: non_neg_integer}]
  def members, do: Member.members()

  @doc """
  Makes a thumbnail like `Thumbelina.thumbnail/4`, on the least busy member.

  Fails like `Thumbelina.thumbnail/4`; with a posix reason such as `:enoent` and the `:path` if a
  file cannot be read; and with `:node_down` if the node of `{node, path}` cannot be reached, is no
  member, or fails. Options: `t:options/0`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, thumb} = Thumbelina.Cluster.thumbnail(image, 200, 200)
      iex> {thumb.format, thumb.width, thumb.height}
      {:jpeg, 200, 133}

      iex> {:error, error} = Thumbelina.Cluster.thumbnail({:file, "no/such/file.jpg"}, 200, 200)
      iex> {error.reason, error.path}
      {:enoent, "no/such/file.jpg"}

      iex> {:error, error} = Thumbelina.Cluster.thumbnail({:"photos@nowhere", "a.jpg"}, 200, 200)
      iex> {error.reason, error.node}
      {:node_down, :photos@nowhere}
  """
  @spec thumbnail(source, Thumbelina.side(), Thumbelina.side(), options) ::
          {:ok, Image.t()} | {:error, Error.t()}
  def thumbnail(source, width, height, opts \\ []) do
    with {:ok, patience, opts} <- patience(opts),
         {:ok, request} <- Request.new(width, height, opts),
         do: one(source, request, patience)
  end

  @doc """
  Like `thumbnail/4`, but raises `Thumbelina.Error`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.Cluster.thumbnail!(image, 200, 200).height
      133

      iex> Thumbelina.Cluster.thumbnail!({:file, "no/such/file.jpg"}, 200, 200)
      ** (Thumbelina.Error) no/such/file.jpg: no such file or directory
  """
  @spec thumbnail!(source, Thumbelina.side(), Thumbelina.side(), options) :: Image.t()
  def thumbnail!(source, width, height, opts \\ []),
    do: bang(thumbnail(source, width, height, opts))

  @doc """
  Makes several thumbnails of one picture like `Thumbelina.thumbnails/3`, on the least busy member,
  and placeholders with them.

  Fails like `thumbnail/4`. Options: `t:options/0`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, thumbs} = Thumbelina.Cluster.thumbnails(image, [{50, 50}, {200, nil}])
      iex> for thumb <- thumbs, do: {thumb.width, thumb.height}
      [{50, 33}, {200, 133}]
  """
  @spec thumbnails(source, [Thumbelina.size(), ...], options) ::
          {:ok, [Image.t() | Thumbelina.placeholder(), ...]} | {:error, Error.t()}
  def thumbnails(source, sizes, opts \\ []) do
    with {:ok, patience, opts} <- patience(opts),
         {:ok, request} <- Request.new(sizes, opts),
         do: Call.run(source, request, patience)
  end

  @doc """
  Like `thumbnails/3`, but raises `Thumbelina.Error`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> for thumb <- Thumbelina.Cluster.thumbnails!(image, [{50, 50}, {200, nil}]),
      ...>   do: {thumb.width, thumb.height}
      [{50, 33}, {200, 133}]
  """
  @spec thumbnails!(source, [Thumbelina.size(), ...], options) :: [Image.t(), ...]
  def thumbnails!(source, sizes, opts \\ []), do: bang(thumbnails(source, sizes, opts))

  @doc """
  Makes a picture by steps like `Thumbelina.edit/2`, on the least busy member.

  The pictures of overlays are read on this node. Fails like `thumbnail/4` and `Thumbelina.edit/2`.
  The list has the option `:attempt_timeout` of `t:options/0`, too.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> {:ok, made} = Thumbelina.Cluster.edit(image, resize: {100, 100}, blur: 2)
      iex> {made.width, made.height}
      {100, 100}
  """
  @spec edit(source, Thumbelina.edits()) :: {:ok, Image.t()} | {:error, Error.t()}
  def edit(source, edits) do
    with {:ok, patience, edits} <- patience(edits),
         {:ok, request} <- Job.edits(edits),
         do: one(source, request, patience)
  end

  @doc """
  Like `edit/2`, but raises `Thumbelina.Error`.

  ## Examples

      iex> image = Thumbelina.open!("test/fixtures/photo.jpg")
      iex> Thumbelina.Cluster.edit!(image, rotate: 90).height
      640
  """
  @spec edit!(source, Thumbelina.edits()) :: Image.t()
  def edit!(source, edits), do: bang(edit(source, edits))

  @doc """
  Makes a thumbnail of each picture of an enumerable, lazily, on all members.

  It is `Thumbelina.stream/4` with pictures of other nodes, `{node, path}`, too. By default as many
  pictures are in progress as all members together have schedulers. If the stream is halted, or its
  caller dies, what is in progress ends, on all nodes. Options: `t:stream_options/0`.

  ## Examples

      iex> files = [{:file, "test/fixtures/photo.png"}, {:file, "no/such/file.jpg"}]
      iex> [{:ok, thumb}, {:error, error}] =
      ...>   files |> Thumbelina.Cluster.stream(100, 100) |> Enum.to_list()
      iex> {thumb.width, thumb.height, error.reason}
      {100, 67, :enoent}
  """
  @spec stream(Enumerable.t(), Thumbelina.side(), Thumbelina.side(), stream_options) ::
          Enumerable.t()
  def stream(pictures, width, height, opts \\ []) do
    with {:ok, patience, opts} <- patience(opts),
         {:ok, own, opts} <- Options.beside(:stream, opts),
         {:ok, request} <- Request.new(width, height, opts) do
      each = &one_of_many(&1, request, patience)
      Parallel.map(pictures, each, own, request.timeout, &schedulers/0)
    else
      {:error, error} -> raise error
    end
  end

  # As `Thumbelina.stream_directory/2` gives them.
  defp one_of_many({path, bytes}, request, patience) when is_binary(path),
    do: bytes |> one(request, patience) |> Source.at_path({:file, path})

  defp one_of_many(source, request, patience), do: one(source, request, patience)

  defp one(source, request, patience) do
    with {:ok, [image]} <- Call.run(source, request, patience), do: {:ok, image}
  end

  defp bang({:ok, value}), do: value
  defp bang({:error, error}), do: raise(error)

  defp schedulers do
    case members() do
      [] -> System.schedulers_online()
      members -> members |> Enum.map(& &1.schedulers) |> Enum.sum()
    end
  end

  # The most that `receive` takes.
  @max_timeout 0xFFFF_FFFF

  # This module's option, and those of the call.
  defp patience(opts) do
    if Keyword.keyword?(opts) do
      {patience, opts} = Keyword.pop(opts, :attempt_timeout, @default_patience)

      if patience == :infinity or patience in 1..@max_timeout,
        do: {:ok, patience, opts},
        else: Options.invalid(:attempt_timeout, patience, "positive milliseconds, or :infinity")
    else
      Options.invalid(:options, opts, "a keyword list")
    end
  end
end
