"""The job that works: called as a function, with the real engine and real bytes in a real bucket."""

import io
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now
from PIL import Image

from events_app.models import Event
from ittyhost import heartbeat
from ittyhost.errors import Invalid
from ittyhost.stopping import StopSign
from ittyhost.workdir import NoRoom
from media_app.jobs import facts_renew as renew_facts
from media_app.models import DeadObject, File
from media_app.services import file_delete
from media_app.services.facts import file_facts
from media_app.services.objects import objects_clean_up
from media_app.storage import StorageUnavailable, attempt_prefix, bucket
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from tasks_app import jobs, services
from tasks_app.models import Attempt, Task
from tasks_app.tests.factories import lapse, make_task, outcomes
from workers.engine.errors import EngineUnavailable
from workers.engine.probe import probe
from workers.tests.media import make_video

# Not in one transaction: the heartbeat looks at the row from a thread of its own.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.ffmpeg,
    pytest.mark.usefixtures("woken", "work_dir", "long_pauses"),
]

Status = Task.Status


def sideways_photo() -> bytes:
    """80x60 as stored, 60x80 as shown."""
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (80, 60), (200, 30, 30)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def stored(path: Path, *, project: Project | None = None, cut: float = 1.0) -> File:
    """A file as an upload leaves it, probed; with `cut`, only that part of its bytes is in the bucket."""
    content = path.read_bytes()
    facts = file_facts(probe(path))
    return make_file(project=project, content=content[: int(len(content) * cut)], **facts)


@pytest.fixture
def photo(tmp_path: Path) -> File:
    path = tmp_path / "photo.jpg"
    path.write_bytes(sideways_photo())
    return stored(path)


@pytest.fixture
def clip(tmp_path: Path) -> File:
    return stored(make_video(tmp_path / "clip.mp4", seconds=1.0))


def run(task: Task) -> Task:
    """Do the next due task of its lane."""
    jobs.work(task.lane)
    task.refresh_from_db()
    return task


def attempt(task: Task) -> Attempt:
    return Attempt.objects.filter(task=task).latest("number")


def keys(task: Task) -> list[str]:
    """What the bucket holds of its output."""
    prefix = f"{task.project_id}/{task.output_id}/"
    return [key.removeprefix(prefix) for key, _ in bucket().list_prefix(prefix)]


def dead(task: Task, number: int = 1) -> list[bool]:
    """Whether what an attempt stored is due for deletion now; [] when no row says so."""
    prefix = attempt_prefix(project_id=task.project_id, file_id=task.reserved_id, attempt=number)
    rows = DeadObject.objects.filter(key=prefix)
    return [row.pk in rows.filter(pending=False, due_at__lte=Now()).values_list("pk", flat=True) for row in rows]


def nothing_published(task: Task) -> bool:
    return task.output_size is None and task.result is None and not File.objects.filter(pk=task.output_id).exists()


def events(task: Task) -> list[str]:
    found = Event.objects.filter(project=task.project, type__startswith="task.")
    return list(found.order_by("created", "id").values_list("type", flat=True))


# --- It works ---


def test_a_picture_is_made_and_published(photo):
    task = run(make_task(source=photo, width=30, format="png", folder="thumbs", filename="small.png"))
    assert (task.status, task.progress, task.error, task.attempt, task.failures) == (Status.READY, 100, "", 1, 0)
    file = File.objects.get(pk=task.output_id)
    assert (file.status, file.kind, file.type, file.width, file.height) == (
        File.Status.READY,
        "image",
        "image/png",
        30,
        40,
    )
    assert (file.folder, file.filename, file.media, file.original) == ("thumbs", "small.png", photo.media, False)
    assert (file.created_by, file.filesize) == (task.public_id, task.output_size)
    with Image.open(io.BytesIO(b"".join(bucket().open(file.key)))) as picture:
        assert (picture.format, picture.size) == ("PNG", (30, 40))
    assert len(keys(task)) == 1
    assert dead(task) == []
    assert events(task) == ["task.created", "task.ready"]
    done = attempt(task)
    assert (done.outcome, done.number, done.error) == ("ready", 1, "")
    assert done.plan["steps"]
    assert Project.objects.get(pk=task.project_id).storage_used == task.output_size


def test_a_video_is_made_and_its_exact_command_is_kept(clip):
    task = run(make_task(source=clip, kind="video", width=32))
    assert task.status == Status.READY, task.error
    file = File.objects.get(pk=task.output_id)
    assert (file.width, file.height, file.codec) == (32, 24, "h264")
    [step] = attempt(task).plan["steps"]
    assert "libx264" in str(step)
    assert str(settings.WORK_DIR) not in str(attempt(task).plan)


def test_woken_once_too_often_it_does_nothing(photo):
    task = run(make_task(source=photo, width=16))
    jobs.work("fast")
    assert outcomes(task) == ["ready"]
    assert task.attempt == 1


# --- The source or the options are at fault ---


def test_a_source_that_is_cut_short_ends_the_task_in_words_with_the_log_for_operators(tmp_path):
    source = stored(make_video(tmp_path / "clip.mp4", seconds=1.0), cut=0.5)
    task = run(make_task(source=source, kind="video", width=32))
    assert (task.status, task.failures) == (Status.ERROR, 0)
    assert task.error == "The file is damaged or cut short: no more of it could be read."
    told = attempt(task)
    assert (told.outcome, told.error) == ("error", task.error)
    assert "moov atom not found" in told.log
    assert events(task) == ["task.created", "task.error"]
    assert nothing_published(task)


def test_a_source_whose_bytes_are_gone_ends_the_task(photo):
    bucket().delete(photo.key)
    task = run(make_task(source=photo, width=16))
    assert (task.status, task.error) == (Status.ERROR, "The input's bytes are no longer there.")
    assert outcomes(task) == ["error"]


def test_a_source_that_was_deleted_before_the_start_ends_the_task(photo):
    task = make_task(source=photo, width=16)
    file_delete(file=photo)
    run(task)
    assert (task.status, task.error) == (Status.ERROR, "The input was deleted before this could start.")


def test_an_output_without_room_in_the_quota_ends_the_task_in_words(photo):
    project = photo.project
    task = make_task(source=photo, width=60)
    Project.objects.filter(pk=project.pk).update(storage_quota=project.storage_used + 10)
    run(task)
    assert task.status == Status.ERROR
    assert "quota" in task.error
    assert task.error.endswith(".")
    assert outcomes(task) == ["error"]
    assert nothing_published(task)
    assert dead(task) == [True]
    assert Project.objects.get(pk=project.pk).storage_used == project.storage_used
    objects_clean_up()
    assert keys(task) == []


# --- The host is at fault ---


FAULTS = [
    EngineUnavailable("No process could be started on this host.", log="fork: Resource temporarily unavailable"),
    StorageUnavailable("connection refused by 10.1.2.3"),
    OSError(28, "No space left on device"),
    OperationalError("the connection was lost"),
    InterfaceError("the connection is closed"),
    KeyError("a bug"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_gives_the_task_back_with_a_back_off(photo, monkeypatch, woken, fault):
    store = jobs.outputs_store

    def store_and_fail(**arguments: Any) -> None:
        store(**arguments)
        raise fault

    monkeypatch.setattr(heartbeat, "DATABASE_PATIENCE", 0.0)
    monkeypatch.setattr(jobs, "outputs_store", store_and_fail)
    task = make_task(source=photo, width=16)
    woken.clear()
    run(task)
    assert (task.status, task.failures, task.error, task.progress) == (Status.QUEUED, 1, "", 0)
    assert not Task.objects.filter(pk=task.pk, due_at__lte=Now()).exists()
    assert outcomes(task) == ["fault"]
    assert attempt(task).error.startswith(type(fault).__name__)
    assert attempt(task).log == getattr(fault, "log", "")
    assert events(task) == ["task.created"]
    assert nothing_published(task)
    assert dead(task) == [True]

    # When it is due again and the fault is over, it is made.
    monkeypatch.setattr(jobs, "outputs_store", store)
    Task.objects.filter(pk=task.pk).update(due_at=Now())
    run(task)
    assert (task.status, outcomes(task)) == (Status.READY, ["fault", "ready"])
    objects_clean_up()
    assert [key.partition("/")[0] for key in keys(task)] == ["2"]


@pytest.mark.parametrize(("waits", "failures", "outcome"), [(True, 0, "released"), (False, 1, "fault")])
def test_without_room_a_task_waits_and_only_a_full_disk_is_a_failure(photo, monkeypatch, waits, failures, outcome):
    def no_room(name: str, *, reserve: int) -> None:
        assert reserve == jobs.LEAST_ROOM  # of a small file in a folder, which is not copied
        raise NoRoom("No room for the work.", waits=waits)

    monkeypatch.setattr(jobs, "work_directory", no_room)
    task = run(make_task(source=photo, width=16))
    assert (task.status, task.failures, task.error) == (Status.QUEUED, failures, "")
    assert not Task.objects.filter(pk=task.pk, due_at__lte=Now()).exists()
    assert (outcomes(task), attempt(task).error) == ([outcome], "No room for the work.")
    assert nothing_published(task)


def test_a_project_has_limits_of_its_own(photo, clip):
    photo.project.limits = {"kinds": {"image": {"picture": {"output": 100}}}}
    photo.project.save()
    task = run(make_task(source=photo, width=60))
    assert (task.status, task.error) == (Status.ERROR, "The output grew beyond what it may have.")
    photo.project.limits = {"source": {"edge": 70}}
    photo.project.save()
    with pytest.raises(Invalid, match="The picture is 60 × 80 pixels; at most 70 on the longest edge are accepted"):
        make_task(source=photo, width=60)
    assert Task.objects.filter(project=photo.project).count() == 1
    assert make_task(source=clip, width=16).status == Status.QUEUED  # another project's


def test_the_last_fault_ends_the_task_in_words_that_name_no_host(photo, monkeypatch):
    def fail(**arguments: Any) -> None:
        raise StorageUnavailable("connection refused by 10.1.2.3")

    monkeypatch.setattr(jobs, "outputs_store", fail)
    task = make_task(source=photo, width=16)
    for _ in range(settings.MAX_FAILURES):
        Task.objects.filter(pk=task.pk).update(due_at=Now())
        run(task)
    assert (task.status, task.failures) == (Status.ERROR, settings.MAX_FAILURES)
    assert task.error.startswith("This could not be made: the service failed 3 times")
    assert "10.1.2.3" in attempt(task).error
    assert outcomes(task) == ["fault"] * 3


def test_progress_that_cannot_be_written_does_not_end_the_work(clip, monkeypatch):
    def fail(**arguments: Any) -> None:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(jobs, "PROGRESS_EVERY", 0.0)
    monkeypatch.setattr(services, "task_progress", fail)
    task = run(make_task(source=clip, kind="video", width=32))
    assert (task.status, outcomes(task)) == (Status.READY, ["ready"])


@pytest.mark.parametrize("name", ["outputs_store", "task_publish"])
def test_a_database_that_is_away_at_the_end_of_the_work_is_waited_for(photo, monkeypatch, name):
    where = jobs if name == "outputs_store" else services
    call, calls = getattr(where, name), []

    def fail_first(**arguments: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            raise OperationalError("the connection was lost")
        return call(**arguments)

    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: None))
    monkeypatch.setattr(where, name, fail_first)
    task = run(make_task(source=photo, width=16))
    assert (task.status, outcomes(task), len(calls)) == (Status.READY, ["ready"], 2)
    assert [key.partition("/")[0] for key in keys(task)] == ["1"]


def test_a_publication_whose_answer_was_lost_is_kept(photo, monkeypatch):
    publish, calls = services.task_publish, []

    def publish_and_lose_the_answer(**arguments: Any) -> None:
        calls.append(publish(**arguments))
        raise OperationalError("the connection was lost")

    def restore(seconds: float) -> None:
        monkeypatch.setattr(services, "task_publish", publish)

    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=time.monotonic, sleep=restore))
    monkeypatch.setattr(services, "task_publish", publish_and_lose_the_answer)
    task = run(make_task(source=photo, width=16))
    assert (task.status, outcomes(task), len(calls)) == (Status.READY, ["ready"], 1)
    objects_clean_up()
    assert [key.partition("/")[0] for key in keys(task)] == ["1"]


# --- The attempt loses its task ---


def test_an_attempt_that_lost_its_lease_publishes_nothing(photo, monkeypatch):
    store = jobs.outputs_store

    def store_and_lose(**arguments: Any) -> Any:
        made = store(**arguments)
        lapse(task)
        services.tasks_sweep()
        assert services.task_claim(lane="fast", worker="another@host") is not None
        return made

    monkeypatch.setattr(jobs, "outputs_store", store_and_lose)
    task = make_task(source=photo, width=16)
    run(task)
    assert (task.status, task.attempt, task.failures) == (Status.PROCESSING, 2, 1)
    assert outcomes(task) == ["lost", "running"]
    assert nothing_published(task)
    assert dead(task) == [True]
    assert len(keys(task)) == 1
    objects_clean_up()
    assert keys(task) == []


def test_a_transcode_that_is_cancelled_stops_and_publishes_nothing(clip, planned):
    planned(lambda task: services.task_cancel(task=task))
    task = make_task(source=clip, kind="video", quality=100, codec="h265")
    run(task)
    assert (task.status, outcomes(task)) == (Status.CANCELLED, ["cancelled"])
    assert events(task) == ["task.created", "task.cancelled"]
    assert nothing_published(task)
    objects_clean_up()
    assert keys(task) == []


def test_a_worker_that_stops_gives_the_task_back_at_once(clip, planned, monkeypatch, woken):
    sign = StopSign()
    sign.open()
    monkeypatch.setattr(heartbeat, "worker_stop", sign)
    planned(lambda task: sign.raise_())
    task = make_task(source=clip, kind="video", width=32)
    woken.clear()
    run(task)
    os.close(sign.fileno() or -1)
    assert (task.status, task.failures, task.attempt) == (Status.QUEUED, 0, 1)
    assert Task.objects.filter(pk=task.pk, due_at__lte=Now()).exists()
    assert outcomes(task) == ["released"]
    assert nothing_published(task)
    assert woken[0] == ("tasks_app.work", "heavy")


def test_a_project_that_is_deleted_meanwhile_ends_quietly(photo, planned, caplog):
    planned(lambda task: task.project.delete())
    make_task(source=photo, width=16)
    jobs.work("fast")
    assert not Task.objects.exists()
    assert not File.objects.exists()
    assert "bug" not in caplog.text


def test_tasks_of_another_project_are_not_touched(photo):
    task, other = make_task(source=photo, width=16), make_task(project=make_project())
    services.task_cancel(task=other)
    run(task)
    other.refresh_from_db()
    assert (task.status, other.status) == (Status.READY, Status.CANCELLED)


# --- A file that an earlier release looked at ---


def older(file: File) -> File:
    """The file as a release left it whose facts had another form."""
    probe = {"schema": 1, "media_type": "image", "streams": []}
    File.objects.filter(pk=file.pk).update(probe=probe, width=None, placeholder="abcd")
    file.refresh_from_db()
    return file


def test_a_file_that_an_earlier_release_probed_is_probed_anew_and_used(photo):
    facts = photo.probe
    task = run(make_task(source=older(photo), width=30, format="png"))
    assert (task.status, task.error, task.failures) == (Status.READY, "", 0)
    photo.refresh_from_db()
    assert (photo.probe, photo.width, photo.placeholder, photo.status) == (facts, 60, "abcd", File.Status.READY)


def test_what_cannot_be_made_of_it_is_told_by_the_task(photo):
    task = run(make_task(source=older(photo), kind="audio"))
    assert (task.status, task.error) == (Status.ERROR, "audio needs audio or video; the input is an image file.")


def test_a_task_that_waited_for_such_a_file_goes_on(photo):
    task = make_task(source=photo, width=30)
    Task.objects.filter(pk=task.pk).update(status=Status.WAITING)
    older(photo)
    assert services.source_settled(file_id=photo.pk) == 1
    assert run(task).status == Status.READY


def test_the_job_that_a_plan_asks_for_renews_the_facts_once(photo, monkeypatch):
    facts = photo.probe
    renew_facts(older(photo).pk)
    photo.refresh_from_db()
    assert (photo.probe, list(Path(settings.WORK_DIR).iterdir())) == (facts, [])
    monkeypatch.setattr("media_app.services.renewal.probe", None)  # would be called
    renew_facts(photo.pk)
