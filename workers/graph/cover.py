"""The cover picture of a sound on its way into another. Pure."""

from dataclasses import dataclass
from typing import Any

import ffmpeg

from workers.engine.probe import Cover, Probe
from workers.graph.output import output_args
from workers.graph.source import source_input
from workers.plans import FfmpegStep, HelperStep

_DEMUXERS = {"jpeg": "jpeg_pipe", "png": "png_pipe"}
_RAW, _BLOCK = "cover.raw", "cover.ffmeta"
KEPT = "cover.kept"  # the value that is empty where it turned out to be no picture


@dataclass(frozen=True)
class CoverArt:
    """The steps that take a cover out and clean it, and how it goes into the output: as a picture of its own, or where
    `block` says so as a comment of Ogg's."""

    steps: tuple[FfmpegStep | HelperStep, ...]
    format: str
    block: bool

    def streams(self) -> list[Any]:
        """What is mapped after the sound."""
        if self.block:
            return []
        return [ffmpeg.input(f"cover.{self.format}", format=_DEMUXERS[self.format], protocol_whitelist="file")["v"]]

    def settings(self) -> dict[str, Any]:
        """Options of the output: copied, and shown as what it is."""
        if self.block:
            return {}
        return {"c:v": "copy", "disposition:v": "attached_pic", "metadata:s:v": "comment=Cover (front)"}

    def metadata(self, args: tuple[str, ...]) -> tuple[str, ...]:
        """The output's metadata arguments with the comment among them."""
        if not self.block:
            return args
        place = args.index("-map_metadata:g")
        return (*args[: place + 1], "1", *args[place + 2 :])

    def inputs(self) -> tuple[str, ...]:
        """Arguments of one more input, ahead of the outputs."""
        return ("-f", "ffmetadata", "-protocol_whitelist", "file", "-i", _BLOCK) if self.block else ()


def cover_art(probe: Probe, path: str, *, block: bool) -> CoverArt | None:
    """The first cover, on its way; None where there is none. What is neither JPEG nor PNG becomes a JPEG."""
    if not probe.covers:
        return None
    cover: Cover = probe.covers[0]
    format = "png" if cover.codec in ("png", "apng") else "jpeg"
    stream = source_input(probe, path)[str(cover.index)]
    taken = output_args([stream], _RAW, {"format": "rawvideo", "c:v": "copy", "frames:v": 1})
    operations = {"source": _RAW, "target": f"cover.{format}", "format": format, "block": _BLOCK if block else None}
    steps = (FfmpegStep(taken, weight=0.05), HelperStep("cover", operations, weight=0.05, measures="cover"))
    return CoverArt(steps, format, block)
