"""Pages of lists: reading `page`, `limit`, `sort`, `order` and filters, and counting without reading a whole table."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db.models import F, QuerySet
from django.http import QueryDict

from ittyhost.api.versions import PageInfo, Version
from ittyhost.errors import Invalid

EXACT_TOTAL = 10_000  # totals up to here are counted each time
TOTAL_SECONDS = 10  # beyond, the count is kept this long
FIRST = 500  # of what is found are kept as long
DEEP = 500  # rows before a page from which on they are passed over in the index alone
MAX_PAGE = 100_000_000
ORDERS = ("desc", "asc")
SORTS: Mapping[str, str] = {"created": "created", "updated": "updated"}


def parameter(params: QueryDict, name: str) -> str | None:
    """What a query gives for a parameter; None when it does not. Raises Invalid when it is given twice: which of the
    two counts, clients and the servers on the way here may see differently."""
    given = params.getlist(name)
    if len(given) > 1:
        raise Invalid(f"{name} must be given once, not {len(given)} times.", param=name)
    return given[0] if given else None


@dataclass(frozen=True)
class Filter:
    """A query parameter that narrows a list. `choices` maps each word a client may use to what the selector takes;
    a function where they are known only later. Without choices any text of up to 200 characters passes."""

    name: str
    choices: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None
    description: str = ""

    def words(self) -> Mapping[str, Any] | None:
        return self.choices() if callable(self.choices) else self.choices

    def schema(self) -> dict[str, Any]:
        """What may be given, for OpenAPI."""
        words = self.words()  # an empty text asks for nothing
        return {"type": "string", "enum": list(words)} if words else {"type": "string", "maxLength": 200}

    def read(self, params: QueryDict) -> Any:
        """What the selector takes; None when the parameter is not given. Raises Invalid naming the words allowed."""
        given = parameter(params, self.name)
        if not given:  # `?kind=` asks for nothing
            return None
        words = self.words()
        if words is None:
            if not given or len(given) > 200 or "\0" in given:
                raise Invalid(f"{self.name} must have 1 to 200 characters.", param=self.name)
            return given
        if given not in words:
            raise Invalid(f"{self.name} must be one of {', '.join(words)}.", param=self.name)
        return words[given]


@dataclass(frozen=True)
class PageRequest:
    """What a client asked of a list: which page of how many rows, sorted by what."""

    number: int
    limit: int
    sort: str
    descending: bool

    @classmethod
    def read(cls, params: QueryDict, version: Version, sorts: Mapping[str, str] = SORTS) -> "PageRequest":
        """Raises Invalid, naming the parameter that is out of its bounds."""
        sort = _word(params, "sort", sorts)
        return cls(
            number=_integer(params, "page", 1, MAX_PAGE),
            limit=_integer(params, "limit", version.default_limit, version.max_limit),
            sort=sorts[sort],
            descending=_word(params, "order", ORDERS) == "desc",
        )


def _integer(params: QueryDict, name: str, default: int, high: int) -> int:
    given = parameter(params, name)
    if given is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise Invalid(f"{name} must be a whole number from 1 to {high}.", param=name)
    value = int(given)
    if not 1 <= value <= high:
        raise Invalid(f"{name} must be from 1 to {high}, not {value}.", param=name)
    return value


def _word(params: QueryDict, name: str, words: Iterable[str]) -> str:
    """The word given; the first of them when none is."""
    known = list(words)
    given = parameter(params, name)
    if given is None:
        return known[0]
    if given not in known:
        raise Invalid(f"{name} must be one of {', '.join(known)}.", param=name)
    return given


@dataclass(frozen=True)
class Page:
    """The rows of one page, and where it stands."""

    rows: list[Any]
    info: PageInfo


def paginate(queryset: QuerySet, wanted: PageRequest) -> Page:
    """One page of a queryset. Past the end it is empty."""
    start = (wanted.number - 1) * wanted.limit
    ordered = queryset.order_by(*ordering(queryset, wanted))
    rows = list(ordered[: wanted.limit]) if start == 0 else []
    if start == 0 and len(rows) < wanted.limit:  # all there are: nothing is left to count
        return Page(rows, PageInfo(number=1, limit=wanted.limit, total=len(rows)))
    total = count(queryset)
    # A total that is kept may lag behind; what is far past it is past the end all the same.
    end = total if total <= EXACT_TOTAL else total + EXACT_TOTAL
    if 0 < start < end:
        rows = _rows(ordered, start, start + wanted.limit)
    return Page(rows, PageInfo(number=wanted.number, limit=wanted.limit, total=total))


class Ranked(Protocol):
    """Rows that are found by more than an index in their order: all are found before the first is known."""

    def keys(self, start: int, end: int, *, descending: bool) -> tuple[list[Any], int]:
        """The keys of those from `start` to `end`, and how many there are in all: 0 where there are none from `start`
        on."""
        ...

    def rows(self, keys: Sequence[Any]) -> list[Any]:
        """The rows of these keys, in their order."""
        ...

    def signature(self) -> str:
        """The same for what finds the same."""
        ...


def paginate_ranked(found: Ranked, wanted: PageRequest) -> Page:
    """One page of what is found. Past the end it is empty. Where it is many, they and their number may be TOTAL_SECONDS
    old."""
    start = (wanted.number - 1) * wanted.limit
    end = start + wanted.limit
    first, total = _first(found, descending=wanted.descending)
    keys = first[start:end]
    if end > FIRST and start < total:
        keys, _ = found.keys(start, end, descending=wanted.descending)
    return Page(found.rows(keys), PageInfo(number=wanted.number, limit=wanted.limit, total=total))


def _first(found: Ranked, *, descending: bool) -> tuple[list[Any], int]:
    """The keys of the first of those that are found, and how many are; kept for a while where they are many."""
    name = _cached(f"{found.signature()} {descending}")
    known: tuple[list[Any], int] | None = cache.get(name)
    if known is not None:
        return known
    first, total = found.keys(0, FIRST, descending=descending)
    if total > EXACT_TOTAL:
        cache.set(name, (first, total), TOTAL_SECONDS)
    return first, total


def _rows(ordered: QuerySet, start: int, end: int) -> list[Any]:
    """The rows from `start` to `end`.

    A database makes every row that it passes over, with all that is joined to it: deep in a list only their keys are
    passed over, and the page is read by its keys.
    """
    if start < DEEP:
        return list(ordered[start:end])
    keys = ordered.select_related(None).prefetch_related(None).values_list("pk", flat=True)[start:end]
    return list(ordered.filter(pk__in=list(keys)))


def ordering(queryset: QuerySet, wanted: PageRequest) -> list[Any]:
    """What to order by: rows without a value come last, rows of equal value by their id, which has one order only."""
    sign = "-" if wanted.descending else ""
    if not queryset.model._meta.get_field(wanted.sort).null:  # the plain form, which an ordinary index serves
        return [f"{sign}{wanted.sort}", f"{sign}pk"]
    field = F(wanted.sort)
    return [field.desc(nulls_last=True) if wanted.descending else field.asc(nulls_last=True), f"{sign}pk"]


def count(queryset: QuerySet) -> int:
    """How many rows: exactly up to EXACT_TOTAL; beyond, the number may be TOTAL_SECONDS old."""
    bare = queryset.order_by()
    try:
        sql, params = bare.query.sql_with_params()
    except EmptyResultSet:
        return 0
    return _counted(f"{sql} {params!r}", lambda most: (bare if most is None else bare[:most]).count())


def _counted(signature: str, count: Callable[[int | None], int]) -> int:
    """What `count` counts, given how many at most; a number that was large is kept for a while."""
    name = _cached(signature)
    known: int | None = cache.get(name)
    if known is not None:
        return known
    total = count(EXACT_TOTAL + 1)
    if total > EXACT_TOTAL:
        total = count(None)
        cache.set(name, total, TOTAL_SECONDS)
    return total


def _cached(signature: str) -> str:
    return "total:" + hashlib.sha256(signature.encode()).hexdigest()
