"""Packages in a real browser: hls.js plays one from where it is delivered, to its end, changing renditions, with its
subtitles; from a private project with nothing but the signed URL of its master playlist."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction

from media_app.services import output_publish, outputs_store
from media_app.signatures import url_sign
from media_app.tests.factories import make_media
from orgs_app.models import Project
from orgs_app.tests.factories import make_api_key
from tests.browser import chromium
from workers.kinds import get_kind
from workers.run import Done, run
from workers.tests.media import make_audio, make_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser"), pytest.mark.timeout(400)]

PLAYER = Path(sys.prefix) / "players" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
PAGE = """<!doctype html><meta charset="utf-8"><title>player</title>
<body style="margin:0"><video id="video" width="640" height="360" muted></video>
<script src="/hls.min.js"></script>
<script>
const video = document.getElementById("video"), seen = {errors: [], levels: [], heights: [], cues: [], bytes: 0};
// A hole in the media, or a stop though there is more of it: a slow network cannot be the cause of either.
const holes = ["bufferSeekOverHole", "bufferNudgeOnStall"];
const ahead = () => {
    for (let part = 0; part < video.buffered.length; part++)
        if (video.buffered.start(part) <= video.currentTime && video.currentTime < video.buffered.end(part))
            return video.buffered.end(part) - video.currentTime;
    return 0;
};
video.addEventListener("resize", () => seen.heights.push(video.videoHeight));
const hls = new Hls({startLevel: 0, enableWorker: false});
hls.on(Hls.Events.ERROR, (_, data) => {
    // Not what a player tells of its own doings: requests given up for another rendition, parts fetched again.
    const stopped = holes.includes(data.details) || (data.details === "bufferStalledError" && ahead() > 1);
    const failed = /LoadError|ParsingError|AppendError|CodecError|Exception/i.test(data.details);
    if (!data.fatal && !stopped && !failed) return;
    const frag = data.frag || {};
    seen.errors.push([data.details, data.fatal, frag.type, frag.level, frag.sn, String(data.error)].join(" "));
});
hls.on(Hls.Events.LEVEL_SWITCHED, (_, data) => seen.levels.push(data.level));
video.addEventListener("timeupdate", () => {
    for (const track of video.textTracks)
        for (const cue of track.activeCues || []) if (!seen.cues.includes(cue.text)) seen.cues.push(cue.text);
});
function play(source) {
    hls.loadSource(source);
    hls.attachMedia(video);
}
</script>"""
SUBTITLES = "1\n00:00:00,500 --> 00:00:02,000\nFirst line\n\n2\n00:00:03,000 --> 00:00:07,500\nSecond line\n"


@pytest.fixture(scope="module")
def player() -> None:
    """The test is skipped, or fails if REQUIRE_SERVICES is set, where the player is not installed."""
    if not PLAYER.is_file():
        missing = "hls.js is not installed (`make services` does it, where npm is)."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(missing)
        pytest.skip(missing)


def package(source: Path, folder: Path, **options: Any) -> Done:
    folder.mkdir()
    return run(get_kind("adaptive_video"), options, source, folder)


def delivered(done: Done, *, private: bool) -> str:
    """The path and query of a package as a client has them."""
    key, _ = make_api_key()
    project = key.project
    Project.objects.filter(pk=project.pk).update(is_private=private)
    project.refresh_from_db()
    media = make_media(project=project)
    given = {"project_id": project.pk, "file_id": media.pk, "attempt": 1}
    stored = outputs_store(**given, outputs=list(done.outputs))
    names = {"object": "source", "kind": "adaptive_video", "folder": "talks", "filename": "talk one.m3u8"}
    with transaction.atomic():
        output_publish(project=project, media=media, file_id=media.pk, attempt=1, stored=stored, **names)
    signed = urlsplit(url_sign(key=key, folder="talks", filename="talk one.m3u8").url)
    return f"{signed.path}?{signed.query}" if private else signed.path


def opened(browser: Any, live_server: Any, source: str) -> Any:
    """The page, once the player knows what there is."""
    page = browser.new_page(base_url=live_server.url, viewport={"width": 660, "height": 380})
    page.route("**/player", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.route("**/hls.min.js", lambda route: route.fulfill(path=PLAYER))
    page.goto("/player")
    page.evaluate("source => play(source)", source)
    page.wait_for_function("hls.levels.length && video.readyState >= 2")
    return page


def played_to_the_end(page: Any, *, rate: float = 4.0) -> dict[str, Any]:
    """What the player saw of it."""
    page.evaluate(f"video.playbackRate = {rate}; video.play()")
    page.wait_for_function("video.ended || seen.errors.length")
    return page.evaluate(
        "({...seen, ended: video.ended, parts: [...Array(video.buffered.length).keys()].map("
        "part => [video.buffered.start(part), video.buffered.end(part)]),"
        " time: video.currentTime, duration: video.duration,"
        " sound: video.webkitAudioDecodedByteCount, frames: video.getVideoPlaybackQuality().totalVideoFrames})"
    )


def picture(page: Any, name: str) -> None:
    """A picture of the page for people, in the folder that the environment names."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / name)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("segments", "private"), [("fmp4", True), ("ts", False)])
def test_a_package_plays_to_its_end_with_sound_and_subtitles(
    player, monkeypatch, tmp_path, live_server, segments, private
):
    source = make_video(tmp_path / "in.mp4", seconds=8.0, size=(640, 360))
    (tmp_path / "words.srt").write_text(SUBTITLES)
    words = {"url": str(tmp_path / "words.srt"), "language": "en", "label": "English", "default": True}
    done = package(source, tmp_path / "made", segments=segments, segment_duration=2, subtitles=[words])
    assert [(one.name, one.height) for one in done.result.renditions] == [("360p", 360), ("240p", 240), ("audio", None)]
    source_url = delivered(done, private=private)
    with chromium(monkeypatch) as browser:
        page = opened(browser, live_server, source_url)
        levels = page.evaluate("hls.levels.map(level => [level.width, level.height, level.codecSet])")
        assert [level[:2] for level in levels] == [[426, 240], [640, 360]]
        assert page.evaluate("hls.audioTracks.map(track => track.name)") == ["Main"]
        assert page.evaluate("hls.subtitleTracks.map(track => [track.name, track.lang])") == [["English", "en"]]
        page.evaluate("hls.nextLevel = 0")
        page.evaluate("video.play()")
        page.wait_for_function("video.currentTime > 1 && seen.cues.length")
        picture(page, f"streaming-{segments}.png")
        page.evaluate("hls.currentLevel = 1")  # at once: as the next level, all may be fetched already
        seen = played_to_the_end(page)
        picture(page, f"streaming-{segments}-end.png")
    assert seen["errors"] == []
    assert seen["ended"]
    assert [part for part in seen["parts"] if part[0] < seen["time"]] == [seen["parts"][-1]]  # of one piece
    assert seen["parts"][-1][1] == pytest.approx(8.0, abs=0.1)
    assert seen["duration"] == pytest.approx(8.0, abs=0.1)
    assert seen["time"] == pytest.approx(8.0, abs=0.1)
    assert {240, 360} == set(seen["heights"])
    assert seen["levels"][-1] == 1
    assert seen["sound"] > 20_000
    assert seen["cues"] == ["First line", "Second line"]


@pytest.mark.ffmpeg
def test_sound_alone_plays_to_its_end(player, monkeypatch, tmp_path, live_server):
    source = make_audio(tmp_path / "in.wav", seconds=7.0)
    done = package(source, tmp_path / "made")
    assert [one.name for one in done.result.renditions] == ["256k", "128k", "64k"]
    source_url = delivered(done, private=True)
    with chromium(monkeypatch) as browser:
        page = opened(browser, live_server, source_url)
        seen = played_to_the_end(page)
    assert seen["errors"] == []
    assert (seen["ended"], seen["frames"]) == (True, 0)
    assert seen["parts"] == [[pytest.approx(0.0, abs=0.05), pytest.approx(7.0, abs=0.1)]]
    assert seen["duration"] == pytest.approx(7.0, abs=0.1)
    assert seen["sound"] > 20_000
