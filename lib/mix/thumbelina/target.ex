defmodule Mix.Thumbelina.Target do
  @moduledoc false
  # The machine that the native library is built for, as Rust's name of the target, such as
  # x86_64-unknown-linux-gnu.

  @doc """
  The target that the environment asks for, or nil for cargo's default.

  It is set the way cargo wants it, in `CARGO_BUILD_TARGET`, or the way Nerves does, in
  `TARGET_ARCH`, `TARGET_OS` and `TARGET_ABI`.
  """
  @spec asked(%{String.t() => String.t()}) :: String.t() | nil
  def asked(env) do
    case env do
      %{"CARGO_BUILD_TARGET" => target} when target != "" ->
        target

      %{"TARGET_ARCH" => arch, "TARGET_OS" => os, "TARGET_ABI" => abi} ->
        nerves(arch, os, abi, env)

      _ ->
        nil
    end
  end

  defp nerves("arm", "linux", abi, %{"TARGET_CPU" => "cortex_a" <> _}),
    do: "armv7-unknown-linux-#{abi}"

  defp nerves("riscv64", "linux", abi, _env), do: "riscv64gc-unknown-linux-#{abi}"
  defp nerves(arch, "linux", abi, _env), do: "#{arch}-unknown-linux-#{abi}"
  defp nerves(_arch, _os, _abi, _env), do: nil

  @doc """
  The target of the machine that this VM was built for.

  `architecture` is `:erlang.system_info(:system_architecture)`, a configure script's guess.
  `word_bytes` is for Windows, where the architecture does not tell.
  """
  @spec host(String.t(), pos_integer) :: String.t()
  def host("win32", word_bytes) do
    "#{if word_bytes == 8, do: "x86_64", else: "i686"}-pc-windows-msvc"
  end

  def host(architecture, _word_bytes) do
    [arch | rest] = String.split(architecture, "-")
    system = Enum.join(rest, "-")

    cond do
      # Older versions of Erlang call Apple's 64-bit processors arm.
      system =~ "darwin" -> "#{if arch == "x86_64", do: arch, else: "aarch64"}-apple-darwin"
      # From OTP 28 on.
      system =~ "windows" -> "#{arch(arch)}-pc-windows-msvc"
      system =~ "freebsd" -> "#{arch(arch)}-unknown-freebsd"
      system =~ "linux" -> "#{arch(arch)}-unknown-linux-#{abi(List.last(rest))}"
      true -> architecture
    end
  end

  defp arch("amd64"), do: "x86_64"
  defp arch("arm64"), do: "aarch64"
  defp arch("armv6" <> _), do: "arm"
  defp arch("armv7" <> _), do: "armv7"
  defp arch("riscv64"), do: "riscv64gc"
  defp arch(arch), do: arch

  defp abi("linux"), do: "gnu"
  defp abi(abi), do: abi

  @doc "The target whose library is wanted."
  @spec wanted :: String.t()
  def wanted do
    asked(System.get_env()) ||
      host(
        List.to_string(:erlang.system_info(:system_architecture)),
        :erlang.system_info(:wordsize)
      )
  end

  @doc """
  The target that is wanted, if by default cargo would build for another kind of machine than the
  VM's. That happens with an emulated VM, or one of 32 bits.
  """
  @spec differing(String.t()) :: String.t() | nil
  def differing(host, wanted \\ wanted()) do
    if family(host) != family(wanted), do: wanted
  end

  defp family("arm" <> _), do: "arm"
  defp family("i" <> <<_, "86", _::binary>>), do: "i686"
  defp family(target), do: target |> String.split("-") |> hd()

  @spec musl?(String.t()) :: boolean
  def musl?(target), do: target =~ "musl"
end
