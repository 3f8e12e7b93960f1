defmodule Thumbelina.Server.Remote.URLTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Server.Remote
  alias Thumbelina.Server.Remote.URL

  test "odd ones are refused" do
    odd = [
      "http://2130706433/",
      "http://0x7f.1/",
      "http://0x7f000001/",
      "http://0X7F000001/",
      "http://017700000001/",
      "http://0177.0.0.1/",
      "http://127.1/",
      "http://127.0.1/",
      "http://127.0.0.01/",
      "http://127.0.0.0x1/",
      "http://127.0.0.1.1/",
      "http://127.0.0.256/",
      "http://0/",
      "http://0x/",
      "http://a.0x7f/",
      "http://a.1/",
      "http://1.2.3.4../",
      "http://[::ffff:127.0.0.1%25lo]/",
      "http://[fe80::1%lo]/",
      "http://[127.0.0.1]/",
      "http://[::1/",
      "http://::1/",
      "http://[::1]x/",
      "http://x[::1]/",
      "http://[[::1]]/",
      "http://[]/",
      "http://a.example../",
      "http://.a.example/",
      "http://a..example/",
      "http://./",
      "http://../",
      "http:///",
      "http:////a.example/",
      "http://?a.example",
      "http:a.example",
      "http:/a.example/",
      "//a.example/",
      "a.example/",
      "/",
      "",
      "http",
      "http://",
      "http://a.example:/",
      "http://a.example:0/",
      "http://a.example:65536/",
      "http://a.example:080000/",
      "http://a.example:-1/",
      "http://a.example:80:80/",
      "http://a.example:http/",
      "http://u@a.example/",
      "http://u:p@a.example/",
      "http://@a.example/",
      "http://:@a.example/",
      "http://127.0.0.1@a.example/",
      "http://a.example@127.0.0.1/",
      "http://a.example:80@127.0.0.1/",
      "http://a.example\\@127.0.0.1/",
      "http://127.0.0.1\\@a.example/",
      "http://127.0.0.1\\.a.example/",
      "http:\\\\a.example\\",
      "http://a.example%00/",
      "http://a%2eexample/",
      "http://%61.example/",
      "http://%31%32%37.0.0.1/",
      "http://a.example%40127.0.0.1/",
      "http://a.ex\tample/",
      "http://a.ex\nample/",
      "http://a.example/\r\nX: y",
      "http://a.example/\n",
      "http://a.example\n",
      " http://a.example/",
      "http://a.example/ ",
      "http://a.example/a b",
      "http://a.example/%",
      "http://a.example/%4",
      "http://a.example/%zz",
      "http://a.example/\0",
      "http://bücher.example/",
      "http://a。example/",
      "http://①②⑦.⓪.⓪.①/",
      "http://a.example/ü",
      <<"http://a.example/", 255>>,
      "http://-a.example/",
      "http://a-.example/",
      "http://a,b.example/",
      "http://a;b.example/",
      "http://#{String.duplicate("a", 64)}.example/",
      "http://#{String.duplicate("a.", 127)}example/",
      "http://a.example/#{String.duplicate("a", 9000)}",
      "ftp://a.example/",
      "file:///etc/passwd",
      "gopher://a.example/",
      "data:image/png;base64,AAAA",
      "httpx://a.example/",
      "https+x://a.example/",
      nil,
      :url,
      ~c"http://a.example/",
      %{}
    ]

    config = %{allow_hosts: ["a.example", "*.example", "127.0.0.1", "::1"], allow_private: true}
    for url <- odd, do: assert({:error, {400, _}} = Remote.open(url, config), inspect(url))
  end

  test "ordinary ones are taken" do
    for {url, host, port, target} <- [
          {"HTTP://A.Example", "a.example", 80, "/"},
          {"https://a.example?q", "a.example", 443, "/?q"},
          {"https://a.example#x", "a.example", 443, "/"},
          {"http://a.example.:81/a/../b//c@d:e?x=[1]&y=http://b/", "a.example", 81,
           "/a/../b//c@d:e?x=[1]&y=http://b/"},
          {"http://a_b.c-d.example/%2F%c3", "a_b.c-d.example", 80, "/%2F%c3"},
          {"http://1a.2b/", "1a.2b", 80, "/"},
          {"http://8.8.8.8:00080/", "8.8.8.8", 80, "/"},
          {"http://[2606:4700:0::1]:8080/", "2606:4700::1", 8080, "/"}
        ] do
      assert {:ok, %{host: ^host, port: ^port, target: ^target} = parsed} = URL.parse(url)
      assert URL.parse(to_string(parsed)) == {:ok, parsed}
    end
  end

  test "nothing odd raises, or gets to an address that is not allowed" do
    :rand.seed(:exsss, {1, 2, 3})
    test = self()

    parts =
      ~w(http https ftp : / // /// ? # @ [ ] \\ . .. % %00 %2e %40 a.example A.EXAMPLE evil.test
      127.0.0.1 127.1 0x7f 2130706433 ::1 ::ffff:127.0.0.1 localhost u:p@ :80 :443 :99999 , ; * ü 。
      xn--a - _ a b 1 0 = &) ++
        [" ", "\t", "\r\n", "\0", <<255>>, "http://a.example", "http://"]

    config = %{
      allow_hosts: ["a.example", "*.a.example"],
      resolver: fn host -> send(test, {:looked_up, host}) && {:error, :nxdomain} end
    }

    {:ok, base} = URL.parse("http://a.example/x/y?z")

    statuses =
      for _ <- 1..10_000 do
        random = for _ <- 1..:rand.uniform(9), into: "", do: Enum.random(parts)
        text = if :rand.uniform(2) == 1, do: "http://" <> random, else: random
        assert {kind, _} = URL.resolve(base, text)
        assert kind in [:ok, :error]

        case URL.parse(text) do
          {:ok, parsed} -> assert URL.parse(to_string(parsed)) == {:ok, parsed}
          {:error, message} -> assert is_binary(message)
        end

        assert {:error, {status, message}} = Remote.open(text, config)
        assert is_binary(message)
        status
      end

    assert statuses |> Enum.uniq() |> Enum.sort() == [400, 403, 502]

    hosts =
      for {:looked_up, host} <- elem(Process.info(self(), :messages), 1), uniq: true, do: host

    assert hosts != [] and
             Enum.all?(hosts, &(&1 == "a.example" or String.ends_with?(&1, ".a.example")))
  end
end
