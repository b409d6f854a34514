"""What happens at the worst moment: commits whose answer is lost, clean-ups and deletions beside writers."""

import io
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from ittyhost import heartbeat, queue
from ittyhost.heartbeat import Heartbeat
from media_app import jobs, services
from media_app.models import DeadObject, File, Media
from media_app.services import LeaseLost, files, objects, work
from media_app.services.facts import file_facts
from media_app.storage import TransferStopped, bucket
from media_app.tests.factories import jpeg_bytes, jpeg_facts, make_file, make_media
from media_app.tests.test_work import Web
from orgs_app.models import Project
from orgs_app.tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)

Status = File.Status
URL = "https://example.com/clip.jpg"


@pytest.fixture(autouse=True)
def nothing_sent(monkeypatch) -> None:
    monkeypatch.setattr(queue, "send", lambda job, *args, lane: None)
    monkeypatch.setattr("events_app.services.send", lambda *args, lane: None)
    monkeypatch.setattr(queue, "waiting", lambda lane: 0)
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: None))


@pytest.fixture
def web(monkeypatch) -> Web:
    made = Web(jpeg_bytes())
    monkeypatch.setattr(work, "Download", made)
    return made


def clean_up() -> None:
    DeadObject.objects.filter(pending=False).update(due_at=Now())
    services.objects_clean_up()


def lost_answer() -> None:
    raise OperationalError("the connection was lost")


def receive(project: Project, **arguments: Any) -> File:
    data = jpeg_bytes()
    return services.file_receive(project=project, stream=io.BytesIO(data), length=len(data), **arguments)


def beat() -> Heartbeat:
    return Heartbeat(lambda: True)


# --- commits whose answer is lost ---


def test_bytes_of_an_upload_that_was_committed_stay_though_its_answer_was_lost(monkeypatch):
    monkeypatch.setattr(files, "path_take", lambda *, file: transaction.on_commit(lost_answer))
    with pytest.raises(OperationalError):
        receive(make_project())
    file = File.objects.get()
    clean_up()
    assert bucket().stat(file.key).size == file.filesize
    assert DeadObject.objects.count() == 0


def test_bytes_of_a_fetch_that_was_committed_stay_though_its_answer_was_lost(web, monkeypatch):
    file = services.file_from_url(project=make_project(), url=URL)
    monkeypatch.setattr(work, "path_take", lambda *, file: transaction.on_commit(lost_answer))
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    clean_up()
    assert (file.status, file.lane) == ("waiting", "fast")
    assert bucket().stat(file.key).size == file.filesize
    assert DeadObject.objects.count() == 0


def test_an_upload_that_was_not_committed_leaves_nothing(monkeypatch):
    monkeypatch.setattr(files, "path_take", lambda *, file: lost_answer())
    project = make_project()
    with pytest.raises(OperationalError):
        receive(project)
    clean_up()
    assert list(bucket().list_prefix(f"{project.pk}/")) == []
    assert File.objects.count() == DeadObject.objects.count() == 0


def test_what_an_attempt_writes_long_after_it_was_cleaned_up_after_leaves_nothing(web):
    file = services.file_from_url(project=make_project(), url=URL)
    late = services.file_claim(lane=queue.TRANSFER)
    assert late is not None
    fetched = services.file_fetch(file=late, heartbeat=beat())
    DeadObject.objects.all().delete()  # as a clean-up did that ran before the last byte came
    File.objects.update(attempt=late.attempt + 1)
    with pytest.raises(LeaseLost):
        services.file_fetched(file=late, fetched=fetched)
    services.fetched_discard(fetched=fetched)
    clean_up()
    assert list(bucket().list_prefix(f"{file.project_id}/")) == []


# --- a database that is away for a moment ---


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
@pytest.mark.parametrize("name", ["file_fetched", "file_probed"])
def test_a_blip_of_the_database_does_not_throw_the_work_away(web, monkeypatch, name, error):
    call, calls = getattr(services, name), []

    def fail_first(**arguments: Any) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise error
        call(**arguments)

    monkeypatch.setattr(services, name, fail_first)
    file = services.file_from_url(project=make_project(), url=URL)
    jobs.work(queue.TRANSFER)
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.failures, len(calls), len(web.asked)) == ("ready", 0, 2, 1)


def test_a_connection_that_broke_gives_the_file_back(monkeypatch):
    file = make_file(content=jpeg_bytes(), status=Status.WAITING, lane=queue.FAST)
    monkeypatch.setattr(services, "file_probe", lambda **arguments: (_ for _ in ()).throw(InterfaceError("closed")))
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.failures) == ("waiting", 1)


# --- clean-up beside a writer ---


def test_what_is_written_and_let_go_while_its_prefix_is_cleaned_up_is_cleaned_up_too(monkeypatch):
    expected = {"project_id": "p", "file_id": "f", "attempt": 1}
    prefix = services.objects_expect(**expected)
    services.outputs_discard(**expected)
    delete, ran = type(bucket()).delete_prefix, []

    def write_after(self: Any, key: str) -> int:
        count = delete(self, key)
        if not ran:
            ran.append(key)
            services.objects_expect(**expected)
            bucket().put(f"{prefix}late", io.BytesIO(b"x"))
            services.outputs_discard(**expected)
        return count

    monkeypatch.setattr(type(bucket()), "delete_prefix", write_after)
    services.objects_clean_up()
    clean_up()
    assert list(bucket().list_prefix("p/")) == []
    assert DeadObject.objects.count() == 0


# --- locks ---


def locked_order(call: Callable[[], object]) -> list[str]:
    """The tables that a call reads for a lock or changes, each where it comes first."""
    tables = {"media_app_media": "media", "orgs_app_project": "project", "media_app_file": "file"}
    with CaptureQueriesContext(
        connection,
    ) as captured:
        call()
    seen: list[str] = []
    for query in captured.captured_queries:
        sql = query["sql"]
        if sql.startswith("SELECT") and "FOR " not in sql and connection.vendor == "postgresql":
            continue
        for table, name in tables.items():
            starts = (f'UPDATE "{table}"', f'DELETE FROM "{table}"')
            reads = sql.startswith("SELECT") and f'FROM "{table}"' in sql
            if (sql.startswith(starts) or reads) and name not in seen:
                seen.append(name)
    return seen


def probed(file: File) -> None:
    File.objects.filter(pk=file.pk).update(status=Status.WAITING, lane=queue.FAST)
    claimed = services.file_claim(lane=queue.FAST)
    assert claimed is not None
    assert locked_order(lambda: services.file_probed(file=claimed, facts=jpeg_facts()))[:2] == ["media", "file"]


def test_rows_are_locked_in_one_order():
    order = ["media", "project", "file"]
    file = make_file()
    probed(file)
    assert locked_order(lambda: services.file_delete(file=file)) == order
    media = make_file().media
    assert locked_order(lambda: services.media_delete(media=media)) == order


def together(*calls: Callable[[], object]) -> list[BaseException]:
    """Run calls at once, each with a connection of its own. What they raised."""
    raised: list[BaseException] = []
    begin = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        try:
            begin.wait(60)
            call()
        except BaseException as exc:
            raised.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return raised


@pytest.fixture
def on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("which", ["file", "media"])
def test_bytes_that_come_while_they_are_deleted_are_not_counted_for_ever(web, which):
    file = services.file_from_url(project=make_project(), url=URL)
    claimed = services.file_claim(lane=queue.TRANSFER)
    assert claimed is not None
    fetched = services.file_fetch(file=claimed, heartbeat=beat())
    written, waits = threading.Event(), threading.Event()

    def fetch() -> None:
        with transaction.atomic():
            services.file_fetched(file=claimed, fetched=fetched)
            written.set()
            waits.wait(0.5)  # the deletion has begun, and waits for this

    def delete() -> None:
        written.wait(60)
        if which == "file":
            services.file_delete(file=file)
        else:
            services.media_delete(media=file.media)

    assert together(fetch, delete) == []
    assert File.objects.count() == 0
    assert Project.objects.get().storage_used == 0


@pytest.mark.usefixtures("on_postgres")
def test_writers_of_one_media_do_not_wait_for_each_other_for_ever():
    project = make_project()
    for _ in range(8):
        media = make_media(project=project)
        for original in (True, False, False):
            make_file(
                media=media,
                original=original,
                status=Status.WAITING,
                lane=queue.FAST,
                folder="f",
                filename="n",
                key="k",
            )
        first, second, third = [services.file_claim(lane=queue.FAST) for _ in range(3)]
        raised = together(
            partial(services.file_probed, file=first, facts=jpeg_facts()),
            partial(services.file_delete, file=second),
            partial(services.file_delete, file=third),
            partial(services.media_delete, media=media),
            partial(receive, project, folder="f", filename="n"),
        )
        assert [exc for exc in raised if isinstance(exc, DatabaseError)] == []
        File.objects.all().delete()
        Media.objects.all().delete()


# --- stopping ---


def test_transfers_are_told_to_stop(web, monkeypatch, tmp_path):
    asked: list[tuple[str, Any]] = []
    stop = threading.Event().is_set

    def record(name: str) -> Any:
        def call(self: Any, *args: Any, should_stop: Any = None, **kwargs: Any) -> None:
            asked.append((name, should_stop))
            raise TransferStopped

        return call

    for name in ("put", "put_file", "fetch_to"):
        monkeypatch.setattr(type(bucket()), name, record(name))
    monkeypatch.setattr(type(bucket()), "local_path", lambda self, key: None)
    file = make_file(key="p/f/1/source", source_url=URL)
    watch = beat()
    output = type("Made", (), {"name": "a", "path": tmp_path / "a", "type": ""})()
    for call in (
        lambda: services.file_fetch(file=file, heartbeat=watch),
        lambda: services.file_probe(file=file, heartbeat=watch),
        lambda: services.outputs_store(project_id="p", file_id="f", attempt=1, outputs=[output], should_stop=stop),
        lambda: services.file_fetcher(file, should_stop=stop)(tmp_path / "b", "whole"),
    ):
        with pytest.raises(TransferStopped):
            call()
    told = [("put", watch.should_stop), ("fetch_to", watch.should_stop), ("put_file", stop), ("fetch_to", stop)]
    assert asked == told


def test_a_transfer_that_was_stopped_ends_the_attempt_quietly(monkeypatch):
    file = make_file(content=jpeg_bytes(), status=Status.WAITING, lane=queue.FAST)

    def stopped(**arguments: Any) -> None:
        raise TransferStopped

    monkeypatch.setattr(services, "file_probe", stopped)
    monkeypatch.setattr(Heartbeat, "reason", "shutdown")
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.failures) == ("waiting", 0)


# --- work directories and facts ---


def test_a_source_that_is_probed_lies_where_a_killed_worker_is_tidied_up_after(monkeypatch, settings, tmp_path):
    settings.WORK_DIR = tmp_path / "work"
    file = make_file(content=jpeg_bytes(), status=Status.WAITING, lane=queue.FAST)
    monkeypatch.setattr(type(bucket()), "local_path", lambda self, key: None)
    there: list[str] = []
    probe = work.probe

    def look(path: Any, **arguments: Any) -> Any:
        there.extend(sorted(entry.name for entry in settings.WORK_DIR.iterdir()))
        return probe(path, **arguments)

    monkeypatch.setattr(work, "probe", look)
    services.file_probe(file=file, heartbeat=beat())
    assert there == [f"probe-{file.pk}-{file.attempt}", f"probe-{file.pk}-{file.attempt}.lock"]
    assert list(settings.WORK_DIR.iterdir()) == []


def test_numbers_that_no_column_holds_count_as_unknown():
    hostile = replace(jpeg_facts(width=2**31, height=-1), duration=math.inf, bitrate=2**63, tags={"title": math.nan})
    hostile = replace(hostile, image=replace(hostile.image, frames=2**64))
    file = make_file(**file_facts(hostile))
    file.refresh_from_db()
    assert (file.width, file.height, file.duration, file.bitrate, file.frames) == (None,) * 5
    assert (file.probe["duration"], file.probe["tags"], file.probe["width"]) == (None, {"title": None}, 2**31)


def test_clean_up_forgets_what_it_deleted_at_a_full_second_too(monkeypatch):
    """SQLite keeps times as text, where one without a fraction equals none with one."""
    DeadObject.objects.create(key="p/due/", due_at=Now())
    if connection.vendor == "sqlite":
        monkeypatch.setattr(objects, "in_seconds", lambda seconds: "2100-01-01 00:00:00.000000+00:00")
    assert services.objects_clean_up() == 1
    assert DeadObject.objects.count() == 0
