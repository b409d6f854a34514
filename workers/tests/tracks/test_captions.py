"""Subtitles that come from strangers."""

import contextlib
import time

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from workers.engine.errors import SourceUnsupported
from workers.engine.subtitles import subtitle_format
from workers.tests.webvtt import parse_webvtt
from workers.tracks.captions import (
    Cue,
    cut_cues,
    moved_cues,
    read_cues,
    read_track,
    write_cues,
    write_subrip,
)


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


def test_what_is_written_is_what_the_w3cs_parser_takes():
    texts = [
        "WEBVTT\n\n00:01.000 --> 00:02.000 line:101% size:50% align:start align:end vertical:up region:x\n"
        "a < b & c <i>open <b>x</i> <font color=red>y</font> <v Ann & Bob>z <v>no <00:01.500>k</c> <rt>r &huh; &lrm;\n",
        "WEBVTT x\n\nREGION\nid:x\n\nSTYLE\n::cue{}\n\nNOTE\n--\n\n00:03 --> 00:04\n<ruby>a<rt>b\n\n0:04 --> 0:04\nx\n",
        "1\n00:00:01,000 --> 00:00:02,000\n<b>x\n<i></i>\n\n->\n--\n2\n00:00:03,000 --> 00:00:04,000\n1984\n",
        "00:00:01.000 --> 00:00:02.000\nmissing number\nm 0 0 l 10.5 -2 b 1 1\n"
        "00:00:03,5 --> 99:00:04,000 X1:0 X2:9\nno empty line\0\x07\n",
    ]  # fmt: skip
    written = [write_cues(read_track(text.encode()).cues, numbered=True) for text in texts]
    parsed = parse_webvtt(*written)
    assert [one.errors for one in parsed] == [[], [], [], []]
    assert [[cue[3] for cue in one.cues] for one in parsed] == [
        ["a &lt; b &amp; c <i>open <b>x</b></i> y <v Ann &amp; Bob>z no k r &amp;huh; \u200e</v>"],
        ["<ruby>a<rt>b</rt></ruby>"],
        ["<b>x\n<i></i>\n-&gt;\n--</b>", "1984"],
        ["missing number", "no empty line"],
    ]
    assert parsed[3].cues[1][1:3] == (3.5, 99 * 3600 + 4)


def test_what_a_file_lost_is_told():
    text = "WEBVTT\n\nSTYLE\n::cue{}\n\n00:05.000 --> 00:06.000\nlate\n\n00:01.000 --> 00:09.000\nlong\n\n"
    text += "00:03 --> 00:02\nback\n"
    reading = read_track(text.encode())
    assert [(cue.start, cue.text) for cue in reading.cues] == [(1.0, "long"), (5.0, "late")]
    assert reading.notes() == (
        "Cues left out, as they have no text or their times are none: 1.",
        "The cues were out of order, and were put in order.",
        "Cues that begin before the one before them ends, and are shown with it: 1.",
        "Styles, regions, comments and times within cues were left out.",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"WEBVTT\n" + b"\n" * 2_000_000,
        b"1\n" * 1_000_000 + b"00:00:01,000 --> 00:00:02,000\nHi\n",
        b"-->\n" * 500_000,
    ],
    ids=["empty lines", "numbers", "arrows"],
)
def test_files_of_nothing_but_lines_are_read_in_seconds(data):
    began = time.process_time()
    with contextlib.suppress(SourceUnsupported):
        read_track(data)
    assert time.process_time() - began < 10


def test_subrip_is_written_with_the_marks_that_it_knows():
    cues = (
        Cue(0.0, 1.0, "<v Ann>a &amp; <c.red><b.x>b</b></c></v>"),
        Cue(3661.5, 3662.0, "<i.loud>up</i>\n--&gt; here", "line:0"),
    )
    assert write_subrip(cues) == (
        "1\r\n00:00:00,000 --> 00:00:01,000\r\na & <b>b</b>\r\n\r\n"
        "2\r\n01:01:01,500 --> 01:01:02,000\r\n{\\an8}<i>up</i>\r\n→ here\r\n\r\n"
    )


def test_moved_cues_stay_within_the_medium():
    cues = (Cue(0.0, 1.0, "a"), Cue(1.0, 3.0, "b"), Cue(4.0, 5.0, "c"), Cue(9.0, 9.5, "d"))
    moved, notes = moved_cues(cues, -2.0, 2.5)
    assert moved == (Cue(0.0, 1.0, "b"), Cue(2.0, 2.5, "c"))
    assert notes == (
        "Cues left out, as they would end before 0: 1.",
        "Cues left out, as they begin after the input's end at 2.5 s: 1.",
        "Cues cut at the input's beginning or end: 2.",
    )
    assert moved_cues(cues, 0.1, None) == (tuple(Cue(c.start + 0.1, c.end + 0.1, c.text) for c in cues), ())


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"WEBVTT", "vtt"),
        (b"\xef\xbb\xbfWEBVTT - x\n\n", "vtt"),
        ("WEBVTT\n".encode("utf-16"), "vtt"),
        (b"WEBVTTX\n", None),
        (b"\n\n1\r\n00:00:01,000 --> 00:00:02,000\r\n\xe9", "srt"),
        (b"00:01.0 --> 00:02.0\n", "srt"),
        (b"An example:\n1\n00:00:01,000 --> 00:00:02,000\nHi\n", None),
        (b"[Script Info]\nTitle: x", "ass"),
        (b"WEBVTT\n\0\0", None),
        (b"", None),
    ],
)
def test_formats_are_told_by_how_a_file_begins(head, format):
    assert subtitle_format(head) == format


_PARTS = st.sampled_from(
    ["<i>", "</i>", "<b", "<v A>", "<v>", "</v>", "<c.x>", "</c>", "<ruby>", "<rt>", "</ruby>", "<lang de>"]
    + [
        "<00:01.000>",
        "&",
        "&amp;",
        "&lt;",
        "&#10;",
        "&nbsp;",
        "<",
        ">",
        "-->",
        "{\\an8}",
        "{",
        "\n",
        " ",
        "\t",
        "é",
        "x",
    ]
)


@given(st.lists(st.lists(_PARTS, min_size=1, max_size=12).map("".join), min_size=50, max_size=50))
@settings(max_examples=4, phases=[Phase.generate])
def test_whatever_text_comes_the_file_is_valid(payloads):
    cues = [f"00:{place:02}.000 --> 00:{place:02}.900\n{text}\n" for place, text in enumerate(payloads)]
    files = [head + "\n".join([*cues, "00:59.0 --> 01:00.0\nend"]) for head in ("WEBVTT\n\n", "")]
    for parsed in parse_webvtt(*(write_cues(read_track(text.encode()).cues, numbered=True) for text in files)):
        assert parsed.errors == []
        assert parsed.cues[-1][3] == "end"
