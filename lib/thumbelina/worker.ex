defmodule Thumbelina.Worker do
  @moduledoc false
  # A process that makes one thumbnail for another process, and runs the producer of its pieces.

  alias Thumbelina.Error

  @doc """
  Starts one. The caller, which traps exits, is sent `{ref, result}`, or an exit signal if the
  process is ended from outside.
  """
  @spec start_link((... -> term)) :: {pid, reference}
  def start_link(fun) do
    caller = self()
    ref = make_ref()
    {spawn_link(fn -> send(caller, {ref, guard(fun)}) end), ref}
  end

  @doc """
  Ends a linked process. Nothing of the link is left in the mailbox of a caller that traps exits.
  """
  @spec stop(pid) :: :ok
  def stop(pid) do
    Process.unlink(pid)
    Process.exit(pid, :kill)

    receive do
      {:EXIT, ^pid, _reason} -> :ok
    after
      0 -> :ok
    end
  end

  @doc "The error of a worker that was ended from outside."
  @spec failed(term) :: {:error, Error.t()}
  def failed(reason), do: {:error, %Error{reason: :source_failed, value: {:exit, reason}}}

  # The functions of this library return errors. What raises is a producer.
  defp guard(fun) do
    fun.()
  rescue
    error in File.Error -> {:error, %Error{reason: error.reason, path: error.path}}
    exception -> {:error, %Error{reason: :source_failed, value: exception}}
  catch
    kind, reason -> {:error, %Error{reason: :source_failed, value: {kind, reason}}}
  end
end
