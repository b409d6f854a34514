"""Kinds of index that Django lacks."""

from typing import Any

from django.db import models
from django.db.models.expressions import OrderBy


class NullsLastIndex(models.Index):
    """An index for an order that puts rows without a value last.

    SQLite has no such indexes and needs none: it reads the NULLs of a plain one separately.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if schema_editor.connection.vendor != "sqlite":
            return super().create_sql(model, schema_editor, using, **kwargs)
        plain = models.Index(fields=[_plain(part) for part in self.expressions], name=self.name)
        return plain.create_sql(model, schema_editor, using, **kwargs)


def _plain(part: Any) -> str:
    """`F("size").desc(…)` as `-size`."""
    if isinstance(part, OrderBy):
        return f"{'-' if part.descending else ''}{_plain(part.expression)}"
    return str(part.name)
