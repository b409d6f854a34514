"""Task records, their attempts, and the processes that work on them."""

from django.db import models
from django.db.models import F, Q

from ittyhost.indexes import NullsLastIndex
from ittyhost.leases import LeasedWork
from ittyhost.records import new_id
from media_app.models import File, Media
from orgs_app.models import Project
from tasks_app.control import all_kinds


def kind_choices() -> list[tuple[str, str]]:
    return [(kind.name, kind.name) for kind in all_kinds().values()]


class Task(LeasedWork):
    """One piece of work on one source. Only tasks_app.services moves `status`."""

    prefix = "tsk"

    class Status(models.TextChoices):
        WAITING = "waiting"  # for a file or another task; QUEUED once nothing is missing
        QUEUED = "queued"
        PROCESSING = "processing"
        READY = "ready"
        ERROR = "error"
        CANCELLED = "cancelled"

    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=40, choices=kind_choices)  # a callable: a new kind needs no migration
    lane = models.CharField(max_length=12, help_text="The queue whose workers may take it.")
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent, 0 to 100.")
    error = models.TextField(blank=True, help_text="Why it ended in error, for the person who asked for it.")

    # A task outlives its input. What was given stays as text, and the ids of the rows stay too, so that the tasks of a
    # file are found when it was deleted: so no constraint, and whoever reads a row loads it with the task (None when it
    # is gone): by `select_related`, or by `prefetch_related` where its id is filtered by.
    input = models.CharField(max_length=4096, help_text="The id or URL that was given.")
    source = models.ForeignKey(
        File, models.DO_NOTHING, db_constraint=False, null=True, blank=True, related_name="tasks"
    )
    media = models.ForeignKey(
        Media, models.DO_NOTHING, db_constraint=False, null=True, blank=True, related_name="tasks"
    )
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")

    definition = models.JSONField(
        help_text="What was asked for, as it was given; the kind only where another name of it was."
    )
    options = models.JSONField(help_text="The same, checked.")
    webhook_url = models.URLField(max_length=2048, blank=True)
    created_by = models.CharField(max_length=24, blank=True)
    request_id = models.CharField(
        max_length=24, blank=True, help_text="The request that asked for it: in all its logs."
    )

    # Its id is reserved at the start, as the contract shows it from there; the row comes when the output is published
    # (an ingest's is its source, and there from the start), and may be deleted again: so no constraint here either.
    # None where nothing is made but a result.
    output = models.OneToOneField(
        File, models.DO_NOTHING, db_constraint=False, null=True, default=new_id, editable=False, related_name="made_by"
    )
    output_size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes, once there is an output.")
    result = models.JSONField(null=True, blank=True, help_text="What the kind tells of the output.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "queued", "processing", "ready", "error", "cancelled"]),
                name="task_status",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="task_progress"),
            models.CheckConstraint(
                condition=Q(status="processing", lease_until__isnull=False)
                | (~Q(status="processing") & Q(lease_until__isnull=True)),
                name="task_lease_while_processing",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="task_created"),
            models.Index(fields=["project", "-updated", "-id"], name="task_updated"),
            NullsLastIndex("project", F("output_size").desc(nulls_last=True), F("id").desc(), name="task_largest"),
            NullsLastIndex("project", F("output_size").asc(nulls_last=True), F("id").asc(), name="task_smallest"),
            models.Index(fields=["project", "kind", "-created", "-id"], name="task_kind"),
            models.Index(fields=["project", "status", "-created", "-id"], name="task_of_status"),
            # Across projects, for operators. None by `created` alone: it would be taken for a project's lists, too.
            models.Index(fields=["status", "-id"], name="task_status_recent"),
            models.Index(fields=["lane", "due_at", "id"], condition=Q(status="queued"), name="task_due"),
            models.Index(fields=["lease_until"], condition=Q(status="processing"), name="task_lease"),
            models.Index(fields=["due_at"], condition=Q(status="waiting"), name="task_waiting"),
        ]

    @property
    def reserved_id(self) -> str:
        """The bare id of its output, from the start."""
        return str(self.output_id)

    @property
    def input_is_url(self) -> bool:
        """Whether its input is fetched; the file of an id was there before."""
        return "://" in self.input

    @property
    def has_ended(self) -> bool:
        return self.status in {self.Status.READY, self.Status.ERROR, self.Status.CANCELLED}


class TaskNeed(models.Model):
    """What another kind must tell of a task's source first: the need of that one task, and the task that meets it.

    Met when the maker is ready and its output there; gone without, for the reason in `note`, where it could not be had
    and is not required.
    """

    task = models.ForeignKey(Task, models.CASCADE, related_name="needs")
    kind = models.CharField(max_length=40, help_text="Of the task that meets it.")
    options = models.JSONField(default=dict, blank=True, help_text="What that task's options must agree with.")
    required = models.BooleanField(default=True)
    maker = models.ForeignKey(Task, models.SET_NULL, null=True, blank=True, related_name="needed_by")
    made = models.BooleanField(default=False, help_text="The maker was made for this need, and not by a client.")
    note = models.TextField(blank=True, help_text="Why the task goes on without.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "kind"], name="task_need_once")]

    def __str__(self) -> str:
        return self.kind


class Attempt(models.Model):
    """One run of a task by one worker: kept so that an operator sees what was done, and can do it again by hand."""

    class Outcome(models.TextChoices):
        RUNNING = "running"
        READY = "ready"
        ERROR = "error"  # the source or the options: trying again cannot help
        FAULT = "fault"  # the host's: tried again
        LOST = "lost"  # the worker went silent and its lease ran out
        RELEASED = "released"  # the worker was stopped and gave it back
        CANCELLED = "cancelled"

    task = models.ForeignKey(Task, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    worker = models.CharField(max_length=200, blank=True)
    queued_at = models.DateTimeField(help_text="Since when it was due.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    plan = models.JSONField(null=True, blank=True, help_text="The steps, with the exact commands.")
    warnings = models.JSONField(default=list, blank=True)
    error = models.TextField(blank=True)
    log = models.TextField(blank=True, help_text="The end of what the tools printed; for operators.")
    tool_warnings = models.PositiveIntegerField(
        default=0, help_text="Lines of the log that the tools themselves call a warning or an error."
    )
    modelled = models.FloatField(
        null=True, blank=True, help_text="Seconds that the cost model foresaw; how far off it was corrects later ones."
    )

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="attempt_number_once")]
        indexes = [
            models.Index(fields=["task"], condition=Q(tool_warnings__gt=0), name="attempt_with_warnings"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class Node(models.Model):
    """A worker or scheduler that is alive: it says so every few seconds."""

    name = models.CharField(max_length=200, primary_key=True)
    lanes = models.JSONField(default=list, help_text="The queues it takes work from; none for a scheduler.")
    slots = models.PositiveIntegerField(default=0, help_text="Tasks it works on at a time.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
