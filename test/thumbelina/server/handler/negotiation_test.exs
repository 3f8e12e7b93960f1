defmodule Thumbelina.Server.Handler.NegotiationTest do
  # What depends on the headers of a request.
  use ExUnit.Case, async: true

  import Thumbelina.HandlerRequests

  alias Thumbelina.Server.HTTPDate

  describe "conditional requests" do
    setup do
      response = get(config(), "/thumbnail/50/photo.jpg")
      [etag] = header(response, "etag")
      [date] = header(response, "last-modified")
      {:ok, seconds} = HTTPDate.parse(date)
      %{etag: etag, seconds: seconds}
    end

    test "are answered without work", %{etag: etag, seconds: seconds} do
      later = HTTPDate.format(seconds + 1)
      same = HTTPDate.format(seconds)
      earlier = HTTPDate.format(seconds - 1)

      for {headers, status} <- [
            {[{"if-none-match", etag}], 304},
            {[{"if-none-match", "W/" <> etag}], 304},
            {[{"if-none-match", "*"}], 304},
            {[{"if-none-match", " * "}], 304},
            {[{"if-none-match", ~s("a", "b,c" ,W/#{etag}, "d")}], 304},
            {[{"if-none-match", ~s("a")}, {"if-none-match", etag}], 304},
            {[{"if-none-match", ~s("a")}], 200},
            {[{"if-none-match", ""}], 200},
            {[{"if-none-match", String.trim(etag, "\"")}], 200},
            {[{"if-none-match", ~s("*")}], 200},
            {[{"if-modified-since", same}], 304},
            {[{"if-modified-since", later}], 304},
            {[{"if-modified-since", earlier}], 200},
            {[{"if-modified-since", "yesterday"}], 200},
            # Tags come first.
            {[{"if-none-match", ~s("a")}, {"if-modified-since", later}], 200},
            {[{"if-none-match", etag}, {"if-modified-since", earlier}], 304},
            {[{"if-match", etag}], 200}
          ],
          method <- ["GET", "HEAD"] do
        response = call(config(), method, "/thumbnail/50/photo.jpg", headers)
        assert {headers, response.status} == {headers, status}

        if status == 304 do
          assert response.body == ""
          assert header(response, "etag") == [etag]
          assert header(response, "cache-control") == ["public, max-age=3600"]

          assert header(response, "content-type") == [] and
                   header(response, "content-length") == []
        end
      end

      # There is no work: the picture is larger than allowed.
      config = config(max_file_bytes: 1)
      assert get(config, "/thumbnail/50/photo.jpg").status == 413
      assert get(config, "/thumbnail/50/photo.jpg", [{"if-none-match", etag}]).status == 304
    end

    test "tags differ with what was asked", %{etag: etag} do
      urls = [
        "/thumbnail/51/photo.jpg",
        "/thumbnail/50x/photo.jpg",
        "/thumbnail/50/photo.png",
        "/thumbnail/50/photo.jpg?fit=cover",
        "/thumbnail/50/photo.jpg?quality=79",
        "/thumbnail/50/photo.jpg?format=png",
        "/thumbnail/50/photo.jpg?filter=box",
        "/info/photo.jpg"
      ]

      tags = for url <- urls, do: header(get(config(), url), "etag")
      assert length(Enum.uniq([[etag] | tags])) == length(urls) + 1

      for url <- ["/thumbnail/50x50/photo.jpg", "/thumbnail/50/photo.jpg?quality=80&fit=contain"] do
        assert header(get(config(), url), "etag") == [etag]
      end

      assert header(get(config(quality: 79), "/thumbnail/50/photo.jpg"), "etag") != [etag]
    end

    test "the age is that of the configuration, and never longer than the URL is good" do
      assert header(get(config(max_age: 7), "/thumbnail/5/photo.jpg"), "cache-control") == [
               "public, max-age=7"
             ]

      expires = System.os_time(:second) + 100
      response = get(config(), "/thumbnail/5/photo.jpg?expires=#{expires}")
      ["public, max-age=" <> age] = header(response, "cache-control")
      assert String.to_integer(age) in 1..100
    end
  end

  describe "format=auto" do
    @avif "image/avif,image/webp,*/*"

    test "follows the picture and the header" do
      for {name, accept, opts, expected} <- [
            {"photo.jpg", nil, [], "image/jpeg"},
            {"photo.jpg", "image/webp,*/*", [], "image/jpeg"},
            {"photo.png", "image/webp,*/*", [], "image/jpeg"},
            {"alpha.png", "image/webp,*/*", [], "image/webp"},
            {"alpha.png", "*/*", [], "image/png"},
            {"alpha.webp", nil, [], "image/png"},
            {"photo.jpg", @avif, [], "image/jpeg"},
            {"photo.jpg", @avif, [avif: true], "image/avif"},
            {"alpha.png", @avif, [avif: true], "image/avif"},
            {"photo.jpg", "image/png", [], "image/png"}
          ],
          {opts, url} <- [
            {opts, "/thumbnail/20/#{name}?format=auto"},
            {[{:format, :auto} | opts], "/thumbnail/20/#{name}"}
          ] do
        response = get(config(opts), url, for(a <- [accept], a != nil, do: {"accept", a}))
        assert {name, accept, header(response, "content-type")} == {name, accept, [expected]}
        assert header(response, "vary") == ["accept"]
      end

      # One that is asked for does not vary.
      response = get(config(format: :auto), "/thumbnail/20/photo.jpg?format=gif")
      assert header(response, "content-type") == ["image/gif"] and header(response, "vary") == []
    end

    test "gives no AVIF that is too large" do
      config = config(avif: true)
      url = "/thumbnail/800x700/photo.jpg?enlarge=true&fit=fill&format="
      assert get(config, url <> "avif").status == 413

      assert header(get(config, url <> "auto", [{"accept", @avif}]), "content-type") == [
               "image/jpeg"
             ]
    end

    test "tags differ with what the header means, not with how it looks" do
      etag = fn accept ->
        header(get(config(), "/thumbnail/20/alpha.png?format=auto", [{"accept", accept}]), "etag")
      end

      assert etag.("image/webp,*/*") == etag.("image/webp, image/apng, */*;q=1")
      assert etag.("image/webp,*/*") != etag.("*/*")
    end

    test "says what is wrong with the picture" do
      assert get(config(), "/thumbnail/20/truncated.png?format=auto").status == 422
      assert post(config(), "/thumbnail/20?format=auto", "x").status == 415
      assert get(config(max_pixels: 9), "/thumbnail/20/photo.png?format=auto").status == 413
    end
  end

  describe "client hints" do
    test "change the size, if they are allowed to" do
      for {size, headers, opts, expected} <- [
            {"50x50", [{"dpr", "2"}], [], {100, 67}},
            {"50x50", [{"sec-ch-dpr", "2"}, {"dpr", "3"}], [], {100, 67}},
            {"50x50", [{"dpr", "1.1"}], [], {75, 50}},
            {"50x50", [{"dpr", "2.5"}], [], {150, 100}},
            {"50x50", [{"dpr", "1e9"}], [], {150, 100}},
            {"50x50", [{"dpr", "0.5"}], [], {50, 33}},
            {"50x50", [{"dpr", "x"}], [], {50, 33}},
            {"50x50", [{"dpr", "-2"}], [], {50, 33}},
            {"50x50", [{"width", "100"}], [], {50, 33}},
            {"x200", [{"width", "100"}], [], {100, 67}},
            {"x100", [{"dpr", "2"}, {"width", "100"}], [], {100, 67}},
            {"x100", [{"width", "0"}], [], {150, 100}},
            {"x100", [{"width", "9e9"}], [], {150, 100}},
            {"x100", [{"width", "99"}], [sizes: ["x100"]], {150, 100}},
            {"x100", [{"dpr", "2"}], [sizes: ["x100"]], {300, 200}}
          ] do
        response =
          get(config([client_hints: true] ++ opts), "/thumbnail/#{size}/photo.jpg", headers)

        assert {size, headers, size(response)} ==
                 {size, headers, Tuple.insert_at(expected, 0, :jpeg)}

        assert header(response, "vary") == ["sec-ch-dpr, sec-ch-width, dpr, width"]
        assert header(response, "accept-ch") == ["sec-ch-dpr, sec-ch-width, dpr, width"]
      end
    end

    test "are ignored otherwise" do
      response = get(config(), "/thumbnail/50/photo.jpg", [{"dpr", "2"}])
      assert size(response) == {:jpeg, 50, 33}
      assert header(response, "vary") == [] and header(response, "accept-ch") == []
    end

    test "vary together with the format" do
      response = get(config(client_hints: true, format: :auto), "/thumbnail/50/photo.jpg")
      assert header(response, "vary") == ["accept, sec-ch-dpr, sec-ch-width, dpr, width"]
    end
  end
end
