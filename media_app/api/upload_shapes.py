"""Uploads in every version: what a session is made of, and how far an upload in pieces is."""

import re
from typing import Any

from rest_framework import serializers

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import closed, described
from ittyhost.errors import NotFound
from ittyhost.records import parse_id
from media_app.api.fields import Body, MediaField, MetadataField, NameField, TextField
from media_app.models import File
from media_app.selectors import file_get
from media_app.services import Progress

CONDITIONS = ("format", "kind", "type")
MAX_PATIENCE = 30
ALIAS = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)


class AliasField(TextField):
    """A name of letters, digits and hyphens."""

    def to_internal_value(self, data: Any) -> str:
        alias = super().to_internal_value(data)
        if alias and not ALIAS.fullmatch(alias):
            raise serializers.ValidationError("This field must have letters, digits and hyphens only.")
        return alias


class FlatField(MetadataField):
    """Metadata whose values are texts, numbers, booleans and null."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        metadata = super().to_internal_value(data)
        for name, value in metadata.items():
            if isinstance(value, dict | list):
                raise serializers.ValidationError(f"{name[:100]} must be a text, a number, a boolean or null.")
        return metadata


class ConditionsField(serializers.JSONField):
    """What the file must turn out to be, by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("This field must be an object.")
        for name, value in data.items():
            if name not in CONDITIONS:
                raise serializers.ValidationError(f"{name[:100]} is no condition: {', '.join(CONDITIONS)} are.")
            if not (isinstance(value, str) and 1 <= len(value) <= 100):
                raise serializers.ValidationError(f"{name} must be a text of 1 to 100 characters.")
        return data

    def openapi_schema(self, components: Components) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": 100}
        properties = dict.fromkeys(CONDITIONS, text)
        return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


class FileField(serializers.CharField):
    """The id of a file of the caller's project."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> File:  # type: ignore[override]
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return file_get(project=self.context["project"], file_id=parse_id(data, File.prefix))
        except NotFound as exc:
            raise NotFound("file_id names no file in this project.", param="file_id", code=exc.code) from None


class UploadBody(Body):
    """What `POST /uploads` reads."""

    EXAMPLE = {"resumable": True, "filename": "demo/harbour.mp4", "metadata": {"user_id": "42"}}

    resumable = serializers.BooleanField(
        required=False, allow_null=True, help_text="Whether the file comes in pieces. Default: false."
    )
    conditions = ConditionsField(help_text="What the file must turn out to be; one that is not has failed.")
    alias = AliasField(max_length=100, help_text="Its address is `<alias>/original` then, once per project.")
    folder = NameField(max_length=1000, help_text="Where it is delivered.")
    filename = NameField(
        max_length=1000, help_text="What it is delivered as. Default: `<media id>/original`, if it is the original."
    )
    media_id = MediaField(source="media", help_text="The media that it joins. Default: a new one.")
    file_id = FileField(source="beside", help_text="A file whose media it joins.")
    title = TextField(max_length=500, help_text="Of the media, if it has none.")
    alt = TextField(max_length=2000, help_text="What the picture shows, of the media, if it has none.")
    label = TextField(max_length=200)  # type: ignore[assignment]  # a serializer's own label is not used here
    ref = NameField(max_length=100, help_text="Its name among the `urls` of its media.")
    metadata = FlatField(help_text="Texts, numbers, booleans and null by name, kept as they are.")
    timeout = serializers.FloatField(
        source="patience",
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_PATIENCE,
        help_text="Seconds that the answer to the upload waits for the file to be looked at.",
    )

    def get_fields(self) -> dict[str, Any]:
        help_text = "Whether the answer to the upload waits for nothing."
        own = {"async": serializers.BooleanField(required=False, allow_null=True, help_text=help_text)}
        return super().get_fields() | own

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs.get("alias"):
            for name in ("folder", "filename"):
                if attrs.get(name):
                    raise serializers.ValidationError({"alias": [f"alias goes without {name}: either names the file."]})
        if beside := attrs.pop("beside", None):
            if "media" in attrs and attrs["media"].pk != beside.media_id:
                raise serializers.ValidationError({"file_id": ["file_id names a file of another media than media_id."]})
            attrs["media"] = beside.media
        if attrs.pop("async", False):
            attrs["patience"] = 0.0
        return attrs


def upload_schema(components: Components) -> dict[str, Any]:
    return components.add("Upload", closed(described({"url": "string"})))


def progress_show(progress: Progress) -> dict[str, Any]:
    """How far an upload is. Of each gap the first and the last byte."""
    return {
        "received": progress.received,
        "total": progress.total,
        "missing": [list(gap) for gap in progress.missing],
        "expires": instant(progress.expires) if progress.expires else None,
    }


def progress_schema(components: Components) -> dict[str, Any]:
    gap = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
    properties = described({"received": "integer", "total": "integer", "expires": "date-time?"}) | {
        "missing": {"type": "array", "items": gap, "description": "Of each gap the first and the last byte."}
    }
    properties["received"]["description"] = "Bytes that are there."
    properties["total"]["description"] = "Bytes of the whole file."
    properties["expires"]["description"] = "When the upload is given up, unless another piece comes."
    return components.add("UploadProgress", closed(properties))
