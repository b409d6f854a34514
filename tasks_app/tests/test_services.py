"""The life of a task: every move, and every move that must not happen."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.db import close_old_connections, connection
from django.utils import timezone

from events_app.models import Event
from ittyhost.errors import Conflict, Invalid
from ittyhost.leases import LEASE
from media_app.models import DeadObject, File
from media_app.tests.factories import make_file
from orgs_app.tests.factories import make_project
from tasks_app import services
from tasks_app.control import get_kind
from tasks_app.models import Attempt, Node, Task
from tasks_app.selectors import slots
from tasks_app.services import creating, sweeping
from tasks_app.tests.factories import end, lapse, make_task, outcomes

Status = Task.Status


def claim(lane: str = "fast") -> Task:
    task = services.task_claim(lane=lane, worker="fast@test")
    assert task is not None
    return task


def events() -> list[str]:
    return list(Event.objects.filter(type__startswith="task.").order_by("created", "id").values_list("type", flat=True))


# --- creating ---


@pytest.mark.django_db
def test_a_task_on_a_ready_file_is_queued_with_its_event_and_a_wake_up(woken, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        task = make_task(width=32)
    assert (task.status, task.attempt, task.failures, task.lane) == (Status.QUEUED, 0, 0, "fast")
    assert task.options == {"width": 32}
    assert task.media == task.source.media
    assert len(task.output_id) == 16
    assert events() == ["task.created"]
    assert ("tasks_app.work", "fast") in woken


@pytest.mark.django_db
def test_a_task_on_a_file_that_is_still_fetched_waits(woken):
    task = make_task(source=make_file(status=File.Status.WAITING))
    assert task.status == Status.WAITING
    assert services.task_claim(lane="fast") is None


@pytest.mark.django_db
def test_a_task_on_a_failed_file_is_refused_and_nothing_is_written():
    source = make_file(status=File.Status.FAILED, error="The file is empty.")
    with pytest.raises(Invalid, match=r"The file is empty\."):
        make_task(source=source)
    assert not Task.objects.exists()
    assert events() == []


@pytest.mark.django_db
def test_what_the_kind_cannot_use_is_refused_when_it_is_known():
    with pytest.raises(Invalid) as refused:
        make_task(kind="audio")
    assert refused.value.param == "input"
    assert not Task.objects.exists()


@pytest.mark.django_db
def test_a_url_makes_its_media_and_file_in_the_same_transaction():
    project = make_project()
    kind = get_kind("image")
    task = services.task_create(
        project=project,
        kind=kind,
        options=kind.options(),
        definition={},
        source="https://example.com/a.jpg",
        input="https://example.com/a.jpg",
    )
    assert task.status == Status.WAITING
    assert (task.source.status, task.source.source_url) == (File.Status.WAITING, "https://example.com/a.jpg")
    assert task.media == task.source.media


# --- claiming ---


@pytest.mark.django_db
def test_the_longest_due_task_of_a_lane_is_claimed_first_and_only_once():
    first, second = make_task(), make_task()
    assert [claim().pk, claim().pk] == [first.pk, second.pk]
    assert services.task_claim(lane="fast") is None


@pytest.mark.django_db
def test_a_claim_takes_only_its_own_lane_and_what_is_due():
    task = make_task()
    assert services.task_claim(lane="heavy") is None
    Task.objects.filter(pk=task.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    assert services.task_claim(lane="fast") is None


@pytest.mark.django_db
def test_a_claim_is_a_lease_of_thirty_seconds_by_the_databases_clock_and_opens_an_attempt():
    task = make_task()
    before = timezone.now()
    mine = claim()
    assert (mine.pk, mine.status, mine.attempt) == (task.pk, Status.PROCESSING, 1)
    rounded = timedelta(milliseconds=1)
    assert before - rounded <= mine.lease_until - LEASE <= timezone.now() + rounded
    attempt = Attempt.objects.get()
    assert (attempt.number, attempt.worker, attempt.outcome) == (1, "fast@test", "running")
    assert attempt.started_at >= attempt.queued_at


@pytest.mark.django_db(transaction=True)
def test_many_claimers_at_once_never_share_a_task():
    made = {make_task().pk for _ in range(12)}
    claimed: list[str] = []

    def work() -> None:
        close_old_connections()
        try:
            while (task := services.task_claim(lane="fast")) is not None:
                claimed.append(task.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(claimed) == sorted(made)
    assert set(Task.objects.values_list("attempt", flat=True)) == {1}


# --- the fence ---


@pytest.mark.django_db
def test_an_attempt_that_lost_its_lease_writes_nothing(woken):
    make_task()
    old = claim()
    lapse(old)
    services.tasks_sweep()
    new = claim()
    assert new.attempt == 2

    assert services.task_heartbeat(task=old) is False
    assert services.task_is_held(task=old) is False
    services.task_progress(task=old, percent=50)
    with pytest.raises(services.LeaseLost):
        services.task_fail(task=old, message="late")
    with pytest.raises(services.LeaseLost):
        services.task_release(task=old, reason="late")
    new.refresh_from_db()
    assert (new.status, new.attempt, new.progress, new.error) == (Status.PROCESSING, 2, 0, "")
    assert outcomes(new) == ["lost", "running"]


@pytest.mark.django_db
def test_a_heartbeat_renews_the_lease():
    make_task()
    task = claim()
    lapse(task)
    assert services.task_heartbeat(task=task) is True  # late, and nobody else took it: it may go on
    services.tasks_sweep()
    task.refresh_from_db()
    assert (task.status, task.attempt) == (Status.PROCESSING, 1)


# --- giving back ---


@pytest.mark.django_db
def test_a_worker_that_is_stopped_gives_its_task_back_without_a_failure(woken, django_capture_on_commit_callbacks):
    make_task()
    task = claim()
    with django_capture_on_commit_callbacks(execute=True):
        services.task_release(task=task, reason="stopped", is_fault=False)
    task.refresh_from_db()
    assert (task.status, task.failures, task.lease_until) == (Status.QUEUED, 0, None)
    assert woken == [("tasks_app.work", "fast")]
    assert claim().attempt == 2
    assert outcomes(task) == ["released", "running"]


@pytest.mark.django_db
def test_faults_are_tried_again_later_each_time_and_then_end_in_error(settings, long_pauses):
    settings.MAX_FAILURES = 3
    task = make_task()
    for failures, wait in ((1, 100), (2, 1000)):
        services.task_release(task=claim(), reason="the disk is full")
        task.refresh_from_db()
        assert (task.status, task.failures) == (Status.QUEUED, failures)
        assert timedelta(seconds=wait - 60) < task.due_at - timezone.now() < timedelta(seconds=wait + 1)
        assert services.task_claim(lane="fast") is None
        Task.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    services.task_release(task=claim(), reason="the disk is full", log="No space left on device")
    task.refresh_from_db()
    assert (task.status, task.failures) == (Status.ERROR, 3)
    assert "3 times" in task.error
    assert "disk" not in task.error  # the host's troubles are the operator's to read
    assert outcomes(task) == ["fault"] * 3
    assert Attempt.objects.last().log == "No space left on device"
    assert events() == ["task.created", "task.error"]


@pytest.mark.django_db
def test_a_task_that_kills_its_worker_each_time_ends_in_error(settings):
    settings.MAX_FAILURES = 3
    task = make_task()
    for _ in range(3):
        lapse(claim())
        services.tasks_sweep()
        Task.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    task.refresh_from_db()
    assert (task.status, task.failures) == (Status.ERROR, 3)
    assert outcomes(task) == ["lost"] * 3


@pytest.mark.django_db
def test_after_a_first_silence_the_task_is_due_at_once():
    make_task()
    lapse(claim())
    services.tasks_sweep()
    assert claim().attempt == 2


@pytest.mark.django_db
def test_an_attempt_that_ends_badly_leaves_its_objects_to_be_deleted():
    task = make_task()
    services.task_release(task=claim(), reason="fault")
    assert list(DeadObject.objects.values_list("key", flat=True)) == [f"{task.project_id}/{task.output_id}/1/"]


# --- cancelling and retrying ---


@pytest.mark.parametrize("before", ["waiting", "queued", "processing"])
@pytest.mark.django_db
def test_a_task_can_be_cancelled_until_it_ended(before):
    source = make_file(status=File.Status.WAITING) if before == "waiting" else make_file()
    task = make_task(source=source)
    running = claim() if before == "processing" else None
    services.task_cancel(task=task)
    task.refresh_from_db()
    assert (task.status, task.lease_until) == (Status.CANCELLED, None)
    assert task.finished_at is not None
    if running:
        assert services.task_is_held(task=running) is False
        assert outcomes(task) == ["cancelled"]
    assert services.task_claim(lane="fast") is None
    assert events() == ["task.created", "task.cancelled"]


@pytest.mark.parametrize("status", ["ready", "error", "cancelled"])
@pytest.mark.django_db
def test_a_task_that_ended_cannot_be_cancelled(status):
    task = end(make_task(), status)
    with pytest.raises(Conflict):
        services.task_cancel(task=task)
    task.refresh_from_db()
    assert task.status == status


@pytest.mark.parametrize("status", ["error", "cancelled"])
@pytest.mark.django_db
def test_a_retry_starts_over_with_all_its_tries(status):
    task = end(make_task(), status, failures=3, error="failed")
    services.task_retry(task=task)
    task.refresh_from_db()
    assert (task.status, task.failures, task.error, task.finished_at) == (Status.QUEUED, 0, "", None)
    assert claim().pk == task.pk


@pytest.mark.parametrize("status", ["waiting", "queued", "processing", "ready"])
@pytest.mark.django_db
def test_only_what_failed_can_be_retried(status):
    task = make_task(source=make_file(status=File.Status.WAITING) if status == "waiting" else None)
    if status == "processing":
        claim()
    if status == "ready":
        end(task, status)
    with pytest.raises(Conflict):
        services.task_retry(task=task)
    task.refresh_from_db()
    assert task.status == status


# --- waiting for a file ---


def settle(file: File, **fields: Any) -> None:
    File.objects.filter(pk=file.pk).update(**fields)


@pytest.mark.django_db
def test_tasks_that_wait_for_a_file_are_queued_once_it_is_ready():
    ready = make_file()
    source = make_file(status=File.Status.WAITING)
    task, other = make_task(source=source), make_task(source=make_file(status=File.Status.WAITING))
    settle(source, status=File.Status.READY, kind=ready.kind, probe=ready.probe)
    assert services.source_settled(file_id=source.pk) == 1
    task.refresh_from_db()
    other.refresh_from_db()
    assert (task.status, other.status) == (Status.QUEUED, Status.WAITING)


@pytest.mark.django_db
def test_tasks_that_wait_for_a_file_that_fails_fail_with_its_reason():
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source)
    settle(source, status=File.Status.FAILED, error="The URL answered 404.")
    services.tasks_sweep()  # the message may be lost: the sweep finds it too
    task.refresh_from_db()
    assert task.status == Status.ERROR
    assert "The URL answered 404." in task.error
    assert events() == ["task.created", "task.error"]


@pytest.mark.django_db
def test_tasks_that_wait_for_a_file_the_kind_cannot_use_fail_in_words():
    picture = make_file()
    source = make_file(status=File.Status.WAITING)
    task = make_task(source=source, kind="audio")
    settle(source, status=File.Status.READY, kind="image", probe=picture.probe)
    services.source_settled(file_id=source.pk)
    task.refresh_from_db()
    assert task.status == Status.ERROR
    assert task.error
    assert "Traceback" not in task.error


@pytest.mark.django_db
def test_tasks_whose_input_is_deleted_while_they_wait_fail():
    source = make_file(status=File.Status.WAITING)
    given, source_id = source.public_id, source.pk
    task = make_task(source=source)
    source.delete()
    services.tasks_sweep()
    task.refresh_from_db()
    assert (task.status, task.error) == (Status.ERROR, "The input was deleted before this could start.")
    assert (task.source_id, task.input) == (source_id, given)


# --- waking ---


@pytest.mark.django_db
def test_the_sweep_wakes_one_worker_for_each_due_task_up_to_the_free_slots(woken, django_capture_on_commit_callbacks):
    for _ in range(5):
        make_task()
    claim()
    now = timezone.now()
    Node.objects.create(name="fast@a", lanes=["fast"], slots=3, started_at=now, seen_at=now)
    Node.objects.create(name="gone@b", lanes=["fast"], slots=9, started_at=now, seen_at=now - timedelta(minutes=1))
    assert slots(lane="fast") == 3
    woken.clear()
    with django_capture_on_commit_callbacks(execute=True):
        services.tasks_sweep()
    assert woken == [("tasks_app.work", "fast")] * 2  # three slots, one of them taken


@pytest.mark.django_db
def test_wake_ups_on_their_way_are_not_sent_again(woken, monkeypatch, django_capture_on_commit_callbacks):
    for _ in range(3):
        make_task()
    now = timezone.now()
    Node.objects.create(name="fast@a", lanes=["fast"], slots=8, started_at=now, seen_at=now)
    monkeypatch.setattr("ittyhost.queue.waiting", lambda lane: 2)
    woken.clear()
    with django_capture_on_commit_callbacks(execute=True):
        services.lane_wake(lane="fast")
    assert woken == [("tasks_app.work", "fast")]


@pytest.mark.django_db
def test_one_task_that_brings_out_a_bug_holds_up_no_other(monkeypatch, caplog):
    ready = make_file()
    source = make_file(status=File.Status.WAITING)
    poisoned, healthy = make_task(source=source, width=13), make_task(source=source, width=14)
    settle(source, status=File.Status.READY, kind=ready.kind, probe=ready.probe)

    def buggy(kind: Any, options: Any, *_facts_and_limits: Any) -> None:
        if options.width == 13:
            raise OverflowError("cannot convert float infinity to integer")

    monkeypatch.setattr(creating, "check", buggy)
    services.tasks_sweep()
    poisoned.refresh_from_db()
    healthy.refresh_from_db()
    assert (poisoned.status, healthy.status) == (Status.ERROR, Status.QUEUED)
    assert "infinity" not in poisoned.error
    assert "a task could not be moved on" in caplog.text


@pytest.mark.django_db
def test_a_step_of_the_sweep_that_fails_holds_up_no_other(woken, monkeypatch, django_capture_on_commit_callbacks):
    make_task()
    now = timezone.now()
    Node.objects.create(name="fast@a", lanes=["fast"], slots=1, started_at=now, seen_at=now)

    def broken(*args: Any) -> int:
        raise RuntimeError

    monkeypatch.setattr(sweeping, "tasks_settle", broken)
    woken.clear()
    with django_capture_on_commit_callbacks(execute=True):
        services.tasks_sweep()
    assert woken == [("tasks_app.work", "fast")]


@pytest.mark.django_db
def test_the_request_that_asked_for_a_task_stays_known():
    with structlog.contextvars.bound_contextvars(request_id="req_0123456789ab"):
        task = make_task()
    assert task.request_id == "req_0123456789ab"
