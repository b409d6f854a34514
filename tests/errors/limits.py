"""What there is too much of."""

import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.test import override_settings

from ittyhost.api import throttling
from ittyhost.api.limits import MAX_HEADER_BYTES, MAX_QUERY_BYTES
from ittyhost.broker_client import connect
from ittyhost.launcher.broker import EmbeddedBroker
from media_app.delivery import transfers
from orgs_app.models import Project
from tests.errors.base import Scene, provokes
from tests.folders import SHORT


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
    "uri_too_long",
    414,
    cause="The path or the query is longer than the service takes.",
    way_out="Send less in the address: docs/limits.md has every limit.",
)
def query_too_long(scene: Scene) -> Any:
    return scene.ask("GET", f"/tasks?kind={'x' * MAX_QUERY_BYTES}")


@provokes(
    "headers_too_large",
    431,
    cause="There are more header fields, or longer ones, than the service takes.",
    way_out="Send fewer headers: docs/limits.md has every limit.",
)
def headers_too_large(scene: Scene) -> Any:
    return scene.ask("GET", "/tasks", headers={"X-Long": "x" * MAX_HEADER_BYTES})


@provokes(
    "rate_limited",
    429,
    cause="The API key was used for more requests than it may make in a while.",
    way_out="Wait `Retry-After` seconds; the header `RateLimit` says beforehand how many requests are left.",
    by="`RATE_LIMIT` and `RATE_BURST` are set to 1; it is the second request.",
)
def too_many_requests(scene: Scene) -> Any:
    with (
        tempfile.TemporaryDirectory(dir=SHORT) as folder,
        EmbeddedBroker(Path(folder) / "broker.sock") as broker,
        override_settings(BROKER_URL=broker.url, RATE_LIMIT=1, RATE_BURST=1),
        patch.object(throttling, "ANSWER_SECONDS", 60),
        connect(broker.url, seconds=60) as client,
    ):
        scene.ask("GET", "/tasks")
        for bucket in client.keys("ittyhost:rate:*"):  # on a slow machine the second request comes a second later
            client.set(bucket, str(int((time.time() + 86400) * 1e6)))
        return scene.ask("GET", "/tasks")


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
