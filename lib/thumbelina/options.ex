defmodule Thumbelina.Options do
  @moduledoc false
  # The one schema of all options. Validation, documentation, types and flags come from it.

  alias Thumbelina.{Color, Error, Format, Position}

  # `config: true`: the application's configuration can set the default. `output: true`: each of
  # several outputs can have its own.
  @schema [
    fit: [
      output: true,
      type: {:in, [:contain, :inside, :cover, :fill, :pad, :outside]},
      default: :contain,
      doc:
        "how the picture meets the box. `:contain` and `:inside` keep all of it inside the box. " <>
          "`:cover` fills the box, as far as it can without enlarging, and crops at the " <>
          "`:position`. `:pad` has exactly the size of the box: all of the picture, and bars of " <>
          "the `:background`. `:outside` keeps all of it, no smaller than the box on either " <>
          "side. All keep the proportions, but `:fill`"
    ],
    position: [
      output: true,
      type: {:position, Position.names()},
      default: :center,
      doc:
        "which part of the picture `fit: :cover` keeps. Where nothing is cut off, it does not " <>
          "matter. With a point, fractions of the width and the height of the picture as shown, " <>
          "the window that is kept has the point in its middle, or as near to its middle as the " <>
          "edges of the picture allow. So `{0, 0}` is `:northwest`, and `{0.5, 0.5}` is " <>
          "`:center`. `:attention` keeps what has edges, saturated colors and skin, and " <>
          "`:entropy` what has the most different grays; both look at the picture when it is " <>
          "small. With `fit: :pad`, the position is that of the picture in the box"
    ],
    enlarge: [
      output: true,
      type: :boolean,
      default: false,
      doc:
        "whether the picture may get more pixels on a side than it has. The bars of `fit: :pad` " <>
          "do not count"
    ],
    background: [
      output: true,
      type: :color,
      default: nil,
      doc:
        "the color behind the picture, and that of the bars of `fit: :pad`. Without it, alpha " <>
          "stays and bars are transparent if the thumbnail's format has alpha, and white shows " <>
          "if it has none"
    ],
    dpr: [
      output: true,
      type: {:number, 0.1, 10},
      default: 1,
      doc: "the device pixel ratio: the width and the height that are asked for, times this"
    ],
    linear: [
      output: true,
      type: :boolean,
      default: false,
      doc:
        "whether the picture is shrunk in linear light, which keeps the brightness of fine " <>
          "bright patterns. A JPEG is decoded at its full size for this. CMYK and Lab are " <>
          "shrunk as they are, floats are linear anyway"
    ],
    format: [
      output: true,
      type: {:in, Format.writable()},
      default: nil,
      doc:
        "the thumbnail's format. Without it, the picture's own or, if that cannot be written, " <>
          "`:jpeg`, or `:png` for a picture with alpha"
    ],
    quality: [
      output: true,
      type: {:integer, 1, 100},
      default: 80,
      doc:
        "for `:jpeg` and `:avif`. The other formats are lossless, except that `:gif` has 256 colors"
    ],
    color: [
      output: true,
      type: {:in, [:srgb, :keep]},
      default: :srgb,
      doc:
        "what becomes of colors that are not sRGB's. `:srgb` converts them. `:keep` leaves the " <>
          "numbers as they are, and writes the profile into the thumbnail. CMYK, L\\*a\\*b\\*, " <>
          "and formats other than `:jpeg`, `:png`, `:webp` and `:tiff`, are converted all the same"
    ],
    progressive: [
      output: true,
      type: :boolean,
      default: false,
      doc:
        "for `:jpeg`, whether it is written in scans that get better and better. It is smaller, " <>
          "takes three times as long to write, and needs memory for all of its coefficients"
    ],
    subsampling: [
      output: true,
      type: {:in, [:auto, "4:4:4", "4:2:2", "4:2:0"]},
      default: :auto,
      doc:
        "for `:jpeg`, how much color is kept: of each pixel, of two side by side, or of two by " <>
          "two. `:auto` is `\"4:4:4\"` from a quality of 90 on, and `\"4:2:0\"` below"
    ],
    optimize_coding: [
      output: true,
      type: :boolean,
      default: false,
      doc:
        "for `:jpeg`, whether its codes are made for the picture, which makes it 2 to 5 % " <>
          "smaller, and needs memory for all of its coefficients. Progressive ones always have it"
    ],
    compression: [
      output: true,
      type: {:compression, [:none, :lzw, :deflate, :packbits]},
      default: nil,
      doc:
        "for `:png`, zlib's level from 0 to 9. Without it, a fast method that is made for PNG, " <>
          "and zlib for what is no photograph. For `:tiff`, the method, of which a number is " <>
          "the level of `:deflate`. Without it, `:none`"
    ],
    colors: [
      output: true,
      type: {:integer, 2, 256},
      default: nil,
      doc:
        "for `:png`, the most colors of a palette, with all of their alpha if so many are " <>
          "enough, and otherwise with pixels that show or do not. Without it, there is no " <>
          "palette. For `:gif`, which always has one, fewer than 256"
    ],
    dither: [
      output: true,
      type: :boolean,
      default: false,
      doc:
        "for palettes: whether the error of each pixel's color is diffused to its neighbors. " <>
          "Gradients get smoother, and files larger"
    ],
    max_bytes: [
      output: true,
      type: {:integer, 1, 0xFFFF_FFFF_FFFF},
      default: nil,
      doc:
        "the most bytes of the thumbnail. `:jpeg` and `:avif` get the best quality up to " <>
          "`:quality` that is found to fit with at most six encodes of the same pixels. If none " <>
          "fits, or the format is lossless and the thumbnail larger, the result is the error " <>
          "`:limit_exceeded`"
    ],
    filter: [
      output: true,
      type:
        {:in,
         [:lanczos3, :catmull_rom, :mitchell, :gaussian, :hamming, :bilinear, :box, :nearest]},
      default: :lanczos3,
      doc: "the kernel of the last resampling step"
    ],
    autorotate: [
      type: :boolean,
      default: true,
      doc:
        "whether the picture is turned upright as its orientation says. Without it, the " <>
          "thumbnail is what is stored, and sizes and positions are meant so"
    ],
    trim: [
      type: :trim,
      default: false,
      doc:
        "whether borders are cut off first, of the color of the upper left pixel. A number from " <>
          "0 to 255 says by how much a sample of 8 bits may differ from it, `true` stands for " <>
          "10. For this the picture is decoded twice, the first time at its full size, and " <>
          "pieces are collected"
    ],
    metadata: [
      output: true,
      type: {:metadata, [:copyright, :exif, :gps, :icc, :iptc, :xmp]},
      default: :strip,
      doc:
        "what goes along of the picture's metadata, if the thumbnail's format can hold it. " <>
          "`:strip` leaves out everything, the place where the picture was made above all. " <>
          "`:keep` keeps everything that still holds, that place included. A list picks: " <>
          "`:exif` (all but the place), `:gps` (the place), `:copyright` (who made the picture " <>
          "and what may be done with it, of EXIF, XMP and IPTC), `:xmp` (the place only with " <>
          "`:gps`), `:iptc`, and `:icc` (a profile that says what the colors are)"
    ],
    on_damage: [
      type: {:in, [:error, :gray]},
      default: :error,
      doc:
        "what to do with a picture that is damaged or cut off. `:error` gives an error, which " <>
          "says where in a JPEG or WebP; `:gray` makes a thumbnail of what is there, with gray " <>
          "for the rest. That goes for every format, from the damage on; a header has to be whole"
    ],
    formats: [
      type: {:formats, Format.readable()},
      default: :default,
      config: true,
      doc:
        "the formats to accept. `:default` is every format whose decoder keeps to the limits " <>
          "for any file, `:all` is every format that can be read: today, these are the same"
    ],
    max_pixels: [
      type: {:integer, 1, 0xFFFF_FFFF_FFFF},
      default: 268_435_456,
      config: true,
      doc:
        "the most pixels that the picture, or the thumbnail, may have. It bounds time: memory " <>
          "is bounded by `:max_memory`, whatever the number of pixels"
    ],
    max_bytes_in: [
      type: {:integer, 1, 0xFFFF_FFFF_FFFF},
      default: 268_435_456,
      config: true,
      doc: "the most bytes that the encoded picture may have"
    ],
    max_memory: [
      type: {:integer, 1, 0xFFFF_FFFF_FFFF},
      default: 536_870_912,
      config: true,
      doc:
        "the most bytes of native memory that the call may hold, not counting the encoded picture"
    ],
    timeout: [
      type: :timeout,
      default: :infinity,
      doc:
        "the most milliseconds that the call may take. After that the native work stops, and " <>
          "the result is the error `:timeout`"
    ],
    scheduler: [
      type: {:in, [:auto, :normal, :dirty]},
      default: :auto,
      doc:
        "where the work runs. `:normal` forces slices on normal schedulers wherever the work " <>
          "can be cut, `:dirty` forces a dirty CPU scheduler; neither waits for a turn. `:auto` " <>
          "follows the plan, and waits for its turn: as many thumbnails are made at a time as " <>
          "there are schedulers"
    ],
    priority: [
      type: {:in, [:low, :unchanged]},
      default: :low,
      config: true,
      doc:
        "the priority of the calling process during the call. With `:low`, the VM lets other " <>
          "processes go first seven times out of eight; after the call the priority is what it was"
    ]
  ]

  # For tests: end a slice after this many steps, to try every place where one can end; and panic
  # after this many.
  @private [
    steps_per_slice: [type: {:integer, 1, 0xFFFF_FFFF}, default: nil],
    panic_after: [type: {:integer, 0, 0xFFFF_FFFF}, default: nil]
  ]

  # Of a function that has them beside the options of the thumbnails that it makes.
  @beside [
    stream: [
      max_concurrency: [
        type: {:integer, 1, 0xFFFF},
        default: nil,
        doc:
          "how many pictures may be in progress. Without it, as many as there are schedulers online"
      ],
      ordered: [
        type: :boolean,
        default: true,
        doc:
          "whether the results come in the order of the pictures. If so, results wait for a " <>
            "slower one that comes first"
      ]
    ],
    cast: [
      tag: [
        type: :any,
        default: nil,
        doc: "any term. With it, the message is `{tag, result}`"
      ],
      max_queue: [
        type: {:integer, 1, 0xFFFF_FFFF},
        default: 10_000,
        doc:
          "how many casts may be unanswered on this node. One more is refused with the error " <>
            "`:overloaded`"
      ]
    ]
  ]

  # What `open/2` and `new/2` take of the schema.
  @probe [:formats, :max_bytes_in]

  # Only in the configuration: these belong to the application rather than to a call.
  @config [
    threads: [type: {:integer, 1, 128}],
    yield_limit: [type: {:integer, 0, 0xFFFF_FFFF_FFFF}]
  ]

  @all @schema ++ @private
  @defaults Map.new(@all, fn {key, spec} -> {key, spec[:default]} end)
  @configured Enum.filter(@schema, fn {_key, spec} -> spec[:config] end)

  @probe_schema Keyword.take(@schema, @probe)
  @probe_defaults Map.take(@defaults, @probe)

  one_of = fn members -> members |> Enum.reverse() |> Enum.reduce(&{:|, [], [&1, &2]}) end

  type_of_value = fn value -> if is_atom(value), do: value, else: quote(do: String.t()) end

  type_of = fn
    {:in, values} -> values |> Enum.map(type_of_value) |> Enum.uniq() |> one_of.()
    {:compression, names} -> one_of.([{:.., [], [0, 9]} | names])
    {:formats, atoms} -> one_of.([:default, :all, [one_of.(atoms)]])
    {:integer, first, last} -> {:.., [], [first, last]}
    {:number, _first, _last} -> {:number, [], []}
    :color -> quote(do: Thumbelina.color())
    :trim -> {:|, [], [{:boolean, [], []}, {:number, [], []}]}
    {:metadata, atoms} -> one_of.([:strip, :keep, [one_of.(atoms)]])
    {:position, names} -> one_of.(names ++ [{{:number, [], []}, {:number, [], []}}])
    :timeout -> {:timeout, [], []}
    :boolean -> {:boolean, [], []}
    :any -> {:term, [], []}
  end

  @types for {key, spec} <- @schema, do: {key, type_of.(spec[:type])}
  @option one_of.(@types)
  @probe_option one_of.(Enum.filter(@types, &(elem(&1, 0) in @probe)))

  @beside_option for {group, schema} <- @beside,
                     do:
                       {group,
                        one_of.(for {key, spec} <- schema, do: {key, type_of.(spec[:type])})}

  @output for {key, spec} <- @schema, spec[:output], do: key
  @call_schema Keyword.drop(@schema, @output)
  @call_defaults Map.drop(@defaults, @output)
  @output_schema Keyword.take(@schema, @output)
  @call_option one_of.(Enum.reject(@types, &(elem(&1, 0) in @output)))
  @output_option one_of.(Enum.filter(@types, &(elem(&1, 0) in @output)))

  @doc "The type of one option, for the module whose documentation has it."
  def type, do: @option

  @doc """
  The type of one option of `open/2` and `new/2`, of `placeholder/3`, of one output, or of
  `stream/4` or `cast`.
  """
  def type(:probe), do: @probe_option
  def type(:placeholder), do: @call_option
  def type(:output), do: @output_option
  def type(group), do: Keyword.fetch!(@beside_option, group)

  @doc "The options as a Markdown list."
  def docs, do: list(@schema)

  @doc """
  The options of `open/2` and `new/2`, those of `placeholder/3`, all of them as flags, or those of
  `stream/4` or `cast`, as a Markdown list.
  """
  def docs(:probe), do: list(take_probe(@schema))

  def docs(:placeholder), do: list(@call_schema)

  def docs(:command_line) do
    for {key, spec} <- @schema, into: "" do
      values =
        case spec[:type] do
          {:in, atoms} -> " " <> Enum.join(atoms, "|")
          {:compression, names} -> " 0..9|" <> Enum.join(names, "|")
          {:formats, _atoms} -> " all|default|jpeg,png,…"
          {:metadata, _atoms} -> " strip|keep|copyright,icc,…"
          {:integer, first, last} -> " #{first}..#{last}"
          {:number, first, last} -> " #{first}..#{last}"
          {:position, names} -> " " <> Enum.join(names, "|") <> "|X,Y"
          :color -> " COLOR"
          :trim -> " true|THRESHOLD"
          :timeout -> " MILLISECONDS"
          :boolean -> ""
        end

      # An option that has no default is described by what happens without it.
      default = if spec[:default] in [nil, false], do: "", else: ". Default: #{spec[:default]}"
      doc = Regex.replace(~r/`:(\w+)`/, spec[:doc], "`\\1`")
      "  * `#{flag(key)}#{values}` - #{doc}#{default}\n"
    end
  end

  def docs(group), do: @beside |> Keyword.fetch!(group) |> list()

  @doc "An option as the command line has it."
  def flag(key), do: "--" <> (key |> Atom.to_string() |> String.replace("_", "-"))

  defp list(schema) do
    for {key, spec} <- schema, into: "" do
      # An option that has no default is described by what happens without it.
      default = if spec[:default] == nil, do: "", else: "; default `#{inspect(spec[:default])}`"

      "  * `:#{key}` (#{values(spec[:type])}#{default}) - #{spec[:doc]}\n"
    end
  end

  defp values({:integer, 1, last}) when last > 0xFFFF_FFFF, do: "a positive integer"
  defp values({:integer, first, last}), do: "`#{first}..#{last}`"
  defp values(type), do: expected(type)

  # Nobody needs more digits, and the time to read many is not linear.
  @number ~r/\A\d{1,4}(?:\.\d{1,9})?\z/

  @doc "A value that is written as text, of those types that have no list of values."
  @spec read({:number, number, number} | :color | :trim, String.t()) :: {:ok, term} | :error
  def read(:color, text), do: with({:ok, _rgba} <- Color.parse(text), do: {:ok, text})
  def read(:trim, text) when text in ["true", "false"], do: {:ok, text == "true"}

  def read(type, text) do
    with true <- text =~ @number,
         {number, ""} <- Float.parse(text),
         true <- valid?(type, number) do
      {:ok, number}
    else
      _ -> :error
    end
  end

  @doc "What a value of a type has to be, for a message."
  @spec expected_of(term) :: String.t()
  def expected_of(type), do: type |> expected() |> String.replace("`", "")

  @doc "The schema's keys and types, for whatever parses options from text."
  def types, do: for({key, spec} <- @schema, do: {key, spec[:type]})

  @doc "Whether a call takes an option."
  @spec known?(atom) :: boolean
  def known?(key), do: is_map_key(@defaults, key)

  @doc "Checks the options of a call, and fills in the defaults."
  @spec call(term) :: {:ok, map} | {:error, Error.t()}
  def call(opts), do: validate(opts, @all, configured(@defaults))

  @doc "Checks the options of a placeholder, which are those of a call that are of no output."
  @spec placeholder(term) :: {:ok, map} | {:error, Error.t()}
  def placeholder(opts), do: validate(opts, @call_schema ++ @private, configured(@call_defaults))

  @doc "Separates the options that each output can have of its own from the others."
  @spec split_output(map) :: {map, map}
  def split_output(opts), do: Map.split(opts, @output)

  @doc "Checks the options of one output, with those of the call as defaults."
  @spec output(term, map) :: {:ok, map} | {:error, Error.t()}
  def output(opts, common), do: validate(opts, @output_schema, common)

  @doc "Checks the options of `stream/4` or `cast`, and separates them from the others."
  @spec beside(:stream | :cast, term) :: {:ok, map, keyword} | {:error, Error.t()}
  def beside(group, opts) do
    schema = Keyword.fetch!(@beside, group)

    if Keyword.keyword?(opts) do
      {own, rest} = Keyword.split(opts, Keyword.keys(schema))
      defaults = Map.new(schema, fn {key, spec} -> {key, spec[:default]} end)
      with {:ok, own} <- validate(own, schema, defaults), do: {:ok, own, rest}
    else
      invalid(:options, opts, "a keyword list")
    end
  end

  @doc "What the node's configuration says."
  @spec node :: map
  def node, do: for({key, spec} <- @config, into: %{}, do: {key, config!(key, spec, nil)})

  @doc "The options that `open/2` and `new/2` take."
  def take_probe(opts), do: Keyword.take(opts, @probe)

  @doc "Checks the options of `open/2` and `new/2`, and gives the map that the NIF takes."
  @spec probe(term) :: {:ok, map} | {:error, Error.t()}
  def probe(opts), do: validate(opts, @probe_schema, configured(@probe_defaults))

  defp validate(opts, schema, defaults) do
    collect(opts, defaults, fn key, value ->
      with :ok <- check(key, value, schema), do: {:ok, value}
    end)
  end

  @doc "Puts options into a map or struct that has their defaults, each as `check` returns it."
  @spec collect(term, defaults, (atom, term -> {:ok, term} | {:error, Error.t()})) ::
          {:ok, defaults} | {:error, Error.t()}
        when defaults: map
  def collect(opts, defaults, check) do
    if Keyword.keyword?(opts) do
      Enum.reduce_while(opts, {:ok, defaults}, fn {key, value}, {:ok, acc} ->
        case check.(key, value) do
          {:ok, value} -> {:cont, {:ok, Map.replace!(acc, key, value)}}
          error -> {:halt, error}
        end
      end)
    else
      invalid(:options, opts, "a keyword list")
    end
  end

  # What the configuration may say otherwise is asked for at every call.
  defp configured(defaults) do
    Enum.reduce(@configured, defaults, fn {key, spec}, defaults ->
      case defaults do
        %{^key => default} -> %{defaults | key => config!(key, spec, default)}
        _ -> defaults
      end
    end)
  end

  # A wrong configuration is the operator's mistake, not the caller's.
  defp config!(key, spec, default) do
    value = Application.get_env(:thumbelina, key, default)

    if value == default or valid?(spec[:type], value) do
      value
    else
      raise ArgumentError,
            "config :thumbelina, #{key}: expected #{expected(spec[:type])}, got: #{inspect(value)}"
    end
  end

  defp check(key, value, schema) do
    case Keyword.fetch(schema, key) do
      {:ok, spec} ->
        if valid?(spec[:type], value) or (value == nil and spec[:default] == nil),
          do: :ok,
          else: invalid(key, value, expected(spec[:type]))

      :error ->
        known = Enum.map_join(Keyword.keys(schema) -- Keyword.keys(@private), ", ", &inspect/1)
        invalid(key, value, "one of the options #{known}")
    end
  end

  # The most that `receive` takes.
  @max_timeout 0xFFFF_FFFF

  defp valid?({:in, atoms}, value), do: value in atoms
  defp valid?({:compression, names}, value), do: value in 0..9 or value in names
  defp valid?({:integer, first, last}, value), do: is_integer(value) and value in first..last

  defp valid?({:number, first, last}, value),
    do: is_number(value) and value >= first and value <= last

  defp valid?(:color, nil), do: true
  defp valid?(:color, value), do: Color.parse(value) != :error
  defp valid?(:trim, value), do: is_boolean(value) or valid?({:number, 0, 255}, value)
  defp valid?({:formats, _atoms}, value) when value in [:default, :all], do: true

  defp valid?({:metadata, _atoms}, value) when value in [:strip, :keep], do: true

  defp valid?({kind, atoms}, value) when kind in [:formats, :metadata],
    do: is_list(value) and not List.improper?(value) and Enum.all?(value, &(&1 in atoms))

  defp valid?({:position, _names}, value), do: Position.valid?(value)
  defp valid?(:timeout, :infinity), do: true
  defp valid?(:timeout, value), do: is_integer(value) and value in 0..@max_timeout
  defp valid?(:boolean, value), do: is_boolean(value)
  defp valid?(:any, _value), do: true

  defp expected({:in, atoms}), do: Enum.map_join(atoms, ", ", &"`#{inspect(&1)}`")

  defp expected({:formats, atoms}),
    do: "`:default`, `:all`, or a list of #{Enum.map_join(atoms, ", ", &"`#{inspect(&1)}`")}"

  defp expected({:metadata, atoms}),
    do: "`:strip`, `:keep`, or a list of #{Enum.map_join(atoms, ", ", &"`#{inspect(&1)}`")}"

  defp expected({:compression, names}), do: "`0..9`, " <> expected({:in, names})
  defp expected({:integer, first, last}), do: "#{first}..#{last}"
  defp expected({:number, first, last}), do: "a number from #{first} to #{last}"
  defp expected(:color), do: Color.expected()
  defp expected(:trim), do: "`true`, `false`, or a number from 0 to 255"

  defp expected({:position, names}),
    do: expected({:in, names}) <> ", or `{x, y}` with fractions from 0 to 1"

  defp expected(:timeout), do: "milliseconds, or `:infinity`"
  defp expected(:boolean), do: "`true`, `false`"
  defp expected(:any), do: "any term"

  @doc "The error of a wrong option."
  @spec invalid(atom, term, String.t()) :: {:error, Error.t()}
  def invalid(key, value, expected) do
    expected = String.replace(expected, "`", "")
    {:error, %Error{reason: :invalid_option, key: key, value: value, expected: expected}}
  end
end
