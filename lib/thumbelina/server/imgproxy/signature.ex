defmodule Thumbelina.Server.Imgproxy.Signature do
  @moduledoc false
  # The first part of a path, which shows that whoever made the URL knew the key and the salt.

  @digest_bytes 32

  @type pair :: {key :: binary, salt :: binary}

  @doc "The signature of the rest of a path, cut to so many bytes before it is encoded."
  @spec of(String.t(), pair, 1..32) :: String.t()
  def of(rest, pair, bytes), do: rest |> digest(pair, bytes) |> Base.url_encode64(padding: false)

  @doc """
  Compares with every pair, in a time that does not depend on how much of a signature is right.
  Without pairs every signature is right, except one that is an option, because then the signature
  was forgotten.
  """
  @spec verify(String.t(), String.t(), [pair], 1..32) :: :ok | {:error, {403, String.t()}}
  def verify(signature, _rest, [], _bytes) do
    if String.contains?(signature, ":"),
      do: {:error, {403, "the URL begins with an option where the signature should be"}},
      else: :ok
  end

  def verify(signature, rest, pairs, bytes) do
    with {:ok, given} <- decode(signature),
         true <- Enum.any?(pairs, &same?(given, digest(rest, &1, bytes))) do
      :ok
    else
      _ -> {:error, {403, "the signature is wrong"}}
    end
  end

  defp digest(rest, {key, salt}, bytes) when bytes in 1..@digest_bytes,
    do: :hmac |> :crypto.mac(:sha256, key, [salt, rest]) |> binary_part(0, bytes)

  # No signature is longer, so a longer one is not decoded.
  defp decode(signature) when byte_size(signature) <= 43,
    do: Base.url_decode64(signature, padding: false)

  defp decode(_signature), do: :error

  # `:crypto.hash_equals/2` came with OTP 25.
  defp same?(given, expected) when byte_size(given) != byte_size(expected), do: false

  defp same?(given, expected) do
    difference =
      for <<byte <- :crypto.exor(given, expected)>>,
        reduce: 0,
        do: (acc -> Bitwise.bor(acc, byte))

    difference == 0
  end
end
