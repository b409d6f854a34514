"""What the resident helper does with media: an operation each for what opens them.

A new one takes `cwd`, the work directory, and `operations`, JSON data with paths relative to it. One that opens
pictures is told besides what these may be (`_opens`).
"""

import os
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def load() -> None:
    """Load the libraries that most requests need."""
    import workers.engine.pillow
    import workers.engine.reading  # noqa: F401


def _probe(path: str, deep: bool = False) -> dict[str, Any]:
    from workers.engine.limits import source_limits
    from workers.engine.reading import read_facts

    return read_facts(Path(path), source_limits(), deep=deep).to_json()


def _end(path: str, near: float) -> float:
    from workers.engine.ending import read_end

    return read_end(Path(path), near)


def _scan(path: str) -> list[dict[str, Any]]:
    from workers.engine.ending import read_packets

    return read_packets(Path(path))


def _picture(
    cwd: str, operations: dict[str, Any], looked_at: str | None = None, limits: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    from workers.engine.pillow import make_pictures

    return make_pictures(Path(cwd), operations, _budgets(limits), looked_at=looked_at)


def _budgets(limits: dict[str, Any] | None) -> Any:
    """What a picture may be, by the task's limits where they were handed in."""
    from workers.engine.limits import SourceLimits, source_limits

    return SourceLimits(**limits) if limits else source_limits()


def _say_clear(cwd: str, operations: dict[str, Any], limits: dict[str, Any] | None = None) -> None:
    from workers.engine.animated import say_clear

    say_clear(Path(cwd) / operations["target"])


def _look(path: str, type: str | None = None) -> dict[str, str | None]:
    from workers.engine.limits import source_limits
    from workers.engine.pillow import look_at_picture

    return look_at_picture(Path(path), type, source_limits())


def _layer(cwd: str, operations: dict[str, Any], limits: dict[str, Any] | None = None) -> dict[str, Any]:
    from functools import partial

    from workers.engine.layers import write_layer
    from workers.engine.pillow import read_layer

    return write_layer(Path(cwd), operations, partial(read_layer, limits=_budgets(limits)))


def _in_folder(module: str, name: str) -> Callable[..., Any]:
    """The function of that name, to be told of `operations` in the work directory `cwd`; looked for when it is needed,
    so that the helper starts without what most requests do not need."""

    def run(cwd: str, operations: dict[str, Any], limits: dict[str, Any] | None = None) -> Any:
        return getattr(import_module(module), name)(Path(cwd), operations)

    return run


def _opens(module: str, name: str) -> Callable[..., Any]:
    """The same of one that opens pictures: told what these may be as well."""

    def run(cwd: str, operations: dict[str, Any], limits: dict[str, Any] | None = None) -> Any:
        return getattr(import_module(module), name)(Path(cwd), operations, _budgets(limits))

    return run


def _hang(seconds: float) -> None:
    """For tests of time limits and of stopping."""
    import time

    time.sleep(seconds)


def _crash(number: int = signal.SIGSEGV) -> None:
    """For tests: what a decoder's memory error does, or the system's memory guard."""
    os.kill(os.getpid(), number)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "probe": _probe,
    "end": _end,
    "scan": _scan,
    "picture": _picture,
    "raw": _opens("workers.engine.deep", "write_raw"),
    "say_clear": _say_clear,
    "look": _look,
    "folders": _in_folder("workers.packaging.package", "make_folders"),
    "rendition": _in_folder("workers.packaging.rendition", "make_rendition"),
    "webvtt": _in_folder("workers.packaging.package", "make_captions"),
    "package": _in_folder("workers.packaging.package", "make_package"),
    "check_rendition": _in_folder("workers.packaging.checking", "check_rendition"),
    "captions": _in_folder("workers.engine.captions", "clean_captions"),
    "captions_style": _in_folder("workers.engine.captions", "style_captions"),
    "convert_track": _in_folder("workers.tracks.making", "convert_track"),
    "speech_track": _in_folder("workers.tracks.making", "speech_track"),
    "cover": _in_folder("workers.engine.cover", "make_cover"),
    "copied": _in_folder("workers.engine.copies", "check_copy"),
    "waveform": _in_folder("workers.engine.waveform", "make_waveform"),
    "sparse": _in_folder("workers.sections.tiny_pictures", "look_sparse"),
    "readable": _in_folder("workers.engine.ending", "write_readable"),
    "scenes": _in_folder("workers.sections.tiny_pictures", "write_scenes"),
    "sections": _in_folder("workers.sections.steps", "write_sections"),
    "chapters_document": _in_folder("workers.sections.steps", "write_chapters"),
    "outline_document": _in_folder("workers.sections.steps", "write_outline"),
    "sample_still": _in_folder("workers.seen.frame_choice", "list_still"),
    "sample_video": _in_folder("workers.seen.frame_choice", "choose_frames"),
    "sample_few": _in_folder("workers.seen.frame_choice", "few_candidates"),
    "sample_animation": _opens("workers.seen.frame_choice", "choose_of_animation"),
    "choose_views": _in_folder("workers.seen.views", "choose_views"),
    "document_nsfw": _in_folder("workers.seen.safety", "write_nsfw"),
    "document_objects": _in_folder("workers.seen.findings", "write_objects"),
    "document_faces": _in_folder("workers.seen.findings", "write_faces"),
    "document_text": _in_folder("workers.seen.findings", "write_text"),
    "document_words": _in_folder("workers.language.documents", "write_words"),
    "key_frames": _in_folder("workers.sprites.key_frames", "take_key_frames"),
    "sprites": _in_folder("workers.sprites.sheets", "make_sheets"),
    "layer": _layer,
    "speech_document": _in_folder("workers.transcripts", "write_speech"),
    "ping": lambda: os.getpid(),
    "hang": _hang,
    "crash": _crash,
}
