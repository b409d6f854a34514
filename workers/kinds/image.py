"""A picture from a picture, moving if that moves and the format can, or from a moment of a video."""

import math
from dataclasses import replace
from typing import Any

from pydantic import Field, model_validator

from workers import films, graph, layers
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import Image, Probe, VideoStream
from workers.formats import FORMATS, Format, find_format, format_of_filename
from workers.framing import Framing
from workers.graph import Cut, Span
from workers.kinds.base import Expected, FfmpegStep, Film, Kind, PictureStep, Plan, Source, Variant
from workers.kinds.groups import Sized, StillLayered
from workers.options import (
    QUALITY,
    Quality,
    Seconds,
    format_option,
    quality_number,
    rgba,
)

MOST_PICTURES = 1000  # of one task
MOST_PIXELS = 2_500_000_000  # of them all: frames wait uncompressed in the work directory, 3 or 4 bytes a pixel
SHOWN = 0.98  # of a frame's length: it is shown from its own time until the next one's


class ImageOptions(Sized, StillLayered):
    makes = "image"

    format: format_option("image") = Field(None, description="As the input, or as the filename says, when not given.")  # type: ignore[valid-type]
    quality: Quality = Field(None, description=QUALITY)
    start: Seconds = Field(
        None, description="Which moment of a video or an animation, seconds; its first frame when not given."
    )
    interval: float | None = Field(
        None,
        ge=0.001,
        le=86_400,
        allow_inf_nan=False,
        description="One picture every so many seconds of a video, many files.",
    )

    @model_validator(mode="before")
    @classmethod
    def _resize_is_fit(cls, data: Any) -> Any:
        # `resize` is what an early version called `fit`.
        if isinstance(data, dict) and "resize" in data:
            data = dict(data)
            data.setdefault("fit", data.pop("resize"))
            data.pop("resize", None)
        return data


def plan(options: ImageOptions, source: Source) -> Plan:
    """Decide the picture's size, format and how it is made. Pure: no file is opened, no process started."""
    return layers.with_files(_plan(options, source), options.layers)


def _plan(options: ImageOptions, source: Source) -> Plan:
    chosen = output_format(options, source.probe)
    if source.probe.image is None:
        return _from_video(options, source, chosen)
    if options.interval:
        raise SourceUnsupported("interval needs a video, and the input is a picture.", param="interval")
    return _from_picture(options, source, chosen)


def _from_picture(options: ImageOptions, source: Source, chosen: Format) -> Plan:
    edge, probe = source.limits.edge, source.probe
    image, shown = probe.image, probe.displayed
    assert image is not None
    if shown is None:
        raise SourceUnsupported("The size of the picture is not known.")
    if reason := source.limits.too_large("picture", *shown):
        raise LimitExceeded(reason)
    framed = options.framed(shown, edge=edge)
    target = f"image.{chosen.extension}"
    variant = _variant(options, chosen, framed, target)
    notes = films.still_notes(image, chosen, options.background, framed=framed)
    if image.animated and chosen.animated and options.start is None:
        return films.film_plan(
            probe,
            chosen,
            framed,
            Film(),
            variant,
            source=source.path,
            notes=(*films.film_notes(image, chosen, endless=False), *notes),
        )
    moment = options.start or 0.0
    if image.animated:
        if probe.duration is not None and moment and moment >= probe.duration:
            raise SourceUnsupported(
                f"start is {moment:g} s, but the input is only {probe.duration:g} s long.", param="start"
            )
        which = f"the frame shown at {moment:g} s" if moment else "the first"
        notes = (f"Only {which} of {image.frames} frames was used.", *notes)
    elif moment:
        notes = ("start has no meaning for a picture that does not move.", *notes)
        moment = 0.0
    if image.hdr and moment:
        raise SourceUnsupported("Of an HDR animation only the first frame can be had: start must be 0.", param="start")
    if image.hdr:
        return _from_hdr(source, image, shown, framed, variant, chosen, notes)
    step = PictureStep(source.path, (variant,), moment=moment)
    return Plan((step,), (_expected(chosen, framed, target),), notes=notes)


def _from_hdr(
    source: Source,
    image: Image,
    shown: tuple[int, int],
    framed: Framing,
    variant: Variant,
    chosen: Format,
    notes: tuple[str, ...],
) -> Plan:
    """What is tone-mapped is framed and written by Pillow."""
    write = PictureStep(graph.SDR, (variant,), type=graph.still_type(graph.SDR), orient=False, weight=0.5)
    steps = (*graph.sdr_steps(source.path, image, shown, framed.within(shown)), write)
    if image.alpha:
        notes = (*notes, "The transparency of the HDR picture was left out.")
    return Plan(steps, (_expected(chosen, framed, variant.target),), notes=notes)


def output_format(options: ImageOptions, probe: Probe) -> Format:
    """The format asked for, else the filename's, else the input's if it can be written, else JPEG."""
    if options.format:
        return FORMATS[options.format]
    own = find_format(probe.image.format) if probe.image else None
    return format_of_filename(options.filename, "image") or (own if own and own.write else FORMATS["jpeg"])


def _variant(options: ImageOptions, chosen: Format, framed: Framing, target: str) -> Variant:
    over = tuple(placed.spec for placed in layers.place(options.layers, framed.canvas))
    return Variant(target, chosen.name, framed, quality_number(options.quality), rgba(options.background), over)


def _expected(chosen: Format, framed: Framing, target: str) -> Expected:
    width, height = framed.canvas
    return Expected(target, chosen.mime, "image", width=width, height=height, frames=1, container=chosen.name)


def _from_video(options: ImageOptions, source: Source, chosen: Format) -> Plan:
    """ffmpeg finds the frame, turns it upright and sizes it; Pillow frames and writes it as it does any picture."""
    probe = source.probe
    video = graph.usable_video(source, "An image")
    part, _ = graph.span(probe, start=options.start, end=None, duration=None)
    shown = (video.width, video.height)
    framed = options.framed(shown, edge=source.limits.edge)
    whole = framed.within(shown)
    notes = graph.dropped(probe, video.index, *(stream.index for stream in probe.audios), covers=False)
    if video.hdr:
        notes = (f"HDR ({video.hdr.upper()}) was tone-mapped to SDR.", *notes)
    if video.alpha and (options.background or not chosen.alpha):
        notes = (*notes, f"Transparent parts were put on {options.background or '#000000'}.")
    if options.interval:
        return _many(options, source, video, part, framed, whole, chosen, notes)
    name = graph.still_name("frame", video.alpha)  # Pillow puts the background under it where the format is opaque
    if part.start > 0 and video.frame_rate:
        # ffmpeg takes the first frame from a moment on; a viewer sees the one that began before it.
        part = replace(part, start=max(0.0, part.start - SHOWN / video.frame_rate))
    steps: list[FfmpegStep | PictureStep] = [graph.grab(source, video, part, whole, name)]
    if part.start > 0:
        # Nothing starts at or after the moment: what is shown then is the last frame before it.
        end = min(part.start, video.duration or part.start)
        earlier = Span(max(0.0, end - graph.LOOK_BACK), part.duration, False)
        steps.append(graph.grab(source, video, earlier, whole, name, last=True))
    target = f"image.{chosen.extension}"
    variant = _variant(options, chosen, framed, target)
    steps.append(PictureStep(name, (variant,), type=graph.still_type(name), orient=False, weight=0.5))
    return Plan(tuple(steps), (_expected(chosen, framed, target),), reads="seek", notes=notes)


def _many(
    options: ImageOptions,
    source: Source,
    video: VideoStream,
    part: Span,
    framed: Framing,
    whole: Framing,
    chosen: Format,
    notes: tuple[str, ...],
) -> Plan:
    assert options.interval is not None
    if part.duration is None:
        raise SourceUnsupported("interval needs a video whose length is known.", param="interval")
    largest = max(math.prod(whole.canvas), math.prod(framed.canvas))
    most = min(MOST_PICTURES, max(1, MOST_PIXELS // largest))
    count = math.ceil(min(part.duration / options.interval, 1e12))
    if count > most:
        words = "make it longer."
        if most < MOST_PICTURES:
            words = f"make it longer, or the pictures smaller than {_times(framed.canvas, whole.canvas)} pixels."
        raise SourceUnsupported(f"interval would make {count} pictures; at most {most}: {words}", param="interval")
    read = graph.ticking(video, part, demuxer=source.probe.demuxer)
    stream = graph.source_input(source.probe, source.path, read, alpha=video)[str(video.index)]
    stream = read.picture(stream) if isinstance(read, Cut) else stream
    # Chosen by time: the frame shown at each multiple of the interval, the first where none is shown yet.
    stream = stream.filter("fps", f"1/{options.interval:g}", round="up", eof_action="pass", start_time=0)
    name = graph.still_name("frame-*", video.alpha)
    args = graph.still_args(stream, video, whole, name.replace("*", "%04d"), {"frames:v": most})
    take = FfmpegStep(args, duration=part.duration, needs=graph.picture_needs(video))
    target = f"image-*.{chosen.extension}"
    variant = _variant(options, chosen, framed, target)
    write = PictureStep(name, (variant,), type=graph.still_type(name), orient=False)
    return Plan((take, write), (_expected(chosen, framed, target),), notes=notes)


def _times(*sizes: tuple[int, int]) -> str:
    """The largest of some sizes, in words."""
    width, height = max(sizes, key=math.prod)
    return f"{width} × {height}"


KIND = Kind(
    name="image",
    summary="A picture from a picture, moving if that moves and the format can, or from a moment of a video.",
    accepts=frozenset({"image", "video"}),
    options=ImageOptions,
    plan=plan,
    examples=(
        {"width": 640},
        {"width": 320, "height": 320, "fit": "cover", "format": "webp"},
        {"start": 0.5, "format": "png"},
        {"layers": [{"kind": "text", "text": "Hello", "font": "Inter", "font_size": "10%", "position": "bottom"}]},
    ),
)
