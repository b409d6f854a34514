"""Media, files and sources over HTTP, the same in every version."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.kinds import ALIASES
from ittyhost.api.openapi import documented
from ittyhost.api.paging import Filter, paginate_ranked
from ittyhost.api.views import ProjectView
from ittyhost.records import parse_id
from media_app.api.shapes import FILE_SHAPES, MEDIA_SHAPES
from media_app.models import File, Media
from media_app.search import RELEVANCE, media_search
from media_app.selectors import file_get, file_list, media_get, media_list, source_get
from media_app.services import file_delete, file_from_url, file_update, media_create, media_delete, media_update
from media_app.terms import WITHIN
from workers.kinds import all_kinds

# What a file can be, by the contract; those included that this service does not make (yet).
MEDIA_KINDS = ("video", "image", "audio")
FILE_KINDS = (
    *MEDIA_KINDS,
    *("subtitles", "chapters", "thumbnails"),
    *("speech", "tags", "description", "nsfw", "prompt", "outline"),
)


def _words(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def file_kinds() -> dict[str, str]:
    """What may be asked for as a file's `kind`."""
    return _words(dict.fromkeys((*FILE_KINDS, *sorted(all_kinds())))) | ALIASES


FILE_FILTERS = (
    Filter("kind", file_kinds, "Only files of this kind."),
    Filter("status", _words(File.Status.values), "Only files in this state."),
    Filter("ref", None, "Only files of this name among those of their media."),
    Filter("media_id", None, "Only files of this media."),
)


class SearchFilter(Filter):
    """Words to be found in what a list is of."""

    def schema(self) -> dict[str, Any]:
        return super().schema() | {"pattern": WITHIN}


class MediaListView(ProjectView):
    shapes = MEDIA_SHAPES
    sorts = {"created": "created", "updated": "updated", RELEVANCE: "created"}
    filters = (
        Filter("kind", _words(MEDIA_KINDS), "Only media of this kind."),
        SearchFilter(
            "search",
            None,
            "Only media in whose title, alt or name, transcripts, descriptions, tags, chapters or other texts all of "
            'these words stand; "words in quotes" one after the other, word* for its beginning, -word for those '
            "without. The most relevant come first, unless `sort` says otherwise.",
        ),
    )

    @documented(MEDIA_SHAPES, response="media_schema", many=True)
    def get(self, request: Request) -> Response:
        """List media."""
        given = self.filtered()
        if "search" not in given:
            return self.page(media_list(project=self.project, **given), self.shape.media_show)
        wanted = self.wanted({RELEVANCE: RELEVANCE, **{name: name for name in self.sorts if name != RELEVANCE}})
        found = media_search(project=self.project, sort=wanted.sort, **given)
        return self.listed(paginate_ranked(found, wanted), self.shape.media_show)

    @documented(
        MEDIA_SHAPES,
        request="MediaCreate",
        response="media_schema",
        refusals={402: "The project's storage is full."},
    )
    def post(self, request: Request) -> Response:
        """Create a media.

        It is empty, or, with `url`, gets the file there as its original.
        """
        body = self.shape.MediaCreate(data=request.data, context={"project": self.project})
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        about = {name: given.pop(name) for name in ("title", "alt", "metadata") if name in given}
        with transaction.atomic():
            media = media_create(project=self.project, **about)
            if given.get("url"):
                file_from_url(project=self.project, media=media, created_by=self.api_key.public_id, **given)
        return self.created(self.shape.media_show(media_get(project=self.project, media_id=media.pk)))


class MediaView(ProjectView):
    shapes = MEDIA_SHAPES
    collection = "/media"

    @documented(MEDIA_SHAPES, response="media_schema")
    def get(self, request: Request, media_id: str) -> Response:
        """View a media."""
        return self.ok(self.shape.media_show(self._media(media_id)))

    @documented(MEDIA_SHAPES, request="MediaChange", response="media_schema")
    def patch(self, request: Request, media_id: str) -> Response:
        """Change what is told of a media.

        Only what is given changes; null empties it.
        """
        media = self._media(media_id)
        body = self.shape.MediaChange(data=request.data)
        body.is_valid(raise_exception=True)
        media_update(media=media, changes=body.validated_data)
        return self.ok(self.shape.media_show(self._media(media_id)))

    @documented(MEDIA_SHAPES)
    def delete(self, request: Request, media_id: str) -> Response:
        """Delete a media with all its files."""
        media = self._media(media_id)
        media_delete(media=media)
        return self.deleted(media.public_id)

    def _media(self, media_id: str) -> Media:
        return media_get(project=self.project, media_id=parse_id(media_id, Media.prefix))


class FileListView(ProjectView):
    shapes = FILE_SHAPES
    sorts = {"created": "created", "updated": "updated", "filesize": "filesize"}
    filters = (*FILE_FILTERS, Filter("object", _words(File.Object.values), "Only files of this sort."))

    @documented(FILE_SHAPES, response="file_schema", many=True)
    def get(self, request: Request) -> Response:
        """List files."""
        return self.page(file_list(project=self.project, **self.filtered()), self.shape.file_show)

    @documented(
        FILE_SHAPES,
        request="FileCreate",
        response="file_schema",
        refusals={402: "The project's storage is full.", 404: "`media_id` names no media in this project."},
    )
    def post(self, request: Request) -> Response:
        """Create a file from a URL.

        It is fetched in the background; its `status` tells when it is ready.
        """
        body = self.shape.FileCreate(data=request.data, context={"project": self.project})
        body.is_valid(raise_exception=True)
        file = file_from_url(project=self.project, created_by=self.api_key.public_id, **body.validated_data)
        return self.created(self.shape.file_show(file))


class FileActions(ProjectView):
    """What can be done with a file, whichever way it was found."""

    shapes = FILE_SHAPES

    def shown(self, file: File) -> Response:
        return self.ok(self.shape.file_show(file))

    def changed(self, file: File) -> Response:
        body = self.shape.FileChange(data=self.request.data)
        body.is_valid(raise_exception=True)
        return self.shown(file_update(file=file, changes=body.validated_data))

    def gone(self, file: File) -> Response:
        file_delete(file=file)
        return self.deleted(file.public_id)


class FileView(FileActions):
    collection = "/files"

    @documented(FILE_SHAPES, response="file_schema")
    def get(self, request: Request, file_id: str) -> Response:
        """View a file."""
        return self.shown(self._file(file_id))

    @documented(FILE_SHAPES, request="FileChange", response="file_schema")
    def patch(self, request: Request, file_id: str) -> Response:
        """Change where a file is, or what is told of it.

        Only what is given changes; null empties it. A new folder or filename changes `url` at once: the file takes the
        path from whichever file has it, and where it was, nothing is.
        """
        return self.changed(self._file(file_id))

    @documented(FILE_SHAPES)
    def delete(self, request: Request, file_id: str) -> Response:
        """Delete a file."""
        return self.gone(self._file(file_id))

    def _file(self, file_id: str) -> File:
        return file_get(project=self.project, file_id=parse_id(file_id, File.prefix))


class SourceListView(ProjectView):
    """The files that are a variant of their media; tasks_app adds the POST that makes one."""

    shapes = FILE_SHAPES
    sorts = FileListView.sorts
    filters = FILE_FILTERS

    @documented(FILE_SHAPES, response="file_schema", many=True)
    def get(self, request: Request) -> Response:
        """List sources: the files that are a variant of their media."""
        sources = file_list(project=self.project, object=File.Object.SOURCE, **self.filtered())
        return self.page(sources, self.shape.file_show)


class SourceView(FileActions):
    collection = "/sources"

    @documented(FILE_SHAPES, response="file_schema")
    def get(self, request: Request, source_id: str) -> Response:
        """View a source."""
        return self.shown(self._source(source_id))

    @documented(FILE_SHAPES, request="FileChange", response="file_schema")
    def patch(self, request: Request, source_id: str) -> Response:
        """Change where a source is, or what is told of it.

        As for any file.
        """
        return self.changed(self._source(source_id))

    @documented(FILE_SHAPES)
    def delete(self, request: Request, source_id: str) -> Response:
        """Delete a source."""
        return self.gone(self._source(source_id))

    def _source(self, source_id: str) -> File:
        return source_get(project=self.project, source_id=parse_id(source_id, File.prefix))
