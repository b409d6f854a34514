"""Files and media that are deleted before, during and after the work on them, and every race with that work."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from ittyhost.errors import Conflict
from media_app.models import File, Media
from media_app.services import file_delete, media_delete
from media_app.services.objects import objects_clean_up
from media_app.tests.factories import jpeg_bytes, make_file
from media_app.tests.test_races import together
from tasks_app import jobs, services
from tasks_app.models import Attempt, Task
from tasks_app.services import DELETED_MEANWHILE
from tasks_app.services.waiting import DELETED_BEFORE
from tasks_app.tests.factories import end, make_task, outcomes
from tasks_app.tests.test_jobs import dead, events, keys, nothing_published, run, stored
from tests.processes import until, working_in
from workers.engine.errors import MediaError
from workers.run import Done
from workers.run import run as make
from workers.tests.media import make_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken")]

Status = Task.Status
WHICH = pytest.mark.parametrize("which", ["file", "media"])


def delete(file: File, which: str) -> None:
    """The file itself, or its media with it."""
    if which == "file":
        file_delete(file=file)
    else:
        media_delete(media=file.media)


@pytest.fixture
def photo() -> File:
    return make_file(content=jpeg_bytes())


def claim(task: Task) -> Task:
    found = services.task_claim(lane=task.lane, worker="test@host")
    assert found is not None
    assert found.pk == task.pk
    return found


def settled(file: File) -> int:
    """What the message of a deletion has done."""
    jobs.source_settled(file.pk)
    return Task.objects.filter(status=Status.ERROR).count()


# --- a running attempt ---


@pytest.mark.ffmpeg
@WHICH
def test_a_transcode_whose_input_is_deleted_stops_at_once(tmp_path, planned, work_dir, which):
    source = stored(make_video(tmp_path / "clip.mp4", seconds=10.0, size=(640, 360)))
    times: list[float] = []

    def delete_in_the_middle() -> None:
        try:
            until(lambda: working_in(work_dir), seconds=60, what="ffmpeg works")
            for pid in working_in(work_dir):
                os.kill(pid, signal.SIGSTOP)  # by itself it ends no more
            delete(source, which)
            times.append(time.monotonic())
        finally:
            connection.close()

    thread = threading.Thread(target=delete_in_the_middle)
    planned(lambda task: thread.start())
    task = run(make_task(source=source, kind="video", quality=100, codec="h265"))
    took = time.monotonic() - times[0]
    thread.join()
    assert (task.status, task.error) == (Status.ERROR, DELETED_MEANWHILE)
    assert took < 40  # a second, on a machine with nothing else to do
    assert working_in(work_dir) == []
    assert outcomes(task) == ["error"]
    assert events(task) == ["task.created", "task.error"]
    assert nothing_published(task)
    assert (task.input, task.source_id) == (source.public_id, source.pk)
    assert settled(source) == 1  # the message comes late, and does nothing
    assert events(task) == ["task.created", "task.error"]
    objects_clean_up()
    assert keys(task) == []


@WHICH
def test_an_input_that_is_deleted_before_the_output_is_published_ends_the_task(photo, planned, work_dir, which):
    planned(lambda task: delete(photo, which))
    task = run(make_task(source=photo, width=16))
    assert (task.status, task.error) == (Status.ERROR, DELETED_MEANWHILE)
    assert outcomes(task) == ["error"]
    assert events(task) == ["task.created", "task.error"]
    assert nothing_published(task)
    objects_clean_up()
    assert keys(task) == []


@WHICH
def test_the_message_of_the_deletion_may_be_quicker_than_the_attempt(photo, planned, work_dir, which):
    def happen(task: Task) -> None:
        delete(photo, which)
        assert settled(photo) == 1

    planned(happen)
    task = run(make_task(source=photo, width=16))
    assert (task.status, task.error) == (Status.ERROR, DELETED_MEANWHILE)
    assert outcomes(task) == ["error"]
    assert events(task) == ["task.created", "task.error"]
    assert nothing_published(task)
    assert dead(task) == [True]


def test_an_attempt_that_lost_its_task_leaves_nothing_it_stored_for_a_day(photo, monkeypatch, work_dir):
    store = jobs.outputs_store

    def store_after_all(**arguments: Any) -> Any:
        services.task_cancel(task=Task.objects.get())
        return store(**arguments)

    monkeypatch.setattr(jobs, "outputs_store", store_after_all)
    task = run(make_task(source=photo, width=16))
    assert (task.status, dead(task)) == (Status.CANCELLED, [True])


def test_a_task_is_not_given_back_without_its_input(photo):
    task = claim(make_task(source=photo, width=16))
    file_delete(file=photo)
    services.task_release(task=task, reason="the disk is full")
    task.refresh_from_db()
    assert (task.status, task.error, outcomes(task)) == (Status.ERROR, DELETED_MEANWHILE, ["fault"])
    assert events(task) == ["task.created", "task.error"]


# --- the message of a deletion ---


@WHICH
def test_tasks_in_every_state_end_at_once_when_their_input_is_deleted(woken, which):
    source, other = make_file(), make_file()
    running = claim(make_task(source=source))
    queued = make_task(source=source)
    ended = [end(make_task(source=source), status) for status in ("ready", "error", "cancelled")]
    bystander = make_task(source=other)
    woken.clear()
    delete(source, which)
    assert ("tasks_app.source_settled", "fast") in woken
    jobs.source_settled(source.pk)
    jobs.source_settled(source.pk)

    found = {task.pk: task for task in Task.objects.all()}
    assert (found[running.pk].status, found[running.pk].error) == (Status.ERROR, DELETED_MEANWHILE)
    assert (found[queued.pk].status, found[queued.pk].error) == (Status.ERROR, DELETED_BEFORE)
    assert [found[task.pk].status for task in ended] == ["ready", "error", "cancelled"]
    assert found[bystander.pk].status == Status.QUEUED
    assert services.task_is_held(task=running) is False
    assert services.task_claim(lane="fast").pk == bystander.pk
    [attempt] = Attempt.objects.filter(task=running)
    assert (attempt.outcome, attempt.error, attempt.ended_at is not None) == ("error", DELETED_MEANWHILE, True)
    assert sorted(events(running)) == ["task.created"] * 5 + ["task.error"] * 2


@WHICH
def test_a_task_that_waits_for_its_input_ends_when_that_is_deleted(which):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source)
    delete(source, which)
    assert settled(source) == 1
    task.refresh_from_db()
    assert (task.status, task.error, task.attempt) == (Status.ERROR, DELETED_BEFORE, 0)
    assert events(task) == ["task.created", "task.error"]


def test_a_deletion_without_its_message_is_seen_by_whoever_looks(photo, work_dir):
    waits = make_file(status=File.Status.WAITING)
    waiting, queued = make_task(source=waits), make_task(source=photo)
    for file in (waits, photo):
        file_delete(file=file)
    services.tasks_sweep()
    run(queued)
    for task in (waiting, queued):
        task.refresh_from_db()
        assert (task.status, task.error) == (Status.ERROR, DELETED_BEFORE)


def test_a_task_without_its_input_cannot_be_tried_again():
    task = end(make_task(), "error")
    file_delete(file=task.source)
    with pytest.raises(Conflict, match="its input is gone"):
        services.task_retry(task=task)


# --- races with the end of the work ---


@pytest.fixture
def made(photo: File, tmp_path: Path) -> tuple[Task, Done, Any]:
    """A claimed task with its output made and stored, and not published yet."""
    task = claim(make_task(source=photo, width=16))
    path = tmp_path / "source.jpg"
    path.write_bytes(jpeg_bytes())
    place = tmp_path / "place"
    place.mkdir()
    done = make(services.attempts.get_kind("image"), task.options, path, place)
    stored_objects = jobs.outputs_store(
        project_id=task.project_id, file_id=task.reserved_id, attempt=task.attempt, outputs=done.outputs
    )
    return task, done, stored_objects


@pytest.fixture
def on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")


@pytest.fixture
def in_turn() -> Callable[..., list[BaseException]]:
    """Runs two calls so that the second begins while the first has done its work and not committed it yet."""

    def race(first: Callable[[], object], second: Callable[[], object]) -> list[BaseException]:
        written, begun = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                first()
                written.set()
                begun.wait(60)
                time.sleep(0.3)  # the second waits for a lock by now

        def follow() -> None:
            written.wait(60)
            begun.set()
            second()

        return together(hold, follow)

    return race


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("on_postgres")
@WHICH
def test_a_deletion_that_is_first_keeps_the_output_from_being_published(made, photo, in_turn, which):
    task, done, objects = made
    raised = in_turn(lambda: delete(photo, which), lambda: services.task_publish(task=task, done=done, stored=objects))
    assert [type(exc) for exc in raised] == [MediaError]
    task.refresh_from_db()
    assert (task.status, nothing_published(task)) == (Status.PROCESSING, True)
    services.task_fail(task=task, message=DELETED_MEANWHILE)
    jobs.source_settled(photo.pk)
    assert events(task) == ["task.created", "task.error"]


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("on_postgres")
@WHICH
def test_an_output_that_is_published_first_stays_with_its_task(made, photo, in_turn, which):
    task, done, objects = made
    raised = in_turn(lambda: services.task_publish(task=task, done=done, stored=objects), lambda: delete(photo, which))
    assert raised == []
    jobs.source_settled(photo.pk)
    task.refresh_from_db()
    assert (task.status, task.error) == (Status.READY, "")
    assert events(task) == ["task.created", "task.ready"]
    assert File.objects.filter(pk=task.output_id).exists() is (which == "file")
    assert Media.objects.filter(pk=task.media_id).exists() is (which == "file")


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("on_postgres")
@WHICH
def test_publication_deletion_and_its_message_at_once_end_a_task_exactly_once(tmp_path, which):
    for _ in range(5):
        photo = make_file(content=jpeg_bytes())
        task = claim(make_task(source=photo, width=16))
        raised = together(
            lambda task=task: jobs.attempt_run(task),
            lambda photo=photo: (delete(photo, which), jobs.source_settled(photo.pk)),
            lambda photo=photo: jobs.source_settled(photo.pk),
            lambda task=task: services.task_retry(task=task),
        )
        jobs.source_settled(photo.pk)
        task.refresh_from_db()
        assert task.status in {Status.READY, Status.ERROR}
        assert not [exc for exc in raised if not isinstance(exc, services.LeaseLost | Conflict)], raised
        last = {Status.READY: "task.ready", Status.ERROR: "task.error"}[Status(task.status)]
        assert events(task) == ["task.created", last]
