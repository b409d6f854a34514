"""One frame of a video as a file, for Pillow to frame and write as it does any picture. Pure."""

from typing import Any

from workers.engine.probe import VideoStream
from workers.framing import Framing
from workers.graph.output import output_args, thread_settings
from workers.graph.picture import SHARP, picture, picture_needs
from workers.graph.source import source_input
from workers.graph.times import Cut, Span
from workers.plans import FfmpegStep, Source


def still_name(stem: str, clear: bool) -> str:
    """The file of a still: one of Netpbm's, which costs next to nothing to write, or a PNG where it may be clear."""
    return f"{stem}.png" if clear else f"{stem}.ppm"


def still_type(name: str) -> str:
    """What Pillow calls the type of such a file."""
    return "PNG" if name.endswith("png") else "PPM"


def still_args(stream: Any, video: VideoStream, whole: Framing, name: str, options: dict[str, Any]) -> tuple[str, ...]:
    """Arguments that write a stream's frames as stills."""
    clear = still_type(name) == "PNG"
    stream = picture(stream, video, whole, pix_fmt="rgba" if clear else "rgb24", flags=SHARP)
    # image2 with the codec named: its extension must not choose.
    given: dict[str, Any] = {"format": "image2", "c:v": "png" if clear else "ppm"} | thread_settings()
    return output_args([stream], name, given | ({"compression_level": 1} if clear else {}) | options)


def grab(
    source: Source,
    video: VideoStream,
    part: Span | Cut,
    whole: Framing,
    name: str,
    *,
    last: bool = False,
    key_frames: bool = False,
) -> FfmpegStep:
    """One frame as a still: the first at or after the span's start (of a cut, the key frame before it), or the last
    there is from it on. With `key_frames` no other will do."""
    stream = source_input(source.probe, source.path, part, alpha=video, key_frames=key_frames)[str(video.index)]
    # One picture for each run: `update` says that its name is no pattern, of which ffmpeg warns otherwise.
    args = still_args(stream, video, whole, name, {"update": 1} | ({} if last else {"frames:v": 1}))
    return FfmpegStep(args, needs=picture_needs(video), unless=name if last else None, weight=0.0 if last else 1.0)
