"""Speech behind HTTP: the pieces that are sent, and what is made of what comes back."""

import io
import math
import struct
import wave
from pathlib import Path

import pytest

from ittyhost.providers.pieces import pieces
from ittyhost.providers.speech import SpeechServer
from ittyhost.providers.tests.server import drops, sends
from workers.engine.errors import ModelFailed
from workers.engine.runner import Silent
from workers.providers.base import Model, Segment, Word

RATE = 16000


def tone(path: Path, *parts: tuple[float, int]) -> Path:
    """A WAV file of parts, seconds and loudness."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for seconds, loud in parts:
            values = (round(loud * math.sin(at * 0.2)) for at in range(round(seconds * RATE)))
            file.writeframes(b"".join(struct.pack("<h", value) for value in values))
    return path


@pytest.fixture
def speech(endpoint) -> SpeechServer:
    return SpeechServer(endpoint(name="speech model", setting="SPEECH", model="whisper-1"))


def transcribe(speech, sound, language=None):
    told: list[float] = []
    made = speech.transcribe(sound, language=language, speakers=None, report=Silent(), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    return made


def segment(start, end, text, **more):
    return {
        "id": 0,
        "start": start,
        "end": end,
        "text": f" {text}",
        "avg_logprob": -0.1,
        "no_speech_prob": 0.01,
        **more,
    }


def test_a_sound_is_cut_where_it_is_quiet_and_none_of_it_is_lost(tmp_path):
    sound = tone(tmp_path / "long.wav", (2.2, 9000), (0.5, 40), (2.3, 9000), (0.2, 40), (1.0, 9000))
    found = list(pieces(sound, longest=3.0, searched=1.5))
    first, second = (piece.end for piece in found[:2])
    assert [(piece.start, piece.end) for piece in found] == [(0.0, first), (first, second), (second, 6.2)]
    assert 2.3 < first < 2.6  # within the first pause
    assert 5.05 < second < 5.15  # and the second
    whole = b""
    for piece in found:
        with wave.open(io.BytesIO(piece.wav)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
            whole += file.readframes(file.getnframes())
    with wave.open(str(sound)) as file:
        assert whole == file.readframes(file.getnframes())


def test_silence_is_sent_to_nobody(server, speech, tmp_path):
    made = transcribe(speech, tone(tmp_path / "silence.wav", (1.0, 0), (0.5, 30)))
    assert (made.segments, made.language, server.asked) == ((), "", [])
    assert list(pieces(tone(tmp_path / "empty.wav"))) == []


def test_words_get_their_times_and_the_marks_that_follow_them(server, speech, tmp_path):
    server.answers = [
        sends(
            {
                "language": "english",
                "text": "Good morning. Yes.",
                "segments": [segment(0.0, 1.2, "Good morning."), segment(1.5, 1.9, "Yes.", avg_logprob=-0.7)],
                "words": [
                    {"word": "Good", "start": 0.0, "end": 0.5},
                    {"word": "morning", "start": 0.5, "end": 1.2},
                    {"word": "Yes", "start": 1.5, "end": 1.9},
                ],
            }
        )
    ]
    made = transcribe(speech, tone(tmp_path / "said.wav", (2.0, 9000)))
    assert (made.language, made.speakers, made.speakers_known) == ("en", 1, False)
    assert made.model == Model("whisper-1", "as served")
    sure, less = round(math.exp(-0.1), 4), round(math.exp(-0.7), 4)
    words = (Word(0.0, 0.5, "Good", sure), Word(0.5, 1.2, "morning.", sure))
    assert made.segments == (
        Segment(0.0, 1.2, "Good morning.", sure, 0, words),
        Segment(1.5, 1.9, "Yes.", less, 0, (Word(1.5, 1.9, "Yes.", less),)),
    )
    request = server.asked[0]
    assert request["path"] == "/v1/audio/transcriptions"
    assert request["headers"]["Content-Type"].startswith("multipart/form-data; boundary=ittyhost-")
    for part in (b'name="model"\r\n\r\nwhisper-1\r\n', b'name="response_format"\r\n\r\nverbose_json\r\n', b"RIFF"):
        assert part in request["body"]
    assert request["body"].count(b'name="timestamp_granularities[]"') == 2
    assert b'name="language"' not in request["body"]


def test_a_language_that_is_known_is_told_and_kept(server, speech, tmp_path):
    server.answers = [sends({"language": "english", "text": "Ja.", "segments": [segment(0, 1, "Ja.")]})]
    made = transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)), language="de")
    assert made.language == "de"
    assert b'name="language"\r\n\r\nde\r\n' in server.asked[0]["body"]


def test_a_server_that_times_no_words_is_asked_for_segments(server, speech, tmp_path):
    server.answers = [
        sends({"error": "timestamp_granularities: word is not supported"}, 400),
        sends({"language": "fr", "text": "Oui.", "segments": [segment(0, 1, "Oui.")]}),
    ]
    made = transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)))
    assert [(item.text, item.words) for item in made.segments] == [("Oui.", ())]
    assert server.asked[1]["body"].count(b'name="timestamp_granularities[]"') == 1


def test_times_are_kept_in_order_and_within_the_sound(server, speech, tmp_path):
    told = [segment(-3, 0.5, "One."), segment(0.2, 0.9, "Two."), segment(0.9, 99, "Three."), segment(50, 60, "Four.")]
    server.answers = [sends({"language": "en", "text": "One. Two. Three. Four.", "segments": told})]
    made = transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)))
    assert [(item.start, item.end, item.text) for item in made.segments] == [
        (0.0, 0.5, "One."),
        (0.5, 0.9, "Two."),
        (0.9, 1.0, "Three."),
    ]


def test_what_was_most_likely_invented_is_left_out(server, speech, tmp_path):
    told = [segment(0, 1, "Thanks for watching!", no_speech_prob=0.9, avg_logprob=-1.3)]
    server.answers = [sends({"language": "english", "text": "Thanks for watching!", "segments": told})]
    made = transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)))
    assert (made.segments, made.language) == ((), "")


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "Good morning."},
        {"text": "Good morning.", "segments": "x"},
        {"text": "Good morning.", "segments": [{"text": "Good morning."}]},
        {"text": "Good morning.", "segments": [7]},
        {"text": "Good morning.", "segments": [segment(0, 1e999, "Good morning.")]},
        {"text": "Good morning.", "segments": [segment("x", 1, "Good morning.")]},
    ],
)
def test_what_has_no_times_is_of_no_use(server, speech, tmp_path, answer):
    server.answers = [sends(answer)]
    with pytest.raises(ModelFailed) as caught:
        transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)))
    assert caught.value.message == (
        "The speech model gives no times with what is said (verbose_json): it cannot be used."
    )


def test_a_failure_is_told(server, speech, tmp_path):
    server.answers = [drops]
    with pytest.raises(ModelFailed) as caught:
        transcribe(speech, tone(tmp_path / "said.wav", (1.0, 9000)))
    assert caught.value.message == "The speech model broke off the connection 3 times."
