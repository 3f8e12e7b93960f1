defmodule Thumbelina.Native do
  @moduledoc false
  # The functions of native/nif. Arguments are checked before they come here.

  @on_load :load

  # Elixir's compiler loads every module as soon as it is compiled, and the library is built after
  # that, by one of these modules. So a library that is not there (yet) is left to the stubs below.
  def load do
    path = :filename.join(:code.priv_dir(:thumbelina), 'native/thumbelina')

    if path |> :filename.dirname() |> :filelib.is_dir(),
      do: :erlang.load_nif(path, 0),
      else: :ok
  end

  def probe(_bytes), do: :erlang.nif_error(:nif_not_loaded)
  def probe_dirty(_bytes), do: :erlang.nif_error(:nif_not_loaded)
  def plan(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def thumbnail(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
end
