"""docs/limits.md tells the numbers that the code has."""

from pathlib import Path

import pytest
from django.conf import settings

from ittyhost.api import idempotency as keys
from ittyhost.api import limits, paging, parsers
from media_app import metadata
from media_app.api import uploads
from media_app.services import names
from orgs_app import idempotency
from workers import layers
from workers.engine.limits import SETTINGS, names_of

PAGE = " ".join((Path(__file__).resolve().parent.parent / "docs/limits.md").read_text().split())
TOLD = (
    f"characters of a text over it | {layers.MOST} · {layers.MOST_CHARACTERS:,} |",
    "`RATE_LIMIT`, 100 a second",
    f"`RATE_BURST`, {settings.RATE_BURST} |",
    f"1 to {keys.MAX_KEY} printable ASCII",
    f"For {idempotency.KEPT.total_seconds() / 3600:.0f} hours the same",
    f"free {idempotency.LEASE.total_seconds():.0f} seconds later",
    f"| depth | {parsers.MAX_DEPTH} levels |",
    f"together | {parsers.MAX_VALUES:,} |",
    f"| a text | {parsers.MAX_TEXT:,} characters",
    f"| a name in an object | {parsers.MAX_NAME} characters |",
    f"| header fields | {limits.MAX_HEADERS} |",
    f"bytes of all together | {limits.MAX_HEADER_BYTES // 1024} KiB |",
    f"| path | {limits.MAX_PATH_BYTES // 1024} KiB",
    f"| query | {limits.MAX_QUERY_BYTES // 1024} KiB",
    f"| parameters of a query | {limits.MAX_PARAMETERS} |",
    f"| `page` | 1 to {paging.MAX_PAGE:,} |",
    f"exact up to {paging.EXACT_TOTAL:,}",
    f"an object of {metadata.MAX_BYTES // 1024} KiB",
    f"between two slashes | {names.MAX_SEGMENT_BYTES} bytes",
    f"probed, per web process | {uploads.MAX_WAITING} |",
    f"| folder | {names.MAX_FOLDER:,} characters, {names.MAX_DEPTH} levels; {names.MAX_FOLDER_BYTES:,} bytes in UTF-8",
)
WORK = [
    f"| `{group}.{name}` | `{variable}` | {names_of(group)[name]:,.0f} |"
    for group, variables in SETTINGS.items()
    for name, variable in variables.items()
]


@pytest.mark.parametrize("words", [*TOLD, *WORK])
def test_it_is_on_the_page(words):
    assert words in PAGE
