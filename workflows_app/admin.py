"""Automations: what each does and what starts it. Operators look, pause and resume; owners change them by the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ittyhost.admin import html
from ittyhost.admin.actions import Button, ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter, ReadOnly
from workflows_app.models import Automation
from workflows_app.services import automation_update

Status = Automation.Status
TIMES = tuple(html.moment(name) for name in ("created", "updated"))


@admin.register(Automation)
class AutomationAdmin(ReadOnly, ServiceAdmin):
    list_display = ("public_id", "name_shown", "state", "event", "steps", "project", html.moment("created", short=True))
    list_display_links = ("public_id",)
    list_select_related = ("project",)
    list_filter = ("status", ("project", AutocompleteFilter), "created")
    list_defer = ("metadata", "description", "conditions")
    indexed_filters = frozenset({frozenset({"project"}), frozenset({"project", "status"})})
    searched_ids = {"prj": ("project",)}
    search_help_text = "Ids of automations or projects."
    actions = ("pause", "resume")
    buttons = (Button("pause", "Pause"), Button("resume", "Resume"))
    readonly_fields = (
        "public_id",
        "name_shown",
        "state",
        "project",
        "description",
        "event",
        "conditions_shown",
        "workflow_shown",
        "metadata_shown",
        "maker",
        *TIMES,
    )
    fieldsets = (
        (None, {"fields": ("name_shown", "public_id", "state", "project", "maker", *TIMES)}),
        ("What it does", {"fields": ("event", "conditions_shown", "workflow_shown")}),
        ("Description", {"fields": ("description", "metadata_shown")}),
    )

    def button_fits(self, button: Button, obj: Automation) -> bool:
        return obj.status == (Status.ACTIVE if button.action == "pause" else Status.PAUSED)

    @admin.action(description="Pause the chosen automations", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Automation]) -> None:
        self.each(request, queryset, lambda automation: _set(automation, Status.PAUSED), done="paused")

    @admin.action(description="Resume the chosen automations", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Automation]) -> None:
        self.each(request, queryset, lambda automation: _set(automation, Status.ACTIVE), done="resumed")

    @admin.display(description="id")
    def public_id(self, obj: Automation) -> str:
        return obj.public_id

    @admin.display(description="name")
    def name_shown(self, obj: Automation) -> str:
        return obj.name or html.NOTHING

    @admin.display(description="status")
    def state(self, obj: Automation) -> str:
        return html.badge(obj.status, "good" if obj.status == Status.ACTIVE else "plain")

    @admin.display(description="first steps")
    def steps(self, obj: Automation) -> str:
        return ", ".join(step["kind"] for step in obj.workflow[:5]) + (" …" if len(obj.workflow) > 5 else "")

    @admin.display(description="where")
    def conditions_shown(self, obj: Automation) -> str:
        return html.facts((condition["prop"], condition["value"]) for condition in obj.conditions)

    @admin.display(description="steps")
    def workflow_shown(self, obj: Automation) -> str:
        return html.pretty(obj.workflow)

    @admin.display(description="metadata")
    def metadata_shown(self, obj: Automation) -> str:
        return html.pretty(obj.metadata)

    @admin.display(description="made by")
    def maker(self, obj: Automation) -> str:
        return html.id_link(obj.created_by)


def _set(automation: Automation, status: Any) -> bool:
    """Whether there was anything to change."""
    if automation.status == status:
        return False
    automation_update(automation=automation, status=status)
    return True
