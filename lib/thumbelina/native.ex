defmodule Thumbelina.Native do
  @moduledoc false
  # The functions of native/nif. Arguments are checked before they come here.

  @on_load :load

  # Elixir's compiler loads every module as soon as it is compiled, and the library is built after
  # that, by one of these modules. So a library that is not there (yet) is left to the stubs below.
  def load do
    path = :filename.join(:code.priv_dir(:thumbelina), 'native/thumbelina')

    case :erlang.load_nif(path, 0) do
      {:error, {:load_failed, _}} = error ->
        if :filelib.is_regular(file(path)), do: error, else: :ok

      result ->
        result
    end
  end

  # As the VM completes it.
  defp file(path) do
    extension = if match?({:win32, _}, :os.type()), do: '.dll', else: '.so'
    path ++ extension
  end

  def distance(_first, _last), do: :erlang.nif_error(:nif_not_loaded)
  def probe(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def probe_dirty(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def plan(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def plan_dirty(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def thumbnail(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
  def thumbnail_dirty(_bytes, _call), do: :erlang.nif_error(:nif_not_loaded)
end
