"""The end of a command: streams, options and metadata to arguments. Pure."""

from collections.abc import Iterable
from typing import Any

import ffmpeg

from workers.engine.probe import AudioStream, Probe, SubtitleStream


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
) -> tuple[str, ...]:
    """Nothing of the source's metadata (places, serial numbers, times) but its titles, the languages of sound and
    subtitles, and with `chapters` those of the first input."""
    args = ["-map_metadata", "-1", "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1"]
    args += ["-map_chapters", "0" if chapters else "-1"]
    # No name and version of the program, no random ids: the same command makes the same bytes.
    args += ["-fflags", "+bitexact"]
    for name, value in sorted(probe.tags.items()):
        args += ["-metadata", f"{name}={value}"]
    if audio is not None and audio.language:
        args += ["-metadata:s:a:0", f"language={audio.language}"]
    for number, track in enumerate(subtitles):
        if not number:
            args += ["-map_metadata:s:s", "-1"]
        if track.language:
            args += [f"-metadata:s:s:{number}", f"language={track.language}"]
        flags = [name for name in ("default", "forced") if getattr(track, name)]
        args += [f"-disposition:s:{number}", "+".join(flags) or "0"]
    return tuple(args)


def dropped(probe: Probe, *used: int | None, covers: bool = True) -> tuple[str, ...]:
    """One note naming the streams that were not used; none when all were."""
    left = probe.unused(*used, covers=covers)
    return (f"Not used: {'; '.join(left)}.",) if left else ()
