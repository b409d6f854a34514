"""The end of a command: streams, options and metadata to arguments. Pure."""

from collections.abc import Iterable
from typing import Any

import ffmpeg

from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe, SubtitleStream

# QuickTime numbers its languages; ffmpeg knows those numbers by one of each language's two codes of ISO 639-2.
_QUICKTIME = {"fre": "fra", "rum": "ron", "cze": "ces", "slo": "slk", "deu": "ger", "nld": "dut", "ell": "gre"}
_QUICKTIME |= {"isl": "ice", "zho": "chi", "sqi": "alb"}


def thread_settings() -> dict[str, Any]:
    """Options of an output that keep its encoder and the filters to this worker's share of the processors; {} where
    ffmpeg is to choose."""
    return {"threads": threads(), "filter_complex_threads": threads()} if threads() else {}


def output_args(
    streams: Iterable[Any], target: str, options: dict[str, Any], extra: Iterable[str] = ()
) -> tuple[str, ...]:
    """The whole command's arguments, with `extra` options (those that repeat) before the target."""
    args = ffmpeg.output(*streams, target, **options).get_args()
    return (*args[:-1], *extra, args[-1])


def metadata_args(
    probe: Probe,
    audio: AudioStream | None = None,
    *,
    chapters: bool = False,
    subtitles: Iterable[SubtitleStream] = (),
    muxer: str | None = None,
) -> tuple[str, ...]:
    """Nothing of the source's metadata (places, serial numbers, times) but its titles, the languages of sound and
    subtitles, and with `chapters` those of the first input."""
    # Each part by its letter: of all parts at once would take the chapters' titles as well.
    args = ["-map_metadata:g", "-1", "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1"]
    args += ["-map_chapters", "0" if chapters else "-1"]
    # No name and version of the program, no random ids: the same command makes the same bytes.
    args += ["-fflags", "+bitexact"]
    for name, value in sorted(probe.tags.items()):
        args += ["-metadata", f"{name}={value}"]
    if audio is not None and audio.language:
        args += ["-metadata:s:a:0", f"language={_language(audio.language, muxer)}"]
    for number, track in enumerate(subtitles):
        if not number:
            args += ["-map_metadata:s:s", "-1"]
        if track.language:
            args += [f"-metadata:s:s:{number}", f"language={_language(track.language, muxer)}"]
        flags = [name for name in ("default", "forced") if getattr(track, name)]
        args += [f"-disposition:s:{number}", "+".join(flags) or "0"]
    return tuple(args)


def _language(code: str, muxer: str | None) -> str:
    """A language in the code that the container knows it by."""
    return _QUICKTIME.get(code, code) if muxer == "mov" else code


def chapter_comments(probe: Probe) -> tuple[str, ...]:
    """Chapters as comments, for Ogg and FLAC (CHAPTER001 and so on, as Xiph's chapter extension has them): ffmpeg
    writes none there, and in Opus rounds their seconds up."""
    args = []
    for number, chapter in enumerate(probe.chapters, start=1):
        minutes, ms = divmod(max(0, round(chapter.start * 1000)), 60_000)
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}.{ms % 1000:03}"
        args += ["-metadata", f"CHAPTER{number:03}={clock}"]
        if chapter.title:
            args += ["-metadata", f"CHAPTER{number:03}NAME={chapter.title}"]
    return tuple(args)


def dropped(probe: Probe, *used: int | None, covers: bool = True) -> tuple[str, ...]:
    """One note naming the streams that were not used; none when all were."""
    left = probe.unused(*used, covers=covers)
    return (f"Not used: {'; '.join(left)}.",) if left else ()
