"""Files as leased work: claimed once, fetched, probed, given back, given up; and what is swept and cleaned up after."""

import io
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from events_app.models import Event
from ittyhost import heartbeat, queue
from ittyhost.errors import Conflict
from ittyhost.heartbeat import Heartbeat
from ittyhost.leases import in_seconds
from ittyhost.outbound import FetchFailed, FetchStopped
from ittyhost.stopping import StopSign
from media_app import jobs, services
from media_app.models import DeadObject, File, Media
from media_app.services import LeaseLost, work
from media_app.services.files import wake
from media_app.storage import StorageUnavailable, attempt_prefix, bucket
from media_app.tests.factories import jpeg_bytes, jpeg_facts, make_file, make_media
from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from workers.engine.errors import EngineUnavailable

# Not in one transaction: jobs let go of connections, and the heartbeat looks at the row from a thread of its own.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_pauses")]

Status = File.Status
URL = "https://example.com/clip.jpg?secret=1"


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[str]:
    """The lanes that were woken, without a broker."""
    lanes: list[str] = []
    monkeypatch.setattr(queue, "send", lambda job, *args, lane: lanes.append(lane))
    monkeypatch.setattr("events_app.services.send", lambda *args, lane: None)
    monkeypatch.setattr(queue, "waiting", lambda lane: 0)
    return lanes


@pytest.fixture
def sign(monkeypatch) -> Iterator[StopSign]:
    made = StopSign()
    made.open()
    monkeypatch.setattr(heartbeat, "worker_stop", made)
    yield made
    made.raise_()
    os.close(made.fileno() or -1)


class Web:
    """What stands in for `Download`: the outside world."""

    def __init__(self, data: bytes = b"", *, error: Exception | None = None, length: int | None = None) -> None:
        self.data, self.error, self.asked = data, error, []
        self.length, self.type, self.name = length, "image/jpeg", "server-name.jpg"
        self.before_read = lambda: None

    def __call__(self, url: str, *, should_stop: Any = None) -> "Web":
        self.asked.append(url)
        if self.error:
            raise self.error
        return self

    def __enter__(self) -> "Web":
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def abort(self) -> None:
        pass

    def read(self, size: int, /) -> bytes:
        self.before_read()
        chunk, self.data = self.data[:size], self.data[size:]
        return chunk


@pytest.fixture
def web(monkeypatch) -> Web:
    made = Web(jpeg_bytes(width=32, height=24))
    monkeypatch.setattr(work, "Download", made)
    return made


def upload(content: bytes | None = None, **fields: Any) -> File:
    """A fresh upload, waiting to be probed."""
    return make_file(content=content or jpeg_bytes(), status=Status.WAITING, lane=queue.FAST, **fields)


def fetched_from(url: str = URL, **fields: Any) -> File:
    return services.file_from_url(project=fields.pop("project", None) or make_project(), url=url, **fields)


def events(subject: Any) -> list[str]:
    return list(
        Event.objects.filter(subject=subject.public_id).order_by("created", "id").values_list("type", flat=True)
    )


# --- probing ---


def test_an_upload_becomes_ready_with_all_that_its_content_tells(sent):
    file = upload(jpeg_bytes(width=80, height=60), filename="it-says.mp4", kind="video")
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.kind, file.type, file.format, file.codec) == (
        "ready",
        "image",
        "image/jpeg",
        "jpeg",
        "jpeg",
    )
    assert (file.width, file.height, file.orientation, file.animated) == (80, 60, "landscape", False)
    assert (file.lane, file.lease_until, file.failures, file.error) == ("", None, 0, "")
    assert file.probe["mime"] == "image/jpeg"
    media = Media.objects.get()
    assert (media.kind, media.width, media.height) == ("image", 80, 60)
    assert events(file) == ["file.ready"]


@pytest.mark.parametrize(
    "content", [b"just words, and more of them" * 100, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"1 0 obj" * 99]
)
def test_what_is_no_media_fails_with_a_sentence_and_can_still_be_downloaded(content):
    file = upload(content)
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.lane, file.attempt) == ("failed", "", 2)
    assert file.error.endswith(".")
    assert "/" not in file.error
    assert b"".join(bucket().open(file.key)) == content
    assert events(file) == ["file.failed"]


def test_an_empty_file_fails():
    file = make_file(content=b"", status=Status.WAITING, lane=queue.FAST)
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.error) == ("failed", "The file is empty.")


def test_only_the_original_describes_its_media():
    media = make_media()
    upload(media=media, original=False)
    jobs.work(queue.FAST)
    media.refresh_from_db()
    assert (media.kind, media.width) == ("", None)


def test_a_file_in_s3_is_brought_here_to_be_probed(s3_quick, settings):
    for name, value in s3_quick.environment(s3_quick.new_bucket()).items():
        setattr(settings, name, value if name != "S3_PATH_STYLE" else True)
    file = upload()
    jobs.work(queue.FAST)
    file.refresh_from_db()
    bucket().close()
    assert file.status == "ready"
    assert list(settings.WORK_DIR.glob("probe-*")) == []


# --- fetching ---


def test_a_url_is_fetched_then_probed(web, sent):
    file = fetched_from(filename="")
    assert sent == ["transfer"]
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert web.asked == [URL]
    assert (file.status, file.lane, file.attempt, file.source_url) == ("waiting", "fast", 1, "")
    assert file.key == f"{file.project_id}/{file.pk}/1/source"
    assert file.filesize == file.entry_size == bucket().stat(file.key).size
    assert Project.objects.get(pk=file.project_id).storage_used == file.filesize
    assert DeadObject.objects.count() == 0
    assert sent == ["transfer", "fast"]
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.width, file.attempt) == ("ready", 32, 2)
    assert events(file) == ["file.created", "file.ready"]


def test_a_url_that_gives_no_file_fails_with_its_sentence(web):
    file = fetched_from()
    web.error = FetchFailed("example.com has nothing at the URL (HTTP 404).")
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert (file.status, file.error, file.failures) == ("failed", "example.com has nothing at the URL (HTTP 404).", 0)
    assert file.source_url == URL
    assert not DeadObject.objects.get().pending
    assert events(file) == ["file.created", "file.failed"]


def test_a_server_that_is_away_is_tried_again_and_then_named(web, settings, sent):
    settings.MAX_FAILURES = 2
    file = fetched_from()
    web.error = FetchFailed("example.com could not be reached.", transient=True)
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert (file.status, file.failures, file.lane) == ("waiting", 1, "transfer")
    assert not File.objects.filter(pk=file.pk, due_at__lte=Now()).exists()
    jobs.work(queue.TRANSFER)
    assert len(web.asked) == 1
    File.objects.update(due_at=Now())
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert (file.status, file.failures, file.error) == ("failed", 2, "example.com could not be reached.")


def test_a_full_quota_ends_a_fetch(web):
    file = fetched_from()
    Project.objects.update(storage_quota=10)
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert (file.status, file.key) == ("failed", "")
    assert "quota" in file.error
    assert Project.objects.get().storage_used == 0
    assert list(DeadObject.objects.values_list("key", "pending")) == [(f"{file.project_id}/{file.pk}/1/", False)]


def test_a_quota_is_read_before_the_bytes_are(web):
    fetched_from()
    Project.objects.update(storage_quota=10)
    web.length = 11
    web.before_read = lambda: pytest.fail("it was read")
    jobs.work(queue.TRANSFER)
    assert File.objects.get().status == "failed"


def test_a_file_that_is_deleted_while_it_is_fetched_leaves_nothing(web):
    file = fetched_from()
    web.before_read = lambda: File.objects.filter(pk=file.pk).exists() and services.file_delete(file=file)
    jobs.work(queue.TRANSFER)
    assert File.objects.count() == 0
    assert Project.objects.get().storage_used == 0
    DeadObject.objects.update(due_at=Now())
    services.objects_clean_up()
    assert list(bucket().list_prefix(f"{file.project_id}/{file.pk}/")) == []
    assert DeadObject.objects.count() == 0


# --- leases ---


def test_a_claim_is_a_lease_of_one_attempt():
    first, second = upload(), upload()
    claimed = services.file_claim(lane=queue.FAST)
    assert claimed is not None
    assert (claimed.pk, claimed.status, claimed.attempt) == (first.pk, "processing", 2)
    assert claimed.lease_until is not None
    assert services.file_claim(lane=queue.TRANSFER) is None
    other = services.file_claim(lane=queue.FAST)
    assert other is not None
    assert other.pk == second.pk
    assert services.file_claim(lane=queue.FAST) is None


def test_what_is_not_due_is_not_claimed():
    upload()
    File.objects.update(due_at=in_seconds(60))
    assert services.file_claim(lane=queue.FAST) is None


def test_whoever_lost_the_lease_writes_nothing():
    file = upload()
    late = services.file_claim(lane=queue.FAST)
    assert late is not None
    File.objects.update(lease_until=in_seconds(-1))
    services.files_sweep()
    again = services.file_claim(lane=queue.FAST)
    assert again is not None
    assert again.attempt == late.attempt + 1
    assert not services.file_heartbeat(file=late)
    assert not services.file_is_held(file=late)
    for write in (
        lambda: services.file_probed(file=late, facts=jpeg_facts()),
        lambda: services.file_fail(file=late, message="no"),
        lambda: services.file_release(file=late),
    ):
        with pytest.raises(LeaseLost):
            write()
    file.refresh_from_db()
    assert (file.status, file.attempt) == ("processing", again.attempt)
    assert services.file_heartbeat(file=again)
    assert services.file_is_held(file=again)
    services.file_probed(file=again, facts=jpeg_facts())
    assert events(file) == ["file.ready"]


@pytest.mark.parametrize(
    "error", [EngineUnavailable("no helper"), StorageUnavailable("away"), OSError("full"), ZeroDivisionError()]
)
def test_a_fault_of_the_host_is_tried_again_with_a_pause_and_not_for_ever(error, monkeypatch, settings, caplog):
    settings.MAX_FAILURES = 2
    file = upload()

    def broken(**kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(services, "file_probe", broken)
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.failures, file.lease_until) == ("waiting", 1, None)
    assert services.file_claim(lane=queue.FAST) is None
    File.objects.update(due_at=Now())
    jobs.work(queue.FAST)
    file.refresh_from_db()
    assert (file.status, file.failures) == ("failed", 2)
    assert file.error == "The file could not be read: the service failed 2 times while it tried."
    assert events(file) == ["file.failed"]


def test_a_stopping_worker_gives_its_file_back_at_once_and_it_costs_nothing(web, sign, sent):
    file = fetched_from()

    def read(self: Web, size: int, /) -> bytes:
        sign.raise_()
        raise FetchStopped

    web.read = read.__get__(web)  # type: ignore[method-assign]
    jobs.work(queue.TRANSFER)
    file.refresh_from_db()
    assert (file.status, file.failures, file.lease_until, file.lane) == ("waiting", 0, None, "transfer")
    assert File.objects.filter(due_at__lte=Now()).exists()
    assert sent.count("transfer") >= 2
    assert not DeadObject.objects.get().pending


# --- the sweep ---


def lapse(file: File) -> None:
    File.objects.filter(pk=file.pk).update(lease_until=in_seconds(-1))


def test_a_silent_attempt_is_given_to_another_worker_and_after_the_last_given_up(settings, sent):
    settings.MAX_FAILURES = 3
    file = upload()
    for failures, is_due in ((1, True), (2, False)):
        assert services.file_claim(lane=queue.FAST)
        lapse(file)
        services.files_sweep()
        file.refresh_from_db()
        assert (file.status, file.failures, file.lease_until) == ("waiting", failures, None)
        assert File.objects.filter(due_at__lte=Now()).exists() is is_due
        File.objects.update(due_at=Now())
    assert services.file_claim(lane=queue.FAST)
    lapse(file)
    services.files_sweep()
    file.refresh_from_db()
    assert (file.status, file.failures) == ("failed", 3)
    assert events(file) == ["file.failed"]


def test_a_lease_that_stands_is_left_alone():
    file = upload()
    services.file_claim(lane=queue.FAST)
    services.files_sweep()
    file.refresh_from_db()
    assert (file.status, file.failures) == ("processing", 0)


def test_what_a_silent_fetch_wrote_is_deleted():
    file = fetched_from()
    claimed = services.file_claim(lane=queue.TRANSFER)
    assert claimed is not None
    services.objects_expect(project_id=file.project_id, file_id=file.pk, attempt=claimed.attempt)
    lapse(file)
    services.files_sweep()
    dead = DeadObject.objects.get()
    assert (dead.key, dead.pending) == (f"{file.project_id}/{file.pk}/1/", False)


def test_a_lane_is_woken_for_each_due_file_up_to_its_slots(settings, sent, monkeypatch):
    settings.WORKERS_FAST = 3
    for _ in range(5):
        upload()
    services.files_sweep()
    assert sent == ["fast"] * 3
    sent.clear()
    monkeypatch.setattr(queue, "waiting", lambda lane: 2)
    services.files_sweep()
    assert sent == ["fast"]
    sent.clear()
    File.objects.update(due_at=in_seconds(60))
    services.files_sweep()
    assert sent == []


# --- rubbish ---


def put(key: str) -> None:
    bucket().put(key, io.BytesIO(b"x"))


def test_due_objects_are_deleted_and_others_are_not():
    for name in ("due", "later", "kept"):
        put(f"p/{name}/1/x")
    DeadObject.objects.create(key="p/due/", due_at=Now())
    DeadObject.objects.create(key="p/later/1/", due_at=in_seconds(60), pending=True)
    assert services.objects_clean_up() == 1
    assert [key for key, _ in bucket().list_prefix("p/")] == ["p/kept/1/x", "p/later/1/x"]
    assert [dead.key for dead in DeadObject.objects.all()] == ["p/later/1/"]
    bucket().delete_prefix("p/")


def test_one_object_is_deleted_by_its_key():
    for name in ("a", "b"):
        put(f"q/f/1/{name}")
    DeadObject.objects.create(key="q/f/1/a", due_at=Now())
    jobs.clean_up()
    assert [key for key, _ in bucket().list_prefix("q/")] == ["q/f/1/b"]
    bucket().delete_prefix("q/")


def test_a_bucket_that_is_away_keeps_its_rubbish_for_later(monkeypatch):
    def away(self: Any, prefix: str) -> int:
        raise StorageUnavailable("away")

    monkeypatch.setattr(type(bucket()), "delete_prefix", away)
    DeadObject.objects.create(key="p/due/", due_at=Now())
    assert services.objects_clean_up() == 0
    assert DeadObject.objects.filter(key="p/due/", due_at__gt=Now()).exists()


def test_what_is_being_cleaned_up_can_no_longer_be_published():
    prefix = services.objects_expect(project_id="p", file_id="f", attempt=1)
    assert prefix == attempt_prefix(project_id="p", file_id="f", attempt=1)
    DeadObject.objects.update(pending=False)
    with pytest.raises(StorageUnavailable):
        services.objects_keep(prefix=prefix)


# --- beside a real heartbeat ---


def test_a_file_deleted_during_long_work_stops_it(monkeypatch):
    monkeypatch.setattr(jobs, "Heartbeat", lambda **calls: Heartbeat(**calls, watch=0.05))
    file = upload()
    stopped = threading.Event()

    def slow(*, file: File, heartbeat: Heartbeat) -> None:
        threading.Thread(target=lambda: services.file_delete(file=file)).run()
        begun = time.monotonic()
        while not heartbeat.should_stop():
            assert time.monotonic() - begun < 60
            time.sleep(0.01)
        stopped.set()
        raise FetchStopped

    monkeypatch.setattr(services, "file_probe", slow)
    jobs.work(queue.FAST)
    assert stopped.is_set()
    assert not File.objects.filter(pk=file.pk).exists()


def test_waking_names_the_lane(sent):
    wake("fast")
    assert sent == ["fast"]


# --- from outside an attempt ---


def test_a_fetch_is_stopped_before_its_bytes_are_there_and_not_after(web):
    file = fetched_from(folder="a", filename="b.jpg")
    assert services.fetch_stop(file_id=file.pk, message="The fetch was cancelled.") is True
    assert services.fetch_stop(file_id=file.pk, message="again") is False
    file.refresh_from_db()
    assert (file.status, file.error, file.lane, file.holds_path) == ("failed", "The fetch was cancelled.", "", False)
    assert events(file)[-1] == "file.failed"
    there = upload()
    assert services.fetch_stop(file_id=there.pk, message="no") is False
    assert services.fetch_stop(file_id="0" * 16, message="no") is False
    there.refresh_from_db()
    assert there.status == "waiting"


def test_only_a_file_that_failed_is_tried_again(web):
    failed = fetched_from()
    services.fetch_stop(file_id=failed.pk, message="The fetch was cancelled.")
    services.file_retry(file=failed)
    failed.refresh_from_db()
    assert (failed.status, failed.lane, failed.error, failed.holds_path) == ("waiting", queue.TRANSFER, "", True)
    for file in (failed, make_file()):
        with pytest.raises(Conflict, match="Only a file that failed"):
            services.file_retry(file=file)
