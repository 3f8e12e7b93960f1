defmodule Thumbelina.Color do
  @moduledoc false
  # Colors as callers write them: `"#rgb"`, `"#rgba"`, `"#rrggbb"`, `"#rrggbbaa"`, a name of CSS, or
  # the numbers themselves, from 0 to 255.

  alias Thumbelina.{Error, Options}

  @type t :: String.t() | atom | {0..255, 0..255, 0..255} | rgba

  @typedoc "Red, green, blue and alpha, which does not weigh the others."
  @type rgba :: {0..255, 0..255, 0..255, 0..255}

  # CSS Color Module Level 4, "Named Colors".
  @names ~w(
    aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc
    bisque ffe4c4 black 000000 blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a
    burlywood deb887 cadetblue 5f9ea0 chartreuse 7fff00 chocolate d2691e coral ff7f50
    cornflowerblue 6495ed cornsilk fff8dc crimson dc143c cyan 00ffff darkblue 00008b
    darkcyan 008b8b darkgoldenrod b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9
    darkkhaki bdb76b darkmagenta 8b008b darkolivegreen 556b2f darkorange ff8c00
    darkorchid 9932cc darkred 8b0000 darksalmon e9967a darkseagreen 8fbc8f darkslateblue 483d8b
    darkslategray 2f4f4f darkslategrey 2f4f4f darkturquoise 00ced1 darkviolet 9400d3
    deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969 dodgerblue 1e90ff
    firebrick b22222 floralwhite fffaf0 forestgreen 228b22 fuchsia ff00ff gainsboro dcdcdc
    ghostwhite f8f8ff gold ffd700 goldenrod daa520 gray 808080 green 008000 greenyellow adff2f
    grey 808080 honeydew f0fff0 hotpink ff69b4 indianred cd5c5c indigo 4b0082 ivory fffff0
    khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen 7cfc00 lemonchiffon fffacd
    lightblue add8e6 lightcoral f08080 lightcyan e0ffff lightgoldenrodyellow fafad2
    lightgray d3d3d3 lightgreen 90ee90 lightgrey d3d3d3 lightpink ffb6c1 lightsalmon ffa07a
    lightseagreen 20b2aa lightskyblue 87cefa lightslategray 778899 lightslategrey 778899
    lightsteelblue b0c4de lightyellow ffffe0 lime 00ff00 limegreen 32cd32 linen faf0e6
    magenta ff00ff maroon 800000 mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3
    mediumpurple 9370db mediumseagreen 3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a
    mediumturquoise 48d1cc mediumvioletred c71585 midnightblue 191970 mintcream f5fffa
    mistyrose ffe4e1 moccasin ffe4b5 navajowhite ffdead navy 000080 oldlace fdf5e6 olive 808000
    olivedrab 6b8e23 orange ffa500 orangered ff4500 orchid da70d6 palegoldenrod eee8aa
    palegreen 98fb98 paleturquoise afeeee palevioletred db7093 papayawhip ffefd5
    peachpuff ffdab9 peru cd853f pink ffc0cb plum dda0dd powderblue b0e0e6 purple 800080
    rebeccapurple 663399 red ff0000 rosybrown bc8f8f royalblue 4169e1 saddlebrown 8b4513
    salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee sienna a0522d silver c0c0c0
    skyblue 87ceeb slateblue 6a5acd slategray 708090 slategrey 708090 snow fffafa
    springgreen 00ff7f steelblue 4682b4 tan d2b48c teal 008080 thistle d8bfd8 tomato ff6347
    turquoise 40e0d0 violet ee82ee wheat f5deb3 white ffffff whitesmoke f5f5f5 yellow ffff00
    yellowgreen 9acd32
  )
         |> Enum.chunk_every(2)
         |> Map.new(fn [name, digits] -> {name, digits <> "ff"} end)
         |> Map.put("transparent", "00000000")

  @expected ~s("#rgb", "#rrggbb", "#rrggbbaa", a CSS name, {r, g, b} or {r, g, b, a}) <>
              " with integers from 0 to 255"

  @doc "The numbers of a color."
  @spec parse(term) :: {:ok, rgba} | :error
  def parse("#" <> digits), do: hex(digits)

  def parse(name) when is_binary(name) do
    # The longest name has 20 letters. What is longer is not worth a copy.
    with true <- byte_size(name) <= 20,
         {:ok, digits} <- Map.fetch(@names, String.downcase(name, :ascii)),
         do: hex(digits),
         else: (_ -> :error)
  end

  def parse({r, g, b}), do: parse({r, g, b, 255})

  def parse({r, g, b, a} = color)
      when r in 0..255 and g in 0..255 and b in 0..255 and a in 0..255,
      do: {:ok, color}

  def parse(name) when is_atom(name) and name not in [nil, true, false],
    do: name |> Atom.to_string() |> named()

  def parse(_other), do: :error

  # An atom is the name and nothing else: `:"#fff"` is none.
  defp named("#" <> _digits), do: :error
  defp named(name), do: parse(name)

  defp hex(<<r, g, b>>), do: hex(<<r, r, g, g, b, b, ?f, ?f>>)
  defp hex(<<r, g, b, a>>), do: hex(<<r, r, g, g, b, b, a, a>>)
  defp hex(<<_rgb::binary-6>> = digits), do: hex(digits <> "ff")

  defp hex(<<_rgba::binary-8>> = digits) do
    with {:ok, <<r, g, b, a>>} <- Base.decode16(digits, case: :mixed), do: {:ok, {r, g, b, a}}
  end

  defp hex(_other), do: :error

  @doc "The same as an option, whose error names its key."
  @spec check(atom, term) :: {:ok, rgba} | {:error, Error.t()}
  def check(key, value) do
    with :error <- parse(value), do: Options.invalid(key, value, expected())
  end

  @doc "What a color has to be, for a message."
  @spec expected :: String.t()
  def expected, do: @expected

  @doc "What `parse/1` reads, the same for all that mean the same."
  @spec to_text(rgba) :: String.t()
  def to_text({r, g, b, 255}), do: "#" <> Base.encode16(<<r, g, b>>, case: :lower)
  def to_text({r, g, b, a}), do: "#" <> Base.encode16(<<r, g, b, a>>, case: :lower)
end
