defmodule Mix.Tasks.Thumbelina.Server do
  @shortdoc "Serves thumbnails over HTTP"

  alias Thumbelina.{Error, Format, Options}
  alias Thumbelina.Server.Config

  @moduledoc """
  Serves thumbnails over HTTP, until it is stopped.

      mix thumbelina.server --root FOLDER [options]

  It prints the address it listens on. `Thumbelina.Server` tells what it answers.

      mix thumbelina.server --root priv/pictures --port 4000 --sizes 300x200,100x

  ## Options

  #{Config.docs(:command_line)}
    * `--allow-host` - one more of the hosts. It can be given several times
    * `--help` - print this text
  """
  use Mix.Task

  @usage "usage: mix thumbelina.server [options] (see mix help thumbelina.server)"

  @impl true
  def run(args) do
    if start(args) != :help, do: Process.sleep(:infinity)
  end

  @doc false
  def start(args) do
    switches =
      [help: :boolean, allow_host: [:string, :keep]] ++
        for {key, type} <- flags(), do: {key, switch(type)}

    case OptionParser.parse(args, strict: switches, aliases: [h: :help]) do
      {_, _, [{flag, nil} | _]} ->
        Mix.raise("unknown option or missing value: #{flag}\n#{@usage}")

      {_, _, [{flag, value} | _]} ->
        Mix.raise("invalid value for #{flag}: #{value}\n#{@usage}")

      {_, [_ | _], []} ->
        Mix.raise(@usage)

      {flags, [], []} ->
        if flags[:help], do: help(), else: serve(flags)
    end
  end

  defp help do
    Mix.Task.rerun("help", ["thumbelina.server"])
    :help
  end

  defp serve(flags) do
    Mix.Task.run("app.config")
    {hosts, flags} = Keyword.pop_values(flags, :allow_host)
    opts = for {key, text} <- flags, do: {key, value(key, flags()[key], text)}

    opts =
      if hosts == [], do: opts, else: Keyword.update(opts, :allow_hosts, hosts, &(&1 ++ hosts))

    case Mix.Thumbelina.Precompiled.start([:crypto, :inets]) do
      :ok -> listen(opts)
      {:error, message} -> Mix.raise(message)
    end
  end

  defp listen(opts) do
    case Thumbelina.Server.start_link(opts) do
      {:ok, server} ->
        port = Thumbelina.Server.port(server)
        Mix.shell().info("Thumbelina listens on http://#{address(opts[:ip])}:#{port}")
        server

      {:error, %Error{reason: :invalid_option} = error} ->
        Mix.raise("invalid value for #{Options.flag(error.key)}: expected #{error.expected}")

      {:error, %Error{} = error} ->
        Mix.raise(Exception.message(error))

      {:error, reason} ->
        Mix.raise(if is_binary(reason), do: reason, else: inspect(reason))
    end
  end

  defp address(nil), do: "127.0.0.1"
  defp address(ip), do: if(String.contains?(ip, ":"), do: "[#{ip}]", else: ip)

  # A name is for the code that has it; presets and the options of TLS are no text.
  defp flags, do: Keyword.drop(Config.types(), [:name, :listen, :tls, :imgproxy_presets])

  defp switch(:boolean), do: :boolean
  defp switch({:integer, _, _}), do: :integer
  defp switch(_type), do: :string

  defp value(_key, type, text) when type in [:keys, :sizes, :hosts],
    do: String.split(text, ",", trim: true)

  # As imgproxy has them in its environment.
  defp value(key, :key_pairs, text) do
    for pair <- String.split(text, ",", trim: true) do
      with [secret, salt] <- String.split(pair, ":"),
           {:ok, secret} <- Base.decode16(secret, case: :mixed),
           {:ok, salt} <- Base.decode16(salt, case: :mixed) do
        {secret, salt}
      else
        _ -> Mix.raise("invalid value for #{Options.flag(key)}: expected KEY:SALT in hexadecimal")
      end
    end
  end

  defp value(key, type, text) when type in [:qualities, :ports] do
    for part <- String.split(text, ",", trim: true) do
      case Integer.parse(part) do
        {quality, ""} -> quality
        _ -> Mix.raise("invalid value for #{Options.flag(key)}: #{text}")
      end
    end
  end

  defp value(_key, {:formats, _}, "all"), do: :all
  defp value(_key, {:formats, _}, "default"), do: :default

  defp value(key, {:formats, atoms}, text),
    do: for(name <- String.split(text, ",", trim: true), do: value(key, {:in, atoms}, name))

  defp value(_key, {:metadata, _}, "strip"), do: :strip
  defp value(_key, {:metadata, _}, "keep"), do: :keep

  defp value(key, {:metadata, parts}, text) do
    for name <- String.split(text, ",", trim: true) do
      Enum.find(parts, &(Atom.to_string(&1) == name)) ||
        Mix.raise("invalid value for #{Options.flag(key)}: #{text}; expected #{inspect(parts)}")
    end
  end

  defp value(_key, {:in, _atoms}, "auto"), do: :auto

  defp value(key, {:in, atoms}, text) do
    with {:ok, format} <- Format.of_extension("." <> text), true <- format in atoms do
      format
    else
      _ ->
        Mix.raise(
          "invalid value for #{Options.flag(key)}: #{text}; expected #{Enum.join(atoms, ", ")}"
        )
    end
  end

  defp value(_key, _type, value), do: value
end
