"""Every answer that an SDK reads, in each state its object can have, is one that the strict SDKs can read.

What they must find is taken from the vendor's own package: the type that each of its methods says it gives.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from django.test import Client
from ittybit.automations.client import AutomationsClient
from ittybit.files.client import FilesClient
from ittybit.media.client import MediaClient
from ittybit.signatures.client import SignaturesClient
from ittybit.tasks.client import TasksClient
from ittybit.types.automation import Automation
from ittybit.types.file import File as FileType
from ittybit.types.media import Media as MediaType
from ittybit.types.task import Task

from ittyhost.api.versions import find_version
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.tests.factories import bearer_header, make_api_key, make_project
from tasks_app.tests.factories import end, make_task
from tests.documents import document
from tests.sdk.strictness import faults
from tests.test_answers_match_openapi import fill
from workflows_app.tests.factories import make_automation

pytestmark = pytest.mark.django_db

# What the client of Go sends where it names no version.
GO = {"X-Fern-Language": "Go", "X-Fern-SDK-Name": "github.com/ittybit/sdk-go", "X-Fern-SDK-Version": "v1.0.0"}
WHERE = [{"prop": "kind", "value": "video"}]
TRIGGER = {"kind": "event", "event": "media.created"}


@dataclass(frozen=True)
class Call:
    """A method of the SDK: where it goes, and what it sends. It is asked of every object of its resource."""

    method: Callable[..., Any]
    verb: str
    path: str
    body: Callable[[dict[str, list[str]]], Any] = lambda ids: None

    def __str__(self) -> str:
        return self.method.__qualname__

    @property
    def answer(self) -> Any:
        """The type that it says it gives."""
        return get_type_hints(self.method)["return"]

    @property
    def parameters(self) -> set[str]:
        return set(inspect.signature(self.method).parameters)

    @property
    def is_served(self) -> bool:
        version = find_version("latest")
        assert version is not None
        return self.verb in document(version)["paths"].get(self.path, {})


def call(method: Callable[..., Any], verb: str, path: str, body: Any = None) -> Call:
    return Call(method, verb, path, body if callable(body) else lambda ids: body)


CALLS = (
    call(TasksClient.list, "get", "/tasks"),
    call(TasksClient.get, "get", "/tasks/{task_id}"),
    call(TasksClient.create, "post", "/tasks", lambda ids: {"file_id": ids["file"][0], "kind": "image", "width": 8}),
    call(FilesClient.list, "get", "/files"),
    call(FilesClient.get, "get", "/files/{file_id}"),
    call(FilesClient.create, "post", "/files", {"url": "https://example.com/a.mp4", "metadata": {"c": 1}}),
    call(FilesClient.update, "patch", "/files/{file_id}", {"ref": "cover", "metadata": {}}),
    call(FilesClient.delete, "delete", "/files/{file_id}"),
    call(MediaClient.list, "get", "/media"),
    call(MediaClient.get, "get", "/media/{media_id}"),
    call(MediaClient.create, "post", "/media", {"title": "Harbour"}),
    call(MediaClient.update, "patch", "/media/{media_id}", {"title": "Harbour", "metadata": {}}),
    call(MediaClient.delete, "delete", "/media/{media_id}"),
    call(SignaturesClient.create, "post", "/signatures", {"filename": "a.mp4", "folder": "b", "method": "put"}),
    call(AutomationsClient.list, "get", "/automations"),
    call(AutomationsClient.get, "get", "/automations/{automation_id}"),
    call(AutomationsClient.create, "post", "/automations", {"trigger": TRIGGER, "workflow": [{"kind": "speech"}]}),
    call(AutomationsClient.update, "patch", "/automations/{automation_id}", {"status": "paused"}),
    call(AutomationsClient.delete, "delete", "/automations/{automation_id}"),
)


STEPS = [
    {"kind": "image", "width": "50%", "ref": "a", "next": [{"kind": "speech", "ref": "b", "extra": [1]}]},
    {"kind": "conditions", "conditions": WHERE, "next": [{"kind": "http", "url": "https://example.com"}]},
]
VIDEO = {
    "kind": "video",
    "type": "video/mp4",
    "container": "mp4",
    "codec": "h264",
    "width": 1280,
    "height": 720,
    "duration": 61.0,
    "fps": 25.0,
    "frames": 1525,
    "bitrate": 2_500_000,
    "rotation": 90,
    "orientation": "landscape",
    "animated": False,
    "folder": "demo",
    "filename": "harbour.mp4",
    "ref": "original",
    "label": "first",
    "created_by": "tsk_0123456789abcdef",
    "metadata": {"a": [1, None]},
}


def fill_all(project: Project) -> dict[str, list[str]]:
    """The ids of all that there can be of each resource, in every state."""
    tasks, files = fill(project)
    clip = make_file(project=project, **VIDEO)
    track = make_file(
        media=clip.media, object="track", kind="subtitles", type="text/vtt", original=False, language="en"
    )
    of_a_clip = end(make_task(source=clip), "ready", progress=100)
    make_file(media=clip.media, id=of_a_clip.output_id, original=False, ref="cover", metadata={"a": {"b": 1}})
    facts = end(make_task(source=clip, kind="probe"), "ready", progress=100, result={"kind": "video", "width": 1280})
    gated = make_automation(project=project, conditions=WHERE, workflow=STEPS, metadata={"a": 1})
    bare = make_automation(project=project, name="", status="paused")
    return {
        "task": [task.public_id for task in [*tasks, of_a_clip, facts]],
        "file": [file.public_id for file in [*files, clip, track]],
        "media": [files[0].media.public_id, clip.media.public_id, make_media(project=project).public_id],
        "automation": [gated.public_id, bare.public_id],
    }


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_strict_clients_read_every_answer(call: Call, project: Project) -> None:
    if not call.is_served:
        pytest.fail(f"{call.verb.upper()} {call.path} is not served")
    ids = fill_all(project)
    _, secret = make_api_key(project=project)
    client = Client(headers=bearer_header(secret) | GO)
    body = call.body(ids)
    sent: dict[str, Any] = {} if body is None else {"data": body, "content_type": "application/json"}
    asked = 0
    for path in paths(call, ids):
        answer = getattr(client, call.verb)(path, **sent)
        assert 200 <= answer.status_code < 300, answer.content
        assert list(faults(answer.json(), call.answer)) == [], path
        assert "list" not in str(call) or len(answer.json()) > 1
        asked += 1
    assert asked


def paths(call: Call, ids: dict[str, list[str]]) -> Iterator[str]:
    before, _, named = call.path.partition("{")
    if named:
        yield from (before + id for id in ids[named.removesuffix("_id}")])
    else:
        yield call.path


def test_every_method_of_the_sdk_is_asked() -> None:
    clients = (AutomationsClient, FilesClient, MediaClient, SignaturesClient, TasksClient)
    methods = {
        method.__qualname__
        for client in clients
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }
    assert {str(call) for call in CALLS} == methods


# --- what the strict clients send ---

PHP = {"X-Fern-Language": "PHP", "X-Fern-SDK-Name": "Ittybit", "X-Fern-SDK-Version": "1.0.0"}
# The calls whose body the SDK makes itself; a task's is sent as the caller wrote it.
TYPED = [call for call in CALLS if call.verb in ("post", "patch") and call.path != "/tasks"]


@pytest.mark.parametrize("call", TYPED, ids=str)
def test_the_version_may_stand_in_the_body_too(call: Call, project: Project) -> None:
    """Go's client writes its header into the body as well."""
    ids = fill_all(project)
    client = Client(headers=bearer_header(make_api_key(project=project)[1]) | GO)
    ask, path = getattr(client, call.verb), next(paths(call, ids))
    answer = ask(path, data=call.body(ids) | {"Accept-Version": "2025-08-20"}, content_type="application/json")
    assert 200 <= answer.status_code < 300, answer.content
    assert list(faults(answer.json(), call.answer)) == []
    answer = ask(path, data=call.body(ids) | {"Accept_Version": "2025-08-20"}, content_type="application/json")
    assert (answer.status_code, answer.json()["param"]) == (400, "Accept_Version")


@pytest.mark.parametrize("call", [call for call in TYPED if "metadata" in call.parameters], ids=str)
def test_an_empty_array_is_no_metadata(call: Call, project: Project) -> None:
    """PHP writes an empty object as an empty array, and its client has no other way to empty one."""
    ids = fill_all(project)
    client = Client(headers=bearer_header(make_api_key(project=project)[1]) | PHP)
    path = list(paths(call, ids))[-1]
    answer = getattr(client, call.verb)(path, data=call.body(ids) | {"metadata": []}, content_type="application/json")
    assert 200 <= answer.status_code < 300, answer.content
    assert answer.json()["metadata"] == {}


# --- what the strict clients fail on ---

TASK = {"id": "task_x", "object": "task", "kind": "image", "status": "pending"}
TASK |= {"created": "2025-09-01T08:00:00Z", "updated": "2025-09-01T08:00:00.123+02:00"}
FILE = {"id": "file_x", "media_id": "med_x", "object": "source", "kind": "video", "type": "video/mp4", "filesize": 0}
FILE |= {"url": "https://example.com/a", "status": "ready", "created": TASK["created"], "updated": TASK["updated"]}
MEDIA = {
    "id": "med_x",
    "object": "media",
    "files": [],
    "urls": {},
    "created": TASK["created"],
    "updated": TASK["updated"],
}
AUTOMATION = {"id": "auto_x", "trigger": TRIGGER, "workflow": [{"kind": "speech"}], "status": "active"}
AUTOMATION |= {"created": TASK["created"], "updated": TASK["updated"]}


@pytest.mark.parametrize(
    ("type", "good", "change", "place"),
    [
        (Task, TASK, {"id": None}, "$.id"),
        (Task, TASK, {"status": None}, "$.status"),
        (Task, TASK, {"status": 5}, "$.status"),
        (Task, TASK, {"created": None}, "$.created"),
        (Task, TASK, {"created": "2025-09-01 08:00:00Z"}, "$.created"),
        (Task, TASK, {"updated": "2025-09-01T08:00:00"}, "$.updated"),
        (Task, TASK, {"updated": "2025-13-01T08:00:00Z"}, "$.updated"),
        (Task, TASK, {"updated": 1756713600}, "$.updated"),
        (Task, TASK, {"input": "file_x"}, "$.input"),
        (Task, TASK, {"options": []}, "$.options"),
        (Task, TASK, {"output": "file_x"}, "$.output"),
        (Task, TASK, {"error": {"message": "x"}}, "$.error"),
        (Task, TASK, {"progress": 1.0}, "$.progress"),
        (Task, TASK, {"progress": True}, "$.progress"),
        (Task, TASK, {"results": {"continue": "yes"}}, "$.results.continue"),
        (FileType, FILE, {"media_id": None}, "$.media_id"),
        (FileType, FILE, {"url": None}, "$.url"),
        (FileType, FILE, {"filesize": None}, "$.filesize"),
        (FileType, FILE, {"filesize": "5"}, "$.filesize"),
        (FileType, FILE, {"width": 1280.0}, "$.width"),
        (FileType, FILE, {"height": True}, "$.height"),
        (FileType, FILE, {"original": 1}, "$.original"),
        (FileType, FILE, {"duration": "61"}, "$.duration"),
        (FileType, FILE, {"metadata": []}, "$.metadata"),
        (MediaType, MEDIA, {"files": None}, "$.files"),
        (MediaType, MEDIA, {"files": [FILE, FILE | {"frames": 1.5}]}, "$.files.1.frames"),
        (MediaType, MEDIA, {"urls": []}, "$.urls"),
        (Automation, AUTOMATION, {"trigger": None}, "$.trigger"),
        (Automation, AUTOMATION, {"trigger": {"event": "media.created"}}, "$.trigger.kind"),
        (Automation, AUTOMATION, {"trigger": TRIGGER | {"event": "media.ready"}}, "$.trigger.event"),
        (Automation, AUTOMATION, {"workflow": None}, "$.workflow"),
        (Automation, AUTOMATION, {"workflow": [{"kind": "speech", "ref": 5}]}, "$.workflow.0.ref"),
        (Automation, AUTOMATION, {"workflow": [{"kind": "speech", "next": ["x"]}]}, "$.workflow.0.next.0"),
    ],
)
def test_what_they_fail_on_is_found(type: Any, good: Any, change: Any, place: str) -> None:
    assert list(faults(good, type)) == []
    [found] = faults(good | change, type)
    assert found.startswith(f"{place} is ")
    assert list(faults([good], list[type])) == []
    assert list(faults({"data": good}, type)) != []
    if None in change.values():
        assert list(faults({name: value for name, value in good.items() if name not in change}, type)) == [
            f"{place} is missing"
        ]
