defmodule Thumbelina.Native do
  @moduledoc false
  # The functions of native/nif. Arguments are checked before they come here.
  #
  # The library is loaded by the first call, and not by @on_load: the VM cannot load a module that
  # has it while an older version of the module is still there, and Elixir's compiler loads every
  # module as soon as it is compiled, before there is a library.

  def distance(first, last), do: load_and_call(:distance, [first, last])
  def probe(bytes, call), do: load_and_call(:probe, [bytes, call])
  def probe_dirty(bytes, call), do: load_and_call(:probe_dirty, [bytes, call])
  def plan(bytes, call), do: load_and_call(:plan, [bytes, call])
  def plan_dirty(bytes, call), do: load_and_call(:plan_dirty, [bytes, call])
  def thumbnail(bytes, call), do: load_and_call(:thumbnail, [bytes, call])
  def thumbnail_dirty(bytes, call), do: load_and_call(:thumbnail_dirty, [bytes, call])

  defp load_and_call(function, arguments) do
    path = :filename.join(:code.priv_dir(:thumbelina), ~c"native/thumbelina")

    case :erlang.load_nif(path, 0) do
      :ok ->
        :ok

      # Another process was first.
      {:error, {:reload, _}} ->
        :ok

      {:error, {_, message}} ->
        raise "the native library of Thumbelina cannot be loaded: #{message}. Has `mix compile` built it?"
    end

    apply(__MODULE__, function, arguments)
  end
end
