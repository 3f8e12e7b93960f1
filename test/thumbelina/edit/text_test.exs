defmodule Thumbelina.Edit.TextTest do
  use ExUnit.Case, async: true

  alias Thumbelina.{Edit, Error, Options, Request}
  alias Thumbelina.Edit.Text

  defp parse(text), do: Text.parse(text, &{:ok, {:file, &1}})

  test "steps as the library takes them, in their order" do
    for {text, steps} <- [
          {"resize:400x", [resize: {400, nil}]},
          {"resize:x300", [resize: {nil, 300}]},
          {"thumbnail:200", [thumbnail: {200, 200}]},
          {"resize:400x300,fit=fill,filter=box,enlarge=false",
           [resize: {400, 300, fit: :fill, filter: :box, enlarge: false}]},
          {"thumbnail:x20,fit=pad,position=east,background=0af,linear=true,dpr=1.5",
           [
             thumbnail:
               {nil, 20, fit: :pad, position: :east, background: "#0af", linear: true, dpr: 1.5}
           ]},
          {"resize:9,fit=outside", [resize: {9, 9, fit: :outside}]},
          {"resize:9,fit=inside,position=attention",
           [resize: {9, 9, fit: :inside, position: :attention}]},
          {"flip:vertical|brighten:1.5|contrast:0|saturate:2|gamma:2.2|blur:0.5",
           [flip: :vertical, brighten: 1.5, contrast: 0, saturate: 2, gamma: 2.2, blur: 0.5]},
          {"crop:0,10,300,200", [crop: {0, 10, 300, 200}]},
          {"crop:300x200", [crop: {300, 200}]},
          {"crop:300,200,position=0.3;0.7", [crop: {300, 200, position: {0.3, 0.7}}]},
          {"flip:horizontal", [flip: :horizontal]},
          {"rotate:-12.5,background=fff8", [rotate: {-12.5, background: "#fff8"}]},
          {"rotate:90", [rotate: 90]},
          {"sharpen:1,amount=2,threshold=3", [sharpen: {1, amount: 2, threshold: 3}]},
          {"grayscale|invert|threshold:128", [grayscale: true, invert: true, threshold: 128]},
          {"tint:rebeccapurple", [tint: "rebeccapurple"]},
          {"tint:#704214", [tint: "#704214"]},
          {"overlay:mark.png,position=southeast,opacity=0.5,tile=true,width=20,margin=4",
           [
             overlay:
               {{:file, "mark.png"},
                position: :southeast, opacity: 0.5, tile: true, width: 20, margin: 4}
           ]},
          {"round:circle|border:3,red", [round: :circle, border: {3, "red"}]},
          {"round:12", [round: 12]}
        ] do
      assert parse(text) == {:ok, steps}, text
      assert {:ok, %Request{}} = Request.edit(steps)
    end
  end

  test "every step, and every option of each" do
    steps = %{
      thumbnail: "9",
      resize: "9",
      crop: "9x9",
      flip: "vertical",
      grayscale: "true",
      invert: "true",
      tint: "red",
      overlay: "x",
      border: "9,red"
    }

    values = %{
      fit: elem(Options.types()[:fit], 1),
      filter: elem(Options.types()[:filter], 1),
      enlarge: [true, false],
      linear: [true, false],
      tile: [true, false],
      background: ["#112233"],
      position: [:northwest]
    }

    for name <- Edit.names() do
      step = "#{name}:#{Map.get(steps, name, "9")}"
      assert {:ok, [{^name, _}] = one} = parse(step)
      assert {:ok, %Request{}} = Request.edit(one)

      for option <- Edit.options(name), value <- Map.get(values, option, [1]) do
        assert {:ok, [{^name, given}] = one} = parse("#{step},#{option}=#{value}")
        assert {:ok, %Request{}} = Request.edit(one)
        assert {option, given |> elem(tuple_size(given) - 1)} == {option, [{option, value}]}
      end
    end
  end

  test "everything else is an error" do
    for text <-
          ["", "|", "blur", "blur:", "blur:1,2", "none:1", "resize:", "resize:x", "border:3"] ++
            ["crop:1,2,3", "resize:1x2x3", "crop:1,2,position=middle", "grayscale:1,2"] do
      assert {:error, %Error{reason: :invalid_option, key: :edit}} = parse(text), text
    end

    # What is no number stays text, which no step takes.
    for text <-
          ["blur:two", "blur:1e5", "resize:-1x", "rotate:9,color=red", "flip:both"] ++
            ["blur:#{String.duplicate("9", 100)}", "grayscale:2", "border:3,nocolor"] do
      with {:ok, steps} <- parse(text),
           do: assert({:error, %Error{reason: :invalid_option}} = Request.edit(steps), text)
    end

    assert {:error, %Error{key: :edit}} = parse(Enum.map_join(1..33, "|", fn _ -> "invert" end))
    no_picture = fn text -> Options.invalid(:overlay, text, "no overlay") end
    assert {:error, %Error{key: :overlay}} = Text.parse("overlay:x.png", no_picture)
  end
end
