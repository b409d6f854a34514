"""Recording a task, and the files it begins with."""

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from events_app.services import event_record
from ittyhost.errors import Invalid, NotFound
from ittyhost.records import parse_id
from media_app.models import File, Media
from media_app.selectors import media_get
from media_app.services import UNSETTLED, facts_known, file_from_url, media_lock
from orgs_app.models import Project
from orgs_app.services import storage_check
from tasks_app.control import IngestOptions, get_kind
from tasks_app.models import Task
from tasks_app.services.needs import needs_meet, needs_of
from tasks_app.services.waking import wake
from workers.engine.errors import MediaError
from workers.engine.limits import TaskLimits, task_limits
from workers.kinds.base import Kind, Options
from workers.plans import Need, Plan
from workers.run import check

Status = Task.Status


@transaction.atomic
def task_create(
    *,
    project: Project,
    kind: Kind,
    options: Options,
    definition: dict[str, Any],
    source: File | str,
    input: str,
    webhook_url: str = "",
    created_by: str = "",
    parent: Task | None = None,
    due_at: datetime | None = None,
) -> Task:
    """Record a task; queued once this transaction commits, or waiting while its source is fetched or probed, or while
    what it needs of other kinds is made: those tasks are recorded too, unless there are some already.

    `source` is a file, or the URL of one to be fetched: its media and file are made here. `definition` is what was
    asked for as it was given; `due_at` is its place in the queue, by default the last. Raises Invalid when the source
    failed, or when it is known and the kind can make nothing of it; NotFound for a media that is not there;
    LimitReached when the project's storage is full already.
    """
    storage_check(project=project)
    needs: tuple[Need, ...] = ()
    task = Task(
        project=project,
        kind=kind.name,
        lane=kind.lane,
        status=Status.WAITING,
        input=input,
        definition=definition,
        options=options.model_dump(mode="json", exclude_unset=True),
        webhook_url=webhook_url,
        created_by=created_by,
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        parent=parent,
    )
    if due_at is not None:
        task.due_at = due_at
    if not kind.object:  # only its result is wanted: no file will ever have the id that is reserved otherwise
        task.output_id = None
    if isinstance(options, IngestOptions):
        task.source = task.output = _file_to_ingest(task, options, source)
    else:
        task.source, plan = _file_to_read(task, kind, options, source)
        if task.source.status == File.Status.READY:
            needs = needs_of(kind, options, task.source, plan)
            task.status = Status.WAITING if needs else Status.QUEUED
    task.media = task.source.media
    task.save(force_insert=True)
    event_record(project=project, type="task.created", subject=task)
    if needs and not needs_meet(task, needs, maker_make):
        task.status = Status.QUEUED
        task.save(update_fields=["status"])
    if task.status == Status.QUEUED:
        wake(kind.lane)
    return task


def maker_make(task: Task, need: Need) -> Task:
    """The task that makes what another needs, as its child, at the other's place in the queue: who asked for that has
    waited since. Raises DomainError."""
    kind, source = get_kind(need.kind), task.source
    assert source is not None
    with structlog.contextvars.bound_contextvars(request_id=task.request_id):
        return task_create(
            project=task.project,
            kind=kind,
            options=kind.options.model_validate(dict(need.options)),
            definition=dict(need.options),
            source=source,
            input=source.public_id,
            created_by=task.public_id,
            parent=task,
            due_at=task.due_at,
        )


def _file_to_ingest(task: Task, options: IngestOptions, url: File | str) -> File:
    """The file that an ingest makes: what it waits for, and what comes of it."""
    if not isinstance(url, str):
        raise Invalid("The input of ingest must be a URL; this is a file of the project already.", param="input")
    return file_from_url(
        project=task.project,
        url=url,
        media=_media_to_join(task.project, options.media_id) if options.media_id else None,
        folder=options.folder or "",
        filename=options.filename or "",
        ref=options.ref or "",
        label=options.label or "",
        metadata=options.metadata,
        created_by=task.public_id,
    )


def _media_to_join(project: Project, public_id: str) -> Media:
    try:
        return media_get(project=project, media_id=parse_id(public_id, Media.prefix))
    except NotFound as exc:
        raise NotFound("media_id names no media in this project.", param="media_id", code=exc.code) from None


def _file_to_read(task: Task, kind: Kind, options: Options, source: File | str) -> tuple[File, Plan | None]:
    """The file that something is to be made of, as it is now; and the plan, where it is known well enough."""
    if isinstance(source, str):
        source = file_from_url(project=task.project, url=source, created_by=task.created_by)
    if source.status in UNSETTLED:
        # The file may settle at this moment: with its row locked, either this sees it or its event finds this task.
        # Its media comes first, in the one order of locks (media_app.services.locks).
        media_lock(source.media_id)
        found = File.objects.select_for_update().filter(pk=source.pk).first()
        if found is None:
            raise NotFound("The input was deleted meanwhile.", param="input")
        source = found
    input_check(source)
    is_ready = source.status == File.Status.READY
    return source, source_plan(kind, options, source, task.project) if is_ready else None


def input_check(source: File) -> None:
    """Raise Invalid for a file that could not be fetched or read."""
    if source.status == File.Status.FAILED:
        raise Invalid(f"The input cannot be used: {source.error or 'it could not be read.'}", param="input")


def work_limits(kind: Kind, project: Project) -> TaskLimits:
    """What a task of this kind may use in this project."""
    return task_limits(kind.name, own=kind.limits, project=project.limits)


def needs_check(kind: Kind, options: Options, source: File, project: Project) -> None:
    """Raise Invalid where what a task cannot do without could not be made of its source."""
    for need in needs_of(kind, options, source):
        if need.required:
            other = get_kind(need.kind)
            asked = other.options.model_validate(dict(need.options))
            source_plan(other, asked, source, project)
            needs_check(other, asked, source, project)


def source_plan(kind: Kind, options: Options, source: File, project: Project) -> Plan | None:
    """The whole plan, as the worker will make it: whatever it refuses is refused before anything is queued.

    None for a file that an earlier release looked at: then the worker looks anew, and refuses. Raises Invalid.
    """
    if source.probe is None:
        raise Invalid(f"{kind.name} cannot be made of this input: it is no picture, video or sound.", param="input")
    facts = facts_known(source)
    if facts is None:
        return None
    try:
        return check(kind, options, facts, work_limits(kind, project).source)
    except MediaError as exc:
        raise Invalid(exc.message, param=exc.param or "input") from None
