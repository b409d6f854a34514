"""The base of every table: ids that sort by time, and when a row was made and changed."""

import secrets
import string
import time
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase  # in ASCII order, so that ids sort by time
ID_LENGTH = 16
TIME_DIGITS = 8  # milliseconds since 1970 in base 62 fit until the year 8800
_CHARACTERS = frozenset(ALPHABET)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = ALPHABET[digit] + text
    return text


def new_id() -> str:
    """A fresh id: 16 base-62 characters; the first 8 are its millisecond, the rest is random (47 bits)."""
    return _base62(time.time_ns() // 1_000_000, TIME_DIGITS) + _base62(
        secrets.randbelow(62 ** (ID_LENGTH - TIME_DIGITS)), ID_LENGTH - TIME_DIGITS
    )


def first_id(moment: datetime) -> str:
    """What no id of that moment or later is less than, and every earlier one is."""
    return _base62(max(0, int(moment.timestamp() * 1000)), TIME_DIGITS) + ALPHABET[0] * (ID_LENGTH - TIME_DIGITS)


def parse_id(text: object, *prefixes: str) -> str | None:
    """The bare id in `med_…`; None when the text is not an id with one of these prefixes."""
    if not isinstance(text, str):
        return None
    prefix, _, bare = text.rpartition("_")
    if prefix not in prefixes or len(bare) != ID_LENGTH or not _CHARACTERS.issuperset(bare):
        return None
    return bare


class IdField(models.CharField):
    """A bare id. It is compared byte by byte, whatever the database's language: only so ids sort by time."""

    def db_parameters(self, connection: Any) -> Any:
        collation = {"collation": "C"} if connection.vendor == "postgresql" else {}  # SQLite has no other way
        return {**super().db_parameters(connection), **collation}


class Record(models.Model):
    """A row with an id that sorts by time. `prefix` is what the id is written with outside: `med_…`."""

    prefix: ClassVar[str]

    id = IdField(primary_key=True, max_length=ID_LENGTH, default=new_id, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now, editable=False, help_text="Last change that users can see.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The id as it is written outside: the prefix, an underscore, the bare id."""
        return f"{self.prefix}_{self.pk}"
