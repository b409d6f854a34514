"""Media and files over HTTP, the same in every version."""

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.openapi import documented
from ittyhost.api.views import ProjectView
from ittyhost.records import parse_id
from media_app.api.shapes import FILE_SHAPES, MEDIA_SHAPES
from media_app.models import File, Media
from media_app.selectors import file_get, file_list, media_get, media_list
from media_app.services import file_delete, file_from_url, media_create, media_delete


class MediaListView(ProjectView):
    shapes = MEDIA_SHAPES

    @documented(MEDIA_SHAPES, response="media_schema", many=True)
    def get(self, request: Request) -> Response:
        """List media."""
        return self.page(media_list(project=self.project), self.shape.media_show)

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

    @documented(FILE_SHAPES, response="file_schema", many=True)
    def get(self, request: Request) -> Response:
        """List files."""
        return self.page(file_list(project=self.project), self.shape.file_show)

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


class FileView(ProjectView):
    shapes = FILE_SHAPES
    collection = "/files"

    @documented(FILE_SHAPES, response="file_schema")
    def get(self, request: Request, file_id: str) -> Response:
        """View a file."""
        return self.ok(self.shape.file_show(self._file(file_id)))

    @documented(FILE_SHAPES)
    def delete(self, request: Request, file_id: str) -> Response:
        """Delete a file."""
        file = self._file(file_id)
        file_delete(file=file)
        return self.deleted(file.public_id)

    def _file(self, file_id: str) -> File:
        return file_get(project=self.project, file_id=parse_id(file_id, File.prefix))
