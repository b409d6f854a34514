"""Objects that are not there, or not for whoever asks."""

from typing import Any

from django.db import connection

from media_app.models import Media
from media_app.tests.factories import make_media
from orgs_app.tests.factories import make_project
from tasks_app.tests.factories import make_task
from tests.errors.base import Scene, provokes

GONE = "0000000000000000"


@provokes(
    "forbidden",
    403,
    cause="The files of the project are private.",
    way_out="Send an API key of their project that may read, or a signed URL.",
)
def file_is_private(scene: Scene) -> Any:
    private = Scene(make_project(is_private=True))
    answer = private.ask("GET", private.delivery("demo/photo.jpg"), secret="")
    scene.asked += private.asked
    return answer


@provokes(
    "task_not_found",
    404,
    cause="No task of this project has the id.",
    way_out="Check the id, and that the key is one of the task's project.",
)
def task_unknown(scene: Scene) -> Any:
    return scene.ask("GET", f"/tasks/task_{GONE}")


@provokes(
    "plan_not_found",
    404,
    cause="No worker has begun the task yet, so that it has no plan.",
    way_out="Ask again when the task is being processed; `POST /tasks/plan` tells beforehand what a task would do.",
)
def task_not_begun(scene: Scene) -> Any:
    task = make_task(source=scene.file)
    return scene.ask("GET", f"/tasks/{task.public_id}/plan")


@provokes(
    "input_not_ready",
    409,
    cause="What is to be planned, or used beside the input, is a URL that was not fetched, or a file not ready yet.",
    way_out="Make a file of the URL with `POST /files`, and ask again when it is `ready`.",
)
def input_not_fetched(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks/plan", {"url": "https://example.com/a.mp4", "kind": "image"})


@provokes(
    "file_not_found",
    404,
    cause="No file of this project has the id.",
    way_out="Check the id, and that the key is one of the file's project.",
)
def file_unknown(scene: Scene) -> Any:
    return scene.ask("GET", f"/files/file_{GONE}")


@provokes(
    "file_not_found",
    404,
    cause="The input of a task names no file of this project.",
    way_out="Check the id; a file that was deleted cannot be worked on.",
)
def input_unknown(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks", {"file_id": f"file_{GONE}", "kind": "image"})


@provokes(
    "media_not_found",
    404,
    cause="No media of this project has the id.",
    way_out="Check the id, and that the key is one of the media's project.",
)
def media_unknown(scene: Scene) -> Any:
    return scene.ask("GET", f"/media/med_{GONE}")


@provokes(
    "source_not_found",
    404,
    cause="No source of this project has the id; a file that is a track or intelligence is none.",
    way_out="Check the id, and that the key is one of the source's project; `/files` knows every file.",
)
def source_unknown(scene: Scene) -> Any:
    return scene.ask("GET", f"/sources/file_{GONE}")


@provokes(
    "automation_not_found",
    404,
    cause="No automation of this project has the id.",
    way_out="Check the id, and that the key is one of the automation's project.",
)
def automation_unknown(scene: Scene) -> Any:
    return scene.ask("GET", f"/automations/auto_{GONE}")


@provokes(
    "not_found",
    404,
    cause="No file is delivered at this path.",
    way_out="Check folder and filename: `url` of the file has them.",
)
def nothing_at_the_path(scene: Scene) -> Any:
    return scene.ask("GET", scene.delivery("demo/other.jpg"))


@provokes(
    "document_not_found",
    404,
    cause="There is no OpenAPI document of this version.",
    way_out="Ask for one of those that the message names.",
)
def document_unknown(scene: Scene) -> Any:
    return scene.ask("GET", "/openapi/2020-01-01.json")


@provokes(
    "conflict",
    409,
    cause="What the request is about changed while it was done.",
    way_out="Look at the object again, and send the request anew if it still makes sense.",
    by="The media is deleted between two statements of the request.",
)
def media_deleted_meanwhile(scene: Scene) -> Any:
    media = make_media(project=scene.project)

    def once_seen(execute: Any, sql: str, *args: Any) -> Any:
        found = execute(sql, *args)
        if sql.startswith("SELECT") and 'FROM "media_app_media"' in sql and media.pk is not None:
            gone, media.pk = media.pk, None
            Media.objects.filter(pk=gone).delete()
        return found

    body = {"url": "https://example.com/a.jpg", "media_id": media.public_id}
    with connection.execute_wrapper(once_seen):
        return scene.ask("POST", "/files", body)
