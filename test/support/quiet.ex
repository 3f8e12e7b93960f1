defmodule Thumbelina.Quiet do
  @moduledoc false
  # Keeps what a test provokes, such as the reports of supervisors, out of the terminal.

  @doc "Nothing below this level is logged until the test ends."
  def quiet(level \\ :none) do
    %{level: before} = :logger.get_primary_config()
    ExUnit.Callbacks.on_exit(fn -> :logger.set_primary_config(:level, before) end)
    :ok = :logger.set_primary_config(:level, level)
  end
end
