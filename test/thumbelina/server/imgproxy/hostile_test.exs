defmodule Thumbelina.Server.Imgproxy.HostileTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Image, Reductions}
  alias Thumbelina.Server.Imgproxy

  @encoded "aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn"

  @presets %{
    "awesome" => "resizing_type:fill/format:jpg",
    "small" => "w:10/h:10",
    "loop1" => "rt:fill/pr:loop2",
    "loop2" => "q:20/pr:loop1"
  }

  @valid [
    "/unsafe/rs:fill:300:400:0/g:ce/q:70/dpr:2/plain/http://example.com/a%20b.jpg@png",
    "/_/pr:small/exp:32503669200/fn:YSBiLnBuZw:1/att:1/#{@encoded}.webp",
    "/x/size:10:20:1/fq:jpg:50:avif:40/mw:5/cb:x/plain/local:///a/b.png",
    "/_/small:awesome/plain/a/b.png",
    "/_/c:0.5:300:nowe:10:0.1/rs:fill:60:40:0:1:so:0:3/g:ea:5/rot:90/fl:1:0/plain/a.jpg@png",
    "/_/pd:1:2:3:4/exar:1:fp:0.1:1/z:1.5:2/car:1.5:1/w:50/h:20/a:20:1.5:0.5/plain/a.jpg",
    "/_/t:10/bl:2/sh:0.5/mc:0.5/co:2/br:-9/sa:2/bga:0.5/bg:f00/ra:cubic/ar:0/sm:0/plain/a.jpg",
    "/x/blur:0/bg:/rt:auto/w:1/plain/https:/a.dev/b?c=d"
  ]
  @pieces ["/", ":", "%", "%00", "%3A", "%FF", "..", "@", ".", "=", "-", "+", "?", "\0", "1e9"] ++
            ["-1", "NaN", "plain", "enc", "rs", "99999999999999999999", <<255>>, "ü", "", "&"]

  # All that is read of it.
  @header "P5 640 427 255\n" <> :binary.copy(<<0>>, 640 * 427)

  test "whatever comes, there is an answer" do
    :rand.seed(:exsss, 42)
    pair = {"key", "salt"}
    open = %{presets: @presets}
    configs = [open, open, open, Map.put(open, :only_presets, true)]

    results =
      for _ <- 1..20_000 do
        path = mutate(Enum.random(@valid), :rand.uniform(4))
        config = Enum.random(configs)
        result = Imgproxy.parse(path, config)
        assert answer?(result), inspect(path)

        with {:ok, asked} <- result do
          assert {_, _, [_ | _]} = Imgproxy.thumbnail(asked, image(640, 427))

          # What the library takes, or refuses for its size.
          case Thumbelina.explain(@header, Imgproxy.edits(asked, image(640, 427))) do
            {:ok, _plan} -> :ok
            {:error, error} -> assert {path, error.reason} == {path, :limit_exceeded}
          end
        end

        # What is signed afterwards is taken as it is without signatures.
        with ["", signature, rest] when signature != "" and rest != "" <-
               String.split(path, "/", parts: 3),
             false <- String.contains?(path, "?") or String.contains?(signature, ":") do
          signed = Imgproxy.sign(rest, pair)
          unsigned = Imgproxy.parse("/_/" <> rest, config)
          signed_config = Map.put(config, :imgproxy_keys, [pair])

          if not String.starts_with?(rest, "/"),
            do: assert(Imgproxy.parse(signed, signed_config) == unsigned)
        end

        elem(result, 0)
      end

    # Enough of both, so that the mutations tell something.
    assert %{ok: taken, error: refused} = Enum.frequencies(results)
    assert taken > 500 and refused > 1_000, inspect({taken, refused})
  end

  test "a URL is read in a time that grows with its length and no faster" do
    long = fn count ->
      [
        "/_/" <> String.duplicate("w:1/", count) <> "plain/a.png",
        "/_/plain/" <> String.duplicate("a%20b/", count),
        "/_/plain/https://a.dev/" <> String.duplicate("%C3%BC", count),
        "/_/" <> String.duplicate("YWFh/", count) <> ".png",
        "/_/" <> String.duplicate("-", count),
        "/_/a" <> String.duplicate("=", count),
        "/_/plain/" <> String.duplicate("@", count),
        "/_/w:" <> String.duplicate("9", count) <> "/plain/a.png",
        "/_/dpr:" <> String.duplicate("9", count) <> "/plain/a.png",
        "/_/s" <> String.duplicate(":", count) <> "/plain/a.png",
        "/_/fq" <> String.duplicate(":jpg:1", count) <> "/plain/a.png",
        "/_/pr" <> String.duplicate(":small", count) <> "/plain/a.png",
        "/_/fn:" <> String.duplicate("%41", count) <> "/plain/a.png",
        "/" <> String.duplicate("A", count) <> "/plain/a.png",
        String.duplicate("/", count)
      ]
    end

    for {short, long} <- Enum.zip(long.(5_000), long.(40_000)),
        config <- [%{presets: @presets}, %{imgproxy_keys: [{"key", "salt"}]}] do
      # Eight times as long; the garbage collector has its share.
      assert work(long, config) < 16 * work(short, config) + 10_000
    end
  end

  defp work(path, config),
    do: Reductions.count(fn -> assert answer?(Imgproxy.parse(path, config)) end)

  defp answer?({:ok, %Imgproxy{source: {kind, source}}}),
    do: kind in [:path, :url] and String.valid?(source) and not (source =~ ~r/[\x00-\x1F]/)

  defp answer?({:error, {status, message}}), do: status in 400..404 and String.valid?(message)

  defp mutate(path, 0), do: path

  defp mutate(path, times) do
    at = :rand.uniform(byte_size(path) + 1) - 1
    <<head::binary-size(at), tail::binary>> = path
    drop = min(:rand.uniform(4) - 1, byte_size(tail))
    rest = binary_part(tail, drop, byte_size(tail) - drop)

    mutated =
      case :rand.uniform(3) do
        1 -> head <> Enum.random(@pieces) <> rest
        2 -> head <> <<:rand.uniform(256) - 1>> <> rest
        3 -> head <> binary_part(path, 0, :rand.uniform(byte_size(path))) <> rest
      end

    mutate(if(mutated == "", do: "/", else: mutated), times - 1)
  end

  defp image(width, height),
    do: %Image{bytes: "", format: :png, extension: ".png", width: width, height: height}
end
