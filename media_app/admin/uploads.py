"""Uploads in progress, and the sessions that they may come by: to look at, and to give up."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ittyhost.admin import html
from ittyhost.admin.actions import Button, ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter, ReadOnly
from media_app.admin.files import TIMES
from media_app.models import Upload, UploadSession
from media_app.services import upload_end

PIECES_SHOWN = 100


@admin.register(Upload)
class UploadAdmin(ReadOnly, ServiceAdmin):
    list_display = ("public_id", "name", "status", "progress", "project", html.moment("expires_at", short=True))
    list_display_links = ("public_id",)
    list_select_related = ("project",)
    list_filter = ("status", ("project", AutocompleteFilter), "created")
    list_defer = ("handle",)
    searched_ids = {"prj": ("project",), "file": ("file", "reserved_id"), "ups": ("session",)}
    search_help_text = "Ids of uploads, projects, sessions or files."
    actions = ("give_up",)
    buttons = (Button("give_up", "Give up", "Give this upload up? All that has come of it is deleted."),)
    readonly_fields = (
        "public_id",
        "project",
        "status",
        "name",
        "progress",
        "made",
        "session_link",
        "maker",
        html.moment("expires_at", "expires"),
        html.moment("completed_at", "completed"),
        *TIMES,
        "pieces_shown",
        "attempt",
        "failures",
        html.moment("due_at"),
        html.moment("lease_until"),
    )
    fieldsets = (
        (None, {"fields": ("name", "public_id", "project", "status", "progress", "made")}),
        ("Times", {"fields": (html.moment("expires_at", "expires"), html.moment("completed_at", "completed"), *TIMES)}),
        ("Sender", {"fields": ("maker", "session_link")}),
        ("Pieces", {"fields": ("pieces_shown",)}),
        (
            "Completing",
            {
                "classes": ("collapse",),
                "fields": ("attempt", "failures", html.moment("due_at"), html.moment("lease_until")),
            },
        ),
    )

    def button_fits(self, button: Button, obj: Any) -> bool:
        return bool(obj.status == Upload.Status.OPEN)

    @admin.action(description="Give up selected uploads", permissions=["operate"])
    def give_up(self, request: HttpRequest, rows: QuerySet[Upload]) -> None:
        self.each(request, rows, lambda upload: upload_end(upload=upload), done="given up")

    @admin.display(description="id")
    def public_id(self, obj: Upload) -> str:
        return obj.public_id

    @admin.display(description="name")
    def name(self, obj: Upload) -> str:
        return "/".join(part for part in (obj.folder, obj.filename) if part) or html.NOTHING

    @admin.display(description="received")
    def progress(self, obj: Upload) -> str:
        return f"{html.size(obj.received)} of {html.size(obj.total)}"

    @admin.display(description="file")
    def made(self, obj: Upload) -> str:
        return html.id_link(obj.file.public_id) if obj.file else html.NOTHING

    @admin.display(description="session")
    def session_link(self, obj: Upload) -> str:
        return html.id_link(obj.session.public_id) if obj.session else html.NOTHING

    @admin.display(description="begun by")
    def maker(self, obj: Upload) -> str:
        return html.id_link(obj.created_by)

    @admin.display(description="pieces")
    def pieces_shown(self, obj: Upload) -> str:
        pieces = obj.pieces.order_by("start")[:PIECES_SHOWN]
        return html.facts((str(piece), "stored" if piece.stored else "being sent") for piece in pieces)


@admin.register(UploadSession)
class UploadSessionAdmin(ReadOnly, ServiceAdmin):
    list_display = ("public_id", "project", "resumable", "alias", "made", html.moment("expires_at", short=True))
    list_display_links = ("public_id",)
    list_select_related = ("project", "file")
    list_filter: ClassVar[Any] = (("project", AutocompleteFilter), "created")
    list_defer = ("metadata", "conditions", "alt")
    searched_ids = {"prj": ("project",), "file": ("file",), "key": ("api_key",), "med": ("media",)}
    search_help_text = "Ids of sessions, projects, API keys, media or files."
    readonly_fields = (
        "public_id",
        "project",
        "api_key",
        "resumable",
        "made",
        html.moment("expires_at", "expires"),
        *TIMES,
        "media",
        "alias",
        "folder",
        "filename",
        "title",
        "alt",
        "label",
        "ref",
        "metadata_shown",
        "conditions_shown",
    )
    fields = readonly_fields

    @admin.display(description="id")
    def public_id(self, obj: UploadSession) -> str:
        return obj.public_id

    @admin.display(description="file")
    def made(self, obj: UploadSession) -> str:
        return html.id_link(obj.file.public_id) if obj.file else html.NOTHING

    @admin.display(description="metadata")
    def metadata_shown(self, obj: UploadSession) -> str:
        return html.pretty(obj.metadata)

    @admin.display(description="conditions")
    def conditions_shown(self, obj: UploadSession) -> str:
        return html.pretty(obj.conditions)
