"""Delivery in a real browser: nothing uploaded runs there, and what is told of a type is what the browser can play."""

from collections.abc import Iterator
from typing import Any

import pytest

from media_app.models import File
from media_app.tests.factories import make_file
from orgs_app.tests.caller import Caller
from orgs_app.tests.factories import bearer_header, make_project
from tests.browser import chromium
from workers.engine.probe import probe
from workers.tests import media

SCRIPT = "document.title='run'; fetch('/ran')"
HTML = f'<!doctype html><title>quiet</title><script>{SCRIPT}</script><img src=x onerror="{SCRIPT}">'
XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'
HOSTILE = {
    "a.html": HTML,
    "b.xhtml": f'<?xml version="1.0"?><html {XMLNS}><head><script>{SCRIPT}</script></head></html>',
    "c.svg": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>',
    "d.xml": f'<?xml version="1.0"?><x><script {XMLNS}>{SCRIPT}</script></x>',
    "e.js": f"{SCRIPT};",
    "f.pdf": "%PDF-1.4\n1 0 obj <</OpenAction <</S /JavaScript /JS (app.alert(1))>> >> endobj",
    "g": HTML,
    "h.jpg": HTML,
    "i.mp4": HTML,
    "j.css": "body { background: url(/ran) }",
}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def asked() -> list[str]:
    """The paths that the browser asked the server for."""
    return []


@pytest.fixture
def page(live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, asked: list[str]) -> Iterator[Any]:
    settings.PUBLIC_URL, settings.DELIVERY_URL = live_server.url, f"{live_server.url}/delivery"
    settings.PROBE_WAIT_SECONDS = 0
    with chromium(monkeypatch) as browser:
        page = browser.new_page(base_url=live_server.url)
        page.on("request", lambda request: asked.append(request.url.removeprefix(live_server.url)))
        yield page


LOAD_ALL = """(paths) => Promise.all(paths.flatMap((path) => ["script", "module", "style"].map((kind) =>
    new Promise((done) => {
        const tag = document.createElement(kind === "style" ? "link" : "script")
        if (kind === "style") { tag.rel = "stylesheet"; tag.href = path } else { tag.src = path }
        if (kind === "module") tag.type = "module"
        tag.onload = tag.onerror = done
        document.head.append(tag)
    })
)))"""
WORK = """(path) => new Promise((done) => {
    const worker = new Worker(path)
    worker.onerror = () => done("refused")
})"""


@pytest.mark.parametrize(
    ("status", "type"),  # as a probe leaves what it cannot read, and the worst that it could ever tell of it
    [
        ("failed", "application/octet-stream"),
        ("ready", "image/svg+xml"),
        ("ready", "text/html"),
        ("ready", "image/png"),
    ],
)
def test_nothing_that_is_uploaded_runs(page, asked, status, type):
    caller = Caller()
    base = f"/delivery/{caller.project.public_id}"
    paths = [f"{base}/{name}" for name in HOSTILE]
    for path, text in zip(paths, HOSTILE.values(), strict=True):
        answer = caller.http.put(path, text.encode(), content_type="text/html", headers=bearer_header(caller.secret))
        assert answer.status_code == 201
    File.objects.update(status=status, type=type)
    for path in paths:
        if type == "image/png":
            page.goto(path)  # a broken picture
        else:
            with page.expect_download() as saved, pytest.raises(Exception, match="Download is starting"):
                page.goto(path)
            assert saved.value.url.endswith(path)
        assert page.title() != "run"
    # From a page of the same origin, which is the worst place.
    page.goto("/livez")
    tags = (f"<iframe src='{path}'></iframe><img src='{path}'><object data='{path}'></object>" for path in paths)
    page.set_content("".join(tags))
    page.evaluate(LOAD_ALL, paths)
    assert page.evaluate(WORK, f"{base}/e.js") == "refused"
    assert page.title() != "run"
    assert len(asked) > len(paths)
    assert [path for path in asked if path == "/ran"] == []


PLAY = """async (url) => {
    const type = (await fetch(url, { method: "HEAD" })).headers.get("Content-Type")
    const video = document.createElement("video")
    video.src = url
    video.muted = true
    await new Promise((done, failed) => {
        video.oncanplay = done
        video.onerror = () => failed(video.error.message)
    })
    video.currentTime = 1.5
    await new Promise((done) => { video.onseeked = done })
    return [type, video.canPlayType(type), video.videoWidth, Math.round(video.duration)]
}"""


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", {}),
        ("b.webm", {"codec": "libvpx-vp9"}),
        ("c.webm", {"codec": "libvpx"}),
        ("d.mp4", {"codec": "libsvtav1", "size": (128, 96)}),
        ("e.mp4", {"codec": "libvpx-vp9", "audio": None}),
        ("f.mp4", {"audio_codec": "libopus"}),
        ("g.mp4", {"audio_codec": "libmp3lame"}),
        ("h.mp4", {"audio_codec": "flac", "extra": ["-strict", "-2"]}),
    ],
)
def test_a_private_video_plays_by_its_signed_url_and_its_type_promises_it(page, tmp_path, name, arguments):
    path = media.make_video(tmp_path / name, seconds=2.0, **arguments)
    facts = probe(path)
    caller = Caller(project=make_project(is_private=True))
    make_file(project=caller.project, folder="é", filename=name, content=path, type=facts.type)
    url = caller.data("post", "/signatures", "2025-08-20", {"folder": "é", "filename": name})["url"]
    page.goto("/livez")
    played = page.evaluate(PLAY, url)
    width = arguments.get("size", (64, 48))[0]
    assert "codecs=" in facts.type
    assert played == [facts.type, "probably", width, 2]


PUT_AND_GET = """async ([base, secret, body]) => {
    const bytes = (text) => new TextEncoder().encode(text)
    const algorithm = { name: "HMAC", hash: "SHA-256" }
    const key = await crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["sign"])
    const expiry = Math.floor(Date.now() / 1000) + 600
    const signed = async (path, method) => {
        const string = `${path}?expiry=${expiry}&method=${method}`
        const digest = await crypto.subtle.sign("HMAC", key, bytes(string))
        const signature = encodeURIComponent(btoa(String.fromCharCode(...new Uint8Array(digest))))
        return `${base}/${string}&signature=${signature}`
    }
    const path = "my folder/été.txt"
    const headers = { "Accept-Version": "2025-08-20", "Content-Type": "text/plain" }
    const put = await fetch(await signed(path, "put"), { method: "PUT", body, headers })
    const got = await fetch(await signed(path, "get"), { headers: { Range: "bytes=0-3" } })
    return [put.status, (await put.json()).filename, got.status, got.headers.get("Content-Range"), await got.text()]
}"""


def test_a_page_of_another_site_signs_puts_and_reads(page, live_server, settings):
    caller = Caller(project=make_project(is_private=True))
    other = live_server.url.replace("localhost", "127.0.0.1")
    assert other != live_server.url
    settings.DELIVERY_CORS = (other,)
    page.goto(f"{other}/livez")
    base = f"{live_server.url}/delivery/{caller.project.public_id}"
    told = page.evaluate(PUT_AND_GET, [base, caller.secret, "hello world"])
    assert told == [201, "été.txt", 206, "bytes 0-3/11", "hell"]
