defmodule Thumbelina.Server.DispositionTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.Disposition

  test "names" do
    for {name, ascii, encoded} <- [
          {"tom.jpg", "tom.jpg", "tom.jpg"},
          {"tom.jpeg", "tom.jpeg", "tom.jpeg"},
          {"tom.png", "tom.jpg", "tom.jpg"},
          {"tom", "tom.jpg", "tom.jpg"},
          {"tom.exe", "tom.exe.jpg", "tom.exe.jpg"},
          {"", "thumbnail.jpg", "thumbnail.jpg"},
          {"...", "thumbnail.jpg", "thumbnail.jpg"},
          {"../../etc/passwd", "passwd.jpg", "passwd.jpg"},
          {"C:\\temp\\tom.jpg", "tom.jpg", "tom.jpg"},
          {".htaccess", "htaccess.jpg", "htaccess.jpg"},
          {"a\r\nSet-Cookie: x=1", "aSet-Cookie x=1.jpg", "aSet-Cookie%20x%3D1.jpg"},
          {"a\0b\e\u202Ec", "abc.jpg", "abc.jpg"},
          {"50% \"off\"", "50_ off.jpg", "50%25%20off.jpg"},
          {"it's (1)", "it's (1).jpg", "it%27s%20%281%29.jpg"},
          {"Käse €.jpg", "K_se _.jpg", "K%C3%A4se%20%E2%82%AC.jpg"},
          {<<0xFF, "a">>, "thumbnail.jpg", "thumbnail.jpg"}
        ] do
      assert Disposition.inline(name, :jpeg) ==
               "inline; filename=\"#{ascii}\"; filename*=UTF-8''#{encoded}"
    end
  end

  test "long names are cut between characters" do
    header = Disposition.inline(String.duplicate("ä", 500), :png)
    [_, encoded] = Regex.run(~r/UTF-8''(.*)$/, header)
    name = URI.decode(encoded)
    assert name == String.duplicate("ä", 100) <> ".png"
  end
end
