defmodule Thumbelina.Native do
  @moduledoc false
  # The functions of native/nif. Arguments are checked before they get here.
  #
  # The library is loaded by the first call and not by @on_load, for two reasons. The VM cannot load
  # a module with @on_load while an older version of the module still exists. And Elixir's compiler
  # loads every module as soon as it is compiled, before there is a library.

  # A stub loads the library, which replaces the stub, and calls it again. The call is local, so
  # that a call that was begun by one version of this module is finished by the same version. A stub
  # keeps no frame and makes nothing on the heap: other processes may be in the same stub meanwhile,
  # and none may return to where the library has written over it.
  def distance(first, last), do: load_and(:distance, first, last, nil)
  def probe(bytes, all?, call), do: load_and(:probe, bytes, all?, call)
  def probe_dirty(bytes, all?, call), do: load_and(:probe_dirty, bytes, all?, call)
  def details(bytes, call), do: load_and(:details, bytes, call, nil)
  def details_dirty(bytes, call), do: load_and(:details_dirty, bytes, call, nil)
  def plan(bytes, all?, call), do: load_and(:plan, bytes, all?, call)
  def plan_dirty(bytes, all?, call), do: load_and(:plan_dirty, bytes, all?, call)
  def start(bytes, call, ref), do: load_and(:start, bytes, call, ref)
  def start_dirty(bytes, call, ref), do: load_and(:start_dirty, bytes, call, ref)
  def resume(job), do: load_and(:resume, job, nil, nil)
  def open_stream(call), do: load_and(:open_stream, call, nil, nil)
  def feed(job, piece), do: load_and(:feed, job, piece, nil)
  def finish(job, ref), do: load_and(:finish, job, ref, nil)
  def abandon(job), do: load_and(:abandon, job, nil, nil)

  # The thumbnails of a picture that is there as a whole.
  def thumbnails(bytes, call) do
    at_priority(call, fn -> in_turn(call, &start(bytes, call, &1)) end)
  end

  # The same, starting on a dirty scheduler.
  def thumbnails_dirty(bytes, call) do
    at_priority(call, fn -> in_turn(call, &start_dirty(bytes, call, &1)) end)
  end

  # A job for a picture that comes in pieces. However `fun` ends, nothing of the job is left.
  def with_job(call, fun) do
    job = open_stream(call)

    try do
      fun.(job)
    after
      abandon(job)
    end
  end

  # Returns `:more`, or the result if no more pieces are needed.
  def feed(job, piece, call), do: at_priority(call, fn -> feed(job, piece) end)

  # The thumbnails, when all pieces are there.
  def finish_in_turn(job, call), do: at_priority(call, fn -> in_turn(call, &finish(job, &1)) end)

  # The VM lets others go before a process of low priority seven times out of eight.
  defp at_priority(%{priority: :unchanged}, fun), do: fun.()

  defp at_priority(%{priority: :low}, fun) do
    before = Process.flag(:priority, :low)

    try do
      fun.()
    after
      Process.flag(:priority, before)
    end
  end

  # As many thumbnails are made at a time as there are schedulers. Further callers wait for a
  # message from one that is done.
  defp in_turn(%{timeout: timeout, started: started}, begin) do
    # Made here, so that the VM can skip all messages that were in the mailbox before.
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
    # If it was given its turn just now, the message is on its way.
    if abandon(job), do: receive(do: ({^ref, :turn} -> :ok))
    {:error, %{reason: :timeout}}
  end

  defp load_and(name, a, b, c) do
    with :ok <- load(), do: again(name, a, b, c)
  end

  defp again(:distance, a, b, _), do: distance(a, b)
  defp again(:probe, a, b, c), do: probe(a, b, c)
  defp again(:probe_dirty, a, b, c), do: probe_dirty(a, b, c)
  defp again(:details, a, b, _), do: details(a, b)
  defp again(:details_dirty, a, b, _), do: details_dirty(a, b)
  defp again(:plan, a, b, c), do: plan(a, b, c)
  defp again(:plan_dirty, a, b, c), do: plan_dirty(a, b, c)
  defp again(:start, a, b, c), do: start(a, b, c)
  defp again(:start_dirty, a, b, c), do: start_dirty(a, b, c)
  defp again(:resume, a, _, _), do: resume(a)
  defp again(:open_stream, a, _, _), do: open_stream(a)
  defp again(:feed, a, b, _), do: feed(a, b)
  defp again(:finish, a, b, _), do: finish(a, b)
  defp again(:abandon, a, _, _), do: abandon(a)

  defp load do
    # Modules that are not where applications are, as in an escript, have no such folder.
    priv = with {:error, :bad_name} <- :code.priv_dir(:thumbelina), do: ~c"priv"
    path = :filename.join(priv, ~c"native/thumbelina")

    case :erlang.load_nif(path, 0) do
      :ok ->
        :ok

      # Another process was first.
      {:error, {:reload, _}} ->
        :ok

      {:error, {_, message}} ->
        # With `raise`, Dialyzer would conclude that no function here ever returns.
        :erlang.nif_error(%RuntimeError{
          message: """
          Thumbelina's native library cannot be loaded: #{message}.
          `mix compile` makes #{path}: it builds it with cargo, which you can install from
          https://rustup.rs, or takes a precompiled one from the folder or URL that
          THUMBELINA_PRECOMPILED names. See "Installing it" in the README.
          """
        })
    end
  end
end
