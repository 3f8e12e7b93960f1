defmodule Mix.Tasks.Compile.CargoTest do
  use ExUnit.Case, async: true

  test "turns rustc's messages into diagnostics" do
    output = """
       Compiling thumbelina-core v0.1.0 (/thumbelina/native/core)
    warning: unused import: `Depth`
      --> native/core/src/plan.rs:14:13
       |
    14 | use crate::{Depth, Error};
       |             ^^^^^

    error[E0308]: mismatched types
       --> native/nif/src/roads.rs:112:5
        |
    error: could not compile `thumbelina-nif` (lib) due to 1 previous error
    """

    assert [warning, error] = Mix.Tasks.Compile.Cargo.parse(output)
    assert %{severity: :warning, message: "unused import: `Depth`", position: 14} = warning
    assert %{severity: :error, message: "mismatched types", position: 112} = error
    assert warning.file == Path.expand("native/core/src/plan.rs")
    assert error.compiler_name == "cargo"
  end

  test "does nothing when nothing changed" do
    assert Mix.Tasks.Compile.Cargo.run([]) == {:noop, []}
  end
end
