"""Media: one piece of content with the files it came with and that were made of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from ittyhost.admin import html
from ittyhost.admin.actions import ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter
from media_app.admin.files import TIMES, DeletedByService, searched
from media_app.admin.previews import display_name, preview, shape, status_badge
from media_app.admin.viewers import VIEWED, is_viewed, slot
from media_app.models import File, Media
from media_app.search import media_matching
from media_app.services import media_delete

FILES_SHOWN = 50
VIEWERS_LOOKED = 200  # files that are gone through for them


@admin.register(Media)
class MediaAdmin(DeletedByService, ServiceAdmin):
    change_form_template = "admin/media_app/media/change_form.html"
    list_display = ("public_id", "title_shown", "kind", "shape_shown", "project", html.moment("created", short=True))
    list_display_links = ("public_id",)
    list_select_related = ("project",)
    list_filter = (("project", AutocompleteFilter), "created")
    list_defer = ("metadata", "alt")
    searched_ids = {"prj": ("project",), "file": ("files",)}
    search_help_text = "Ids of media, projects or files; or words: of titles, descriptions, tags and what is said."
    readonly_fields = (
        "public_id",
        "project",
        "kind",
        "title",
        "alt",
        "shape_shown",
        "metadata_shown",
        *TIMES,
        "used_by",
    )
    fieldsets = (
        (None, {"fields": ("title", "public_id", "project", "kind", "shape_shown", *TIMES)}),
        ("Description", {"fields": ("alt", "metadata_shown")}),
        ("What was made of it", {"fields": ("used_by",)}),
    )

    def delete_by_service(self, obj: Media) -> None:
        media_delete(media=obj)

    def told_of(self, obj: Media) -> str:
        return f"media {obj.public_id} {obj.title}, with all its files".replace(" ,", ",")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Media], search_term: str
    ) -> tuple[QuerySet[Media], bool]:
        return searched(super().get_search_results, media_matching, request, queryset, search_term)

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
            original = File.objects.filter(media=obj, original=True).defer("probe", "metadata").first()
            newest = html.newest_of(File, "media", obj.pk, count=FILES_SHOWN + 1)
            files = [*([original] if original else []), *(file for file in newest if not file.original)]
            context |= {
                "original_preview": preview(original),
                "file_rows": [_row(file) for file in files[:FILES_SHOWN]],
                "viewers": _viewers(obj),
                "more_files": html.list_url(File, media__id__exact=obj.pk) if len(files) > FILES_SHOWN else "",
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="id")
    def public_id(self, obj: Media) -> str:
        return obj.public_id

    def prepare_rows(self, rows: list[Media]) -> list[Media]:
        nameless = [media.pk for media in rows if not media.title]
        originals = File.objects.filter(media__in=nameless, original=True).only("media_id", "folder", "filename")
        names = {file.media_id: display_name(file) for file in originals}
        for media in rows:
            media.came_as = names.get(media.pk, "")  # type: ignore[attr-defined]
        return rows

    @admin.display(description="title")
    def title_shown(self, obj: Media) -> str:
        """Its title, else the name that its original came with."""
        came_as = obj.came_as  # type: ignore[attr-defined]
        return obj.title or (format_html('<span class="quiet">{}</span>', came_as) if came_as else html.NOTHING)

    @admin.display(description="picture, length")
    def shape_shown(self, obj: Media) -> str:
        return shape(obj)

    @admin.display(description="metadata")
    def metadata_shown(self, obj: Media) -> str:
        return html.pretty(obj.metadata)

    @admin.display(description="used by")
    def used_by(self, obj: Media) -> str:
        return html.related_links(obj)


def _viewers(media: Media) -> list[tuple[str, str, str]]:
    """What is known of a media: the newest file of each kind that has a viewer."""
    made = File.objects.filter(media=media, kind__in=VIEWED, status=File.Status.READY).defer("probe", "metadata")
    newest: dict[str, File] = {}
    for file in made.order_by("-created", "-pk")[:VIEWERS_LOOKED]:
        if is_viewed(file):
            newest.setdefault(file.kind, file)
    shown = sorted(newest.values(), key=lambda file: VIEWED.index(file.kind))
    return [
        (file.kind, html.link(html.change_url(File, file.pk), file.public_id), slot(file, has_player=True))
        for file in shown
    ]


def _row(file: File) -> dict[str, Any]:
    return {
        "link": html.link(html.change_url(File, file.pk), file.public_id),
        "preview": preview(file, small=True),
        "name": display_name(file) or html.NOTHING,
        "role": "original" if file.original else file.object,
        "kind": file.kind,
        "type": file.type,
        "shape": shape(file),
        "size": html.size(file.filesize),
        "status": status_badge(file),
        "created": file.created,
    }
