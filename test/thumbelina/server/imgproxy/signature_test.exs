defmodule Thumbelina.Server.Imgproxy.SignatureTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Server.Imgproxy

  @encoded "aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn"
  @pair {"test-key", "test-salt"}
  @documented_path "/rs:fill:300:400:0/#{@encoded}.png"

  test "signatures are those of imgproxy" do
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

  test "signatures are checked with every pair" do
    pairs = [@pair, {"other", ""}, {"third", "salt"}]

    for pair <- pairs do
      signed = Imgproxy.sign(@documented_path, pair)
      assert {:ok, %{width: 300}} = Imgproxy.parse(signed, %{imgproxy_keys: pairs})
      others = %{imgproxy_keys: List.delete(pairs, pair)}
      assert Imgproxy.parse(signed, others) == {:error, {403, "the signature is wrong"}}
    end
  end

  test "signatures that are wrong, cut or not encoded are refused before the rest is looked at" do
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

  test "signatures can be shorter, if all are" do
    config = %{imgproxy_keys: [@pair], signature_size: 8}
    assert {:ok, _} = Imgproxy.parse(Imgproxy.sign(@documented_path, @pair, 8), config)

    for bytes <- [1, 7, 9, 32] do
      signed = Imgproxy.sign(@documented_path, @pair, bytes)
      assert Imgproxy.parse(signed, config) == {:error, {403, "the signature is wrong"}}
    end
  end

  test "signatures can be anything without keys, except forgotten" do
    for signature <- ["unsafe", "insecure", "_", "AfrOrF3gWeDA6VOlDG4TzxMv39O7MXnF4CXpKUwGqRM"],
        do: assert({:ok, _} = Imgproxy.parse("/#{signature}/w:1/plain/a.png", %{}))

    assert {:error, {403, "the URL begins with an option" <> _}} =
             Imgproxy.parse("/w:1/h:1/plain/a.png", %{imgproxy_keys: []})
  end

  # The last character of a signature has two bits that stand for nothing, so it is left alone.
  defp flip(signature, at) do
    <<head::binary-size(at), char, tail::binary>> = signature
    head <> if(char == ?A, do: "B", else: "A") <> tail
  end
end
