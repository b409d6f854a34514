"""Tracks and intelligence of a running service, embedded and deployed: a worker, a real model, a recorded voice."""

from typing import Any

import httpx
import pytest

from tests.client import LATER, Client
from tests.speech import Spoken, word_errors
from tests.stack import Service

pytestmark = [
    pytest.mark.processes,
    pytest.mark.ffmpeg,
    pytest.mark.slow,
    pytest.mark.usefixtures("speech_model"),
]


def hearings(client: Client, source: str) -> list[dict[str, Any]]:
    """The tasks of kind speech that hear one file: other tests have theirs heard by the same service."""
    tasks = client.http.get("/tasks", params={"kind": "speech", "limit": 100}, headers=LATER).json()
    return [task for task in tasks if task["input"]["id"] == source]


def test_subtitles_have_the_speech_they_need_made_and_wait_for_it(service: Service, real_speech: Spoken) -> None:
    clip = real_speech.clips[0]
    with Client(service.credentials) as client:
        source = client.upload(clip.path)["id"]
        created = client.create(source, "subtitle", filename="said.vtt")
        assert (created["status"], created["output"]["kind"]) == ("waiting", "subtitle")
        done = client.wait(created["id"])
        assert done["status"] == "ready", done
        track = done["output"]
        assert (track["object"], track["kind"], track["type"], track["format"], track["filename"]) == (
            "track",
            "subtitles",
            "text/vtt",
            "vtt",
            "said.vtt",
        )
        text = httpx.get(track["src"], trust_env=False).text
        assert text.startswith("WEBVTT\n")
        said = " ".join(line for line in text.splitlines()[1:] if line and "-->" not in line and not line.isdigit())
        assert word_errors(clip.text, said) <= len(clip.text.split()) // 10
        assert (done["output"]["results"]["origin"], done["output"]["results"]["language"]) == ("speech", "en")

        later = client.show_later(created["id"])
        assert (later["status"], later["results"]["cues"], later["output"]["language"]) == (
            "completed",
            done["output"]["results"]["cues"],
            "en",
        )
        [speech] = hearings(client, source)
        assert (speech["parent_id"], speech["created_by"], speech["status"]) == (later["id"], later["id"], "completed")
        document = httpx.get(speech["output"]["url"], trust_env=False).json()
        told = {name: document[name] for name in ("id", "object", "kind", "created", "updated")}
        assert told == {name: speech["output"][name] for name in told}
        assert (document["model"], document["detected"]) == ("whisper-tiny.en", True)

        # What is there is used at once.
        assert client.create(source, "subtitles", format="srt")["status"] == "processing"
        assert len(hearings(client, source)) == 1


def test_without_the_model_that_is_needed_a_task_ends_and_says_so(service: Service, real_speech: Spoken) -> None:
    with Client(service.credentials) as client:
        source = client.upload(real_speech.clips[0].path)["id"]
        done = client.wait(client.create(source, "speech", language="de")["id"])
        assert done["status"] == "error"
        assert done["error"] == (
            "The speech model whisper-tiny.en knows only English: language de (German) needs a multilingual one, "
            "which SPEECH_MODEL can name."
        )
