"""How far a file can be read, and what it says itself."""

import re
from pathlib import Path

import pytest

from workers.documents import read_document
from workers.engine import host
from workers.engine.probe import probe
from workers.tests.media import cut, ffmpeg

pytestmark = pytest.mark.ffmpeg

FAST = ("-movflags", "+faststart")
PLAIN = [(".mp4", FAST), (".mkv", ()), (".webm", ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis"))]


def readable(cwd: Path, source: Path, duration: float | None) -> str:
    asked = {"source": str(source), "duration": duration, "target": "readable.json"}
    told = host.call("readable", {"cwd": str(cwd), "operations": asked})
    assert list(told) == ["note"]
    return str(told["note"])


@pytest.mark.parametrize(("suffix", "extra"), PLAIN, ids=[suffix for suffix, _ in PLAIN])
def test_a_film_that_is_cut_is_told_from_a_whole_one(make_video, tmp_path, suffix, extra):
    film = make_video(suffix, seconds=8.0, fps=10, size=(64, 48), extra=(*extra, "-g", "10"))
    duration = probe(film).duration
    assert (readable(tmp_path, film, duration), (tmp_path / "readable.json").exists()) == ("", False)
    note = readable(tmp_path, cut(film, 0.5), duration)
    told = read_document(tmp_path / "readable.json")
    assert 2.0 < told["end"] < 6.0
    assert note == f"The input is damaged or cut short: only {told['end']:.2f} of {duration:.2f} s could be read."
    assert told["note"] == note


@pytest.mark.parametrize("suffix", [".mp3", ".flac"])
def test_so_is_a_sound(make_audio, tmp_path, suffix):
    sound = make_audio(suffix, seconds=8.0)
    duration = probe(sound).duration
    assert readable(tmp_path, sound, duration) == ""
    assert re.match(
        r"The input is damaged or cut short: only [345]\.\d+ of 8\.", readable(tmp_path, cut(sound, 0.5), duration)
    )


def test_a_film_whose_subtitles_go_on_longer_than_it_is_whole(make_video, tmp_path):
    film, words, both = make_video(seconds=4.0, fps=10), tmp_path / "words.srt", tmp_path / "both.mkv"
    words.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:07,000 --> 00:00:08,000\nStill here.\n")
    ffmpeg("-i", film, "-i", words, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", both)
    duration = probe(both).duration
    assert (duration, readable(tmp_path, both, duration)) == (8.0, "")


def test_one_without_sound_is_whole_and_of_what_cannot_be_opened_nothing_is_told(make_video, tmp_path):
    film = make_video(seconds=8.0, fps=10, size=(64, 48), audio=None)
    assert readable(tmp_path, film, 8.0) == ""
    (tmp_path / "none").write_bytes(b"nothing")
    assert readable(tmp_path, tmp_path / "none", 8.0) == ""
