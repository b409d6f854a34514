"""Tasks: what was asked for, what was done, by whom, how long it took, and what came of it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ittyhost.admin import html
from ittyhost.admin.actions import Button, ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter, ReadOnly
from ittyhost.queue import LANES
from media_app.admin.previews import display_name, preview, shape, status_badge
from media_app.admin.viewers import is_viewed, slot
from media_app.models import File
from tasks_app.models import Attempt, Task, TaskNeed
from tasks_app.services import task_cancel, task_retry

ATTEMPTS_SHOWN = 20
Status = Task.Status
TONES = {
    Status.WAITING: "plain",
    Status.QUEUED: "warn",
    Status.PROCESSING: "busy",
    Status.READY: "good",
    Status.ERROR: "bad",
    Status.CANCELLED: "plain",
}
TIMES = tuple(html.moment(name) for name in ("created", "due_at", "finished_at", "updated", "lease_until"))
OUTCOME_TONES = {
    Attempt.Outcome.RUNNING: "busy",
    Attempt.Outcome.READY: "good",
    Attempt.Outcome.ERROR: "bad",
    Attempt.Outcome.FAULT: "warn",
    Attempt.Outcome.LOST: "warn",
}


class LaneFilter(admin.SimpleListFilter):
    title = "lane"
    parameter_name = "lane"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(lane, lane) for lane in LANES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.filter(lane=self.value()) if self.value() in LANES else queryset


class WarningsFilter(admin.SimpleListFilter):
    title = "warnings of tools"
    parameter_name = "tool_warnings"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "an attempt had some")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        told = Attempt.objects.filter(task=OuterRef("pk"), tool_warnings__gt=0)
        return queryset.filter(Exists(told)) if self.value() == "yes" else queryset


@admin.register(Task)
class TaskAdmin(ReadOnly, ServiceAdmin):
    change_form_template = "admin/tasks_app/task/change_form.html"
    list_display = (
        "public_id",
        "what",
        "state",
        "input_short",
        "tries",
        "queue_wait",
        "run_time",
        "out_size",
        "told",
        html.moment("created", short=True),
    )
    list_display_links = ("public_id",)
    list_select_related = ("project",)
    list_filter = ("status", "kind", LaneFilter, WarningsFilter, ("project", AutocompleteFilter), "created")
    list_defer = ("definition", "options", "result", "error", "webhook_url")
    indexed_filters = frozenset(
        {
            frozenset({"project"}),
            frozenset({"status"}),
            frozenset({"project", "status"}),
            frozenset({"project", "kind"}),
        }
    )
    searched_ids = {
        "task": ("pk",),
        "file": ("source", "output"),
        "med": ("media",),
        "prj": ("project",),
    }
    search_help_text = "Ids of tasks, of their input or output file, of media or projects."
    actions = ("retry", "cancel")
    buttons = (
        Button("retry", "Retry"),
        Button("cancel", "Cancel", "Cancel this task? What was done of it is lost."),
    )
    readonly_fields = (
        "public_id",
        "kind",
        "lane",
        "state",
        "project",
        "input_link",
        "parent",
        *TIMES,
        "attempt",
        "failures",
        "error_shown",
        "definition_shown",
        "options_shown",
        "result_shown",
        "webhook_url",
        "maker",
        "children_shown",
        "needs_shown",
    )
    fieldsets = (
        (None, {"fields": ("public_id", "kind", "state", "error_shown", "project", "input_link")}),
        ("Time", {"fields": TIMES}),
        (
            "Queue",
            {
                "fields": (
                    "lane",
                    "attempt",
                    "failures",
                    "parent",
                    "needs_shown",
                    "children_shown",
                    "maker",
                    "webhook_url",
                )
            },
        ),
        ("Request", {"fields": ("definition_shown", "options_shown")}),
        ("Result", {"classes": ("collapse",), "fields": ("result_shown",)}),
    )

    def button_fits(self, button: Button, obj: Task) -> bool:
        if button.action == "retry":
            return obj.status in {Status.ERROR, Status.CANCELLED}
        return not obj.has_ended

    @admin.action(description="Retry the chosen tasks", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self.each(request, _whole(queryset), lambda task: task_retry(task=task), done="queued again")

    @admin.action(description="Cancel the chosen tasks", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self.each(request, _whole(queryset), lambda task: task_cancel(task=task), done="cancelled")

    # --- Lists ---

    def prepare_rows(self, rows: list[Task]) -> list[Task]:
        last = Attempt.objects.filter(task__in=[task.pk for task in rows], number=F("task__attempt")).only(
            "task_id", "number", "queued_at", "started_at", "ended_at", "tool_warnings", "warnings"
        )
        found = {attempt.task_id: attempt for attempt in last}
        sources = File.objects.filter(pk__in={task.source_id for task in rows}).values_list("pk", flat=True)
        there = set(sources)
        for task in rows:
            task.last_attempt = found.get(task.pk)  # type: ignore[attr-defined]
            task.has_source = task.source_id in there  # type: ignore[attr-defined]
        return rows

    @admin.display(description="id")
    def public_id(self, obj: Task) -> str:
        return obj.public_id

    @admin.display(description="kind, project")
    def what(self, obj: Task) -> str:
        return html.two_lines(obj.kind, obj.project)

    @admin.display(description="status")
    def state(self, obj: Task) -> str:
        badge = html.badge(obj.status, TONES.get(Status(obj.status), "plain"))
        if obj.status != Status.PROCESSING:
            return badge
        return format_html("{}<br>{}", badge, html.bar(obj.progress))

    @admin.display(description="input")
    def input_short(self, obj: Task) -> str:
        text = html.short_id(obj.input)
        return html.link(html.change_url(File, obj.source_id), text) if obj.has_source else text  # type: ignore[attr-defined]

    @admin.display(description="input")
    def input_link(self, obj: Task) -> str:
        is_there = File.objects.filter(pk=obj.source_id).exists()
        return html.link(html.change_url(File, obj.source_id), obj.input) if is_there else obj.input

    @admin.display(description="tries")
    def tries(self, obj: Task) -> int:
        return obj.attempt

    @admin.display(description="queue wait")
    def queue_wait(self, obj: Task) -> str:
        attempt = obj.last_attempt  # type: ignore[attr-defined]
        if attempt is not None and obj.status != Status.QUEUED:
            return html.span(attempt.started_at - attempt.queued_at)
        if obj.status == Status.QUEUED and obj.due_at <= timezone.now():
            return f"{html.span(timezone.now() - max(obj.due_at, obj.updated))} so far"
        return html.NOTHING

    @admin.display(description="run time")
    def run_time(self, obj: Task) -> str:
        return _run_time(obj.last_attempt)  # type: ignore[attr-defined]

    @admin.display(description="output")
    def out_size(self, obj: Task) -> str:
        return html.size(obj.output_size)

    @admin.display(description="warnings")
    def told(self, obj: Task) -> str:
        """Of the last attempt: what people are told, and how often the tools complained."""
        attempt = obj.last_attempt  # type: ignore[attr-defined]
        if attempt is None or not (attempt.warnings or attempt.tool_warnings):
            return html.NOTHING
        told = [f"{len(attempt.warnings)} told"] if attempt.warnings else []
        return ", ".join([*told, *([f"{attempt.tool_warnings:,} of tools"] if attempt.tool_warnings else [])])

    # --- One task ---

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            attempts = list(Attempt.objects.filter(task=obj).order_by("-number")[: ATTEMPTS_SHOWN + 1])
            context |= {
                "attempts": [_attempt(attempt) for attempt in attempts[:ATTEMPTS_SHOWN]],
                "has_more_attempts": len(attempts) > ATTEMPTS_SHOWN,
                "input_file": _file(File.objects.filter(pk=obj.source_id).first()),
                "output_file": _file(File.objects.filter(pk=obj.output_id).first()),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="error")
    def error_shown(self, obj: Task) -> str:
        return format_html('<span class="itty-error">{}</span>', obj.error) if obj.error else html.NOTHING

    @admin.display(description="made by")
    def maker(self, obj: Task) -> str:
        return html.id_link(obj.created_by)

    @admin.display(description="steps")
    def children_shown(self, obj: Task) -> str:
        return html.related_links(obj)

    @admin.display(description="needs")
    def needs_shown(self, obj: Task) -> SafeString | str:
        """What it needs of other kinds, who makes it, and how that stands."""
        lines = [
            (need.kind, html.id_link(need.maker.public_id if need.maker else ""), need.note or _state(need))
            for need in obj.needs.select_related("maker").order_by("pk")
        ]
        return format_html_join(mark_safe("<br>"), "{} by {}: {}", lines) if lines else html.NOTHING

    @admin.display(description="as it was given")
    def definition_shown(self, obj: Task) -> str:
        return html.pretty(obj.definition)

    @admin.display(description="options, checked")
    def options_shown(self, obj: Task) -> str:
        return html.pretty(obj.options)

    @admin.display(description="result")
    def result_shown(self, obj: Task) -> str:
        return html.pretty(obj.result)


def _whole(queryset: QuerySet[Task]) -> QuerySet[Task]:
    """With all that the services read of a task itself."""
    return queryset.defer(None).select_related("project")


def _run_time(attempt: Attempt | None) -> str:
    if attempt is None:
        return html.NOTHING
    if attempt.ended_at is not None:
        return html.span(attempt.ended_at - attempt.started_at)
    return f"{html.span(timezone.now() - attempt.started_at)} so far"


def _attempt(attempt: Attempt) -> dict[str, Any]:
    plan = attempt.plan or {}
    return {
        "number": attempt.number,
        "worker": attempt.worker or html.NOTHING,
        "queued": html.instant(attempt.queued_at),
        "started": html.instant(attempt.started_at),
        "ended": html.instant(attempt.ended_at),
        "wait": html.span(attempt.started_at - attempt.queued_at),
        "run": _run_time(attempt),
        "outcome": html.badge(attempt.outcome, OUTCOME_TONES.get(Attempt.Outcome(attempt.outcome), "plain")),
        "error": attempt.error,
        "warnings": list(dict.fromkeys([*attempt.warnings, *plan.get("notes", ())])),
        "tool_warnings": f"{attempt.tool_warnings:,}" if attempt.tool_warnings else html.NOTHING,
        "foreseen": html.NOTHING if attempt.modelled is None else html.span(timedelta(seconds=attempt.modelled)),
        "commands": [html.copyable(command) for command in plan.get("commands", ())],
        "has_plan": attempt.plan is not None,
        "plan": html.pretty(attempt.plan),
        "log": html.copyable(attempt.log) if attempt.log else "",
    }


def _file(file: File | None) -> dict[str, Any] | None:
    if file is None:
        return None
    return {
        "link": html.id_link(file.public_id),
        "name": display_name(file),
        "preview": slot(file, has_player=True) if is_viewed(file) else preview(file),
        "status": status_badge(file),
        "told": f"{file.type}, {shape(file)}, {html.size(file.filesize)}",
    }


def _state(need: TaskNeed) -> str:
    return str(need.maker.status) if need.maker else "gone"
