defmodule Thumbelina.Server.MetadataTest do
  use ExUnit.Case, async: true

  alias Thumbelina.Server.{Config, Metadata}

  test "what is asked for has to be allowed" do
    for {allowed, asked, allowed?} <- [
          {:strip, nil, true},
          {:strip, :strip, true},
          {:strip, [], true},
          {:strip, [:icc], false},
          {[:icc, :copyright], [:icc, :icc], true},
          {[:icc, :copyright], [:icc, :gps], false},
          {[:icc, :copyright], :keep, false},
          {:keep, :keep, true},
          {:keep, [:copyright, :gps], true}
        ] do
      {:ok, config} = Config.new(metadata: allowed)
      assert {allowed, asked, Metadata.allowed?(asked, config)} == {allowed, asked, allowed?}
    end

    {:ok, config} = Config.new([])
    assert Metadata.allowed?([:copyright, :icc], config)
    for part <- [:exif, :gps, :iptc, :xmp], do: refute(Metadata.allowed?([part], config))
  end
end
