"""Small pieces of HTML for admin pages. Whatever is given is escaped; nothing needs inline styles or scripts."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ittyhost.records import Record, parse_id

NOTHING = "–"
SIFTED = 500
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def badge(text: str, tone: str = "plain") -> SafeString:
    """A coloured word. `tone` is good, bad, warn, busy or plain."""
    return format_html('<span class="itty-badge itty-{}">{}</span>', tone, text)


def bar(percent: float, text: str = "", *, label: str = "") -> SafeString:
    """How much of something is done or used, with a text beside it."""
    shown = min(max(percent, 0), 100)
    tone = "over" if percent > 90 and label == "used" else "part"
    return format_html(
        '<span class="itty-bar itty-bar-{}"><progress max="100" value="{}" aria-label="{}"></progress> {}</span>',
        tone,
        f"{shown:.0f}",
        label or "progress",
        text or f"{percent:.0f} %",
    )


def size(count: int | None) -> str:
    """Bytes for people, in powers of a thousand as quotas are given: 312 B, 64.6 kB, 1.3 GB."""
    if count is None:
        return NOTHING
    left = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(left) < 999.5:
            return f"{left:.0f} {unit}" if unit == "B" or left >= 99.5 else f"{left:.2g} {unit}"
        left /= 1000
    return f"{left:,.1f} PB"


def span(length: timedelta | None) -> str:
    """A length of time for people: 340 ms, 4.2 s, 3 min 20 s, 2 d 4 h."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds()
    if seconds < 0:
        return "0 ms"  # two machines' clocks
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for unit, name in UNITS:
        count, left = divmod(left, unit)
        if count or parts:
            parts.append(f"{count} {name}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def ago(moment: datetime | None) -> str:
    """How long ago something was."""
    return NOTHING if moment is None else f"{span(timezone.now() - moment)} ago"


def instant(moment: datetime | None) -> SafeString | str:
    """A time to the millisecond, in UTC as every time here."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    )


def moment(field: str, title: str = "", *, short: bool = False) -> Any:
    """A column of `list_display` or `readonly_fields` that shows a time field exactly, or to the second."""

    @admin.display(description=title or field.replace("_", " "))
    def shown(obj: Any) -> SafeString | str:
        value = getattr(obj, field)
        if value is None or not short:
            return instant(value)
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime("%Y-%m-%d %H:%M:%S"))

    shown.__name__ = field
    return shown


def two_lines(text: Any, below: Any) -> SafeString:
    """A text and a quieter one below it, in one cell."""
    return format_html('{}<br><span class="mini quiet">{}</span>', text, below)


def short_id(text: str) -> SafeString | str:
    """An id cut to what tells it from others; the whole of it when it is pointed at."""
    if len(text) <= 20 or "_" not in text[:6]:
        return format_html('<span title="{}">{}…</span>', text, text[:24]) if len(text) > 25 else text
    prefix, _, bare = text.partition("_")
    return format_html('<span title="{}">{}_…{}</span>', text, prefix, bare[-5:])


def link(url: str, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def change_url(model: type[models.Model], pk: object) -> str:
    """The page of a row in admin; empty when its model has none."""
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    except NoReverseMatch:
        return ""


def list_url(model: type[models.Model], **lookups: object) -> str:
    """The list of a model in admin, narrowed by these lookups; empty when it has none."""
    try:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", query=lookups or None)
    except NoReverseMatch:
        return ""
    return url


def id_link(text: str) -> SafeString | str:
    """An id as it is written outside (`med_…`), linked to its page; any other text as it is."""
    for model in admin.site._registry:
        if not issubclass(model, Record):
            continue
        prefixes = prefixes_of(model)
        bare = parse_id(text, *prefixes)
        if bare is not None:
            return link(change_url(model, bare), text)
    return text or NOTHING


def prefixes_of(model: type[Record]) -> tuple[str, ...]:
    """What an id of a model may begin with. Versions of the API write tasks in two ways."""
    return ("tsk", "task") if model.prefix == "tsk" else (model.prefix,)


def copyable(text: str) -> SafeString | str:
    """Text to be copied as it stands, with a button that does so."""
    if not text:
        return NOTHING
    return format_html(
        '<div class="itty-copy"><button type="button" class="itty-copy-button" hidden>Copy</button>'
        '<pre class="itty-pre">{}</pre></div>',
        text,
    )


def pretty(value: Any) -> SafeString | str:
    """JSON laid out for reading."""
    if value in (None, {}, [], ""):
        return NOTHING
    return format_html('<pre class="itty-pre">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False, default=str))


def facts(rows: Iterable[tuple[str, Any]]) -> SafeString | str:
    """A table of names and values; those without a value are left out."""
    found = [(name, value) for name, value in rows if value not in (None, "", NOTHING)]
    if not found:
        return NOTHING
    return format_html(
        '<table class="itty-facts">{}</table>',
        format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', found),
    )


def newest_of(model: type[models.Model], field: str, pk: object, *, count: int) -> list[Any]:
    """The newest rows whose foreign key is `pk`, without their large columns; of more than `SIFTED`, newest of some.

    Where no index gives them in order, all of them would have to be sorted: a source may have a million tasks.
    """
    rows = model._default_manager.filter(**{field: pk})
    if any(index.fields[:2] == [field, "-created"] for index in model._meta.indexes):
        rows = rows.order_by("-created", "-pk")[:count]
    else:
        some = sorted(rows.order_by().values_list("created", "pk")[:SIFTED], reverse=True)
        rows = model._default_manager.filter(pk__in=[pk for _, pk in some[:count]])
    heavy = [item.name for item in model._meta.concrete_fields if isinstance(item, models.JSONField | models.TextField)]
    return sorted(rows.defer(*heavy), key=lambda row: (row.created, row.pk), reverse=True)


def related_links(obj: models.Model, *, shown: int = 5) -> SafeString | str:
    """The newest rows that point at this one, of every model that admin knows, and links to all of them.

    Asks for a handful of each, whatever their number.
    """
    lines = []
    for relation in obj._meta.related_objects:
        model = relation.related_model
        if model not in admin.site._registry or not issubclass(model, Record):
            continue
        field = relation.field
        name = str(model._meta.verbose_name_plural)
        lookup = {f"{field.name}__id__exact": obj.pk}
        newest = [row.pk for row in newest_of(model, field.name, obj.pk, count=shown + 1)]
        if not newest:
            continue
        rows = format_html_join(
            ", ", "{}", ((link(change_url(model, pk), f"{model.prefix}_{pk}"),) for pk in newest[:shown])
        )
        more = " …" if len(newest) > shown else ""
        role = "" if field.name == obj._meta.model_name else f" ({field.verbose_name})"
        lines.append((link(list_url(model, **lookup), name), role, rows, more))
    if not lines:
        return "nothing"
    return format_html_join("", '<div class="itty-related"><b>{}</b>{}: {}{}</div>', lines)
