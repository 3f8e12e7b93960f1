defmodule Thumbelina.Server.Handler do
  @moduledoc false
  # A request in, a response out. It knows nothing of sockets, and raises nothing for anything that
  # a client can send.

  alias Thumbelina.{Image, Telemetry, URL}

  alias Thumbelina.Server.{
    Ask,
    Body,
    Config,
    Disposition,
    Failure,
    Files,
    Form,
    HTTPDate,
    Imgproxy,
    Lateness,
    Metadata,
    Metrics,
    Origin,
    Overlay,
    Page,
    Remote,
    Request,
    Response,
    Validators,
    Work
  }

  # A route has a name for the metrics, the functions that answer it by method, and what of the
  # path they need.
  @typep route :: {atom, %{String.t() => atom}, [String.t()]}

  # What an info shows of the file, and beside it: part of its tag, since an older version said
  # less.
  # Where a picture was made, when, and with whose camera is nobody's business.
  @shown [:format, :width, :height, :orientation, :frames, :color_space, :alpha, :profile]
  @info @shown ++ [:color, :placeholder]

  @doc """
  Answers a request. The body of a request is read only if nothing else is wrong with it, and no
  further than it takes to know the answer.
  """
  @spec handle(Request.t(), Config.t()) :: Response.t()
  def handle(%Request{method: "HEAD"} = request, config),
    do: request |> whole(config) |> Response.without_body()

  def handle(request, config), do: whole(request, config)

  @doc "The same with a body for HEAD, too, for servers that leave it out themselves."
  @spec whole(Request.t(), Config.t()) :: Response.t()
  def whole(%Request{} = request, %Config{} = config) do
    Telemetry.span(:server, %{method: request.method, path: request.path}, fn ->
      {route, response} = timed(request, config)
      bytes = if request.method == "HEAD", do: 0, else: byte_size(response.body)
      {response, %{bytes_out: bytes}, %{route: route, status: response.status}}
    end)
  end

  defp timed(request, config) do
    started = System.monotonic_time(:microsecond)
    {route, answer} = dispatch(request, config)

    response =
      case answer do
        %Response{} = response -> response
        {:error, failure} -> Failure.response(failure)
      end

    micros = System.monotonic_time(:microsecond) - started
    Metrics.request(config.live, route, response.status, micros)
    {route, response}
  end

  @doc "Whether the request will be refused whatever its body is, so that there is no use for it."
  @spec refused?(Request.t(), Config.t()) :: boolean
  def refused?(%Request{} = request, %Config{} = config) do
    with {:ok, segments} <- segments(request),
         {:ok, pairs} <- pairs(request),
         {name, %{"POST" => _}, args} <- offered(segments, config),
         true <- request.method == "POST",
         {:ok, parameters} <- admit(segments, pairs, config),
         {:ok, _} <- wanted(name, args, parameters, request, config) do
      false
    else
      _ -> true
    end
  end

  defp wanted(_name, [size], parameters, request, config),
    do: Ask.new(size, parameters, request, config)

  # The steps may stand in a form.
  defp wanted(name, [], parameters, request, config) when name in [:edit, :explain] do
    if Form.form?(request) and not is_map_key(parameters, "edit"),
      do: steps_in_form(config),
      else: Ask.edit(parameters, request, config)
  end

  defp wanted(_name, [], _parameters, _request, _config), do: {:ok, nil}

  defp dispatch(request, config) do
    with {:ok, segments} <- segments(request),
         {name, methods, args} <- offered(segments, config) do
      case Map.fetch(methods, if(request.method == "HEAD", do: "GET", else: request.method)) do
        {:ok, action} -> {name, answer(action, args, segments, request, config)}
        :error -> {name, not_allowed(Map.keys(methods))}
      end
    else
      {:error, _failure} when config.imgproxy -> {:imgproxy, imgproxy(request, config)}
      {:error, failure} -> {:other, {:error, failure}}
    end
  end

  defp imgproxy(%{method: method} = request, config) when method in ["GET", "HEAD"] do
    hints = %{
      imgproxy_keys: if(config.imgproxy_keys, do: config.imgproxy_keys.(), else: []),
      presets: config.imgproxy_presets,
      watermark: config.imgproxy_watermark != nil
    }

    case Imgproxy.parse(request.path, hints) do
      {:ok, asked} ->
        # The time is checked, and bounds how long it may be kept.
        parameters = if asked.expires, do: %{"expires" => "#{asked.expires}"}, else: %{}

        if Metadata.allowed?(Imgproxy.metadata(asked), config) do
          mark = asked.watermark && elem(config.imgproxy_watermark, 0)
          wanted = {:imgproxy, asked, mark}

          served(asked.source, wanted, [], parameters, request, config, fn read ->
            with {:ok, image} <- Work.imgproxy(read, asked, config), do: named(image, asked)
          end)
        else
          Metadata.refused()
        end

      {:error, {404, message}} ->
        {:error, {404, :not_found, message}}

      {:error, {status, message}} ->
        {:error, {status, if(status == 403, do: :not_signed, else: :bad_request), message}}
    end
  end

  defp imgproxy(_request, _config), do: not_allowed(["GET"])

  defp named(image, %{return_attachment: true, filename: name}),
    do: {:image, image, [disposition(Disposition.attachment(name || "", image.format))]}

  defp named(image, %{filename: name}) when name != nil,
    do: {:image, image, [disposition(Disposition.inline(name, image.format))]}

  defp named(image, _asked), do: {:image, image, []}

  defp disposition(value), do: {"content-disposition", value}

  defp served({:path, path}, wanted, vary, parameters, request, config, fun),
    do: path |> String.split("/") |> file(wanted, vary, parameters, request, config, fun)

  defp served({:url, url}, wanted, vary, parameters, request, config, fun),
    do: remote(url, wanted, vary, parameters, request, config, fun)

  defp segments(request) do
    with :error <- URL.segments(request.path),
         do: {:error, {400, :bad_request, "expected a path that is percent-encoded"}}
  end

  defp pairs(request) do
    with :error <- URL.pairs(request.query),
         do: {:error, {400, :bad_request, "expected a query that is percent-encoded"}}
  end

  # What is only for the page is there with the page.
  defp offered(segments, config) do
    case route(segments) do
      {name, _, _} when name in [:page, :lateness] and not config.page -> {:error, :not_found}
      route -> route
    end
  end

  @spec route([String.t()]) :: route | {:error, :not_found}
  defp route(["health"]), do: {:health, %{"GET" => :health}, []}
  defp route(["metrics"]), do: {:metrics, %{"GET" => :metrics}, []}

  defp route(["thumbnail", size]),
    do: {:thumbnail, %{"GET" => :remote_thumbnail, "POST" => :post_thumbnail}, [size]}

  defp route(["thumbnail", size | path]), do: {:thumbnail, %{"GET" => :thumbnail}, [size | path]}

  defp route(["explain"]), do: {:explain, %{"POST" => :post_explain_edit}, []}

  defp route(["explain", size]),
    do: {:explain, %{"GET" => :remote_explain, "POST" => :post_explain}, [size]}

  defp route(["explain", size | path]), do: {:explain, %{"GET" => :explain}, [size | path]}
  defp route(["edit"]), do: {:edit, %{"GET" => :remote_edit, "POST" => :post_edit}, []}
  defp route(["edit" | path]), do: {:edit, %{"GET" => :edit}, path}
  defp route(["info"]), do: {:info, %{"POST" => :post_info}, []}
  defp route(["info" | path]), do: {:info, %{"GET" => :info}, path}
  defp route([""]), do: {:page, %{"GET" => :page}, ["index.html"]}
  defp route(["page", name]), do: {:page, %{"GET" => :page}, [name]}
  defp route(["lateness"]), do: {:lateness, %{"POST" => :lateness}, []}
  defp route(_segments), do: {:error, :not_found}

  defp not_allowed(methods) do
    methods = if "GET" in methods, do: methods ++ ["HEAD"], else: methods
    allowed = Enum.join(methods, ", ")
    Failure.response({405, :method_not_allowed, "expected #{allowed}"}, [{"allow", allowed}])
  end

  defp answer(:health, [], _segments, _request, _config),
    do: Response.json(200, [{"cache-control", "no-store"}], %{status: "ok"})

  # Without a server nothing is counted.
  defp answer(:metrics, [], _segments, _request, %{live: nil}), do: {:error, :not_found}

  defp answer(:metrics, [], _segments, _request, config) do
    headers = [{"cache-control", "no-store"}]

    Response.new(
      200,
      headers,
      "text/plain; version=0.0.4; charset=utf-8",
      Metrics.text(config.live)
    )
  end

  defp answer(:page, [name], _segments, request, _config), do: Page.response(name, request)

  defp answer(action, args, segments, request, config) do
    with {:ok, pairs} <- pairs(request),
         {:ok, parameters} <- admit(segments, pairs, config),
         do: picture(action, args, parameters, request, config)
  end

  # Signatures come first: whoever has no key learns nothing.
  defp admit(segments, pairs, config) do
    with :ok <- signed(segments, pairs, config),
         {:ok, parameters} <- parameters(segments, pairs),
         :ok <- in_time(parameters),
         do: {:ok, parameters}
  end

  defp signed(_segments, _pairs, %{keys: nil}), do: :ok

  defp signed(segments, pairs, %{keys: keys}) do
    if URL.signed?(segments, pairs, keys.()),
      do: :ok,
      else: {:error, {403, :not_signed, "the signature is missing or wrong"}}
  end

  defp parameters(["info" | _], pairs), do: Ask.parameters(pairs, ~w(expires s))
  defp parameters(["explain"], pairs), do: Ask.edit_parameters(pairs)
  defp parameters(["edit" | _], pairs), do: Ask.edit_parameters(pairs)
  defp parameters(["lateness"], pairs), do: Ask.parameters(pairs, ~w(load ms expires s))
  defp parameters(_segments, pairs), do: Ask.parameters(pairs)

  defp in_time(parameters) do
    case left(parameters) do
      :error -> {:error, {400, :invalid_option, "wrong expires: expected a Unix time"}}
      left when left <= 0 -> {:error, {410, :expired, "this URL has expired"}}
      _ -> :ok
    end
  end

  # An atom is more than any number.
  defp left(%{"expires" => text}) do
    if text =~ ~r/\A\d{1,12}\z/,
      do: String.to_integer(text) - System.os_time(:second),
      else: :error
  end

  defp left(_parameters), do: :infinity

  @remote [:remote_thumbnail, :remote_explain, :remote_edit]

  defp picture(action, _args, parameters, _request, _config)
       when action in @remote and not is_map_key(parameters, "url")
       when action not in @remote and is_map_key(parameters, "url"),
       do: {:error, {400, :invalid_option, "expected a path or a url"}}

  defp picture(:thumbnail, [size | path], parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config) do
      file(path, {:thumbnail, ask}, ask.vary, parameters, request, config, fn read ->
        with {:ok, image} <- Work.thumbnail(read, ask, config), do: image(image, ask)
      end)
    end
  end

  defp picture(:remote_thumbnail, [size], %{"url" => url} = parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config) do
      remote(url, {:thumbnail, ask}, ask.vary, parameters, request, config, fn read ->
        with {:ok, image} <- Work.thumbnail(read, ask, config), do: image(image, ask)
      end)
    end
  end

  defp picture(:post_thumbnail, [size], parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config),
         {:ok, image} <- posted(request, ask, config) do
      answered(image(image, ask), [{"cache-control", "no-store"}])
    end
  end

  defp picture(:edit, path, parameters, request, config) do
    with {:ok, ask} <- Ask.edit(parameters, request, config),
         {:ok, overlays} <- Overlay.versions(ask.options, config) do
      wanted = {:edit, ask, overlays}
      file(path, wanted, ask.vary, parameters, request, config, &edited(&1, ask, config))
    end
  end

  defp picture(:remote_edit, [], %{"url" => url} = parameters, request, config) do
    with {:ok, ask} <- Ask.edit(parameters, request, config),
         {:ok, overlays} <- Overlay.versions(ask.options, config) do
      wanted = {:edit, ask, overlays}
      remote(url, wanted, ask.vary, parameters, request, config, &edited(&1, ask, config))
    end
  end

  defp picture(:post_edit, [], parameters, request, config) do
    with {:ok, ask, form} <- asked_edit(parameters, request, config),
         {:ok, image} <- Work.edit(fn -> {:ok, form} end, ask, config),
         do: answered(image(image, ask), [{"cache-control", "no-store"}])
  end

  defp picture(:post_explain_edit, [], parameters, request, config) do
    with {:ok, ask, form} <- asked_edit(parameters, request, config),
         {:ok, plan} <- Work.explain_edit(fn -> {:ok, form} end, ask, config),
         do: answered({:plan, plan}, [{"cache-control", "no-store"}])
  end

  defp picture(:info, path, parameters, request, config) do
    file(path, {:info, @info}, [], parameters, request, config, fn read ->
      with {:ok, info, size, placeholders} <- Work.info(read, config),
           do: info(info, size, placeholders)
    end)
  end

  defp picture(:post_info, [], _parameters, request, config) do
    with {:ok, bytes} <- body(request, config),
         {:ok, info, size, placeholders} <- Work.info(fn -> {:ok, bytes} end, config),
         do: answered(info(info, size, placeholders), [{"cache-control", "no-store"}])
  end

  defp picture(:explain, [size | path], parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config) do
      explain = &explained(&1, ask, config)
      file(path, {:explain, ask}, ask.vary, parameters, request, config, explain)
    end
  end

  defp picture(:remote_explain, [size], %{"url" => url} = parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config) do
      explain = &explained(&1, ask, config)
      remote(url, {:explain, ask}, ask.vary, parameters, request, config, explain)
    end
  end

  defp picture(:post_explain, [size], parameters, request, config) do
    with {:ok, ask} <- Ask.new(size, parameters, request, config),
         {:ok, bytes} <- body(request, config),
         {:plan, plan} <- explained(fn -> {:ok, bytes} end, ask, config),
         do: answered({:plan, plan}, [{"cache-control", "no-store"}])
  end

  defp picture(:lateness, [], parameters, request, config) do
    with {:ok, asked} <- Lateness.ask(parameters, request),
         {:ok, bytes} <- body(request, config),
         {:ok, measured} <- Lateness.measure(asked, bytes, config),
         do: Response.json(200, [{"cache-control", "no-store"}], measured)
  end

  defp edited(read, ask, config) do
    form = fn -> with {:ok, bytes} <- read.(), do: {:ok, %{"picture" => bytes}} end
    with {:ok, image} <- Work.edit(form, ask, config), do: image(image, ask)
  end

  # What the URL asks for is checked before the body is read.
  defp asked_edit(%{"edit" => _} = parameters, request, config) do
    with {:ok, ask} <- Ask.edit(parameters, request, config),
         {:ok, form} <- form(request, config),
         :ok <- Form.only(form, ["picture" | Overlay.parts(ask.options)]),
         do: {:ok, ask, form}
  end

  defp asked_edit(parameters, request, config) do
    with true <- Form.form?(request) || Ask.edit(parameters, request, config),
         {:ok, _} <- steps_in_form(config),
         {:ok, form} <- form(request, config),
         {:ok, text} <- Form.text(form, "edit", config),
         {:ok, ask} <- Ask.edit(Map.put(parameters, "edit", text), request, config),
         :ok <- Form.only(form, ["edit", "picture" | Overlay.parts(ask.options)]),
         do: {:ok, ask, form}
  end

  # No signature is over a body.
  defp steps_in_form(%{keys: nil}), do: {:ok, nil}

  defp steps_in_form(_config),
    do: {:error, {403, :not_signed, "expected the steps in the URL, which is what is signed"}}

  defp form(request, config), do: cut_off(fn -> Form.read(request, config) end)

  defp explained(read, ask, config) do
    with {:ok, plan} <- Work.explain(read, ask, config), do: {:plan, plan}
  end

  # A picture under the root, which clients and proxies may have already. `fun` gets what reads it.
  defp file(path, wanted, vary, parameters, request, config, fun) do
    Files.open(config.root, path, fn file ->
      etag = Validators.etag({file.id, wanted})
      headers = cache_headers(etag, file, vary, parameters, config)

      if file.settled? and Validators.fresh?(request, etag, file.mtime) do
        Response.not_modified(headers)
      else
        with {:ok, content} <- content(fun.(fn -> Origin.read(file, config) end)),
             do: answered(content, headers)
      end
    end)
  end

  # A picture of another server, whose own validators say whether it is still the same.
  defp remote(url, wanted, vary, parameters, request, config, fun) do
    with {:ok, remote} <- Origin.open(url, config) do
      try do
        version = remote.etag || remote.last_modified
        etag = if version, do: Validators.etag({url, version, wanted})
        headers = remote_headers(etag, vary, parameters, config)

        if etag && Validators.fresh?(request, etag, :unknown) do
          Response.not_modified(headers)
        else
          with {:ok, content} <- content(fun.(fn -> Origin.fetch(remote) end)),
               do: answered(content, headers)
        end
      after
        Remote.close(remote)
      end
    end
  end

  defp remote_headers(etag, vary, parameters, config) do
    age = min(config.max_age, left(parameters))
    vary = if vary == [], do: [], else: [{"vary", Enum.join(vary, ", ")}]
    etag = if etag, do: [{"etag", etag}], else: []
    [{"cache-control", "public, max-age=#{age}"}] ++ etag ++ vary ++ accepted_hints(config)
  end

  defp content({:error, _} = error), do: error
  defp content(content), do: {:ok, content}

  defp cache_headers(etag, file, vary, parameters, config) do
    vary = if vary == [], do: [], else: [{"vary", Enum.join(vary, ", ")}]
    validators(etag, file, parameters, config) ++ vary ++ accepted_hints(config)
  end

  # It may still be being written.
  defp validators(_etag, %{settled?: false}, _parameters, _config),
    do: [{"cache-control", "no-store"}]

  defp validators(etag, file, parameters, config) do
    [
      {"cache-control", "public, max-age=#{min(config.max_age, left(parameters))}"},
      {"etag", etag},
      {"last-modified", HTTPDate.format(file.mtime)}
    ]
  end

  defp accepted_hints(%{client_hints: false}), do: []
  defp accepted_hints(_config), do: [{"accept-ch", Enum.join(Ask.hints(), ", ")}]

  defp image(%Image{} = image, %Ask{filename: nil}), do: {:image, image, []}

  defp image(image, ask),
    do: {:image, image, [{"content-disposition", Disposition.inline(ask.filename, image.format)}]}

  defp answered({:image, image, own}, headers),
    do: Response.new(200, own ++ headers, Image.mime(image), image.bytes)

  defp answered({:info, info}, headers), do: Response.json(200, headers, info)

  # A pair is a list there.
  defp answered({:plan, plan}, headers) do
    fields = for {key, field} <- Map.from_struct(plan), into: %{}, do: {key, plain(field)}
    Response.json(200, headers, fields)
  end

  defp plain(tuple) when is_tuple(tuple), do: Tuple.to_list(tuple)
  defp plain(field), do: field

  defp info(info, size, [color, placeholder]) do
    own = %{bytes: size, color: color, placeholder: placeholder}
    {:info, info |> Map.take(@shown) |> Map.merge(own)}
  end

  # As it comes, or as a whole where there is little to gain, and where all of it has to be known.
  defp posted(request, ask, config) do
    if Body.comes?(request) and not Work.stored?() do
      with :ok <- Body.check(request, config),
           do: cut_off(fn -> Work.arriving(request.body, ask, config) end)
    else
      with {:ok, bytes} <- body(request, config),
           do: Work.thumbnail(fn -> {:ok, bytes} end, ask, config)
    end
  end

  defp body(request, config), do: cut_off(fn -> Body.whole(request, config) end)

  defp cut_off(fun) do
    fun.()
  rescue
    failed in Body.Failed -> {:error, {failed.status, failed.reason, failed.message}}
  end
end
