"""Conditional and partial requests for one representation (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.utils.http import parse_http_date_safe

_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})\s*-\s*(\d{1,18})?|-\s*(\d{1,18}))\s*", re.ASCII | re.IGNORECASE)


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


def read_range(header: str, size: int) -> Span | None:
    """The one range a header asks for. None when it asks for all, for several, or makes no sense: then all is given.

    Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header.strip())
    if not match:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        if length == 0:
            raise Unsatisfiable
        return Span(size - length, length, size)
    start = int(first)
    end = size - 1 if last is None else min(int(last), size - 1)
    if last is not None and int(last) < start:
        return None  # RFC 9110, 14.1.1: invalid, and so ignored
    if start >= size:
        raise Unsatisfiable
    return Span(start, end - start + 1, size)


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
