"""Reads of media and files: always of one project."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote

from django.db.models import Prefetch, Q, QuerySet

from ittyhost.errors import NotFound
from ittyhost.prepared import Prepared
from ittyhost.records import parse_id
from media_app.models import File, FileMember, Media
from orgs_app.models import Project

# Of files that have their bytes: the last value is the empty key of those that have none. Django puts the conditions
# of one `filter` in an order of its own.
_STORED_BY_ID = Prepared(
    lambda of: File.objects.filter(project=of[0]).filter(pk=of[1]).exclude(key=of[2]).defer("probe")
)
_STORED_AT_PATH = Prepared(
    lambda of: (
        File.objects.filter(project=of[0])
        .filter(folder=of[1])
        .filter(filename=of[2], holds_path=True)
        .exclude(key=of[3])
        .defer("probe")
        .order_by("-created", "-id")
    )
)
_MEMBER = Prepared(
    lambda of: (
        FileMember.objects.select_related("file")
        .filter(file__project=of[0])
        .filter(file=of[1])
        .filter(name=of[2])
        .defer("file__probe")
    )
)

ORIGINAL = "original"  # the ref of the file a media came with, unless its owner named it otherwise


def file_list(
    *, project: Project, object: str = "", kind: str = "", status: str = "", ref: str = "", media_id: str = ""
) -> QuerySet[File]:
    """The files of a project, in no order yet; with `media_id`, as it is written outside, those of one media."""
    files = File.objects.filter(project=project)
    given = {"object": object, "kind": kind, "status": status}
    files = files.filter(**{name: value for name, value in given.items() if value})
    if ref:
        unnamed = Q(ref="", original=True) if ref == ORIGINAL else Q()
        files = files.filter(Q(ref=ref) | unnamed)
    if media_id:
        files = files.filter(media_id=parse_id(media_id, Media.prefix) or "")
    return files.select_related("project").prefetch_related(members_of()).defer("probe")


_prefetch: Any = Prefetch  # its stub wants the path of relations as a literal


def members_of(place: str = "") -> Any:
    """What `prefetch_related` takes to load the members that files are shown with, for `file_members`."""
    return _prefetch(f"{place}members", queryset=FileMember.objects.filter(listed=True), to_attr="listed_members")


def file_members(file: File) -> Iterable[FileMember]:
    """The members that a file is shown with: a package has thousands more, which its playlists name."""
    loaded: Iterable[FileMember] | None = getattr(file, "listed_members", None)
    return file.members.filter(listed=True) if loaded is None else loaded


def file_get(*, project: Project, file_id: str | None) -> File:
    """One file of a project with all that is known of it, by its bare id (None finds nothing). Raises NotFound."""
    files = File.objects.filter(project=project, pk=file_id).select_related("project", "media")
    file = files.first() if file_id else None
    if file is None:
        raise NotFound("There is no file with this id.", param="id", code="file_not_found")
    return file


def source_get(*, project: Project, source_id: str | None) -> File:
    """One source of a project, by its bare id (None finds nothing). Raises NotFound, also for a track and the like."""
    try:
        file = file_get(project=project, file_id=source_id)
    except NotFound:
        file = None
    if file is None or file.object != File.Object.SOURCE:
        raise NotFound("There is no source with this id.", param="id", code="source_not_found")
    return file


def file_find_by_path(*, project: Project, path: str) -> File | None:
    """The file at a delivery path, `<folder>/<filename>` or one that ends in a file's id; None when no bytes are there.

    Of several files of one name the one is meant whose bytes came last; the others have only their ids.
    """
    folder, _, name = path.strip("/").rpartition("/")
    file = None
    if bare := parse_id(name, File.prefix):
        file = _STORED_BY_ID.first([project.pk, bare, ""])
        # Without a name of its own a file is called by its id, in its folder; the bare id works for every file.
        if file is not None and folder and (folder != file.folder or file.filename):
            file = None
    if file is None:
        file = _STORED_AT_PATH.first([project.pk, folder, name, ""])
    if file is not None:
        file.project = project
    return file


def file_find_by_url(*, project: Project, url: str) -> File | None:
    """The file that a delivery URL of the project leads to; None for every other URL."""
    root = f"{project.delivery_url}/"
    if not url.startswith(root):
        return None
    return file_find_by_path(project=project, path=unquote(url.removeprefix(root).partition("?")[0].partition("#")[0]))


def member_find_by_path(*, project: Project, path: str) -> FileMember | None:
    """The member at a delivery path, `<file's id>/<member's name>`; None when there is none."""
    file_id, _, name = path.strip("/").partition("/")
    bare = parse_id(file_id, File.prefix)
    if not bare or not name:
        return None
    member = _MEMBER.first([project.pk, bare, name])
    if member is not None:
        member.file.project = project
    return member


def file_path_find(*, project: Project, file_id: str) -> str | None:
    """The path beside its id at which a file is delivered, by its bare id: of its names, or of its id in its folder.

    None when it has none.
    """
    place = File.objects.filter(project=project, pk=file_id, holds_path=True).values_list("folder", "filename").first()
    if place is None or not any(place):
        return None
    folder, name = place
    return "/".join(part for part in (folder, name or f"{File.prefix}_{file_id}") if part)


def file_url(file: File) -> str:
    """Where a file is delivered, from the moment it is known; reads the file's project.

    That is at its id, once another file has come to its path.
    """
    place = (file.folder, file.filename or file.public_id) if file.holds_path else (file.public_id,)
    path = "/".join(part for part in place if part)
    return f"{file.project.delivery_url}/{quote(path)}"


def member_url(file: File, member: FileMember) -> str:
    """Where a member of a file is delivered; reads the file's project."""
    return f"{file.project.delivery_url}/{file.public_id}/{quote(member.name)}"


def file_ref(file: File) -> str:
    """What a file is called among those of its media; empty when it has no name there."""
    return file.ref or (ORIGINAL if file.original else "")


def media_list(*, project: Project, kind: str = "") -> QuerySet[Media]:
    """The media of a project with their files, in no order yet."""
    media = Media.objects.filter(project=project)
    return _with_files(media.filter(kind=kind) if kind else media)


def media_in_order(*, project: Project, ids: Sequence[str]) -> list[Media]:
    """The media of a project that have these bare ids, in their order and with their files."""
    # By their ids alone: with the project in the query too, SQLite goes through all that the project has.
    found = _with_files(Media.objects.all()).in_bulk(ids)
    return [found[id] for id in ids if id in found and found[id].project_id == project.pk]


def media_get(*, project: Project, media_id: str | None) -> Media:
    """One media of a project with its files, by its bare id (None finds nothing). Raises NotFound."""
    media = _with_files(Media.objects.filter(project=project, pk=media_id)).first() if media_id else None
    if media is None:
        raise NotFound("There is no media with this id.", param="id", code="media_not_found")
    return media


def _with_files(media: QuerySet[Media]) -> QuerySet[Media]:
    files = File.objects.select_related("project").prefetch_related(members_of()).defer("probe")
    files = files.order_by("created", "id")
    return media.select_related("project").prefetch_related(Prefetch("files", queryset=files))


def media_face(files: Iterable[File]) -> File | None:
    """Which of a media's files it looks like: its original, else (that is sound, or gone) the first with a picture."""
    seen = [file for file in files if file.placeholder]
    return next((file for file in seen if file.original), seen[0] if seen else None)


def media_original(media: Media) -> File | None:
    """The file a media came with, with all that is known of it; None for a media without files."""
    return File.objects.filter(media=media, original=True).select_related("project", "media").first()
