defmodule Thumbelina.Telemetry do
  @moduledoc """
  Events for `:telemetry`, if that is loaded. Thumbelina does not depend on it.

  Each of the following has the events `:start`, `:stop` and `:exception` of a span, as
  `:telemetry.span/3` gives them: `:start` with the measurements `:monotonic_time` and
  `:system_time`, the others with `:monotonic_time` and `:duration`, in native time units. The
  metadata of `:exception` are `:kind`, `:reason` and `:stacktrace`; an error that is returned ends
  with `:stop`.

  What else they have:

    * `[:thumbelina, :thumbnail]` - a call of `Thumbelina.thumbnail/4`, `thumbnails/3`,
      `placeholder/3` or `measure/4`, or a picture of `Thumbelina.stream/4`. Metadata: `:request`,
      a map of the options; with `:stop` also `:schedulers` and `:profile`, as in
      `Thumbelina.Stats`, or `:error` with the `Thumbelina.Error`.
      Measurements of `:stop`, unless there is an error: `:slices`, `:longest_slice`, `:decode`,
      `:resample`, `:encode` (microseconds), `:bytes_in`, `:pixels_in`, `:bytes_out` and
      `:pixels_out`, as in `Thumbelina.Stats`
    * `[:thumbelina, :store]` - a call of `Thumbelina.Store.fetch/3`. Metadata: `:name`, `:key`;
      with `:stop` also `:computed`, whether this process computed the value
    * `[:thumbelina, :cluster]` - a picture that is sent to another node, which has a span of its
      own for the thumbnail. Metadata: `:node`; with `:stop` also `:outcome`: `:done`, `:refused` if
      the node takes no work, or `:lost` if it died or gave no sign of life
    * `[:thumbelina, :server]` - a request to `Thumbelina.Server`. Metadata: `:method`, `:path`;
      with `:stop` also `:route` and `:status`. Measurement of `:stop`: `:bytes_out`
  """

  @doc false
  # Runs `fun`, which returns its result, and measurements and metadata for the end.
  @spec span(atom, map, (... -> {result, map, map})) :: result when result: term
  def span(name, metadata, fun) do
    # Not loaded for its sake: that would be a look at the disk for each thumbnail.
    if function_exported?(:telemetry, :execute, 3),
      do: spanned(name, metadata, fun),
      else: elem(fun.(), 0)
  end

  defp spanned(name, metadata, fun) do
    start = System.monotonic_time()
    context = Map.put(metadata, :telemetry_span_context, make_ref())

    execute(name, :start, %{monotonic_time: start, system_time: System.system_time()}, context)

    try do
      {result, measurements, more} = fun.()
      execute(name, :stop, Map.merge(measurements, since(start)), Map.merge(context, more))
      result
    catch
      kind, reason ->
        failed = %{kind: kind, reason: reason, stacktrace: __STACKTRACE__}
        execute(name, :exception, since(start), Map.merge(context, failed))
        :erlang.raise(kind, reason, __STACKTRACE__)
    end
  end

  defp since(start) do
    now = System.monotonic_time()
    %{monotonic_time: now, duration: now - start}
  end

  @compile {:no_warn_undefined, :telemetry}
  defp execute(name, event, measurements, metadata),
    do: :telemetry.execute([:thumbelina, name, event], measurements, metadata)
end
