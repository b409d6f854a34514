"""Files: what they are, a look at them, what was made of them."""

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.html import format_html_join

from ittyhost.admin import html
from ittyhost.admin.actions import AT_ONCE, ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter
from media_app.admin.content import content_respond, member_respond
from media_app.admin.previews import content_url, display_name, has_bytes, preview, shape, status_badge
from media_app.admin.viewers import is_viewed, member_url, slot, viewer_context
from media_app.models import File, FileMember
from media_app.search import file_matching
from media_app.selectors import file_find_by_path, file_url
from media_app.services import file_delete
from orgs_app.selectors import project_find, project_find_by_domain
from workers.kinds import all_kinds

MEMBERS_SHOWN = 100
TIMES = (html.moment("created"), html.moment("updated"))
WORK_TIMES = (html.moment("due_at"), html.moment("lease_until"))


class DeletedByService:
    """Records that are looked at and deleted, never added or edited; a deletion goes through a service."""

    has_bulk_delete: ClassVar[bool] = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_by_service(self, obj: Any) -> None:
        raise NotImplementedError

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_by_service(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset.defer(None).select_related("project"):
            self.delete_by_service(obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        # Django would load every row that hangs on these; tasks outlive their files, and services see to the rest.
        rows = list(objs[: AT_ONCE + 1])
        refused = [f"Choose at most {AT_ONCE:,} at a time."] if len(rows) > AT_ONCE else []
        name = str(self.opts.verbose_name_plural)  # type: ignore[attr-defined]
        return [self.told_of(obj) for obj in rows], {name: len(rows)}, set(), refused

    def told_of(self, obj: Any) -> str:
        return str(obj)


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        made = (name for name, kind in all_kinds().items() if kind.object in ("track", "intelligence"))
        return [(name, name) for name in ("video", "image", "audio", *sorted(made))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def searched(
    by_id: Callable[..., tuple[QuerySet[Any], bool]],
    matching: Callable[[QuerySet[Any], str], QuerySet[Any]],
    request: HttpRequest,
    queryset: QuerySet[Any],
    search_term: str,
) -> tuple[QuerySet[Any], bool]:
    """Rows by the ids that are typed in; where they are none, or nobody's, by words."""
    found, many = by_id(request, queryset, search_term)
    if not search_term.split() or found.exists():
        return found, many
    return matching(queryset, search_term), False


@admin.register(File)
class FileAdmin(DeletedByService, ServiceAdmin):
    list_display = (
        "public_id",
        "name",
        "what",
        "status_shown",
        "shape_shown",
        "size",
        "project",
        html.moment("created", short=True),
    )
    list_display_links = ("public_id",)
    list_select_related = ("project",)
    list_filter = ("status", "object", KindFilter, ("project", AutocompleteFilter), "created")
    list_defer = ("probe", "metadata", "source_url", "error")
    search_help_text = "Ids of files, media or projects; a file's whole delivery URL; or words that it says."
    indexed_filters = frozenset(
        frozenset(filters)
        for filters in (["project"], ["project", "kind"], ["project", "status"], ["project", "object"])
    )
    searched_ids = {"med": ("media",), "prj": ("project",)}
    readonly_fields = (
        "public_id",
        "project",
        "media_link",
        "object",
        "original",
        "status_shown",
        "error",
        "name",
        "ref",
        "label",
        "language",
        "maker",
        "source_url",
        *TIMES,
        "delivery",
        "facts",
        "storage",
        "members_shown",
        "metadata_shown",
        "probe_shown",
        "attempt",
        "failures",
        *WORK_TIMES,
        "preview_shown",
        "used_by",
    )
    fieldsets = (
        (None, {"fields": ("preview_shown", "name", "public_id", "project", "media_link", "object", "original")}),
        ("State", {"fields": ("status_shown", "error", *TIMES, "maker", "source_url")}),
        ("Facts", {"fields": ("facts", "storage", "members_shown")}),
        ("Delivery", {"fields": ("delivery", "ref", "label", "language", "metadata_shown")}),
        ("Tasks", {"fields": ("used_by",)}),
        (
            "Fetching and probing",
            {"classes": ("collapse",), "fields": ("attempt", "failures", *WORK_TIMES)},
        ),
        ("Everything the probe found", {"classes": ("collapse",), "fields": ("probe_shown",)}),
    )

    def delete_by_service(self, obj: File) -> None:
        file_delete(file=obj)

    def told_of(self, obj: File) -> str:
        return f"file {obj.public_id} {display_name(obj)}".strip()

    # --- The bytes ---

    def get_urls(self) -> list[Any]:
        # Cacheable by the browser alone, as the answer says: seeking in a video would fetch everything anew.
        view = self.admin_site.admin_view(self.content_view, cacheable=True)
        member = self.admin_site.admin_view(self.member_view, cacheable=True)
        own = [
            path("<str:object_id>/content/", view, name="media_app_file_content"),
            path("<str:object_id>/content/<path:name>", member, name="media_app_file_member"),
            path("<str:object_id>/viewer/", self.admin_site.admin_view(self.viewer_view), name="media_app_file_viewer"),
        ]
        return [*own, *super().get_urls()]

    def content_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The entry object itself, with ranges, whether its project is private or not."""
        return content_respond(request, self._with_bytes(request, object_id))

    def member_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponseBase:
        """A further object of a file."""
        member = FileMember.objects.filter(file=self._with_bytes(request, object_id), name=name).first()
        if member is None:
            raise Http404
        return member_respond(request, member)

    def viewer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What a track or a document says, as a part of other pages."""
        file = self._with_bytes(request, object_id)
        if not is_viewed(file):
            raise Http404
        page = request.GET.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 1
        context = viewer_context(file, page=number, has_player=request.GET.get("player") == "no")
        return render(request, "admin/media_app/file/viewer.html", context)

    def _with_bytes(self, request: HttpRequest, object_id: str) -> File:
        if not self.has_view_permission(request):
            raise PermissionDenied
        file = File.objects.defer("probe", "metadata").filter(pk=object_id).first()
        if file is None or not has_bytes(file):
            raise Http404
        return file

    # --- Search ---

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[File], search_term: str
    ) -> tuple[QuerySet[File], bool]:
        if "://" not in search_term:
            return searched(super().get_search_results, file_matching, request, queryset, search_term)
        file = _find_by_url(search_term.strip())
        return queryset.filter(pk=file.pk) if file else queryset.none(), False

    # --- What is shown ---

    @admin.display(description="id")
    def public_id(self, obj: File) -> str:
        return obj.public_id

    @admin.display(description="name")
    def name(self, obj: File) -> str:
        return display_name(obj) or html.NOTHING

    @admin.display(description="what")
    def what(self, obj: File) -> str:
        role = "original" if obj.original else obj.object
        return html.two_lines(f"{obj.kind or 'unknown'}, {role}", obj.type)

    @admin.display(description="status")
    def status_shown(self, obj: File) -> str:
        return status_badge(obj)

    @admin.display(description="picture, length")
    def shape_shown(self, obj: File) -> str:
        return shape(obj)

    @admin.display(description="size")
    def size(self, obj: File) -> str:
        return html.size(obj.filesize)

    @admin.display(description="preview")
    def preview_shown(self, obj: File) -> str:
        return slot(obj) if is_viewed(obj) else preview(obj)

    @admin.display(description="media")
    def media_link(self, obj: File) -> str:
        return html.id_link(f"med_{obj.media_id}")

    @admin.display(description="made by")
    def maker(self, obj: File) -> str:
        return html.id_link(obj.created_by)

    @admin.display(description="delivery URL")
    def delivery(self, obj: File) -> str:
        url = file_url(obj)
        return html.link(url, url)

    @admin.display(description="facts")
    def facts(self, obj: File) -> str:
        return html.facts(
            [
                ("type", obj.type),
                ("kind", obj.kind),
                ("format", obj.format),
                ("container", obj.container),
                ("codec", obj.codec),
                ("picture", f"{obj.width} × {obj.height} {obj.orientation}" if obj.width else None),
                ("rotation", f"{obj.rotation}°" if obj.rotation else None),
                ("transparency", _yes(obj.transparency)),
                ("animated", _yes(obj.animated)),
                ("duration", None if obj.duration is None else f"{obj.duration:.3f} s"),
                ("frames", obj.frames),
                ("frame rate", f"{obj.fps:g} frames/s" if obj.fps else None),
                ("bit rate", f"{obj.bitrate / 1000:,.0f} kbit/s" if obj.bitrate else None),
            ]
        )

    @admin.display(description="bytes")
    def storage(self, obj: File) -> str:
        return html.facts(
            [
                ("all objects", f"{html.size(obj.filesize)} ({obj.filesize:,} bytes)"),
                ("entry", f"{obj.entry_size:,} bytes" if obj.key else None),
                ("bucket key", html.link(content_url(obj), obj.key) if has_bytes(obj) else None),
                ("SHA-256", obj.sha256),
                ("ETag", obj.etag),
            ]
        )

    @admin.display(description="further objects")
    def members_shown(self, obj: File) -> str:
        members = list(FileMember.objects.filter(file=obj).order_by("name")[: MEMBERS_SHOWN + 1])
        if not members:
            return "none"
        rows: list[tuple[str, str, str]] = [
            (html.link(member_url(obj, member.name), member.name), member.type, html.size(member.size))
            for member in members[:MEMBERS_SHOWN]
        ]
        if len(members) > MEMBERS_SHOWN:
            rows.append(("…", f"only the first {MEMBERS_SHOWN} are shown", ""))
        return format_html_join("", "<div>{} · {} {}</div>", rows)

    @admin.display(description="metadata")
    def metadata_shown(self, obj: File) -> str:
        return html.pretty(obj.metadata)

    @admin.display(description="probe")
    def probe_shown(self, obj: File) -> str:
        return html.pretty(obj.probe)

    @admin.display(description="used by")
    def used_by(self, obj: File) -> str:
        return html.related_links(obj)


def _find_by_url(url: str) -> File | None:
    """The file that a delivery URL gives, on the service's own address or a project's domain."""
    host, _, path = url.partition("://")[2].partition("/")
    project = project_find_by_domain(host)
    if project is None:
        public_id, _, path = url.removeprefix(f"{settings.DELIVERY_URL.rstrip('/')}/").partition("/")
        project = project_find(public_id)
    return file_find_by_path(project=project, path=unquote(path.partition("?")[0])) if project else None


def _yes(value: bool | None) -> str | None:
    return None if value is None else ("yes" if value else "no")
