defmodule Thumbelina.Header do
  @moduledoc false
  # What is known of a picture before it is decoded. Of pieces, no more are asked for than that
  # takes, unless all of them are wanted.

  alias Thumbelina.{Error, Image, Info, Job, Native, Options, Plan, Request, Source}

  @doc "An image of all bytes of a picture. `call` has the options of `Thumbelina.new/2`."
  @spec image(Source.t(), map) :: {:ok, Image.t()} | {:error, Error.t()}
  def image(found, call) do
    with {:ok, bytes} <- all(found, call),
         {:ok, header} <- probe(bytes, true, call),
         do: {:ok, Image.build(bytes, header)}
  end

  @doc """
  The same of the first bytes of a picture, for whoever goes on with the rest: an image of these
  bytes, or `:more` if they are too few.
  """
  @spec of_first(binary, boolean, keyword) :: {:ok, Image.t()} | :more | {:error, Error.t()}
  def of_first(bytes, all?, opts) do
    with {:ok, call} <- Options.probe(opts),
         {:ok, header} <- probe(bytes, all?, call),
         do: {:ok, Image.build(bytes, header)}
  end

  @doc "All that a picture's file says of it."
  @spec info(Source.t(), map) :: {:ok, Info.t()} | {:error, Error.t()}
  def info(found, call) do
    with {:ok, bytes} <- all(found, call),
         {:ok, details} <-
           Job.native(bytes, &Native.details(&1, call), &Native.details_dirty(&1, call)),
         do: {:ok, Info.build(details)}
  end

  @doc "What would be done for a request."
  @spec plan(Source.t(), Request.t()) :: {:ok, Plan.t()} | {:error, Error.t()}
  def plan(found, request) do
    with {:ok, plan} <- planned(found, Request.native(request)),
         do: {:ok, Plan.build(plan, hd(request.outputs))}
  end

  defp all({:bytes, bytes}, _call), do: {:ok, bytes}

  defp all({:pieces, pieces}, call),
    do: Source.all(pieces, call.max_bytes_in, &probe(&1, &2, call))

  defp probe(bytes, all?, call),
    do: Job.native(bytes, &Native.probe(&1, all?, call), &Native.probe_dirty(&1, all?, call))

  defp planned({:bytes, bytes}, call), do: plan_bytes(bytes, true, call)
  defp planned({:pieces, pieces}, call), do: Source.first(pieces, &plan_bytes(&1, &2, call))

  defp plan_bytes(bytes, all?, call),
    do: Job.native(bytes, &Native.plan(&1, all?, call), &Native.plan_dirty(&1, all?, call))
end
