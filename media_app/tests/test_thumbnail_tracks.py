"""Tracks of thumbnails: whoever may read one finds its sprite sheets by what it says, wherever it was asked for."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.test import Client

from media_app.models import File
from media_app.services import output_publish, outputs_store
from media_app.signatures import url_sign
from media_app.storage import bucket
from media_app.tests.factories import make_media
from media_app.tests.test_packages import address, body_of, got
from orgs_app.models import Project
from orgs_app.tests.caller import Caller
from workers.engine.probe import Image, Probe
from workers.kinds.base import Output

pytestmark = pytest.mark.django_db

SHEETS = {"sprite-1.jpg": b"first sheet", "sprite-2.jpg": b"second"}
SHEET = Probe("image", "image/jpeg", "jpeg", 9, width=320, height=90, image=Image("jpeg", "RGB", 320, 90))


@pytest.fixture(params=["public", "private"])
def caller(request) -> Caller:
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=request.param == "private")
    caller.project.refresh_from_db()
    return caller


def track(prefix: str = "") -> bytes:
    return (
        f"WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\n{prefix}sprite-1.jpg#xywh=0,0,160,90\n\n"
        f"2\n00:00:02.000 --> 00:00:04.000\n{prefix}sprite-1.jpg#xywh=160,0,160,90\n\n"
        f"3\n00:00:04.000 --> 00:00:06.000\n{prefix}sprite-2.jpg#xywh=0,0,160,90\n"
    ).encode()


def make_track(project: Project, work: Path, *, prefix: str = "", kind: str = "thumbnails", **names: str) -> File:
    (work / "thumbnails.vtt").write_bytes(track(prefix))
    made = [Output(work / "thumbnails.vtt", True, "thumbnails.vtt", "text/vtt")]
    for name, data in SHEETS.items():
        (work / name).write_bytes(data)
        made.append(Output(work / name, False, name, "image/jpeg", SHEET))
    media = make_media(project=project)
    given = {"project_id": project.pk, "file_id": media.pk, "attempt": 1}
    stored = outputs_store(**given, outputs=made)
    told = {"object": "track", "kind": kind, "file_id": media.pk, "attempt": 1}
    return output_publish(project=project, media=media, stored=stored, **told, **names)


def references(text: bytes) -> list[str]:
    return re.findall(r"-->.*\n(.*)", text.decode())


def seen(url: str) -> list[tuple[str, bytes]]:
    """What a player shows for each cue: the region, and the bytes of the sheet; it knows of no signature."""
    answer = got(url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/vtt")
    found = []
    for reference in references(body_of(answer)):
        whole = urlsplit(urljoin(url, reference))
        sheet = got(whole._replace(fragment="").geturl())
        assert (sheet.status_code, sheet.headers["Content-Type"]) == (200, "image/jpeg")
        found.append((whole.fragment, body_of(sheet)))
    return found


SHOWN = [
    ("xywh=0,0,160,90", b"first sheet"),
    ("xywh=160,0,160,90", b"first sheet"),
    ("xywh=0,0,160,90", b"second"),
]


@pytest.mark.parametrize("prefix", ["", "./"])
def test_the_sheets_are_found_from_every_path_of_the_track(caller, tmp_path, prefix):
    file = make_track(caller.project, tmp_path, prefix=prefix, folder="talks/2025", filename="talk.vtt")
    for path in (file.public_id, "talks/2025/talk.vtt"):
        assert seen(address(caller, path)) == SHOWN


def test_references_are_whole_urls_with_the_signature_that_opened_the_track(caller, tmp_path):
    file = make_track(caller.project, tmp_path, folder="talks", filename="talk.vtt")
    url = address(caller, "talks/talk.vtt")
    [first, *_] = references(body_of(got(url)))
    head, _, fragment = first.partition("#")
    root, _, query = head.partition("?")
    assert root == f"{caller.project.delivery_url}/{file.public_id}/sprite-1.jpg"
    assert fragment == "xywh=0,0,160,90"
    asked = parse_qs(urlsplit(url).query)
    assert asked.items() <= parse_qs(query).items() if caller.project.is_private else query == ""


def test_relative_ones_stay_relative(tmp_path):
    caller = Caller()
    file = make_track(caller.project, tmp_path, prefix="./", folder="talks", filename="talk.vtt")
    url = f"{caller.project.delivery_url}/talks/talk.vtt"
    assert references(body_of(got(url)))[0] == f"../{file.public_id}/sprite-1.jpg#xywh=0,0,160,90"


def test_without_a_signature_nothing_of_a_private_track_is_given(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    file = make_track(caller.project, tmp_path)
    url = f"{caller.project.delivery_url}/{file.public_id}"
    assert (got(url).status_code, got(f"{url}/sprite-1.jpg").status_code) == (403, 403)
    with_key = got(url, Authorization=f"Bearer {caller.secret}")
    assert references(body_of(with_key))[0] == f"{url}/sprite-1.jpg#xywh=0,0,160,90"  # the reader sends its key again


def test_a_projects_own_domain_is_in_the_urls(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="media.example.org")
    caller.project.refresh_from_db()
    file = make_track(caller.project, tmp_path, filename="talk.vtt")
    client = Client(headers={"Host": "media.example.org"})
    [first, *_] = references(body_of(client.get("/talk.vtt")))
    assert first == f"{caller.project.delivery_url}/{file.public_id}/sprite-1.jpg#xywh=0,0,160,90"
    assert "://media.example.org/" in first
    assert body_of(client.get(urlsplit(first).path)) == b"first sheet"


def test_the_track_passes_through_the_service_where_the_store_gives_the_sheets(tmp_path, settings, monkeypatch):
    caller = Caller()
    settings.DELIVERY_FROM_S3 = "redirect"
    monkeypatch.setattr(
        type(bucket()), "presigned_get", lambda self, key, **given: f"https://store.example/{key}", raising=True
    )
    file = make_track(caller.project, tmp_path)
    url = f"{caller.project.delivery_url}/{file.public_id}"
    answer = got(url)
    assert answer.status_code == 200
    sheet = got(references(body_of(answer))[0].partition("#")[0])
    assert (sheet.status_code, sheet.headers["Location"].startswith("https://store.example/")) == (302, True)


def test_tags_ranges_and_heads_are_of_what_is_given(tmp_path):
    caller = Caller()
    file = make_track(caller.project, tmp_path)
    url = f"{caller.project.delivery_url}/{file.public_id}"
    whole = got(url)
    text, tag = body_of(whole), whole.headers["ETag"]
    assert text != track()
    assert whole.headers["Content-Length"] == str(len(text))
    assert whole.headers["Cache-Control"] == "public, max-age=0, must-revalidate"  # its URLs change with the domain
    assert got(url, If_None_Match=tag).status_code == 304
    part = got(url, Range="bytes=60-79")
    assert (part.status_code, body_of(part)) == (206, text[60:80])
    head = Client().head(urlsplit(url).path)
    assert (head.headers["Content-Length"], head.headers["ETag"], head.content) == (str(len(text)), tag, b"")
    sprite = got(f"{url}/sprite-1.jpg")
    assert body_of(sprite)  # one that is not read counts as a transfer to the next tests
    assert sprite.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="media.example.org")
    moved = got(url)
    assert (body_of(moved) != text, moved.headers["ETag"] != tag) == (True, True)


def test_what_holds_a_signature_is_kept_by_nobody(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    file = make_track(caller.project, tmp_path)
    answer = got(url_sign(key=caller.key, filename=file.public_id, expiry=int(time.time()) + 60).url)
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("private, no-store", "Authorization")


def test_what_is_saved_is_the_track_as_it_was_made(tmp_path):
    caller = Caller()
    make_track(caller.project, tmp_path, filename="talk.vtt")
    answer = got(f"{caller.project.delivery_url}/talk.vtt?download")
    assert (body_of(answer), answer.headers["Content-Disposition"]) == (track(), 'attachment; filename="talk.vtt"')


def test_other_tracks_are_given_as_they_are(tmp_path):
    caller = Caller()
    file = make_track(caller.project, tmp_path, kind="subtitles")
    assert body_of(got(f"{caller.project.delivery_url}/{file.public_id}")) == track()
