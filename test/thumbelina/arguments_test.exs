defmodule Thumbelina.ArgumentsTest do
  use ExUnit.Case, async: true

  # Whatever a public function is given, it says what is wrong: an error as data, or an exception
  # with a sentence, and never one from inside.

  alias Thumbelina.{Error, Image, Pixels}

  @image Thumbelina.new!(File.read!("test/fixtures/1x1.jpg"))
  @pixels %Pixels{data: <<1, 2, 3>>, shape: {1, 1, 3}, type: {:u, 8}}

  defp terms do
    [nil, true, :atom, :jpeg, "text", "", "a\0b", <<0, 255>>, <<1::3>>, 'list', 1, 0, -1, 1.5] ++
      [Integer.pow(10, 30), -Integer.pow(10, 30), 1.0e308, {}, {1}, {1, 2}, {nil, 1}, %{}, 1..3] ++
      [{:file, nil}, {:file, "none"}, %{path: 1}, [1], [1 | 2], [], fn -> 1 end, self()] ++
      [[a: 1], [{1, 2}], [format: "png"], [quality: nil], [timeout: -1], [fit: 1], [dpr: 0]] ++
      [[metadata: [:gps | :x]], [position: {1, 2}], [background: {1, 2}], [formats: nil]] ++
      [[resize: nil], [crop: {1, 2, 3}], [crop: {1, 1, 1}], [rotate: {1, 2}], [blur: "1"]] ++
      [[overlay: nil], [overlay: {nil, 1}], [overlay: {@image, nil}], [border: {1}], [tint: 1]] ++
      [[shape: {1, 1}], [shape: {1, 1, 1}, type: 1], [{1, 1, 1}], [{:placeholder, :x}], [tag: 1]] ++
      [@image, @pixels, %{@pixels | data: nil}, %{@pixels | shape: {1, 2}}, %{@pixels | type: 8}] ++
      [%{@image | bytes: nil}, %{@image | format: :x}, %{@image | width: nil}]
  end

  defp functions do
    for module <- [Thumbelina, Image, Thumbelina.Format, Thumbelina.Store, Thumbelina.URL],
        {:docs_v1, _, _, _, _, _, docs} = Code.fetch_docs(module),
        {{:function, name, arity}, _, _, doc, _} <- docs,
        doc != :hidden,
        # They would write files, and start processes.
        name not in [:write, :write!, :start_link],
        defaults = defaults(module, name, arity),
        arity <- (arity - defaults)..arity//1,
        do: {module, name, arity}
  end

  defp defaults(module, name, arity) do
    {:docs_v1, _, _, _, _, _, docs} = Code.fetch_docs(module)
    {_, _, _, _, metadata} = List.keyfind(docs, {:function, name, arity}, 0)
    Map.get(metadata, :defaults, 0)
  end

  test "every public function answers, or says in a sentence what is wrong" do
    :rand.seed(:exsss, {7, 8, 9})
    functions = functions()
    assert {Thumbelina, :blur!, 2} in functions and {Thumbelina.Format, :mime, 1} in functions

    for {module, name, arity} <- functions, args <- arguments(arity) do
      assert said(module, name, args) == :ok, inspect({module, name, args})
    end
  end

  defp arguments(0), do: [[]]
  defp arguments(1), do: Enum.map(terms(), &[&1])

  # A picture that is one, more often than not: else nothing behind it is looked at.
  defp arguments(arity) do
    terms = terms()
    first = fn -> if :rand.uniform(2) == 1, do: @image, else: Enum.random(terms) end
    for _ <- 1..50, do: [first.() | for(_ <- 2..arity, do: Enum.random(terms))]
  end

  defp said(module, name, args) do
    case apply(module, name, args) do
      {:error, %Error{} = error} -> sentence(error)
      {:error, other} -> other
      stream when is_function(stream, 2) -> stream |> Enum.take(1) |> inspect() |> ok()
      result -> result |> inspect() |> ok()
    end
  rescue
    error in [Error, ArgumentError] -> sentence(error)
    error -> error
  end

  defp sentence(%Error{reason: :internal_error} = error), do: error

  defp sentence(error) do
    message = Exception.message(error)
    if message =~ ~r/1st argument|2nd argument|Inspect.Error/, do: error, else: :ok
  end

  defp ok(text), do: if(text =~ "Inspect.Error", do: text, else: :ok)

  test "sentences say what is allowed" do
    for {message, fun} <- [
          {~r/\Aexpected a format, one of :jpeg, .*, got: :heic\z/, fn -> Image.mime(:heic) end},
          {~r/expected an image with its bytes, got: "x"/, fn -> Image.to_data_uri("x") end},
          {~r/one of :jpeg, .*, got: nil/, fn -> Thumbelina.Format.extensions(nil) end},
          {~r/a file extension as a string/, fn -> Thumbelina.Format.of_extension(:jpg) end},
          {~r/two hashes of 8 bytes/, fn -> Thumbelina.hash_distance("a", nil) end},
          {~r/a folder and a positive number/, fn -> Thumbelina.stream_directory(nil) end},
          {~r/a folder, a glob or an enumerable/, fn -> Thumbelina.open_all(7) end},
          {~r/an enumerable of pictures/, fn -> Thumbelina.stream("photos", 9, 9) end},
          {~r/an enumerable of pictures/, fn -> Thumbelina.Cluster.stream([1 | 2], 9, 9) end},
          {~r/without arguments, got: 7/, fn -> Thumbelina.Store.fetch(:key, 7) end},
          {~r/options as a keyword list, got: 7/, fn -> Thumbelina.Store.get(:key, 7) end},
          {~r/a secret that is not empty/, fn -> Thumbelina.URL.sign("/a", [], nil) end},
          {~r/not a path and a query/, fn -> Thumbelina.URL.sign("/a", [1 | 2], "key") end}
        ],
        do: assert_raise(ArgumentError, message, fun)

    for {key, expected, result} <- [
          {:image, "a Thumbelina.Image", Thumbelina.write("text", "a.jpg")},
          {:path, "a path", Thumbelina.write(@image, :atom)},
          {:image, nil, Thumbelina.new(fn -> 1 end)},
          {:path, nil, Thumbelina.open(fn -> 1 end)},
          {:overlay, nil, Thumbelina.overlay(@image, nil)}
        ] do
      assert {:error, %Error{reason: :invalid_option, key: ^key} = error} = result
      if expected, do: assert(error.expected == expected)
    end

    {:error, error} = Thumbelina.edit(@image, bluur: 2)
    assert Exception.message(error) =~ ~r/\Aunknown option :bluur: .*:quality.* steps .*:blur,/
    assert_raise Error, ~r/:options: expected a keyword list/, fn -> url(7) end
    assert url(metadata: [:copyright, :icc]) == "/thumbnail/9/a.jpg?metadata=copyright%2Cicc"
  end

  defp url(opts), do: Thumbelina.URL.thumbnail("a.jpg", 9, 9, opts)
end
