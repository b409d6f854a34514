"""What a task needs of other kinds before it can begin: found among what is there or under way, else made.

A need is met by a task of that kind on the same source whose options agree with it: ready, with its output still there.
The media is locked while one is looked for, so that of two tasks that need the same one finds what the other made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from ittyhost.errors import DomainError, Invalid
from media_app.models import File
from media_app.services import facts_known, media_lock
from tasks_app.control import get_kind
from tasks_app.models import Task, TaskNeed
from workers.kinds.base import Kind, Options
from workers.plans import Need

Status = Task.Status
LIVE = (Status.WAITING, Status.QUEUED, Status.PROCESSING)
LOOKED_AT = 50  # tasks of one kind on one source, the newest first

# Options of what was made that a need does not mind unless it names them: where the document lies and its name, what is
# told beside the rest, and a language that somebody knew. Any other must be as if it had not been given.
_ANY = frozenset(Options.model_fields) | {"words", "language"}

Making = Callable[[Task, Need], Task]  # makes the task that meets a need; raises DomainError


class NeedGone(Exception):
    """What met a need was deleted before it could be used."""


@dataclass(frozen=True)
class NeedMet:
    """What there is for one need of a task: the file that it is met by, or the reason why there is none."""

    kind: str
    file: File | None
    reason: str = ""


def needs_of(kind: Kind, options: Options, source: File) -> tuple[Need, ...]:
    """What a task of this kind needs first; nothing for a source whose facts must be found anew: then the worker that
    does so makes what is needed within the task."""
    facts = facts_known(source) if source.probe is not None else None
    return kind.needs(options, facts) if facts is not None else ()


def needs_meet(task: Task, needs: tuple[Need, ...], make: Making) -> bool:
    """Find what meets each need of a task, or have it made; whether it must wait for some. Raises Invalid, and what
    `make` does, when one that is required cannot be had."""
    if not needs:
        return False
    media_lock(task.media_id or "")
    rows = {row.kind: row for row in TaskNeed.objects.filter(task=task).select_related("maker")}
    # All of them are begun, whether the first must be waited for or not.
    waits = [_waits(task, need, rows.get(need.kind) or TaskNeed(task=task, kind=need.kind), make) for need in needs]
    return any(waits)


def _waits(task: Task, need: Need, row: TaskNeed, make: Making) -> bool:
    """Whether a need is still waited for."""
    asked = dict(need.options)
    if row.note and row.options == asked and not need.required:
        return False  # it was gone without already
    if row.maker is None or row.options != asked or not _is_there(row.maker):
        row.maker, row.made = maker_found(task=task, need=need), False
    row.options, row.required, row.note = asked, need.required, ""
    if row.maker is None:
        try:
            with transaction.atomic():
                row.maker, row.made = make(task, need), True
        except DomainError as exc:
            if need.required:
                raise
            row.note = exc.message
    if row.maker is not None and row.maker.status in {Status.ERROR, Status.CANCELLED}:
        row.note = _why_not(row.maker)
        if need.required:
            raise Invalid(f"It needs {need.kind} of its input. {row.note}")
    row.save()
    return row.maker is not None and row.maker.status in LIVE


def _is_there(maker: Task) -> bool:
    """Whether a task may still be waited for, or has failed for good, or what it made is there."""
    return maker.status != Status.READY or File.objects.filter(pk=maker.output_id).exists()


def _why_not(maker: Task) -> str:
    if maker.status == Status.CANCELLED:
        return f"The task that was to make {maker.kind} was cancelled."
    return f"The task that was to make {maker.kind} failed: {maker.error}"


def maker_found(*, task: Task, need: Need) -> Task | None:
    """A task that meets a need, or will: one that is ready, else one that is under way, which then cannot end before
    this transaction does. None when it must be made."""
    same = Task.objects.filter(project_id=task.project_id, source_id=task.source_id, kind=need.kind)
    ready = same.filter(status=Status.READY, output__status=File.Status.READY).order_by("-created", "-id")
    live = same.filter(status__in=LIVE).order_by("created", "id").select_for_update(of=("self",), no_key=True)
    for found in (ready[:LOOKED_AT], live[:LOOKED_AT]):
        for maker in found:
            if agrees(get_kind(need.kind), maker.options, need.options):
                return maker
    return None


def agrees(kind: Kind, made_with: dict[str, Any], wanted: Any) -> bool:
    """Whether what was made with these options meets a need: what it names must be equal, of the rest all that takes
    something away must not have been given. More is no harm: words where none are asked for."""
    plain = kind.options.model_validate({}).model_dump(mode="json")
    made = plain | made_with
    named = {name: value for name, value in wanted.items() if name not in _ANY or value not in (None, False)}
    return all(
        made.get(name) == named[name] if name in named else name in _ANY or made[name] == plain.get(name)
        for name in {*made, *named}
    )


def needs_met(*, task: Task) -> list[NeedMet]:
    """What meets the needs of a task that is due. Raises NeedGone when it is no longer there."""
    found = []
    for row in TaskNeed.objects.filter(task=task).select_related("maker").order_by("pk"):
        if row.note:
            found.append(NeedMet(row.kind, None, row.note))
            continue
        file = File.objects.filter(pk=row.maker.output_id).defer("probe").first() if row.maker is not None else None
        if file is None:
            raise NeedGone(row.kind)
        found.append(NeedMet(row.kind, file))
    return found


def needs_clear(*, task: Task) -> None:
    """Forget what could not be had: it is looked for anew."""
    TaskNeed.objects.filter(task=task, maker__status__in=[Status.ERROR, Status.CANCELLED]).update(
        maker=None, made=False
    )
    TaskNeed.objects.filter(task=task).update(note="")
