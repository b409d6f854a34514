"""Files of subtitles: how their letters are encoded, and what of one format the other carries."""

import pytest

from workers.engine.encodings import decoded_text
from workers.engine.subtitles import subtitle_format
from workers.tracks.captions import read_track, write_cues, write_subrip

SUBRIP = "1\r\n00:00:01,000 --> 00:00:02,000\r\n{text}\r\n"


@pytest.mark.parametrize(
    ("text", "encoding", "language"),
    [
        ("Café – “naïve”", "cp1252", ""),
        ("Привет, мир", "utf-16-le", ""),
        ("Привет, мир", "utf-16-be", ""),
        ("Привет, мир", "cp1251", "ru"),
        ("Zażółć gęślą jaźń", "cp1250", "pl-PL"),
        ("こんにちは世界", "cp932", "ja"),
        ("你好世界", "gb18030", "zh"),
        ("你好世界", "big5", "zh-Hant"),
        ("안녕하세요", "cp949", "ko"),
        ("שלום", "cp1255", "he"),
        ("Übermaß", "utf-8", "ru"),  # what can be UTF-8 is
    ],
)
def test_letters_are_read_by_what_is_told_of_them(text, encoding, language):
    data = SUBRIP.format(text=text).encode(encoding)
    assert decoded_text(data, language) == SUBRIP.format(text=text)
    assert subtitle_format(data) == "srt"


def test_what_no_encoding_of_the_language_has_is_read_as_western():
    assert decoded_text(b"caf\xe9 \x98", "ja") == "café ˜"


@pytest.mark.parametrize(
    ("mark", "settings", "kept"),
    [
        ("{\\an8}", "line:0", "{\\an8}"),
        ("{\\an7}", "line:0 align:left", "{\\an7}"),
        ("{\\an9}", "line:0 align:right", "{\\an9}"),
        ("{\\an4}", "line:50% align:left", "{\\an4}"),
        ("{\\an5}", "line:50%", "{\\an5}"),
        ("{\\an1}", "align:left", "{\\an1}"),
        ("{\\an2}", "", ""),
        ("{\\a6}", "line:0", "{\\an8}"),
        ("{\\a10}", "line:50%", "{\\an5}"),
        ("{\\i1\\an8\\b1}", "line:0", "{\\an8}"),
    ],
)
def test_where_a_cue_stands_goes_from_subrip_to_webvtt_and_back(mark, settings, kept):
    (cue,) = read_track(SUBRIP.format(text=f"{mark}<i>a</i> & b").encode()).cues
    assert (cue.settings, cue.text) == (settings, "<i>a</i> &amp; b")
    assert write_subrip((cue,)) == SUBRIP.format(text=f"{kept}<i>a</i> & b") + "\r\n"
    again = read_track(write_cues((cue,)).encode()).cues
    assert write_subrip(again) == write_subrip((cue,))


@pytest.mark.parametrize(
    ("settings", "text", "mark"),
    [
        ("line:10% position:20%,line-left size:50% align:start", "a", "{\\an7}"),
        ("align:end", "a", "{\\an3}"),
        ("align:start", "שלום", "{\\an3}"),
        ("line:-1", "a", ""),
        ("line:-14", "a", "{\\an8}"),
        ("line:84%,end", "a", ""),
        ("vertical:rl line:0", "a", ""),
        ("position:50%", "a", ""),
    ],
)
def test_where_webvtt_puts_a_cue_is_told_to_subrip_as_near_as_it_can(settings, text, mark):
    track = read_track(f"WEBVTT\n\n00:01.000 --> 00:02.000 {settings}\n{text}\n".encode())
    assert write_subrip(track.cues) == SUBRIP.format(text=f"{mark}{text}") + "\r\n"


def test_what_is_left_out_is_told():
    comments = b"WEBVTT\n\nNOTE by hand\n\n00:01.000 --> 00:02.000\nNOTE that\n"
    assert read_track(comments).notes() == ("Styles, regions, comments and times within cues were left out.",)
    assert read_track(b"WEBVTT\n\n00:01.000 --> 00:02.000\na\nNOTE that\n").notes() == ()
    colored = SUBRIP.format(text='<font color="red">a</font>').encode()
    assert read_track(colored).notes() == ("Colours were left out.",)
