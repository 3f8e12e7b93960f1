defmodule Mix.Thumbelina.Precompiled do
  @moduledoc false
  # Archives of native libraries, so that not everybody needs Rust: where they are fetched from, how
  # they are made, and the checksums that are committed with the sources.

  # OTP applications that only Mix tasks need are called with `apply`, because the project does not
  # list them and the compiler would warn.

  # The oldest NIF interface that the library works with. Newer VMs have it too.
  @nif_version "2.16"

  @checksums "native/checksums"
  @environment "THUMBELINA_PRECOMPILED"
  @timeout 120_000

  @doc "The URL or folder that archives are fetched from, if one is configured."
  @spec source :: String.t() | nil
  def source do
    configured = Application.get_env(:thumbelina, :precompiled, [])[:base_url]
    with "" <- System.get_env(@environment, configured || ""), do: nil
  end

  @doc "The name of the archive for a target."
  @spec archive(String.t(), String.t()) :: String.t()
  def archive(version, target),
    do: "thumbelina-v#{version}-nif-#{@nif_version}-#{target}.tar.gz"

  @doc """
  Fetches an archive, and returns the name and the bytes of the library in it.

  The reason of an error is for people: the end of a sentence.
  """
  @spec fetch(String.t(), String.t(), %{String.t() => String.t()}) ::
          {:ok, {String.t(), binary}} | {:error, String.t()}
  def fetch(source, archive, checksums) do
    with {:ok, expected} <- expected(archive, checksums),
         :ok <- start([:crypto]),
         {:ok, bytes} <- get(source, archive),
         :ok <- check(bytes, expected, archive),
         do: unpack(bytes, archive)
  end

  defp expected(archive, checksums) do
    with :error <- Map.fetch(checksums, archive),
         do: {:error, "#{@checksums} has no checksum for #{archive}"}
  end

  defp check(bytes, expected, archive) do
    case sha256(bytes) do
      ^expected -> :ok
      found -> {:error, "#{archive} has the checksum #{found} instead of #{expected}"}
    end
  end

  defp unpack(bytes, archive) do
    case :erl_tar.extract({:binary, bytes}, [:compressed, :memory]) do
      {:ok, [{name, library}]} -> {:ok, {Path.basename(List.to_string(name)), library}}
      _ -> {:error, "#{archive} is not an archive of one file"}
    end
  end

  defp get(source, archive) do
    cond do
      source =~ ~r"^https?://" ->
        download(String.trim_trailing(source, "/") <> "/" <> archive)

      source =~ ~r"^\w+://" ->
        {:error, "#{without_secrets(source)} is not an http or https URL"}

      Path.type(source) != :absolute ->
        {:error, "#{source} is neither an absolute path nor a URL"}

      true ->
        read(source, archive)
    end
  end

  defp read(folder, archive) do
    path = Path.join(folder, archive)

    with {:error, reason} <- File.read(path),
         do: {:error, "#{path}: #{:file.format_error(reason)}"}
  end

  defp download(url) do
    with :ok <- start([:inets, :ssl, :public_key]), {:ok, tls} <- tls(url) do
      options = [timeout: @timeout, connect_timeout: 15_000] ++ proxy_login(url) ++ tls
      request = [:get, {String.to_charlist(url), []}, options, [body_format: :binary], profile()]
      shown = without_secrets(url)

      case apply(:httpc, :request, request) do
        {:ok, {{_, 200, _}, _headers, bytes}} -> {:ok, bytes}
        {:ok, {{_, status, phrase}, _headers, _}} -> {:error, "#{shown}: #{status} #{phrase}"}
        {:error, reason} -> {:error, "#{shown}: #{inspect(reason)}"}
      end
    end
  end

  defp without_secrets(url), do: Regex.replace(~r"//[^/@]*@", url, "//")

  @doc """
  Starts OTP applications. They may not be installed, and from 1.15 on Elixir removes them from the
  code path if the project does not list them.
  """
  @spec start([atom]) :: :ok | {:error, String.t()}
  def start(applications) do
    Enum.find_value(applications, :ok, fn application ->
      find(application)

      case Application.ensure_all_started(application) do
        {:ok, _} -> nil
        {:error, {_, reason}} -> {:error, "OTP's #{application} is needed: #{inspect(reason)}"}
      end
    end)
  end

  defp find(application) do
    if function_exported?(Mix, :ensure_application!, 1),
      do: apply(Mix, :ensure_application!, [application])
  rescue
    # Starting it gives the same error.
    Mix.Error -> :ok
  end

  # Its own client, because the VM's default one may be configured for something else.
  @profile :thumbelina

  defp profile do
    _ = apply(:inets, :start, [:httpc, [profile: @profile]])

    proxies =
      for {scheme, option} <- [{"http", :proxy}, {"https", :https_proxy}],
          %URI{host: host, port: port} <- [proxy(scheme)],
          do: {option, {{String.to_charlist(host), port}, not_proxied()}}

    :ok = apply(:httpc, :set_options, [proxies, @profile])
    @profile
  end

  defp proxy_login(url) do
    with %URI{userinfo: <<_, _::binary>> = login} <-
           url |> URI.parse() |> Map.get(:scheme) |> proxy(),
         [user, password] <- login |> String.split(":", parts: 2) |> Enum.map(&URI.decode/1) do
      [proxy_auth: {String.to_charlist(user), String.to_charlist(password)}]
    else
      _ -> []
    end
  end

  defp proxy(scheme) do
    with address when address != "" <- variable(scheme <> "_proxy"),
         %URI{host: host} = uri when is_binary(host) <- URI.parse(address),
         do: uri
  end

  # `.example.com` means every host below it, which httpc writes as `*.example.com`.
  defp not_proxied do
    for host <- String.split(variable("no_proxy"), ~r/[\s,]+/, trim: true) do
      String.to_charlist(if String.starts_with?(host, "."), do: "*" <> host, else: host)
    end
  end

  defp variable(name), do: System.get_env(name) || System.get_env(String.upcase(name), "")

  # Whatever the address redirects to, the checksum decides whether the download is accepted.
  defp tls("http://" <> _), do: {:ok, []}

  defp tls("https://" <> _) do
    options = [
      verify: :verify_peer,
      cacerts: apply(:public_key, :cacerts_get, []),
      depth: 4,
      # The caller reports failures.
      log_level: :error,
      customize_hostname_check: [
        match_fun: apply(:public_key, :pkix_verify_hostname_match_fun, [:https])
      ]
    ]

    {:ok, [ssl: options]}
  rescue
    _ -> {:error, "the system has no CA certificates to verify the server with"}
  end

  @doc "Makes an archive of a library: the same bytes for the same library."
  @spec pack(Path.t(), String.t(), binary) :: :ok | {:error, term}
  def pack(path, name, library) do
    with {:ok, tar} <- :erl_tar.open(String.to_charlist(path), [:write, :compressed]),
         times = [atime: 0, mtime: 0, ctime: 0, uid: 0, gid: 0],
         :ok <- :erl_tar.add(tar, library, String.to_charlist(name), times),
         do: :erl_tar.close(tar)
  end

  @doc "The committed checksums by file name, from lines like those of `sha256sum`."
  @spec checksums(Path.t()) :: %{String.t() => String.t()}
  def checksums(path \\ @checksums) do
    for line <- lines(path),
        [_, sum, name] <- [Regex.run(~r/^([0-9a-f]{64}) [ *](\S+)$/, line)],
        into: %{},
        do: {name, sum}
  end

  @doc "Adds an archive's checksum to the committed ones."
  @spec put_checksum(String.t(), String.t(), Path.t()) :: :ok | {:error, File.posix()}
  def put_checksum(archive, sum, path \\ @checksums) do
    comments = for "#" <> _ = line <- lines(path), do: [line, ?\n]
    sums = path |> checksums() |> Map.put(archive, sum) |> Enum.sort()
    File.write(path, [comments | for({name, sum} <- sums, do: "#{sum}  #{name}\n")])
  end

  defp lines(path) do
    case File.read(path) do
      {:ok, text} -> String.split(text, ~r/\r?\n/)
      {:error, _} -> []
    end
  end

  @spec sha256(binary) :: String.t()
  def sha256(bytes),
    do: :crypto |> apply(:hash, [:sha256, bytes]) |> Base.encode16(case: :lower)
end
