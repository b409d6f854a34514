"""Pieces that come at once: each byte is kept, the file is made once, and nobody writes into what is published."""

import hashlib
import io
import threading
import time
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from ittyhost.errors import Conflict, DomainError, Forbidden, InProgress
from ittyhost.leases import in_seconds
from media_app import services
from media_app.content_range import PieceRange
from media_app.models import DeadObject, File, Media, Upload, UploadPiece, UploadSession
from media_app.services import Place, completion, pieces, uploads
from media_app.storage import FolderPieces, StorageUnavailable, bucket
from media_app.tests.factories import make_media
from media_app.tests.test_races import lost_answer, on_postgres, together  # noqa: F401  a fixture
from orgs_app.models import Project
from orgs_app.tests.caller import Caller
from orgs_app.tests.factories import make_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("bucket_of_its_own", "no_workers")]

DATA = hashlib.shake_128(b"race").digest(1000)


@pytest.fixture
def place() -> Place:
    return Place(make_project(), "demo", "a.bin", "key_x")


class Slow(io.BytesIO):
    """A body that waits before its first byte until somebody says so."""

    def __init__(self, data: bytes, until: threading.Event) -> None:
        super().__init__(data)
        self.until = until

    def read(self, size: int | None = -1) -> bytes:
        self.until.wait(60)
        return super().read(size)


def send(place: Place, start: int, end: int, data: bytes = DATA, stream: Any = None, seen: Any = None) -> Any:
    span = PieceRange(start, end, len(data))
    done = services.piece_receive(place=place, span=span, stream=stream or io.BytesIO(data[start:end]))
    if seen is not None:
        seen.append(done.file)
    return done


def kept(file: File) -> bytes:
    return b"".join(bucket().open(file.key))


def test_two_last_pieces_at_once_make_the_file_once(place):
    for _ in range(5):
        seen: list[File | None] = []
        send(place, 0, 400)
        raised = together(partial(send, place, 400, 700, seen=seen), partial(send, place, 700, 1000, seen=seen))
        assert raised == []
        assert sorted(file is not None for file in seen) in ([False, True], [True, True])
        file = File.objects.get()
        assert {found.pk for found in seen if found} == {file.pk}
        assert (kept(file), Project.objects.get().storage_used) == (DATA, 1000)
        services.file_delete(file=file)
        Upload.objects.all().delete()


def test_first_pieces_at_once_begin_one_upload(place):
    raised = together(*(partial(send, place, start, start + 100) for start in range(0, 1000, 100)))
    assert raised == []
    assert Upload.objects.count() == 1
    assert kept(File.objects.get()) == DATA
    drafts = list((bucket().root / ".drafts").glob("*"))
    assert drafts == []
    DeadObject.objects.filter(pending=False).update(due_at=in_seconds(-1))
    services.objects_clean_up()
    assert DeadObject.objects.count() == 0


def test_the_same_piece_at_once_is_written_by_one(place):
    send(place, 0, 400)
    begun = threading.Event()

    def one() -> None:
        try:
            send(place, 400, 900, stream=Slow(DATA[400:900], begun))
        finally:  # whoever is refused lets the other's bytes come
            begun.set()

    raised = together(one, one)
    assert [type(exc) for exc in raised] == [InProgress]
    assert Upload.objects.get().received == 900


def test_overlapping_pieces_at_once_are_never_both_kept(place):
    send(place, 0, 100)
    raised = together(partial(send, place, 100, 600), partial(send, place, 300, 1000))
    assert [isinstance(exc, Conflict) for exc in raised] == [True]
    stored = UploadPiece.objects.filter(stored=True).values_list("start", "end")
    assert list(stored) in ([(0, 100), (100, 600)], [(0, 100), (300, 1000)])


def test_who_lost_the_claim_writes_nothing_more(place, monkeypatch):
    """A writer that was silent for so long that another took its piece over is stopped before its next byte."""
    monkeypatch.setattr(pieces, "HEARTBEAT_SECONDS", 0.0)
    begun, wrote = threading.Event(), []

    class Late(Slow):
        def read(self, size: int | None = -1) -> bytes:
            chunk = super().read(10)
            wrote.append(len(chunk))
            return chunk

    send(place, 0, 400)

    def take_over() -> None:
        while not UploadPiece.objects.filter(start=400).exists():
            time.sleep(0.01)
        UploadPiece.objects.filter(start=400).update(lease_until=in_seconds(-1))
        send(place, 400, 1000)
        begun.set()

    raised = together(partial(send, place, 400, 1000, stream=Late(bytes(600), begun)), take_over)
    assert [type(exc) for exc in raised] == [Conflict]
    assert (wrote, kept(File.objects.get())) == ([10], DATA)


def test_a_claim_ends_by_its_own_clock_while_the_database_is_away(place, monkeypatch):
    from django.db import OperationalError

    send(place, 0, 400)
    upload = Upload.objects.get()
    row = UploadPiece.objects.create(upload=upload, start=400, end=500, token="t", lease_until=in_seconds(30))
    hold = pieces.Hold(pieces.Claim(upload, row, time.monotonic()))
    assert not hold.should_stop()

    def away(**changes: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(hold._wanted, "update", away)
    hold._renewed -= 19
    assert not hold.should_stop()
    hold._renewed -= 1
    assert hold.should_stop()


def test_a_commit_whose_answer_was_lost_is_not_undone(place, monkeypatch):
    send(place, 0, 400)
    publish = services.completion.upload_publish
    ran: list[File] = []

    def publish_and_lose(**arguments: Any) -> File:
        if not ran:
            with transaction.atomic():
                ran.append(publish(**arguments))
                transaction.on_commit(lost_answer)
        return publish(**arguments)

    monkeypatch.setattr("media_app.services.completion.upload_publish", publish_and_lose)
    with pytest.raises(InProgress):
        send(place, 400, 1000)
    assert (File.objects.get().pk, Upload.objects.get().status) == (ran[0].pk, "complete")
    assert kept(File.objects.get()) == DATA
    assert send(place, 400, 1000).file == File.objects.get()


def test_a_sweep_beside_the_completer_makes_no_second_file(place, monkeypatch):
    """The completer stalls in the bucket, its lease runs out, the sweep completes, and the completer comes back."""
    finish, stalled, resumed = FolderPieces.finish, threading.Event(), threading.Event()

    def stall(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not stalled.is_set():
            stalled.set()
            resumed.wait(60)
        return finish(self, *args, **kwargs)

    def sweep() -> None:
        stalled.wait(60)
        Upload.objects.update(lease_until=in_seconds(-1))
        services.uploads_sweep()
        resumed.set()

    send(place, 0, 400)
    monkeypatch.setattr(FolderPieces, "finish", stall)
    raised = together(partial(send, place, 400, 1000), sweep)
    assert [type(exc) for exc in raised] == [InProgress]
    assert (kept(File.objects.get()), Project.objects.get().storage_used) == (DATA, 1000)


def test_a_session_used_twice_at_once_makes_one_file():
    caller = Caller()
    session, _ = services.session_create(api_key=caller.key)
    again = UploadSession.objects.select_related("project", "api_key", "media").get(pk=session.pk)
    session = UploadSession.objects.select_related("project", "api_key", "media").get(pk=session.pk)

    def receive(row: UploadSession) -> None:
        services.session_receive(session=row, stream=io.BytesIO(DATA), length=1000, whole=True)

    raised = together(partial(receive, session), partial(receive, again))
    assert [type(exc) for exc in raised] == [Forbidden]
    assert kept(File.objects.get()) == DATA
    assert Project.objects.get().storage_used == 1000
    DeadObject.objects.update(due_at=in_seconds(-1))
    services.objects_clean_up()
    keys = [key for key, _ in bucket().list_prefix(f"{caller.project.pk}/")]
    assert keys == [File.objects.get().key]


def resumable(caller: Caller, media: Media | None = None) -> Place:
    """Where the pieces of a new session go, as a request finds it."""
    made, key = services.session_create(api_key=caller.key, resumable=True, media=media)
    session = services.session_find(project_id=made.project.public_id, key=key, resumable=True)
    return Place(session.project, session.folder, session.filename, session.api_key.public_id, session)


def test_a_session_that_is_deleted_as_its_first_piece_comes_begins_nothing():
    place = resumable(Caller())
    UploadSession.objects.all().delete()  # as when its media is deleted
    with pytest.raises(Forbidden):
        send(place, 0, 400)
    services.objects_clean_up()
    assert (Upload.objects.count(), DeadObject.objects.count()) == (0, 0)
    assert list((bucket().root / ".drafts").glob("*")) == []


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize(("module", "step", "end"), [(completion, "session_publish", 1000), (pieces, "_counted", 900)])
def test_a_piece_and_the_deletion_of_its_media_do_not_wait_for_each_other(monkeypatch, module, step, end):
    """The last piece, while its upload is made a file; and one that is counted."""
    caller = Caller()
    media = make_media(project=caller.project)
    place = resumable(caller, media)
    send(place, 0, 400)
    counting = threading.Event()
    take, locks = getattr(module, step), pieces._locked

    def begun() -> None:
        counting.set()
        time.sleep(0.5)  # the deletion begins, and comes as far as it can

    def locked(upload: Upload) -> Upload | None:
        found = locks(upload)
        begun()
        return found

    def taken(*args: Any, **arguments: Any) -> Any:
        if module is completion:
            begun()
        else:
            monkeypatch.setattr(pieces, "_locked", locked)
        return take(*args, **arguments)

    def delete() -> None:
        counting.wait(60)
        services.media_delete(media=media)

    monkeypatch.setattr(module, step, taken)
    assert together(partial(send, place, 400, end), delete) == []
    assert (Media.objects.count(), File.objects.count(), Project.objects.get().storage_used) == (0, 0, 0)
    assert Upload.objects.get().status == ("complete" if end == 1000 else "ended")


@pytest.mark.parametrize("status", ["open", "completing"])
def test_what_came_of_an_upload_is_deleted_soon_after_its_media(status):
    """Not in a day: a client without room could fill the disk by uploads to media that it deletes."""
    caller = Caller()
    media = make_media(project=caller.project)
    send(resumable(caller, media), 0, 400)
    if status == "completing":
        Upload.objects.update(status=status, lease_until=in_seconds(30))
    services.media_delete(media=media)
    assert (Media.objects.count(), UploadSession.objects.count()) == (0, 0)
    services.uploads_sweep()
    if status == "completing":  # whoever completes it may still write for a moment
        assert len(list((bucket().root / ".drafts").glob("*"))) == 1
        Upload.objects.update(lease_until=in_seconds(-1))
        services.uploads_sweep()
    services.objects_clean_up()
    assert list((bucket().root / ".drafts").glob("*")) == []
    assert (Upload.objects.count(), DeadObject.objects.count(), File.objects.count()) == (0, 0, 0)


def test_a_slow_piece_does_not_keep_an_upload_that_was_given_up(place, monkeypatch):
    """Else its bytes, which no quota counts any more, stay for as long as somebody sends a few of them a second."""
    send(place, 0, 400)
    monkeypatch.setattr(pieces, "HEARTBEAT_SECONDS", 0.0)
    claim = pieces._claim(uploads.upload_find(place), PieceRange(400, 1000, 1000))
    hold = pieces.Hold(claim)
    assert not hold.should_stop()
    uploads.upload_give_up(place=place)
    assert (hold.should_stop(), Upload.objects.get().status) == (True, "ended")
    hold.release()
    services.uploads_sweep()
    assert (Upload.objects.count(), list((bucket().root / ".drafts").glob("*"))) == (0, [])


def test_a_session_for_a_media_that_is_deleted_meanwhile_says_so():
    caller = Caller()
    media = make_media(project=caller.project)
    services.media_delete(media=Media.objects.get())
    with pytest.raises(Conflict) as refused:
        services.session_create(api_key=caller.key, media=media)
    assert (refused.value.param, UploadSession.objects.count()) == ("media_id", 0)


def test_giving_up_beside_the_last_piece_ends_in_one_or_the_other(place):
    for _ in range(5):
        send(place, 0, 400)
        raised = together(partial(send, place, 400, 1000), lambda: uploads.upload_give_up(place=place))
        assert all(isinstance(exc, DomainError) for exc in raised)
        if file := File.objects.first():
            assert (len(raised), kept(file)) == (1, DATA)  # it came too late to give anything up
            services.file_delete(file=file)
        else:  # the piece was refused, or came so late that another upload began with it
            assert set(Upload.objects.filter(status="open").values_list("received", flat=True)) <= {600}
        UploadPiece.objects.update(lease_until=None)
        Upload.objects.update(expires_at=in_seconds(-1))
        services.uploads_sweep()
        assert (Upload.objects.count(), list((bucket().root / ".drafts").glob("*"))) == (0, [])


def test_an_upload_that_cannot_begin_leaves_nothing(place, monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> str:
        raise StorageUnavailable("away")

    monkeypatch.setattr(FolderPieces, "begin", fail)
    with pytest.raises(StorageUnavailable):
        send(place, 0, 400)
    services.objects_clean_up()
    assert (Upload.objects.count(), DeadObject.objects.count()) == (0, 0)
