defmodule Thumbelina.Server.ImgproxyTest do
  use ExUnit.Case, async: true
  doctest Thumbelina.Server.Imgproxy

  alias Thumbelina.{Format, Image, Reductions}
  alias Thumbelina.Server.Imgproxy
  alias Thumbelina.Server.Imgproxy.Options

  @url "http://example.com/images/curiosity.jpg"
  @encoded "aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn"
  @defaults %Imgproxy{source: {:url, @url}}

  # The options of imgproxy's documentation, by all their names.
  @documented ~w(
    a adjust aq ar att auto_rotate autoquality avif_options avifo ba background background_alpha bc
    bd bg bga bl blur blur_areas blur_detections br brightness bypass_cache c cache_tags cachebuster
    car cb co col color_profile colorize contrast cp crop crop_ar crop_aspect_ratio crop_objects ct
    da dd disable_animation dpi dpr draw_detections dt duotone el enforce_thumbnail enlarge eth ex
    exar exp expires ext extend extend_ar extend_aspect_ratio f fallback_image_url filename fiu fl
    flip fn format format_quality fq g gr gradient gravity h hashsum height hs icc jpeg_options jpgo
    kcr keep_copyright maf mafr max_animation_frame_resolution max_animation_frames max_bytes
    max_result_dimension max_src_file_size max_src_resolution mb mc mh min-height min-width
    monochrome mrd msfs msr mw obj_pos objects_position op padding page pages pbl pd pg pgs ph pix
    pixelate png_options pngo pr preserve_hdr preset progressive_blur q quality ra raw resize
    resizing_algorithm resizing_type return_attachment rot rotate rs rt s sa saturation scp sh
    sharpen size skip_processing skp sm st strip_color_profile strip_metadata style t trim
    unsharp_masking ush video_thumbnail_animation video_thumbnail_keyframes video_thumbnail_second
    video_thumbnail_tile vta vtk vts vtt w watermark watermark_rotate watermark_shadow
    watermark_size watermark_text watermark_url webp_options webpo width wm wm_rot wmr wms wmsh wmt
    wmu z zoom
  )

  # The fields that options set.
  defp options(options, config \\ %{}) do
    with {:ok, asked} <- Imgproxy.parse("/_/#{options}/plain/#{@url}", config) do
      for {key, value} <- Map.from_struct(asked),
          value != Map.fetch!(@defaults, key),
          into: %{},
          do: {key, value}
    end
  end

  defp source(path) do
    with {:ok, asked} <- Imgproxy.parse("/_/" <> path, %{}), do: {asked.source, asked.format}
  end

  describe "sources" do
    test "plain" do
      for {path, source} <- %{
            "plain/#{@url}" => {{:url, @url}, nil},
            "plain/#{@url}@png" => {{:url, @url}, :png},
            "plain/#{@url}@" => {{:url, @url}, nil},
            "plain/#{@url}@jpg" => {{:url, @url}, :jpeg},
            "plain/http%3A%2F%2Fimages.dev%2Florem%2Fipsum.jpg%3Fparam=value@png" =>
              {{:url, "http://images.dev/lorem/ipsum.jpg?param=value"}, :png},
            # Decoded once, and encoded again as far as a URL needs it.
            "plain/https://a.dev/x%2520y%20z%40.jpg@webp" =>
              {{:url, "https://a.dev/x%20y%20z@.jpg"}, :webp},
            "plain/https://a.dev/%C3%BC+1.jpg" => {{:url, "https://a.dev/%C3%BC+1.jpg"}, nil},
            "plain/local:///logos/imgproxy.png@jpg" => {{:path, "logos/imgproxy.png"}, :jpeg},
            "plain/logos/a%20b.png" => {{:path, "logos/a b.png"}, nil},
            "plain//logos/a.png%3Fv=1" => {{:path, "logos/a.png"}, nil},
            "plain/a:b.png" => {{:path, "a:b.png"}, nil}
          },
          do: assert(source(path) == source)
    end

    test "in Base64" do
      long = Base.url_encode64("local:///x/" <> String.duplicate("ü", 40) <> ".png")

      for {path, source} <- %{
            @encoded => {{:url, @url}, nil},
            (@encoded <> ".png") => {{:url, @url}, :png},
            (@encoded <> ".") => {{:url, @url}, nil},
            String.replace(@encoded, "/", "") => {{:url, @url}, nil},
            (Base.url_encode64("logos/a.png") <> ".avif") => {{:path, "logos/a.png"}, :avif},
            long => {{:path, "x/" <> String.duplicate("ü", 40) <> ".png"}, nil}
          },
          do: assert(source(path) == source)
    end

    test "with every format, and without those that are not written" do
      for format <- Format.writable(),
          do: assert({_, ^format} = source("plain/a.dds@#{format}"))

      for {extension, text} <- %{
            "best" => "the format best is not supported",
            "jxl" => "the format jxl is not supported",
            "dds" => "the format dds is not supported",
            "exe" => "unknown format \"exe\""
          } do
        assert source("plain/a.png@#{extension}") == {:error, {400, "extension: #{text}"}}
        assert options("f:#{extension}") == {:error, {400, "f: #{text}"}}
      end
    end

    test "as proxies change them" do
      for {path, same} <- %{
            "rs%3Afill%3A3%3A4/plain/#{@url}" => "rs:fill:3:4/plain/#{@url}",
            "plain/http:/example.com/images/curiosity.jpg" => "plain/#{@url}",
            "w:3/plain/https:/a.dev/b:/c" => "w:3/plain/https://a.dev/b:/c",
            "plain/local:/logos/a.png" => "plain/local:///logos/a.png",
            "w:3/plain/#{@url}?v=1" => "w:3/plain/#{@url}"
          } do
        assert {:ok, asked} = Imgproxy.parse("/_/" <> same, %{})
        assert Imgproxy.parse("/_/" <> path, %{}) == {:ok, asked}

        # The signature is that of the path before.
        pair = {"key", "salt"}
        [_, signature | _] = same |> Imgproxy.sign(pair) |> String.split("/")
        assert Imgproxy.parse("/#{signature}/#{path}", %{imgproxy_keys: [pair]}) == {:ok, asked}
      end
    end

    test "wrong" do
      for {path, message} <- %{
            "" => "expected a path of a signature, options and a source",
            "w:1" => "the URL has no source",
            "plain" => "the source is not correctly in Base64 for URLs",
            "plain/" => "the URL has no source",
            "plain/@png" => "the URL has no source",
            "plain/local:///" => "the URL has no source",
            ".png" => "the URL has no source",
            "plain/a.png@png@jpg" => "the source is followed by several extensions",
            "YS5wbmc.png.jpg" => "the source is followed by several extensions",
            "plain/a%2" => "the source is not correctly percent-encoded",
            "plain/a%zz" => "the source is not correctly percent-encoded",
            "plain/a%00.png" => "the source is not UTF-8, or has control characters in it",
            "plain/a%0D%0A.png" => "the source is not UTF-8, or has control characters in it",
            "plain/a%FF.png" => "the source is not UTF-8, or has control characters in it",
            Base.url_encode64("a\0.png") =>
              "the source is not UTF-8, or has control characters in it",
            Base.url_encode64(<<255, 254>>) =>
              "the source is not UTF-8, or has control characters in it",
            "a" => "the source is not correctly in Base64 for URLs",
            "YS5w+bmc" => "the source is not correctly in Base64 for URLs",
            "YS5%3D" => "the source is not correctly in Base64 for URLs",
            "plain/../secret" => "the source leads out of its folder",
            "plain/a/%2E%2E/%2e./secret" => "the source leads out of its folder",
            "plain/local:///a/../../secret" => "the source leads out of its folder",
            Base.url_encode64("/../secret") => "the source leads out of its folder",
            "plain/s3://bucket/a.png" => "sources of \"s3\" are not supported",
            "plain/file:///etc/passwd" => "sources of \"file\" are not supported",
            "plain/data:image/png;base64,AAAA" => "sources of \"data\" are not supported",
            "plain/https://" => "the source URL has no host",
            "plain/https:///a.png" => "the source URL has no host",
            "plain/https://a.dev/%25zz" => "the source URL is not a correct URL",
            "enc/AAAA/BBBB" => "encrypted source URLs are not supported",
            "w:1/-/h:1/plain/a.png" => "chained pipelines are not supported",
            "fill/300/400/sm/0/plain/a.png" =>
              "the basic URL format of old imgproxies is not supported"
          },
          do: assert(source(path) == {:error, {400, message}})

      for path <- ["", "/", "//", "/_", "/_/", "//w:1/plain/a.png"],
          do: assert({:error, {400, _}} = Imgproxy.parse(path, %{}))
    end
  end

  describe "options" do
    test "of the documentation" do
      for {options, fields} <- [
            {"rs:fill:300:400:0", %{fit: :cover, width: 300, height: 400}},
            {"resize:fill:100:200:1", %{fit: :cover, width: 100, height: 200, enlarge: true}},
            {"rs:fit:300:200", %{width: 300, height: 200}},
            {"rs:force:1:2", %{fit: :fill, width: 1, height: 2}},
            {"rs:auto:1:2", %{fit: :auto, width: 1, height: 2}},
            {"rs:fill-down:1:2", %{fit: :fill_down, width: 1, height: 2}},
            {"rs::5", %{width: 5}},
            {"rs:::5:t", %{height: 5, enlarge: true}},
            {"rs:fit:1:2:0:0", %{width: 1, height: 2}},
            {"rs:fit:1:2:0:0:ce:0:0", %{width: 1, height: 2}},
            {"s:100:200:1", %{width: 100, height: 200, enlarge: true}},
            {"size:100", %{width: 100}},
            {"rt:fill", %{fit: :cover}},
            {"resizing_type:fill/rt:fit", %{}},
            {"width:100/h:7", %{width: 100, height: 7}},
            {"w:100/w:0", %{}},
            {"min-width:5/mh:6", %{min_width: 5, min_height: 6}},
            {"dpr:2/w:100", %{width: 200, dpr: 2.0}},
            {"w:101/dpr:1.5", %{width: 152, dpr: 1.5}},
            {"w:1/dpr:.01", %{width: 1, dpr: 0.01}},
            {"el:true", %{enlarge: true}},
            {"enlarge:yes", %{}},
            {"quality:55", %{quality: 55}},
            {"q:55/q:0", %{}},
            {"fq:jpg:60:avif:40:webp:0:jxl:3", %{format_quality: %{jpeg: 60, avif: 40}}},
            {"format:webp", %{format: :webp}},
            {"f:tiff/ext:ico", %{format: :ico}},
            {"cachebuster:123", %{cachebuster: "123"}},
            {"cb:1/cb:", %{}},
            {"exp:32503669200", %{expires: 32_503_669_200}},
            {"expires:0", %{}},
            {"fn:a%20b.png", %{filename: "a b.png"}},
            {"fn:YSBiLnBuZw:1", %{filename: "a b.png"}},
            {"filename:YSBiLnBuZw==:t", %{filename: "a b.png"}},
            {"fn:YSBi:0", %{filename: "YSBi"}},
            {"att:1", %{return_attachment: true}},
            {"g:no", %{position: :north}},
            {"gravity:noea:0:0.0", %{position: :northeast}},
            {"g:ea/g:so", %{position: :south}},
            {"g:soea/g:we:0", %{position: :west}},
            {"g:nowe/g:sowe", %{position: :southwest}},
            {"gravity:fp:0.3:.75", %{position: {0.3, 0.75}}},
            {"g:fp:0:1", %{position: {0.0, 1.0}}},
            {"mb:1000", %{max_bytes: 1000}},
            {"mb:1000/max_bytes:0", %{}},
            {"jpgo:1", %{progressive: true}},
            {"jpeg_options:0:1", %{subsampling: "4:4:4"}},
            {"pngo:0:1", %{colors: 256}},
            {"png_options:0:1:16", %{colors: 16}},
            {"png_options:0:0:16", %{}},
            {"g:fp:0:1/g:ce", %{}},
            {"g:sm", %{position: :attention}},
            {"rs:fit:5:6:0:1", %{width: 5, height: 6, extend: :center}},
            {"rs:fit:5:6:0:1:no:0:0", %{width: 5, height: 6, extend: :north}},
            {"ex:1:fp:0.5:1/w:5", %{width: 5, extend: {0.5, 1.0}}},
            {"ex:1/ex:0", %{}},
            {"bg:255:0:128", %{background: {255, 0, 128, 255}}},
            {"background:abcdef/w:5", %{width: 5, background: {0xAB, 0xCD, 0xEF, 255}}},
            {"bg:f00/bg:", %{}},
            {"t:10/w:5", %{width: 5, trim: 10.0}},
            {"trim:7.5::0:0/rs:force:5:6:1",
             %{fit: :fill, width: 5, height: 6, enlarge: true, trim: 7.5}},
            {"rs:fill:5:6:0:1:soea:1:2",
             %{fit: :cover, width: 5, height: 6, extend: {:southeast, 1.0, 2.0}}},
            {"g:no:10", %{position: {:north, 10.0, 0.0}}},
            {"g:ce::-5", %{position: {:center, 0.0, -5.0}}},
            {"g:soea:0.25:3", %{position: {:southeast, 0.25, 3.0}}},
            {"crop:100:0", %{crop: {100.0, 0.0, nil}}},
            {"c:0.5:.25:no:0:10", %{crop: {0.5, 0.25, {:north, 0.0, 10.0}}}},
            {"c:10", %{crop: {10.0, 0.0, nil}}},
            {"c:10:20:fp:0.1:1/g:no", %{crop: {10.0, 20.0, {0.1, 1.0}}, position: :north}},
            {"c:10:20:ce/g:sm", %{crop: {10.0, 20.0, :center}, position: :attention}},
            {"c:10:20/c:0:0", %{}},
            {"car:1.5:1", %{crop_ratio: {1.5, true}}},
            {"crop_ar:2/crop_aspect_ratio:0", %{}},
            {"z:2", %{zoom: {2.0, 2.0}}},
            {"zoom:0.5:3", %{zoom: {0.5, 3.0}}},
            {"exar:1", %{extend_ratio: :center}},
            {"extend_ar:t:no:0:3", %{extend_ratio: {:north, 0.0, 3.0}}},
            {"exar:1/extend_aspect_ratio:0", %{}},
            {"pd:1", %{padding: {1, 1, 1, 1}}},
            {"pd:1:2", %{padding: {1, 2, 1, 2}}},
            {"pd:1:2:3", %{padding: {1, 2, 3, 2}}},
            {"padding:1:2:3:4", %{padding: {1, 2, 3, 4}}},
            {"pd:::5", %{padding: {0, 0, 5, 0}}},
            {"pd:1/pd:0", %{}},
            {"rot:90", %{rotate: 90}},
            {"rotate:-90", %{rotate: 270}},
            {"rot:450/rot:720", %{}},
            {"fl:1", %{flip: {true, false}}},
            {"flip:0:t", %{flip: {false, true}}},
            {"bga:0.5/bg:f00", %{background: {255, 0, 0, 255}, background_alpha: 0.5}},
            {"a:10:1.5:0.5", %{brightness: 10, contrast: 1.5, saturation: 0.5}},
            {"adjust::2", %{contrast: 2.0}},
            {"br:-255/co:0/sa:100", %{brightness: -255, contrast: 0.0, saturation: 100.0}},
            {"mc:0.5", %{monochrome: 0.5}},
            {"monochrome:1:B3b3b3", %{monochrome: 1.0}},
            {"mc:0:123456", %{}},
            {"bl:2.5", %{blur: 2.5}},
            {"sharpen:.7", %{sharpen: 0.7}},
            {"ar:0", %{autorotate: false}},
            {"sm:0", %{strip_metadata: false}},
            {"kcr:1", %{keep_copyright: true}},
            {"scp:0", %{strip_color_profile: false}},
            {"ra:cubic", %{filter: :catmull_rom}},
            {"ra:linear/ra:nearest", %{filter: :nearest}},
            {"t:10", %{trim: 10.0}},
            {"g:ce/gravity:ce:0:0.0/sm:1/ar:t/scp:true/kcr:0/da:1/ra:lanczos3", %{}}
          ],
          do: assert({options, options(options)} == {options, fields})
    end

    test "that change nothing are accepted" do
      for option <- ~w(
            blur:0 bl:0.0 sharpen:0 rotate:0 padding:0 pd:0:0:0:0 pd:0::0 zoom:1 z:1:1.0 crop:0:0
            c:0:0:no c:0:0:fp:0.1:0.9 c:0:0:sm ex:0 ex:false:ce exar:0 trim: bg: bga:1 flip:0:0 fl:
            br:0 contrast:1 sa:1 mc:0:b3b3b3
            dt:0 pix:1 ba:0 pbl:0 dd:0 col:0 gr:0 wm:0:soea wmu: wmt: wms:0:0 wmr:0 st: dpi:0
            icc: eth:0 mb:0 pg:0 pgs:1 vtt:0 vta:0 fiu: raw:0 bc:0 hs:none car:0
          ),
          do: assert({option, options(option)} == {option, %{}})
    end

    test "that are not there are refused by name" do
      for {option, message} <- %{
            "wm:0.5:soea:10:10:0.2" => "the option wm (watermark) is not supported, only with 0",
            "rot:45" => "rot: expected a multiple of 90",
            "pix:5" => "the option pix (pixelate) is not supported, only with 1",
            "mc:0.5:ff0000" => "mc: a color is not supported",
            "co:1.2:face" => "co: wrong number of arguments",
            "crop_objects:1.2" => "the option crop_objects is not supported",
            "bl:1001" => "bl: expected a number from 0 to 1000, got: \"1001\"",
            "sh:11" => "sh: expected a number from 0 to 10, got: \"11\"",
            "br:256" => "br: expected a whole number from -255 to 255, got: \"256\"",
            "ra:lanczos2" => "ra: expected cubic, lanczos3, linear, nearest, got: \"lanczos2\"",
            "c:10:20:sm" => "c: sm is not supported for it",
            "c:10:20/g:sm" =>
              "crop: the gravity sm is not supported for it; give it one of its own",
            "exar:1:sm" => "exar: sm is not supported for it",
            "skp:jpg" => "the option skp (skip_processing) is not supported",
            "trim:300/w:9" => "trim: expected a number from 0 to 255",
            "trim:10:ffffff/w:9" => "trim: a color is not supported",
            "t:10::1/w:9" => "t: equal sides are not supported",
            "trim:10/rs:auto:5:5" => "trim: the resizing type is not supported with it",
            "trim:10/rs:force:5:5" => "trim: force is only supported with enlarge",
            "trim:10/w:5/mw:5" => "trim: no min-width or min-height with it",
            "trim:10/w:5/dpr:2" => "trim: dpr is only supported with enlarge",
            "ex:1/w:5/t:5" => "trim: no extend with it",
            "exar:1/w:5/t:5" => "trim: no extend with it",
            "crop:5:5/t:5" => "trim: no crop with it",
            "car:1/t:5" => "trim: no crop with it",
            "pd:5/t:5" => "trim: no padding with it",
            "z:2/t:5" => "trim: no zoom with it",
            "g:no:5/t:5" => "trim: no offsets with it",
            "ex:1:sm/w:5" => "ex: sm is not supported for it",
            "ex:1:fp:2:2" => "ex: expected a number from 0 to 1, got: \"2\"",
            "bg:1:2:256" => "bg: expected three numbers from 0 to 255",
            "bg:red" =>
              "bg: expected three or six hexadecimal digits, or three numbers from 0 to 255",
            "bg:11223344" =>
              "bg: expected three or six hexadecimal digits, or three numbers from 0 to 255",
            "g:sm:1" => "g: too many arguments",
            "gravity:obj:face" => "gravity: obj is not supported",
            "g:objw:face:2" => "g: objw is not supported",
            "g:fp:0.5" => "g: fp needs two numbers from 0 to 1",
            "g:fp:0.5:1.1" => "g: expected a number from 0 to 1, got: \"1.1\"",
            "g:up" => "g: unknown gravity type \"up\"",
            "raw:1" => "the option raw is not supported, only with 0",
            "pngo:1" => "pngo: interlaced is not supported",
            "jpgo:1:1:1" => "jpgo: wrong number of arguments",
            "ph:1" => "the option ph (preserve_hdr) is not supported",
            "aq:dssim:0.02" => "the option aq (autoquality) is not supported",
            "msr:50" => {403, "msr: security options are not allowed"},
            "nope:1" => "unknown option \"nope\"",
            ":" => "unknown option \"\"",
            (String.duplicate("x", 99) <> ":") =>
              "unknown option \"#{String.duplicate("x", 40)}\"..."
          } do
        expected = if is_tuple(message), do: message, else: {400, message}
        assert options(option) == {:error, expected}
      end
    end

    test "with wrong arguments are refused" do
      for option <- ~w(
            rs:fill:1e9 rs:crop:1:1 rs:fit:1:1:0:0:ce:0:0:0 s:1:2:0:0:ce:0:0:0 w:-1 w:-0.5 w: w:1.5
            w:NaN w:4294967296 w:99999999999999999999999 w:1:2 h:x mw:-1 mh:a dpr:0 dpr:-1 dpr:NaN
            dpr:inf dpr:1e3 dpr: dpr:. dpr:1:2 dpr:2/w:4000000000 el:1:2 q:101 q:-1 q:x fq:jpg
            fq:jpg:101 fq:nope:5 fq: f: f:jpg:png exp:x exp:-1 exp:9223372036854775808 fn:%2
            fn:a%00 fn:%FF fn:a:1 fn:a:0:1 att:1:1 cb:1:2 pr: pr:nope preset:a:b rt:
            rs:fit:100:100/mw:101 s:10:10/mh:11 g: g:ce:0:0:0 g:fp g:fp:: g:fp:0:0:0 g:fp:-0.1:0
            g:fp:x:0 g:fp:1e-1:0 g:ce:x g:ce:1:-x g:ce:--1 c:0:0:up c:-1:5 c: c:1:x c:1:1:fp:2:2 z:0 z:-1 z:1:2:3 z: car:x
            car:1:1:1 pd:1:2:3:4:5 pd:-1 pd:1.5 rot:x rot: rot:9999999999 fl:1:1:1 ar:1:1 bga:2
            bga:-0.1 a:1:2:3:4 br:1.5 co:-1 sa:101 mc:2 mc:1:b3b3b3:1 bl:-1 bl: bl:1:1 sh:-1 sh:x
            kcr:1:1 scp:1:1 ra: exar:1:ce:0:0:0 --:1 %00:1 �:1
          ),
          do: assert({_, {:error, {400, _}}} = {option, options(option)})
    end

    test "an error is readable text, whatever the URL has in it" do
      for bytes <- [<<255, 0, 10>>, String.duplicate("ü", 1000), "\r\n\e[31m"],
          path <- [
            "w:#{bytes}",
            "#{bytes}:1",
            "f:#{bytes}",
            "rt:#{bytes}",
            "pr:#{bytes}",
            "g:#{bytes}"
          ] do
        assert {:error, {400, message}} = Imgproxy.parse("/_/#{path}/plain/a.png", %{})
        assert String.printable?(message) and byte_size(message) < 300
        refute message =~ ~r/[\x00-\x1F]/
      end
    end

    test "are all of imgproxy's documentation" do
      assert Enum.sort(Options.names()) == @documented
      docs = Options.docs()

      for name <- @documented do
        assert docs =~ "`#{name}`"
        result = Imgproxy.parse("/_/#{name}:%/plain/a.png", %{})
        refute match?({:error, {_, "unknown option" <> _}}, result)
      end

      {:docs_v1, _, _, _, %{"en" => moduledoc}, _, _} = Code.fetch_docs(Imgproxy)
      assert moduledoc =~ docs
    end

    test "expire" do
      assert options("exp:1000", %{now: 1000}) == %{expires: 1000}
      assert options("exp:1000", %{now: 1001}) == {:error, {404, "the URL has expired"}}
      assert options("exp:1609448400") == {:error, {404, "the URL has expired"}}
      # As in imgproxy, whatever comes later.
      assert {:error, {404, _}} = options("exp:1000/exp:0", %{now: 1001})
    end

    test "set limits only where that is allowed" do
      config = %{allow_security_options: true}
      assert options("msr:0.5/msfs:1000", config) == %{max_pixels: 500_000, max_bytes_in: 1000}

      for option <- ~w(msr:0 msr:-1 msr:99999999999999999999 msr:x msfs:0 msfs:-1),
          do: assert({:error, {400, _}} = options(option, config))
    end

    test "client hints are the defaults" do
      for {options, hints, fields} <- [
            {"q:1", nil, %{}},
            {"q:1", %{}, %{}},
            {"q:1", %{width: 100}, %{width: 100}},
            {"q:1", %{dpr: 2.0}, %{dpr: 2.0}},
            {"q:1", %{width: 100, dpr: 2}, %{width: 100, dpr: 2.0}},
            {"w:150/dpr:3", %{width: 100, dpr: 2.0}, %{width: 450, dpr: 3.0}},
            {"w:150", %{width: 100, dpr: 2.0}, %{width: 300, dpr: 2.0}},
            {"dpr:1", %{width: 100, dpr: 2.0}, %{width: 50}},
            {"q:1", %{width: 0, dpr: 9}, %{}},
            {"q:1", %{width: -1, dpr: 0}, %{}},
            {"q:1", %{width: "1", dpr: "1"}, %{}}
          ] do
        asked = options(options, %{client_hints: hints})
        assert {options, hints, Map.delete(asked, :quality)} == {options, hints, fields}
      end
    end
  end

  describe "presets" do
    @presets %{
      "awesome" => "resizing_type:fill/format:jpg",
      "small" => "w:10/h:10",
      "both" => "preset:awesome:small/q:30",
      "loop1" => "rt:fill/pr:loop2",
      "loop2" => "q:20/pr:loop1",
      "wrong" => "w:1/plain",
      "blurred" => "bl:3"
    }

    test "are options, in their order" do
      for {options, fields} <- [
            {"pr:awesome", %{fit: :cover, format: :jpeg}},
            {"preset:awesome:small", %{fit: :cover, format: :jpeg, width: 10, height: 10}},
            {"w:5/pr:small/h:6", %{width: 10, height: 6}},
            {"pr:both/q:40", %{fit: :cover, format: :jpeg, width: 10, height: 10, quality: 40}},
            {"pr:loop1", %{fit: :cover, quality: 20}},
            {"pr:small:small", %{width: 10, height: 10}},
            {"pr:wrong", {:error, {400, "the preset \"wrong\" is not made of options"}}},
            {"pr:blurred", %{blur: 3.0}},
            {"pr:Small", {:error, {400, "unknown preset \"Small\""}}}
          ],
          do: assert({options, options(options, %{presets: @presets})} == {options, fields})
    end

    test "default applies to every URL" do
      presets = Map.put(@presets, "default", "q:30/pr:default:small")
      assert options("q:40", %{presets: presets}) == %{quality: 40, width: 10, height: 10}
      only = %{presets: presets, only_presets: true}
      assert options("small", only) == %{quality: 30, width: 10, height: 10}
    end

    test "can be all that is allowed" do
      config = %{presets: @presets, only_presets: true}

      assert options("awesome:small", config) ==
               %{fit: :cover, format: :jpeg, width: 10, height: 10}

      assert {:ok, %{format: :png, quality: 30}} =
               Imgproxy.parse("/_/both/#{@encoded}.png", config)

      assert options("w:10", config) == {:error, {400, "unknown preset \"w\""}}
      assert options("small/h:5", config) |> elem(0) == :error
    end

    test "that name each other end" do
      names = Enum.map(1..20, &"p#{&1}")
      presets = Map.new(names, &{&1, "pr:" <> Enum.join(names, ":")})
      expected = {:error, {400, "the URL has more than 1000 options"}}
      assert options("pr:p1", %{presets: presets}) == expected
    end
  end

  describe "signatures" do
    @pair {"test-key", "test-salt"}
    @documented_path "/rs:fill:300:400:0/#{@encoded}.png"

    test "are those of imgproxy" do
      # The key and the salt of the documentation, in hexadecimal there.
      pair = {Base.decode16!("736563726574"), Base.decode16!("68656C6C6F")}
      path = "/rs:fill:300:400:0/g:sm/#{@encoded}.png"
      signed = "/oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8" <> path
      assert Imgproxy.sign(path, pair) == signed
      assert {:ok, %{position: :attention}} = Imgproxy.parse(signed, %{imgproxy_keys: [pair]})

      # Those of imgproxy's own tests.
      for {signature, pair, bytes} <- [
            {"oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20", @pair, 32},
            {"jYz1UZ7j1BCdSzH3pZhaYf0iuz0vusoOTdqJsUT6WXI", {"test-key2", "test-salt2"}, 32},
            {"oWaL7QoW5Ts", @pair, 8}
          ],
          do: assert(Imgproxy.sign("asd", pair, bytes) == "/#{signature}/asd")
    end

    test "are checked with every pair" do
      pairs = [@pair, {"other", ""}, {"third", "salt"}]

      for pair <- pairs do
        signed = Imgproxy.sign(@documented_path, pair)
        assert {:ok, %{width: 300}} = Imgproxy.parse(signed, %{imgproxy_keys: pairs})
        others = %{imgproxy_keys: List.delete(pairs, pair)}
        assert Imgproxy.parse(signed, others) == {:error, {403, "the signature is wrong"}}
      end
    end

    test "that are wrong, cut or not encoded are refused before the rest is looked at" do
      config = %{imgproxy_keys: [@pair]}
      "/" <> signed = Imgproxy.sign(@documented_path, @pair)
      [signature, rest] = String.split(signed, "/", parts: 2)

      changed = for i <- 0..41, do: flip(signature, i)
      cut = for length <- 1..42, do: binary_part(signature, 0, length)
      odd = ["unsafe", "insecure", "_", "%", "ü", signature <> "A", signature <> signature]

      for wrong <- changed ++ cut ++ odd do
        assert Imgproxy.parse("/#{wrong}/#{rest}", config) ==
                 {:error, {403, "the signature is wrong"}}
      end

      for other <- ["nope:1/plain/a.png", "w:1", rest <> "x", "exp:1/plain/a.png"],
          do: assert({:error, {403, _}} = Imgproxy.parse("/#{signature}/#{other}", config))
    end

    test "can be shorter, if all are" do
      config = %{imgproxy_keys: [@pair], signature_size: 8}
      assert {:ok, _} = Imgproxy.parse(Imgproxy.sign(@documented_path, @pair, 8), config)

      for bytes <- [1, 7, 9, 32] do
        signed = Imgproxy.sign(@documented_path, @pair, bytes)
        assert Imgproxy.parse(signed, config) == {:error, {403, "the signature is wrong"}}
      end
    end

    test "can be anything without keys, except forgotten" do
      for signature <- ["unsafe", "insecure", "_", "AfrOrF3gWeDA6VOlDG4TzxMv39O7MXnF4CXpKUwGqRM"],
          do: assert({:ok, _} = Imgproxy.parse("/#{signature}/w:1/plain/a.png", %{}))

      assert {:error, {403, "the URL begins with an option" <> _}} =
               Imgproxy.parse("/w:1/h:1/plain/a.png", %{imgproxy_keys: []})
    end
  end

  describe "thumbnail/2" do
    # `{options, size of the picture, size of the thumbnail, fit}`, as imgproxy calculates.
    @sizes [
      {"q:1", {640, 427}, {640, 427}, :fill},
      {"rs:fit:300:300", {600, 400}, {300, 200}, :fill},
      {"rs:fit:300:300", {200, 100}, {200, 100}, :fill},
      {"rs:fit:300:300:1", {200, 100}, {300, 150}, :fill},
      {"rs:fit:300:0", {600, 400}, {300, 200}, :fill},
      {"rs:fit:0:100", {600, 400}, {150, 100}, :fill},
      {"rs:fit:100:100", {10_000, 1}, {100, 1}, :fill},
      {"rs:fill:300:300", {600, 400}, {300, 300}, :cover},
      {"rs:fill:300:0", {600, 400}, {300, 200}, :fill},
      {"rs:fill:300:300", {400, 200}, {300, 200}, :cover},
      {"rs:fill:300:300:1", {400, 200}, {300, 300}, :cover},
      {"rs:fill-down:300:300", {400, 200}, {200, 200}, :cover},
      {"rs:fill-down:200:400", {300, 100}, {50, 100}, :cover},
      {"rs:fill-down:300:150", {100, 100}, {100, 50}, :cover},
      {"rs:fill-down:300:300", {600, 400}, {300, 300}, :cover},
      {"rs:force:300:300", {600, 400}, {300, 300}, :fill},
      {"rs:force:300:0", {600, 400}, {300, 400}, :fill},
      {"rs:force:200:50", {100, 100}, {100, 25}, :fill},
      {"rs:force:200:50:1", {100, 100}, {200, 50}, :fill},
      # Landscape and landscape, or portrait and portrait, are filled; a square is a landscape.
      {"rs:auto:300:200", {600, 300}, {300, 200}, :cover},
      {"rs:auto:200:300", {300, 600}, {200, 300}, :cover},
      {"rs:auto:200:300", {600, 300}, {200, 100}, :fill},
      {"rs:auto:300:200", {300, 600}, {100, 200}, :fill},
      {"rs:auto:200:200", {600, 300}, {200, 200}, :cover},
      {"rs:auto:200:200", {300, 600}, {100, 200}, :fill},
      # The ratio of the device's pixels falls where it would enlarge.
      {"rs:fit:100:100/dpr:2", {600, 400}, {200, 133}, :fill},
      {"rs:fit:300:300/dpr:4", {600, 400}, {600, 400}, :fill},
      {"rs:fill:200:200/dpr:2", {300, 400}, {300, 300}, :cover},
      {"rs:fill:200:200/dpr:1.5", {600, 600}, {300, 300}, :fill},
      {"rs:fill:200:200/dpr:2/el:1", {300, 400}, {400, 400}, :cover},
      {"w:100/dpr:0.5", {600, 400}, {50, 33}, :fill},
      {"dpr:2", {60, 40}, {60, 40}, :fill},
      {"dpr:2/el:1", {60, 40}, {120, 80}, :fill},
      # The least sides enlarge.
      {"mw:200", {100, 50}, {200, 100}, :fill},
      {"mh:200", {100, 50}, {400, 200}, :fill},
      {"rs:fit:300:300/mw:300", {100, 400}, {300, 300}, :cover},
      {"w:100/mw:200", {400, 400}, {100, 200}, :cover},
      {"rs:fit:300:300/mw:100/mh:100", {600, 400}, {300, 200}, :fill}
    ]

    test "has the sizes of imgproxy" do
      for {options, {width, height}, {to_width, to_height}, fit} <- @sizes do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        {across, down, opts} = Imgproxy.thumbnail(asked, image(width, height))

        assert {options, across, down, opts[:fit]} == {options, to_width, to_height, fit}
        assert opts[:enlarge]
      end
    end

    test "is what a plain call makes, where both have the same meaning" do
      :rand.seed(:exsss, 11)

      for _ <- 1..300,
          {type, fit} <- [{"fit", :contain}, {"fill", :cover}],
          enlarge <- [true, false] do
        [width, height, w, h] = for _ <- 1..4, do: :rand.uniform(60)
        {:ok, asked} = Imgproxy.parse("/_/rs:#{type}:#{w}:#{h}:#{enlarge}/plain/a", %{})
        picture = Thumbelina.new!(gray(width, height))

        {across, down, opts} = Imgproxy.thumbnail(asked, picture)
        assert {:ok, exact} = Thumbelina.thumbnail(picture, across, down, opts)
        assert {exact.width, exact.height} == {across, down}

        plain = Thumbelina.thumbnail!(picture, w, h, fit: fit, enlarge: enlarge)
        # imgproxy and Thumbelina round a half differently.
        assert abs(plain.width - across) <= 1 and abs(plain.height - down) <= 1
      end
    end

    test "is extended to the box, and left to the library where a border is cut off" do
      for {options, {width, height}, {to_width, to_height}, expected} <- [
            {"rs:fit:100:100:0:1", {60, 30}, {100, 100}, [fit: :pad, enlarge: false]},
            {"rs:fit:100:100:1:1:no", {60, 30}, {100, 100},
             [fit: :pad, enlarge: true, position: :north]},
            {"rs:fit:60:90:0:1:sowe/bg:f00", {120, 60}, {60, 90},
             [fit: :pad, enlarge: false, position: :southwest, background: {255, 0, 0, 255}]},
            {"rs:fit:60:0:0:1", {120, 60}, {60, 30}, [fit: :fill, enlarge: true]},
            {"rs:fit:60:30:0:1", {120, 60}, {60, 30}, [fit: :fill, enlarge: true]},
            {"t:10/rs:fill:60:0/g:sm", {120, 60}, {60, nil},
             [fit: :cover, enlarge: false, trim: 10.0, position: :attention]},
            {"t:10/w:60/h:70/el:1/dpr:2", {20, 20}, {120, 140},
             [fit: :contain, enlarge: true, trim: 10.0]}
          ] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        made = Imgproxy.thumbnail(asked, image(width, height))
        assert {options, made} == {options, {to_width, to_height, expected}}
        {across, down, opts} = made
        assert {:ok, thumb} = Thumbelina.thumbnail(gray(width, height), across, down, opts)
        if opts[:fit] == :pad, do: assert({thumb.width, thumb.height} == {across, down})
      end
    end

    test "has the options, and the quality of the format" do
      for {options, format, expected} <- [
            {"f:png", :jpeg, [format: :png]},
            {"q:30/fq:jpg:50", :jpeg, [quality: 30]},
            {"fq:jpg:50", :jpeg, [quality: 50]},
            {"fq:jpg:50", :png, []},
            {"fq:jpg:50/f:jpg", :png, [format: :jpeg, quality: 50]},
            {"msr:1/msfs:5", :png, [max_pixels: 1_000_000, max_bytes_in: 5]}
          ] do
        config = %{allow_security_options: true}
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", config)
        {8, 8, opts} = Imgproxy.thumbnail(asked, %{image(8, 8) | format: format})
        assert opts == [fit: :fill, enlarge: true] ++ expected
      end
    end

    test "never exceeds what can be asked for" do
      for options <- ["mw:4294967295", "rs:force:4294967295:4294967295:1", "dpr:9999999999/el:1"] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        picture = Thumbelina.new!(gray(1, 60))
        {width, height, opts} = Imgproxy.thumbnail(asked, picture)
        assert {:error, error} = Thumbelina.thumbnail(picture, width, height, opts)
        assert error.reason == :limit_exceeded
      end
    end
  end

  describe "edits/2" do
    defp edits(options, {width, height}, more \\ []) do
      {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
      assert Imgproxy.thumbnail?(asked) == Keyword.get(more, :thumbnail?, false), options
      image = Map.merge(image(width, height), Map.new(Keyword.delete(more, :thumbnail?)))
      Imgproxy.edits(asked, image)
    end

    # `{options, size of the picture, edits}`, as imgproxy calculates.
    @edits [
      {"bl:2/sh:1/w:300", {600, 400},
       [resize: {300, 200, [fit: :fill]}, blur: 2.0, sharpen: {1.0, [amount: 1.5, threshold: 6]}]},
      {"rot:90/w:200", {600, 400}, [rotate: 90, resize: {200, 300, [fit: :fill]}]},
      {"rot:180/fl:1:1", {600, 400}, [rotate: 180, flip: :horizontal, flip: :vertical]},
      # The crop is that of the turned picture, and what is scaled.
      {"c:100:0/rot:270", {600, 400}, [rotate: 270, crop: {150, 0, 100, 600}]},
      {"c:0.5:0.25/w:100", {600, 400},
       [crop: {150, 150, 300, 100}, resize: {100, 33, [fit: :fill]}]},
      {"c:300:300:nowe:10:20/rs:fill:100:50/g:so", {600, 400},
       [crop: {10, 20, 300, 300}, resize: {100, 100, [fit: :fill]}, crop: {0, 50, 100, 50}]},
      {"c:300:300/g:ea:0.1", {600, 400}, [crop: {240, 50, 300, 300}]},
      {"c:300:300:fp:1:0", {600, 400}, [crop: {300, 0, 300, 300}]},
      {"c:9999:9999/bl:1", {600, 400}, [blur: 1.0]},
      {"car:1", {600, 400}, [crop: {100, 0, 400, 400}]},
      {"c:100:50/car:1", {600, 400}, [crop: {276, 176, 50, 50}]},
      {"c:100:50/car:1:1", {600, 400}, [crop: {250, 150, 100, 100}]},
      {"c:600:100/car:1:1", {600, 400}, [crop: {100, 0, 400, 400}]},
      # Offsets are in pixels times dpr, fractions of the picture, and kept inside.
      {"rs:fill:100:100/g:we:10:0/dpr:2", {600, 400},
       [resize: {300, 200, [fit: :fill]}, crop: {20, 0, 200, 200}]},
      {"rs:fill:100:100/g:ea:0.1:0", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {35, 0, 100, 100}]},
      {"rs:fill:100:100/g:ce:-9999:0", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {0, 0, 100, 100}]},
      {"rs:fill:100:100/g:sm/bl:1", {600, 400},
       [resize: {100, 100, [fit: :cover, position: :attention]}, blur: 1.0]},
      {"rs:fill:100:100/g:fp:0:1/bl:1", {600, 400},
       [resize: {150, 100, [fit: :fill]}, crop: {0, 0, 100, 100}, blur: 1.0]},
      # Around it, at exact places.
      {"rs:fill:100:100/ex:1:no:0:10", {60, 40},
       [thumbnail: {100, 100, [fit: :pad, position: {0.5, 10 / 60}]}]},
      {"rs:fit:300:300/ex:1/pd:10", {600, 400},
       [
         resize: {300, 200, [fit: :fill]},
         thumbnail: {300, 300, [fit: :pad, position: {0.0, 0.5}]},
         thumbnail: {320, 320, [fit: :pad, position: {0.5, 0.5}]}
       ]},
      {"w:100/h:100/exar:1", {60, 40}, [thumbnail: {60, 60, [fit: :pad, position: {0.0, 0.5}]}]},
      {"w:100/h:50/exar:1:ea", {40, 40},
       [thumbnail: {80, 40, [fit: :pad, position: {1.0, 0.0}]}]},
      {"w:100/exar:1/bl:1", {60, 40}, [blur: 1.0]},
      {"pd:1:2:3:4/dpr:2/el:1", {60, 40},
       [
         resize: {120, 80, [fit: :fill]},
         thumbnail: {132, 88, [fit: :pad, position: {8 / 12, 2 / 8}]}
       ]},
      # The ratio of the device's pixels, which would enlarge, counts as one.
      {"pd:3/dpr:2", {60, 40}, [thumbnail: {66, 46, [fit: :pad, position: {0.5, 0.5}]}]},
      {"z:0.5/rot:90", {600, 400}, [rotate: 90, resize: {200, 300, [fit: :fill]}]},
      {"z:2:1/w:100/bl:1", {600, 400}, [resize: {200, 67, [fit: :fill]}, blur: 1.0]},
      {"br:51", {6, 4}, [contrast: 1 / 1.4, brighten: 1.4]},
      {"br:-51", {6, 4}, [brighten: 1 / 1.4, contrast: 1.4]},
      {"a:0:1.5:0.5/mc:0.25", {6, 4}, [contrast: 1.5, saturate: 0.5, saturate: 0.75]},
      # Nobody knows the size.
      {"t:10/bl:1/fl:1", {60, 40}, [flip: :horizontal, blur: 1.0, trim: 10.0]},
      {"t:10", {60, 40}, [trim: 10.0]},
      {"t:10/rs:fill:30:0/rot:90", {60, 40},
       [
         rotate: 90,
         thumbnail: {30, nil, [fit: :cover, enlarge: false, position: :center]},
         trim: 10.0
       ]}
    ]

    test "is the pipeline of imgproxy" do
      for {options, size, edits} <- @edits do
        assert {options, edits(options, size)} == {options, edits}
        {width, height} = size
        steps = Keyword.drop(edits, [:trim])
        assert {:ok, _} = Thumbelina.explain(gray(width, height), steps ++ [format: :png])
      end
    end

    test "is as large as thumbnail/2 says, where both make it" do
      for {options, {width, height}, _, _} <- @sizes do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        {across, down, _} = Imgproxy.thumbnail(asked, image(width, height))
        edits = Imgproxy.edits(asked, image(width, height))
        picture = gray(width, height)
        assert {:ok, plan} = Thumbelina.explain(picture, edits)
        assert {options, plan.width, plan.height} == {options, across, down}
      end
    end

    test "zoom is part of a thumbnail" do
      for {options, {width, height}, size} <- [
            {"z:0.5", {600, 400}, {300, 200}},
            {"z:2", {600, 400}, {600, 400}},
            {"z:2/el:1", {600, 400}, {1200, 800}},
            {"w:100/z:1.5", {600, 400}, {150, 100}},
            {"rs:fill:100:100/z:2:1", {600, 400}, {200, 100}}
          ] do
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})
        assert Imgproxy.thumbnail?(asked)
        {across, down, _} = Imgproxy.thumbnail(asked, image(width, height))
        assert {options, across, down} == {options, elem(size, 0), elem(size, 1)}
      end
    end

    test "has options, which thumbnail/2 has too" do
      for {options, expected} <- [
            {"bg:f00/bga:0.5", [background: {255, 0, 0, 128}]},
            {"ra:nearest", [filter: :nearest]},
            {"ar:0", [autorotate: false]},
            {"sm:0", [metadata: [:exif, :gps, :iptc, :xmp]]},
            {"kcr:1", [metadata: [:copyright]]},
            {"scp:0", [metadata: [:icc], color: :keep]},
            {"sm:0/scp:0/kcr:1", [metadata: [:exif, :gps, :iptc, :xmp, :icc], color: :keep]}
          ] do
        assert edits(options, {8, 8}, thumbnail?: true) == expected
        {:ok, asked} = Imgproxy.parse("/_/#{options}/plain/a.png", %{})

        assert {8, 8, [{:fit, :fill}, {:enlarge, true} | ^expected]} =
                 Imgproxy.thumbnail(asked, image(8, 8))
      end
    end

    test "without turning it upright, the picture is as it lies" do
      assert edits("ar:0/pd:1", {40, 60}, orientation: 6) ==
               [thumbnail: {62, 42, [fit: :pad, position: {0.5, 0.5}]}, autorotate: false]

      assert edits("ar:0/pd:1", {40, 60}, orientation: 3) ==
               [thumbnail: {42, 62, [fit: :pad, position: {0.5, 0.5}]}, autorotate: false]
    end

    # Pixels that say where they are.
    defp numbered(width, height) do
      pixels = for y <- 0..(height - 1), x <- 0..(width - 1), into: "", do: <<y * 16 + x>>
      "P5 #{width} #{height} 255\n" <> pixels
    end

    defp pixels(options, source) do
      {:ok, asked} = Imgproxy.parse("/_/#{options}/f:pnm/plain/a", %{})
      image = Thumbelina.new!(source)
      edits = Imgproxy.edits(asked, image)

      {:ok, %{data: data, shape: shape}} =
        source |> Thumbelina.edit!(edits) |> Thumbelina.to_pixels()

      {height, width, channels} = shape
      rows = for <<row::binary-size(width * channels) <- data>>, do: row
      assert length(rows) == height
      for row <- rows, do: for(<<sample, _::binary-size(channels - 1) <- row>>, do: sample)
    end

    test "is exact where pixels are moved" do
      source = numbered(4, 3)

      for {options, rows} <- [
            {"c:2:2:nowe", [[0, 1], [16, 17]]},
            {"c:2:1:soea", [[34, 35]]},
            {"c:2:1:nowe:1:1", [[17, 18]]},
            {"rot:90", [[32, 16, 0], [33, 17, 1], [34, 18, 2], [35, 19, 3]]},
            {"rot:90/c:1:2:nowe", [[32], [33]]},
            {"fl:1", [[3, 2, 1, 0], [19, 18, 17, 16], [35, 34, 33, 32]]},
            {"rot:180/fl:0:1", [[3, 2, 1, 0], [19, 18, 17, 16], [35, 34, 33, 32]]},
            {"c:2:1:nowe/pd:1:0:0:2/bg:090909", [[9, 9, 9, 9], [9, 9, 0, 1]]},
            {"c:1:1:nowe/pd:0:1:2:3/bg:090909",
             [[9, 9, 9, 0, 9], [9, 9, 9, 9, 9], [9, 9, 9, 9, 9]]},
            {"c:2:1:nowe/rs:fit:4:3:0:1:no:0:1/bg:090909",
             [[9, 9, 9, 9], [9, 9, 0, 1], [9, 9, 9, 9]]},
            {"c:2:1:nowe/w:3/h:3/exar:1:so/bg:090909", [[9, 9], [0, 1]]}
          ],
          do: assert({options, pixels(options, source)} == {options, rows})
    end

    test "brightness is added" do
      source = numbered(16, 16)
      before = source |> pixels_of() |> List.flatten()

      for added <- [-200, -51, -1, 1, 30, 128, 255] do
        made = "br:#{added}" |> pixels(source) |> List.flatten()

        for {was, now} <- Enum.zip(before, made),
            do: assert_in_delta(now, (was + added) |> max(0) |> min(255), 1.01)
      end
    end

    defp pixels_of(source), do: pixels("q:1", source)
  end

  describe "whatever comes" do
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

    test "is an answer" do
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

    test "is read in a time that grows with its length and no faster" do
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

  # The last character of a signature has two bits that stand for nothing, so it is left alone.
  defp flip(signature, at) do
    <<head::binary-size(at), char, tail::binary>> = signature
    head <> if(char == ?A, do: "B", else: "A") <> tail
  end

  defp image(width, height),
    do: %Image{bytes: "", format: :png, extension: ".png", width: width, height: height}

  defp gray(width, height),
    do: "P5 #{width} #{height} 255\n" <> :binary.copy(<<100>>, width * height)
end
