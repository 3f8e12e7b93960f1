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
  def probe(bytes, call), do: with(:ok <- load(), do: probe(bytes, call))
  def probe_dirty(bytes, call), do: with(:ok <- load(), do: probe_dirty(bytes, call))
  def plan(bytes, call), do: with(:ok <- load(), do: plan(bytes, call))
  def plan_dirty(bytes, call), do: with(:ok <- load(), do: plan_dirty(bytes, call))
  def start(bytes, call, ref), do: with(:ok <- load(), do: start(bytes, call, ref))
  def start_dirty(bytes, call, ref), do: with(:ok <- load(), do: start_dirty(bytes, call, ref))
  def resume(job), do: with(:ok <- load(), do: resume(job))

  def thumbnail(bytes, call), do: at_priority(call, fn -> make(&start/3, bytes, call) end)

  def thumbnail_dirty(bytes, call),
    do: at_priority(call, fn -> make(&start_dirty/3, bytes, call) end)

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
  defp make(start, bytes, call) do
    # Made here, so that the VM knows that no message of before can match, however many there are.
    ref = make_ref()

    case start.(bytes, call, ref) do
      {:wait, job} -> receive do: ({^ref, :turn} -> resume(job))
      result -> result
    end
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
