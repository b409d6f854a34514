"""Conditional and partial requests for one representation (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.utils.http import parse_http_date_safe

MAX_ASKED = 50  # ranges of one header that are looked at
MAX_PARTS = 10  # parts that are given
_SPACE = " \t"
_RANGE = re.compile(r"(?:(\d{1,18})[ \t]*-[ \t]*(\d{1,18})?|-[ \t]*(\d{1,18}))", re.ASCII)


class Unsatisfiable(Exception):
    """No byte of the range is there: 416."""


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `start + length - 1` of `size`."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def read_ranges(header: str, size: int) -> tuple[Span, ...]:
    """The parts that a header asks for, in their order in the file; what overlaps or touches is one part.

    None of them when it asks for all, makes no sense, or asks for so many parts that it can only be meant to do harm:
    then all is given. Raises Unsatisfiable.
    """
    unit, _, listed = header.partition("=")
    asked = [text for piece in listed.split(",", MAX_ASKED - 1) if (text := piece.strip(_SPACE))]
    if unit.strip(_SPACE).lower() != "bytes" or not asked:
        return ()
    wanted = []
    for text in asked:
        match = _RANGE.fullmatch(text)
        if match is None:  # the last one, too, when there are more than are looked at
            return ()
        first, last, suffix = (None if digits is None else int(digits) for digits in match.groups())
        if first is None:
            wanted.append((max(0, size - (suffix or 0)), size))
        elif last is None:
            wanted.append((first, size))
        elif first <= last:
            wanted.append((first, min(last + 1, size)))
        else:
            return ()  # RFC 9110, 14.1.1: invalid, and so ignored with all beside it
    parts = _merged([(start, end) for start, end in wanted if start < end])
    if not parts:
        raise Unsatisfiable
    return tuple(Span(start, end - start, size) for start, end in parts) if len(parts) <= MAX_PARTS else ()


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes as starts and ends that lie apart, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def is_meant(*, match: str, etag: str) -> bool:
    """Whether this representation is one that the client asks for by If-Match; when not: 412."""
    tags = [tag.strip() for tag in match.split(",")]
    return not match or "*" in tags or etag in tags


def is_unchanged(*, none_match: str, modified_since: str, etag: str, modified: datetime) -> bool:
    """Whether the client has this representation already: 304."""
    if none_match:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return "*" in tags or etag in tags
    since = parse_http_date_safe(modified_since) if modified_since else None
    return since is not None and int(modified.timestamp()) <= since


def is_same(*, if_range: str, etag: str, modified: datetime) -> bool:
    """Whether a part may be given to go with parts that the client has; a weak tag never fits."""
    if not if_range:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range.strip() == etag
    return parse_http_date_safe(if_range) == int(modified.timestamp())
