"""Subtitles in a real browser: a player's own `<track>` loads them from where they are delivered, at their times."""

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
<video id="video"><track id="track" kind="subtitles" srclang="en" label="English" default src="SOURCE"></video>
<script>
const text = cue => cue.getCueAsHTML().textContent;
const told = () => [...track.track.cues].map(cue => [cue.id, cue.startTime, cue.endTime, text(cue)]);
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
    with chromium(monkeypatch) as browser:
        page = browser.new_page(base_url=live_server.url)
        body = PAGE.replace("SOURCE", f"{signed.path}?{signed.query}".replace("&", "&amp;"))
        page.route("**/player", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto("/player")
        page.wait_for_function("track.readyState >= 2", timeout=30_000)
        assert page.evaluate("track.readyState") == 2  # loaded, and not failed
        cues = page.evaluate("told()")
    assert cues == [
        ["1", 0.5, 2.3, "a < b & c --> d"],
        ["2", 4, 8.231, "Unless to be rather cold-hearted\nand rather selfish is to be ill-disposed,"],
        ["3", 8.315, 9.315, "he was none."],
    ]
