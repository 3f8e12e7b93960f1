Code.require_file("../../support/json.ex", __DIR__)

defmodule Mix.Tasks.ThumbelinaTest do
  use ExUnit.Case

  alias Thumbelina.TestJSON

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
          {"a.gif", ["9x7", "--fit", "cover", "--position", "0.1,1"], {:gif, 9, 7}},
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
  test "shows the part that is asked for", %{tmp_dir: folder} do
    for {text, position} <- [{"west", :west}, {"0.2,0.9", {0.2, 0.9}}] do
      output = Path.join(folder, "thumb.png")
      run([@photo, output, "20x60", "--fit", "cover", "--position", text])
      opts = [fit: :cover, position: position, format: :png]
      assert Thumbelina.open!(output) == Thumbelina.thumbnail!({:file, @photo}, 20, 60, opts)
    end
  end

  @tag :tmp_dir
  test "edits by steps", %{tmp_dir: folder} do
    output = Path.join(folder, "soft.png")
    steps = "crop:0,0,400,400|resize:50x|overlay:#{@photo},width=10|grayscale"
    run([@photo, output, "--edit", steps, "--filter", "box"])

    {:ok, expected} =
      Thumbelina.edit({:file, @photo},
        crop: {0, 0, 400, 400},
        resize: {50, nil},
        overlay: {{:file, @photo}, width: 10},
        grayscale: true,
        filter: :box,
        format: :png
      )

    assert File.read!(output) == expected.bytes

    for {edit, message} <- [
          {"blurr:2", "invalid value for --edit: blurr:2"},
          {"invert|crop:1,2,3",
           "invalid value for --edit: crop:1,2,3; expected a step as in crop:10,20,300,200 or crop:300x200"},
          {"blur", "invalid value for --edit: blur; expected a step as in blur:2"},
          {"rotate:5,bg=red",
           "bg=red; expected a step as in rotate:90 or rotate:5,background=white"},
          {"overlay:a.png,position=up", "--edit: position=up; expected position=0.3;0.7, or one"},
          {"resize:axb", "step 1, resize, width: a; expected a whole number of pixels from 1 to"},
          {"invert|round:circel", "--edit: step 2, round: circel; expected a radius or circle"},
          {~s([{"resize": [1]}]), "--edit: step 1, resize: .1.; expected .width, height."},
          {"[", "invalid value for --edit: expected JSON, which is cut off after 1 bytes"},
          {~s([{"blurr": 2}]), "invalid value for --edit: step 1: unknown"},
          {~s([{"blur": "2"}]), "invalid value for --edit: step 1, blur: 2; expected a number"},
          {~s([{"format": "png"}]), "invalid value for --edit: step 1: unknown"},
          {"blur:none", "invalid value for --edit: step 1, blur: none; expected a number"},
          {"overlay:no/such.png", "no/such.png: no such file"}
        ] do
      assert_raise Mix.Error, ~r/#{message}/, fn -> run([@photo, output, "--edit", edit]) end
    end

    mark = Path.join(folder, "a, b.png")
    File.cp!("test/fixtures/alpha.png", mark)
    json = ~s([{"resize": [60, null]}, {"overlay": {"value": "#{mark}", "position": "west"}}])
    run([@photo, output, "--edit", json])

    assert File.read!(output) ==
             Thumbelina.edit!({:file, @photo},
               resize: {60, nil},
               overlay: {{:file, mark}, position: :west},
               format: :png
             ).bytes

    assert_raise Mix.Error, ~r/usage/, fn -> run([@photo, output, "5", "--edit", "blur:2"]) end
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
          {[@photo, output, "20x20", "--position", "top"],
           ~r/--position: top; expected one of center, north, .*, or a point such as 0.3,0.7$/},
          {[@photo, output, "20x20", "--format", "heic"],
           ~r/--format: heic; expected one of jpeg/},
          {[@photo, output, "20x20", "--quality", "much"],
           ~r/^invalid value for --quality: much; expected 1..100$/},
          {[@photo, output, "20x20", "--timeout", "soon"],
           ~r/^invalid value for --timeout: soon; expected milliseconds$/},
          {[@photo, output, "20x20", "--timeout", "-1"], ~r/: -1; expected milliseconds$/},
          {[@photo, output, "20x20", "--enlarge=maybe"],
           ~r/^invalid value for --enlarge: maybe; expected true, false$/},
          {[@photo, output, "20x20", "--compression", "12"],
           ~r/: 12; expected one of 0, 1, 2, .*, none, lzw/},
          {[@photo, output, "20x20", "--metadata", "gps,all"],
           ~r/--metadata: all; expected strip, keep, or some of copyright,exif/},
          {[@photo, output, "20x20", "--formats", "jpg,heic"],
           ~r/--formats: heic; expected all, default, or some of jpeg,png/},
          {[@photo, output, "20x20", "--quality", "500"],
           ~r/^invalid value for --quality: 500; expected 1..100$/},
          {[@photo, output, "20x20", "--color"], ~r/unknown option or missing value: --color/},
          {[@photo, output, "20x20", "--max-pixels", "100"], ~r/photo.jpg: max_pixels exceeded/}
        ] do
      assert_raise Mix.Error, message, fn -> run(args) end
    end

    refute File.exists?(output)
  end

  @tag :tmp_dir
  @tag :unix
  test "overwrites what is there, and leaves nothing beside it", %{tmp_dir: folder} do
    output = Path.join(folder, "thumb.jpg")
    File.write!(output, "old")
    File.chmod!(output, 0o600)
    run([@photo, output, "9"])
    assert Thumbelina.open!(output).width == 9
    assert Bitwise.band(File.stat!(output).mode, 0o777) == 0o600

    # What a link leads to is written, and the link stays.
    link = Path.join(folder, "link.jpg")
    File.ln_s!("thumb.jpg", link)
    run([@photo, link, "8"])
    assert File.lstat!(link).type == :symlink
    assert Thumbelina.open!(output).width == 8

    run([@photo, "/dev/null", "8", "--format", "jpeg"])
    assert File.stat!("/dev/null").type == :device
    assert Enum.sort(File.ls!(folder)) == ["link.jpg", "thumb.jpg"]
  end

  defp pictures(folder, count) do
    for n <- 1..count do
      path = Path.join([folder, "in", "#{rem(n, 3)}", "#{n}.jpg"])
      File.mkdir_p!(Path.dirname(path))
      File.cp!(@photo, path)
    end

    {Path.join(folder, "in"), Path.join(folder, "out")}
  end

  @tag :tmp_dir
  test "makes thumbnails of many pictures, and tells a summary", %{tmp_dir: folder} do
    {input, output} = pictures(folder, 5)
    many = ["--output", output, "--sizes", "50,X20,40x30"]
    run([input | many] ++ ["--jobs", "1", "--fit", "cover", "--format", "png"])
    assert_received {:mix_shell, :info, ["5 made, 0 failed, 0 skipped in " <> _]}
    assert Enum.sort(File.ls!(output)) == ["0", "1", "2"]
    assert Enum.sort(File.ls!(Path.join(output, "0"))) == ["3-40x30.png", "3-50.png", "3-x20.png"]

    for {name, size} <- [{"2/5-50.png", {50, 50}}, {"2/2-40x30.png", {40, 30}}] do
      image = Thumbelina.open!(Path.join(output, name))
      assert {image.format, {image.width, image.height}} == {:png, size}
    end

    run([Path.join(input, "{0,1}/*") | many] ++ ["--format", "png"])
    assert_received {:mix_shell, :info, ["0 made, 0 failed, 3 skipped (already" <> _]}
    run([Path.join(input, "**/*.jpg") | many] ++ ["--format", "png", "--force", "--quiet"])
    refute_received {:mix_shell, _, _}
    # The last one of two counts.
    run([input, "--sizes", "50", "--sizes", "7", "--output", output])
    assert_received {:mix_shell, :info, ["5 made, 0 failed, 0 skipped in " <> _]}
    assert Thumbelina.open!(Path.join(output, "0/3.jpg")).width == 7
  end

  @tag :tmp_dir
  test "tells of what fails, and exits with 1 after the summary", %{tmp_dir: folder} do
    {input, output} = pictures(folder, 2)
    File.write!(Path.join(input, "broken.png"), "?")
    many = [input, "--output", output, "--sizes", "50"]
    assert catch_exit(run(many)) == {:shutdown, 1}
    assert_received {:mix_shell, :error, [error]}
    assert error =~ ~r/broken.png: not a known picture format$/
    assert_received {:mix_shell, :info, ["2 made, 1 failed, 0 skipped in " <> _]}

    assert catch_exit(run(many ++ ["--quiet"])) == {:shutdown, 1}
    assert_received {:mix_shell, :error, [^error]}
    refute_received {:mix_shell, _, _}
  end

  @tag :tmp_dir
  test "refuses by name, before anything is done", %{tmp_dir: folder} do
    {input, output} = pictures(folder, 2)
    file = Path.join(input, "1/1.jpg")
    empty = Path.join(folder, "empty")
    File.mkdir!(empty)
    many = ["--output", output, "--sizes", "50"]

    for {args, message} <- [
          {many, ~r/^usage: /},
          {[input, "--output", output], ~r/^--output needs --sizes\nusage: /},
          {[input, "--sizes", "5"], ~r/^--sizes needs --output\nusage: /},
          {[input, output, "5", "--force"], ~r/^--force needs --output\nusage: /},
          {[input, output, "5", "--jobs", "2"], ~r/^--jobs needs --output\nusage: /},
          {[input | many] ++ ["--jobs", "0"], ~r/^invalid value for --jobs: 0; expected a pos/},
          {[input | many] ++ ["--jobs", "all"],
           ~r/^invalid value for --jobs: all; expected a pos/},
          {[input | many] ++ ["--output"], ~r/^unknown option or missing value: --output/},
          {[input | many] ++ ["--size", "5"], ~r/^unknown option or missing value: --size\n/},
          {[input | many] ++ ["--sizes", "5,"], ~r/^invalid size: ;/},
          {[input | many] ++ ["--sizes", "5,6,5"],
           ~r/^invalid value for --sizes: 5 is there twi/},
          {[input | many] ++ ["--sizes", "0"], ~r/^invalid value for width: 0; expected a whole/},
          {[input | many] ++ ["--quality", "101"], ~r/--quality: 101; expected 1..100$/},
          {[input | many] ++ ["--format", "dds"], ~r/--format: dds; expected one of jpeg/},
          {[empty | many], ~r/^no pictures were found in .*empty$/},
          {[Path.join(input, "*.jpg") | many], ~r/^no file matches .*\*.jpg$/},
          {[file, Path.join(input, "**") | many] ++ ["--output", Path.dirname(file)],
           ~r"^the thumbnail of .*1.jpg would be written over the picture .*1/1.jpg$"},
          {[file, "--sizes", "5", "--output", Path.join(file, "x")], ~r/x: not a directory$/}
        ] do
      assert_raise Mix.Error, message, fn -> run(args) end
    end

    refute File.exists?(output)
  end

  test "helps" do
    # Lines are wrapped.
    help = ExUnit.CaptureIO.capture_io(fn -> run(["--help"]) end) |> String.replace(~r/\s+/, " ")
    assert help =~ "INPUT OUTPUT SIZE"
    assert help =~ "--fit contain|inside|cover|fill|pad|outside"
    assert help =~ "--position center|north|northeast|"
    assert help =~ "|northwest|attention|entropy|X,Y"
    assert help =~ ~r/--quality 1\.\.100[^*]*Default: 80 /
    assert help =~ ~r/--max-pixels [^*]*Default: 268435456 /
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

  # Its exit status, and what it writes to stdout and to stderr.
  defp mix(folder, args) do
    [out, err] = for name <- ~w(stdout stderr), do: Path.join(folder, name)
    command = ~s(exec mix thumbelina "$@" > '#{out}' 2> '#{err}')
    {"", status} = System.cmd("sh", ["-c", command, "mix"] ++ args, env: [{"MIX_ENV", "test"}])
    {status, File.read!(out), File.read!(err)}
  end

  @tag :tmp_dir
  @tag :unix
  test "says with its status how it went, and gives machines JSON and nothing else",
       %{tmp_dir: folder} do
    {input, output} = pictures(folder, 3)
    many = [input, "--output", output, "--sizes", "50,20"]

    assert {0, out, ""} = mix(folder, many ++ ["--json"])
    assert [%{"summary" => summary} | objects] = objects(out)
    assert %{"made" => 3, "failed" => 0, "skipped" => 0, "outputs" => 6} = summary
    assert summary["bytes_in"] == 3 * File.stat!(@photo).size

    for %{"path" => path, "status" => "made", "outputs" => outputs} <- objects do
      assert [%{"width" => 50, "format" => "jpeg"}, %{"width" => 20, "height" => 13}] = outputs
      inside = path |> Path.relative_to(input) |> Path.rootname()

      assert Enum.map(outputs, & &1["path"]) ==
               for(size <- [50, 20], do: Path.join(output, "#{inside}-#{size}.jpg"))

      for %{"path" => path, "bytes" => bytes} <- outputs,
          do: assert(File.stat!(path).size == bytes)
    end

    File.write!(Path.join(input, "broken.gif"), "GIF89a")
    assert {1, out, ""} = mix(folder, many ++ ["--json"])

    assert [%{"summary" => %{"failed" => 1, "skipped" => 3, "outputs" => 0}} | objects] =
             objects(out)

    assert [%{"error" => error}] = Enum.filter(objects, &(&1["status"] == "failed"))
    broken = Path.join(input, "broken.gif")
    assert error == %{"reason" => "truncated", "message" => "#{broken}: truncated gif"}

    assert {1, out, err} = mix(folder, many)
    assert out =~ ~r/\A0 made, 1 failed, 3 skipped .*\n\z/
    assert err =~ ~r/\A[^\n]*broken.gif: truncated gif[^\n]*\n\z/
  end

  @tag :tmp_dir
  @tag :unix
  test "stops when nobody reads its JSON any more", %{tmp_dir: folder} do
    {input, output} = pictures(folder, 40)
    command = ~s(mix thumbelina "$@" | head -n 1 > /dev/null)
    args = [input, "--output", output, "--sizes", "20", "--jobs", "1", "--json"]
    opts = [env: [{"MIX_ENV", "test"}], stderr_to_stdout: true]
    {said, 0} = System.cmd("sh", ["-c", command, "mix" | args], opts)
    assert said in ["", "** (Mix) stdout cannot be written: :terminated\n"]
    assert temporary(output) == []
  end

  # The last one first.
  defp objects(out) do
    ["" | lines] = out |> String.split("\n") |> Enum.reverse()
    Enum.map(lines, &TestJSON.read/1)
  end

  # Stopped while it writes, again and again: a thumbnail has its name only as a whole.
  @tag :tmp_dir
  @tag :unix
  test "a kill leaves nothing half written, and the next run goes on", %{tmp_dir: folder} do
    {input, output} = pictures(folder, 12)
    # A file of 8 MB takes some time to write.
    many = [input, "--output", output, "--sizes", "2000", "--enlarge", "--format", "bmp"]

    assert {137, _left} = killed(many, output, "KILL")
    check(output)
    assert {143, []} = killed(many ++ ["--jobs", "1", "--force"], output, "TERM")
    check(output)

    for path <- temporary(output), do: File.touch!(path, {{2020, 1, 1}, {0, 0, 0}})
    run(many)
    assert length(check(output)) == 12
    assert temporary(output) == []
  end

  defp temporary(output), do: Path.wildcard(output <> "/**/.thumbelina-*", match_dot: true)

  # All thumbnails that have a name.
  defp check(output) do
    for path <- Path.wildcard(output <> "/**/*.bmp") do
      assert %{width: 2000, height: 1334, bytes: bytes} = Thumbelina.open!(path)
      assert {:ok, _} = Thumbelina.thumbnail(bytes, 9, 9)
      path
    end
  end

  # Kills the run as soon as a temporary file is seen. The status is that of a shell, which has the
  # signal in it. Returns what the run has left of its temporary files.
  defp killed(args, output, signal) do
    before = temporary(output)

    port =
      Port.open({:spawn_executable, System.find_executable("sh")}, [
        :exit_status,
        :binary,
        :stderr_to_stdout,
        args: ["-c", ~s(mix thumbelina "$@" & echo "pid $!"; wait $!), "mix" | args],
        env: [{~c"MIX_ENV", ~c"test"}]
      ])

    assert_receive {^port, {:data, "pid " <> pid}}, 10_000
    {pid, _} = Integer.parse(pid)
    assert seen?(output, before, System.monotonic_time(:millisecond) + 60_000)
    {_, 0} = System.cmd("sh", ["-c", "kill -#{signal} #{pid}"])
    assert_receive {^port, {:exit_status, status}}, 30_000
    {status, temporary(output) -- before}
  end

  # An empty one only tries the folder.
  defp seen?(output, before, deadline) do
    cond do
      Enum.any?(temporary(output) -- before, &filled?/1) -> true
      System.monotonic_time(:millisecond) > deadline -> false
      true -> seen?(output, before, deadline)
    end
  end

  defp filled?(path) do
    case File.stat(path) do
      {:ok, %File.Stat{size: size}} -> size > 0
      {:error, _} -> false
    end
  end
end
