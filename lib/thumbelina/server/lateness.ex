defmodule Thumbelina.Server.Lateness do
  @moduledoc false
  # How late timers of 1 ms wake on this node, alone or next to processes that make thumbnails
  # without a pause. For the page, which shows it.
  #
  # Everything is linked to the process that asks: if that is killed, because the client has hung
  # up, the timers and the thumbnails end with it.

  alias Thumbelina.{Error, Worker}
  alias Thumbelina.Server.{Config, Request, Work}

  @most 1000
  @loads %{"none" => :none, "normal" => :normal, "dirty" => :dirty}

  @type ask :: %{load: :none | :normal | :dirty, ms: 1..1000}

  # By how many microseconds each timer was late; how many processes made how many thumbnails.
  @type t :: %{late: [non_neg_integer], callers: non_neg_integer, thumbnails: non_neg_integer}

  @doc "What a request asks for. Pages of other sites get nothing."
  @spec ask(map, Request.t()) :: {:ok, ask} | {:error, {400..499, atom, String.t()}}
  def ask(parameters, request) do
    with :ok <- own_site(Request.header(request, "sec-fetch-site")),
         {:ok, load} <- load(parameters["load"] || "none"),
         {:ok, ms} <- ms(parameters["ms"] || "250"),
         do: {:ok, %{load: load, ms: ms}}
  end

  # Browsers say where a request comes from. What is no browser can do the same by other requests.
  defp own_site(site) when site in [nil, "same-origin", "none"], do: :ok
  defp own_site(_site), do: {:error, {403, :forbidden, "this is only for the server's own page"}}

  defp load(text) do
    with :error <- Map.fetch(@loads, text),
         do: wrong("load: #{text}; expected none, normal, dirty")
  end

  defp ms(text) do
    if text =~ ~r/\A\d{1,4}\z/ and String.to_integer(text) in 1..@most,
      do: {:ok, String.to_integer(text)},
      else: wrong("ms: #{text}; expected 1..#{@most}")
  end

  defp wrong(message), do: {:error, {400, :invalid_option, "wrong " <> message}}

  @doc """
  Measures for as long as asked. With a load, as many processes as there are schedulers make
  thumbnails of the picture meanwhile, each in a place of the gate. If fewer have a place, fewer do;
  it is an error if none has, or if the picture cannot be read.
  """
  @spec measure(ask, binary, Config.t()) :: {:ok, t} | {:error, Error.t()}
  def measure(%{load: load, ms: ms}, bytes, config) do
    until = now() + ms * 1000
    caller = fn -> Work.load(bytes, load, until, config) end
    callers = for _ <- 1..count(load)//1, do: Task.async(caller)
    # A process that has nothing else to do.
    sleeper = Task.async(fn -> sleep(until, []) end)

    try do
      with {:ok, counts} <- counts(callers) do
        late = Task.await(sleeper, :infinity)
        {:ok, %{late: late, callers: length(counts), thumbnails: Enum.sum(counts)}}
      end
    after
      Enum.each([sleeper | callers], &stop/1)
    end
  end

  # Nothing of it is left in the mailbox of a process that traps exits.
  defp stop(%Task{pid: pid} = task) do
    _ = Task.shutdown(task, :brutal_kill)
    Worker.stop(pid)
  end

  defp count(:none), do: 0
  defp count(_load), do: System.schedulers_online()

  # What is wrong with the picture ends it at once.
  defp counts(callers) do
    Enum.reduce_while(callers, {:ok, []}, fn caller, found ->
      case {Task.await(caller, :infinity), found} do
        {{:ok, count}, {:ok, counts}} -> {:cont, {:ok, [count | counts]}}
        {{:ok, count}, {:error, _full}} -> {:cont, {:ok, [count]}}
        {{:error, %Error{reason: :overloaded}}, {:ok, [_ | _]}} -> {:cont, found}
        {{:error, %Error{reason: :overloaded}} = full, _} -> {:cont, full}
        {error, _} -> {:halt, error}
      end
    end)
  end

  defp sleep(until, late) do
    before = now()

    receive do
    after
      1 -> :ok
    end

    woke = now()
    late = [max(woke - before - 1000, 0) | late]
    if woke < until, do: sleep(until, late), else: Enum.reverse(late)
  end

  defp now, do: System.monotonic_time(:microsecond)
end
