defmodule Thumbelina.Server.Page do
  @moduledoc false
  # The page to try the server with. Its files become part of this module, so that they are there
  # in a release too.

  alias Thumbelina.Server.{Request, Response, Validators}

  @files ~w(index.html page.css icon.svg main.js choose.js compare.js edit.js elements.js) ++
           ~w(figures.js focal.js lateness.js latest.js mark.js plan.js sample.js server.js) ++
           ~w(steps.js text.js)

  @folder Path.expand("../../../priv/page", __DIR__)

  @types %{
    ".css" => "text/css; charset=utf-8",
    ".html" => "text/html; charset=utf-8",
    ".js" => "text/javascript; charset=utf-8",
    ".svg" => "image/svg+xml"
  }

  for name <- @files do
    path = Path.join(@folder, name)
    type = Map.fetch!(@types, Path.extname(name))
    @external_resource path
    defp file(unquote(name)), do: {:ok, unquote(type), unquote(File.read!(path))}
  end

  defp file(_name), do: {:error, :not_found}

  # Nothing inline, nothing from elsewhere, and in nobody's frame. Pictures are what the server
  # sent, or were made in the page.
  @policy [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'"
          ]
          |> Enum.join("; ")

  @headers [
    # After an upgrade, all of it is new at once.
    {"cache-control", "no-cache"},
    {"content-security-policy", @policy},
    {"cross-origin-resource-policy", "same-origin"},
    {"referrer-policy", "no-referrer"}
  ]

  @doc "The names of its files, the page itself first."
  @spec files :: [String.t(), ...]
  def files, do: @files

  @doc "One of its files."
  @spec response(String.t(), Request.t()) :: Response.t() | {:error, :not_found}
  def response(name, request) do
    with {:ok, type, bytes} <- file(name) do
      etag = Validators.etag({:page, name, bytes})
      headers = [{"etag", etag} | @headers]

      if Validators.fresh?(request, etag, :unknown),
        do: Response.not_modified(headers),
        else: Response.new(200, headers, type, bytes)
    end
  end
end
