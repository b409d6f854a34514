"""What every kind's options begin with, and types that several share: how they are read, checked and described."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from workers.formats import ARTICLES, FORMATS, find_format, format_named, writable
from workers.languages import language_code, language_tag

EDGE = 8192  # pixels
QUALITIES = {"very_low": 40, "low": 60, "medium": 80, "high": 90, "very_high": 95}
DEFAULT_QUALITY = 80
QUALITY = (
    f"0 (smallest) to 100 (best), or a name: {', '.join(f'{name} ({value})' for name, value in QUALITIES.items())}. "
    f"{DEFAULT_QUALITY} when not given."
)
_NUMBER = r"[0-9]{1,5}(?:\.[0-9]{1,6})?"
_DIGITS = re.compile(r"[0-9]{1,6}")
_HEX = re.compile(r"#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SIDES = {"left": (0, 0.0), "right": (0, 1.0), "top": (1, 0.0), "bottom": (1, 1.0)}
_MIDDLE = {"center", "centre", "middle"}


def _pixels(least: int, example: str) -> Any:
    """The type of an option that is pixels from `least` on, or a percentage of something: of nothing less than the
    pixels may be."""
    sign = "-?" if least < 0 else ""
    percent, pixels = re.compile(rf"({sign}{_NUMBER}) ?%"), re.compile(rf"{sign}[0-9]{{1,6}}(?:px)?")

    def check(value: Any) -> Any:
        problem = ValueError(
            f'must be a whole number of pixels from {least} to {EDGE}, or a percentage such as "{example}"'
        )
        if value is None:
            return None
        if isinstance(value, str):
            text = value.strip()
            if found := percent.fullmatch(text):
                share = float(found[1])
                if abs(share) > 10_000 or (least > 0 and not share):
                    raise problem
                return f"{found[1]}%"
            if not pixels.fullmatch(text):
                raise problem
            value = int(text.removesuffix("px"))
        if not _whole(value) or not least <= value <= EDGE:
            raise problem
        return int(value)

    schema = {
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": EDGE},
            {"type": "string", "pattern": rf"^{sign}\d+(\.\d+)? ?%?$"},
        ]
    }
    return Annotated[int | str | None, BeforeValidator(check), WithJsonSchema(schema)]


def pixels_of(value: int | str, whole: int) -> int:
    """A length in pixels: as it is, or that percentage of `whole`, to the nearest pixel."""
    if isinstance(value, str):
        return round(Fraction(value.removesuffix("%")) * whole / 100)
    return value


def _whole(value: Any) -> bool:
    """Whether this is a whole number: JSON does not tell 640 from 640.0."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _quality(value: Any) -> Any:
    problem = ValueError(f"must be a whole number from 0 to 100, or one of {', '.join(QUALITIES)}")
    if value is None:
        return None
    if isinstance(value, str):
        name = re.sub(r"[\s-]+", "_", value.strip().lower())
        if name in QUALITIES:
            return name
        if not _DIGITS.fullmatch(name):
            raise problem
        value = int(name)
    if not _whole(value) or not 0 <= value <= 100:
        raise problem
    return int(value)


def _position(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        words = re.sub(r"[\s_-]+", " ", value.strip().lower()).split()
        words = [part for word in words for part in _split(word)]
        sides = [word for word in words if word in _SIDES]
        axes = [_SIDES[word][0] for word in sides]
        known = 1 <= len(words) <= 2 and all(word in _SIDES or word in _MIDDLE for word in words)
        if known and len(set(axes)) == len(axes):
            return "-".join(sorted(sides, key=lambda word: -_SIDES[word][0])) or "center"
    raise ValueError("must be center, top, bottom, left, right or a corner such as top-left")


def _split(word: str) -> list[str]:
    """topleft is top left."""
    for side in ("top", "bottom"):
        if word.startswith(side) and word != side:
            return [side, word.removeprefix(side)]
    return [word]


def anchor(position: str | None) -> tuple[float, float]:
    """A position as (x, y): 0 is left or top, 1 right or bottom, 0.5 the middle."""
    place = [0.5, 0.5]
    for word in (position or "center").split("-"):
        if word in _SIDES:
            axis, where = _SIDES[word]
            place[axis] = where
    return place[0], place[1]


def _color(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "transparent":
            return "#00000000"
        if found := _HEX.fullmatch(text):
            digits = found[1]
            return "#" + ("".join(digit * 2 for digit in digits) if len(digits) < 6 else digits)
    raise ValueError("must be a hex colour such as #ff8800")


def rgba(color: str | None) -> tuple[int, int, int, int] | None:
    """A checked hex colour as four numbers, 0 to 255."""
    if color is None:
        return None
    digits = color.removeprefix("#").ljust(8, "f")
    red, green, blue, alpha = (int(digits[place : place + 2], 16) for place in range(0, 8, 2))
    return red, green, blue, alpha


def _fit(value: Any) -> Any:
    if value is None:
        return "fill"
    return value.strip().lower() if isinstance(value, str) else value


def _language_option(read: Callable[[str], str | None], named: str) -> Any:
    """The type of an option that is a language, as `read` reads it; None, "" and auto leave it to be found out."""

    def check(value: Any) -> Any:
        if value is None or (isinstance(value, str) and value.strip().lower() in ("", "auto")):
            return None
        found = read(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"must be a language {named}")
        return found

    return Annotated[str | None, BeforeValidator(check)]


def _tag(text: str) -> str | None:
    tag = language_tag(text.strip())
    return tag if tag and language_code(tag) else language_code(text)


Language = _language_option(language_code, "by its code of ISO 639-1, such as en, or by its English name")
# With its region, where that is told.
LanguageTag = _language_option(_tag, "tag such as en or pt-BR, or a language by its English name")
# From how sure on something is told.
Confidence = Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]


def any_case(names: Mapping[str, str] | None = None) -> BeforeValidator:
    """Reads a word of an option in any case, or another name of it out of `names`."""

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        name = value.strip().lower()
        return (names or {}).get(name, name)

    return BeforeValidator(check)


def format_option(media_type: str, only: tuple[str, ...] | None = None) -> Any:
    """The type of a `format` option: any name, alias or extension of what can be written, or of `only` these."""
    names = only or writable(media_type)

    def check(value: Any) -> Any:
        if value is None:
            return None
        found = find_format(value) if isinstance(value, str) else None
        if found is None or found.name not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        # A name stands for itself before it stands for an extension: "aac" and "alac" share m4a.
        return found.name

    return Annotated[str | None, BeforeValidator(check), WithJsonSchema({"type": "string", "enum": list(names)})]


def _clean_name(value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if not value or value in (".", "..") or "/" in value or "\\" in value or _has_hidden(value):
        raise ValueError("must be a file name without slashes, control characters or spaces around it")
    return value


def _has_hidden(text: str) -> bool:
    """Whether a name holds what would not be seen of it in a log or a list. Callers may be stricter."""
    return text != text.strip() or any(unicodedata.category(character) in _HIDDEN for character in text)


def check_extension(filename: str, media_type: str) -> None:
    """Raise ValueError when the name ends as some other type of file does; endings that say nothing are fine."""
    found = format_named(filename)
    if found is None or (found.media_type == media_type and found.write):
        return
    ending = filename.rpartition(".")[2].lower()
    words = "is not written" if found.media_type == media_type else f"is {ARTICLES[found.media_type]}"
    known = ", ".join(dict.fromkeys(f".{FORMATS[name].extension}" for name in writable(media_type)))
    way_out = f"use {known}, or leave" if known else "leave"
    raise ValueError(f"must not end in .{ending}, which {words}: {way_out} the extension out")


def _clean_folder(value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    folder = value.strip("/")
    parts = folder.split("/") if folder else []
    if any(part in ("", ".", "..") or "\\" in part or _has_hidden(part) for part in parts):
        raise ValueError("must be a path such as clips/2025, without empty parts, dots or spaces around a part")
    return folder


Extent = _pixels(1, "50%")
# A distance, and a place that may lie outside: pixels, or a percentage of something.
Length = _pixels(0, "5%")
Offset = _pixels(-EDGE, "5%")
Fit = Annotated[Literal["fill", "cover", "contain"], BeforeValidator(_fit)]
Position = Annotated[str | None, BeforeValidator(_position), WithJsonSchema({"type": "string"})]
Color = Annotated[
    str | None, BeforeValidator(_color), WithJsonSchema({"type": "string", "pattern": "^#?[0-9a-fA-F]{3,8}$"})
]
Quality = Annotated[
    int | str | None,
    BeforeValidator(_quality),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 100}, {"type": "string", "enum": list(QUALITIES)}]}
    ),
]
Seconds = Annotated[float | None, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
Filename = Annotated[str | None, Field(max_length=255), BeforeValidator(_clean_name)]
Folder = Annotated[str | None, Field(max_length=1000), BeforeValidator(_clean_folder)]


# Another file that the work needs. The engine only passes it on; whoever hands a source in knows what it names.
FileRef = Annotated[
    str,
    Field(min_length=1, max_length=2048),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2048, "examples": ["https://example.com/logo.png"]}),
]


class Options(BaseModel):
    """What a caller may say about an output. Unknown names are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    # Names the contract lists everywhere: accepted and echoed, without meaning for a kind that does not use them.
    echoed: ClassVar[frozenset[str]] = frozenset({"description", "label", "input", "speakers"})

    # The media type of what is made, where a filename's extension must agree with it.
    makes: ClassVar[str | None] = None

    filename: Filename = Field(None, description="Name of the file made; its extension may choose the format.")
    folder: Folder = Field(None, description="Folder the file is delivered from.")
    ref: str | None = Field(None, max_length=100, description="A name of your own for the file.")
    description: str | None = Field(None, max_length=10_000, description="Echoed.")
    label: str | None = Field(None, max_length=200, description="Echoed.")
    input: Any = Field(None, description="Echoed.")
    speakers: bool | int | None = Field(None, description="Echoed.")

    @field_validator("filename")
    @classmethod
    def _extension_agrees(cls, filename: str | None) -> str | None:
        if filename and cls.makes:
            check_extension(filename, cls.makes)
        return filename

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        """Other files that the options name: (option, id or URL) for each."""
        return ()

    @staticmethod
    def takes(option: str) -> str:
        """What the file that such an option names must be: an "image" for a layer, else "text", of subtitles."""
        return "image" if option.startswith("layers.") else "text"


def quality_number(quality: int | str | None) -> int:
    """0 to 100, by number or name; the default when not given."""
    if quality is None:
        return DEFAULT_QUALITY
    return QUALITIES[quality] if isinstance(quality, str) else quality


CURVE = (0, 40, 60, 80, 90, 95, 100)


def on_curve(values: tuple[int, ...], quality: int) -> float:
    """A setting of an encoder at `quality`, from its values at the qualities of CURVE, by straight lines."""
    for (low, high), (first, second) in zip(pairwise(CURVE), pairwise(values), strict=True):
        if quality <= high:
            return first + (second - first) * (quality - low) / (high - low)
    return values[-1]


_SENTENCES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_long": "must be at most {max_length} characters",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "bool_type": "must be true or false",
    "literal_error": "must be {expected}",
    "missing": "is required",
}


def option_errors(error: ValidationError) -> list[tuple[str, str]]:
    """(option, sentence) for each option that a check refused; each sentence names the option and the way out.

    An option within others is named by its path: `layers.0.font_size`.
    """
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        name, within = _option_path(item["loc"], item["type"])
        found.setdefault(name, _sentence(name, within, item["type"], item.get("ctx", {}), item["msg"]))
    return list(found.items())


_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TYPES = frozenset({"int", "float", "str", "bool", "none", "list", "dict", "tuple"})


def _option_path(loc: tuple[int | str, ...], kind: str) -> tuple[str, str]:
    """The path as it was written, and what it lies in: pydantic puts types and tags of alternatives between."""
    path = list(loc)
    own = [str(path.pop())] if kind == "extra_forbidden" and path else []  # chosen by the caller: any text
    tags = [step for step in path if isinstance(step, str) and " " in step]
    steps = [
        str(step)
        for place, step in enumerate(path)
        if isinstance(step, int) or not place or (_NAME.fullmatch(step) and step not in _TYPES)
    ]
    return ".".join([*steps, *own]) or "options", tags[-1] if tags else "this kind" if not steps else "what it is in"


def _sentence(name: str, within: str, kind: str, context: dict[str, Any], message: str) -> str:
    if kind == "extra_forbidden":
        return f"{name} is not an option of {within}."
    if kind == "value_error":
        return f"{name} {context['error']}."
    if kind in _SENTENCES:
        numbers = {
            key: int(value) if isinstance(value, float) and value == int(value) else value
            for key, value in context.items()
        }
        return f"{name} {_SENTENCES[kind].format(**numbers)}."
    return f"{name}: {message}."
