"""Uploads in pieces through the URL: what is taken in which order, what is refused and how it is named."""

import hashlib
import io
import itertools

import pytest
from django.test import RequestFactory
from django.utils import timezone

from events_app.models import Event
from ittyhost.leases import in_seconds
from media_app import jobs
from media_app.api.delivery import deliver
from media_app.delivery import transfers
from media_app.models import DeadObject, File, Media, Upload, UploadPiece
from media_app.tests.sender import DATA, clean_up, kept, piece, send
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, message

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("bucket_of_its_own", "no_workers", "no_transfer_is_left_behind"),
]

MEGABYTE = 1024 * 1024
BIG = 80 * MEGABYTE  # more than is joined: pieces have a smallest size


# --- taking pieces ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", list(itertools.permutations([(0, 400), (400, 401), (401, 1000)])))
def test_pieces_in_any_order_become_the_file(caller, order, version):
    answers = [piece(caller, *span, version=version) for span in order]

    assert [answer.status_code for answer in answers] == [202, 202, 201]
    file = File.objects.get()
    assert kept(file) == DATA
    assert (file.folder, file.filename, file.filesize, file.original) == ("demo", "a.bin", 1000, True)
    assert (file.status, file.lane, file.created_by) == ("waiting", "fast", caller.key.public_id)
    assert (file.sha256, len(file.etag)) == ("", 32)
    assert Project.objects.get(pk=caller.project.pk).storage_used == 1000
    assert sorted(Event.objects.values_list("type", flat=True)) == ["file.created", "media.created"]
    body = answers[-1].json()
    shown = body if version == G4 else body["data"]
    assert (shown["id"], shown["media_id"], shown["filesize"]) == (file.public_id, file.media.public_id, 1000)
    assert clean_up() == []
    assert DeadObject.objects.count() == 0


def test_every_202_tells_what_is_missing(caller):
    first = piece(caller, 400, 500)
    assert first.status_code == 202
    shown = first.json()
    assert (shown["received"], shown["total"], shown["missing"]) == (100, 1000, [[0, 399], [500, 999]])
    upload = Upload.objects.get()
    assert shown["expires"] == upload.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert 86_000 < (upload.expires_at - timezone.now()).total_seconds() <= 86_401
    body = piece(caller, 0, 400, version=G1).json()
    assert (body["meta"]["status"], body["meta"]["type"]) == (202, "object")
    assert (body["data"]["received"], body["data"]["missing"]) == (500, [[500, 999]])
    assert body["links"]["self"] == f"/delivery/{caller.project.public_id}/demo/a.bin"


def test_the_state_can_be_asked_for(caller):
    before = send(caller, "bytes */1000")
    assert (before.status_code, before.json()) == (
        202,
        {"received": 0, "total": 1000, "missing": [[0, 999]], "expires": None},
    )
    assert Upload.objects.count() == 0
    piece(caller, 0, 10)
    shown = send(caller, "bytes */1000").json()
    assert (shown["received"], shown["missing"]) == (10, [[10, 999]])
    assert send(caller, "bytes */999").status_code == 409


@pytest.mark.parametrize("sign", ["=", " ", " = ", "  "])
@pytest.mark.parametrize("exclusive", [False, True])
def test_both_spellings_of_the_header_and_both_meanings_of_its_end(caller, sign, exclusive):
    cut = [(0, 400), (400, 1000)]
    answers = [
        send(caller, f"bytes{sign}{start}-{end if exclusive else end - 1}/1000", DATA[start:end]) for start, end in cut
    ]
    assert [answer.status_code for answer in answers] == [202, 201]
    assert kept() == DATA


def test_a_file_in_one_piece_is_known_by_its_sha256(caller):
    assert piece(caller, 0, 1000).status_code == 201
    assert File.objects.get().sha256 == hashlib.sha256(DATA).hexdigest()


@pytest.mark.django_db(transaction=True)
def test_the_sha256_of_pieces_is_taken_after_the_file_is_ready(caller):
    from media_app.tests.factories import jpeg_bytes

    data = jpeg_bytes()
    piece(caller, 10, len(data), data=data, path="a.jpg")
    piece(caller, 0, 10, data=data, path="a.jpg")
    jobs.work("fast")
    file = File.objects.get()
    assert (file.status, file.sha256) == ("ready", hashlib.sha256(data).hexdigest())


def test_a_piece_may_be_sent_again_and_is_counted_once(caller):
    assert [piece(caller, 0, 400).status_code for _ in range(3)] == [202] * 3
    upload = Upload.objects.get()
    assert (upload.received, UploadPiece.objects.count()) == (400, 1)
    assert piece(caller, 400, 1000).status_code == 201
    assert kept() == DATA


def test_any_key_of_the_project_that_may_write_goes_on_with_it(caller):
    piece(caller, 0, 400)
    assert piece(Caller(project=caller.project), 400, 1000).status_code == 201
    assert piece(Caller(project=caller.project, scopes=["read"]), 0, 400, path="b").status_code == 403
    other = Caller()
    assert piece(other, 0, 400).status_code == 202  # a path of its own
    assert Upload.objects.filter(project=other.project).count() == 1


def test_the_sizes_of_the_vendors_own_client(caller):
    """5 MiB pieces of 70 MiB, as its app sends them."""
    total, step = 73_400_320, 5_242_880
    data = hashlib.shake_128(b"app").digest(step)
    starts = [*range(0, total, step)]
    answers = [send(caller, f"bytes {start}-{start + step - 1}/{total}", data) for start in reversed(starts)]
    assert [answer.status_code for answer in answers] == [202] * 13 + [201]
    assert kept() == data * 14


# --- refusals, by name ---


@pytest.mark.parametrize(
    ("header", "length", "told"),
    [
        ("bytes 0-9/1000", 11, "bytes 0-10/1000"),
        ("bytes 0-9/1000", 8, "bytes 0-7/1000"),
        ("bytes 0-9/*", 10, "how many bytes the whole file has"),
        ("bytes */*", 0, "how many bytes the whole file has"),
        ("bytes */1000", 3, "'*' asks for the state"),
        ("bytes 5-5/1000", 0, "the body is empty"),
        ("bytes 0-0/0", 1, "empty file"),
        ("bytes 995-1004/1000", 10, "ends after the file's last byte"),
        ("bytes 9-0/1000", 10, "does not fit the body"),
        ("bytes -5/1000", 5, "must have the form"),
        ("items 0-9/1000", 10, "must have the form"),
        ("bytes 0-9", 10, "must have the form"),
        ("bytes ٠-٩/1000", 10, "must have the form"),
        ("bytes 0-9999999999999999999/1000", 10, "must have the form"),
        ("nonsense", 10, "must have the form"),
    ],
)
def test_a_header_that_does_not_fit_is_named(caller, header, length, told):
    answer = send(caller, header, b"x" * length)
    assert (answer.status_code, answer.json()["param"]) == (400, "Content-Range")
    assert told in message(answer)
    assert (Upload.objects.count(), DeadObject.objects.count()) == (0, 0)


def test_a_header_that_tells_nothing_makes_no_whole_file_of_a_piece(caller):
    """granian hands on a header that is not ASCII as an empty text: `bytes 0–399/1000` with a dash, for one."""
    answer = send(caller, "", DATA[:400])
    assert (answer.status_code, answer.json()["param"]) == (400, "Content-Range")
    assert (File.objects.count(), Upload.objects.count()) == (0, 0)


def test_another_total_is_refused_and_the_way_out_told(caller):
    piece(caller, 0, 400)
    answer = send(caller, "bytes 400-998/999", DATA[400:999])
    assert (answer.status_code, answer.json()["param"]) == (409, "Content-Range")
    assert "upload of 1000 bytes is in progress" in message(answer)
    assert "DELETE" in message(answer)
    assert UploadPiece.objects.count() == 1


@pytest.mark.parametrize("span", [(300, 500), (100, 300), (200, 300), (0, 500), (399, 600)])
def test_overlaps_are_refused_with_both_spans(caller, span):
    piece(caller, 200, 400)
    answer = piece(caller, *span)
    assert (answer.status_code, answer.json()["param"]) == (409, "Content-Range")
    assert f"{span[0]}-{span[1] - 1}/1000 overlaps the bytes 200-399" in message(answer)
    assert Upload.objects.get().received == 200


def test_the_same_span_with_other_bytes_is_another_file(caller):
    piece(caller, 0, 400)
    answer = send(caller, "bytes 0-399/1000", b"x" * 400)
    assert (answer.status_code, answer.json()["kind"]) == (409, "piece_differs")
    assert piece(caller, 400, 1000).status_code == 201
    assert kept() == DATA


def test_a_piece_that_is_being_sent_by_another_waits(caller):
    piece(caller, 0, 400)
    UploadPiece.objects.create(upload=Upload.objects.get(), start=400, end=1000, token="t", lease_until=in_seconds(20))
    answer = piece(caller, 400, 1000)
    assert (answer.status_code, answer.json()["kind"], answer.headers["Retry-After"]) == (409, "piece_in_progress", "5")
    assert piece(caller, 500, 700).json()["kind"] == "piece_overlaps"
    UploadPiece.objects.filter(token="t").update(lease_until=in_seconds(-1))
    assert piece(caller, 400, 1000).status_code == 201
    assert kept() == DATA


def test_a_claim_that_ran_out_gives_way_to_other_bounds(caller):
    piece(caller, 0, 400)
    UploadPiece.objects.create(upload=Upload.objects.get(), start=300, end=1000, token="t", lease_until=in_seconds(-1))
    assert [piece(caller, *span).status_code for span in ((700, 1000), (400, 700))] == [202, 201]
    assert kept() == DATA


class Gone:
    """A client that goes away after so many bytes."""

    def __init__(self, data: bytes, stop: int) -> None:
        self.left = io.BytesIO(data[:stop])

    def read(self, size: int = -1) -> bytes:
        chunk = self.left.read(size)
        if not chunk:
            raise OSError("the client is gone")
        return chunk


def test_a_connection_that_broke_lets_others_bring_the_piece_at_once(caller):
    request = RequestFactory().put(
        "/", HTTP_AUTHORIZATION=f"Bearer {caller.secret}", CONTENT_LENGTH="600", HTTP_CONTENT_RANGE="bytes 400-999/1000"
    )
    request.META["wsgi.input"] = Gone(DATA[400:], 100)
    answer = deliver(request, caller.project.public_id, "demo/a.bin")
    assert answer.status_code == 400
    assert "100 of 600 bytes" in answer.content.decode()
    assert (UploadPiece.objects.count(), Upload.objects.get().received) == (0, 0)
    assert [piece(caller, *span).status_code for span in ((500, 1000), (0, 500))] == [202, 201]
    assert kept() == DATA


def test_pieces_of_a_large_file_have_a_smallest_size(caller):
    small = b"x" * MEGABYTE
    answer = send(caller, f"bytes 0-{MEGABYTE - 1}/{BIG}", small)
    assert (answer.status_code, answer.json()["kind"], answer.json()["param"]) == (
        400,
        "piece_too_small",
        "Content-Range",
    )
    assert str(5 * MEGABYTE) in message(answer)
    assert Upload.objects.count() == 0
    assert send(caller, f"bytes {BIG - MEGABYTE}-{BIG - 1}/{BIG}", small).status_code == 202  # the last one


def test_a_gap_that_no_piece_could_fill_is_refused(caller):
    six = b"x" * (6 * MEGABYTE)
    assert send(caller, f"bytes 0-{len(six) - 1}/{BIG}", six).status_code == 202
    start = len(six) + MEGABYTE
    answer = send(caller, f"bytes {start}-{start + len(six) - 1}/{BIG}", six)
    assert (answer.status_code, answer.json()["kind"]) == (400, "piece_leaves_gap")
    assert f"a gap of {MEGABYTE} bytes, {len(six)}-{start - 1}" in message(answer)
    answer = send(caller, f"bytes {MEGABYTE}-{MEGABYTE + 5}/{BIG}", b"x" * 6)
    assert answer.status_code == 400
    start = BIG - MEGABYTE - len(six)  # what is left after it may be short: it is the last
    assert send(caller, f"bytes {start}-{start + len(six) - 1}/{BIG}", six).status_code == 202


def test_a_small_file_has_not_too_many_pieces(caller, monkeypatch):
    monkeypatch.setattr("media_app.services.pieces.MAX_JOINED", 2)
    assert [piece(caller, at, at + 1).status_code for at in range(3)] == [202, 202, 409]
    assert piece(caller, 0, 1).status_code == 202


def test_a_file_over_the_limit_is_refused_before_anything_is_kept(caller, settings):
    settings.MAX_FILE_BYTES = 999
    assert piece(caller, 0, 10).status_code == 413
    assert send(caller, "bytes */1000").status_code == 413
    assert Upload.objects.count() == 0


def test_a_quota_counts_what_is_on_its_way(caller):
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=1500)
    assert piece(caller, 0, 10).status_code == 202
    answer = piece(caller, 0, 10, path="b")
    assert (answer.status_code, Upload.objects.count()) == (402, 1)
    assert "quota" in message(answer)


def test_a_quota_filled_meanwhile_refuses_the_last_piece_and_takes_it_later(caller):
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=1500)
    piece(caller, 0, 400)
    Project.objects.filter(pk=caller.project.pk).update(storage_used=1400)
    assert piece(caller, 400, 1000).status_code == 402
    assert (File.objects.count(), Media.objects.count()) == (0, 0)
    Project.objects.filter(pk=caller.project.pk).update(storage_used=0)
    assert piece(caller, 0, 400).status_code == 201
    assert kept() == DATA
    assert Project.objects.get(pk=caller.project.pk).storage_used == 1000


def test_a_project_has_not_too_many_uploads_in_progress(caller, monkeypatch):
    monkeypatch.setattr("media_app.services.uploads.MAX_OPEN", 1)
    piece(caller, 0, 10)
    answer = piece(caller, 0, 10, path="b")
    assert (answer.status_code, answer.json()["kind"], answer.headers["Retry-After"]) == (429, "too_many_uploads", "60")
    assert piece(Caller(), 0, 10).status_code == 202


def test_when_too_many_bytes_move_pieces_come_back_later(caller, settings):
    settings.MAX_TRANSFERS = 0
    assert piece(caller, 0, 10).status_code == 503
    assert (Upload.objects.count(), transfers.running) == (0, 0)
