defmodule Bench.VixHttpd do
  # The same thumbnails by libvips, behind the same httpd: as little around it as there can be.

  require Record
  Record.defrecordp(:mod, Thumbelina.Server.Connection.fields())

  @doc "Starts it, and returns its port."
  def start(root) do
    port = free_port()

    config = [
      port: port,
      bind_address: {127, 0, 0, 1},
      server_name: ~c"vix",
      server_root: ~c"/",
      document_root: ~c"/",
      modules: [__MODULE__],
      max_clients: 1024,
      vix_root: root
    ]

    {:ok, _httpd} = :inets.start(:httpd, config, :stand_alone)
    port
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :ok = :gen_tcp.close(socket)
    port
  end

  # What httpd calls. The name is a reserved word.
  def unquote(:do)(mod) do
    # httpd sends heads and bodies on their own. Without this, each body waits 40 ms for the
    # client's system to acknowledge its head.
    :ok = :inet.setopts(mod(mod, :socket), nodelay: true)
    "/thumbnail/" <> rest = mod |> mod(:request_uri) |> List.to_string()
    [size, name] = String.split(rest, "/")
    [width, height] = size |> String.split("x") |> Enum.map(&String.to_integer/1)
    root = :httpd_util.lookup(mod(mod, :config_db), :vix_root)
    # Variables, because these modules may not be there.
    {operation, image} = {Vix.Vips.Operation, Vix.Vips.Image}

    {:ok, thumb} =
      operation.thumbnail(Path.join(root, name), width, height: height, size: :VIPS_SIZE_DOWN)

    {:ok, bytes} = image.write_to_buffer(thumb, ".jpg[Q=80]")
    head = [code: 200, content_type: ~c"image/jpeg", content_length: ~c"#{byte_size(bytes)}"]
    # httpd takes lists of bytes, or a function that sends; this is the shorter way.
    {:proceed, [response: {:response, head, [bytes]}]}
  end
end
