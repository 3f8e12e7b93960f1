defmodule Thumbelina.Server.Imgproxy.OptionsTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Server.Imgproxy
  alias Thumbelina.Server.Imgproxy.Table

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

    test "of a watermark" do
      for {options, watermark} <- [
            {"wm:0.5", %{opacity: 0.5, at: :center, scale: 0.0}},
            {"watermark:1:soea:10:-20:0.15",
             %{opacity: 1.0, at: {:southeast, 10.0, -20.0}, scale: 0.15}},
            {"wm:1::0.1", %{opacity: 1.0, at: {:center, 0.1, 0.0}, scale: 0.0}},
            {"wm:.3:re:5:0.1:1", %{opacity: 0.3, at: {:tiles, 5.0, 0.1}, scale: 1.0}}
          ],
          do: assert(options(options, %{watermark: true}) == %{watermark: watermark})

      assert options("wm:1/wm:0", %{watermark: true}) == %{}
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
            "wm:0.5:soea:10:10:0.2" => "watermark: the server has none",
            "wm:1.5" => "wm: expected a number from 0 to 1, got: \"1.5\"",
            "wm:" => "wm: expected a number, got: \"\"",
            "wm:1:sm" =>
              "wm: expected one of re, ce, ea, no, noea, nowe, so, soea, sowe, we, got: \"sm\"",
            "wm:1:re:-1" => "wm: expected a number, got: \"-1\"",
            "wm:1:ce:0:0:11" => "wm: expected a number from 0 to 10, got: \"11\"",
            "wm:1:ce:0:0:1:0" => "wm: wrong number of arguments",
            "t:10/wm:1" => "trim: no watermark with it",
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
            g:fp:x:0 g:fp:1e-1:0 g:ce:x g:ce:1:-x g:ce:--1 c:0:0:up c:-1:5 c: c:1:x c:1:1:fp:2:2
            z:0 z:-1 z:1:2:3 z: car:x
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
      assert Enum.sort(Table.names()) == @documented
      docs = Table.docs()

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
end
