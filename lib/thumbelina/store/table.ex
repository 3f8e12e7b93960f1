defmodule Thumbelina.Store.Table do
  @moduledoc false
  # The values of one node in ETS, bounded by bytes, least recently used first out. One process, the
  # owner, writes. All others read, and leave a stamp of when they did.
  #
  # What goes first is found in an ordered index of stamps that only the owner touches. A reader
  # moves nothing in it: it just overwrites the stamp in the value's own row, in place. When there
  # is need of room, the owner takes the first of the index; if that has been read since it was
  # placed there, it is placed again by its newer stamp. So each eviction is exactly that of the
  # least recently used, reads cost nothing that writers wait for, and moving a row is paid for by
  # the reads before. Samples, the other way, want a random row, which ETS cannot give.
  #
  # Stamps are monotonic time: a counter would be one more thing that all schedulers write.

  alias Thumbelina.Image

  defstruct [:name, :index, :counters, bytes: 0]

  @type id :: <<_::256>>
  @type t :: %__MODULE__{
          name: atom,
          index: :ets.tid(),
          counters: :counters.counters_ref(),
          bytes: non_neg_integer
        }
  @typedoc "What was dropped to make room, and when it was last used, in monotonic time."
  @type dropped :: [{id, integer}]

  # A row is {id, value, size, used, placed, expires}. Facts about the store are rows {atom, term}.
  @used 4
  @placed 5
  @expires 6

  # What a row takes besides the bytes of the value: the two rows, and the fields of an image.
  @overhead 512

  @hits 1
  @misses 2

  @spec new(atom) :: t
  def new(name) do
    # Public, because readers write their stamps.
    opts = [:named_table, :public, read_concurrency: true, write_concurrency: true]
    ^name = :ets.new(name, opts)
    counters = :counters.new(2, [:write_concurrency])
    true = :ets.insert(name, {:counters, counters})
    %__MODULE__{name: name, index: :ets.new(name, [:ordered_set, :private]), counters: counters}
  end

  @doc "What is noted about the store under an atom, if there is a table of this name at all."
  @spec fact(atom, atom) :: term | nil
  def fact(name, key) do
    :ets.lookup_element(name, key, 2)
  rescue
    ArgumentError -> nil
  end

  @spec note(t, atom, term) :: true
  def note(table, key, fact), do: :ets.insert(table.name, {key, fact})

  @spec forget(t, atom) :: true
  def forget(table, key), do: :ets.delete(table.name, key)

  @doc "Reads a value, and stamps it. Any process of the node can do that."
  @spec read(atom, id) :: {:ok, term} | :error
  def read(name, id) do
    now = System.monotonic_time()

    case :ets.lookup(name, id) do
      # An atom is more than any number.
      [{_id, value, _size, _used, _placed, expires}] when expires > now ->
        :ets.update_element(name, id, {@used, now})
        count(name, @hits)
        {:ok, value}

      _ ->
        :error
    end
  rescue
    # The table went with its owner.
    ArgumentError -> :error
  end

  @doc "Whether there is a value that could be read. That is no use of it."
  @spec member?(atom, id) :: boolean
  def member?(name, id) do
    :ets.lookup_element(name, id, @expires) > System.monotonic_time()
  rescue
    # There is no such row, or the table went with its owner.
    ArgumentError -> false
  end

  @doc "When a value was last used, in monotonic time."
  @spec used(atom, id) :: integer | nil
  def used(name, id) do
    :ets.lookup_element(name, id, @used)
  rescue
    ArgumentError -> nil
  end

  @spec hit(atom) :: :ok
  def hit(name), do: count(name, @hits)

  @spec miss(atom) :: :ok
  def miss(name), do: count(name, @misses)

  defp count(name, which) do
    with counters when counters != nil <- fact(name, :counters),
         do: :counters.add(counters, which, 1)

    :ok
  end

  @doc """
  Puts a value in, for so many native time units or `:infinity`. What is larger than the limit is
  not kept, and takes nothing else's place.
  """
  @spec insert(t, id, term, pos_integer, non_neg_integer, pos_integer | :infinity) ::
          {t, dropped}
  def insert(table, id, value, size, limit, lifetime) do
    table = delete(table, id)

    if size > limit do
      {table, []}
    else
      now = System.monotonic_time()
      expires = if lifetime == :infinity, do: :infinity, else: now + lifetime
      {table, dropped} = make_room(table, limit - size, now, [])
      :ets.insert(table.name, {id, value, size, now, now, expires})
      :ets.insert(table.index, {{now, id}})
      {%{table | bytes: table.bytes + size}, dropped}
    end
  end

  defp make_room(%{bytes: bytes} = table, most, _start, dropped) when bytes <= most,
    do: {table, dropped}

  defp make_room(table, most, start, dropped) do
    {placed, id} = first = :ets.first(table.index)
    used = :ets.lookup_element(table.name, id, @used)

    # Readers may be faster than this loop. Once everything has been read since it began, something
    # goes all the same.
    if used > placed and placed < start do
      :ets.delete(table.index, first)
      :ets.insert(table.index, {{used, id}})
      :ets.update_element(table.name, id, {@placed, used})
      make_room(table, most, start, dropped)
    else
      table |> delete(id) |> make_room(most, start, [{id, used} | dropped])
    end
  end

  @spec delete(t, id) :: t
  def delete(table, id) do
    case :ets.lookup(table.name, id) do
      [{_id, _value, size, _used, placed, _expires}] ->
        :ets.delete(table.name, id)
        :ets.delete(table.index, {placed, id})
        %{table | bytes: table.bytes - size}

      [] ->
        table
    end
  end

  @doc "Drops all values. Facts stay."
  @spec clear(t) :: t
  def clear(table) do
    :ets.match_delete(table.name, {:_, :_, :_, :_, :_, :_})
    :ets.delete_all_objects(table.index)
    %{table | bytes: 0}
  end

  @spec info(t) :: %{
          entries: non_neg_integer,
          bytes: non_neg_integer,
          hits: non_neg_integer,
          misses: non_neg_integer
        }
  def info(table) do
    %{
      entries: :ets.info(table.index, :size),
      bytes: table.bytes,
      hits: :counters.get(table.counters, @hits),
      misses: :counters.get(table.counters, @misses)
    }
  end

  @doc "How many bytes a value counts."
  @spec size(term) :: pos_integer
  def size(%Image{bytes: bytes}) when is_binary(bytes), do: byte_size(bytes) + @overhead
  def size(value) when is_binary(value), do: byte_size(value) + @overhead
  def size(value), do: :erlang.external_size(value) + @overhead

  @doc """
  The value with every binary that is a small part of a larger one copied, so that it does not keep
  all of that in memory.
  """
  @spec compact(term) :: term
  def compact(value) when is_binary(value) do
    if :binary.referenced_byte_size(value) > 2 * byte_size(value),
      do: :binary.copy(value),
      else: value
  end

  def compact([head | tail]), do: [compact(head) | compact(tail)]

  def compact(value) when is_tuple(value),
    do: value |> Tuple.to_list() |> compact() |> List.to_tuple()

  def compact(value) when is_map(value),
    do: value |> :maps.to_list() |> compact() |> :maps.from_list()

  def compact(value), do: value
end
