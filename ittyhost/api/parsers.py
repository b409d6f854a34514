"""Reading a JSON body: bounded, strict, and free of what no database or header could hold."""

import json
import math
from typing import IO, Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from ittyhost.errors import Invalid, LengthRequired, PayloadTooLarge

MAX_DEPTH = 32
MAX_NAME = 500  # characters of a name in an object
MAX_TEXT = 100_000  # characters of any text; fields have their own, narrower bounds
MAX_VALUES = 10_000  # names' values and items of arrays, all together
MAX_INTEGER = 2**63 - 1
CHUNK = 64 * 1024
_GONE = object()


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The whole body, with or without a Content-Length. Raises PayloadTooLarge, LengthRequired, Invalid."""
    if hasattr(request, "_body"):
        return request.body
    too_large = PayloadTooLarge(f"The body must be at most {limit} bytes.")
    raw = request.META.get("CONTENT_LENGTH") or ""
    if raw:
        # int() also reads signs, spaces, underscores and other scripts' digits.
        if not (raw.isascii() and raw.isdigit()):
            raise Invalid("Content-Length must be a whole number.", param="Content-Length")
        length = int(raw)
        if length > limit:
            raise too_large
        body = _read(request, length)
        if len(body) < length:
            raise Invalid(f"The body ended after {len(body)} of {length} bytes. Send it again.")
    elif "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        if not request.META.get("wsgi.input_terminated"):
            raise LengthRequired("Send the body with a Content-Length.")
        body = _read(request.META["wsgi.input"], limit + 1)
        if len(body) > limit:
            raise too_large
    else:
        body = b""
    request._body = body  # where Django keeps it: request.body works from here on
    return body


def _read(stream: IO[bytes] | HttpRequest, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        try:
            part = stream.read(min(size, CHUNK))
        except OSError as exc:
            raise Invalid("The connection broke before the body was whole. Send it again.") from exc
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_json(body: bytes) -> Any:
    """The value a body holds. Raises Invalid: not JSON, not UTF-8, a name twice in one object, too deep or too much, or
    with a NUL or half a surrogate pair."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_each_name_once)
    except UnicodeDecodeError as exc:
        raise Invalid(f"The body must be UTF-8; byte {exc.start} is not.") from exc
    except json.JSONDecodeError as exc:
        problem = exc.msg[:1].lower() + exc.msg[1:]
        raise Invalid(f"The body is not valid JSON: {problem} at line {exc.lineno}, column {exc.colno}.") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise Invalid("The body holds a number that is too large.") from exc
    _check(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Invalid(f"The body is not valid JSON: {name} is not a JSON value.")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two values counts; readers on the way here may have taken the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        left = dict(pairs)
        twice = next(name for name, _ in pairs if left.pop(name, _GONE) is _GONE)
        _check_name(twice, None)
        raise Invalid(f"The body holds the name {twice!r} twice in one object. Leave one of them out.", param=twice)
    return found


def _too_deep() -> Invalid:
    return Invalid(f"The body is nested too deeply: at most {MAX_DEPTH} levels are read.")


# Where a value stands: the place around it, and its name or index there. Written out only when it is refused, as a
# body of a megabyte has hundreds of thousands of places.
Place = tuple["Place", str | int] | None


def _check(value: Any) -> None:
    """Refuse what Python's reader lets through and a database, a URL or an answer could not hold."""
    rest: list[tuple[Any, int, Place]] = [(value, 1, None)]
    seen = 0
    while rest:
        item, depth, place = rest.pop()
        if isinstance(item, dict | list):
            seen += len(item)
            if seen > MAX_VALUES:
                raise Invalid(f"The body holds too much: at most {MAX_VALUES} values are read.")
        match item:
            case str():
                _check_text(item, place)
            case bool() | None:
                pass
            case int() if abs(item) > MAX_INTEGER:
                raise _refused(place, "holds a number that is too large.")
            case float() if not math.isfinite(item):
                raise _refused(place, "holds a number that is too large.")
            case dict() | list() if depth > MAX_DEPTH:
                raise _too_deep()
            case dict():
                for name, inner in item.items():
                    _check_name(name, place)
                    rest.append((inner, depth + 1, (place, name)))
            case list():
                rest.extend((inner, depth + 1, (place, index)) for index, inner in enumerate(item))


def _check_name(name: str, place: Place) -> None:
    if len(name) > MAX_NAME:
        raise _refused(place, f"holds a name of more than {MAX_NAME} characters.")
    _check_text(name, place)


def _check_text(text: str, place: Place) -> None:
    if len(text) > MAX_TEXT:
        raise _refused(place, f"holds a text of more than {MAX_TEXT} characters.")
    if text.isascii() and "\0" not in text:
        return
    if "\0" in text:
        raise _refused(place, "holds a NUL character. Leave it out.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused(place, "holds half of a surrogate pair, which is not a character.")


def _refused(place: Place, problem: str) -> Invalid:
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(str(name))
    path = ".".join(reversed(names))
    return Invalid(f"{path or 'The body'} {problem}", param=path or None)


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type says JSON. None and "" do: a body without a type can be nothing else here."""
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


class StrictJSONParser(BaseParser):
    """`read_json` for views that are not ProjectViews."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return read_json(stream.read())


class JSONRequest(Request):
    """A request whose `data` is the JSON object of its body; `{}` when the body is empty, whatever its Content-Type."""

    def _load_stream(self) -> None:
        self._stream: Any = read_body(self._request, settings.MAX_JSON_BYTES)

    def _parse(self) -> tuple[dict[str, Any], MultiValueDict]:
        body = self.stream
        if not body:
            return {}, MultiValueDict()
        if not is_json(self.content_type):
            raise UnsupportedMediaType(self.content_type)
        value = read_json(body)
        if not isinstance(value, dict):
            raise Invalid("The body must be a JSON object.")
        return value, MultiValueDict()
