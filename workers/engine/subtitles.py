"""Files of subtitles as text, which say of themselves neither what they are nor how they are encoded. Pure."""

import re

TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"  # of WebVTT and SubRip
BREAKS = re.compile(r"\r\n|\r|\u2028|\u2029")
HEADER = re.compile(r"WEBVTT(?=[ \t\n]|\Z)")
_SUBRIP = re.compile(rf"(?:\d{{1,9}}[ \t]*\n\s*)?{TIME}\s*-->\s*{TIME}")


def decoded_text(data: bytes) -> str:
    """The text by its byte order mark, else as UTF-8, else as what Western Windows wrote; never fails."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


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
