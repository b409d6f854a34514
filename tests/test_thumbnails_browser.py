"""Thumbnails in a real browser: over a player's progress bar the picture of that moment is shown, out of the sprite
sheet that a private project's track leads to."""

import io
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from PIL import Image, ImageStat

from media_app.services import output_publish, outputs_store
from media_app.signatures import url_sign
from media_app.tests.factories import make_media
from orgs_app.models import Project
from orgs_app.tests.factories import make_api_key
from tests.browser import chromium
from tests.test_streaming_browser import picture
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.kinds.base import Output
from workers.run import run
from workers.tests.media import ffmpeg, near

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser"), pytest.mark.timeout(400)]

PLAYERS = Path(sys.prefix) / "players" / "node_modules"
PLYR, CHROME = PLAYERS / "plyr" / "dist", PLAYERS / "media-chrome" / "dist" / "iife"
# What the film shows in each of its seconds.
COLORS = ((230, 30, 30), (30, 180, 30), (30, 30, 230), (230, 200, 30), (200, 30, 200), (30, 200, 200))
HEAD = '<!doctype html><meta charset="utf-8"><title>player</title><body style="margin:20px;width:640px">'
PLYR_PAGE = (
    HEAD
    + """<link rel="stylesheet" href="/plyr.css"><video id="video" src="FILM" muted></video><script src="/plyr.js">
</script><script>
const player = new Plyr("#video", {controls: ["progress"], loadSprite: false, storage: {enabled: false},
    hideControls: false, previewThumbnails: {enabled: true, src: TRACK}});
</script>"""
)
CHROME_PAGE = (
    HEAD
    + """<script src="/media-chrome.js"></script>
<media-controller style="width:640px;height:360px" autohide="-1"><video id="video" slot="media" src="FILM" muted
preload="auto"><track default kind="metadata" label="thumbnails"></video>
<media-control-bar><media-time-range></media-time-range></media-control-bar></media-controller>
<script>document.querySelector("track").src = TRACK;</script>"""
)


@pytest.fixture(scope="module")
def players() -> None:
    """The test is skipped, or fails if REQUIRE_SERVICES is set, where the players are not installed."""
    if not (PLYR.is_dir() and CHROME.is_dir()):
        missing = "Plyr and Media Chrome are not installed (`make services` does it, where npm is)."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(missing)
        pytest.skip(missing)


def film(path: Path) -> Path:
    colors = "".join(f"color=0x{bytes(color).hex()}:s=640x360:r=10:d=1[v{n}];" for n, color in enumerate(COLORS))
    joined = "".join(f"[v{n}]" for n in range(len(COLORS))) + f"concat=n={len(COLORS)},format=yuv420p"
    ffmpeg(
        "-filter_complex", colors + joined, "-c:v", "libx264", "-preset", "ultrafast", "-movflags", "faststart", path
    )
    return path


def delivered(source: Path, folder: Path, **options: Any) -> tuple[str, str]:
    """The signed URLs of a private project's film and of its track."""
    folder.mkdir()
    done = run(get_kind("thumbnails"), options, source, folder)
    key, _ = make_api_key()
    Project.objects.filter(pk=key.project.pk).update(is_private=True)
    key.project.refresh_from_db()
    itself = Output(source, True, "film.mp4", "video/mp4", probe(source))
    published(key.project, [itself], object="source", kind="video", filename="talk.mp4")
    published(key.project, list(done.outputs), object="track", kind="thumbnails", filename="talk.vtt")
    film, track = (url_sign(key=key, folder="talks", filename=name).url for name in ("talk.mp4", "talk.vtt"))
    return film, track


def published(project: Project, outputs: list[Output], **told: str) -> None:
    media = make_media(project=project)
    stored = outputs_store(project_id=project.pk, file_id=media.pk, attempt=1, outputs=outputs)
    with transaction.atomic():
        output_publish(project=project, media=media, file_id=media.pk, attempt=1, stored=stored, folder="talks", **told)


def _given(path: Path) -> Any:
    return lambda route: route.fulfill(path=path)


def opened(browser: Any, live_server: Any, text: str, film: str, track: str) -> Any:
    """The page, once the player knows how long the film is; all of it is of one site, as the players' own files are."""
    body = text.replace("FILM", film).replace("TRACK", repr(track))
    page = browser.new_page(base_url=live_server.url, viewport={"width": 700, "height": 420})
    page.route("**/player", lambda route: route.fulfill(body=body, content_type="text/html"))
    for name, path in {
        "plyr.js": PLYR / "plyr.polyfilled.min.js",
        "plyr.css": PLYR / "plyr.css",
        "media-chrome.js": CHROME / "index.js",
    }.items():
        page.route(f"**/{name}", _given(path))
    page.goto("/player")
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    return page


def hovered(page: Any, bar: str, moment: float, length: float) -> None:
    """The pointer over the bar, where that moment is."""
    box = page.locator(bar).bounding_box()
    page.mouse.move(box["x"] + box["width"] * moment / length, box["y"] + box["height"] / 2)


def shown(page: Any, preview: str) -> tuple[int, ...]:
    """The colour in the middle of what is shown."""
    box = page.locator(preview).bounding_box()
    whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    x, y = round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)
    return tuple(round(part) for part in ImageStat.Stat(whole.crop((x - 10, y - 8, x + 10, y + 8))).mean)


def seen_over(page: Any, bar: str, preview: str, name: str, seconds: int = len(COLORS)) -> None:
    """Over each second of the bar, its own colour."""
    for number, color in enumerate(COLORS[:seconds]):
        for _ in range(200):  # until the picture is loaded and has faded in; of quick moves players leave some out
            for moment in (number + 0.45, number + 0.5):
                hovered(page, bar, moment, len(COLORS))
            page.locator(preview).wait_for(state="visible")
            found = shown(page, preview)
            if near(found, color, 12):
                break
            page.wait_for_timeout(100)
        if number == 3:
            picture(page, name)
        assert near(found, color, 12), (number, found, color)


@pytest.mark.ffmpeg
def test_plyr_shows_the_picture_of_the_moment_under_the_pointer(players, monkeypatch, tmp_path, live_server, settings):
    settings.DELIVERY_URL = live_server.url + urlsplit(settings.DELIVERY_URL).path
    source = film(tmp_path / "film.mp4")
    played, track = delivered(source, tmp_path / "made", count=6, columns=4)
    with chromium(monkeypatch) as browser:
        page = opened(browser, live_server, PLYR_PAGE, played, track)
        page.wait_for_function("player.previewThumbnails && player.previewThumbnails.loaded")
        image = ".plyr__preview-thumb__image-container"
        # It takes the last second for the moment ahead of it.
        seen_over(page, ".plyr__progress", image, "thumbnails-plyr.png", len(COLORS) - 1)
        whole = urlsplit(page.evaluate(f"document.querySelector('{image} img').src"))
    assert whole.path.endswith("/sprite-1.jpg")
    assert "signature=" in whole.query


@pytest.mark.ffmpeg
def test_media_chrome_shows_it_by_a_metadata_track(players, monkeypatch, tmp_path, live_server, settings):
    settings.DELIVERY_URL = live_server.url + urlsplit(settings.DELIVERY_URL).path
    source = film(tmp_path / "film.mp4")
    played, track = delivered(source, tmp_path / "made", count=6, format="webp", urls="relative")
    with chromium(monkeypatch) as browser:
        page = opened(browser, live_server, CHROME_PAGE, played, track)
        page.wait_for_function("(video.textTracks[0].cues || []).length === 6")
        cues = page.evaluate("[...video.textTracks[0].cues].map(cue => [cue.id, cue.startTime, cue.endTime])")
        assert cues == [[str(number + 1), number, number + 1] for number in range(6)]
        seen_over(page, "media-time-range", "media-preview-thumbnail", "thumbnails-media-chrome.png")
