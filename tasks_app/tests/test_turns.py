"""Tasks that waited for others: their place in the queue, and what is not made for those that cannot succeed."""

from typing import Any

import pytest
from django.db.models import F

from ittyhost.leases import in_seconds
from media_app.models import File
from media_app.services.facts import file_facts
from media_app.tests.factories import jpeg_bytes, make_file
from tasks_app import services
from tasks_app.models import Attempt, Task
from tasks_app.tests.factories import end, make_task, outcomes
from tasks_app.tests.needing import add_kinds, maker, now
from tasks_app.tests.test_any_options_api import video_facts
from tasks_app.tests.test_jobs import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken", "work_dir")]

Status = Task.Status
UNNAMED = "A prompt needs a language model, and none is named here: set LANGUAGE_URL."


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    add_kinds(monkeypatch)


@pytest.fixture
def film() -> File:
    return make_file(**file_facts(video_facts()))


def asked(ago: float, **given: Any) -> Task:
    """A task that was asked for so many seconds ago."""
    task = make_task(**given)
    mine = Task.objects.filter(pk=task.pk)
    mine.update(due_at=in_seconds(-ago), created=in_seconds(-ago), updated=in_seconds(-ago))
    return now(task)


def claimed(lane: str) -> list[Task]:
    """All that is due in a lane, in the order in which workers take it."""
    return list(iter(lambda: services.task_claim(lane=lane), None))


# --- Their place ---


@pytest.mark.usefixtures("kinds")
def test_what_waited_for_another_task_comes_before_all_that_was_asked_for_later():
    photo = make_file(content=jpeg_bytes())
    first = asked(600, source=photo)
    waited = asked(300, source=photo, kind="needy")
    later = [asked(60 - number, source=photo) for number in range(3)]
    assert run(maker(waited)).status == Status.READY
    services.tasks_sweep()
    assert now(waited).status == Status.QUEUED
    assert claimed("fast") == [first, waited, *later]
    waits = [attempt.started_at - attempt.queued_at for attempt in Attempt.objects.filter(task__in=[first, waited])]
    assert [wait.total_seconds() >= 300 for wait in waits] == [True, False]  # it was not due while it waited


@pytest.mark.usefixtures("kinds")
def test_what_waited_for_its_file_keeps_its_place_and_what_it_needs_stands_there_too():
    source = make_file(status=File.Status.WAITING)
    waited, needy = asked(300, source=source), asked(299, source=source, kind="needy")
    other = make_file(content=jpeg_bytes())
    later, later_told = asked(60, source=other), asked(60, source=other, kind="telling")
    known = {"status": File.Status.READY, "kind": "image", "probe": other.probe}
    File.objects.filter(pk=source.pk).update(**known)
    assert services.source_settled(file_id=source.pk) == 1
    assert (now(waited).status, now(needy).status) == (Status.QUEUED, Status.WAITING)
    assert claimed("fast") == [waited, later]
    assert claimed("intelligence") == [maker(needy), later_told]


@pytest.mark.usefixtures("kinds")
def test_a_back_off_and_a_retry_keep_their_times_whatever_was_waited_for():
    photo = make_file(content=jpeg_bytes())
    waited = asked(300, source=photo, kind="needy")
    run(maker(waited))
    services.tasks_sweep()
    taken = services.task_claim(lane="fast")
    assert taken == waited
    services.task_release(task=taken, reason="No room.")
    assert Task.objects.filter(pk=waited.pk, status=Status.QUEUED, due_at__gt=F("updated")).exists()
    again = end(asked(300, source=photo), "error")
    services.task_retry(task=again)
    Task.objects.filter(pk=waited.pk).update(due_at=in_seconds(-200))  # the back-off is over
    assert claimed("fast") == [waited, again]


# --- Those that cannot succeed ---


def test_without_the_server_that_it_needs_a_task_ends_before_anything_is_made_for_it(film):
    task = make_task(source=film, kind="prompt")
    assert task.status == Status.QUEUED
    assert (run(task).status, task.error, outcomes(task)) == (Status.ERROR, UNNAMED, ["error"])
    assert list(Task.objects.all()) == [task]
    assert Attempt.objects.get().plan["expected"] == [
        {"name": "prompt.json", "type": "application/json", "entry": True}
    ]


def test_so_does_one_whose_file_was_waited_for(film):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="prompt")
    File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="video", probe=film.probe)
    services.source_settled(file_id=source.pk)
    assert (run(now(task)).status, task.error) == (Status.ERROR, UNNAMED)
    assert list(Task.objects.all()) == [task]


def test_so_does_one_that_is_tried_again_and_with_the_server_it_goes_on(film, settings):
    task = run(make_task(source=film, kind="prompt"))
    services.task_retry(task=task)
    assert (run(now(task)).status, task.error) == (Status.ERROR, UNNAMED)
    settings.LANGUAGE_URL, settings.LANGUAGE_MODEL = "http://127.0.0.1:9/v1", "small"
    services.task_retry(task=task)
    assert (now(task).status, maker(task).kind) == (Status.WAITING, "speech")


def test_a_worker_that_knows_the_server_has_made_what_the_web_process_did_not(film, settings):
    task = make_task(source=film, kind="prompt")
    settings.LANGUAGE_URL, settings.LANGUAGE_MODEL = "http://127.0.0.1:9/v1", "small"
    assert (run(task).status, maker(task).kind, outcomes(task)) == (Status.WAITING, "speech", ["released"])


@pytest.mark.parametrize("kind", ["description", "tags", "chapters", "outline", "subtitles"])
def test_what_can_do_without_a_language_model_has_its_speech_made_as_ever(film, kind):
    task = make_task(source=film, kind=kind)
    assert (task.status, maker(task).kind) == (Status.WAITING, "speech")
