"""Subtitles that come from strangers."""

import pytest

from workers.engine.errors import SourceUnsupported
from workers.tracks.captions import Cue, cut_cues, read_cues, write_cues


def test_subrip_is_read_as_players_read_it():
    text = "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\nOne <i>two</i> & <font color=red>3</font> < 4\r\n\r\n"
    text += "after an empty line\r\n\r\n3\r\n00:01:00,5 --> 00:01:01,000\r\n{\\an8}Up\r\nand down\r\n"
    assert read_cues(text.encode()) == (
        Cue(1.0, 2.5, "One <i>two</i> &amp; 3 &lt; 4\nafter an empty line"),
        Cue(60.5, 61.0, "Up\nand down", "line:0"),
    )


def test_webvtt_keeps_its_settings_and_nothing_that_is_no_cue():
    text = "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE x\n\n"
    text += "name\n00:01.000 --> 00:02.000 align:start evil\nHi\n"
    assert read_cues(text.encode()) == (Cue(1.0, 2.0, "Hi", "align:start"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_told_apart(encoding):
    (cue,) = read_cues("1\n00:00:01,000 --> 00:00:02,000\nÉté\n".encode(encoding))
    assert cue.text == "Été"


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02", b"[Script Info]\nTitle: x\n", b"1\n00:00:05,000 --> 00:00:01,000\nx"]
)
def test_what_holds_no_cue_is_refused(data):
    with pytest.raises(SourceUnsupported, match="neither WebVTT nor SubRip"):
        read_cues(data)


def test_a_cue_that_no_one_could_read_is_passed_over_at_once():
    data = b"1\n00:00:01,000 --> 00:00:02,000\nHi\n\n2\n00:00:03,000 --> 00:00:04,000\n" + b"{\\" * 4_000_000
    assert read_cues(data) == (Cue(1.0, 2.0, "Hi"),)


def test_a_span_has_its_own_clock():
    cues = (Cue(0.0, 1.0, "a"), Cue(1.5, 3.0, "b"), Cue(4.0, 9.0, "c"), Cue(20.0, 21.0, "d"))
    assert cut_cues(cues, 2.0, 4.0) == (Cue(0.0, 1.0, "b"), Cue(2.0, 4.0, "c"))


def test_written_cues_are_read_back():
    cues = (Cue(0.0, 1.25, "a\nb", "line:0"), Cue(3599.999, 3600.5, "c"))
    text = write_cues(cues, clock=900_000)
    assert text.startswith(
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n00:00:00.000 --> 00:00:01.250 line:0\n"
    )
    assert read_cues(text.encode()) == cues
