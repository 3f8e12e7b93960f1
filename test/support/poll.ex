defmodule Thumbelina.Poll do
  @moduledoc false
  # Waits for what other processes, other nodes or the system do in their own time.

  import ExUnit.Assertions, only: [flunk: 1]

  # What is there soon is found soon, and a longer wait does not load the machine.
  @first_pause 1
  @last_pause 16

  @doc """
  Calls the function until it returns something true, and returns that. Fails the test if there is
  nothing true after so many milliseconds.
  """
  def poll(fun, timeout \\ 30_000), do: poll(fun, timeout, now() + timeout, @first_pause)

  defp poll(fun, timeout, deadline, pause) do
    cond do
      found = fun.() -> found
      now() > deadline -> flunk("it did not happen within #{timeout} ms")
      true -> receive(after: (pause -> poll(fun, timeout, deadline, min(2 * pause, @last_pause))))
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
