"""Rows of this app for everyone's tests."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from ittyhost.leases import in_seconds
from media_app.models import File
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from tasks_app.control import INGEST, get_kind
from tasks_app.models import Attempt, Task
from tasks_app.services import task_create


def make_task(
    *, project: Project | None = None, source: File | None = None, kind: str = "image", **options: Any
) -> Task:
    """A queued task on a ready JPEG, unless another source or project is given."""
    source = source or make_file(project=project)
    made = get_kind(kind)
    return task_create(
        project=source.project,
        kind=made,
        options=made.options.model_validate(options),
        definition=options,
        source=source,
        input=source.public_id,
    )


def make_ingest(*, project: Project | None = None, url: str = "https://example.com/clip.jpg", **options: Any) -> Task:
    """A task that waits for the file at a URL, in a project of its own unless one is given."""
    return task_create(
        project=project or make_project(),
        kind=INGEST,
        options=INGEST.options.model_validate(options),
        definition=options,
        source=url,
        input=url,
    )


def lapse(task: Task) -> None:
    """Let the lease of a running task run out now."""
    assert Task.objects.filter(pk=task.pk, lease_until__isnull=False).update(lease_until=in_seconds(-1))


def end(task: Task, status: str, **fields: Any) -> Task:
    """A task that ended some way, without having run."""
    Task.objects.filter(pk=task.pk).update(status=status, finished_at=Now(), **fields)
    task.refresh_from_db()
    return task


PLAN = {
    "steps": [{"tool": "picture", "operations": {"source": "source", "type": None, "orient": True, "variants": []}}],
    "commands": ["python -m workers picture '{}'"],
    "expected": [{"name": "image.jpg", "type": "image/jpeg", "media_type": "image", "entry": True, "width": 32}],
    "reads": "whole",
    "notes": ["Only the first of 9 frames was used."],
}


def make_attempt(task: Task, **fields: Any) -> Attempt:
    """An attempt of a task that went well a second after it began, with a plan."""
    began = task.created
    times = {"queued_at": began, "started_at": began, "ended_at": began + timedelta(seconds=1)}
    number = max(task.attempt, 1)
    return Attempt.objects.create(
        task=task, **{"number": number, "outcome": "ready", "plan": PLAN, "modelled": 0.5, **times} | fields
    )


def outcomes(task: Task) -> list[str]:
    return list(Attempt.objects.filter(task=task).order_by("number").values_list("outcome", flat=True))
