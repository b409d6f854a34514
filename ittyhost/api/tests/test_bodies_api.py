"""Bodies are bounded, strict JSON objects; each fault is named."""

import io
import json
import time
import tracemalloc

import pytest
from django.test import RequestFactory

from ittyhost.api.parsers import read_body, read_json
from ittyhost.errors import Invalid, LengthRequired, PayloadTooLarge
from orgs_app.models import Organisation

G4 = "2025-08-20"


def send(api, body, **more):
    return api("post", "/echo", version=G4, data=body, **{"content_type": "application/json", **more})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "The body is not valid JSON: expecting property name enclosed in double quotes at line 1, column 2."),
        ('{"a": 1,\n  "b" 2}', "The body is not valid JSON: expecting ':' delimiter at line 2, column 7."),
        ('{"a": NaN}', "The body is not valid JSON: NaN is not a JSON value."),
        ('{"a": -Infinity}', "The body is not valid JSON: -Infinity is not a JSON value."),
        ("[]", "The body must be a JSON object."),
        ('"text"', "The body must be a JSON object."),
        ("null", "The body must be a JSON object."),
        ("1", "The body must be a JSON object."),
        (b'{"a": "\xff"}', "The body must be UTF-8; byte 7 is not."),
        ('{"a": {"b": [' * 400 + "]}}" * 400, "The body is nested too deeply: at most 32 levels are read."),
        ("[" * 100_000, "The body is nested too deeply: at most 32 levels are read."),
        ('{"a":' * 33 + "{}" + "}" * 33, "The body is nested too deeply: at most 32 levels are read."),
        ('{"a": ' + "9" * 5000 + "}", "The body holds a number that is too large."),
        (f'{{"a": [{"0," * 9_999}0]}}', "The body holds too much: at most 10000 values are read."),
        (r'{"\ud800": 1, "\ud800": 2}', "The body holds half of a surrogate pair, which is not a character."),
        (f'{{"{"k" * 501}": 1, "{"k" * 501}": 2}}', "The body holds a name of more than 500 characters."),
    ],
)
def test_a_malformed_body_is_refused(api, body, message):
    response = send(api, body)
    assert (response.status_code, response.json()) == (400, {"message": message, "kind": "request_invalid"})


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (r'{"a": {"b": ["ok", "n\u0000"]}}', "a.b.1 holds a NUL character. Leave it out.", "a.b.1"),
        (r'{"a": {"b\u0000": 1}}', "a holds a NUL character. Leave it out.", "a"),
        (r'{"a": "\ud800"}', "a holds half of a surrogate pair, which is not a character.", "a"),
        ('{"a": 9223372036854775808}', "a holds a number that is too large.", "a"),
        ('{"a": 1e999}', "a holds a number that is too large.", "a"),
        ('{"a": 1, "a": 1}', "The body holds the name 'a' twice in one object. Leave one of them out.", "a"),
        ('{"b": [{"é": 1, "é": 3}]}', "The body holds the name 'é' twice in one object. Leave one of them out.", "é"),
        (f'{{"a": ["{"x" * 100_001}"]}}', "a.0 holds a text of more than 100000 characters.", "a.0"),
    ],
)
def test_what_could_not_be_kept_is_refused_by_name(api, body, message, param):
    response = send(api, body)
    assert (response.status_code, response.json()) == (
        400,
        {"message": message, "kind": "request_invalid", "param": param},
    )


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a": 1, "b": {"a": 2}, "A": 3}', {"a": 1, "b": {"a": 2}, "A": 3}),
        (f'{{"a": "{"é" * 100_000}"}}', {"a": "é" * 100_000}),
        (f'{{"a": [{"0," * 9_998}0]}}', {"a": [0] * 9_999}),
        ('\ufeff{"a": "é😀"}'.encode(), {"a": "é😀"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        ('{"a": [true, null, -9223372036854775807, 1.5]}', {"a": [True, None, -9223372036854775807, 1.5]}),
        ('{"a":' * 31 + "{}" + "}" * 31, json.loads('{"a":' * 31 + "{}" + "}" * 31)),
    ],
)
def test_a_body_is_read_as_it_is(api, body, value):
    response = send(api, body)
    assert (response.status_code, response.json()) == (200, {"data": value})


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/x+json", ""],
)
def test_json_goes_by_several_names(api, content_type):
    assert send(api, '{"a": 1}', content_type=content_type).json() == {"data": {"a": 1}}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_another_type_is_refused(api, content_type):
    response = send(api, '{"a": 1}', content_type=content_type)
    message = "The body must be JSON. Send it with the header Content-Type: application/json."
    assert (response.status_code, response.json()) == (415, {"message": message, "kind": "media_type_unsupported"})


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_an_empty_body_is_an_empty_object_whatever_its_type(api, content_type):
    assert send(api, "", content_type=content_type).json() == {"data": {}}


def test_a_body_over_the_limit_is_refused_unread(api, settings):
    settings.MAX_JSON_BYTES = 1024
    assert send(api, json.dumps({"a": "x" * 1000})).status_code == 200
    response = send(api, json.dumps({"a": "x" * 1100}))
    assert (response.status_code, response.json()) == (
        413,
        {"message": "The body must be at most 1024 bytes.", "kind": "body_too_large"},
    )


def chunked(body, **more):
    return RequestFactory().generic(
        "POST", "/", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="", **{"wsgi.input": io.BytesIO(body), **more}
    )


def test_a_chunked_body_is_read_to_its_end():
    request = chunked(b'{"a": 1}', **{"wsgi.input_terminated": True})
    assert read_body(request, 100) == b'{"a": 1}' == request.body


def test_a_chunked_body_is_bounded_too():
    with pytest.raises(PayloadTooLarge, match="at most 7 bytes"):
        read_body(chunked(b'{"a": 1}', **{"wsgi.input_terminated": True}), 7)


def test_a_chunked_body_that_has_no_end_is_refused():
    with pytest.raises(LengthRequired):
        read_body(chunked(b'{"a": 1}'), 100)


def test_a_body_that_breaks_off_is_refused():
    request = RequestFactory().generic("POST", "/", CONTENT_LENGTH="10", **{"wsgi.input": io.BytesIO(b"1234")})
    with pytest.raises(Invalid, match="The body ended after 4 of 10 bytes"):
        read_body(request, 100)


@pytest.mark.parametrize("length", ["-1", "1_0", "ten", " 3", "٣"])
def test_a_length_that_is_no_number_is_refused(length):
    request = RequestFactory().generic("POST", "/", b"1234")
    request.META["CONTENT_LENGTH"] = length
    with pytest.raises(Invalid, match="Content-Length must be a whole number"):
        read_body(request, 100)


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({}, "name is required.", "name"),
        ({"name": None}, "name may not be null.", "name"),
        ({"name": ""}, "name may not be blank.", "name"),
        ({"name": ["a"]}, "name must be a string.", "name"),
        ({"name": "x" * 11}, "name must have at most 10 characters.", "name"),
        ({"name": "x", "size": "two"}, "size must be a valid integer.", "size"),
        ({"name": "x", "size": 6}, "size must be at most 5.", "size"),
        ({"name": "x", "size": 0}, "size must be at least 1.", "size"),
        ({"name": "x", "kind": "oval"}, 'kind does not allow "oval".', "kind"),
        ({"name": "x", "is_new": "perhaps"}, "is_new must be true or false.", "is_new"),
        ({"name": "x", "tags": "abc"}, "tags must be an array.", "tags"),
        ({"name": "x", "tags": ["ok", "long"]}, "tags.1 must have at most 3 characters.", "tags.1"),
        ({"name": "x", "metadata": [1]}, "metadata must be an object.", "metadata"),
    ],
)
def test_each_bad_field_is_named_and_nothing_is_made(api, body, message, param):
    before = Organisation.objects.count()
    response = api("post", "/things", version=G4, json=body)
    assert (response.status_code, response.json()) == (
        400,
        {"message": message, "kind": "request_invalid", "param": param},
    )
    assert Organisation.objects.count() == before


def test_a_body_of_very_many_places_costs_no_more_than_its_size():
    body = b'{"' + b"k" * 480 + b'":[' + b",".join([b"1"] * 500_000) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match="at most 10000 values"):
            read_json(body)
        assert tracemalloc.get_traced_memory()[1] < 60e6  # written out, the paths alone would be 50 MB more
    finally:
        tracemalloc.stop()


def test_a_name_that_comes_twice_at_the_end_of_very_many_is_found_in_one_go():
    names = ",".join(f'"{index}":0' for index in range(80_000))
    started = time.process_time()
    with pytest.raises(Invalid, match="'79999' twice"):
        read_json(f'{{{names},"79999":1}}'.encode())
    assert time.process_time() - started < 2  # looked up one by one in a list, they take minutes


def test_a_name_has_its_limit():
    with pytest.raises(Invalid, match="The body holds a name of more than 500 characters"):
        read_json(json.dumps({"k" * 501: 1}).encode())
