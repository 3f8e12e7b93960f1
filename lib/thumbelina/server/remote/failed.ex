defmodule Thumbelina.Server.Remote.Failed do
  @moduledoc false
  # Raised by the pieces of a remote picture when the rest of them cannot be had. The status is the
  # one to answer with.

  @type t :: %__MODULE__{status: 400..599, message: String.t()}

  defexception [:status, :message]
end
