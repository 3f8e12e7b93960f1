defmodule Thumbelina.Store.Entry do
  @moduledoc false
  # A value as a file: what it is, a digest of the rest, the key's digest, and the value in the
  # external term format.

  alias Thumbelina.Store.Table

  @magic "Thumbelina store 1\n"

  @spec encode(Table.id(), term) :: iodata
  def encode(id, value) do
    # Parts, with large binaries as they are, so that nothing is copied.
    parts = [id | :erlang.term_to_iovec(value)]
    [@magic, digest(parts) | parts]
  end

  @doc "The value, if the file is whole and belongs to this key."
  @spec decode(Table.id(), binary) :: {:ok, term} | :error
  def decode(id, <<@magic, digest::32-bytes, id_and_term::binary>>) do
    with true <- digest([id_and_term]) == digest,
         <<^id::32-bytes, term::binary>> <- id_and_term do
      # With :safe, a file makes no atoms. Those of images are there as soon as this module is.
      {:ok, :erlang.binary_to_term(term, [:safe])}
    else
      _ -> :error
    end
  rescue
    ArgumentError -> :error
  end

  def decode(_id, _bytes), do: :error

  @doc "Makes sure that the atoms of images are known."
  @spec load :: :ok
  def load do
    for module <- [Thumbelina.Image, Thumbelina.Format],
        do: {:module, _} = Code.ensure_loaded(module)

    :ok
  end

  defp digest(parts) do
    parts
    |> Enum.reduce(:crypto.hash_init(:sha256), &:crypto.hash_update(&2, &1))
    |> :crypto.hash_final()
  end
end
