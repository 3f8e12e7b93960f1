defmodule Thumbelina.Cluster.Work do
  @moduledoc false
  # The far side of a call: a task of the member's `Task.Supervisor`. With :erpc, the processes
  # would belong to nobody there, and a node that leaves could neither refuse new works nor wait
  # for the others.

  alias Thumbelina.{Error, Image, Job, Placeholder, Request, Source}
  alias Thumbelina.Cluster.Transfer

  @type source :: {:whole, term} | {:path, Path.t()} | :pieces

  # How long a node that leaves waits for the works in progress, in milliseconds.
  @leave 10_000

  @doc "The supervisor of the works of a node."
  @spec supervisor :: atom
  def supervisor, do: Thumbelina.Cluster.Works

  @doc """
  Begins a work on a node for the calling process, which gets its messages. Exits if the node cannot
  be reached, is no member or is about to leave.
  """
  @spec start(node, source, Request.t(), reference, timeout) :: Task.t()
  def start(node, source, request, ref, every) do
    Task.Supervisor.async_nolink(
      {supervisor(), node},
      __MODULE__,
      :run,
      [self(), source, request, ref, every],
      shutdown: @leave
    )
  end

  @doc "Sends `{ref, :alive}` every so many milliseconds, and `{ref, :more}` for each piece."
  @spec run(pid, source, Request.t(), reference, timeout) ::
          {:ok, [Image.t() | Placeholder.value(), ...]} | {:error, Error.t()}
  def run(owner, source, request, ref, every) do
    # The supervisor's exit signal means that this node leaves: it waits for what is in progress.
    Process.flag(:trap_exit, true)
    watch(owner, ref, every)
    work(source, owner, request, ref)
  end

  defp work({:whole, source}, _owner, request, _ref), do: Job.run(source, request)

  defp work({:path, path}, _owner, request, _ref) do
    with {:ok, bytes} <- Source.read(path, request.max_bytes_in),
         do: Job.run(bytes, request)
  end

  defp work(:pieces, owner, request, ref),
    do: owner |> Transfer.received(ref) |> Job.run(request)

  # A process beside the work, which cannot look at its messages meanwhile. It ends the work with
  # its owner, and says that both are alive.
  defp watch(owner, ref, every) do
    work = self()

    spawn(fn ->
      watch({work, Process.monitor(work)}, {owner, Process.monitor(owner)}, ref, every)
    end)

    :ok
  end

  defp watch({work, working} = watched, {owner, owning} = owned, ref, every) do
    receive do
      {:DOWN, ^working, :process, ^work, _reason} -> :ok
      {:DOWN, ^owning, :process, ^owner, _reason} -> Process.exit(work, :kill)
    after
      every ->
        send(owner, {ref, :alive})
        watch(watched, owned, ref, every)
    end
  end
end
