defmodule Thumbelina.Server.Config do
  @moduledoc false
  # The one schema of all options of the server: validation, documentation and flags come from it.
  # They are checked once, when the server starts.

  alias Thumbelina.{Error, Format, Image, Options}

  # `listener: true`: about sockets, which the handler knows nothing of.
  @schema [
    root: [
      type: :folder,
      default: nil,
      doc:
        "the folder of the pictures. Nothing outside of it is served, by whatever links, and " <>
          "no file or folder whose name begins with a dot. Without it, pictures are only taken " <>
          "from the bodies of requests"
    ],
    allow_hosts: [
      type: :hosts,
      default: [],
      doc:
        "the hosts that pictures may be fetched from over HTTP and HTTPS, such as " <>
          "`\"images.example.com\"` or `\"*.example.com\"`. By default none"
    ],
    allow_ports: [
      type: :ports,
      default: [80, 443],
      doc: "the ports there"
    ],
    allow_private: [
      type: :boolean,
      default: false,
      doc:
        "whether these hosts may have addresses of private networks and of this machine. What a " <>
          "name stands for is checked at each request, and after each redirect"
    ],
    imgproxy: [
      type: :boolean,
      default: false,
      doc: "whether the URLs of imgproxy are understood, see `Thumbelina.Server`"
    ],
    imgproxy_keys: [
      type: :key_pairs,
      default: [],
      doc:
        "the keys and salts that URLs of imgproxy are signed with, as `{key, salt}`. With " <>
          "`:keys`, `:sizes` or `:qualities`, there must be one, as these do not hold for such URLs"
    ],
    imgproxy_presets: [
      type: :presets,
      default: %{},
      doc: "the presets of imgproxy, such as `%{\"small\" => \"rs:fit:200:200/q:70\"}`"
    ],
    imgproxy_watermark: [
      type: :picture,
      default: nil,
      doc:
        "the picture that imgproxy's `watermark` puts on top of others. It is read when the " <>
          "server starts. Without it, a URL that asks for it gets the status 400"
    ],
    keys: [
      type: :keys,
      default: [],
      doc:
        "the secrets that URLs can be signed with, see `Thumbelina.URL`. If there are any, what " <>
          "is not signed gets the status 403. Several keys allow to change them one after the other"
    ],
    sizes: [
      type: :sizes,
      default: nil,
      doc: "the only sizes that are made. Without it, all sizes are"
    ],
    qualities: [
      type: :qualities,
      default: nil,
      doc: "the only values of `quality` that a URL can ask for. Without it, all are"
    ],
    quality: [
      type: {:integer, 1, 100},
      default: 80,
      doc: "the quality of what does not ask for one"
    ],
    format: [
      type: {:in, [:auto | Format.writable()]},
      default: nil,
      doc:
        "the format of what does not ask for one. With `:auto`, the client's `Accept` header " <>
          "and the picture decide. Without it, the thumbnail has the picture's format, as in " <>
          "`Thumbelina.thumbnail/4`"
    ],
    metadata: [
      type: {:option, :metadata},
      default: [:copyright, :icc],
      doc:
        "which of a picture's metadata the `metadata` of a URL may ask for, as in " <>
          "`Thumbelina.thumbnail/4`. By default not where a picture was made, when, and with " <>
          "whose camera. Of a picture in a body, which its sender has, all can be asked for"
    ],
    avif: [
      type: :boolean,
      default: false,
      doc:
        "whether `:auto` may choose AVIF. It takes some thirty times as long as JPEG, and " <>
          "works for thumbnails up to 500,000 pixels"
    ],
    client_hints: [
      type: :boolean,
      default: false,
      doc:
        "whether the headers `DPR` and `Width`, and those that replaced them, change the size. " <>
          "The size is multiplied by `DPR`, rounded up to 1, 1.5, 2 or 3. `Width` is the width " <>
          "where the URL leaves it open, unless there are `:keys` or `:sizes`"
    ],
    page: [
      type: :boolean,
      default: nil,
      doc:
        "whether there is a page at `/`, to try the server in a browser. Without it, there is " <>
          "one unless there are `:keys`, `:sizes` or `:qualities`, which its requests would not " <>
          "meet"
    ],
    max_age: [
      type: {:integer, 0, 31_536_000},
      default: 3600,
      doc: "how many seconds caches may keep a thumbnail without asking again"
    ],
    formats: [
      type: {:option, :formats},
      default: nil,
      doc: "the formats to accept, as in `Thumbelina.thumbnail/4`"
    ],
    max_body_bytes: [
      type: {:integer, 1, 0xFFFF_FFFF},
      default: 33_554_432,
      doc: "the most bytes that the body of a request may have"
    ],
    max_file_bytes: [
      type: {:integer, 1, 0xFFFF_FFFF_FFFF},
      default: 268_435_456,
      doc: "the most bytes that a picture under the root may have"
    ],
    max_pixels: [
      type: {:option, :max_pixels},
      default: nil,
      doc: "the most pixels of a picture or thumbnail, as in `Thumbelina.thumbnail/4`"
    ],
    max_memory: [
      type: {:option, :max_memory},
      default: nil,
      doc: "the most bytes of native memory for one thumbnail, as in `Thumbelina.thumbnail/4`"
    ],
    timeout: [
      type: {:integer, 1, 0xFFFF_FFFF},
      default: 10_000,
      doc: "the most milliseconds that a thumbnail may take. After that, the work stops"
    ],
    max_concurrency: [
      type: {:integer, 1, 65_536},
      default: nil,
      doc:
        "the most pictures that are worked on at a time, by default four for each scheduler. " <>
          "Further requests get the status 503 at once"
    ],
    body_timeout: [
      type: {:integer, 1, 0xFFFF_FFFF},
      default: 60_000,
      doc: "the milliseconds within which a request's body must arrive. After that, it hangs up"
    ],
    name: [
      listener: true,
      type: :name,
      default: nil,
      doc: "the name to register the server's supervisor under, an atom"
    ],
    listen: [
      listener: true,
      type: :boolean,
      default: true,
      doc:
        "with `false`, it listens nowhere, and answers what `Thumbelina.Plug` hands it. Then it " <>
          "needs a `:name`, and takes none of the options below"
    ],
    ip: [
      listener: true,
      type: :ip,
      default: {127, 0, 0, 1},
      doc: "the address to listen on. By default, only this machine can connect"
    ],
    port: [
      listener: true,
      type: {:integer, 0, 65_535},
      default: 4000,
      doc: "the port to listen on. With 0, the system chooses one: see `Thumbelina.Server.port/1`"
    ],
    tls: [
      listener: true,
      type: :tls,
      default: nil,
      doc:
        "serves HTTPS with these options of `:ssl.listen/2`, such as " <>
          "`[certfile: \"cert.pem\", keyfile: \"key.pem\"]`"
    ],
    max_clients: [
      listener: true,
      type: {:integer, 1, 65_536},
      default: 1024,
      doc: "the most connections. Requests on further ones get the status 503"
    ],
    keep_alive_timeout: [
      listener: true,
      type: {:integer, 1, 86_400},
      default: 15,
      doc:
        "the seconds within which a request's head must arrive, counted from the connection or " <>
          "the response before"
    ],
    send_timeout: [
      listener: true,
      type: {:integer, 1, 0xFFFF_FFFF},
      default: 30_000,
      doc: "the milliseconds for which a client may refuse to take more of a response"
    ]
  ]

  @handler for {key, spec} <- @schema, !spec[:listener], do: key
  @listener for {key, %{listener: true}} <- Enum.map(@schema, fn {k, s} -> {k, Map.new(s)} end),
                do: key

  # Of these, the ones that a server has that does not listen.
  @sockets @listener -- [:name, :listen]

  @type size :: {pos_integer | nil, pos_integer | nil}

  @type t :: %__MODULE__{
          root: Path.t() | nil,
          allow_hosts: [String.t()],
          allow_ports: [:inet.port_number()],
          allow_private: boolean,
          imgproxy: boolean,
          imgproxy_keys: (... -> [{binary, binary}, ...]) | nil,
          imgproxy_presets: %{String.t() => String.t()},
          imgproxy_watermark: {digest :: binary, Image.t()} | nil,
          keys: (... -> [String.t(), ...]) | nil,
          sizes: [size, ...] | nil,
          qualities: [1..100, ...] | nil,
          quality: 1..100,
          format: :auto | Format.t() | nil,
          metadata: :strip | :keep | [:copyright | :exif | :gps | :icc | :iptc | :xmp],
          avif: boolean,
          client_hints: boolean,
          page: boolean,
          max_age: non_neg_integer,
          formats: :default | :all | [Format.t()] | nil,
          max_body_bytes: pos_integer,
          max_file_bytes: pos_integer,
          max_pixels: pos_integer | nil,
          max_memory: pos_integer | nil,
          timeout: pos_integer,
          max_concurrency: pos_integer,
          body_timeout: pos_integer,
          live: :ets.tid() | nil
        }

  @type listener :: %{
          name: atom,
          listen: boolean,
          ip: :inet.ip_address(),
          port: :inet.port_number(),
          tls: keyword | nil,
          max_clients: pos_integer,
          keep_alive_timeout: pos_integer,
          send_timeout: pos_integer
        }

  # `live` is not an option: the table of `Thumbelina.Server.Metrics`, once the server runs.
  @enforce_keys @handler
  defstruct @handler ++ [:live]

  @doc "Checks the options of the handler, and fills in the defaults."
  @spec new(term) :: {:ok, t} | {:error, Error.t()}
  def new(opts) do
    with {:ok, values} <- validate(opts, Keyword.take(@schema, @handler)),
         :ok <- guarded(values),
         do: {:ok, config(values)}
  end

  @doc "The same with the options of the sockets."
  @spec server(term) :: {:ok, t, listener} | {:error, Error.t()}
  def server(opts) do
    with {:ok, values} <- validate(opts, @schema),
         :ok <- guarded(values),
         :ok <- listening(values, opts) do
      {listener, handler} = Map.split(values, @listener)
      {:ok, config(handler), listener}
    end
  end

  # The other grammar is no way around what the first one protects.
  defp guarded(%{imgproxy: true, imgproxy_keys: []} = values)
       when values.keys != [] or values.sizes != nil or values.qualities != nil do
    expected = "a key and a salt, because there are keys, sizes or qualities"
    Options.invalid(:imgproxy_keys, [], expected)
  end

  defp guarded(_values), do: :ok

  defp listening(%{listen: true}, _opts), do: :ok

  defp listening(%{listen: false, name: name}, _opts) when name in [nil, true, false],
    do: Options.invalid(:name, name, "a name, because a server that does not listen needs one")

  defp listening(%{listen: false}, opts) do
    Enum.find_value(opts, :ok, fn {key, value} ->
      if key in @sockets,
        do: Options.invalid(key, value, "no option of sockets, because of listen: false")
    end)
  end

  defp config(values) do
    most = values.max_concurrency || 4 * System.schedulers_online()
    keys = hidden(values.keys)
    pairs = hidden(values.imgproxy_keys)
    values = %{values | max_concurrency: most, page: page?(values)}
    struct!(__MODULE__, %{values | keys: keys, imgproxy_keys: pairs})
  end

  # By default, where it works: it signs nothing, and asks for sizes and qualities of its own.
  defp page?(%{page: nil, keys: [], sizes: nil, qualities: nil}), do: true
  defp page?(%{page: page?}), do: page? == true

  # A function shows nothing in the reports of supervisors.
  defp hidden([]), do: nil
  defp hidden(secrets), do: fn -> secrets end

  defp validate(opts, schema) do
    defaults = Map.new(schema, fn {key, spec} -> {key, spec[:default]} end)

    Options.collect(opts, defaults, &check(&1, &2, schema))
  end

  defp check(key, value, schema) do
    case Keyword.fetch(schema, key) do
      {:ok, spec} ->
        if value == spec[:default], do: {:ok, value}, else: check_value(key, spec[:type], value)

      :error ->
        Options.invalid(
          key,
          value,
          "one of the options #{Enum.map_join(Keyword.keys(schema), ", ", &inspect/1)}"
        )
    end
  end

  # The library checks its own options.
  defp check_value(key, {:option, _}, value) do
    with {:ok, _} <- Options.call([{key, value}]), do: {:ok, value}
  end

  defp check_value(key, type, value) do
    with :error <- cast(type, value), do: Options.invalid(key, value, expected(type))
  end

  defp cast({:integer, first, last}, value)
       when is_integer(value) and value >= first and value <= last,
       do: {:ok, value}

  defp cast({:in, atoms}, value), do: if(value in atoms, do: {:ok, value}, else: :error)
  defp cast(:boolean, value) when is_boolean(value), do: {:ok, value}
  defp cast(:name, value) when is_atom(value), do: {:ok, value}
  defp cast(:tls, value), do: if(Keyword.keyword?(value), do: {:ok, value}, else: :error)

  defp cast(:folder, value) when is_binary(value) do
    if not String.contains?(value, <<0>>) and File.dir?(value),
      do: {:ok, Path.expand(value)},
      else: :error
  end

  defp cast(:picture, value) when is_binary(value) do
    case Thumbelina.open(value, formats: :all) do
      {:ok, image} -> {:ok, {:erlang.md5(image.bytes), image}}
      {:error, _} -> :error
    end
  end

  defp cast(:keys, value) do
    if proper?(value) and Enum.all?(value, &(is_binary(&1) and &1 != "")),
      do: {:ok, value},
      else: :error
  end

  defp cast(:hosts, value) do
    if proper?(value) and Enum.all?(value, &(is_binary(&1) and &1 != "")),
      do: {:ok, value},
      else: :error
  end

  defp cast(:ports, [_ | _] = value) do
    if proper?(value) and Enum.all?(value, &(is_integer(&1) and &1 in 1..65_535)),
      do: {:ok, value},
      else: :error
  end

  defp cast(:key_pairs, value) do
    pair? = &match?({key, salt} when is_binary(key) and key != "" and is_binary(salt), &1)
    if proper?(value) and Enum.all?(value, pair?), do: {:ok, value}, else: :error
  end

  defp cast(:presets, value) when is_map(value) do
    if Enum.all?(value, fn {name, options} -> is_binary(name) and is_binary(options) end),
      do: {:ok, value},
      else: :error
  end

  defp cast(:qualities, [_ | _] = value) do
    if proper?(value) and Enum.all?(value, &(is_integer(&1) and &1 in 1..100)),
      do: {:ok, value},
      else: :error
  end

  defp cast(:sizes, [_ | _] = value) do
    sizes = if proper?(value), do: Enum.map(value, &to_size/1), else: [:error]
    if :error in sizes, do: :error, else: {:ok, sizes}
  end

  defp cast(:ip, value) when is_binary(value) do
    with {:error, _} <- value |> String.to_charlist() |> :inet.parse_strict_address(), do: :error
  end

  defp cast(:ip, value) when is_tuple(value) do
    if is_list(:inet.ntoa(value)), do: {:ok, value}, else: :error
  end

  defp cast(_type, _value), do: :error

  defp proper?(value), do: is_list(value) and not List.improper?(value)

  defp to_size(text) when is_binary(text), do: with({:ok, size} <- size(text), do: size)

  defp to_size({width, height} = size) when width != nil or height != nil,
    do: if(side?(width) and side?(height), do: size, else: :error)

  defp to_size(_), do: :error

  defp side?(side), do: side == nil or (is_integer(side) and side > 0)

  @doc "A size as text: `300x200`, `300` for a square box, or `300x` or `x200`."
  @spec size(String.t()) :: {:ok, size} | :error
  def size(text) do
    case Regex.run(~r/\A(\d{0,10})(x?)(\d{0,10})\z/, text) do
      [_, side, "", ""] when side != "" -> sides(side, side)
      [_, width, "x", height] when width <> height != "" -> sides(width, height)
      _ -> :error
    end
  end

  defp sides(width, height) do
    size = {side(width), side(height)}
    if 0 in Tuple.to_list(size), do: :error, else: {:ok, size}
  end

  defp side(""), do: nil
  defp side(digits), do: String.to_integer(digits)

  @doc "The schema's keys and types, for whatever parses options from text."
  @spec types :: keyword
  def types,
    do:
      for(
        {key, spec} <- @schema,
        do: {key, with({:option, option} <- spec[:type], do: Options.types()[option])}
      )

  @doc "The options as a Markdown list, or all of them as flags."
  def docs do
    for {key, spec} <- @schema, into: "" do
      # An option that has no default is described by what happens without it.
      default =
        if spec[:default] in [nil, [], %{}],
          do: "",
          else: "; default `#{inspect(spec[:default])}`"

      "  * `:#{key}` (#{values(spec[:type])}#{default}) - #{spec[:doc]}\n"
    end
  end

  def docs(:command_line) do
    for {key, spec} <- @schema, key not in [:name, :listen, :tls, :imgproxy_presets], into: "" do
      value = with " " <> _ = text <- flag_value(spec[:type]), do: text

      default =
        if spec[:default] in [nil, false, [], %{}],
          do: "",
          else: ". Default: #{shown(spec[:default])}"

      doc = Regex.replace(~r/`:(\w+)`/, spec[:doc], "`\\1`")
      "  * `#{Options.flag(key)}#{value}`#{negated(key, spec)} - #{doc}#{default}\n"
    end
  end

  # What is on by default can be switched off.
  defp negated(key, spec) do
    if spec[:type] == :boolean and spec[:default] != false,
      do: ", `--no-#{String.trim_leading(Options.flag(key), "--")}`",
      else: ""
  end

  defp shown(list) when is_list(list), do: Enum.join(list, ",")
  defp shown(ip) when is_tuple(ip), do: ip |> :inet.ntoa() |> List.to_string()
  defp shown(value), do: value

  defp values({:integer, _first, last}) when last > 0xFFFF_FFFE, do: "a positive integer"
  defp values({:option, _}), do: "as there"
  defp values(type), do: expected(type)

  defp flag_value({:integer, first, last}), do: " #{first}..#{last}"
  defp flag_value({:in, atoms}), do: " " <> Enum.join(atoms, "|")
  defp flag_value({:option, :formats}), do: " all|default|jpeg,png,…"
  defp flag_value({:option, :metadata}), do: " strip|keep|copyright,icc,…"
  defp flag_value({:option, _}), do: " NUMBER"
  defp flag_value(:folder), do: " FOLDER"
  defp flag_value(:picture), do: " FILE"
  defp flag_value(:keys), do: " SECRET,…"
  defp flag_value(:hosts), do: " HOST,…"
  defp flag_value(:ports), do: " PORT,…"
  defp flag_value(:key_pairs), do: " KEY:SALT,…"
  defp flag_value(:sizes), do: " 300x200,100x,…"
  defp flag_value(:qualities), do: " 50,80,…"
  defp flag_value(:ip), do: " ADDRESS"
  defp flag_value(:boolean), do: ""

  defp expected({:integer, first, last}), do: "`#{first}..#{last}`"
  defp expected({:in, atoms}), do: Enum.map_join(atoms, ", ", &"`#{inspect(&1)}`")
  defp expected(:boolean), do: "`true`, `false`"
  defp expected(:folder), do: "a folder that exists"
  defp expected(:picture), do: "the path of a picture"
  defp expected(:keys), do: "a list of strings that are not empty"
  defp expected(:hosts), do: "a list of host names"
  defp expected(:ports), do: "a list of `1..65535`"
  defp expected(:key_pairs), do: "a list of `{key, salt}`, as binaries; in text, in hexadecimal"
  defp expected(:presets), do: "a map of names to options, as strings"
  defp expected(:sizes), do: "a list of sizes, such as `\"300x200\"`, `\"300x\"` or `{300, 200}`"
  defp expected(:qualities), do: "a list of `1..100`"
  defp expected(:ip), do: "an address, such as `\"127.0.0.1\"` or `{127, 0, 0, 1}`"
  defp expected(:name), do: "an atom"
  defp expected(:tls), do: "a keyword list"
end
