# The corpus is a folder of other people's pictures; its tests run where it is named.
exclude = if System.get_env("THUMBELINA_CORPUS"), do: [], else: [:corpus]
ExUnit.start(exclude: exclude)
