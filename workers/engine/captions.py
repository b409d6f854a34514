"""Subtitle files of users, checked and made ready for drawing. Runs only in the resident helper."""

import os
import re
from pathlib import Path
from typing import Any

from workers.engine.errors import LimitExceeded, SourceUnsupported

MOST = 4 * 1024**2  # bytes: a film's subtitles are a tenth of a megabyte, with karaoke effects a few
_SRT = re.compile(r"^\s*(\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}", re.MULTILINE)
_LOOKED_AT = 10_000  # characters in which the first time must come
_BUNDLED = Path(__file__).resolve().parents[1] / "fonts"
_FAMILY = "Inter"
# Sections that hold encoded files: fonts and pictures of strangers are not opened.
_FILES = ("[fonts]", "[graphics]")


def clean_captions(cwd: Path, operations: dict[str, Any]) -> None:
    """Write the file `source` as UTF-8 text to `target`, once it is sure to be SRT, WebVTT or ASS.

    Raises SourceUnsupported, LimitExceeded.
    """
    text = _decoded(_bounded(cwd / operations["source"]))
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n\ufeff")
    if text[:200].lstrip().lower().startswith("[script info]"):
        text = _without_files(text)
    elif text.startswith("WEBVTT"):
        pass
    elif not _SRT.search(text[:_LOOKED_AT]):
        raise SourceUnsupported(
            "The subtitles are neither SRT nor WebVTT nor ASS, or hold no line with times.", param="subtitle_url"
        )
    (cwd / operations["target"]).write_text(text, encoding="utf-8")


def style_captions(cwd: Path, operations: dict[str, Any]) -> None:
    """Write the ASS script `source` to `target` with fonts that every machine has, and these into the folder `fonts`.

    Raises LimitExceeded.
    """
    text = _without_files(_bounded(cwd / operations["source"]).decode("utf-8", "replace"))
    lines, fonts = [], 1
    for line in text.splitlines():
        if line.lower().startswith("format:") and "fontname" in line.lower():
            names = [name.strip().lower() for name in line.partition(":")[2].split(",")]
            fonts = names.index("fontname") if "fontname" in names else fonts
        elif line.lower().startswith("style:"):
            head, _, values = line.partition(":")
            parts = values.split(",")
            if fonts < len(parts):
                parts[fonts] = _FAMILY
            line = f"{head}:{','.join(parts)}"
        elif line.lower().startswith("dialogue:"):
            line = re.sub(r"\\fn[^\\}]*", "", line)
        lines.append(line)
    (cwd / operations["target"]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    _link_fonts(cwd / operations["fonts"])


def _link_fonts(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for font in sorted(_BUNDLED.glob("*.[ot]tf")):
        link = folder / font.name
        if not link.is_symlink():
            os.symlink(font, link)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise LimitExceeded(f"The subtitles are larger than {MOST // 1024**2} MiB.", param="subtitle_url")
    return data


def _decoded(data: bytes) -> str:
    """The text by its mark, else UTF-8, else what Western Windows wrote."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise SourceUnsupported("The subtitles are no text.", param="subtitle_url")
    return text


def _without_files(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if line.strip().startswith("["):
            inside = line.strip().lower() in _FILES
        if not inside:
            kept.append(line)
    return "\n".join(kept) + "\n"
