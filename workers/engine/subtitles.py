"""Files of subtitles as text, told by how they begin. Pure."""

import re

from workers.engine.encodings import decoded_text

TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"  # of WebVTT and SubRip
BREAKS = re.compile(r"\r\n|\r|\u2028|\u2029")
HEADER = re.compile(r"WEBVTT(?=[ \t\n]|\Z)")
_SUBRIP = re.compile(rf"(?:\d{{1,9}}[ \t]*\n\s*)?{TIME}\s*-->\s*{TIME}")


def subtitle_format(head: bytes) -> str | None:
    """The name of a format of subtitles as text, "vtt", "srt" or "ass", by how a file begins; None for another file.

    WebVTT and ASS begin with words of their own; SubRip with the first cue's times.
    """
    text = BREAKS.sub("\n", decoded_text(head.removeprefix(b"\xef\xbb\xbf"))).lstrip("\ufeff \t\n")
    if "\0" in text:
        return None
    if HEADER.match(text):
        return "vtt"
    if text[:20].lower().startswith("[script info]"):
        return "ass"
    return "srt" if _SUBRIP.match(text) else None
