"""Media that name other files or URLs: nothing but the file itself is opened, by the probe, by every kind, or by a tool
that a plan never would have let near them."""

import socket
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.engine import runner
from workers.engine.confinement import sandbox_layers
from workers.engine.errors import EngineUnavailable, MediaError, SourceUnreadable
from workers.engine.host import Host
from workers.engine.limits import Limits, PictureLimits
from workers.engine.probe import probe
from workers.kinds import all_kinds
from workers.run import run
from workers.tests.media import ffmpeg

pytestmark = pytest.mark.ffmpeg
SECRET = b"the secret of the service"


class Listener:
    """A server on this machine that counts who comes."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.socket.close()


def playlist(file: Path, url: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{file}\n#EXTINF:9,\n{url}/a.ts\n#EXT-X-ENDLIST\n".encode()


def manifest(file: Path, url: str) -> bytes:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S"><Period>
<BaseURL>{url}/</BaseURL><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">
<BaseURL>file://{file}</BaseURL></Representation></AdaptationSet></Period></MPD>""".encode()


def drawing(file: Path, url: str) -> bytes:
    return f"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://{file}"><!ENTITY % y SYSTEM "{url}/y">%y;]>
<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{url}/z"/><text>&x;</text></svg>""".encode()


def concat(file: Path, url: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{file}'\nfile '{url}/a.mp4'\n".encode()


def concat_in_disguise(file: Path, url: str) -> bytes:
    # The signs of an MP4 first, so that whoever goes by them looks further.
    return b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\n" + concat(file, url)


def captions(file: Path, url: str) -> bytes:
    return f"[Script Info]\n[Fonts]\nfontname: {file}\n[Events]\nDialogue: 0,0:00:00.00,0:00:09.00,,{url}\n".encode()


def sequence(file: Path, url: str) -> bytes:
    return f"{file.parent}/%04d.png\n".encode()


def sdp(file: Path, url: str) -> bytes:
    port = url.rpartition(":")[2]
    return f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n".encode()


HOSTILE: list[Callable[[Path, str], bytes]] = [
    playlist, manifest, drawing, concat, concat_in_disguise, sequence, sdp,
]  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_lists_of_other_files_are_refused(make, tmp_path, listener, make_video):
    url = f"http://127.0.0.1:{listener.port}"
    hostile = tmp_path / "hostile"
    hostile.write_bytes(make(make_video(), url))
    with pytest.raises(MediaError) as caught:
        probe(hostile)
    assert caught.value.message.endswith(".")
    for kind in all_kinds().values():
        folder = tmp_path / f"work-{kind.name}"
        folder.mkdir()
        with pytest.raises(MediaError):
            run(kind, kind.examples[0] if kind.examples else {}, hostile, folder)
        assert list(folder.iterdir()) == []
    assert listener.visits == 0


def test_subtitles_that_name_other_files_are_told_by_their_text_and_reach_none(tmp_path, listener, make_video):
    url = f"http://127.0.0.1:{listener.port}"
    hostile = tmp_path / "hostile"
    hostile.write_bytes(captions(make_video(), url))
    assert probe(hostile).media_type == "text"
    for kind in all_kinds().values():
        folder = tmp_path / f"work-{kind.name}"
        folder.mkdir()
        if kind.name != "probe":
            with pytest.raises(MediaError):
                run(kind, kind.examples[0] if kind.examples else {}, hostile, folder)
            assert kind.name == "subtitles" or list(folder.iterdir()) == []  # which had a look at its events
    assert listener.visits == 0


@pytest.mark.skipif(
    "landlock" not in sandbox_layers(), reason="this kernel, or the container's profile, has no Landlock"
)
@pytest.mark.parametrize("make", [playlist, manifest, concat], ids=lambda make: make.__name__)
def test_a_tool_that_was_tricked_into_reading_a_list_reaches_nothing(make, workdir, tmp_path, listener, make_video):
    """Without any whitelist of ours: the walls around ffmpeg hold by themselves."""
    secret = make_video()
    hostile = tmp_path / "list"
    hostile.write_bytes(make(secret, f"http://127.0.0.1:{listener.port}"))
    (workdir / "source").symlink_to(hostile)
    form = {"playlist": "hls", "manifest": "dash", "concat": "concat"}[make.__name__]
    trusting = (
        "-protocol_whitelist",
        "file,http,tcp,crypto,data",
        "-f",
        form,
        *(("-safe", "0") if form == "concat" else ()),
    )
    if form == "hls":
        trusting = (*trusting, "-allowed_extensions", "ALL", "-extension_picky", "0")
    with pytest.raises((MediaError, EngineUnavailable)):
        runner.run(
            (*trusting, "-i", "source", "-c", "copy", "out.mkv"), cwd=workdir, duration=1.0, limits=Limits(wall=20)
        )
    assert listener.visits == 0


def alias(path: Path) -> bytes:
    """An alias record as QuickTime writes it, with the whole path (type 2) in it."""
    name = str(path).encode()
    name += b"\0" * (len(name) % 2)
    fixed = bytes(10) + b"\x01v".ljust(28, b"\0") + bytes(12) + b"\x01n".ljust(64, b"\0") + bytes(16)
    return fixed + struct.pack(">HH", 0, 0) + bytes(16) + struct.pack(">HH", 2, len(name)) + name + b"\xff\xff\0\0"


def with_alias(data: bytes, path: Path) -> bytes:
    """A film of one track, its index last, whose data reference leads to another file."""
    record = alias(path)
    entry = data.index(b"dref") + 12  # of the one reference
    (length,) = struct.unpack(">I", data[entry : entry + 4])
    whole = bytearray(data)
    whole[entry : entry + length] = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    for atom in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = data.index(atom) - 4
        (size,) = struct.unpack(">I", data[place : place + 4])
        whole[place : place + 4] = struct.pack(">I", size + 12 + len(record) - length)
    return bytes(whole)


def test_a_film_whose_media_lie_in_another_file_is_not_followed(make_video, tmp_path, workdir):
    """A QuickTime reference movie. ffmpeg follows such references when it is told to, and would find a whole film."""
    secret = make_video(".mov", audio=None)
    hostile = tmp_path / "reference.mov"
    hostile.write_bytes(with_alias(secret.read_bytes(), secret))
    try:
        ffmpeg("-enable_drefs", "1", "-use_absolute_path", "1", "-i", hostile, "-f", "null", "-")
    except AssertionError as exc:
        pytest.fail(f"the film leads nowhere, so that this test shows nothing: {exc}")
    with pytest.raises(MediaError):
        run(all_kinds()["video"], {"width": 32}, hostile, workdir)


def test_attachments_and_fonts_in_a_film_are_neither_written_nor_read(make_video, tmp_path, workdir):
    font = tmp_path / "../../evil.ttf"
    plain = tmp_path / "evil.ttf"
    plain.write_bytes(SECRET)
    path = tmp_path / "attached.mkv"
    name = f"filename={font}"
    ffmpeg("-i", make_video(".mkv"), "-map", "0", "-c", "copy", "-attach", plain, "-metadata:s:t", "mimetype=font/ttf",
           "-metadata:s:t", name, path)  # fmt: skip
    facts = probe(path)
    assert facts.others == 1
    done = run(all_kinds()["video"], {"width": 32}, path, workdir)
    assert sorted(entry.name for entry in workdir.iterdir()) == ["source", done.outputs[0].path.name]
    assert SECRET not in done.outputs[0].path.read_bytes()


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (1, 1)) -> bytes:
    """A PNG of one grey row with these chunks before its pixels."""
    head = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(b"\0" * (size[0] + 1) * size[1])), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("name", "before"),
    [(b"iCCP", b"profile\0\0"), (b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\x01\0\0\0")],
    ids=["iCCP", "zTXt", "iTXt"],
)
def test_what_swells_beside_the_pixels_is_not_unpacked(name, before, tmp_path, workdir):
    path = tmp_path / "bomb.png"
    path.write_bytes(png((name, before + zlib.compress(bytes(200_000_000), 1))))
    held = Host(PictureLimits(memory=1024**3))
    try:
        with pytest.raises(SourceUnreadable):
            held.call("probe", {"path": str(path)})
        assert held._helper.resident < 180_000_000  # 200 MB would have been unpacked
    finally:
        held.end()
    with pytest.raises(SourceUnreadable):
        run(all_kinds()["image"], {"format": "jpeg"}, path, workdir)


def test_exif_of_a_png_that_claims_more_than_it_has_is_passed_over(tmp_path, workdir):
    path = tmp_path / "claims.png"
    path.write_bytes(png((b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff\xff" + bytes(60_000))))
    done = run(all_kinds()["image"], {"format": "jpeg"}, path, workdir)
    assert done.outputs[0].probe.displayed == (1, 1)
    assert done.outputs[0].path.stat().st_size < 10_000


def test_exif_that_points_in_circles_or_far_away_is_passed_over(make_image, tmp_path, workdir):
    whole = make_image(".jpg", orientation=6, gps=True).read_bytes()
    place = whole.index(b"Exif\0\0") + 6
    for offset, count in ((8, 0xFFFF), (0xFFFFFFF0, 1), (8, 12)):
        data = bytearray(whole)
        order = ">" if data[place : place + 2] == b"MM" else "<"
        data[place + 4 : place + 8] = struct.pack(f"{order}I", offset & 0xFFFFFFFF)
        data[place + 8 : place + 10] = struct.pack(f"{order}H", count)
        path = tmp_path / f"exif-{offset}-{count}.jpg"
        path.write_bytes(data)
        folder = workdir / f"{offset}-{count}"
        folder.mkdir()
        facts = probe(path)
        assert {facts.width, facts.height} == {64, 48}
        assert run(all_kinds()["image"], {"width": 16}, path, folder).outputs[0].probe.width == 16
