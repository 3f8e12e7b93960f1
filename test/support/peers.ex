defmodule Thumbelina.Peers do
  @moduledoc false
  # Nodes of their own for tests, on this machine, with this node's code. Each is controlled over
  # its standard input and output, which works while the distribution between nodes is cut.

  import Thumbelina.Poll

  alias Thumbelina.Quiet

  @host "127.0.0.1"

  @doc """
  Starts peers for a test with so many schedulers, and makes this node one of the cluster. They end
  with the test, however that ends, and before the next one begins. Each is `{control, node}`:
  `control` is for `:peer.call/4`.

  With `connect: false`, this node is not one of their cluster. Join them with `join/1`.
  """
  def start(count, opts \\ []) do
    # `:global` warns of each connection that is lost.
    Quiet.quiet(:error)
    ExUnit.Callbacks.on_exit({__MODULE__, :ended}, fn -> poll(&ended?/0) end)
    for _ <- 1..count//1, do: start_one(opts)
  end

  @doc "Starts a peer for any process, with which it ends."
  def start_one(opts \\ []) do
    :ok = distribute()
    {control, node} = start_linked(opts)
    :ok = :peer.call(control, :code, :add_paths, [:code.get_path()])
    {:ok, _} = :peer.call(control, :application, :ensure_all_started, [:elixir])
    os_pid = :peer.call(control, System, :pid, [])
    Process.put({__MODULE__, control}, %{os_pid: os_pid, guard: guard(os_pid)})
    {:ok, _} = :peer.call(control, :application, :ensure_all_started, [:logger])
    :peer.call(control, Logger, :configure, [[level: :error]])
    if Keyword.get(opts, :connect, true), do: true = Node.connect(node)
    {control, node}
  end

  defp start_linked(opts) do
    schedulers = Integer.to_string(opts[:schedulers] || System.schedulers_online())
    name = prefix(System.pid()) <> "#{System.unique_integer([:positive])}"

    {:ok, control, node} =
      :peer.start_link(%{
        name: String.to_charlist(name),
        host: String.to_charlist(@host),
        longnames: true,
        connection: :standard_io,
        args:
          [~c"-setcookie", Atom.to_charlist(Node.get_cookie()), ~c"+S", to_charlist(schedulers)] ++
            Enum.map(opts[:args] || [], &to_charlist/1)
      })

    {control, node}
  end

  # A peer ends when its connection to this VM does, but a suspended one does not notice that. This
  # is a process of the system that kills it at the end of the input: when the port's owner, the
  # test, ends, and when this VM does, even if it is killed.
  @guard ~S(trap "" HUP INT TERM; read -r _; kill -KILL "$0" 2>/dev/null)

  defp guard(os_pid) do
    sh = System.find_executable("sh")
    Port.open({:spawn_executable, sh}, args: ["-c", @guard, os_pid])
  end

  # A store of the next test would look for others.
  defp ended? do
    running() == [] and not Enum.any?(Node.list(), &(Atom.to_string(&1) =~ prefix(System.pid())))
  end

  @doc "Makes this node a distributed one."
  def distribute do
    if Node.alive?() do
      :ok
    else
      epmd = System.find_executable("epmd") || Path.join([:code.root_dir(), "bin", "epmd"])
      {_, 0} = System.cmd(epmd, ["-daemon"])
      {:ok, _} = Node.start(:"thumbelina-#{System.pid()}@#{@host}", :longnames)
      Node.set_cookie(:"thumbelina-#{System.pid()}")
      :ok
    end
  end

  @doc "Stops a peer for good, as a crash of the machine would."
  def kill({control, node}) do
    Process.unlink(control)
    Node.monitor(node, true)
    Port.close(known(control).guard)

    receive do
      {:nodedown, ^node} -> :ok
    end
  end

  @doc "Suspends a peer: it answers nothing, and its connections stay open."
  def suspend(peer) do
    signal("STOP", peer)
    # Whichever of its threads gets the signal stops all others, once it runs.
    poll(fn -> suspended?(os_pid(peer)) end)
  end

  # Where the system does not say it in a file, it is asked.
  defp suspended?(pid) do
    case File.read("/proc/#{pid}/stat") do
      {:ok, stat} -> stat =~ ") T "
      {:error, _} -> match?({"T" <> _, 0}, System.cmd("ps", ["-o", "state=", "-p", pid]))
    end
  end

  @doc "Lets a suspended peer go on."
  def resume(peer), do: signal("CONT", peer)

  # By the shell, which has it built in.
  defp signal(signal, peer),
    do:
      {_, _} = System.cmd("sh", ["-c", "kill -#{signal} #{os_pid(peer)}"], stderr_to_stdout: true)

  @doc "The processes of the system that are peers of this VM, or of another one."
  def running(vm \\ System.pid()) do
    for {pid, command} <- commands(), command =~ prefix(vm), do: pid
  end

  defp commands do
    case Path.wildcard("/proc/[0-9]*") do
      [] ->
        {list, 0} = System.cmd("ps", ["-A", "-o", "pid=,args="])

        for line <- String.split(list, "\n", trim: true),
            do: line |> String.trim_leading() |> String.split(" ", parts: 2) |> List.to_tuple()

      # That of a process that has ended is empty, or not there any more.
      folders ->
        for folder <- folders, {:ok, command} <- [File.read(Path.join(folder, "cmdline"))] do
          {Path.basename(folder), command}
        end
    end
  end

  defp prefix(vm), do: "peer-#{vm}-"

  @doc "Connects peers with each other."
  def join(peers) do
    for {control, node} <- peers, {_, other} <- peers, node != other do
      true = :peer.call(control, Node, :connect, [other])
    end

    :ok
  end

  @doc """
  Cuts the connections between the peers of two sides, until `heal/2`. They need to be started with
  `args: ["-kernel", "prevent_overlapping_partitions", "false"]` if there are other connections.
  """
  def cut(side, other_side) do
    # With cookies that differ, they do not connect again by themselves.
    both_ways(side, other_side, fn {control, node}, {_, other} ->
      true = :peer.call(control, Node, :set_cookie, [other, :"cut-by-#{node}"])
    end)

    both_ways(side, other_side, fn {control, _}, {_, other} ->
      :peer.call(control, Node, :disconnect, [other])
    end)
  end

  @doc "Connects what `cut/2` cut."
  def heal(side, other_side) do
    both_ways(side, other_side, fn {control, _}, {_, other} ->
      true = :peer.call(control, Node, :set_cookie, [other, Node.get_cookie()])
    end)

    both_ways(side, other_side, fn {control, _}, {_, other} ->
      true = :peer.call(control, Node, :connect, [other])
    end)
  end

  defp both_ways(side, other_side, fun) do
    for one <- side, other <- other_side, {from, to} <- [{one, other}, {other, one}] do
      fun.(from, to)
    end

    :ok
  end

  @doc "Loads a file's modules on peers."
  def load(peers, path) do
    for {control, _} <- peers, do: :peer.call(control, Code, :compile_file, [Path.expand(path)])
    :ok
  end

  @doc "The process of the operating system that a peer is, for the process that started it."
  def os_pid({control, _node}), do: known(control).os_pid

  defp known(control), do: Process.get({__MODULE__, control})
end
