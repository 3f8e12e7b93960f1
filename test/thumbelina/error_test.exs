defmodule Thumbelina.ErrorTest do
  use ExUnit.Case, async: true
  alias Thumbelina.Error

  test "messages" do
    for {error, message} <- [
          {%Error{reason: :unsupported_format}, "not a known picture format"},
          {%Error{reason: :unsupported_format, format: :jpeg},
           "this variant of jpeg is not supported"},
          {%Error{reason: :unsupported_format, format: :heic}, "HEIC is not supported"},
          {%Error{reason: :unsupported_format, value: "photo.jpg"},
           ~s(not a known picture format: "photo.jpg" looks like a path. ) <>
             "Use Thumbelina.open/2 to read a file"},
          {%Error{reason: :invalid_image, format: :png}, "invalid png"},
          {%Error{reason: :truncated, format: :gif}, "truncated gif"},
          {%Error{reason: :truncated, format: :jpeg, offset: 9}, "truncated jpeg at byte 9"},
          {%Error{reason: :invalid_image, format: :jpeg, offset: 9},
           "invalid jpeg around byte 9"},
          {%Error{reason: :limit_exceeded, limit: :max_pixels, value: 200, maximum: 100},
           "max_pixels exceeded: 200, but at most 100 allowed"},
          {%Error{
             reason: :invalid_option,
             key: :fit,
             value: :tight,
             expected: ":contain, :cover"
           }, "invalid value for :fit: expected :contain, :cover, got: :tight"},
          {%Error{
             reason: :invalid_option,
             key: :color,
             value: 1,
             expected: "one of the options :fit"
           }, "unknown option :color: expected one of the options :fit"},
          {%Error{reason: :eacces, path: "a.jpg"}, "a.jpg: permission denied"},
          {%Error{reason: :enomem}, "not enough memory"},
          {%Error{reason: :overloaded, maximum: 3}, "overloaded: 3 are in progress already"},
          {%Error{reason: :internal_error}, "internal error: please report this"}
        ] do
      assert Exception.message(error) == message
    end
  end

  test "is inspected with the fields that are set" do
    error = %Error{reason: :truncated, format: :jpeg, offset: 9}
    assert inspect(error) =~ ~r/^%Thumbelina.Error{.*}$/
    assert inspect(error) =~ "reason: :truncated"
    assert inspect(error) =~ "offset: 9"
    refute inspect(error) =~ "nil"
    assert error |> inspect() |> Code.eval_string() |> elem(0) == error
    assert inspect(%Error{reason: :enomem}) == "%Thumbelina.Error{reason: :enomem}"
  end
end
