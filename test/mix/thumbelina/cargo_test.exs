defmodule Mix.Thumbelina.CargoTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Cargo

  test "turns rustc's messages into diagnostics" do
    output = """
       Compiling thumbelina-core v0.1.0 (/thumbelina/native/core)
    warning: unused import: `Depth`
      --> native/core/src/plan.rs:14:13
       |
    14 | use crate::{Depth, Error};
       |             ^^^^^

    error[E0308]: mismatched types
       --> native/nif/src/running.rs:112:5
        |
    error: could not compile `thumbelina-nif` (lib) due to 1 previous error
    """

    assert [warning, error] = Cargo.parse(output)
    assert %{severity: :warning, message: "unused import: `Depth`", position: 14} = warning
    assert %{severity: :error, message: "mismatched types", position: 112} = error
    assert warning.file == Path.expand("native/core/src/plan.rs")
    assert error.compiler_name == "cargo"
  end

  test "the library is where cargo says that it is" do
    assert Cargo.library(artifact("core", ["lib"], ["/a/libcore.rlib"])) == nil

    for {json, path} <- [
          {["/a b/[ü]/libthumbelina.so"], "/a b/[ü]/libthumbelina.so"},
          {["/a/libthumbelina.dylib"], "/a/libthumbelina.dylib"},
          {[~S(C:\\a\\thumbelina.dll.lib), ~S(C:\\a\\thumbelina.dll)], ~S(C:\a\thumbelina.dll)},
          {[~S(/a/\"/libthumbelina.so)], ~S(/a/"/libthumbelina.so)},
          {["/a/libthumbelina.a"], nil}
        ] do
      output =
        "   Compiling thumbelina-nif\n" <> artifact("thumbelina-nif", ["cdylib"], json) <> "\n"

      assert Cargo.library(output) == path
    end
  end

  defp artifact(package, types, names) do
    list = &Enum.map_join(&1, ",", fn text -> ~s("#{text}") end)

    ~s({"reason":"compiler-artifact","package_id":"path+file:///x##{package}@0.1.0",) <>
      ~s("target":{"kind":[#{list.(types)}],"crate_types":[#{list.(types)}]},) <>
      ~s("filenames":[#{list.(names)}],"executable":null,"fresh":true})
  end

  test "what cargo says to programs is not shown, and all of it is kept" do
    pieces = ["   Compi", "ling a\n", ~s({"reason":), ~s("x"}\nwarn), "ing: b\n", "end"]

    shown =
      ExUnit.CaptureIO.capture_io(:stderr, fn ->
        assert Enum.into(pieces, %Cargo.Echo{}) == Enum.join(pieces)
      end)

    assert shown == "   Compiling a\nwarning: b\nend\n"
  end

  @terminal [{"CARGO_TERM_COLOR", "never"}, {"CARGO_TERM_PROGRESS_WHEN", "never"}]

  test "flags of the environment are kept, and musl's is added to them" do
    musl = %{"CARGO_BUILD_TARGET" => "x86_64-unknown-linux-musl"}
    gnu = %{"CARGO_BUILD_TARGET" => "x86_64-unknown-linux-gnu"}

    for {env, expected} <- [
          {gnu, []},
          {Map.put(gnu, "RUSTFLAGS", "-g"), []},
          {musl, []},
          {Map.put(musl, "RUSTFLAGS", "-g"), [{"RUSTFLAGS", "-g -C target-feature=-crt-static"}]},
          {Map.merge(musl, %{"CARGO_ENCODED_RUSTFLAGS" => "-g", "RUSTFLAGS" => "-g"}),
           [{"CARGO_ENCODED_RUSTFLAGS", "-g\x1f-C\x1ftarget-feature=-crt-static"}]},
          {Map.put(musl, "CARGO_ENCODED_RUSTFLAGS", ""),
           [{"CARGO_ENCODED_RUSTFLAGS", "-C\x1ftarget-feature=-crt-static"}]}
        ] do
      assert Cargo.env(env) -- @terminal == expected
    end
  end

  test "the linker of Nerves is cargo's, unless that has one" do
    nerves = %{
      "TARGET_ARCH" => "arm",
      "TARGET_OS" => "linux",
      "TARGET_ABI" => "gnueabihf",
      "CC" => "/opt/cc"
    }

    name = "CARGO_TARGET_ARM_UNKNOWN_LINUX_GNUEABIHF_LINKER"
    assert Cargo.env(nerves) -- @terminal == [{name, "/opt/cc"}]
    assert Cargo.env(Map.put(nerves, name, "ld")) == @terminal

    assert Cargo.env(%{"CARGO_BUILD_TARGET" => "aarch64-apple-darwin", "CC" => "cc"}) ==
             @terminal
  end

  test "Cargo.toml says which Rust will do" do
    assert Cargo.minimum() =~ ~r/^1\.\d+$/
  end
end
