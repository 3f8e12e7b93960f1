defmodule Thumbelina.Server.Remote.URL do
  @moduledoc false
  # An http or https URL, read strictly: whatever two programs could understand differently is
  # refused. The host is in one form only, so that it can be compared.

  @type t :: %__MODULE__{
          scheme: :http | :https,
          host: String.t(),
          address: :inet.ip_address() | nil,
          port: 1..65_535,
          target: String.t()
        }

  # `address` is what the host is if it is not a name. `target` is the path with the query.
  @enforce_keys [:scheme, :host, :address, :port, :target]
  defstruct @enforce_keys

  @longest 8192

  # The characters of RFC 3986. No control characters, spaces, backslashes, or other scripts.
  @characters ~r/\A(?:[A-Za-z0-9\-._~:\/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+\z/
  @parts ~r/\A(https?):\/\/([^\/?#]+)([^?#]*)(\?[^#]*)?(?:#.*)?\z/i
  @authority ~r/\A(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?\z/
  @label ~r/\A[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\z/
  @number ~r/\A(?:[0-9]+|0x[0-9a-f]*)\z/

  @doc "Reads a URL. The message of an error is for people."
  @spec parse(term) :: {:ok, t} | {:error, String.t()}
  def parse(url) when is_binary(url) and byte_size(url) in 1..@longest do
    with :ok <- characters(url),
         {:ok, scheme, authority, target} <- parts(url),
         {:ok, host, port} <- authority(authority),
         {:ok, host, address} <- host(String.downcase(host)),
         {:ok, port} <- port(port, scheme) do
      {:ok, %__MODULE__{scheme: scheme, host: host, address: address, port: port, target: target}}
    end
  end

  def parse(_url), do: {:error, "not a URL of at most #{@longest} bytes"}

  @doc "The URL that a reference of a page at another URL means."
  @spec resolve(t, String.t()) :: {:ok, t} | {:error, String.t()}
  def resolve(url, reference) when byte_size(reference) in 1..@longest do
    with :ok <- characters(reference) do
      case :uri_string.resolve(reference, to_string(url)) do
        resolved when is_binary(resolved) -> parse(resolved)
        {:error, _, _} -> {:error, "not a URL"}
      end
    end
  end

  def resolve(_url, _reference), do: {:error, "not a URL of at most #{@longest} bytes"}

  @doc "The host, and the port if it is not the scheme's own: the value of the header `Host`."
  @spec authority_of(t) :: String.t()
  def authority_of(%{scheme: scheme, port: port} = url) do
    host = if url.address && tuple_size(url.address) == 8, do: "[#{url.host}]", else: url.host
    if port == default_port(scheme), do: host, else: "#{host}:#{port}"
  end

  defp characters(text) do
    if text =~ @characters, do: :ok, else: {:error, "the URL has characters that are not allowed"}
  end

  defp parts(url) do
    case Regex.run(@parts, url) do
      [_, scheme, authority, path | query] ->
        path = if path == "", do: "/", else: path
        {:ok, scheme(String.downcase(scheme)), authority, path <> Enum.join(query)}

      nil ->
        {:error, "not an http or https URL"}
    end
  end

  defp scheme("http"), do: :http
  defp scheme("https"), do: :https

  defp authority(authority) do
    case Regex.run(@authority, authority) do
      [_, host] -> {:ok, host, nil}
      [_, host, port] -> {:ok, host, port}
      nil -> {:error, "the URL has a user, or its host or port is not one"}
    end
  end

  defp port(nil, scheme), do: {:ok, default_port(scheme)}

  defp port(digits, _scheme) do
    case String.to_integer(digits) do
      port when port in 1..65_535 -> {:ok, port}
      _ -> {:error, "the port is not one"}
    end
  end

  defp default_port(:http), do: 80
  defp default_port(:https), do: 443

  @doc """
  A host in its only form, and the address if it is one: a name in lower case without a dot at the
  end, or an IP address without brackets.
  """
  @spec host(String.t()) :: {:ok, String.t(), :inet.ip_address() | nil} | {:error, String.t()}
  def host("[" <> literal) do
    literal = literal |> String.trim_trailing("]") |> String.to_charlist()

    # An address with a zone is none of the internet.
    with false <- ?% in literal, {:ok, address} <- :inet.parse_ipv6strict_address(literal) do
      {:ok, address |> :inet.ntoa() |> List.to_string(), address}
    else
      _ -> {:error, "the host is not an IPv6 address"}
    end
  end

  def host(host) do
    name = String.replace_suffix(host, ".", "")
    labels = String.split(name, ".")

    cond do
      # Resolvers take `127.1`, `0x7f000001` and `017700000001` for addresses.
      List.last(labels) =~ @number -> quad(name)
      byte_size(name) in 1..253 and Enum.all?(labels, &(&1 =~ @label)) -> {:ok, name, nil}
      true -> {:error, "the host is not a name"}
    end
  end

  defp quad(host) do
    with {:ok, address} <- host |> String.to_charlist() |> :inet.parse_ipv4strict_address(),
         ^host <- address |> :inet.ntoa() |> List.to_string() do
      {:ok, host, address}
    else
      _ -> {:error, "the host is a number, but not an IPv4 address"}
    end
  end

  defimpl String.Chars do
    alias Thumbelina.Server.Remote.URL

    def to_string(url), do: "#{url.scheme}://#{URL.authority_of(url)}#{url.target}"
  end
end
