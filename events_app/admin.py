"""The operators' view of what happened. Events are written once and never changed."""

from django.contrib import admin
from django.db.models import Q

from events_app.models import Event
from ittyhost.admin import html
from ittyhost.admin.actions import ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter, ReadOnly
from ittyhost.records import ID_LENGTH, parse_id


@admin.register(Event)
class EventAdmin(ReadOnly, ServiceAdmin):
    list_display = ("public_id", "type", "subject_link", "project", html.moment("created"))
    list_select_related = ("project",)
    list_filter = (("project", AutocompleteFilter), "created")
    search_help_text = "Ids of events, projects, or of what they happened to."
    searched_ids = {"prj": ("project",)}
    readonly_fields = fields = ("public_id", "type", "subject_link", "project", html.moment("created"))

    def _by_id(self, word: str) -> Q | None:
        own = super()._by_id(word)
        if own is not None:
            return own
        prefix, _, bare = word.rpartition("_")
        if len(bare) != ID_LENGTH or parse_id(word, prefix) is None:
            return None
        return Q(subject=f"{'tsk' if prefix == 'task' else prefix}_{bare}")

    @admin.display(description="id")
    def public_id(self, obj: Event) -> str:
        return obj.public_id

    @admin.display(description="happened to")
    def subject_link(self, obj: Event) -> str:
        return html.id_link(obj.subject)
