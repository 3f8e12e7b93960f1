defmodule Mix.Tasks.ThumbelinaTest do
  use ExUnit.Case

  @photo Path.expand("../../fixtures/photo.jpg", __DIR__)

  setup do
    shell = Mix.shell()
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(shell) end)
  end

  defp run(args), do: Mix.Tasks.Thumbelina.run(args)

  @tag :tmp_dir
  test "makes a thumbnail and says so in one line", %{tmp_dir: folder} do
    output = Path.join(folder, "thumb.jpg")
    run([@photo, output, "200x200"])
    assert_received {:mix_shell, :info, [line]}
    assert line =~ ~r/thumb.jpg: jpeg 200x133, \d+ bytes, from jpeg 640x427 in \d+\.\d ms$/
    assert %{format: :jpeg, width: 200, height: 133} = Thumbelina.open!(output)
  end

  @tag :tmp_dir
  test "makes a thumbnail of what is there, if told to", %{tmp_dir: folder} do
    truncated = Path.expand("../../fixtures/truncated.jpg", __DIR__)
    output = Path.join(folder, "thumb.jpg")

    assert_raise Mix.Error, ~r/truncated jpeg at byte \d+$/, fn ->
      run([truncated, output, "9x9"])
    end

    run([truncated, output, "9x9", "--on-damage", "gray"])
    assert File.exists?(output)
  end

  @tag :tmp_dir
  test "takes the options of the library, and the format of the output's extension",
       %{tmp_dir: folder} do
    for {name, args, expected} <- [
          {"a.png", ["100x50", "--fit", "cover"], {:png, 100, 50}},
          {"b.out", ["100x", "--format", "gif"], {:gif, 100, 67}},
          {"c.JPE", ["X67"], {:jpeg, 100, 67}},
          {"c.tiff", ["100"], {:tiff, 100, 67}},
          {"c", ["100X100", "--format", "jpg", "--formats", "png,jpg"], {:jpeg, 100, 67}},
          {"c.tif", ["100x100", "--format", "tif", "--formats", "all"], {:tiff, 100, 67}},
          {"d.webp", ["100x100", "--formats", "default"], {:webp, 100, 67}},
          {"d.bmp", ["800x800", "--enlarge", "--filter", "box"], {:bmp, 800, 534}},
          {"e.jpg", ["10x10", "--quality", "5", "--scheduler", "dirty"], {:jpeg, 10, 7}}
        ] do
      output = Path.join(folder, name)
      run([@photo, output | args])
      image = Thumbelina.open!(output)
      assert {image.format, image.width, image.height} == expected
    end
  end

  @tag :tmp_dir
  test "raises what went wrong", %{tmp_dir: folder} do
    output = Path.join(folder, "thumb.jpg")

    for {args, message} <- [
          {[], ~r/^usage: /},
          {[@photo, output], ~r/^usage: /},
          {["no.jpg", output, "20x20"], ~r/^no.jpg: no such file/},
          {[__ENV__.file, output, "20x20"], ~r/thumbelina_test.exs: not a known picture format/},
          {[@photo, folder, "20x20", "--format", "jpeg"], ~r/illegal operation on a directory/},
          {[@photo, output, "20*20"], ~r/^invalid size: 20\*20;/},
          {[@photo, output, ""], ~r/^invalid size: ;/},
          {[@photo, Path.join(folder, "a.heic"), "20"],
           ~r/a.heic has the unknown extension .heic: choose the format with --format/},
          {[@photo, Path.join(folder, "a"), "20"],
           ~r/a has no extension: choose the format with --format/},
          {[@photo, Path.join(folder, "a.png"), "20", "--format", "gif"],
           ~r/a.png: expected a file name for gif, ending in .gif$/},
          {[@photo, output, "x"], ~r/^invalid size: x;/},
          {[@photo, output, "0x20"], ~r/^invalid value for width: 0; expected a whole number/},
          {[@photo, output, "20x20", "--fit", "tight"],
           ~r/--fit: tight; expected one of contain/},
          {[@photo, output, "20x20", "--format", "heic"],
           ~r/--format: heic; expected one of jpeg/},
          {[@photo, output, "20x20", "--quality", "much"], ~r/invalid value for --quality: much/},
          {[@photo, output, "20x20", "--quality", "500"],
           ~r/^invalid value for --quality: 500; expected 1..100$/},
          {[@photo, output, "20x20", "--color"], ~r/unknown option or missing value: --color/},
          {[@photo, output, "20x20", "--max-pixels", "100"], ~r/photo.jpg: max_pixels exceeded/}
        ] do
      assert_raise Mix.Error, message, fn -> run(args) end
    end

    refute File.exists?(output)
  end

  test "helps" do
    # Lines are wrapped.
    help = ExUnit.CaptureIO.capture_io(fn -> run(["--help"]) end) |> String.replace(~r/\s+/, " ")
    assert help =~ "INPUT OUTPUT SIZE"
    assert help =~ "--fit contain|cover|fill"
    assert help =~ ~r/--quality 1\.\.100[^*]*Default: 80 /
    assert help =~ ~r/--max-pixels [^*]*Default: 100000000 /
    refute help =~ "`:"
  end

  # In a process of its own, whose stdin and stdout are files.
  @tag :tmp_dir
  @tag :unix
  test "reads stdin and writes stdout", %{tmp_dir: folder} do
    thumb = Path.join(folder, "thumb")
    said = Path.join(folder, "said")
    command = "mix thumbelina - - 100x100 --format png < '#{@photo}' > '#{thumb}' 2> '#{said}'"
    assert {"", 0} = System.cmd("sh", ["-c", command], env: [{"MIX_ENV", "test"}])
    assert %{format: :png, width: 100, height: 67} = Thumbelina.open!(thumb)
    assert File.read!(said) =~ ~r/^-: png 100x67, \d+ bytes, from jpeg 640x427 in/m

    command = "mix thumbelina - - 100x100 < /dev/null 2>&1"
    assert {output, 1} = System.cmd("sh", ["-c", command], env: [{"MIX_ENV", "test"}])
    assert output =~ "-: not a known picture format"
  end
end
