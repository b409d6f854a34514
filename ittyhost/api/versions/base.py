"""What a version of the API decides for every resource: envelope, links, status of a creation, form of an error."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from ittyhost.api.calls import Call
from ittyhost.api.schemas import Schema


@dataclass(frozen=True)
class Problem:
    """A refusal on its way out. `param` is the field at fault, `headers` what belongs to the status, as Retry-After."""

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PageInfo:
    """Where a page of a list stands. `number` counts from 1; `pages` is 0 for an empty list."""

    number: int
    limit: int
    total: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.limit)

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None

    @property
    def previous(self) -> int | None:
        """The page before; for a page past the end, the last one that holds anything."""
        return min(self.number - 1, self.pages) or None


@dataclass(frozen=True)
class Answer:
    """What goes out: body (JSON-able), status, headers."""

    body: Any
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Version(ABC):
    """One dated version. Subclasses say how bodies are wrapped; instances carry the dates that wear that wrapping."""

    created_status: ClassVar[int]
    default_limit: ClassVar[int]
    max_limit: ClassVar[int] = 100
    list_headers: ClassVar[dict[str, str]] = {}  # headers that lists have beside the common ones, and what they say

    def __init__(self, name: str, *, aliases: tuple[str, ...] = (), shapes: str | None = None) -> None:
        self.name = name
        self.aliases = aliases
        # The module in each app's `api/shapes/`. A date that only wraps differently names that of another version.
        self.shapes = shapes or f"v{name.replace('-', '_')}"

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def object(self, call: Call, data: Any, *, status: int, path: str, parent: str | None) -> Answer:
        """One object. `path` and `parent` are where it and its list are found, without the host."""

    @abstractmethod
    def list(self, call: Call, data: list[Any], page: PageInfo) -> Answer:
        """One page of a list."""

    @abstractmethod
    def error(self, call: Call, problem: Problem) -> Answer:
        """A refusal, or a bug."""

    @abstractmethod
    def object_schema(self, data: Schema) -> Schema:
        """The schema of an answer around that of its data."""

    @abstractmethod
    def list_schema(self, item: Schema) -> Schema:
        """The schema of a page around that of one item."""

    @abstractmethod
    def error_schema(self) -> Schema:
        """The schema of every error."""


def page_path(call: Call, number: int) -> str:
    """The path of another page of the same list: the other query parameters stay as they are."""
    others = [(name, value) for name, value in parse_qsl(call.query, keep_blank_values=True) if name != "page"]
    return f"{call.path}?{urlencode([*others, ('page', str(number))])}"
