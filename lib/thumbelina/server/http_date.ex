defmodule Thumbelina.Server.HTTPDate do
  @moduledoc false
  # Dates in headers. One form is written; two obsolete ones must be read too (RFC 9110, 5.6.7).

  @days ~w(Mon Tue Wed Thu Fri Sat Sun)
  @months ~w(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
  @month Map.new(Enum.with_index(@months, 1))

  @doc "Seconds since 1970 as `Sun, 06 Nov 1994 08:49:37 GMT`."
  @spec format(integer) :: String.t()
  def format(seconds) do
    time = DateTime.from_unix!(seconds)
    day = Enum.at(@days, Date.day_of_week(time) - 1)
    month = Enum.at(@months, time.month - 1)

    "#{day}, #{two(time.day)} #{month} #{time.year} " <>
      "#{two(time.hour)}:#{two(time.minute)}:#{two(time.second)} GMT"
  end

  defp two(number), do: number |> Integer.to_string() |> String.pad_leading(2, "0")

  @imf ~r/^\w{3}, (?<d>\d\d) (?<m>\w{3}) (?<y>\d{4}) (?<t>\d\d:\d\d:\d\d) GMT\z/
  @rfc850 ~r/^\w{6,9}, (?<d>\d\d)-(?<m>\w{3})-(?<y>\d\d) (?<t>\d\d:\d\d:\d\d) GMT\z/
  @asctime ~r/^\w{3} (?<m>\w{3}) (?<d>[ \d]\d) (?<t>\d\d:\d\d:\d\d) (?<y>\d{4})\z/

  @doc "The seconds since 1970 of a date."
  @spec parse(String.t()) :: {:ok, integer} | :error
  def parse(text) do
    with %{"d" => day, "m" => month, "y" => year, "t" => time} <-
           Enum.find_value([@imf, @rfc850, @asctime], :error, &Regex.named_captures(&1, text)),
         {:ok, month} <- Map.fetch(@month, month),
         {:ok, date} <- Date.new(year(year), month, day |> String.trim() |> String.to_integer()),
         {:ok, time} <- Time.from_iso8601(time),
         {:ok, datetime} <- DateTime.new(date, time) do
      {:ok, DateTime.to_unix(datetime)}
    else
      _ -> :error
    end
  end

  # Of two digits: the year that is at most fifty years ahead.
  defp year(<<_, _>> = digits) do
    now = Date.utc_today().year
    year = div(now, 100) * 100 + String.to_integer(digits)
    if year > now + 50, do: year - 100, else: year
  end

  defp year(digits), do: String.to_integer(digits)
end
