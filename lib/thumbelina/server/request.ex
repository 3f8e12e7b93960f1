defmodule Thumbelina.Server.Request do
  @moduledoc false
  # An HTTP request, whatever brought it here.

  @type t :: %__MODULE__{
          method: String.t(),
          path: String.t(),
          query: String.t(),
          headers: [{String.t(), String.t()}],
          body: binary | Enumerable.t() | {:form, [{String.t(), binary | {:file, Path.t()}}]}
        }

  # `path` and `query` are percent-encoded, as they came. The names of headers are in lower case.
  @enforce_keys [:method, :path]
  defstruct [:method, :path, query: "", headers: [], body: ""]

  @doc "The value of a header, or nil. Of repeated headers, all values as one list."
  @spec header(t, String.t()) :: String.t() | nil
  def header(%__MODULE__{headers: headers}, name) do
    case for {^name, value} <- headers, do: value do
      [] -> nil
      values -> Enum.join(values, ", ")
    end
  end
end
