"""Tasks of kind ingest: a file fetched from a URL, by the jobs that fetch and probe; cancelled, retried, deleted."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connection

from events_app.models import Event
from ittyhost import queue
from ittyhost.errors import Conflict, Invalid, LimitReached, NotFound
from ittyhost.outbound import FetchFailed
from ittyhost.outbound.tests.site import LOOPBACK, Site
from media_app import jobs as media_jobs
from media_app.models import File, Media
from media_app.services import file_delete, media_delete, work
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from media_app.tests.test_races import together
from media_app.tests.test_work import Web
from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from tasks_app import jobs, services
from tasks_app.control import INGEST, get_kind
from tasks_app.models import Attempt, Task
from tasks_app.tests.factories import make_ingest, make_task

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]

Status = Task.Status
IMAGE = get_kind("image")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web(jpeg_bytes(width=32, height=24))
    monkeypatch.setattr(work, "Download", made)
    return made


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.OUTBOUND_ALLOW = LOOPBACK
    made = Site()
    yield made
    made.close()


def fetch(task: Task, *, probe: bool = True) -> Task:
    """What the workers of the lanes do for it, and the message at the end."""
    media_jobs.work(queue.TRANSFER)
    if probe:
        media_jobs.work(queue.FAST)
    jobs.source_settled(task.source_id)
    return fresh(task)


def fresh(task: Task) -> Task:
    return Task.objects.select_related("source", "output", "project").get(pk=task.pk)


def events(task: Task) -> list[str]:
    found = Event.objects.filter(project=task.project, type__startswith="task.")
    return list(found.order_by("created", "id").values_list("type", flat=True))


# --- it works ---


def test_a_task_and_its_file_are_made_together_and_the_file_is_the_output(woken):
    task = make_ingest(folder="in", filename="a.jpg", ref="cover", label="Cover", metadata={"a": 1})
    file = File.objects.get()
    assert (task.status, task.lane, task.source, task.output, task.media) == (
        Status.WAITING,
        "transfer",
        file,
        file,
        file.media,
    )
    assert (file.source_url, file.status, file.original) == ("https://example.com/clip.jpg", "waiting", True)
    assert (file.folder, file.filename, file.ref, file.label, file.metadata) == (
        "in",
        "a.jpg",
        "cover",
        "Cover",
        {"a": 1},
    )
    assert file.created_by == task.public_id
    assert ("media_app.work", "transfer") in woken
    assert list(Event.objects.order_by("created", "id").values_list("type", flat=True)) == [
        "media.created",
        "file.created",
        "task.created",
    ]
    assert services.task_claim(lane="transfer") is None


def test_an_ingest_waits_until_its_file_is_probed_and_is_ready_then(web):
    task = fetch(make_ingest(), probe=False)
    assert (task.status, task.progress, events(task)) == (Status.WAITING, 0, ["task.created"])
    task = fetch(task)
    assert (task.status, task.progress, task.error) == (Status.READY, 100, "")
    assert task.finished_at is not None
    assert (task.output.status, task.output_size) == ("ready", task.output.filesize)
    facts = ("type", "format", "width", "height", "filesize", "count")
    assert [task.result[name] for name in facts] == ["image/jpeg", "jpeg", 32, 24, task.output.filesize, 1]
    assert events(task) == ["task.created", "task.ready"]
    assert not Attempt.objects.exists()
    assert Project.objects.get().storage_used == task.output_size
    jobs.source_settled(task.source_id)
    services.tasks_sweep()
    assert events(task) == ["task.created", "task.ready"]


def test_a_lost_message_is_made_good_by_the_sweep(web):
    task = make_ingest()
    media_jobs.work(queue.TRANSFER)
    media_jobs.work(queue.FAST)
    services.tasks_sweep()
    assert (fresh(task).status, events(task)) == (Status.READY, ["task.created", "task.ready"])


def test_an_ingest_may_join_a_media_that_is_there(web):
    original = make_file()
    task = fetch(make_ingest(project=original.project, media_id=original.media.public_id))
    assert (task.status, task.media_id, task.output.original) == (Status.READY, original.media_id, False)
    empty = make_media(project=original.project)
    task = fetch(make_ingest(project=original.project, media_id=empty.public_id))
    assert (task.media_id, task.output.original) == (empty.pk, True)


@pytest.mark.parametrize("media_id", ["med_0000000000000000", "med_x", "file_0000000000000000", "theirs"])
def test_a_media_that_is_not_there_is_named_and_nothing_is_written(media_id):
    theirs = make_media()
    with pytest.raises(NotFound) as caught:
        make_ingest(media_id=theirs.public_id if media_id == "theirs" else media_id)
    assert (caught.value.param, caught.value.code) == ("media_id", "media_not_found")
    assert [model.objects.count() for model in (Task, File, Event)] == [0, 0, 0]


def test_a_file_of_the_project_is_not_ingested():
    source = make_file()
    with pytest.raises(Invalid, match="must be a URL"):
        services.task_create(
            project=source.project,
            kind=INGEST,
            options=INGEST.options(),
            definition={},
            source=source,
            input=source.public_id,
        )
    assert not Task.objects.exists()


def test_a_project_without_room_takes_no_ingest():
    project = make_project()
    Project.objects.filter(pk=project.pk).update(storage_quota=10, storage_used=10)
    project.refresh_from_db()
    with pytest.raises(LimitReached):
        make_ingest(project=project)
    assert [model.objects.count() for model in (Task, File, Event)] == [0, 0, 0]


# --- it does not ---


def test_a_url_without_a_file_ends_the_task_with_the_sentence_of_the_fetch(web):
    web.error = FetchFailed("The URL leads to a web page, not to a media file. Give the address of the file itself.")
    task = fetch(make_ingest())
    assert (task.status, task.error) == (Status.ERROR, web.error.message)
    assert (task.output.status, events(task)) == ("failed", ["task.created", "task.error"])


def test_bytes_that_are_no_media_end_the_task(web):
    web.data = b"these are words, and no picture"
    task = fetch(make_ingest())
    assert task.status == Status.ERROR
    assert task.error == task.output.error != ""


@pytest.mark.parametrize("which", ["file", "media"])
def test_a_file_that_is_deleted_before_it_came_ends_its_ingest(web, which):
    task = make_ingest()
    if which == "file":
        file_delete(file=task.source)
    else:
        media_delete(media=task.media)
    task = fetch(task)
    assert (task.status, task.error) == (Status.ERROR, "The file was deleted before it was fetched.")
    assert (task.source, task.output, web.asked) == (None, None, [])
    assert events(task) == ["task.created", "task.error"]
    with pytest.raises(Conflict, match="its input is gone"):
        services.task_retry(task=task)


# --- cancelling ---


def drips(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    for _ in range(2400):
        request.wfile.write(bytes(100))
        time.sleep(0.05)


def test_cancelling_an_ingest_ends_its_fetch_at_once(site):
    site.paths["/a.mp4"] = drips
    task = make_ingest(url=site.url("/a.mp4"))
    cancelled: list[float] = []

    def cancel() -> None:
        try:
            deadline = time.monotonic() + 60
            while not site.asked and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            services.task_cancel(task=task)
            cancelled.append(time.monotonic())
        finally:
            connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    media_jobs.work(queue.TRANSFER)
    took = time.monotonic() - cancelled[0]
    thread.join()
    assert took < 20  # of the 120 that the server takes: a second, on a machine with nothing else to do
    task = fetch(task)
    assert (task.status, events(task)) == (Status.CANCELLED, ["task.created", "task.cancelled"])
    assert (task.output.status, task.output.error) == ("failed", "The fetch was cancelled.")
    assert (task.output.lane, task.output.lease_until, task.output.holds_path) == ("", None, False)
    assert len(site.asked) == 1


def url_task() -> Task:
    """One of another kind, whose input is fetched."""
    return services.task_create(
        project=make_project(),
        kind=IMAGE,
        options=IMAGE.options(),
        definition={},
        source="https://example.com/a.jpg",
        input="https://example.com/a.jpg",
    )


@pytest.mark.parametrize("kind", ["ingest", "image"])
def test_a_fetch_that_has_not_begun_never_does(web, kind):
    task = make_ingest() if kind == "ingest" else url_task()
    services.task_cancel(task=task)
    task = fetch(task)
    assert (task.status, task.source.status, web.asked) == (Status.CANCELLED, "failed", [])


def test_a_fetch_that_another_task_waits_for_goes_on(web):
    task = make_ingest()
    other = make_task(source=task.source, width=8)
    services.task_cancel(task=task)
    task = fetch(task)
    other.refresh_from_db()
    assert (task.status, task.output.status, other.status) == (Status.CANCELLED, "ready", Status.QUEUED)


def test_bytes_that_have_come_stay_though_the_ingest_is_cancelled(web):
    task = fetch(make_ingest(), probe=False)
    services.task_cancel(task=task)
    task = fetch(task)
    assert (task.status, task.output.status) == (Status.CANCELLED, "ready")
    services.task_retry(task=task)  # all that is left to do is to say so
    task = fresh(task)
    assert (task.status, task.output_size) == (Status.READY, task.output.filesize)
    assert events(task) == ["task.created", "task.cancelled", "task.retried", "task.ready"]


def test_a_task_on_a_file_of_the_project_leaves_that_alone_when_it_is_cancelled():
    source = make_file(status=File.Status.WAITING, lane=queue.TRANSFER, source_url="https://example.com/a.jpg")
    services.task_cancel(task=make_task(source=source))
    source.refresh_from_db()
    assert source.status == "waiting"


# --- trying again ---


@pytest.mark.parametrize("kind", ["ingest", "image"])
def test_a_url_that_gave_no_file_is_fetched_again(web, woken, kind):
    web.error = FetchFailed("example.com has nothing at the URL (HTTP 404).")
    task = fetch(make_ingest(filename="a.jpg") if kind == "ingest" else url_task())
    assert task.status == Status.ERROR
    web.error = None
    woken.clear()
    services.task_retry(task=task)
    task = fresh(task)
    assert (task.status, task.error, task.finished_at) == (Status.WAITING, "", None)
    assert (task.source.status, task.source.error, task.source.failures, task.source.holds_path) == (
        "waiting",
        "",
        0,
        True,
    )
    assert ("media_app.work", "transfer") in woken
    task = fetch(task)
    assert task.status == (Status.READY if kind == "ingest" else Status.QUEUED)
    assert len(web.asked) == 2


def test_a_cancelled_ingest_is_fetched_when_it_is_tried_again(web):
    task = make_ingest()
    services.task_cancel(task=task)
    services.task_retry(task=task)
    assert fetch(task).status == Status.READY


def test_bytes_that_could_not_be_read_are_looked_at_again(web):
    web.data = b"these are words, and no picture"
    task = fetch(make_ingest())
    services.task_retry(task=task)
    assert fresh(task).source.lane == "fast"
    task = fetch(task)
    assert (task.status, len(web.asked)) == (Status.ERROR, 1)
    assert events(task) == ["task.created", "task.error", "task.retried", "task.error"]


# --- races ---


@pytest.fixture
def on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("second", ["cancel", "file", "media"])
def test_an_ingest_that_settles_and_is_stopped_at_once_ends_exactly_once(monkeypatch, second):
    calls: dict[str, Callable[[Task], object]] = {
        "cancel": lambda task: services.task_cancel(task=task),
        "file": lambda task: (file_delete(file=task.source), jobs.source_settled(task.source_id)),
        "media": lambda task: (media_delete(media=task.media), jobs.source_settled(task.source_id)),
    }
    for _ in range(6):
        monkeypatch.setattr(work, "Download", Web(jpeg_bytes(width=32, height=24)))
        task = make_ingest()
        raised = together(lambda task=task: fetch(task), lambda task=task: calls[second](task))
        jobs.source_settled(task.source_id)
        services.tasks_sweep()
        task = fresh(task)
        assert task.has_ended
        assert not [exc for exc in raised if not isinstance(exc, Conflict)], raised
        assert len(events(task)) == 2
        assert Media.objects.filter(pk=task.media_id).exists() is (second != "media")
