defmodule Thumbelina.HandlerRequests do
  @moduledoc false
  # Requests to the server's handler, without a connection.

  alias Thumbelina.Server.{Config, Handler, Request}

  @fixtures Path.expand("../fixtures", __DIR__)

  def config(opts \\ []) do
    {:ok, config} = Config.new([root: @fixtures] ++ opts)
    config
  end

  def call(config, method, url, headers \\ [], body \\ "") do
    [path | query] = String.split(url, "?", parts: 2)

    Handler.handle(
      %Request{method: method, path: path, query: Enum.join(query), headers: headers, body: body},
      config
    )
  end

  def get(config, url, headers \\ []), do: call(config, "GET", url, headers)
  def post(config, url, body), do: call(config, "POST", url, [], body)

  @doc "All values of a header of the response."
  def header(response, name), do: for({^name, value} <- response.headers, do: value)

  @doc "The format and the size of the picture in the response."
  def size(response) do
    image = Thumbelina.new!(response.body)
    {image.format, image.width, image.height}
  end

  @doc "The reason of the error in the response."
  def reason(response) do
    [_, reason] = Regex.run(~r/^{"error":"(\w+)","message":"[^"]/, response.body)
    reason
  end

  def fixture(name), do: File.read!(Path.join(@fixtures, name))
end
