defmodule Thumbelina.Server.ConnectionTest do
  use ExUnit.Case, async: true
  require Record

  test "the record is that of OTP" do
    fields = Record.extract(:mod, from_lib: "inets/include/httpd.hrl")
    assert Keyword.keys(fields) == Thumbelina.Server.Connection.fields()
  end
end
