"""Schemas that answers are held to, against the reference implementation."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.language.schemas import is_closed, problem, resolved

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.5]), st.sampled_from(["", "a", "bcd"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
TYPES = st.sampled_from(["object", "array", "string", "boolean", "null", "integer", "number"])
RULES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=2),
        "const": VALUES,
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "required": st.lists(NAMES, max_size=2, unique=True),
    },
)


def _with(inner):
    return st.builds(
        lambda rules, more: rules | more,
        RULES,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(NAMES, inner, max_size=2),
                "additionalProperties": st.booleans() | inner,
                "items": inner,
                "anyOf": st.lists(inner, min_size=1, max_size=2),
            },
        ),
    )


@settings(max_examples=100)
@given(st.recursive(RULES, _with, max_leaves=5), VALUES)
def test_values_are_judged_as_the_reference_judges_them(inner, value):
    schema = resolved({"type": "object", "properties": {"v": inner}})["properties"]["v"]
    assert (problem(value, schema) == "") == jsonschema.Draft202012Validator(inner).is_valid(value)


def test_references_are_put_in():
    schema = {
        "type": "object",
        "properties": {"who": {"$ref": "#/$defs/Person", "description": "Whoever"}},
        "$defs": {
            "Person": {"type": "object", "properties": {"name": {"$ref": "#/$defs/Name"}}},
            "Name": {"type": "string"},
        },
    }
    person = {"type": "object", "properties": {"name": {"type": "string"}}, "description": "Whoever"}
    assert resolved(schema) == {"type": "object", "properties": {"who": person}}


def deep(count):
    inner = {"type": "string"}
    for _ in range(count):
        inner = {"type": "array", "items": inner}
    return {"type": "object", "properties": {"x": inner}}


BOMB = {f"d{place}": {"anyOf": [{"$ref": f"#/$defs/d{place + 1}"}] * 2} for place in range(8)}


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ([], "must be a JSON schema, an object"),
        ({"type": "string"}, 'must be the schema of an object: its "type" must be "object"'),
        ({}, 'must be the schema of an object: its "type" must be "object"'),
        (
            {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}},
            "has 'pattern' at a, which is not read here: use simpler words of JSON Schema",
        ),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "must have types of object, array"),
        ({"type": "object", "properties": [1]}, "has 'properties', which is not read here"),
        ({"type": "object", "properties": {"a": 7}}, "must have an object for every schema, also at a"),
        ({"type": "object", "required": "a"}, "has a value of 'required' that JSON Schema does not know"),
        ({"type": "object", "minItems": True}, "has a value of 'minItems' that JSON Schema does not know"),
        (
            {"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}},
            "must refer to its own $defs only at a",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
            "must have at most 500 schemas within it, 10 deep, and none within itself",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {**BOMB, "d8": {"type": "null"}}},
            "must have at most 500 schemas within it, 10 deep, and none within itself",
        ),
        (deep(10), "must have at most 500 schemas within it, 10 deep, and none within itself"),
        (deep(5000), "must be at most 16 KiB and 10 schemas deep"),
        ({"type": "object", "description": "x" * 20_000}, "must be at most 16 KiB and 10 schemas deep"),
    ],
)
def test_what_is_no_schema_or_too_much_of_one_is_told(schema, sentence):
    with pytest.raises(ValueError) as caught:
        resolved(schema)
    assert str(caught.value).startswith(sentence)


def test_a_schema_is_closed_when_every_object_in_it_is():
    inner = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
    listed = {"type": "array", "items": inner}
    whole = {"type": "object", "properties": {"l": listed}, "required": ["l"], "additionalProperties": False}
    assert is_closed(whole)
    assert not is_closed({**whole, "required": []})
    assert not is_closed({**whole, "properties": {"l": {"type": "array", "items": {"type": "object"}}}})
