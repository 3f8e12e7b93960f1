# Of OTP, for servers to download from.
:ok = Mix.Thumbelina.Precompiled.start([:crypto, :inets, :public_key, :ssl])

# The corpus is a folder of other people's pictures; its tests run where it is named.
exclude = if System.get_env("THUMBELINA_CORPUS"), do: [], else: [:corpus]
ExUnit.start(exclude: exclude)
