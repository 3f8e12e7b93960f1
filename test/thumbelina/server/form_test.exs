defmodule Thumbelina.Server.FormTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Reductions
  alias Thumbelina.Server.{Config, Form, Request}

  @config elem(Config.new([]), 1)

  defp read(body, type \\ "multipart/form-data; boundary=b") do
    headers = [{"content-type", type}]
    Form.read(%Request{method: "POST", path: "/", headers: headers, body: body}, @config)
  end

  defp part(name, content),
    do: "--b\r\nContent-Disposition: form-data; name=\"#{name}\"\r\n\r\n#{content}\r\n"

  test "parts by their names, as programs write them" do
    for {body, form} <- [
          {part("a", "1") <> "--b--", %{"a" => "1"}},
          {part("a", "1") <> part("b", "") <> "--b--\r\n", %{"a" => "1", "b" => ""}},
          {"preamble\r\n" <> part("a", "1") <> "--b--\r\nepilogue", %{"a" => "1"}},
          {part("a", "x\r\n--\r\n-b\r\n--c\r\n") <> "--b--",
           %{"a" => "x\r\n--\r\n-b\r\n--c\r\n"}},
          {part("a", <<0, 255, 13, 10>>) <> "--b--", %{"a" => <<0, 255, 13, 10>>}},
          {"--b \t\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=a; " <>
             "filename=\"c;name=d\"\r\n\r\n1\r\n--b--", %{"a" => "1"}},
          {"--b\r\nContent-Disposition: form-data; filename=\"n\"; name=\"ü x\"\r\n\r\n1\r\n--b--",
           %{"ü x" => "1"}},
          {"--b--", %{}}
        ] do
      assert {body, read(body)} == {body, {:ok, form}}
    end
  end

  test "boundaries, with quotes and without" do
    for type <-
          ["multipart/form-data; boundary=b", "Multipart/Form-Data;BOUNDARY=\"b\""] ++
            ["multipart/form-data; charset=utf-8; boundary=b; x=y"] do
      assert read(part("a", "1") <> "--b--", type) == {:ok, %{"a" => "1"}}
    end

    for type <-
          ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data;"] ++
            ["multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"b"] ++
            ["multipart/form-data; boundary=" <> String.duplicate("b", 71)] do
      assert {:error, {400, :bad_request, _}} = read(part("a", "1") <> "--b--", type)
    end
  end

  test "any other body is the picture" do
    for type <- ["", "image/jpeg", "multipart/mixed; boundary=b", "multipart/form-datax"],
        do: assert(read("abc", type) == {:ok, %{"picture" => "abc"}})
  end

  test "what is none is an error" do
    for body <- [
          "",
          "b",
          "--b",
          "--b\r\n",
          "--bx\r\n",
          part("a", "1"),
          part("a", "1") <> "--b",
          part("a", "1") <> "--b-",
          part("a", "1") <> part("a", "2") <> "--b--",
          part("", "1") <> "--b--",
          "--b\r\nno headers\r\n--b--",
          "--b\r\n\r\n1\r\n--b--",
          "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--",
          "--b\r\nContent-Disposition: form-data; filename=a\r\n\r\n1\r\n--b--",
          "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--",
          "--b\r\nContent-Disposition: form-data; name=\"\xFF\"\r\n\r\n1\r\n--b--",
          "--b\r\nX: " <> String.duplicate("x", 5000) <> "\r\n" <> part("a", "1") <> "--b--",
          Enum.map_join(1..9, &part("p#{&1}", "")) <> "--b--"
        ] do
      assert {:error, {400, :bad_request, message}} = read(body), inspect(body)
      assert String.printable?(message)
    end
  end

  test "cut off anywhere it is an error, and whatever comes is an answer" do
    whole = part("a", "1\r\n2") <> part("b", <<0, 1>>) <> "--b--"

    for size <- 0..(byte_size(whole) - 1),
        do: assert({:error, {400, _, _}} = read(binary_part(whole, 0, size)))

    :rand.seed(:exsss, 5)

    pieces = [
      "--b",
      "\r\n",
      "--",
      "b",
      "name=a",
      "Content-Disposition: form-data; ",
      ":",
      "\"",
      ";"
    ]

    for _ <- 1..5_000 do
      body = Enum.map_join(1..:rand.uniform(30), fn _ -> Enum.random(pieces) end)

      case read(body) do
        {:ok, %{}} -> :ok
        {:error, {400, :bad_request, _}} -> :ok
      end
    end
  end

  test "is read in a time that grows with its length" do
    for unit <- ["\r\n--b", "--b\r\n", "\r\n\r\n", "--b\r\n\r\n", ";name=", "\r\n--", " "],
        prefix <- ["", "--b\r\n", "--b\r\nContent-Disposition: form-data; "] do
      {short, long} = {work(prefix, unit, 2_000), work(prefix, unit, 16_000)}
      assert long < 16 * short + 20_000, inspect({prefix, unit, short, long})
    end
  end

  defp work(prefix, unit, count) do
    body = prefix <> String.duplicate(unit, count)
    Reductions.count(fn -> read(body) end)
  end

  @tag :tmp_dir
  test "files of a plug", %{tmp_dir: folder} do
    path = Path.join(folder, "a")
    File.write!(path, "abc")

    request = %Request{
      method: "POST",
      path: "/",
      body: {:form, [{"a", {:file, path}}, {"b", "1"}]}
    }

    assert Form.form?(request)
    assert {:ok, form} = Form.read(request, @config)
    assert Form.bytes(form, "a", @config) == {:ok, "abc"}
    assert Form.text(form, "b", @config) == {:ok, "1"}
    small = %{@config | max_body_bytes: 2}
    assert {:error, %{reason: :limit_exceeded, path: nil}} = Form.bytes(form, "a", small)
    File.rm!(path)
    assert {:error, %{reason: :enoent, path: nil}} = Form.bytes(form, "a", @config)
  end
end
