defmodule Thumbelina.Edit.JSONTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Edit, Request}
  alias Thumbelina.Edit.JSON

  @known ~w(format quality background position trim metadata)

  defp parse(text), do: JSON.parse(text, @known, &{:ok, {:file, &1}})

  test "steps as the library takes them, in their order" do
    for {text, steps} <- [
          {~s([{"resize": [400, null]}]), [resize: {400, nil}]},
          {~s([{"resize": {"value": [400, 300], "fit": "pad", "filter": "box", "enlarge": false,
                "background": [255, 0, 0, 9], "position": "northwest", "linear": true,
                "dpr": 1.5}}]),
           [
             resize:
               {400, 300,
                [
                  background: {255, 0, 0, 9},
                  dpr: 1.5,
                  enlarge: false,
                  filter: :box,
                  fit: :pad,
                  linear: true,
                  position: :northwest
                ]}
           ]},
          {~s([{"thumbnail": {"value": [null, 300], "fit": "outside"}}]),
           [thumbnail: {nil, 300, [fit: :outside]}]},
          {~s([{"crop": [0, 10, 300, 200]}, {"crop": [30, 20]}]),
           [crop: {0, 10, 300, 200}, crop: {30, 20}]},
          {~s([{"crop": {"value": [30, 20], "position": [0.3, 1]}}]),
           [crop: {30, 20, [position: {0.3, 1}]}]},
          {~s([{"crop": {"value": [30, 20], "position": "south"}}]),
           [crop: {30, 20, [position: :south]}]},
          {~s([{"flip": "horizontal"}, {"flip": "vertical"}]),
           [flip: :horizontal, flip: :vertical]},
          {~s([{"rotate": 90}, {"rotate": {"value": -12.5, "background": "#fff8"}}]),
           [rotate: 90, rotate: {-12.5, [background: "#fff8"]}]},
          {~s([{"blur": 2.5}, {"sharpen": {"value": 1, "amount": 2, "threshold": 3}}]),
           [blur: 2.5, sharpen: {1, [amount: 2, threshold: 3]}]},
          {~s([{"blur": {"value": 2}}]), [blur: 2]},
          {~s([{"brighten": 1.2}, {"contrast": 1}, {"saturate": 0}, {"gamma": 2.2}]),
           [brighten: 1.2, contrast: 1, saturate: 0, gamma: 2.2]},
          {~s([{"grayscale": true}, {"invert": false}, {"threshold": 128}]),
           [grayscale: true, invert: false, threshold: 128]},
          {~s([{"tint": "rebeccapurple"}, {"tint": [1, 2, 3]}]),
           [tint: "rebeccapurple", tint: {1, 2, 3}]},
          {~s([{"overlay": "a, b|c.png"}]), [overlay: {:file, "a, b|c.png"}]},
          {~s([{"overlay": {"value": "a.png", "position": "south", "margin": 4, "opacity": 0.5,
                "tile": true, "width": 20, "height": null}}]),
           [
             overlay:
               {{:file, "a.png"},
                [height: nil, margin: 4, opacity: 0.5, position: :south, tile: true, width: 20]}
           ]},
          {~s([{"round": "circle"}, {"round": 12}, {"border": [3, "red"]},
               {"border": [2, [0, 0, 0]]}]),
           [round: :circle, round: 12, border: {3, "red"}, border: {2, {0, 0, 0}}]}
        ] do
      assert {text, parse(text)} == {text, {:ok, steps, %{}}}
      assert {:ok, %Request{}} = Request.edit(steps)
    end
  end

  test "every step, and every option of each" do
    for name <- Edit.names(), option <- Edit.options(name) do
      text = ~s([{"#{name}": {"value": 1, "#{option}": 1}}])
      refute inspect(parse(text)) =~ "unknown"
      assert {:error, message} = parse(~s([{"#{name}": {"value": 1, "nix": 1}}]))
      assert message =~ "#{name}: unknown option; expected" and message =~ "#{option}"
    end
  end

  test "options of the call, as a URL has them" do
    text =
      ~s([{"format": "webp"}, {"blur": 2}, {"quality": 70}, {"trim": true},
               {"background": [255, 0, 0]}, {"position": [0.25, 1]}, {"metadata": ["exif", "icc"]}])

    assert parse(text) ==
             {:ok, [blur: 2],
              %{
                "format" => "webp",
                "quality" => "70",
                "trim" => "true",
                "background" => "#ff0000",
                "position" => "0.25,1",
                "metadata" => "exif,icc"
              }}
  end

  test "everything else is an error that names the step" do
    for {text, message} <- [
          {~s([), "expected JSON, which is cut off after 1 bytes"},
          {~s([]),
           "expected a list of steps, such as [{\"resize\": [400, null]}, {\"blur\": 2}]"},
          {~s({"blur": 2}), "expected a list of steps" <> "..."},
          {~s(["blur"]), "step 1: expected an object of one member, such as {\"blur\": 2}"},
          {~s([{"blur": 1}, {}]), "step 2: expected an object of one member" <> "..."},
          {~s([{"blur": 1, "invert": true}]), "step 1: expected an object of one member..."},
          {~s([{"blur": 1}, {"blurr": 2}]), "step 2: unknown; expected one of thumbnail, ..."},
          {~s([{"timeout": 2}]), "step 1: unknown; expected one of ..."},
          {~s([{"rotate": {"value": 1, "color": 2}}]),
           "step 1, rotate: unknown option; expected background"},
          {~s([{"blur": {"value": 1, "color": 2}}]),
           "step 1, blur: unknown option; expected no options"},
          {~s([{"rotate": {"background": 2}}]),
           "step 1, rotate: expected a value, or an object with a value"},
          {~s([{"overlay": 5}]),
           "step 1, overlay: expected a string that says where the picture is"},
          {~s([{"overlay": {"value": ["a"], "tile": true}}]),
           "step 1, overlay: expected a string that says where the picture is"},
          {~s([{"blur": 1}, {"format": null}]),
           "step 2, format: expected a string, a number, true or false"},
          {~s([{"format": ["png"]}]),
           "step 1, format: expected a string, a number, true or false"},
          {~s([{"metadata": [[]]}]),
           "step 1, metadata: expected a string, a number, true or false"},
          {~s([{"format": "png"}, {"format": "png"}]), "format is given twice"}
        ] do
      assert {:error, said} = parse(text)
      [start | _] = String.split(message, "...")
      assert String.starts_with?(said, start), inspect({text, said})
    end

    many = fn count ->
      "[" <> Enum.map_join(1..count, ",", fn _ -> ~s({"invert":true}) end) <> "]"
    end

    assert {:ok, steps, _} = parse(many.(32))
    assert length(steps) == 32
    assert parse(many.(33)) == {:error, "expected at most 32 steps"}

    assert JSON.parse(~s([{"overlay": "x"}]), [], fn _ -> {:error, "no"} end) ==
             {:error, "step 1, overlay: no"}
  end

  test "what the library refuses stays what it was" do
    values =
      ~w(null true "x" "" -1 1e9 [] [1] [1,2] [1,2,3] [1,2,3,4] [1,2,3,4,5] ["a","b"] [null,null]) ++
        ~w([[1],[2]] [1,{}] {"value":[]} {"value":null} {"value":{"value":1}} {"value":[1,2,3,4]}) ++
        ~w({"value":[1,[2]]} [{},{}] ["1","2"] [0.5,1e300])

    for name <- Edit.names(), name != :overlay, value <- values do
      with {:ok, steps, %{}} <- parse(~s([{"#{name}": #{value}}])) do
        case Request.edit(steps) do
          {:ok, %Request{}} -> :ok
          {:error, error} -> assert {name, error.reason} == {name, :invalid_option}
        end
      end
    end
  end

  test "makes no atoms" do
    names = for _ <- 1..50, do: "edit_#{System.unique_integer([:positive])}_name"

    for name <- names do
      parse(~s([{"#{name}": 1}]))
      parse(~s([{"rotate": {"value": 1, "#{name}": 1}}]))
      parse(~s([{"resize": {"value": [1, 1], "fit": "#{name}"}}, {"flip": "#{name}"}]))
      assert_raise ArgumentError, fn -> String.to_existing_atom(name) end
    end
  end

  test "what was expected is said as JSON has it" do
    assert JSON.expected(":horizontal or :vertical") == ~s("horizontal" or "vertical")
    assert JSON.expected("{width, height}") == "[width, height]"
    assert JSON.expected("a whole number, or nil") == "a whole number, or null"
    assert JSON.expected("a radius or :circle") == ~s(a radius or "circle")
  end
end
