"""Searching in what media are called and in what their files say: reads, of one project unless an operator asks.

Each term of a search is looked up by itself in the index of words, and a row of what is found counts when every term
found it: so the words of a search may stand in different files, and a long text may be indexed in parts.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from ittyhost.errors import Invalid
from media_app.models import File, Media, SearchText
from media_app.selectors import media_list
from media_app.terms import MOST_WORDS, Term, as_match, as_tsquery, terms_of
from orgs_app.models import Project

_TABLE = SearchText._meta.db_table
_WHERE = {
    "postgresql": f'FROM "{_TABLE}" AS passage WHERE passage.words @@ %s::tsquery',
    # The planner would rather read the table and ask FTS5 about each row: CROSS JOIN is SQLite's word for this order.
    "sqlite": f'FROM "{_TABLE}_words" AS indexed CROSS JOIN "{_TABLE}" AS passage ON passage.id = indexed.rowid '
    f'WHERE "{_TABLE}_words" MATCH %s',
}


@dataclass(frozen=True)
class Found:
    """The media of a project that a search finds: where its words stand in names first, then in descriptions, then in
    what heads parts of it, then in what is said; of equals the newest."""

    project: Project
    terms: tuple[Term, ...]
    kind: str = ""

    def rows(self, start: int, end: int, *, descending: bool = True) -> list[Media]:
        """Those from `start` to `end`, the best first, or the least when not `descending`; with their files."""
        if not self._finds:
            return []
        sign = "DESC" if descending else "ASC"
        sql, params = self._sql()
        with connection.cursor() as cursor:
            cursor.execute(
                f"{sql} ORDER BY SUM(found.best) {sign}, found.place {sign} LIMIT %s OFFSET %s",
                [*params, end - start, start],
            )
            ids = [row[0] for row in cursor.fetchall()]
        media = media_list(project=self.project).in_bulk(ids)
        return [media[id] for id in ids if id in media]

    def count(self, most: int | None = None) -> int:
        """How many there are; not more than `most` are counted."""
        if not self._finds:
            return 0
        sql, params = self._sql()
        limit, bound = ("", []) if most is None else (" LIMIT %s", [most])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({sql}{limit}) AS counted", [*params, *bound])
            return int(cursor.fetchone()[0])

    def signature(self) -> str:
        return f"search {self.project.pk} {self.kind} {self.terms!r}"

    def media(self) -> QuerySet[Media]:
        """All of them with their files, in no order yet."""
        media = media_list(project=self.project, kind=self.kind)
        return media.filter(pk__in=RawSQL(*self._sql())) if self._finds else media.none()

    @property
    def _finds(self) -> bool:
        return any(not term.excluded for term in self.terms)

    def _sql(self) -> tuple[str, list[Any]]:
        joined, params = "", []
        if self.kind:
            joined = f'INNER JOIN "{Media._meta.db_table}" AS media ON media.id = found.place AND media.kind = %s'
            params = [self.kind]
        return _matching("media_id", self.terms, self.project.pk, joined, params)


def media_search(*, project: Project, search: str, kind: str = "") -> Found:
    """What a search finds among the media of a project; nothing where it has no word. Raises Invalid for too many."""
    if len(search.split()) > MOST_WORDS:
        raise Invalid(f"search may have at most {MOST_WORDS} words.", param="search")
    return Found(project, terms_of(search), kind)


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
    return queryset.filter(pk__in=RawSQL(*_matching(column, terms, None, "", [])))


def _matching(
    column: str, terms: tuple[Term, ...], project_id: str | None, joined: str, params: list[Any]
) -> tuple[str, list[Any]]:
    """SQL of the ids of one column for which every term finds a passage, and none that is excluded; in `found.best`
    is how well each term fits, by the best passage."""
    vendor = connection.vendor
    written = as_tsquery if vendor == "postgresql" else as_match
    own = " AND passage.project_id = %s" if project_id else ""
    parts, given = [], []
    for term in terms:
        best, finds = ("0", "-1000") if term.excluded else ("MAX(passage.weight)", "1")
        parts.append(
            f"SELECT passage.{column} AS place, {best} AS best, {finds} AS finds {_WHERE[vendor]}{own} "
            f"GROUP BY passage.{column}"
        )
        given += [written(term, project_id), *([project_id] if project_id else [])]
    wanted = sum(not term.excluded for term in terms)
    sql = (
        f"SELECT found.place FROM ({' UNION ALL '.join(parts)}) AS found {joined} WHERE found.place IS NOT NULL "
        f"GROUP BY found.place HAVING SUM(found.finds) = {wanted}"
    )
    return sql, [*given, *params]
