"""What there is too much of."""

from typing import Any

from django.conf import settings
from django.test import override_settings

from media_app.delivery import transfers
from orgs_app.models import Project
from tests.errors.base import Scene, provokes


@provokes(
    "payment_required",
    402,
    cause="The project's storage quota has no room.",
    way_out="Delete files, or ask the operator for a larger quota.",
)
def quota_used_up(scene: Scene) -> Any:
    Project.objects.filter(pk=scene.project.pk).update(storage_quota=100, storage_used=100)
    return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"x" * 10, type="image/jpeg")


@provokes(
    "body_too_large",
    413,
    cause="The body is larger than the service takes.",
    way_out="Send less: media go to the delivery address, not into JSON. `MAX_JSON_BYTES` is the operator's setting.",
)
def body_too_large(scene: Scene) -> Any:
    return scene.ask("POST", "/media", {"title": "x" * settings.MAX_JSON_BYTES})


@provokes(
    "body_too_large",
    413,
    cause="The file is larger than the service takes.",
    way_out="Send a smaller one. `MAX_FILE_BYTES` is the operator's setting.",
    by="`MAX_FILE_BYTES` is set to 1024.",
)
def file_too_large(scene: Scene) -> Any:
    with override_settings(MAX_FILE_BYTES=1024):
        return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"x" * 1025, type="image/jpeg")


@provokes(
    "too_many_transfers",
    503,
    cause="As many uploads and downloads run as may run at a time.",
    way_out="Try again after `Retry-After` seconds. `MAX_TRANSFERS` is the operator's setting.",
    by="As many transfers as may run were begun.",
)
def too_many_transfers(scene: Scene) -> Any:
    for _ in range(settings.MAX_TRANSFERS):
        transfers.begin()
    try:
        return scene.ask("GET", scene.delivery("demo/photo.jpg"))
    finally:
        for _ in range(settings.MAX_TRANSFERS):
            transfers.end()
