defmodule Thumbelina.CorpusTest do
  # Every picture of the folder that THUMBELINA_CORPUS names. Where a file is says what is expected
  # of it: `x*` of PngSuite must be refused, and nothing may crash or hang on what is in `fuzz`.
  use ExUnit.Case, async: true
  @moduletag :corpus
  @moduletag timeout: 600_000

  alias Thumbelina.{Error, Image}

  defp files(pattern) do
    paths = Path.wildcard(Path.join(System.fetch_env!("THUMBELINA_CORPUS"), pattern))
    Enum.filter(paths, &File.regular?/1)
  end

  test "photographs, in every fit, on both kinds of schedulers" do
    paths = files("{photos,orientation,colour}/*.*")
    assert paths != []

    for path <- paths, fit <- [:contain, :cover, :fill] do
      image = Thumbelina.open!(path)
      assert {:ok, thumb} = Thumbelina.thumbnail(image, 200, 150, fit: fit, scheduler: :normal)
      assert {:ok, ^thumb} = Thumbelina.thumbnail(image, 200, 150, fit: fit, scheduler: :dirty)
      assert thumb.width <= 200 and thumb.height <= 150
      assert {:ok, ^thumb} = Thumbelina.new(thumb.bytes)
    end
  end

  test "PngSuite: x* are refused, all others decode" do
    paths = files("conformance/pngsuite/*.png")
    assert length(paths) > 150

    for path <- paths do
      result = Thumbelina.thumbnail(File.read!(path), 16, 16)

      if String.starts_with?(Path.basename(path), "x") do
        assert {:error, %Error{reason: reason}} = result, path
        assert reason in [:invalid_image, :truncated, :unsupported_format], path
      else
        assert {:ok, %Image{}} = result, path
      end
    end
  end

  test "everything else gives a thumbnail or a reason" do
    paths = files("{conformance,fuzz}/**/*")
    assert paths != []

    for path <- paths, scheduler <- [:normal, :dirty] do
      case Thumbelina.thumbnail(File.read!(path), 50, 50, scheduler: scheduler) do
        {:ok, thumb} ->
          assert thumb.width <= 50 and thumb.height <= 50

        {:error, %Error{reason: reason}} ->
          assert is_atom(reason) and reason != :internal_error, path
      end
    end
  end
end
