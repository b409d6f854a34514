"""Options at random, drawn from the schemas of the kinds: a new option is tried without a word here."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from workers.kinds.base import Kind, Options

# Echoed, or only names of what is made: nothing comes out otherwise because of them.
_IDLE = frozenset(Options.model_fields)
# Small, so that hundreds can be made in a minute; the schemas' bounds are far beyond.
_SIDES = st.one_of(st.integers(1, 160), st.sampled_from(["50%", "150%", "33.3%", "7px"]))
_USUAL: Mapping[str, st.SearchStrategy[Any]] = {
    "width": _SIDES,
    "height": _SIDES,
    "start": st.sampled_from([0, 0.04, 0.3, 0.5]),
    "end": st.sampled_from([0.52, 0.8, 1, 1.0, 5]),
    "duration": st.sampled_from([0.05, 0.2, 0.4, 3]),
    "interval": st.sampled_from([0.1, 0.25, 0.5, 2]),
    "count": st.integers(1, 12),
    "columns": st.integers(1, 12),
    "font_size": st.integers(4, 40),
    "text": st.sampled_from(["Hi", "two\nlines", "שלום", "%{n} 'x':\\"]),
    "audio_track": st.integers(0, 1),
}
_REF = {"minLength": 1, "maxLength": 2048}  # a FileRef's schema
PICTURE, SUBTITLES = "picture", "subtitles"


def valid_options(kind: Kind, files: Mapping[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some options of the kind, each as its schema allows it; together they may still be refused.

    `files` are paths for the options that name another file: PICTURE, and SUBTITLES where the option is about them.
    """
    schema = kind.options.model_json_schema()
    known = {
        name: _values(name, each, schema.get("$defs", {}), files)
        for name, each in schema["properties"].items()
        if name not in _IDLE
    }
    few = st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({name: known[name] for name in names}))


def _values(
    name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], files: Mapping[str, str]
) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(name, defs[schema["$ref"].rpartition("/")[2]], defs, files)
    if name in _USUAL and schema.get("type") != "object":
        return _USUAL[name]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            given = [one for one in schema[several] if one.get("type") != "null"]
            return st.one_of(*(_values(name, one, defs, files) for one in given))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(name, schema, defs, files)


def _of_type(
    name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], files: Mapping[str, str]
) -> st.SearchStrategy[Any]:
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 1000))
        case "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0.0) + 0.01)
            return (
                st.floats(low, schema.get("maximum", 100.0))
                .map(lambda value: round(value, 3))
                .filter(lambda value: value >= low)
            )
        case "boolean":
            return st.booleans()
        case "array":
            item = _values(name.removesuffix("s"), schema.get("items", {}), defs, files)
            return st.lists(item, min_size=schema.get("minItems", 0), max_size=2)
        case "object":
            return _object(schema, defs, files, about=name)
        case "string" if all(schema.get(key) == value for key, value in _REF.items()):
            return st.just(files[SUBTITLES if "subtitle" in name else PICTURE])
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True)
        case "string" if name == "position":
            return st.sampled_from(["center", "top", "bottom-left", "top right", "left"])
        case _:
            return st.sampled_from(["a", "en", "Deutsch"])


def _object(
    schema: Mapping[str, Any], defs: Mapping[str, Any], files: Mapping[str, str], *, about: str
) -> st.SearchStrategy[dict[str, Any]]:
    fields = schema.get("properties", {})
    names = {
        name: _values(f"{about}_{name}" if name == "url" else name, each, defs, files) for name, each in fields.items()
    }
    required: Sequence[str] = schema.get("required", ())
    return st.fixed_dictionaries(
        {name: names[name] for name in required},
        optional={name: values for name, values in names.items() if name not in required},
    )


# Any JSON, with what programs trip over: huge numbers, NUL, half a surrogate pair, deep nesting.
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["\0", "\ud800", "9" * 400, "-1", "1e999", "NaN", "../x", "", " ", "²", 1e308, -0.0, 2**63]),
)
ANY_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def any_options(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """One or two options of the kind, or some other name, with any JSON at all: values just outside of the schema's
    bounds among them."""
    properties = kind.options.model_json_schema()["properties"]
    pairs = [
        st.tuples(st.just(name), st.one_of(ANY_JSON, st.sampled_from([*beyond(each), {"a": [1]}])))
        for name, each in sorted(properties.items())
    ]
    strange = st.tuples(st.text(min_size=1, max_size=8), ANY_JSON)
    return st.lists(st.one_of(*pairs, strange), min_size=1, max_size=2).map(dict)


def beyond(schema: Mapping[str, Any]) -> list[Any]:
    """Values just outside of what an option's schema allows."""
    ways = [one for one in schema.get("anyOf", (schema,)) if one.get("type") != "null"]
    found: list[Any] = []
    for one in ways:
        found += [one[name] + step for name, step in (("minimum", -1), ("maximum", 1)) if name in one]
        found += [one["exclusiveMinimum"]] if "exclusiveMinimum" in one else []
        found += ["x" * (one["maxLength"] + 1)] if "maxLength" in one else []
        found += [f"{one['enum'][0]}x"] if "enum" in one else []
    return found
