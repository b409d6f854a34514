"""What a task needs of other kinds before it can begin: found among what is there or under way, else made.

A need is met by a task of that kind on the same source whose options agree with it: ready, with its output still there.
The media is locked while one is looked for, so that of two tasks that need the same one finds what the other made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from ittyhost.errors import DomainError, Invalid, Unavailable
from ittyhost.providers import server_missing
from media_app.models import File
from media_app.services import facts_known, media_lock
from tasks_app.control import get_kind
from tasks_app.models import Task, TaskNeed
from workers.kinds.base import Kind, Options
from workers.plans import Need, Plan

Status = Task.Status
LIVE = (Status.WAITING, Status.QUEUED, Status.PROCESSING)
LOOKED_AT = 50  # tasks of one kind on one source, the newest first

# Options of what was made that a need does not mind unless it names them: where the document lies and its name, what is
# told beside the rest, and a language that somebody knew. Any other must be as if it had not been given.
_ANY = frozenset(Options.model_fields) | {"words", "language"}

Making = Callable[[Task, Need], Task]  # makes the task that meets a need; raises DomainError


class NeedGone(Exception):
    """What a task needs is not there: deleted, or not looked for, as its source had to be looked at anew first."""


@dataclass(frozen=True)
class NeedMet:
    """What there is for one need of a task: the file that it is met by, or the reason why there is none."""

    kind: str
    file: File | None
    reason: str = ""


def needs_of(kind: Kind, options: Options, source: File, plan: Plan | None = None) -> tuple[Need, ...]:
    """What a task of this kind needs first; nothing for a source whose facts must be found anew: the worker that does
    so gives the task back to wait. Nothing either for a `plan` that cannot be carried out, as it seems here: the worker
    says so, or gives the task back, and nothing is made in vain."""
    facts = facts_known(source) if source.probe is not None else None
    if facts is None or (plan is not None and server_missing(plan)):
        return ()
    return kind.needs(options, facts)


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
            if need.required or isinstance(exc, Unavailable):
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
    ready, live = _makers(task.project_id, task.source_id, need)
    return _agreeing(need, ready, live.select_for_update(of=("self",), no_key=True))


def need_exists(*, source: File, need: Need) -> bool:
    """Whether there is, at this moment, a task that meets a need of something to be made of a file, or will meet it."""
    return _agreeing(need, *_makers(source.project_id, source.pk, need)) is not None


def _makers(project_id: str, source_id: str | None, need: Need) -> tuple[QuerySet[Task], QuerySet[Task]]:
    """Tasks of the kind that is needed, on one source: those that are ready, and those under way."""
    same = Task.objects.filter(project_id=project_id, source_id=source_id, kind=need.kind)
    ready = same.filter(status=Status.READY, output__status=File.Status.READY).order_by("-created", "-id")
    return ready, same.filter(status__in=LIVE).order_by("created", "id")


def _agreeing(need: Need, *among: QuerySet[Task]) -> Task | None:
    """The first whose options agree with a need."""
    for found in among:
        for maker in found[:LOOKED_AT]:
            if agrees(get_kind(need.kind), _made_with(maker), need.options):
                return maker
    return None


def _made_with(maker: Task) -> dict[str, Any]:
    """Its options; and the language, where it was found out."""
    found = (maker.result or {}).get("language")
    return {"language": found, **maker.options} if found else maker.options


def agrees(kind: Kind, made_with: dict[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether what was made with these options meets a need: what it names must be equal, of the rest all that takes
    something away must not have been given. More is no harm: words where none are asked for."""
    plain = kind.options.model_validate({}).model_dump(mode="json")
    asked = kind.options.model_validate(dict(wanted)).model_dump(mode="json", exclude_unset=True)
    made = plain | made_with
    named = {name: value for name, value in asked.items() if name not in _ANY or value not in (None, False)}
    return all(
        made.get(name) == named[name] if name in named else name in _ANY or made[name] == plain.get(name)
        for name in {*made, *named}
    )


def needs_met(*, task: Task, needs: tuple[Need, ...]) -> list[NeedMet]:
    """What meets the needs of a task that is due. Raises NeedGone when something is not there, or no longer."""
    return [need_is_met(task=task, kind=need.kind) for need in needs]


def need_is_met(*, task: Task, kind: str) -> NeedMet:
    """What meets one need of a task that is due. Raises NeedGone."""
    row = TaskNeed.objects.filter(task=task, kind=kind).select_related("maker").first()
    if row is not None and row.note:
        return NeedMet(kind, None, row.note)
    maker = row.maker if row is not None else None
    file = File.objects.filter(pk=maker.output_id).defer("probe").first() if maker is not None else None
    if file is None:
        raise NeedGone(kind)
    return NeedMet(kind, file)


def needs_clear(*, task: Task) -> None:
    """Forget what could not be had: it is looked for anew."""
    TaskNeed.objects.filter(task=task, maker__status__in=[Status.ERROR, Status.CANCELLED]).update(
        maker=None, made=False
    )
    TaskNeed.objects.filter(task=task).update(note="")
