defmodule Thumbelina.Cast do
  @moduledoc false
  # Work for somebody else. A process of its own watches over a cast: it monitors the destination,
  # and its linked worker calls the function. Whichever of the two dies takes the other along.
  #
  # Who waits for a turn waits in the call, as any caller does: the only thing to bound is how many
  # casts there are.

  alias Thumbelina.{Error, Options, Worker}

  @doc """
  Calls a function of `Thumbelina`, one of `operations`, in a process of its own, and sends what it
  returns to `destination`. The last of the arguments can have the options of the cast in it.
  """
  @spec cast(Thumbelina.destination(), atom, [term, ...], [atom]) :: :ok | {:error, Error.t()}
  def cast(destination, operation, args, operations) do
    {own, args} = split_options(args)

    with {:ok, own, []} <- Options.beside(:cast, own),
         :ok <- check(operation, length(args), operations),
         do: start(destination, own, fn -> apply(Thumbelina, operation, args) end)
  end

  # The options of the cast, out of those of the function.
  defp split_options(args) do
    {last, before} = List.pop_at(args, -1)

    if Keyword.keyword?(last) do
      {own, rest} = Keyword.split(last, [:tag, :max_queue])
      # An empty list that was passed is an argument.
      {own, if(rest == [] and own != [], do: before, else: before ++ [rest])}
    else
      {[], args}
    end
  end

  defp check(operation, arity, operations) do
    if operation in operations and function_exported?(Thumbelina, operation, arity) do
      :ok
    else
      names = Enum.map_join(operations, ", ", &inspect/1)
      Options.invalid(:operation, operation, "one of #{names}, and its arguments")
    end
  end

  defp start(destination, opts, fun) do
    with :ok <- check(destination), :ok <- enter(opts.max_queue) do
      # At a low priority, so that it does not begin before the caller has cast what else it has.
      _ =
        :erlang.spawn_opt(
          fn ->
            Process.flag(:priority, :normal)

            try do
              watch(destination, opts.tag, fun)
            after
              leave()
            end
          end,
          priority: :low
        )

      :ok
    end
  end

  @doc """
  Called for each function of `Thumbelina`: keeps the names of those that take a picture, whose
  first argument is called `source`, as `:operations`.
  """
  def register(env, :def, name, [{:source, _, _} | _], _guards, _body) do
    unless name |> Atom.to_string() |> String.ends_with?("!"),
      do: Module.put_attribute(env.module, :operations, name)
  end

  def register(_env, _kind, _name, _args, _guards, _body), do: :ok

  defp watch(destination, tag, fun) do
    with {:ok, to} <- resolve(destination) do
      Process.flag(:trap_exit, true)
      monitor = Process.monitor(to)
      {worker, ref} = Worker.start_link(fun)

      receive do
        {^ref, result} -> answer(to, tag, result)
        {:EXIT, ^worker, reason} -> answer(to, tag, Worker.failed(reason))
        {:DOWN, ^monitor, _, _, _} -> Process.exit(worker, :kill)
      end
    end
  end

  defp answer(to, nil, result), do: send(to, result)
  defp answer(to, tag, result), do: send(to, {tag, result})

  # What a monitor and a message can be given. A name on this node is taken for who has it now.
  defp resolve(pid) when is_pid(pid), do: {:ok, pid}
  defp resolve(name) when is_atom(name), do: found(Process.whereis(name))
  defp resolve({:global, name}), do: found(:global.whereis_name(name))
  defp resolve({:via, module, name}), do: found(module.whereis_name(name))
  defp resolve({name, node}) when is_atom(name) and is_atom(node), do: {:ok, {name, node}}

  defp found(pid) when is_pid(pid), do: {:ok, pid}
  defp found(_nobody), do: :nobody

  defp check(pid) when is_pid(pid), do: :ok
  defp check(name) when is_atom(name) and name not in [nil, true, false], do: :ok
  defp check({:global, _name}), do: :ok

  defp check({:via, module, _name} = destination) when is_atom(module) do
    if Code.ensure_loaded?(module) and function_exported?(module, :whereis_name, 1),
      do: :ok,
      else: wrong(destination)
  end

  defp check({name, node}) when is_atom(name) and is_atom(node), do: :ok

  defp check(other), do: wrong(other)

  defp wrong(destination) do
    expected = "a pid, a name, {name, node}, {:global, name} or {:via, module, name}"
    Options.invalid(:destination, destination, expected)
  end

  defp enter(most) do
    count = count()

    if :atomics.add_get(count, 1, 1) > most do
      :atomics.sub(count, 1, 1)
      {:error, %Error{reason: :overloaded, maximum: most}}
    else
      :ok
    end
  end

  defp leave, do: :atomics.sub(count(), 1, 1)

  # How many casts are unanswered on this node.
  defp count do
    with nil <- :persistent_term.get(__MODULE__, nil) do
      # The first two to come must not have one each.
      :global.trans({__MODULE__, self()}, &create/0, [node()])
    end
  end

  defp create do
    with nil <- :persistent_term.get(__MODULE__, nil) do
      count = :atomics.new(1, signed: true)
      :persistent_term.put(__MODULE__, count)
      count
    end
  end
end
