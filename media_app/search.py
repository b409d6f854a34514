"""Searching in what media are called and in what their files say: reads, of one project unless an operator asks.

Each term of a search is looked up by itself in the index of words, and a row of what is found counts when every term
found it: so the words of a search may stand in different files, and a long text may be indexed in parts. Where one of
the words is rare, the others are looked for in the few media alone that it finds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from ittyhost.errors import Invalid
from media_app.models import File, Media, SearchText
from media_app.selectors import media_in_order
from media_app.terms import MOST_WORDS, Term, as_match, as_tsquery, terms_of
from orgs_app.models import Project

RELEVANCE = "relevance"
FEW = 1_000  # passages that a rare word is found in, at most

_TABLE = SearchText._meta.db_table
_WHERE = {
    "postgresql": f'FROM "{_TABLE}" AS passage WHERE passage.words @@ %s::tsquery',
    # The planner would rather read the table and ask FTS5 about each row: CROSS JOIN is SQLite's word for this order.
    "sqlite": f'FROM "{_TABLE}_words" AS indexed CROSS JOIN "{_TABLE}" AS passage ON passage.id = indexed.rowid '
    f'WHERE "{_TABLE}_words" MATCH %s',
}
# Each passage of these media is read and looked at: `IS TRUE` keeps the index of words out of it.
_WITHIN_POSTGRESQL = (
    f'FROM "{_TABLE}" AS passage WHERE passage.media_id = ANY(%s) AND (passage.words @@ %s::tsquery) IS TRUE'
)
# FTS5 says quickly where a word stands and slowly whether it stands in one passage: all of its places are passed over,
# without the table.
_WITHIN_SQLITE = (
    f'FROM "{_TABLE}_words" AS indexed CROSS JOIN (WITH own AS MATERIALIZED (SELECT id, media_id, file_id, project_id, '
    f'weight FROM "{_TABLE}" WHERE media_id IN (SELECT value FROM json_each(%s))) SELECT * FROM own) AS passage '
    f'ON passage.id = indexed.rowid WHERE "{_TABLE}_words" MATCH %s'
)


@dataclass(frozen=True)
class Found:
    """The media of a project that a search finds. By relevance: where its words stand in names first, then in
    descriptions, then in what heads parts of it, then in what is said; of equals the newest. Or by a time of the media.
    """

    project: Project
    terms: tuple[Term, ...]
    kind: str = ""
    sort: str = RELEVANCE  # or created, updated

    def keys(self, start: int, end: int, *, descending: bool = True) -> tuple[list[str], int]:
        """The ids of those from `start` to `end`, the first in order or the last when not `descending`; and how many
        there are in all, 0 where there are none from `start` on."""
        if not self._finds:
            return [], 0
        sign = "DESC" if descending else "ASC"
        by = "found.best" if self.sort == RELEVANCE else f"media.{self.sort}"
        within = _few(self.terms, self.project.pk) if len(self.terms) > 1 else None
        if within == []:
            return [], 0
        sql, params = self._sql(within)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT found.place, COUNT(*) OVER () {sql} ORDER BY {by} {sign}, found.place {sign} "
                "LIMIT %s OFFSET %s",
                [*params, end - start, start],
            )
            rows = cursor.fetchall()
        return [place for place, _ in rows], rows[0][1] if rows else 0

    def rows(self, keys: Sequence[str]) -> list[Media]:
        """The media of these ids, in their order and with their files; without those that are gone by now."""
        return media_in_order(project=self.project, ids=keys)

    def signature(self) -> str:
        return f"search {self.project.pk} {self.kind} {self.sort} {self.terms!r}"

    @property
    def _finds(self) -> bool:  # without its id, a project that was just deleted would have everybody's words
        return bool(self.project.pk) and any(not term.excluded for term in self.terms)

    def _sql(self, within: list[str] | None) -> tuple[str, list[Any]]:
        found, params = _matching("media_id", self.terms, self.project.pk, within)
        sql = f"FROM ({found}) AS found"
        if self.kind or self.sort != RELEVANCE:
            sql += f' INNER JOIN "{Media._meta.db_table}" AS media ON media.id = found.place'
        if self.kind:
            sql, params = f"{sql} WHERE media.kind = %s", [*params, self.kind]
        return sql, params


def media_search(*, project: Project, search: str, kind: str = "", sort: str = RELEVANCE) -> Found:
    """What a search finds among the media of a project, in the order of `sort`: RELEVANCE, created or updated. Nothing
    where it has no word. Raises Invalid for too many."""
    if len(search.split()) > MOST_WORDS:
        raise Invalid(f"search may have at most {MOST_WORDS} words.", param="search")
    return Found(project, terms_of(search), kind, sort)


def media_matching(queryset: QuerySet[Media], search: str) -> QuerySet[Media]:
    """Of these media, whosever they are, those that a search finds."""
    return _narrowed(queryset, "media_id", search)


def file_matching(queryset: QuerySet[File], search: str) -> QuerySet[File]:
    """Of these files, whosever they are, those that say what is searched for."""
    return _narrowed(queryset, "file_id", search)


def _narrowed(queryset: QuerySet[Any], column: str, search: str) -> QuerySet[Any]:
    terms = terms_of(" ".join(search.split()[:MOST_WORDS]))
    if all(term.excluded for term in terms):
        return queryset.none()
    found, params = _matching(column, terms, None)
    return queryset.filter(pk__in=RawSQL(f"SELECT found.place FROM ({found}) AS found", params))


def _few(terms: tuple[Term, ...], project_id: str) -> list[str] | None:
    """The media in which the rarest of the words is found; None where each is found in many."""
    wanted = [term for term in terms if not term.excluded]
    for term in sorted(
        wanted, key=lambda term: (term.begins, -max(map(len, term.words)))
    ):  # long ones are rarer, mostly
        where, given = _place(term, project_id, None)
        with connection.cursor() as cursor:
            sql = f"SELECT passage.media_id {where} AND passage.media_id IS NOT NULL LIMIT %s"
            cursor.execute(sql, [*given, FEW + 1])
            found = [place for (place,) in cursor.fetchall()]
        if len(found) <= FEW:
            return sorted(set(found))
    return None


def _matching(
    column: str, terms: tuple[Term, ...], project_id: str | None, within: list[str] | None = None
) -> tuple[str, list[Any]]:
    """SQL of the ids of one column for which every term finds a passage, and none that is excluded, as `place`; as
    `best` how well they fit, by the best passage of each term. Of media outside `within` nothing is looked at."""
    parts, given = [], []
    for term in terms:
        best, finds = ("0", "-1000") if term.excluded else ("MAX(passage.weight)", "1")
        where, values = _place(term, project_id, within)
        parts.append(
            f"SELECT passage.{column} AS place, {best} AS best, {finds} AS finds {where} "
            f"AND passage.{column} IS NOT NULL GROUP BY passage.{column}"
        )
        given += values
    if len(parts) == 1:
        return parts[0], given
    wanted = sum(not term.excluded for term in terms)
    sql = (
        f"SELECT part.place, SUM(part.best) AS best FROM ({' UNION ALL '.join(parts)}) AS part "
        f"GROUP BY part.place HAVING SUM(part.finds) = {wanted}"
    )
    return sql, given


def _place(term: Term, project_id: str | None, within: list[str] | None) -> tuple[str, list[Any]]:
    """SQL from FROM on: the passages that a term finds, as `passage`."""
    is_postgresql = connection.vendor == "postgresql"
    asked = (as_tsquery if is_postgresql else as_match)(term, project_id)
    own, owner = (" AND passage.project_id = %s", [project_id]) if project_id else ("", [])
    if within is None:
        return _WHERE[connection.vendor] + own, [asked, *owner]
    if is_postgresql:
        return f"{_WITHIN_POSTGRESQL}{own}", [within, asked, *owner]
    return f"{_WITHIN_SQLITE}{own}", [json.dumps(within), asked, *owner]
