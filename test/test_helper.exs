# Of OTP, for servers to download from.
:ok = Mix.Thumbelina.Precompiled.start([:crypto, :inets, :public_key, :ssl])

# In this order: peers are started in silence.
support =
  ~w(addresses handler_requests http_servers poll quiet peers reductions remote_server) ++
    ~w(store_client tagged)

for file <- support, do: Code.require_file("support/#{file}.ex", __DIR__)

# The servers of these tests are on this machine.
for name <- ~w(http_proxy https_proxy no_proxy), name <- [name, String.upcase(name)] do
  System.delete_env(name)
end

# The corpus is a folder of other people's pictures; its tests run where it is named. Some tests
# have need of a shell.
corpus = if System.get_env("THUMBELINA_CORPUS"), do: [], else: [:corpus]
unix = if match?({:unix, _}, :os.type()), do: [], else: [:unix]
ExUnit.start(exclude: corpus ++ unix)

# No test may leave a node behind.
alias Thumbelina.{Peers, Poll}
if unix == [], do: ExUnit.after_suite(fn _ -> Poll.poll(fn -> Peers.running() == [] end) end)
