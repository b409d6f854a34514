from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field
from rest_framework import serializers

from ittyhost.api.dates import InstantField
from ittyhost.api.openapi import Components


class RoundOptions(BaseModel):
    radius: int = Field(ge=1, le=100, description="Half across, pixels.")


class SquareOptions(BaseModel):
    side: int = Field(10, ge=1, description="One side, pixels.")


class OutputField(serializers.Field):
    kinds: ClassVar[dict[str, type[BaseModel]]] = {"round": RoundOptions, "square": SquareOptions}

    def to_internal_value(self, data: Any) -> Any:
        return data

    def openapi_schema(self, components: Components) -> dict[str, Any]:
        return components.one_per_kind(self.kinds, name=lambda kind: f"{kind.title()}Output")


class ThingCreate(serializers.Serializer):
    name = serializers.CharField(max_length=10)
    size = serializers.IntegerField(min_value=1, max_value=5, required=False)
    kind = serializers.ChoiceField(choices=["round", "square"], required=False)
    is_new = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=3), required=False)
    output = OutputField(required=False)
    metadata = serializers.DictField(required=False)


class ThingShow(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    object: Literal["thing"] = serializers.ReadOnlyField(default="thing")  # type: ignore[assignment]
    name = serializers.CharField()
    created = InstantField()
