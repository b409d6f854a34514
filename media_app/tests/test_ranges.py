"""Parts of a file: what a Range header asks for, and how one part or several are given."""

import re
from email import message_from_bytes
from typing import Any

import pytest

from media_app.delivery import transfers
from media_app.models import File
from media_app.ranges import MAX_ASKED, MAX_PARTS, Span, Unsatisfiable, read_ranges
from media_app.storage import bucket
from media_app.tests.factories import make_file
from orgs_app.tests.caller import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_transfer_is_left_behind")]

DATA = bytes(range(256)) * 4  # 1,024 bytes


@pytest.fixture
def file(caller) -> File:
    return make_file(project=caller.project, filename="a.jpg", content=DATA)


def get(caller: Caller, header: str, path: str = "a.jpg", **headers: str) -> Any:
    return caller.http.get(f"/delivery/{caller.project.public_id}/{path}", headers={"Range": header} | headers)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def parts_of(answer: Any) -> list[tuple[str, str, bytes]]:
    """Type, Content-Range and bytes of each part, as a MIME parser reads them; the length announced is right."""
    body = content(answer)
    assert answer.headers["Content-Length"] == str(len(body))
    message = message_from_bytes(f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode() + body)
    assert message.is_multipart()
    assert message.defects == []
    boundary = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-f]{32})", answer.headers["Content-Type"])[1]
    pieces = body.split(f"\r\n--{boundary}".encode())
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    found = []
    for part, piece in zip(message.get_payload(), pieces[1:-1], strict=True):
        assert sorted(part.keys()) == ["Content-Range", "Content-Type"]
        found.append((part["Content-Type"], part["Content-Range"], piece.partition(b"\r\n\r\n")[2]))
    return found


@pytest.mark.parametrize(
    ("header", "status", "part", "content_range"),
    [
        ("bytes=0-0", 206, slice(0, 1), "bytes 0-0/1024"),
        ("bytes=10-19", 206, slice(10, 20), "bytes 10-19/1024"),
        ("bytes=1000-", 206, slice(1000, None), "bytes 1000-1023/1024"),
        ("bytes=1000-99999", 206, slice(1000, None), "bytes 1000-1023/1024"),
        ("bytes=-24", 206, slice(1000, None), "bytes 1000-1023/1024"),
        ("bytes=-99999", 206, slice(None), "bytes 0-1023/1024"),
        ("bytes=0-", 206, slice(None), "bytes 0-1023/1024"),
        ("bytes = 0 - 4", 206, slice(0, 5), "bytes 0-4/1024"),
        ("BYTES=0-4", 206, slice(0, 5), "bytes 0-4/1024"),
        ("bytes=0-4,5-9", 206, slice(0, 10), "bytes 0-9/1024"),
        ("bytes=8-,0-9", 206, slice(None), "bytes 0-1023/1024"),
        ("bytes=5-9,2000-,-0", 206, slice(5, 10), "bytes 5-9/1024"),
        ("bytes=,5-9,", 206, slice(5, 10), "bytes 5-9/1024"),
        ("bytes=1024-", 416, None, "bytes */1024"),
        ("bytes=-0", 416, None, "bytes */1024"),
        ("bytes=1024-,5000-6000,-0", 416, None, "bytes */1024"),
        ("bytes=20-10", 200, slice(None), None),
        ("bytes=0-1,20-10", 200, slice(None), None),
        ("bytes=0-1,x", 200, slice(None), None),
        ("bytes=a-b", 200, slice(None), None),
        ("bytes=-", 200, slice(None), None),
        ("bytes=", 200, slice(None), None),
        ("bytes=,", 200, slice(None), None),
        ("bytes", 200, slice(None), None),
        ("bytes=0-1-2", 200, slice(None), None),
        ("bytes=+0-1", 200, slice(None), None),
        ("bytes=0_0-1", 200, slice(None), None),
        (f"bytes={'9' * 19}-", 200, slice(None), None),
        ("items=0-1", 200, slice(None), None),
        ("bytes=٠-١", 200, slice(None), None),
        ("", 200, slice(None), None),
    ],
)
def test_one_part_all_or_nothing(caller, file, header, status, part, content_range):
    answer = get(caller, header)
    assert answer.status_code == status
    assert answer.headers.get("Content-Range") == content_range
    if part is not None:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert content(answer) == DATA[part]
        assert answer.headers["Content-Length"] == str(len(DATA[part]))
    else:
        assert answer.content == b""


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-1,5-6", [(0, 2), (5, 7)]),
        ("bytes=5-6, 0-1", [(0, 2), (5, 7)]),
        ("bytes=-4,0-3,100-199,150-250", [(0, 4), (100, 251), (1020, 1024)]),
        ("bytes=0-0,2-2,9999-,1000-", [(0, 1), (2, 3), (1000, 1024)]),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 20, 2)), [(n, n + 1) for n in range(0, 20, 2)]),
    ],
)
def test_several_parts_come_in_one_body(caller, file, header, spans):
    answer = get(caller, header)
    assert (answer.status_code, answer.headers["ETag"], answer.headers["Accept-Ranges"]) == (
        206,
        f'"{file.etag}"',
        "bytes",
    )
    assert "Content-Range" not in answer.headers
    assert parts_of(answer) == [
        ("image/jpeg", f"bytes {start}-{end - 1}/1024", DATA[start:end]) for start, end in spans
    ]


def test_each_answer_is_cut_by_another_boundary(caller, file):
    first, second = (get(caller, "bytes=0-1,5-6") for _ in range(2))
    assert first.headers["Content-Type"] != second.headers["Content-Type"]
    assert len(content(first)) == len(content(second))


def test_more_parts_than_anybody_needs_are_the_whole(caller, file):
    many = ",".join(f"{n}-{n}" for n in range(0, 2 * MAX_PARTS + 2, 2))
    overlapping = ",".join(["0-"] * (MAX_ASKED + 1))
    for header in (f"bytes={many}", f"bytes={overlapping}"):
        answer = get(caller, header)
        assert (answer.status_code, content(answer)) == (200, DATA)
    assert content(get(caller, f"bytes={','.join(['1-'] * MAX_ASKED)}")) == DATA[1:]


def test_what_would_run_in_a_browser_is_no_part_either(caller):
    make_file(project=caller.project, filename="a.svg", content=DATA, type="image/svg+xml")
    assert {type for type, *_ in parts_of(get(caller, "bytes=0-1,5-6", "a.svg"))} == {"application/octet-stream"}


def test_conditions_come_before_parts(caller, file):
    header = "bytes=0-1,5-6"
    answer = get(caller, header, **{"If-Range": '"other"'})
    assert (answer.status_code, content(answer)) == (200, DATA)
    answer = get(caller, header, **{"If-Range": f'W/"{file.etag}"'})
    assert (answer.status_code, content(answer)) == (200, DATA)
    assert len(parts_of(get(caller, header, **{"If-Range": f'"{file.etag}"'}))) == 2
    assert get(caller, header, **{"If-None-Match": f'"{file.etag}"'}).status_code == 304
    head = caller.http.head(f"/delivery/{caller.project.public_id}/a.jpg", headers={"Range": header})
    assert (head.status_code, head.headers["Content-Length"]) == (200, "1024")


def test_a_range_of_an_empty_file_cannot_be_given(caller):
    make_file(project=caller.project, filename="empty", content=b"")
    for header in ("bytes=0-", "bytes=0-0,5-6", "bytes=-5"):
        assert get(caller, header, "empty").status_code == 416
    assert content(get(caller, "", "empty")) == b""


def test_a_client_that_leaves_between_two_parts_frees_its_place(caller, file):
    answer = get(caller, "bytes=0-1,5-6")
    assert next(answer.streaming_content).startswith(b"\r\n--")
    assert transfers.running == 1
    answer.close()
    assert transfers.running == 0


def test_bytes_that_are_gone_are_told_before_the_first_part(caller, file):
    bucket().delete(file.key)
    assert get(caller, "bytes=0-1,5-6").status_code == 404


def test_too_many_transfers_are_told(caller, file, settings):
    settings.MAX_TRANSFERS = 1
    first = get(caller, "bytes=0-1,5-6")
    assert get(caller, "bytes=0-1,5-6").status_code == 503
    assert len(parts_of(first)) == 2


def test_parts_of_an_object_in_s3(caller, s3_quick, settings):
    for name, value in s3_quick.environment(s3_quick.new_bucket()).items():
        setattr(settings, name, value if name != "S3_PATH_STYLE" else True)
    settings.DELIVERY_FROM_S3 = "stream"
    make_file(project=caller.project, filename="a.jpg", content=DATA)
    assert [part for *_, part in parts_of(get(caller, "bytes=0-9,-9"))] == [DATA[:10], DATA[-9:]]
    bucket().close()


def test_whatever_is_asked_the_parts_lie_apart_inside_the_file():
    for size in range(6):
        for text in ("0-0,2-2", "-1,-3", "4-,1-1", "0-9,3-3", "5-5", "1-2,2-3,3-4"):
            try:
                spans = read_ranges(f"bytes={text}", size)
            except Unsatisfiable:
                continue
            ends = [0, *(span.start + span.length for span in spans)]
            assert all(span.start > end or end == 0 for span, end in zip(spans, ends, strict=False)), (text, size)
            assert all(span.length > 0 and ends[-1] <= size == span.size for span in spans), (text, size)
    assert read_ranges("bytes=0-0,2-2", 3) == (Span(0, 1, 3), Span(2, 1, 3))
