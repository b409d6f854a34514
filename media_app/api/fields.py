"""How the bodies of media and files are read: the same in every version."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from ittyhost.api.openapi import Components
from ittyhost.api.schemas import Schema
from ittyhost.errors import NotFound
from ittyhost.outbound import MAX_URL_LENGTH
from ittyhost.records import parse_id
from media_app.metadata import LIMITS, metadata_problem
from media_app.models import Media
from media_app.selectors import media_get
from media_app.services import place_clean, ref_clean
from media_app.signatures import SCOPES

LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"  # a text without control characters, for OpenAPI


class TextField(serializers.CharField):
    """A line of text; null and "" both mean that nothing is given. Numbers are no text."""

    pattern = LINE

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, required=False, allow_blank=True, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise serializers.ValidationError("This field must not hold control characters.")
        return text

    def openapi_schema(self, components: Components) -> Schema:
        words = {"description": str(self.help_text)} if self.help_text else {}
        shortest = {} if self.allow_blank else {"minLength": 1}
        type = ["string", "null"] if self.allow_null else "string"
        return {"type": type, **shortest, "maxLength": self.max_length, "pattern": self.pattern, **words}


class NameField(TextField):
    """A name as it was given, spaces around it and all: whether it may be one is for the services to say."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **kwargs)


class MetadataField(serializers.JSONField):
    """A JSON object of the client's own, bounded in size, depth and names; what is too much is named by its place.

    An empty array is an empty object: PHP writes both alike, and the vendor's client for it has no other way.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if data == []:
            return {}
        if not isinstance(data, dict):
            raise serializers.ValidationError("This field must be an object.")
        if problem := metadata_problem(data):
            place, sentence = problem
            raise _at(place, f"This field {sentence}")
        return data

    def openapi_schema(self, components: Components) -> Schema:
        return {
            "type": ["object", "array", "null"],
            "additionalProperties": True,
            "maxItems": 0,
            "description": f"{self.help_text} {LIMITS}" if self.help_text else LIMITS,
        }


def _at(place: tuple[str, ...], message: str) -> serializers.ValidationError:
    """The error of a field, told of a place within it."""
    detail: Any = [message]
    for name in reversed(place):
        detail = {name: detail}
    return serializers.ValidationError(detail)


class WholeField(serializers.IntegerField):
    """A whole number as JSON writes it: neither a text, nor 1.0, nor true."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise serializers.ValidationError("This field must be a whole number.")
        return int(data)


class MethodField(serializers.ChoiceField):
    """What a URL is signed for, in either case."""

    def to_internal_value(self, data: Any) -> str:
        method = data.lower() if isinstance(data, str) else data
        if not isinstance(method, str) or method not in self.choices:
            raise serializers.ValidationError(f"This field must be one of {', '.join(self.choices)}.")
        return method


class MediaField(serializers.CharField):
    """The id of a media of the caller's project."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Media:  # type: ignore[override]
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return media_get(project=self.context["project"], media_id=parse_id(data, Media.prefix))
        except NotFound as exc:
            raise NotFound("media_id names no media in this project.", param="media_id", code=exc.code) from None


ECHOED_HEADER = "Accept-Version"  # the vendor's client for Go writes it into its bodies too; the header alone counts


class Body(serializers.Serializer):
    """A body of which every name is known; what is null counts as not given."""

    IGNORED: tuple[str, ...] = ()  # known to older SDKs, without meaning here
    REQUIRED: tuple[str, ...] = ()  # told to OpenAPI; `validate` says it in a sentence of its own
    EXAMPLE: Mapping[str, Any] = {}  # for OpenAPI

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = sorted(set(data) - set(self.fields) - {*self.IGNORED, ECHOED_HEADER})
        if unknown:
            raise serializers.ValidationError(
                {unknown[0]: [f"{unknown[0]} is not known here. Leave it out, or check how it is spelled."]}
            )
        given: dict[str, Any] = super().to_internal_value(data)
        return self.meant(given)

    def meant(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is given, of what stands in the body."""
        return {name: value for name, value in given.items() if value is not None}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "folder" in attrs or "filename" in attrs:
            place_clean(folder=attrs.get("folder", ""), filename=attrs.get("filename", ""))
        ref_clean(attrs.get("ref", ""))
        return attrs

    def openapi_refined(self, schema: Schema) -> Schema:
        """The schema of its fields, and that no other names are taken."""
        ignored = {name: {"description": "Taken from older SDKs; without meaning here."} for name in self.IGNORED}
        properties = schema["properties"] | ignored
        for name in self.REQUIRED:
            properties[name] = properties[name] | {"type": "string", "minLength": 1}
        required = {"required": list(self.REQUIRED)} if self.REQUIRED else {}
        examples = {"examples": [dict(self.EXAMPLE)]} if self.EXAMPLE else {}
        return schema | {"properties": properties, "additionalProperties": False} | required | examples


class FileBody(Body):
    """What `POST /files` reads. A file is fetched in the background, whatever `async` says."""

    IGNORED = ("async",)
    REQUIRED = ("url",)
    EXAMPLE = {
        "url": "https://example.com/harbour.mp4",
        "folder": "demo",
        "filename": "harbour.mp4",
        "metadata": {"user_id": "42"},
    }

    url = TextField(max_length=MAX_URL_LENGTH, help_text="Where the file is fetched from: http or https.")
    media_id = MediaField(source="media", help_text="The media that it joins. Default: a new one.")
    folder = NameField(max_length=1000, help_text="Where it is delivered.")
    filename = NameField(max_length=1000, help_text="What it is delivered as. Default: its id.")
    ref = NameField(max_length=100, help_text="Its name among the `urls` of its media.")
    label = TextField(max_length=200)  # type: ignore[assignment]  # a serializer's own label is not used here
    metadata = MetadataField(help_text="Anything, kept as it is.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("url"):
            raise serializers.ValidationError({"url": ["url is required."]})
        return super().validate(attrs)


class Changes(Body):
    """What a PATCH reads: only what is given changes, and null empties it."""

    def meant(self, given: dict[str, Any]) -> dict[str, Any]:
        empty = {name: {} if isinstance(field, MetadataField) else "" for name, field in self.fields.items()}
        return {name: empty[name] if value is None else value for name, value in given.items()}


class FileChangeBody(Changes):
    """What `PATCH /files/:id` reads."""

    EXAMPLE = {"folder": "archive", "ref": "cover"}

    folder = NameField(max_length=1000, help_text="Where it is delivered from now on. Null: at the top.")
    filename = NameField(
        max_length=1000, help_text="What it is delivered as; with slashes, a path from the top. Null: its id."
    )
    ref = NameField(max_length=100, help_text="A name of your own for it.")
    label = TextField(max_length=200, help_text="What it is called in lists.")  # type: ignore[assignment]
    metadata = MetadataField(help_text="Replaces all that was there. Null: nothing.")


class MediaChangeBody(Changes):
    """What `PATCH /media/:id` reads."""

    EXAMPLE = {"title": "Harbour at dusk"}

    title = TextField(max_length=500)
    alt = TextField(max_length=2000, help_text="What the picture shows, in words.")
    metadata = MetadataField(help_text="Replaces all that was there. Null: nothing.")


class MediaBody(Body):
    """What `POST /media` reads: an empty media, or with `url` one whose original is fetched."""

    IGNORED = ("async", "empty")
    EXAMPLE = {"title": "Harbour", "alt": "Boats in a harbour", "metadata": {"user_id": "42"}}

    title = TextField(max_length=500)
    alt = TextField(max_length=2000, help_text="What the picture shows, in words.")
    metadata = MetadataField(help_text="Anything, kept as it is.")
    url = TextField(max_length=MAX_URL_LENGTH, help_text="Where its original is fetched from. Default: it stays empty.")
    folder = NameField(max_length=1000, help_text="Where its original is delivered.")
    filename = NameField(max_length=1000, help_text="What its original is delivered as.")
    label = TextField(max_length=200, help_text="Of its original.")  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("url"):
            for name in ("folder", "filename", "label"):
                if attrs.get(name):
                    raise serializers.ValidationError({name: [f"{name} needs url: it is about the file fetched."]})
        return super().validate(attrs)


class SignatureBody(Body):
    """What `POST /signatures` reads."""

    IGNORED = ("resumable", "metadata")
    REQUIRED = ("filename",)
    EXAMPLE = {"folder": "demo", "filename": "harbour.mp4", "expiry": 1767225600, "method": "get"}

    filename = NameField(max_length=1000, help_text="The name of the file, or the id of one to read.")
    folder = NameField(max_length=1000, help_text="Where it lies, or is to lie.")
    expiry = WholeField(
        required=False, allow_null=True, help_text="When it expires, unix seconds. Default: an hour from now."
    )
    method = MethodField(
        choices=tuple(SCOPES), required=False, allow_null=True, help_text="What it allows. Default: get."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("filename"):
            raise serializers.ValidationError({"filename": ["filename is required."]})
        return attrs
