"""Look-ups that every request makes, compiled once.

Django builds a query's SQL anew each time. For a row that is found by an index that takes five times as long as the
answer; here the ORM still decides what the SQL is and how rows become objects, but it decides once.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """`build` makes the queryset from as many values as are looked up; it may follow foreign keys by select_related.

    The values must reach the SQL as they are and in their order, as texts and numbers do in `=` and `IN`.
    """

    def __init__(self, build: Callable[[Sequence[str]], QuerySet[M]]) -> None:
        self._build = build
        self._plans: dict[int, _Plan] = {}

    def first(self, values: Sequence[str]) -> M | None:
        """Any row that fits, with what it follows; None when there is none."""
        plan = self._plans.get(len(values))
        if plan is None:
            plan = self._plans[len(values)] = _Plan(self._build, len(values))
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, values)
            row = cursor.fetchone()
        return None if row is None else plan.read(row)


class _Plan:
    """The SQL for a number of values, and what turns its rows into objects."""

    def __init__(self, build: Callable[[Sequence[str]], QuerySet[Any]], number: int) -> None:
        marks = [f"value {index}" for index in range(number)]
        self._compiler = build(marks).query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, parameters = self._compiler.as_sql()
        if list(parameters) != marks:
            raise ValueError("A prepared look-up takes its values as they are and in their order, and no others.")
        columns: Any = self._compiler.select
        info: Any = self._compiler.klass_info
        self._model = info["model"]
        self._converters = self._compiler.get_converters([column[0] for column in columns])
        self._own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        self._names = [column[0].target.attname for column in columns[self._own]]
        populators: Any = get_related_populators  # as Django 5.2 has it; the stubs are of a later one
        self._followed = populators(info, columns, DEFAULT_DB_ALIAS)

    def read(self, row: Any) -> Any:
        (values,) = self._compiler.apply_converters([row], self._converters)
        found = self._model.from_db(DEFAULT_DB_ALIAS, self._names, values[self._own])
        for populator in self._followed:
            populator.populate(values, found)
        return found
