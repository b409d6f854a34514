"""How uploads in pieces end: given up, expired, completed once, and known for a while afterwards."""

import io
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from ittyhost.leases import in_seconds
from media_app import jobs, services, storage
from media_app.api.delivery import deliver
from media_app.models import DeadObject, File, Upload, UploadPiece
from media_app.storage import bucket
from media_app.tests.factories import make_file
from media_app.tests.sender import DATA, clean_up, give_up, kept, piece, send
from orgs_app.tests.caller import G4, VERSIONS, Caller

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("bucket_of_its_own", "no_workers", "no_transfer_is_left_behind"),
]


# --- giving up, expiring ---


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upload_can_be_given_up(caller, version):
    piece(caller, 0, 400)
    upload = Upload.objects.get()
    answer = give_up(caller, **{"Accept-Version": version})
    assert answer.status_code == 202
    body = answer.json() if version == G4 else answer.json()["data"]
    assert body == {"message": f"{upload.public_id} given up"}
    assert Upload.objects.count() == UploadPiece.objects.count() == 0
    assert give_up(caller).status_code == 404
    assert clean_up() == []
    assert DeadObject.objects.count() == 0
    assert send(caller, "bytes 0-9/50", b"x" * 10).status_code == 202  # of another size now


def test_giving_up_needs_a_writer_and_deletes_no_file(caller):
    make_file(project=caller.project, folder="demo", filename="a.bin", content=DATA)
    assert give_up(caller).status_code == 404
    piece(caller, 0, 400)
    assert give_up(Caller(project=caller.project, scopes=["read"])).status_code == 403
    assert caller.http.delete(f"/delivery/{caller.project.public_id}/demo/a.bin").status_code == 401
    assert give_up(caller).status_code == 202
    assert kept() == DATA


def test_a_piece_under_way_when_the_upload_is_given_up_is_refused(caller):
    piece(caller, 0, 400)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert give_up(caller).status_code in (202, 404)
            return super().read(size)

    request = RequestFactory().put(
        "/", HTTP_AUTHORIZATION=f"Bearer {caller.secret}", CONTENT_LENGTH="600", HTTP_CONTENT_RANGE="bytes 400-999/1000"
    )
    request.META["wsgi.input"] = Slow(DATA[400:])
    answer = deliver(request, caller.project.public_id, "demo/a.bin")
    assert answer.status_code == 409
    assert b"ended while the piece was sent" in answer.content
    UploadPiece.objects.update(lease_until=None)
    assert clean_up() == []
    assert (Upload.objects.count(), File.objects.count()) == (0, 0)


def test_an_upload_expires_so_long_after_its_last_piece(caller, settings):
    settings.UPLOAD_SECONDS = 60
    piece(caller, 0, 400)
    Upload.objects.update(expires_at=in_seconds(40))
    piece(caller, 400, 500)
    assert 50 < (Upload.objects.get().expires_at - timezone.now()).total_seconds() <= 61
    jobs.uploads_sweep()
    assert Upload.objects.count() == 1
    Upload.objects.update(expires_at=in_seconds(-1))
    assert clean_up() == []
    assert (Upload.objects.count(), DeadObject.objects.count()) == (0, 0)


def test_an_upload_does_not_expire_under_a_piece_that_comes(caller):
    piece(caller, 0, 400)
    UploadPiece.objects.create(upload=Upload.objects.get(), start=400, end=500, token="t", lease_until=in_seconds(20))
    Upload.objects.update(expires_at=in_seconds(-1))
    jobs.uploads_sweep()
    assert Upload.objects.get().status == "open"


def test_the_clean_up_leaves_a_long_upload_alone(caller, monkeypatch):
    monkeypatch.setattr("media_app.services.objects.WRITING_SECONDS", -60.0)
    piece(caller, 0, 400)
    assert services.drafts_clean_up() == 0
    services.objects_clean_up()
    assert piece(caller, 400, 1000).status_code == 201
    assert kept() == DATA


def test_a_draft_that_is_gone_ends_the_upload(caller):
    piece(caller, 0, 400)
    for draft in (bucket().root / ".drafts").glob("*"):
        draft.unlink()
    assert piece(caller, 400, 1000).status_code == 409
    assert Upload.objects.count() == 0
    assert [piece(caller, *span).status_code for span in ((0, 400), (400, 1000))] == [202, 201]


# --- after completion ---


def test_a_client_whose_201_was_lost_repeats_its_last_piece(caller):
    piece(caller, 0, 400)
    file_id = piece(caller, 400, 1000).json()["id"]
    again = piece(caller, 400, 1000)
    assert (again.status_code, again.json()["id"]) == (201, file_id)
    assert File.objects.count() == 1
    assert (again.json()["filesize"], kept()) == (1000, DATA)


def test_a_client_that_repeats_everything_is_shown_the_same_file(caller):
    piece(caller, 0, 400)
    file_id = piece(caller, 400, 1000).json()["id"]
    answers = [piece(caller, 0, 400), piece(caller, 400, 1000)]
    assert [answer.status_code for answer in answers] == [202, 201]
    assert (answers[1].json()["id"], File.objects.count()) == (file_id, 1)
    assert clean_up() == []


OTHER = DATA[:400] + bytes(600)  # begins as the first file does
LATER = bytes(400) + DATA[400:]  # ends as it does


@pytest.mark.parametrize("data", [OTHER, LATER])
@pytest.mark.parametrize("order", [[(0, 400), (400, 1000)], [(400, 1000), (0, 400)]])
def test_another_file_of_the_same_size_ends_with_all_its_pieces(caller, data, order):
    piece(caller, 0, 400)
    first = piece(caller, 400, 1000).json()["id"]
    answers = [piece(caller, *span, data=data) for span in order]
    assert answers[-1].status_code == 201
    assert answers[-1].json()["id"] != first
    newest = File.objects.get(holds_path=True)
    assert kept(newest) == data
    assert File.objects.count() == 2


def test_a_repetition_gives_way_to_a_file_of_another_size(caller):
    piece(caller, 0, 400)
    piece(caller, 400, 1000)
    piece(caller, 400, 1000)
    assert send(caller, "bytes 0-49/50", DATA[:50]).status_code == 201
    assert kept(File.objects.get(holds_path=True)) == DATA[:50]
    assert clean_up() == []


def test_a_file_that_was_replaced_or_deleted_is_not_shown_for_a_repetition(caller):
    piece(caller, 0, 400)
    piece(caller, 400, 1000)
    services.file_delete(file=File.objects.get())
    assert piece(caller, 400, 1000).status_code == 202
    assert piece(caller, 0, 400).status_code == 201
    assert kept() == DATA


def test_a_file_that_was_moved_away_is_not_shown_for_a_repetition(caller):
    """The path is empty then: whoever sends the same bytes to it once more means a file there."""
    piece(caller, 0, 400)
    moved = piece(caller, 400, 1000).json()["id"]
    begun = piece(caller, 0, 400)  # and one that began to repeat it before it moved
    assert begun.status_code == 202
    services.file_update(file=File.objects.get(), changes={"filename": "b.bin"})
    answer = piece(caller, 400, 1000)
    assert (answer.status_code, answer.json()["url"]) == (201, f"{caller.project.delivery_url}/demo/a.bin")
    services.file_update(file=File.objects.get(filename="a.bin"), changes={"folder": "elsewhere"})
    assert [piece(caller, *span).status_code for span in ((400, 1000), (0, 400))] == [202, 201]
    there = File.objects.get(folder="demo", filename="a.bin")
    assert (there.public_id != moved, kept(there), File.objects.count()) == (True, DATA, 3)


def test_a_completed_upload_is_forgotten_after_a_while(caller):
    piece(caller, 0, 400)
    piece(caller, 400, 1000)
    Upload.objects.update(expires_at=in_seconds(-1))
    jobs.uploads_sweep()
    assert Upload.objects.count() == 0
    assert piece(caller, 400, 1000).status_code == 202


# --- completing ---


def fail(*args: Any, **kwargs: Any) -> None:
    raise storage.StorageUnavailable("the disk is away")


def test_what_could_not_be_completed_is_completed_by_the_sweep(caller, monkeypatch, long_pauses):
    piece(caller, 0, 400)
    with monkeypatch.context() as broken:
        broken.setattr(storage.FolderPieces, "finish", fail)
        assert piece(caller, 400, 1000).status_code == 503
        jobs.uploads_sweep()
    assert (Upload.objects.get().status, File.objects.count()) == ("completing", 0)
    assert piece(caller, 400, 1000).status_code == 202
    assert give_up(caller).status_code == 409
    Upload.objects.update(due_at=in_seconds(-1))
    jobs.uploads_sweep()
    assert kept() == DATA
    assert piece(caller, 400, 1000).status_code == 201
    assert File.objects.count() == 1


def test_a_completer_that_died_after_the_object_was_made_is_followed_by_the_sweep(caller, monkeypatch):
    class Killed(BaseException):
        pass

    def die(**arguments: Any) -> None:
        raise Killed

    piece(caller, 0, 400)
    with monkeypatch.context() as broken:
        broken.setattr("media_app.services.completion.upload_publish", die)
        broken.setattr("media_app.services.completion._let_go", lambda *args, **kwargs: None)
        with pytest.raises(Killed):
            piece(caller, 400, 1000)
    jobs.uploads_sweep()  # its lease still runs
    assert File.objects.count() == 0
    Upload.objects.update(lease_until=in_seconds(-1))
    jobs.uploads_sweep()
    upload = Upload.objects.get()
    assert (upload.status, upload.attempt, upload.file) == ("complete", 2, File.objects.get())
    assert kept() == DATA
    assert DeadObject.objects.filter(pending=True).count() == 0


def test_what_cannot_be_completed_for_long_expires(caller, monkeypatch):
    monkeypatch.setattr(storage.FolderPieces, "finish", fail)
    piece(caller, 0, 400)
    piece(caller, 400, 1000)
    Upload.objects.update(expires_at=in_seconds(-1), due_at=in_seconds(60))
    assert clean_up() == []
    assert Upload.objects.count() == 0
