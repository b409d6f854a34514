"""Subtitle files of users, checked and made ready for drawing. Runs only in the resident helper."""

import re
import shutil
from pathlib import Path
from typing import Any

from workers.engine.encodings import decoded_text
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.typefaces import DEFAULT, best_face, clusters, faces_for, typefaces

MOST = 4 * 1024**2  # bytes: a film's subtitles are a tenth of a megabyte, with karaoke effects a few
_SRT = re.compile(r"^\s*(\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}", re.MULTILINE)
_LOOKED_AT = 10_000  # characters in which the first time must come
_MARKS = re.compile(r"(\{[^}]*\}|\\[Nnh])")  # overrides and line breaks
# Sections that hold encoded files: fonts and pictures of strangers are not opened.
_FILES = ("[fonts]", "[graphics]")


def clean_captions(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Write the file `source` as UTF-8 text to `target`, once it is sure to be SRT, WebVTT or ASS. It answers whether
    it is a `script` (ASS): "yes", or "".

    `language` tells how the letters of an older file are encoded. Raises SourceUnsupported, LimitExceeded, which name
    `param`: subtitle_url where that is not given.
    """
    param = operations.get("param", "subtitle_url")
    text = decoded_text(_bounded(cwd / operations["source"], param), operations.get("language"))
    if "\0" in text:
        raise SourceUnsupported("The subtitles are no text.", param=param)
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n\ufeff")
    is_script = text[:200].lstrip().lower().startswith("[script info]")
    if is_script:
        text = _without_files(text)
    elif text.startswith("WEBVTT"):
        pass
    elif not _SRT.search(text[:_LOOKED_AT]):
        raise SourceUnsupported(
            "The subtitles are neither SRT nor WebVTT nor ASS, or hold no line with times.", param=param
        )
    (cwd / operations["target"]).write_text(text, encoding="utf-8")
    return {"script": "yes" if is_script else ""}


def style_captions(cwd: Path, operations: dict[str, Any]) -> None:
    """Write the ASS script `source` to `target` in fonts of ours, and these into the folder `fonts`: what is drawn is
    the same on every machine, and no font of the script's choice is looked for.

    Raises LimitExceeded.
    """
    text = _without_files(_bounded(cwd / operations["source"], "subtitle_url").decode("utf-8", "replace"))
    families, lines, column = {DEFAULT}, [], 1
    for line in text.splitlines():
        head, _, values = line.partition(":")
        if head.lower() == "format" and "fontname" in values.lower():
            column = [name.strip().lower() for name in values.split(",")].index("fontname")
        elif head.lower() == "style":
            parts = values.split(",")
            if column < len(parts):
                parts[column] = DEFAULT
            line = f"{head}:{','.join(parts)}"
        elif head.lower() == "dialogue":
            *fields, words = values.split(",", 9)
            line = f"{head}:{','.join([*fields, _set(words, families)])}"
        lines.append(line)
    (cwd / operations["target"]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = cwd / operations["fonts"]
    folder.mkdir(exist_ok=True)
    for path in {face.path for face in typefaces() if face.family in families}:
        shutil.copyfile(path, folder / Path(path).name)


def _set(words: str, families: set[str]) -> str:
    """A line's text, told where to change the font for characters that the usual one lacks; what it uses is added to
    `families`."""
    faces, now, found = faces_for(DEFAULT), DEFAULT, []
    for part in _MARKS.split(words):
        if _MARKS.fullmatch(part):
            found.append(re.sub(r"\\fn[^\\}]*", "", part))
            if "\\r" in part:  # back to the style, and its font
                now = DEFAULT
            continue
        for cluster in clusters(part):
            face = best_face(cluster, faces)
            if face is not None and face.family != now:
                now = face.family
                families.add(now)
                found.append(f"{{\\fn{now}}}")
            found.append(cluster)
    return "".join(found)


def _bounded(path: Path, param: str) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise LimitExceeded(f"The subtitles are larger than {MOST // 1024**2} MiB.", param=param)
    return data


def _without_files(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if line.strip().startswith("["):
            inside = line.strip().lower() in _FILES
        if not inside:
            kept.append(line)
    return "\n".join(kept) + "\n"
