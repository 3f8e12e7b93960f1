defmodule Thumbelina.Server.PageTest do
  use ExUnit.Case

  alias Thumbelina.Server
  alias Thumbelina.Server.{Config, Handler, Metrics, Page, Request}

  @fixtures Path.expand("test/fixtures")
  @page_only [{"GET", "/"}, {"GET", "/page/main.js"}, {"POST", "/lateness"}]

  defp config(opts \\ []) do
    {:ok, config} = Config.new([root: @fixtures] ++ opts)
    config
  end

  defp call(config, method, path, headers \\ []),
    do: Handler.handle(%Request{method: method, path: path, headers: headers}, config)

  defp header(response, name), do: for({^name, value} <- response.headers, do: value)

  test "is all of its files" do
    folder = "priv/page"
    assert Enum.sort(Page.files()) == folder |> File.ls!() |> Enum.sort()

    for {name, type} <- [
          {"index.html", "text/html; charset=utf-8"},
          {"page.css", "text/css; charset=utf-8"},
          {"main.js", "text/javascript; charset=utf-8"},
          {"icon.svg", "image/svg+xml"}
        ] do
      response = call(config(), "GET", "/page/" <> name)
      assert response.status == 200
      assert response.body == File.read!(Path.join(folder, name))
      assert header(response, "content-type") == [type]
      assert header(response, "content-length") == ["#{byte_size(response.body)}"]
    end

    assert call(config(), "GET", "/").body == File.read!(Path.join(folder, "index.html"))

    for path <- ~w(/page /page/ /page/nix.js /page/../mix.exs /page/%2e%2e%2fpage.ex /page/a/b),
        do: assert(call(config(), "GET", path).status == 404)
  end

  test "allows nothing inline and nothing from elsewhere" do
    for path <- ["/", "/page/main.js", "/page/icon.svg"] do
      response = call(config(), "GET", path)
      [policy] = header(response, "content-security-policy")

      directives =
        Map.new(String.split(policy, "; "), &List.to_tuple(String.split(&1, " ", parts: 2)))

      assert directives == %{
               "default-src" => "'none'",
               "script-src" => "'self'",
               "style-src" => "'self'",
               "img-src" => "'self' data: blob:",
               "connect-src" => "'self'",
               "base-uri" => "'none'",
               "form-action" => "'none'",
               "frame-ancestors" => "'none'"
             }

      assert header(response, "x-content-type-options") == ["nosniff"]
      assert header(response, "referrer-policy") == ["no-referrer"]
    end
  end

  test "names no other host, and no absolute path" do
    for name <- Page.files() do
      text =
        call(config(), "GET", "/page/" <> name).body |> String.replace("http://www.w3.org/", "")

      refute text =~ ~r{https?:|["'(]//?\w}, name
    end
  end

  test "answers conditional requests, HEAD, and no other method" do
    response = call(config(), "GET", "/")
    [etag] = header(response, "etag")
    assert header(response, "cache-control") == ["no-cache"]
    again = call(config(), "GET", "/", [{"if-none-match", etag}])
    assert {again.status, again.body, header(again, "etag")} == {304, "", [etag]}
    assert call(config(), "GET", "/", [{"if-none-match", ~s("other")}]).status == 200
    assert [^etag] = header(call(config(), "GET", "/page/index.html"), "etag")
    refute header(call(config(), "GET", "/page/main.js"), "etag") == [etag]
    assert call(config(), "HEAD", "/") == %{response | body: ""}

    for {path, allowed} <- [
          {"/", "GET, HEAD"},
          {"/page/main.js", "GET, HEAD"},
          {"/lateness", "POST"}
        ] do
      response = call(config(), "PUT", path)
      assert {response.status, header(response, "allow")} == {405, [allowed]}
    end
  end

  test "is there unless its requests would be refused, or as the option says" do
    for {opts, page?} <- [
          {[], true},
          {[formats: [:jpeg]], true},
          {[keys: ["secret"]], false},
          {[sizes: ["9"]], false},
          {[qualities: [80]], false},
          {[page: false], false},
          {[page: true, sizes: ["9"]], true},
          {[page: nil], true}
        ] do
      assert {opts, config(opts).page} == {opts, page?}
      response = call(config(opts), "GET", "/")
      assert {opts, response.status} == {opts, if(page?, do: 200, else: 404)}
    end

    for {method, path} <- @page_only do
      assert call(config(page: false), method, path).status == 404
      request = %Request{method: method, path: path}
      if method == "POST", do: assert(Handler.refused?(request, config(page: false)))
      if method == "POST", do: refute(Handler.refused?(request, config()))
      # The URLs of imgproxy are others.
      assert call(config(imgproxy: true), method, path).status in [200, 415]
    end

    # Whoever has no key sees the page if they are meant to, but measures nothing.
    signed = config(page: true, keys: ["secret"])
    assert call(signed, "GET", "/").status == 200
    assert call(signed, "POST", "/lateness").status == 403
  end

  test "is counted" do
    config = %{config() | live: Metrics.new()}
    call(config, "GET", "/")
    call(config, "GET", "/page/page.css")

    assert Metrics.text(config.live) =~
             ~s(thumbelina_requests_total{route="page",status="200"} 2\n)
  end

  # Where node, playwright-core and a Chromium are, as bin/setup installs them.
  @playwright Path.expand("_build/browser/node_modules/playwright-core")
  @browsers ~w(chromium-headless-shell chromium chromium-browser google-chrome)
  @node System.find_executable("node")
  node_version =
    with node when node != nil <- @node,
         {"v" <> version, 0} <- System.cmd(node, ["--version"]),
         do: String.trim(version),
         else: (_ -> "0.0.0")

  @chromium System.get_env("CHROMIUM") || Enum.find_value(@browsers, &System.find_executable/1)
  @missing for {name, false} <- [
                 {"node 20", Version.match?(node_version, ">= 20.0.0")},
                 {"playwright-core", File.dir?(@playwright)},
                 {"Chromium", @chromium != nil}
               ],
               do: name

  describe "in a browser" do
    if @missing != [], do: @describetag(skip: "there is no #{Enum.join(@missing, ", no ")}")

    # PAGE_SHOTS names a folder that keeps the screenshots.
    @tag :tmp_dir
    @tag timeout: 600_000
    test "works", %{tmp_dir: folder} do
      server = start_supervised!({Server, port: 0, root: @fixtures})
      shots = System.get_env("PAGE_SHOTS") || folder
      File.mkdir_p!(shots)
      url = "http://127.0.0.1:#{Server.port(server)}/"
      script = Path.expand("test/support/page.mjs")
      args = [script, url, @playwright, @chromium, @fixtures, shots]
      {output, status} = System.cmd(@node, args, stderr_to_stdout: true)
      assert status == 0, output
      # Each check that was made is a line.
      assert length(Regex.scan(~r/^ok - /m, output)) == 15
    end
  end
end
