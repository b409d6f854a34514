"""Instants as the API writes them: ISO 8601, UTC, whole seconds, `Z`."""

from datetime import UTC, datetime

from rest_framework import serializers


def instant(moment: datetime) -> str:
    """`2024-04-02T09:15:03Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class InstantField(serializers.DateTimeField):
    """A time in an answer, written by `instant`."""

    def to_representation(self, value: datetime) -> str:
        return instant(value)
