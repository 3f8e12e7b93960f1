defmodule Thumbelina.Source do
  @moduledoc false
  # What pictures come from: terms that may be anything, and files.

  alias Thumbelina.{Error, Image, Native}

  @doc "The encoded picture that a caller handed in."
  @spec bytes(Image.t() | binary) :: {:ok, binary} | {:error, Error.t()}
  def bytes(bytes) when is_binary(bytes), do: {:ok, bytes}
  def bytes(%Image{bytes: bytes}) when is_binary(bytes), do: {:ok, bytes}

  def bytes(%Image{bytes: other}),
    do: invalid(:image, other, "an image whose :bytes are a binary")

  # A copy of so many bytes takes no time worth speaking of.
  @short 65_536

  # More than a binary may have that lives on a process's heap, where it is always copied.
  @part 128

  @doc """
  Whether the VM makes a copy of the binary for whoever looks inside, because it does not start on a
  byte: too much for a normal scheduler. Elixir has no function that tells; see `distance` in
  native/nif.
  """
  @spec copied?(binary) :: boolean
  def copied?(bytes) when byte_size(bytes) <= @short, do: false

  def copied?(bytes) do
    last = byte_size(bytes) - @part
    Native.distance(binary_part(bytes, 0, @part), binary_part(bytes, last, @part)) != last
  end

  @spec read(Path.t()) :: {:ok, binary} | {:error, Error.t()}
  def read(path), do: path |> File.read() |> at(path)

  @spec write(Path.t(), binary) :: :ok | {:error, Error.t()}
  def write(path, bytes), do: path |> File.write(bytes) |> at(path)

  # What is no reason of the system's: a null byte in the name.
  defp at({:error, :badarg}, path), do: invalid(:path, path, "a path without null bytes")
  defp at({:error, posix}, path), do: {:error, %Error{reason: posix, path: path}}
  defp at(ok, _path), do: ok

  defp invalid(key, value, expected),
    do: {:error, %Error{reason: :invalid_option, key: key, value: value, expected: expected}}
end
