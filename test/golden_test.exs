defmodule GoldenTest do
  # A digest of what comes of every fixture stands in test/golden.txt, so that a change of bytes is
  # seen in review. `GOLDEN=write mix test test/golden_test.exs` writes the file anew.
  #
  # Floats are left out: how their sums are rounded is the processor's affair.
  use ExUnit.Case, async: true

  @golden "test/golden.txt"
  @floats ~w(photo.exr photo.hdr photo-float.tif)
  @sizes [{50, :contain}, {50, :cover}, {50, :fill}, {200, :contain}, {200, :cover}]

  test "every fixture comes to the bytes that it came to before" do
    lines = for path <- paths(), size <- @sizes, do: line(path, size)
    found = Enum.join(lines, "\n") <> "\n"
    if System.get_env("GOLDEN") == "write", do: File.write!(@golden, found)
    expected = File.read!(@golden)

    changed = String.split(found, "\n") -- String.split(expected, "\n")
    assert changed == []
    assert found == expected
  end

  defp paths do
    for path <- Enum.sort(Path.wildcard("test/fixtures/*.*")),
        Path.basename(path) not in @floats,
        do: path
  end

  defp line(path, {side, fit}) do
    made =
      for format <- [:jpeg, :png] do
        case Thumbelina.thumbnail(File.read!(path), side, side, fit: fit, format: format) do
          {:ok, thumb} -> digest(thumb.bytes)
          {:error, error} -> Atom.to_string(error.reason)
        end
      end

    "#{Path.basename(path)} #{side} #{fit}: #{Enum.join(made, " ")}"
  end

  defp digest(bytes),
    do: bytes |> :erlang.md5() |> Base.encode16(case: :lower) |> binary_part(0, 16)
end
