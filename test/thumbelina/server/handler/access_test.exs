defmodule Thumbelina.Server.Handler.AccessTest do
  # Who gets what: files, signatures, and what the configuration allows.
  use ExUnit.Case, async: true

  import Thumbelina.HandlerRequests

  alias Thumbelina.URL
  alias Thumbelina.Server.Config

  @tag :tmp_dir
  test "nothing is served from outside of the root", %{tmp_dir: folder} do
    root = Path.join(folder, "root")
    File.mkdir_p!(Path.join(root, "in"))
    File.write!(Path.join(folder, "secret.jpg"), fixture("photo.jpg"))
    File.write!(Path.join(root, ".hidden.jpg"), fixture("photo.jpg"))
    File.write!(Path.join(root, "in/ok.jpg"), fixture("photo.jpg"))
    config = config(root: root)
    assert get(config, "/thumbnail/9/in/ok.jpg").status == 200
    # It was written just now.
    assert header(get(config, "/thumbnail/9/in/ok.jpg"), "cache-control") == ["no-store"]

    up = [
      "..",
      "%2e%2e",
      "%2E.",
      "%252e%252e",
      "%c0%ae%c0%ae",
      "..%00",
      "%2e%2e%2f",
      "..%5c",
      "..\\",
      "..;"
    ]

    for up <- up,
        between <- ["/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%00/"],
        prefix <- ["", "in/", "/", "./"] do
      path = prefix <> up <> between

      for path <- [
            path <> "secret.jpg",
            path <> up <> between <> "secret.jpg",
            path <> "root/in/ok.jpg"
          ] do
        response = get(config, "/thumbnail/9/" <> path)
        assert {path, response.status} == {path, 404}
        assert get(config, "/info/" <> path).status == 404
      end
    end

    for path <- [".hidden.jpg", "%2ehidden.jpg", "in", "in/", Path.join(folder, "secret.jpg")] do
      assert {path, get(config, "/thumbnail/9/" <> path).status} == {path, 404}
    end

    # Without a root there are no files.
    {:ok, config} = Config.new([])
    assert get(config, "/thumbnail/9/mix.exs").status == 404
  end

  describe "keys" do
    setup do
      %{config: config(keys: ["old", "new"])}
    end

    test "sign URLs", %{config: config} do
      for key <- ["old", "new"],
          opts <- [[], [fit: :cover, quality: 7], [format: :auto, filename: "ä b&c"]] do
        assert get(config, URL.thumbnail("photo.jpg", 50, 40, [key: key] ++ opts)).status == 200
      end

      assert get(config, URL.sign("/info/photo.jpg", "", "new")).status == 200
      assert post(config, URL.sign("/info", "", "new"), fixture("photo.jpg")).status == 200

      url = URL.sign("/thumbnail/5", "fit=cover", "new")

      assert post(config, url, fixture("photo.jpg")).status ==
               200

      assert get(config, "/health").status == 200
    end

    test "refuse others, whatever else is wrong", %{config: config} do
      signed = URL.thumbnail("photo.jpg", 50, 40, key: "old", fit: :cover)

      for url <- [
            "/thumbnail/50x40/photo.jpg",
            "/thumbnail/0/photo.jpg",
            "/thumbnail/50/nix.jpg",
            "/info/photo.jpg",
            URL.thumbnail("photo.jpg", 50, 40, key: "other", fit: :cover),
            String.replace(signed, "50x40", "51x40"),
            String.replace(signed, "cover", "fill"),
            signed <> "&quality=1",
            signed <> "x",
            String.replace(signed, "?", "?x=1&")
          ] do
        response = get(config, url)
        assert {url, response.status, reason(response)} == {url, 403, "not_signed"}
      end

      assert post(config, "/thumbnail/5", fixture("photo.jpg")).status == 403
      assert post(config, "/info", fixture("photo.jpg")).status == 403
    end

    test "sign the time", %{config: config} do
      now = System.os_time(:second)
      url = URL.thumbnail("photo.jpg", 50, 40, key: "new", expires: now + 100)
      assert get(config, url).status == 200
      assert get(config, String.replace(url, "#{now + 100}", "#{now + 101}")).status == 403
      url = URL.thumbnail("photo.jpg", 50, 40, key: "new", expires: now - 1)
      assert get(config, url).status == 410
    end
  end

  test "metadata of files are given out as the configuration says" do
    for {allowed, given} <- [
          {nil, ~w(strip copyright icc copyright,icc)},
          {:strip, ~w(strip)},
          {:keep, ~w(strip keep copyright icc copyright,icc exif gps iptc xmp exif,gps,icc)},
          {[:exif, :icc], ~w(strip exif icc)}
        ],
        metadata <- ~w(strip keep copyright icc copyright,icc exif gps iptc xmp exif,gps,icc),
        route <- ["/thumbnail", "/explain"] do
      config = config(if(allowed, do: [metadata: allowed], else: []))
      response = get(config, "#{route}/9/photo.jpg?metadata=#{metadata}")
      expected = if metadata in given, do: 200, else: 403
      assert {route, allowed, metadata, response.status} == {route, allowed, metadata, expected}
    end

    assert {:error, %{key: :metadata}} = Config.new(metadata: [:nix])
  end

  test "sizes and qualities can be limited" do
    config = config(sizes: ["100x80", "50", "x30"], qualities: [60, 80], quality: 75)

    for {url, status} <- [
          {"/thumbnail/100x80/photo.jpg", 200},
          {"/thumbnail/50x50/photo.jpg", 200},
          {"/thumbnail/x30/photo.jpg", 200},
          {"/thumbnail/100x/photo.jpg", 403},
          {"/thumbnail/30/photo.jpg", 403},
          {"/thumbnail/50/photo.jpg?quality=60", 200},
          {"/thumbnail/50/photo.jpg?quality=75", 403},
          {"/info/photo.jpg", 200}
        ] do
      assert {url, get(config, url).status} == {url, status}
    end

    assert post(config, "/thumbnail/51", fixture("photo.jpg")).status == 403
  end
end
