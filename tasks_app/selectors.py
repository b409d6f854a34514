"""Reads of tasks: always of one project, but for what the machinery itself asks."""

from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from django.db.models import QuerySet
from django.db.models.functions import Now

from ittyhost.errors import NotFound
from ittyhost.leases import in_seconds
from ittyhost.prepared import Prepared
from media_app.selectors import members_of
from orgs_app.models import Project
from tasks_app.models import Attempt, Node, Task

RECENT = 1_000  # attempts of all kinds that are looked through for how long a kind takes here
FEWEST = 3  # of a kind, to say anything
EXTREMES = (0.1, 10.0)  # an odd machine is believed so far
NODE_SILENCE = timedelta(seconds=20)  # a node that said nothing for so long counts as gone


def task_get(*, project: Project, task_id: str | None) -> Task:
    """One task of a project with its files, by its bare id (None finds nothing). Raises NotFound."""
    task = _BY_ID.first([task_id, project.pk]) if task_id else None
    if task is None:
        raise NotFound("There is no task with this id.", param="id", code="task_not_found")
    return task


def task_list(
    *, project: Project, kind: str = "", status: Iterable[str] = (), with_files: bool = True
) -> QuerySet[Task]:
    """The tasks of a project, in no order yet; without their files where only what was asked for is shown."""
    tasks = Task.objects.filter(project=project)
    if kind:
        tasks = tasks.filter(kind=kind)
    if status:
        tasks = tasks.filter(status__in=status)
    if not with_files:
        return tasks.defer("result", "error")
    return _with_files(tasks).prefetch_related(members_of("source__"), members_of("output__"))


def _with_files(tasks: QuerySet[Task]) -> QuerySet[Task]:
    # A file's URL starts with its project's.
    joined = tasks.select_related("source__project", "output__project")
    return joined.defer("source__probe", "output__probe")


# Clients ask for a task again and again until it has ended.
_BY_ID = Prepared(lambda values: _with_files(Task.objects.filter(pk=values[0]).filter(project_id=values[1])))


def attempt_planned_last(*, task: Task) -> Attempt:
    """The attempt of a task that made its output, else the last one that got as far as to a plan. Raises NotFound."""
    planned = Attempt.objects.filter(task=task, plan__isnull=False).order_by("-number").first()
    if planned is None:
        raise NotFound(
            "This task has no plan yet: it has one when a worker has begun it.", param="id", code="plan_not_found"
        )
    planned.task = task
    return planned


def kind_slowness(*, kind: str) -> float | None:
    """How many times as long as by the cost model tasks of a kind took lately, all in all; None when too few are known.

    The middle one of those among the installation's last attempts, whichever project's.
    """
    newest = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return None
    recent = Attempt.objects.filter(pk__gt=newest - RECENT, outcome=Attempt.Outcome.READY, modelled__gt=0)
    found = recent.filter(task__kind=kind).values_list("started_at", "ended_at", "modelled")
    shares = [(ended - started).total_seconds() / modelled for started, ended, modelled in found if ended and modelled]
    return min(max(median(shares), EXTREMES[0]), EXTREMES[1]) if len(shares) >= FEWEST else None


def tasks_due(*, lane: str) -> QuerySet[Task]:
    """What a worker of a lane may take now, the longest due first."""
    return Task.objects.filter(lane=lane, status=Task.Status.QUEUED, due_at__lte=Now()).order_by("due_at", "id")


def nodes_alive() -> QuerySet[Node]:
    """The workers and schedulers that said lately that they are there, by the database's clock."""
    return Node.objects.filter(seen_at__gte=in_seconds(-NODE_SILENCE.total_seconds()))


def slots(*, lane: str) -> int:
    """How many tasks of a lane can be worked on at a time, by all workers that are alive."""
    return sum(node.slots for node in nodes_alive() if lane in node.lanes)
