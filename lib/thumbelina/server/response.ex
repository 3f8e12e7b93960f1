defmodule Thumbelina.Server.Response do
  @moduledoc false
  # An HTTP response, for whatever sends it. Names of headers are in lower case.

  alias Thumbelina.Server.JSON

  @type t :: %__MODULE__{
          status: 200..599,
          headers: [{String.t(), String.t()}],
          body: binary
        }

  @enforce_keys [:status]
  defstruct [:status, headers: [], body: ""]

  @spec new(200..599, [{String.t(), String.t()}], String.t(), binary) :: t
  def new(status, headers, content_type, body) do
    headers = [
      {"content-type", content_type},
      {"content-length", Integer.to_string(byte_size(body))},
      {"x-content-type-options", "nosniff"} | headers
    ]

    %__MODULE__{status: status, headers: headers, body: body}
  end

  @spec json(200..599, [{String.t(), String.t()}], JSON.t()) :: t
  def json(status, headers, term),
    do: new(status, headers, "application/json", JSON.encode(term))

  # What a cache may keep of a response that it has: there is no body, and nothing about one.
  @spec not_modified([{String.t(), String.t()}]) :: t
  def not_modified(headers), do: %__MODULE__{status: 304, headers: headers}

  @doc "The same for HEAD: all headers, without the body."
  @spec without_body(t) :: t
  def without_body(%__MODULE__{} = response), do: %{response | body: ""}
end
