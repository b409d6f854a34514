"""How the bodies of automations are read: what is the same in every version, and how the rest is told apart."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from ittyhost.api.openapi import Components
from ittyhost.api.schemas import Schema
from media_app.api.fields import Body, MetadataField, TextField
from workflows_app.models import Automation

Status = Automation.Status

# The last two are an early SDK's; it knows no other word for what is not active.
STATUS_WORDS = {
    "active": Status.ACTIVE,
    "paused": Status.PAUSED,
    "inactive": Status.PAUSED,
    "draft": Status.PAUSED,
}
MAX_NAME = 200
NAME = "What people call it."
_LINES = str.maketrans("\r\n\t", "   ")


class NameField(TextField):
    """A name that must be given."""

    def __init__(self) -> None:
        super().__init__(max_length=MAX_NAME, help_text=NAME)
        self.required, self.allow_blank, self.allow_null = True, False, False


class ParagraphsField(TextField):
    """Text of one or more lines."""

    pattern = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$"

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str):
            super().to_internal_value(data.translate(_LINES))
            return data.strip()
        return super().to_internal_value(data)


class StatusField(serializers.Field):
    """A word for a status, as any version writes it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in STATUS_WORDS:
            raise serializers.ValidationError(f"This field must be one of {', '.join(Status)}.")
        return STATUS_WORDS[data]

    def openapi_schema(self, components: Components) -> Schema:
        return {
            "type": ["string", "null"],
            "enum": [*STATUS_WORDS, None],
            "description": "paused, or as an early SDK says inactive or draft: kept, and started by nothing.",
        }


class Given(serializers.Field):
    """A value that the body reads itself, when it knows what stands beside it. Null counts as not given."""

    def __init__(self, schema: Callable[[Components], Schema], *, required: bool = False) -> None:
        super().__init__(required=required, allow_null=not required)
        self._schema = schema

    def to_internal_value(self, data: Any) -> Any:
        return data

    def openapi_schema(self, components: Components) -> Schema:
        schema = self._schema(components)
        return {"anyOf": [schema, {"type": "null"}]} if self.allow_null else schema


class AutomationBody(Body):
    """What is told of an automation, whatever its steps are called. Its validated data are `automation_update`'s."""

    name = TextField(max_length=MAX_NAME, help_text=NAME)
    description = ParagraphsField(max_length=2000, help_text="What it is for.")
    status = StatusField()
    metadata = MetadataField(help_text="Anything, kept as it is.")


class ReplacingBody(serializers.Serializer):
    """What it leaves out is emptied, but for what an automation cannot be without: trigger, steps and status stay.

    It is an early SDK's call, which cannot tell the status; and a new name must not start what was paused.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = super().validate(attrs)
        return {"description": "", "metadata": {}, **given}
