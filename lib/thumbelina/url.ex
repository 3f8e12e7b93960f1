defmodule Thumbelina.URL do
  @moduledoc """
  URLs of thumbnails that `Thumbelina.Server` makes, for templates.

      <img src={Thumbelina.URL.thumbnail("cats/tom.jpg", 300, 200, fit: :cover)}>

  A server with the option `:keys` answers only URLs that are signed with one of them, so that
  nobody else decides what is made. The signature is the parameter `s`: the HMAC-SHA256 of the
  path and the query, in URL-safe Base64 without padding. For this, every segment of the path and
  every name and value of the query is decoded and percent-encoded again, except for letters,
  digits and `-._~`; and the parameters are sorted. So it does not matter how a proxy encodes them.
  """

  alias Thumbelina.{Color, Options, Position, Request, Source}

  @typedoc "Parameters of a URL: encoded, or as names and values."
  @type query :: String.t() | Enumerable.t()

  @doc """
  The URL of a thumbnail of a picture under the server's root.

  The path is that of the picture, relative to the root, and not encoded. One side may be `nil`, as
  in `Thumbelina.thumbnail/4`. Raises `Thumbelina.Error` for a wrong size or option.

  ## Options

    * those of `t:Thumbelina.output_options/0`, `:autorotate` and `:trim` - as in
      `Thumbelina.thumbnail/4`. `format: :auto` lets the client's `Accept` header decide
    * `:filename` - the name under which a browser saves the thumbnail
    * `:expires` - the Unix time from which on the URL is refused. Without a signature, anybody can
      change it
    * `:key` - signs the URL with this secret
    * `:base` - what comes in front, such as `"https://pictures.example.com"`, or the path below
      which `Thumbelina.Plug` is mounted. It is not signed

  ## Examples

      iex> Thumbelina.URL.thumbnail("cats/tom.jpg", 300, 200)
      "/thumbnail/300x200/cats/tom.jpg"

      iex> Thumbelina.URL.thumbnail("for us/50%.jpg", 300, nil, format: :auto, base: "/pictures")
      "/pictures/thumbnail/300x/for%20us/50%25.jpg?format=auto"

      iex> Thumbelina.URL.thumbnail("tom.jpg", 90, 90, fit: :cover, position: {0.3, 0.75})
      "/thumbnail/90/tom.jpg?fit=cover&position=0.3%2C0.75"

      iex> Thumbelina.URL.thumbnail("tom.jpg", 300, 200, fit: :cover, key: "secret")
      "/thumbnail/300x200/tom.jpg?fit=cover&s=uq8h6J1N6wk5WmuDEsDpWTDg8Tvg-mZDEFUt9jTIGFM"
  """
  @spec thumbnail(Path.t(), Thumbelina.side(), Thumbelina.side(), keyword) :: String.t()
  def thumbnail(path, width, height, opts \\ []) do
    with {:ok, path} <- Source.path(path),
         true <- Keyword.keyword?(opts) || Options.invalid(:options, opts, "a keyword list"),
         {own, output} = Keyword.split(opts, [:filename, :expires, :key, :base]),
         # This format is the server's, and not the library's.
         checked = Enum.reject(output, &(&1 == {:format, :auto})),
         {call, checked} = Keyword.split(checked, [:autorotate, :trim]),
         {:ok, _request} <- Request.new([{width, height, checked}], call),
         # The size of the path is that before the ratio.
         {:ok, %Request{outputs: [size]}} <- Request.new(width, height, []),
         :ok <- check(own) do
      segments = path |> Path.split() |> Enum.reject(&(&1 == "/"))
      route = encode_path(["thumbnail", size(size) | segments])

      output = for {key, value} <- output, value != nil, do: {key, value}
      query = Enum.map(output, &text/1) ++ Keyword.take(own, [:filename, :expires])

      url = if own[:key], do: sign(route, query, own[:key]), else: join(route, sorted(query))
      (own[:base] || "") <> url
    else
      {:error, error} -> raise error
    end
  end

  defp check(own) do
    Enum.find_value(own, :ok, fn
      {:expires, time} when not is_integer(time) ->
        Options.invalid(:expires, time, "a Unix time in seconds")

      {:key, key} when not is_binary(key) or key == "" ->
        Options.invalid(:key, key, "a secret that is not empty")

      {key, text} when key in [:base, :filename] and not is_binary(text) ->
        Options.invalid(key, text, "a string")

      _ ->
        nil
    end)
  end

  defp text({:position, position}), do: {:position, Position.to_text(position)}

  defp text({:background, color}) do
    {:ok, rgba} = Color.parse(color)
    {:background, Color.to_text(rgba)}
  end

  defp text({:metadata, parts}) when is_list(parts), do: {:metadata, Enum.join(parts, ",")}
  defp text(option), do: option

  defp size(%{width: side, height: side}), do: Integer.to_string(side)
  defp size(%{width: width, height: height}), do: "#{width}x#{height}"

  @doc """
  Signs the path and the query of a URL, and returns both with the signature.

  The path begins with a slash and is percent-encoded. Raises `ArgumentError` if the path or the
  query is not.

  ## Examples

      iex> Thumbelina.URL.sign("/thumbnail/300/tom.jpg", [quality: 70, fit: :cover], "secret")
      "/thumbnail/300/tom.jpg?fit=cover&quality=70&s=w50FJdHLPncrLYX4AeiCDuSGnwvucYiOfQfmYvwiD48"

      iex> Thumbelina.URL.sign("/info/tom.jpg", "", "secret")
      "/info/tom.jpg?s=OQb0pQCxdLGyCYNZbtIbdz-Wr02Jd2ssC8M9XSqVh7c"
  """
  @spec sign(String.t(), query, String.t()) :: String.t()
  def sign(path, query, key) when is_binary(key) and key != "" do
    with {:ok, segments} <- segments(path), {:ok, pairs} <- pairs(query) do
      path = encode_path(segments)
      join(path, sorted(pairs) ++ [{"s", signature(path, pairs, key)}])
    else
      :error -> raise ArgumentError, "not a path and a query: #{inspect(path)}, #{inspect(query)}"
    end
  end

  # Whoever has no key yet gets it from elsewhere: it is not repeated here.
  def sign(_path, _query, _key),
    do: raise(ArgumentError, "expected the key to be a secret that is not empty")

  @doc false
  # Whether the parameter `s` is the signature of the others by one of the keys.
  @spec signed?([String.t()], [{String.t(), String.t()}], [String.t()]) :: boolean
  def signed?(segments, pairs, keys) do
    case Enum.split_with(pairs, &match?({"s", _}, &1)) do
      {[{"s", given}], signed} ->
        path = encode_path(segments)
        # All of them, so that the time does not tell which one it was.
        Enum.count(keys, &same?(given, signature(path, signed, &1))) > 0

      _ ->
        false
    end
  end

  @doc false
  # The decoded segments of a path.
  @spec segments(String.t()) :: {:ok, [String.t()]} | :error
  def segments("/" <> path), do: path |> String.split("/") |> all(&decode/1)
  def segments(_path), do: :error

  @doc false
  # The decoded parameters of a query.
  @spec pairs(query) :: {:ok, [{String.t(), String.t()}]} | :error
  def pairs(query) when is_binary(query) do
    query
    |> String.split("&", trim: true)
    |> all(fn pair ->
      [name | value] = pair |> String.replace("+", " ") |> String.split("=", parts: 2)

      with {:ok, name} <- decode(name),
           {:ok, value} <- decode(Enum.join(value)),
           do: {:ok, {name, value}}
    end)
  end

  def pairs(query) do
    {:ok, for({name, value} <- query, do: {to_string(name), to_string(value)})}
  rescue
    # Nothing that has pairs of what is written as text.
    _ in [ArgumentError, FunctionClauseError, Protocol.UndefinedError] -> :error
  end

  defp all(list, fun) do
    result =
      Enum.reduce_while(list, [], fn element, acc ->
        case fun.(element) do
          {:ok, value} -> {:cont, [value | acc]}
          :error -> {:halt, :error}
        end
      end)

    with values when is_list(values) <- result, do: {:ok, Enum.reverse(values)}
  end

  # Unlike `URI.decode/1`, this takes no other percent signs.
  defp decode(text), do: decode(text, <<>>)

  defp decode(<<?%, high, low, rest::binary>>, acc) do
    case Base.decode16(<<high, low>>, case: :mixed) do
      {:ok, byte} -> decode(rest, acc <> byte)
      :error -> :error
    end
  end

  defp decode(<<?%, _::binary>>, _acc), do: :error
  defp decode(<<byte, rest::binary>>, acc), do: decode(rest, <<acc::binary, byte>>)
  defp decode(<<>>, acc), do: {:ok, acc}

  # Called with `apply`, because the project does not list `:crypto`, and the compiler would warn.
  defp signature(path, pairs, key) do
    :crypto
    |> apply(:mac, [:hmac, :sha256, key, join(path, sorted(pairs))])
    |> Base.url_encode64(padding: false)
  end

  # All bytes are compared, so that the time does not tell how many are right. (OTP 24 has no
  # `:crypto.hash_equals/2`.)
  defp same?(given, expected) when byte_size(given) != byte_size(expected), do: false

  defp same?(given, expected) do
    given
    |> :binary.bin_to_list()
    |> Enum.zip_reduce(:binary.bin_to_list(expected), 0, &Bitwise.bor(&3, Bitwise.bxor(&1, &2)))
    |> Kernel.==(0)
  end

  defp sorted(pairs),
    do: Enum.sort(for {name, value} <- pairs, do: {to_string(name), to_string(value)})

  defp encode_path(segments), do: Enum.map_join(segments, &["/", encode(&1)])

  defp join(path, []), do: path
  defp join(path, pairs), do: path <> "?" <> Enum.map_join(pairs, "&", &pair/1)

  defp pair({name, value}), do: encode(name) <> "=" <> encode(value)

  defp encode(text), do: URI.encode(text, &URI.char_unreserved?/1)
end
