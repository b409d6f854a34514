"""Subtitles and chapters in a real browser: a player's own `<track>` loads them from where they are delivered, at their
times."""

import base64
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from django.db import transaction

from media_app.services import output_publish, outputs_store
from media_app.signatures import url_sign
from media_app.tests.factories import make_media
from orgs_app.models import Project
from orgs_app.tests.factories import make_api_key
from tests.browser import chromium
from workers.documents import write_document
from workers.kinds import get_kind
from workers.providers.base import Model, Segment, Transcript
from workers.run import run, source_from_path
from workers.tests.media import make_audio
from workers.transcripts import transcript_document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser"), pytest.mark.timeout(400)]

PAGE = """<!doctype html><meta charset="utf-8"><title>player</title>
<video id="video"><track id="track" kind="subtitles" srclang="en" label="English" default src="SOURCE">
<track id="parts" kind="chapters" src="CHAPTERS"></video>
<script>
parts.track.mode = "hidden";
const text = cue => cue.getCueAsHTML().textContent;
const told = element => [...element.track.cues].map(cue => [cue.id, cue.startTime, cue.endTime, text(cue)]);
</script>"""
SAID = (
    Segment(0.5, 2.0, "a < b & c --> d", 0.9),
    Segment(4.0, 9.0, "Unless to be rather cold-hearted and rather selfish is to be ill-disposed, he was none.", 0.9),
)


@pytest.mark.ffmpeg
def test_a_browser_has_the_cues_at_their_times(monkeypatch, tmp_path, live_server):
    content = transcript_document(Transcript(SAID, "en", Model("ears", "1")))
    heard = {"speech": lambda target: write_document(target, content)}
    source = replace(source_from_path(make_audio(tmp_path / "in.wav", seconds=10.0)), results=heard)
    (tmp_path / "work").mkdir()
    done = run(get_kind("subtitles"), {}, source, tmp_path / "work")
    key, _ = make_api_key()
    Project.objects.filter(pk=key.project.pk).update(is_private=True)
    media = make_media(project=key.project)
    stored = outputs_store(project_id=key.project.pk, file_id=media.pk, attempt=1, outputs=list(done.outputs))
    names = {"object": "track", "kind": "subtitles", "folder": "talks", "filename": "talk one.vtt"}
    with transaction.atomic():
        output_publish(project=key.project, media=media, file_id=media.pk, attempt=1, stored=stored, **names)
    signed = urlsplit(url_sign(key=key, folder="talks", filename="talk one.vtt").url)
    own = make_audio(
        tmp_path / "own.mka", seconds=3.0, codec="pcm_s16le", chapters=[(0.0, 1.5, "A < B"), (1.5, 3.0, "")]
    )
    (tmp_path / "chapters").mkdir()
    (parts,) = run(get_kind("chapters"), {}, source_from_path(own), tmp_path / "chapters").outputs
    chapters = f"data:text/vtt;base64,{base64.b64encode(parts.path.read_bytes()).decode()}"
    with chromium(monkeypatch) as browser:
        page = browser.new_page(base_url=live_server.url)
        body = PAGE.replace("SOURCE", f"{signed.path}?{signed.query}".replace("&", "&amp;"))
        body = body.replace("CHAPTERS", chapters)
        page.route("**/player", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto("/player")
        page.wait_for_function("track.readyState >= 2")
        assert page.evaluate("track.readyState") == 2  # loaded, and not failed
        cues = page.evaluate("told(track)")
        page.wait_for_function("parts.readyState >= 2")
        assert page.evaluate("told(parts)") == [["1", 0, 1.5, "A < B"], ["2", 1.5, 3, "Chapter 2"]]
    assert cues == [
        ["1", 0.5, 2.3, "a < b & c --> d"],
        ["2", 4, 8.231, "Unless to be rather cold-hearted\nand rather selfish is to be ill-disposed,"],
        ["3", 8.315, 9.315, "he was none."],
    ]
