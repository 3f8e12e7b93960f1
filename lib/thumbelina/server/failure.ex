defmodule Thumbelina.Server.Failure do
  @moduledoc false
  # What went wrong as an HTTP response: the status, and a JSON object that says it again.
  #
  #   400  a request, size or option that makes no sense
  #   403  not signed, or a size or quality that is not allowed
  #   404  no such picture or page
  #   405  another method
  #   410  a signed URL that has expired
  #   413  over one of the limits of bytes, pixels or memory
  #   415  not a picture, or a format that is not read or not allowed
  #   422  a picture that is damaged or cut off
  #   503  as much in progress as allowed, or something is used up: later may work
  #   504  it took too long
  #   500  a bug

  alias Thumbelina.Error
  alias Thumbelina.Server.Response

  @type t :: Error.t() | :not_found | {400..599, atom, String.t()}

  @spec response(t, [{String.t(), String.t()}]) :: Response.t()
  def response(failure, headers \\ []) do
    {status, reason, message} = describe(failure)
    later = if status == 503, do: [{"retry-after", "1"}], else: []

    Response.json(status, [{"cache-control", "no-store"} | later] ++ headers, %{
      error: reason,
      message: message
    })
  end

  defp describe({_status, _reason, _message} = failure), do: failure
  defp describe(:not_found), do: {404, :not_found, "not found"}

  # What looks like a path gets no advice to open it.
  defp describe(%Error{reason: :unsupported_format, value: path} = error) when path != nil,
    do: describe(%{error | value: nil})

  # The name of a file is nobody's business.
  defp describe(%Error{reason: reason} = error),
    do: {status(error), reason, Exception.message(%{error | path: nil})}

  defp status(%Error{reason: :limit_exceeded, limit: :side}), do: 400
  defp status(%Error{reason: :limit_exceeded}), do: 413
  defp status(%Error{reason: reason}) when reason in [:invalid_option, :outside_picture], do: 400

  defp status(%Error{reason: reason}) when reason in [:unsupported_format, :format_not_allowed],
    do: 415

  defp status(%Error{reason: reason}) when reason in [:invalid_image, :truncated], do: 422
  defp status(%Error{reason: :timeout}), do: 504
  defp status(%Error{reason: :internal_error}), do: 500
  # Busy, or the operating system's reasons: no memory, too many files, a disk that fails.
  defp status(%Error{}), do: 503
end
