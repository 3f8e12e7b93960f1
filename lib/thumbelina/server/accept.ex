defmodule Thumbelina.Server.Accept do
  @moduledoc false
  # Which format the `Accept` header asks for.
  #
  # Browsers give nearly everything the same weight, so the header says what can be shown, and not
  # what is best. Each format has a weight of ours too, and the largest product wins.
  # Ours differ with the picture: WebP is written without loss, which for a photograph is far
  # larger than JPEG, and for a drawing with alpha smaller than PNG. JPEG has no alpha.

  alias Thumbelina.Format

  @weights %{
    opaque: [avif: 100, jpeg: 90, webp: 30, png: 25],
    alpha: [avif: 100, webp: 90, png: 80, jpeg: 10]
  }

  # `*/*` is sent by programs that show neither, so these have to be named.
  @named [:avif, :webp]

  @typep kind :: :opaque | :alpha

  @doc """
  The formats for a picture without or with alpha, the best one first. One of them is shown by every
  program, even if the header refuses it: a picture is more use than the status 406.
  """
  @spec rank(String.t() | nil, kind, boolean) :: [:avif | :jpeg | :webp | :png, ...]
  def rank(accept, kind, avif?) do
    ranges = parse(accept || "*/*")
    weights = if avif?, do: @weights[kind], else: Keyword.delete(@weights[kind], :avif)

    wanted =
      for {format, weight} <- weights,
          product = weight * quality(format, ranges),
          product > 0,
          do: {product, format}

    # Sorting is stable: what weighs the same stays in our order.
    ranked = wanted |> Enum.sort_by(&elem(&1, 0), :desc) |> Enum.map(&elem(&1, 1))
    last = if kind == :alpha, do: :png, else: :jpeg
    if Enum.any?(ranked, &(&1 in [:jpeg, :png])), do: ranked, else: ranked ++ [last]
  end

  # The most specific range decides.
  defp quality(format, ranges) do
    wildcards = if format in @named, do: [], else: ["image/*", "*/*"]
    Enum.find_value([Format.mime(format) | wildcards], 0, &Map.get(ranges, &1))
  end

  @doc "The media ranges of an `Accept` header, and their quality in thousandths."
  @spec parse(String.t()) :: %{String.t() => 0..1000}
  def parse(accept) do
    for range <- String.split(accept, ","),
        [name | parameters] = range |> String.split(";") |> Enum.map(&String.trim/1),
        name != "",
        reduce: %{} do
      ranges -> Map.put_new(ranges, String.downcase(name), q(parameters))
    end
  end

  # What is not a number from 0 to 1 with up to three decimals says nothing.
  defp q(parameters) do
    Enum.find_value(parameters, 1000, fn parameter ->
      case Regex.run(~r/^q\s*=\s*(?:(0)(?:\.(\d{0,3}))?|1(?:\.0{0,3})?)\z/i, parameter) do
        [_, "0", decimals] -> decimals |> String.pad_trailing(3, "0") |> String.to_integer()
        [_, "0"] -> 0
        [_] -> 1000
        nil -> nil
      end
    end)
  end
end
