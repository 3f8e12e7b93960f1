defmodule Thumbelina.Server.Origin do
  @moduledoc false
  # Where the server's pictures come from, by the rules that its options make: files under the
  # root, and other servers.

  alias Thumbelina.Error
  alias Thumbelina.Server.{Config, Files, Remote}

  @typep refusal :: {:error, Error.t() | {400..599, atom, String.t()}}

  @doc "Reads a file, if it is not too long."
  @spec read(Files.t(), Config.t()) :: {:ok, binary} | refusal
  def read(%{size: size}, %{max_file_bytes: most}) when size > most do
    {:error, %Error{reason: :limit_exceeded, limit: :max_bytes_in, value: size, maximum: most}}
  end

  def read(file, _config), do: Files.read(file)

  @doc "Opens a URL. The time is for all of it."
  @spec open(String.t(), Config.t()) :: {:ok, Remote.t()} | refusal
  def open(url, config) do
    remote =
      config
      |> Map.take([:allow_hosts, :allow_ports, :allow_private, :timeout])
      |> Map.put(:max_bytes, config.max_file_bytes)

    with {:error, {status, message}} <- Remote.open(url, remote),
         do: {:error, {status, :source_failed, message}}
  end

  @doc "All of what was opened. How many bytes come is checked as they come."
  @spec fetch(Remote.t()) :: {:ok, binary} | refusal
  def fetch(remote) do
    {:ok, remote |> Enum.to_list() |> IO.iodata_to_binary()}
  rescue
    failed in Remote.Failed -> {:error, {failed.status, :source_failed, failed.message}}
  end
end
