"""The processes that work, and the state of the service at a glance."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Case, Count, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from ittyhost import health
from ittyhost.admin import html
from ittyhost.admin.lists import ReadOnly
from ittyhost.leases import in_seconds
from ittyhost.queue import LANES
from tasks_app.models import Node, Task
from tasks_app.selectors import NODE_SILENCE, nodes_alive, tasks_due

COUNTED = 10_000

admin.site.index_template = "admin/tasks_app/index.html"


@admin.register(Node)
class NodeAdmin(ReadOnly, admin.ModelAdmin):
    """Workers and schedulers: who is there, and who fell silent lately."""

    list_display = ("name", "state", "lanes_shown", "slots", "running_for", "seen")
    readonly_fields = fields = ("name", "state", "lanes_shown", "slots", "started_at", "seen_at")
    ordering = ("name",)
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["ittyhost/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        # By the database's clock, as every lease: this machine's may differ.
        alive = When(seen_at__gte=in_seconds(-NODE_SILENCE.total_seconds()), then=Value(True))
        return (
            super()
            .get_queryset(request)
            .annotate(is_alive=Case(alive, default=Value(False), output_field=BooleanField()))
        )

    @admin.display(description="state")
    def state(self, obj: Any) -> str:
        return html.badge("alive", "good") if obj.is_alive else html.badge("silent", "bad")

    @admin.display(description="takes")
    def lanes_shown(self, obj: Node) -> str:
        return ", ".join(obj.lanes) or "sweeps"

    @admin.display(description="running for")
    def running_for(self, obj: Node) -> str:
        return html.span(max(obj.seen_at - obj.started_at, timedelta()))

    @admin.display(description="last seen")
    def seen(self, obj: Node) -> str:
        return html.ago(obj.seen_at)

    # --- The state of the service, fetched by the index page so that a part that hangs holds up nothing ---

    def get_urls(self) -> list[Any]:
        own = path("state/", self.admin_site.admin_view(self.state_view), name="tasks_app_node_state")
        return [own, *super().get_urls()]

    def state_view(self, request: HttpRequest) -> HttpResponse:
        """Health of every part, and for each lane what is due, what runs and how much room there is."""
        parts = [
            {"name": name, "state": html.badge(found, "good" if found == "ok" else "bad")}
            for name, found in health.examine().items()
        ]
        context = {"parts": parts, "lanes": lanes_state() if self.has_view_permission(request) else []}
        return TemplateResponse(request, "admin/tasks_app/state.html", context)


def lanes_state() -> list[dict[str, Any]]:
    """One row a lane. Each number is read from an index that holds only the tasks it counts, to a limit."""
    nodes = list(nodes_alive())
    running = dict(
        Task.objects.filter(status=Task.Status.PROCESSING).values_list("lane").annotate(Count("pk")).order_by()
    )
    rows = []
    for lane in LANES:
        due = tasks_due(lane=lane).values("pk")[: COUNTED + 1].count()
        rows.append(
            {
                "name": lane,
                "due": f"{COUNTED:,}+" if due > COUNTED else f"{due:,}",
                "running": running.get(lane, 0),
                "slots": sum(node.slots for node in nodes if lane in node.lanes),
            }
        )
    return rows
