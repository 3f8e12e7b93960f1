defmodule Thumbelina.Native do
  @moduledoc false
  # The functions of native/nif. Arguments are checked before they come here.
  #
  # The library is loaded by the first call, and not by @on_load: the VM cannot load a module that
  # has it while an older version of the module is still there, and Elixir's compiler loads every
  # module as soon as it is compiled, before there is a library.

  # A stub loads the library, which takes the stub's place, and calls itself again: a local call, so
  # that what a version of this module begins is gone on with in the same.
  def distance(first, last), do: with(:ok <- load(), do: distance(first, last))
  def probe(bytes, all?, call), do: with(:ok <- load(), do: probe(bytes, all?, call))
  def probe_dirty(bytes, all?, call), do: with(:ok <- load(), do: probe_dirty(bytes, all?, call))
  def plan(bytes, all?, call), do: with(:ok <- load(), do: plan(bytes, all?, call))
  def plan_dirty(bytes, all?, call), do: with(:ok <- load(), do: plan_dirty(bytes, all?, call))
  def start(bytes, call, ref), do: with(:ok <- load(), do: start(bytes, call, ref))
  def start_dirty(bytes, call, ref), do: with(:ok <- load(), do: start_dirty(bytes, call, ref))
  def resume(job), do: with(:ok <- load(), do: resume(job))
  def open_stream(call), do: with(:ok <- load(), do: open_stream(call))
  def feed(job, piece), do: with(:ok <- load(), do: feed(job, piece))
  def finish(job, ref), do: with(:ok <- load(), do: finish(job, ref))
  def abandon(job), do: with(:ok <- load(), do: abandon(job))

  # The thumbnails of a picture that is there.
  def thumbnails(bytes, call) do
    at_priority(call, fn -> in_turn(call, &start(bytes, call, &1)) end)
  end

  # The same on a dirty scheduler, until it can be elsewhere.
  def thumbnails_dirty(bytes, call) do
    at_priority(call, fn -> in_turn(call, &start_dirty(bytes, call, &1)) end)
  end

  # A job for a picture that comes in pieces. However `fun` ends, nothing is left of it.
  def with_job(call, fun) do
    job = open_stream(call)

    try do
      fun.(job)
    after
      abandon(job)
    end
  end

  # `:more`, or the result, where no more is needed.
  def feed(job, piece, call), do: at_priority(call, fn -> feed(job, piece) end)

  # The thumbnails, when all pieces are there.
  def finish_in_turn(job, call), do: at_priority(call, fn -> in_turn(call, &finish(job, &1)) end)

  # The VM lets whoever is ready go before a process of low priority, but for one time in eight.
  defp at_priority(%{priority: :unchanged}, fun), do: fun.()

  defp at_priority(%{priority: :low}, fun) do
    before = Process.flag(:priority, :low)

    try do
      fun.()
    after
      Process.flag(:priority, before)
    end
  end

  # As many thumbnails are made at a time as there are schedulers. Who comes then waits for a
  # message of one of those that are done.
  defp in_turn(%{timeout: timeout}, begin) do
    started = System.monotonic_time(:millisecond)
    # Made here, so that the VM knows that no message of before can match, however many there are.
    ref = make_ref()

    case begin.(ref) do
      {:wait, job} ->
        receive do
          {^ref, :turn} -> resume(job)
        after
          left(timeout, started) -> give_up(job, ref)
        end

      result ->
        result
    end
  end

  defp left(nil, _started), do: :infinity
  defp left(timeout, started), do: max(started + timeout - System.monotonic_time(:millisecond), 0)

  defp give_up(job, ref) do
    # Should it have been its turn just now, the message is on its way.
    if abandon(job), do: receive(do: ({^ref, :turn} -> :ok))
    {:error, %{reason: :timeout}}
  end

  defp load do
    path = :filename.join(:code.priv_dir(:thumbelina), ~c"native/thumbelina")

    case :erlang.load_nif(path, 0) do
      :ok ->
        :ok

      # Another process was first.
      {:error, {:reload, _}} ->
        :ok

      {:error, {_, message}} ->
        # Not `raise`, of which Dialyzer would think that no function here ever returns.
        :erlang.nif_error(%RuntimeError{
          message: """
          Thumbelina's native library cannot be loaded: #{message}.
          `mix compile` puts #{path} there: built with cargo, which https://rustup.rs installs, or
          precompiled, from the folder or URL that THUMBELINA_PRECOMPILED names. See the README,
          "Installing it".
          """
        })
    end
  end
end
