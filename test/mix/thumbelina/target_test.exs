defmodule Mix.Thumbelina.TargetTest do
  use ExUnit.Case, async: true

  alias Mix.Thumbelina.Target

  test "the environment asks as cargo or as Nerves does" do
    for {env, expected} <- [
          {%{}, nil},
          {%{"CARGO_BUILD_TARGET" => ""}, nil},
          {%{"CARGO_BUILD_TARGET" => "aarch64-unknown-linux-gnu"}, "aarch64-unknown-linux-gnu"},
          {nerves("aarch64", "gnu", "cortex_a72"), "aarch64-unknown-linux-gnu"},
          {nerves("arm", "gnueabihf", "cortex_a7"), "armv7-unknown-linux-gnueabihf"},
          {nerves("arm", "gnueabihf", "arm1176jzf_s"), "arm-unknown-linux-gnueabihf"},
          {nerves("x86_64", "musl", "x86_64"), "x86_64-unknown-linux-musl"},
          {%{nerves("arm", "", "") | "TARGET_OS" => "none"}, nil},
          {nerves("riscv64", "gnu", "rv64"), "riscv64gc-unknown-linux-gnu"},
          {Map.put(nerves("arm", "gnueabihf", ""), "CARGO_BUILD_TARGET", "mine"), "mine"}
        ] do
      assert Target.asked(env) == expected
    end
  end

  defp nerves(arch, abi, cpu),
    do: %{"TARGET_ARCH" => arch, "TARGET_OS" => "linux", "TARGET_ABI" => abi, "TARGET_CPU" => cpu}

  test "what configure guesses becomes what Rust says" do
    for {architecture, expected} <- [
          # Debian and Ubuntu, Fedora, Erlang built from source.
          {"x86_64-pc-linux-gnu", "x86_64-unknown-linux-gnu"},
          {"x86_64-redhat-linux-gnu", "x86_64-unknown-linux-gnu"},
          {"x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"},
          {"aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"},
          {"x86_64-suse-linux", "x86_64-unknown-linux-gnu"},
          {"x86_64-alpine-linux-musl", "x86_64-unknown-linux-musl"},
          {"aarch64-pc-linux-musl", "aarch64-unknown-linux-musl"},
          {"arm-unknown-linux-gnueabihf", "arm-unknown-linux-gnueabihf"},
          {"armv7l-unknown-linux-gnueabihf", "armv7-unknown-linux-gnueabihf"},
          {"aarch64-apple-darwin24.1.0", "aarch64-apple-darwin"},
          {"arm-apple-darwin20.6.0", "aarch64-apple-darwin"},
          {"x86_64-apple-darwin21.1.0", "x86_64-apple-darwin"},
          {"arm64-apple-darwin23.0.0", "aarch64-apple-darwin"},
          {"armv6l-unknown-linux-gnueabihf", "arm-unknown-linux-gnueabihf"},
          {"arm64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"},
          {"riscv64-unknown-linux-gnu", "riscv64gc-unknown-linux-gnu"},
          {"sparc-sun-solaris2.11", "sparc-sun-solaris2.11"},
          {"amd64-portbld-freebsd13.2", "x86_64-unknown-freebsd"},
          {"win32", "x86_64-pc-windows-msvc"},
          {"x86_64-pc-windows", "x86_64-pc-windows-msvc"},
          {"aarch64-pc-windows", "aarch64-pc-windows-msvc"}
        ] do
      assert Target.host(architecture, 8) == expected
    end

    assert Target.host("win32", 4) == "i686-pc-windows-msvc"
  end

  test "cargo is told the target where its own is of another kind of machine" do
    for {cargo, vm, told?} <- [
          {"x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", false},
          {"x86_64-alpine-linux-musl", "x86_64-unknown-linux-musl", false},
          {"x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc", false},
          {"armv7-unknown-linux-gnueabihf", "arm-unknown-linux-gnueabihf", false},
          {"i586-unknown-linux-gnu", "i686-unknown-linux-gnu", false},
          {"aarch64-apple-darwin", "x86_64-apple-darwin", true},
          {"x86_64-unknown-linux-gnu", "i686-unknown-linux-gnu", true}
        ] do
      assert Target.differing(cargo, vm) == if(told?, do: vm)
    end
  end
end
