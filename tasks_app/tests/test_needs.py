"""What a task needs of other kinds first: found, made, waited for, shared, failed, deleted."""

import json
from typing import Any

import pytest

from events_app.models import Event
from ittyhost.api.dates import instant
from ittyhost.errors import Invalid
from media_app.models import File
from media_app.services import file_delete, media_delete
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file
from media_app.tests.test_races import together
from orgs_app.models import Project
from tasks_app import jobs, services
from tasks_app.models import Attempt, Task, TaskNeed
from tasks_app.services.needs import agrees
from tasks_app.services.waiting import DELETED_BEFORE
from tasks_app.tests.factories import end, make_task, outcomes
from tasks_app.tests.needing import TELLING, add_kinds, maker, now
from tasks_app.tests.test_jobs import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken", "work_dir", "kinds")]

Status = Task.Status


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    add_kinds(monkeypatch)


@pytest.fixture
def photo() -> File:
    return make_file(content=jpeg_bytes())


def tellings() -> int:
    return Task.objects.filter(kind="telling").count()


def content(task: Task) -> bytes:
    return b"".join(bucket().open(File.objects.get(pk=task.output_id).key))


# --- Made and waited for ---


def test_what_is_needed_is_made_by_a_child_and_waited_for_in_no_slot(photo, woken):
    task = make_task(source=photo, kind="needy", words=True)
    child = maker(task)
    assert (task.status, child.status, child.kind, child.lane) == (
        Status.WAITING,
        Status.QUEUED,
        "telling",
        "intelligence",
    )
    assert (child.parent, child.created_by, child.source, child.media) == (task, task.public_id, photo, photo.media)
    assert (child.options, child.definition, child.input) == ({"words": True}, {"words": True}, photo.public_id)
    assert TaskNeed.objects.get().made is True
    assert ("tasks_app.work", "intelligence") in woken
    assert ("tasks_app.work", "fast") not in woken
    assert services.task_claim(lane="fast") is None


def test_the_document_is_there_before_the_first_step_and_both_files_say_what_they_are(photo, woken):
    task = make_task(source=photo, kind="needy", filename="talk.vtt")
    child = run(maker(task))
    assert ("tasks_app.need_settled", "fast") in woken
    jobs.need_settled(child.pk)
    assert now(task).status == Status.QUEUED
    run(task)
    assert (task.status, task.error, outcomes(task)) == (Status.READY, "", ["ready"])
    assert content(task) == b"WEBVTT\n\n00:00.000 --> 00:01.000\ngood morning\n"
    track = File.objects.get(pk=task.output_id)
    assert (track.object, track.kind, track.type, track.format, track.language, track.label, track.filename) == (
        "track",
        "needy",
        "text/vtt",
        "vtt",
        "en",
        "English",
        "talk.vtt",
    )
    told = File.objects.get(pk=child.output_id)
    assert (told.object, told.type, told.language, told.duration) == ("intelligence", "application/json", "en", 2.5)
    assert json.loads(content(child)) == {
        "id": told.public_id,
        "object": "intelligence",
        "kind": "telling",
        "said": "good morning",
        "language": "en",
        "created": instant(told.created),
        "updated": instant(told.updated),
    }
    assert told.created.microsecond == 0


def test_when_the_message_is_lost_the_sweep_moves_it_on(photo):
    task = make_task(source=photo, kind="needy")
    services.tasks_sweep()
    assert now(task).status == Status.WAITING
    run(maker(task))
    services.tasks_sweep()
    assert now(task).status == Status.QUEUED


def test_what_a_fetched_file_needs_is_made_once_it_is_there(photo):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="needy")
    assert tellings() == 0
    File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="image", probe=photo.probe)
    assert services.source_settled(file_id=source.pk) == 0
    assert (now(task).status, maker(task).status, maker(task).request_id) == (
        Status.WAITING,
        Status.QUEUED,
        task.request_id,
    )
    services.tasks_sweep()
    assert tellings() == 1


def test_admin_shows_what_a_task_needs_and_how_that_stands(photo, admin_client):
    task = make_task(source=photo, kind="needy")
    page = admin_client.get(f"/admin/tasks_app/task/{task.pk}/change/").content.decode()
    assert f"{maker(task).public_id}</a>: queued" in page


# --- Found instead ---


def test_what_was_made_before_is_used_at_once(photo, woken):
    earlier = run(make_task(source=photo, kind="telling", words=True, filename="told.json"))
    task = make_task(source=photo, kind="needy")
    assert (task.status, maker(task), TaskNeed.objects.get().made) == (Status.QUEUED, earlier, False)
    assert tellings() == 1
    assert run(task).status == Status.READY


def test_a_language_that_was_found_out_is_as_good_as_one_that_was_given(photo):
    earlier = run(make_task(source=photo, kind="telling"))
    assert earlier.result["language"] == "en"
    tasks = [make_task(source=photo, kind="needy", language=language) for language in ("en", "de")]
    assert [maker(task) == earlier for task in tasks] == [True, False]


def test_what_is_under_way_is_waited_for_and_shared(photo):
    earlier = make_task(source=photo, kind="telling")
    tasks = [make_task(source=photo, kind="needy") for _ in range(2)]
    assert [maker(task) for task in tasks] == [earlier, earlier]
    run(earlier)
    assert services.need_settled(maker_id=earlier.pk) == 2


def test_what_belongs_to_another_file_or_does_not_agree_or_is_deleted_is_not_used(photo):
    run(make_task(source=make_file(content=jpeg_bytes()), kind="telling"))
    run(make_task(source=photo, kind="telling", floor=0.5))
    gone = run(make_task(source=photo, kind="telling"))
    file_delete(file=File.objects.get(pk=gone.output_id))
    end(make_task(source=photo, kind="telling"), "error")
    task = make_task(source=photo, kind="needy")
    assert (task.status, maker(task).parent) == (Status.WAITING, task)


AGREEING = [
    ({}, {}, True),
    ({"words": True}, {}, True),
    ({"words": True}, {"words": False}, True),
    ({}, {"words": True}, False),
    ({"words": True}, {"words": True}, True),
    ({"language": "de"}, {}, True),
    ({"language": "de"}, {"language": "de"}, True),
    ({"language": "de"}, {"language": "en"}, False),
    ({}, {"language": "en"}, False),
    ({"floor": 0.5}, {}, False),
    ({"floor": 0.0}, {}, True),
    ({"floor": 0.5}, {"floor": 0.5}, True),
    ({"filename": "a.json", "folder": "b", "ref": "c", "label": "d"}, {}, True),
]


def test_options_agree_where_nothing_wanted_is_missing():
    found = [(made_with, wanted, agrees(TELLING, made_with, wanted)) for made_with, wanted, _ in AGREEING]
    assert found == AGREEING


# --- It cannot be had ---


def test_a_required_need_that_fails_ends_the_task_in_words(photo):
    task = make_task(source=photo, kind="needy", fails=True)
    run(maker(task))
    services.need_settled(maker_id=maker(task).pk)
    assert (now(task).status, task.error) == (
        Status.ERROR,
        "It needs telling of its input. The task that was to make telling failed: Nobody was there.",
    )
    assert task.finished_at is not None
    assert Event.objects.filter(subject=task.public_id).latest("created", "id").type == "task.error"


def test_a_required_need_that_is_cancelled_ends_the_task_in_words(photo, woken):
    task = make_task(source=photo, kind="needy")
    services.task_cancel(task=maker(task))
    assert ("tasks_app.need_settled", "fast") in woken
    services.need_settled(maker_id=maker(task).pk)
    assert (now(task).status, task.error) == (
        Status.ERROR,
        "It needs telling of its input. The task that was to make telling was cancelled.",
    )


def test_without_a_soft_need_it_goes_on_and_says_so(photo):
    task = make_task(source=photo, kind="needy", fails=True, required=False)
    run(maker(task))
    services.need_settled(maker_id=maker(task).pk)
    run(now(task))
    assert (task.status, content(task)) == (Status.READY, b"WEBVTT\n\n00:00.000 --> 00:01.000\nnothing\n")
    noted = "Made without telling: The task that was to make telling failed: Nobody was there."
    assert noted in str(Attempt.objects.get(task=task).plan["notes"])


def test_a_required_need_that_is_refused_refuses_the_task_and_nothing_is_written(photo):
    with pytest.raises(Invalid, match=r"Nothing can be told of this\."):
        make_task(source=photo, kind="needy", refuses=True)
    assert not Task.objects.exists()


def test_a_soft_need_that_is_refused_is_done_without(photo):
    task = make_task(source=photo, kind="needy", refuses=True, required=False)
    assert (task.status, tellings(), TaskNeed.objects.get().maker) == (Status.QUEUED, 0, None)
    assert run(task).status == Status.READY
    assert "Made without telling: Nothing can be told of this." in str(Attempt.objects.get(task=task).plan["notes"])


def test_a_need_that_is_refused_once_the_source_is_known_ends_the_task(photo):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="needy", refuses=True)
    File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="image", probe=photo.probe)
    services.source_settled(file_id=source.pk)
    assert (now(task).status, task.error, tellings()) == (Status.ERROR, "Nothing can be told of this.", 0)


# --- Cancelled, tried again ---


def test_what_only_a_cancelled_task_needed_is_cancelled_with_it(photo):
    task = make_task(source=photo, kind="needy")
    child = maker(task)
    services.task_cancel(task=task)
    assert (now(task).status, now(child).status) == (Status.CANCELLED, Status.CANCELLED)


def test_what_another_still_needs_goes_on_until_nobody_does(photo):
    first, second = (make_task(source=photo, kind="needy") for _ in range(2))
    child = maker(first)
    assert maker(second) == child
    services.task_cancel(task=first)
    assert now(child).status == Status.QUEUED
    services.task_cancel(task=second)
    assert now(child).status == Status.CANCELLED


def test_what_a_client_asked_for_is_not_cancelled(photo):
    asked = make_task(source=photo, kind="telling")
    services.task_cancel(task=make_task(source=photo, kind="needy"))
    assert now(asked).status == Status.QUEUED


def test_a_retry_has_what_could_not_be_had_made_anew(photo):
    task = make_task(source=photo, kind="needy")
    failed = end(maker(task), "error", error="broken")
    services.tasks_sweep()
    assert now(task).status == Status.ERROR
    services.task_retry(task=task)
    assert now(task).status == Status.WAITING
    assert maker(task) != failed
    run(maker(task))
    services.tasks_sweep()
    assert run(now(task)).status == Status.READY


def test_a_retry_waits_for_what_is_tried_again_and_uses_what_came_of_it(photo):
    for is_done in (False, True):
        source = make_file(content=jpeg_bytes())
        task = make_task(source=source, kind="needy")
        failed = end(maker(task), "error", error="broken")
        services.tasks_sweep()
        assert now(task).status == Status.ERROR
        services.task_retry(task=failed)
        assert now(failed).status == Status.QUEUED
        if is_done:
            run(failed)
        services.task_retry(task=task)
        assert (now(task).status, maker(task)) == (Status.QUEUED if is_done else Status.WAITING, failed)
        if not is_done:
            run(failed)
            services.tasks_sweep()
        assert run(now(task)).status == Status.READY


def test_a_retry_uses_what_another_made_meanwhile(photo):
    task = make_task(source=photo, kind="needy")
    end(maker(task), "error", error="broken")
    services.tasks_sweep()
    other = run(make_task(source=photo, kind="telling"))
    services.task_retry(task=now(task))
    assert (now(task).status, maker(task)) == (Status.QUEUED, other)


def test_a_retry_uses_what_is_there(photo):
    task = make_task(source=photo, kind="needy")
    run(maker(task))
    services.tasks_sweep()
    end(task, "error")
    services.task_retry(task=task)
    assert (now(task).status, tellings()) == (Status.QUEUED, 1)


# --- Deleted meanwhile ---


def test_a_document_that_is_deleted_before_it_is_used_is_made_anew(photo):
    task = make_task(source=photo, kind="needy")
    first = run(maker(task))
    services.tasks_sweep()
    file_delete(file=File.objects.get(pk=first.output_id))
    assert run(now(task)).status == Status.WAITING
    assert (maker(task) != first, maker(task).status, task.failures, outcomes(task)) == (
        True,
        Status.QUEUED,
        0,
        ["released"],
    )
    run(maker(task))
    services.tasks_sweep()
    assert run(now(task)).status == Status.READY


def test_a_document_whose_bytes_alone_are_gone_ends_the_task(photo):
    task = make_task(source=photo, kind="needy")
    told = File.objects.get(pk=run(maker(task)).output_id)
    services.tasks_sweep()
    bucket().delete(told.key)
    run(now(task))
    assert (task.status, task.error) == (Status.ERROR, "What telling told of the input is no longer there.")


def test_a_source_that_is_looked_at_anew_has_what_is_needed_made_then(photo):
    File.objects.filter(pk=photo.pk).update(probe={"release": "an earlier one"})
    task = make_task(source=File.objects.get(pk=photo.pk), kind="needy")
    assert (task.status, tellings()) == (Status.QUEUED, 0)
    assert run(task).status == Status.WAITING
    run(maker(task))
    services.tasks_sweep()
    assert (run(now(task)).status, outcomes(task)) == (Status.READY, ["released", "ready"])


@pytest.mark.parametrize("delete", [lambda file: file_delete(file=file), lambda file: media_delete(media=file.media)])
def test_when_the_input_is_deleted_both_end(photo, delete):
    task = make_task(source=photo, kind="needy")
    child = maker(task)
    delete(photo)
    jobs.source_settled(photo.pk)
    assert [(item.status, item.error) for item in (now(task), now(child))] == [(Status.ERROR, DELETED_BEFORE)] * 2


# --- At once ---


def test_of_tasks_made_at_once_one_makes_what_all_need(photo):
    for _ in range(3):
        source = make_file(content=jpeg_bytes())
        made: list[Task] = []
        raised = together(*[lambda source=source, made=made: made.append(make_task(source=source, kind="needy"))] * 4)
        assert raised == []
        assert len({maker(task).pk for task in made}) == 1
        assert Task.objects.filter(source=source, kind="telling").count() == 1


def test_of_looks_at_one_task_at_once_one_makes_what_it_needs(photo):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="needy")
    File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="image", probe=photo.probe)
    assert together(*[lambda: services.source_settled(file_id=source.pk)] * 4) == []
    assert (now(task).status, tellings()) == (Status.WAITING, 1)


def test_a_cancellation_at_the_same_time_leaves_nothing_that_nobody_waits_for(photo):
    for _ in range(5):
        source = make_file(status=File.Status.WAITING)
        task = make_task(source=source, kind="needy")
        File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="image", probe=photo.probe)
        raised = together(
            lambda source=source: services.source_settled(file_id=source.pk),
            lambda task=task: services.task_cancel(task=task),
        )
        assert raised == []
        assert now(task).status == Status.CANCELLED
        assert list(Task.objects.filter(source=source, kind="telling").exclude(status="cancelled")) == []


def test_a_maker_that_ends_while_it_is_found_is_not_waited_for_in_vain(photo):
    for _ in range(5):
        source = make_file(content=jpeg_bytes())
        asked = make_task(source=source, kind="telling")
        claimed = services.task_claim(lane="intelligence")
        assert claimed is not None
        made: list[Any] = []
        raised = together(
            lambda claimed=claimed: services.task_fail(task=claimed, message="Nobody was there."),
            lambda source=source, made=made: made.append(make_task(source=source, kind="needy")),
        )
        assert raised == []
        jobs.need_settled(asked.pk)
        task = now(made[0])
        assert (task.status, maker(task) == asked) in {(Status.ERROR, True), (Status.WAITING, False)}
        Task.objects.exclude(status__in=["ready", "error"]).update(status="cancelled")


def test_ten_that_share_one_all_go_on_when_it_ends_however_it_ends(photo):
    for ends, status in (("ready", Status.QUEUED), ("error", Status.ERROR)):
        source = make_file(content=jpeg_bytes())
        tasks = [make_task(source=source, kind="needy") for _ in range(10)]
        assert len({maker(task).pk for task in tasks}) == 1
        shared = maker(tasks[0])
        run(shared) if ends == "ready" else end(shared, "error", error="broken")
        # The message comes twice, and the sweep beside it.
        calls = [lambda shared=shared: services.need_settled(maker_id=shared.pk)] * 2
        assert together(*calls, services.tasks_sweep) == []
        assert {now(task).status for task in tasks} == {status}
        ended = Event.objects.filter(subject__in=[task.public_id for task in tasks], type="task.error")
        assert ended.count() == (10 if ends == "error" else 0)
        Task.objects.filter(status=Status.QUEUED).update(status="cancelled")


def test_what_is_cancelled_while_its_need_is_published_is_either_and_never_hangs(photo):
    for _ in range(2):
        source = make_file(content=jpeg_bytes())
        task = make_task(source=source, kind="needy")
        child = maker(task)
        raised = together(
            lambda: jobs.work("intelligence"),
            lambda task=task: services.task_cancel(task=task),
        )
        assert raised == []
        assert (now(task).status, now(child).status in {Status.READY, Status.CANCELLED}) == (Status.CANCELLED, True)
        assert File.objects.filter(pk=child.output_id).exists() == (child.status == Status.READY)


def test_a_retry_at_the_moment_at_which_its_need_fails_does_not_hang(photo):
    for _ in range(2):
        source = make_file(content=jpeg_bytes())
        task = make_task(source=source, kind="needy")
        child = maker(task)
        services.task_cancel(task=task)
        services.task_retry(task=now(child))
        claimed = services.task_claim(lane="intelligence")
        assert claimed == child
        raised = together(
            lambda claimed=claimed: services.task_fail(task=claimed, message="Nobody was there."),
            lambda task=task: services.task_retry(task=task),
        )
        assert raised == []
        services.tasks_sweep()
        status = now(task).status
        assert (status, maker(task) == child) in {(Status.ERROR, True), (Status.WAITING, False)}
        Task.objects.exclude(status__in=["ready", "error"]).update(status="cancelled")


def test_with_every_message_lost_the_sweep_alone_brings_a_chain_to_its_end(photo, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr("ittyhost.queue.send", lambda job, *args, lane: sent.append(job))  # and nothing arrives
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="needy")
    File.objects.filter(pk=source.pk).update(
        status=File.Status.READY, kind="image", probe=photo.probe, key=photo.key, sha256=photo.sha256
    )
    lanes = []
    for _ in range(4):
        services.tasks_sweep()
        due = Task.objects.filter(status=Status.QUEUED).first()
        if due is not None:
            lanes.append(due.lane)
            run(due)
    assert (now(task).status, lanes, now(maker(task)).status) == (
        Status.READY,
        ["intelligence", "fast"],
        Status.READY,
    )
    assert "tasks_app.need_settled" in sent


def test_a_full_storage_ends_what_waits_in_words(photo):
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="needy")
    File.objects.filter(pk=source.pk).update(status=File.Status.READY, kind="image", probe=photo.probe)
    Project.objects.filter(pk=source.project_id).update(storage_quota=1, storage_used=2)
    services.source_settled(file_id=source.pk)
    assert (now(task).status, "storage" in task.error, tellings()) == (Status.ERROR, True, 0)
