"""Packages of HLS and DASH: one file with many members, delivered so that a player finds and may read each of them."""

import io
import re
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import pytest
from django.test import Client

from media_app.api import delivery
from media_app.models import File, FileMember
from media_app.services import media_delete, output_publish, outputs_store
from media_app.signatures import url_sign
from media_app.storage import bucket
from media_app.tests.factories import make_media
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, Caller, is_2024
from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.kinds.base import Output

pytestmark = pytest.mark.django_db

HLS, DASH = "application/vnd.apple.mpegurl", "application/dash+xml"
MASTER = b"""#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",URI="audio-1/stream.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI="720p/iframes.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2000000,AUDIO="audio"
720p/stream.m3u8
"""
PLAYLIST = b'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\nsegment-00001.m4s\n#EXTINF:2,\nsegment-00002.m4s\n'
MPD = b"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="720p">
<SegmentTemplate initialization="720p/init.mp4" media="720p/segment-$Number%05d$.m4s"/>
</Representation></AdaptationSet></Period></MPD>
"""
PARTS: dict[str, tuple[str, bytes]] = {
    "manifest.mpd": (DASH, MPD),
    **{
        f"{folder}/{name}": (type, data)
        for folder in ("720p", "audio-1")
        for name, type, data in (
            ("stream.m3u8", HLS, PLAYLIST),
            ("init.mp4", "video/mp4", b"init"),
            ("segment-00001.m4s", "video/mp4", b"first segment"),
            ("segment-00002.m4s", "video/mp4", b"second"),
        )
    },
    "720p/iframes.m3u8": (HLS, b"#EXTM3U\n#EXT-X-BYTERANGE:5@0\nsegment-00001.m4s\n"),
}
TOP = Probe(
    media_type="video",
    mime="video/mp4",
    container="mp4",
    size=9,
    duration=4.0,
    width=1280,
    height=720,
    videos=(VideoStream(0, "h264", 1280, 720, 1280, 720, frame_rate=25.0),),
    audios=(AudioStream(1, "aac", 2),),
    codecs="avc1.64001F, mp4a.40.2",
)


def outputs(folder: Path, entry: tuple[str, str, bytes] = ("master.m3u8", HLS, MASTER)) -> list[Output]:
    """A package as the engine hands it over."""
    name, type, data = entry
    made = [Output(folder / name, True, name, type, TOP)]
    (folder / name).write_bytes(data)
    for part, (kind, content) in PARTS.items():
        if part == name:
            continue
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes(content)
        made.append(Output(folder / part, False, part, kind))
    return made


def make_package(project: Project, work: Path, *, entry: tuple[str, str, bytes] | None = None, **names: str) -> File:
    media = make_media(project=project)
    given = {"project_id": project.pk, "file_id": media.pk, "attempt": 1}
    stored = outputs_store(**given, outputs=outputs(work, *([entry] if entry else [])))
    return output_publish(
        project=project,
        media=media,
        file_id=media.pk,
        attempt=1,
        stored=stored,
        object="source",
        kind="adaptive_video",
        **names,
    )


@pytest.fixture(params=["public", "private"])
def caller(request) -> Caller:
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=request.param == "private")
    caller.project.refresh_from_db()
    return caller


def address(caller: Caller, path: str) -> str:
    """A URL as a client has it: signed where the project is private."""
    if not caller.project.is_private:
        return f"{caller.project.delivery_url}/{quote(path)}"
    folder, _, name = path.rpartition("/")
    return url_sign(key=caller.key, folder=folder, filename=name).url


def got(url: str, **headers: str):
    parts = urlsplit(url)
    return Client().get(
        f"{parts.path}?{parts.query}", headers=headers, SERVER_NAME="testserver", HTTP_HOST="testserver"
    )


def body_of(answer) -> bytes:
    return b"".join(answer) if answer.streaming else answer.content


def references(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return re.findall(r'URI="([^"]*)"', text) + lines


def played(url: str) -> dict[str, bytes]:
    """All that a player reads from a playlist on, by path: it follows references, and knows of no signature."""
    answer = got(url)
    assert answer.status_code == 200, (url, answer.content)
    found = {urlsplit(url).path: (content := body_of(answer))}
    if answer.headers["Content-Type"] == HLS:
        for reference in references(content.decode()):
            found |= played(urljoin(url, reference))
    return found


# --- what is kept ---


def test_a_package_is_a_video_of_its_own_type_with_the_facts_of_its_largest_rendition(tmp_path):
    caller = Caller()
    file = make_package(caller.project, tmp_path, folder="talks", filename="talk.m3u8")
    file = File.objects.get(pk=file.pk)
    assert (file.kind, file.type, file.format) == ("video", HLS, "hls")
    assert (file.width, file.height, file.duration, file.codec) == (1280, 720, 4.0, "h264")
    assert file.filesize == len(MASTER) + sum(len(content) for _, content in PARTS.values())
    assert FileMember.objects.filter(file=file).count() == len(PARTS)


@pytest.mark.parametrize("version", [G1, G4])
def test_the_file_shows_its_playlists_and_not_its_segments(tmp_path, version):
    caller = Caller()
    file = make_package(caller.project, tmp_path)
    place = "src" if is_2024(version) else "url"
    for shown in (
        caller.data("get", f"/files/{file.public_id}", version),
        caller.data("get", "/files", version)[0],
    ):
        assert [member["name"] for member in shown["members"]] == [
            "manifest.mpd",
            "720p/stream.m3u8",
            "audio-1/stream.m3u8",
            "720p/iframes.m3u8",
        ]
        assert shown["members"][1][place] == f"{caller.project.delivery_url}/{file.public_id}/720p/stream.m3u8"


def test_of_a_long_series_a_thousand_are_shown(tmp_path):
    caller = Caller()
    media = make_media(project=caller.project)
    (tmp_path / "a.jpg").write_bytes(b"x")
    [stored] = outputs_store(
        project_id=caller.project.pk,
        file_id=media.pk,
        attempt=1,
        outputs=[Output(tmp_path / "a.jpg", True, "a.jpg", "image/jpeg")],
    )
    many = [replace(stored, name=f"{number}.jpg", entry=False) for number in range(1002)]
    file = output_publish(
        project=caller.project,
        media=media,
        file_id=media.pk,
        attempt=1,
        stored=[stored, *many],
        object="source",
        kind="image",
    )
    assert len(caller.data("get", f"/files/{file.public_id}", G4)["members"]) == 1000
    assert FileMember.objects.filter(file=file).count() == 1002


@pytest.mark.parametrize(
    "name",
    ["../a.ts", "/a.ts", "a/../b.ts", "a//b.ts", "a/", ".hidden", "a/.b", "a b.ts", "a\\b.ts", "é.ts", "a" * 256],
)
def test_names_of_members_stay_below_the_file(tmp_path, name):
    with pytest.raises(ValueError, match="no name of an output"):
        outputs_store(
            project_id="p" * 16,
            file_id="f" * 16,
            attempt=1,
            outputs=[Output(tmp_path / "a.ts", True, name, "video/mp2t")],
        )


def test_deleting_a_media_of_a_large_package_is_quick(tmp_path):
    caller = Caller()
    file = make_package(caller.project, tmp_path)
    FileMember.objects.bulk_create(
        [
            FileMember(file=file, name=f"x/{number}.m4s", key=f"k/{number}", type="video/mp4", size=1, listed=False)
            for number in range(14_000)
        ],
        batch_size=1000,
    )
    began = time.process_time()
    assert len(caller.data("get", f"/media/{file.media.public_id}", G4)["files"][0]["members"]) == 4
    assert len(caller.data("get", "/files", G4)[0]["members"]) == 4
    media_delete(media=file.media)
    assert time.process_time() - began < 10  # row by row, or object by object, it is a minute
    assert FileMember.objects.count() == 0


# --- what a player finds ---


@pytest.mark.parametrize("names", [("talks/2025", "talk.m3u8"), ("", "talk.m3u8"), ("talks", ""), ("", "")])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_player_finds_every_part_from_wherever_it_begins(tmp_path, caller, names, by_id):
    folder, filename = names
    file = make_package(caller.project, tmp_path, folder=folder, filename=filename)
    path = "/".join(part for part in (folder, filename or file.public_id) if part)
    found = played(address(caller, file.public_id if by_id else path))
    root = f"{urlsplit(caller.project.delivery_url).path}/{file.public_id}/"
    parts = {place.removeprefix(root): content for place, content in found.items() if place.startswith(root)}
    wanted = {name for name in PARTS if name != "manifest.mpd"}
    assert set(parts) == wanted
    assert all(content == PARTS[name][1] for name, content in parts.items() if PARTS[name][0] != HLS)


def test_a_dash_entry_leads_to_its_segments(tmp_path, caller):
    file = make_package(
        caller.project, tmp_path, entry=("manifest.mpd", DASH, MPD), folder="talks", filename="talk.mpd"
    )
    url = address(caller, "talks/talk.mpd")
    answer = got(url)
    text = body_of(answer).decode()
    assert (answer.headers["Content-Type"], f"<BaseURL>../{file.public_id}/</BaseURL>" in text) == (DASH, True)
    media = re.search(r'media="([^"]*)"', text)[1].replace("&amp;", "&").replace("$Number%05d$", "00001")
    base = urljoin(url, f"../{file.public_id}/")
    assert body_of(got(urljoin(base, media))) == b"first segment"


def test_the_query_that_is_passed_on_holds_the_signature_and_nothing_else(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    file = make_package(caller.project, tmp_path)
    signed = url_sign(key=caller.key, filename=file.public_id)
    answer = got(f'{signed.url}&token=secret&x="%0a#')
    [first, *_] = references(body_of(answer).decode())
    assert parse_qsl(urlsplit(first).query) == [
        ("expiry", str(signed.expiry)),
        ("method", "get"),
        ("signature", signed.signature),
    ]


def test_with_a_key_the_parts_are_asked_for_with_the_key(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    file = make_package(caller.project, tmp_path)
    url = f"{caller.project.delivery_url}/{file.public_id}"
    answer = got(url, Authorization=f"Bearer {caller.secret}")
    assert (answer.status_code, b"signature" in body_of(answer)) == (200, False)
    assert answer.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    assert got(url).status_code == 403


def test_another_files_members_are_not_opened_by_it(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (make_package(caller.project, tmp_path / name) for name in ("one", "two"))
    query = urlsplit(url_sign(key=caller.key, filename=one.public_id).url).query
    member = f"{caller.project.delivery_url}/{two.public_id}/720p/init.mp4?{query}"
    assert got(member).status_code == 403


# --- HTTP ---


def test_tags_ranges_and_heads_are_of_what_is_given(tmp_path):
    caller = Caller()
    file = make_package(caller.project, tmp_path, filename="talk.m3u8")
    by_name, by_id = (f"{caller.project.delivery_url}/{path}" for path in ("talk.m3u8", file.public_id))
    whole = got(by_id)
    text, tag = body_of(whole), whole.headers["ETag"]
    assert whole.headers["Content-Length"] == str(len(text))
    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert got(by_name).headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert (got(by_id, If_None_Match=tag).status_code, got(by_id, If_Match='"x"').status_code) == (304, 412)
    part = got(by_id, Range="bytes=2-9")
    assert (part.status_code, body_of(part)) == (206, text[2:10])
    assert part.headers["Content-Range"] == f"bytes 2-9/{len(text)}"
    several = got(by_id, Range="bytes=0-3,20-23")
    assert (several.status_code, several.headers["Content-Length"]) == (206, str(len(body_of(several))))
    assert text[20:24] in body_of(several)
    assert got(by_id, Range=f"bytes={len(text)}-").status_code == 416
    head = Client().head(urlsplit(by_id).path)
    assert (head.headers["Content-Length"], head.headers["ETag"], head.content) == (str(len(text)), tag, b"")
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"


def test_what_holds_a_signature_is_kept_by_nobody_and_has_a_tag_of_its_own(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    file = make_package(caller.project, tmp_path)
    now = int(time.time())
    first, second = (got(url_sign(key=caller.key, filename=file.public_id, expiry=now + n).url) for n in (50, 90))
    assert (first.headers["Cache-Control"], first.headers["Vary"]) == ("private, no-store", "Authorization")
    assert first.headers["ETag"] != second.headers["ETag"]


def test_what_is_saved_is_the_manifest_as_it_was_made(tmp_path):
    caller = Caller()
    make_package(caller.project, tmp_path, filename="talk.m3u8")
    answer = got(f"{caller.project.delivery_url}/talk.m3u8?download")
    assert (body_of(answer), answer.headers["Content-Disposition"]) == (MASTER, 'attachment; filename="talk.m3u8"')


def test_manifests_pass_through_the_service_where_the_store_gives_the_rest(tmp_path, settings, monkeypatch):
    caller = Caller()
    settings.DELIVERY_FROM_S3 = "redirect"
    monkeypatch.setattr(
        type(bucket()), "presigned_get", lambda self, key, **given: f"https://store.example/{key}", raising=True
    )
    file = make_package(caller.project, tmp_path)
    root = f"{caller.project.delivery_url}/{file.public_id}"
    master = got(root)
    assert (master.status_code, body_of(master).startswith(b"#EXTM3U")) == (200, True)
    assert body_of(got(f"{root}/720p/stream.m3u8")) == PLAYLIST
    segment = got(f"{root}/720p/segment-00001.m4s")
    assert (segment.status_code, segment.headers["Location"].startswith("https://store.example/")) == (302, True)


def test_a_manifest_that_is_far_too_large_is_given_as_it_is(tmp_path, monkeypatch):
    caller = Caller()
    monkeypatch.setattr(delivery, "LARGEST", 10)
    file = make_package(caller.project, tmp_path)
    assert body_of(got(f"{caller.project.delivery_url}/{file.public_id}")) == MASTER


def test_a_manifest_whose_bytes_are_gone_is_not_there(tmp_path):
    caller = Caller()
    file = make_package(caller.project, tmp_path)
    bucket().delete(file.key)
    assert got(f"{caller.project.delivery_url}/{file.public_id}").status_code == 404


def test_an_upload_that_calls_itself_a_playlist_is_given_as_bytes(tmp_path):
    caller = Caller()
    key = f"{caller.project.pk}/{'u' * 16}/1/source"
    stored = bucket().put(key, io.BytesIO(MASTER), length=len(MASTER))
    media = make_media(project=caller.project)
    File.objects.create(
        project=caller.project,
        media=media,
        status="failed",
        filename="evil.m3u8",
        type=HLS,
        key=stored.key,
        etag=stored.etag,
        entry_size=stored.size,
    )
    answer = got(f"{caller.project.delivery_url}/evil.m3u8")
    assert (body_of(answer), answer.headers["Content-Type"]) == (MASTER, "application/octet-stream")


def test_a_projects_own_domain_leads_to_the_same_parts(tmp_path):
    caller = Caller()
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="media.example.org")
    file = make_package(caller.project, tmp_path, folder="talks", filename="talk.m3u8")
    client = Client(headers={"Host": "media.example.org"})
    [audio, *_] = references(body_of(client.get("/talks/talk.m3u8")).decode())
    assert audio == f"../{file.public_id}/audio-1/stream.m3u8"
    assert body_of(client.get(f"/{file.public_id}/audio-1/stream.m3u8")) == PLAYLIST
