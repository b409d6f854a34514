"""Parts of the service that do not work: a database, a bucket, a row, a connection."""

import io
import tempfile
import threading
from typing import Any

from django.db import connections
from django.test import override_settings

from tasks_app.models import Task
from tasks_app.tests.factories import make_task
from tests.errors.base import Scene, provokes


@provokes(
    "body_incomplete",
    400,
    cause="The connection broke before the file was whole.",
    way_out="Send it again.",
)
def upload_breaks_off(scene: Scene) -> Any:
    broken = {"wsgi.input": io.BytesIO(b"x" * 10), "CONTENT_LENGTH": "100"}
    return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"x" * 10, type="image/jpeg", **broken)


@provokes(
    "internal_error",
    500,
    cause="A fault of the service.",
    way_out="Try again later; if it stays, give the operator the id in `X-Request-Id`: the log has the rest.",
    by="A task's row is of a kind that does not exist.",
)
def row_is_damaged(scene: Scene) -> Any:
    task = make_task(source=scene.file)
    Task.objects.filter(pk=task.pk).update(kind="gone")
    return scene.ask("GET", f"/tasks/{task.public_id}", headers={"Accept-Version": "2024-03-21"})


@provokes(
    "unavailable",
    503,
    cause="The database does not answer.",
    way_out="Try again after `Retry-After` seconds; `/healthz` tells the operator which part is away.",
    by="The connection of the request's thread leads to a database that cannot be opened.",
)
def database_is_away(scene: Scene) -> Any:
    answers: list[Any] = []

    def elsewhere() -> None:
        # A thread has a connection of its own; this one finds no server, and no file.
        connection = connections["default"]
        away = {"NAME": "/nowhere/ittyhost.sqlite3"} if connection.vendor == "sqlite" else {"PORT": "1"}
        connection.settings_dict = {**connection.settings_dict, **away}
        try:
            answers.append(scene.ask("GET", "/tasks"))
        finally:
            connection.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    return answers[0]


@provokes(
    "storage_unavailable",
    503,
    cause="The bucket does not answer, or is full.",
    way_out="Try again after `Retry-After` seconds; `/healthz` tells the operator which part is away.",
    by="Where the bucket's folder should be there is a file.",
)
def bucket_is_away(scene: Scene) -> Any:
    with tempfile.NamedTemporaryFile() as file, override_settings(BUCKET_URL=f"file://{file.name}"):
        return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"x" * 10, type="image/jpeg")
