defmodule Thumbelina.Server.AcceptTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Server.Accept

  @chrome "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
  @firefox "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
  @safari "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8," <>
            "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"

  # The header, and the best format without alpha, with alpha, and both with AVIF allowed.
  for {accept, expected} <- [
        {nil, {:jpeg, :png, :jpeg, :png}},
        {"", {:jpeg, :png, :jpeg, :png}},
        {"*/*", {:jpeg, :png, :jpeg, :png}},
        {"image/*", {:jpeg, :png, :jpeg, :png}},
        {@chrome, {:jpeg, :webp, :avif, :avif}},
        {@firefox, {:jpeg, :webp, :avif, :avif}},
        {@safari, {:jpeg, :webp, :avif, :avif}},
        {"image/webp,*/*", {:jpeg, :webp, :jpeg, :webp}},
        {"image/webp;q=0,*/*", {:jpeg, :png, :jpeg, :png}},
        {"image/webp", {:webp, :webp, :webp, :webp}},
        {"image/png", {:png, :png, :png, :png}},
        {"image/jpeg", {:jpeg, :jpeg, :jpeg, :jpeg}},
        {"IMAGE/JPEG ; Q=0.1 , image/WebP", {:webp, :webp, :webp, :webp}},
        {"image/jpeg;q=0, image/*", {:png, :png, :png, :png}},
        {"image/avif;q=0.1,image/jpeg", {:jpeg, :jpeg, :jpeg, :avif}},
        {"image/webp;q=0.5,image/png;q=0.9", {:png, :png, :png, :png}},
        {"image/webp;q=0.9,image/png", {:webp, :webp, :webp, :webp}},
        {"image/*;q=0", {:jpeg, :png, :jpeg, :png}},
        {"text/html", {:jpeg, :png, :jpeg, :png}},
        {"image/png;q=2, image/jpeg;q=x;q=0.1", {:png, :png, :png, :png}},
        {",;,=;q,/", {:jpeg, :png, :jpeg, :png}}
      ] do
    test "Accept: #{inspect(accept)}" do
      accept = unquote(accept)

      found =
        for avif? <- [false, true],
            kind <- [:opaque, :alpha],
            do: hd(Accept.rank(accept, kind, avif?))

      assert List.to_tuple(found) == unquote(Macro.escape(expected))
    end
  end

  test "the last one is shown by everything" do
    for accept <- [nil, "image/webp", "image/avif", "text/html", @chrome],
        kind <- [:opaque, :alpha] do
      assert Enum.any?(Accept.rank(accept, kind, true), &(&1 in [:jpeg, :png]))
    end

    assert Accept.rank("image/avif,image/webp", :alpha, true) == [:avif, :webp, :png]
    assert Accept.rank("image/avif,image/webp", :opaque, true) == [:avif, :webp, :jpeg]
  end

  test "weights are thousandths" do
    for {q, weight} <- [
          {"q=1", 1000},
          {"q=1.000", 1000},
          {"q=0", 0},
          {"q=0.", 0},
          {"q=0.5", 500},
          {"q=0.05", 50},
          {"q=0.005", 5},
          {"q=0.0005", 1000},
          {"q=1.1", 1000},
          {"q=-1", 1000},
          {"level=1;q=0.3", 300}
        ] do
      assert Accept.parse("image/png;#{q}") == %{"image/png" => weight}
    end
  end
end
