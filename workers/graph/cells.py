"""Small frames at even times, to choose from: of the whole source as it is decoded, or of key frames alone. Pure."""

from dataclasses import replace
from typing import Any

import ffmpeg

from workers.engine.limits import threads
from workers.engine.probe import Probe, VideoStream
from workers.framing import Framing
from workers.graph.output import output_args, thread_settings
from workers.graph.picture import SHARP, picture
from workers.graph.source import ALPHA_DECODERS, source_input

# (degrees clockwise, mirrored) → what ffmpeg itself does to turn a picture upright.
_UPRIGHT: dict[tuple[int, bool], tuple[tuple[str, ...], ...]] = {
    (90, False): (("transpose", "clock"),),
    (180, False): (("hflip",), ("vflip",)),
    (270, False): (("transpose", "cclock"),),
    (0, True): (("vflip",),),
    (90, True): (("transpose", "cclock_flip"),),
    (180, True): (("hflip",),),
    (270, True): (("transpose", "clock_flip"),),
}


def frames_name(clear: bool) -> str:
    """Where the frames lie, with a `*` for their numbers."""
    return "frame-*.png" if clear else "frame-*.ppm"


def first_frame(clear: bool) -> str:
    """The first of them, which is there if any is."""
    return frames_name(clear).replace("*", "00001")


def even_frames(
    probe: Probe,
    path: str,
    video: VideoStream,
    framing: Framing,
    *,
    rate: str,
    most: int | str,
    clear: bool,
    background: tuple[int, int, int, int] | None,
    times: str,
    key_frames: bool = False,
) -> tuple[str, ...]:
    """Arguments for the frames shown from the beginning on at `rate`, frames per second as a fraction, `most` in all;
    the file `times` takes when that is.

    With `key_frames` nothing else is decoded: what is shown at a moment is then the last of them.
    """
    stream = source_input(probe, path, alpha=video, key_frames=key_frames)[str(video.index)]
    # The frame shown at a moment is the last that began before it, whatever the source's own rate.
    stream = stream.filter("fps", rate, round="up", eof_action="pass", start_time=0)
    return _written(stream, video, framing, most, clear, background, times)


def kept_frames(
    path: str,
    video: VideoStream,
    framing: Framing,
    *,
    most: int | str,
    clear: bool,
    background: tuple[int, int, int, int] | None,
    times: str,
) -> tuple[str, ...]:
    """Arguments for every frame of what key frames were copied to, a Matroska file with the source's own times."""
    options: dict[str, Any] = {
        "format": "matroska",
        "format_whitelist": "matroska,webm",
        "protocol_whitelist": "file",
        "noautorotate": None,
    }
    if video.alpha and video.codec in ALPHA_DECODERS:
        options["c:v"] = ALPHA_DECODERS[video.codec]
    if threads():
        options["threads"] = threads()
    stream = ffmpeg.input(path, **options).video
    for name, *arguments in _UPRIGHT.get((-video.rotation % 360, video.mirrored), ()):
        stream = stream.filter(name, *arguments)
    # What the source's container told of its colours, which this one may not.
    told = {
        "range": video.color_range,
        "color_primaries": video.color_primaries,
        "color_trc": video.color_transfer,
        "colorspace": video.color_matrix if video.color_matrix != "gbr" else None,
    }
    if known := {name: value for name, value in told.items() if value}:
        stream = stream.filter("setparams", **known)
    args = _written(stream, video, framing, most, clear, background, times)
    return ("-copyts", *args)


def _written(
    stream: Any,
    video: VideoStream,
    framing: Framing,
    most: int | str,
    clear: bool,
    background: tuple[int, int, int, int] | None,
    times: str,
) -> tuple[str, ...]:
    if video.interlaced:
        # One field is a whole picture of its moment, and has lines enough for what is small. What makes whole frames
        # of two looks at the frames around, which are seconds away.
        stream = stream.filter("field", "bottom" if video.first_field == "bff" else "top")
    stream = picture(
        stream,
        replace(video, interlaced=False),
        framing,
        pix_fmt="rgba" if clear else "rgb24",
        background=background,
        flags=SHARP,
    )
    # Only frames that have something to tell are printed.
    stream = stream.filter("metadata", mode="add", key="cell", value="1")
    stream = stream.filter("metadata", mode="print", file=times)
    options: dict[str, Any] = {"format": "image2", "c:v": "png" if clear else "ppm", "fps_mode": "passthrough"}
    options |= {"frames:v": most} | ({"compression_level": 1} if clear else {}) | thread_settings()
    return output_args([stream], frames_name(clear).replace("*", "%05d"), options)
