"""A short moving picture without sound, that plays by itself: from a video, or from an animated picture."""

import math
from fractions import Fraction
from typing import Any

import ffmpeg
from pydantic import Field

from workers import films, graph
from workers.encoders.animation import (
    DITHER,
    ENCODERS,
    FASTEST,
    SMALLEST,
    USUAL,
    film_settings,
    palette_settings,
    steady_rate,
    usual_rate,
)
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import VideoStream
from workers.formats import FORMATS, Format, format_of_filename
from workers.framing import Framing
from workers.graph import SHARP, Cut, Span
from workers.kinds.base import Expected, FfmpegStep, Film, HelperStep, Kind, Plan, Source, Variant
from workers.kinds.groups import Sized, Spanned
from workers.options import QUALITY, Quality, format_option, quality_number, rgba

MOST_MADE = 1_500_000_000  # pixels of all frames together: a minute of 1080p at 12 frames per second
PALETTE = "palette.png"
LEAST_PART = 0.01  # of a frame's time, that is worth a frame at the end


class AnimationOptions(Sized, Spanned):
    makes = "image"

    format: format_option("image", ("gif", "webp", "avif")) = Field(None, description="As the filename says, else gif.")  # type: ignore[valid-type]
    quality: Quality = Field(None, description=f"{QUALITY} Of a GIF it is the number of colours.")
    fps: float | None = Field(
        None,
        ge=1,
        le=60,
        allow_inf_nan=False,
        description=f"Frames per second, gif up to {FASTEST['gif']}. When not given: of a video an even "
        f"part of its own, {USUAL} at most; of a picture every frame at its own time.",
    )


def plan(options: AnimationOptions, source: Source) -> Plan:
    """Decide size, rate and commands. Pure: no file is opened, no process started."""
    chosen = output_format(options)
    if source.probe.image is None:
        return _from_video(options, source, chosen)
    image, shown = source.probe.image, source.probe.displayed
    if not image.animated or shown is None:
        raise SourceUnsupported(
            "An animation cannot be made from a picture that does not move: ask for an image instead."
        )
    if max(shown) > source.limits.edge:
        raise LimitExceeded(
            f"The picture is {shown[0]} × {shown[1]} pixels; at most {source.limits.edge} on the longest edge."
        )
    part, notes = graph.span(source.probe, start=options.start, end=options.end, duration=options.duration)
    framed = options.framed(shown, edge=source.limits.edge)
    end = None if part.duration is None else part.start + part.duration
    fps = float(steady_rate(chosen.name, options.fps)) if options.fps else None
    return films.film_plan(
        source.probe,
        chosen,
        framed,
        Film(part.start, end, fps, endless=True),
        Variant(
            f"animation.{chosen.extension}",
            chosen.name,
            framed,
            quality_number(options.quality),
            rgba(options.background),
        ),
        source=source.path,
        notes=(*notes, *_rate_note(options.fps, chosen), *_color_notes(source, chosen, options, framed)),
    )


def output_format(options: AnimationOptions) -> Format:
    """The format asked for, else the filename's, else GIF."""
    named = format_of_filename(options.filename, "image")
    return FORMATS[options.format] if options.format else named if named and named.name in ENCODERS else FORMATS["gif"]


def _color_notes(source: Source, chosen: Format, options: AnimationOptions, framed: Framing) -> tuple[str, ...]:
    assert source.probe.image is not None
    return films.still_notes(source.probe.image, chosen, options.background, framed=framed)


def _from_video(options: AnimationOptions, source: Source, chosen: Format) -> Plan:
    probe, name = source.probe, chosen.name
    video = graph.usable_video(source, "An animation")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    if part.duration is None:
        raise SourceUnsupported("How long the input is, is not known: say how much of it with duration.")
    framed = options.framed((video.width, video.height), edge=source.limits.edge, even=name == "avif")
    options.check_smallest(framed.canvas, SMALLEST.get(name, 1), name, param="format")
    rate = steady_rate(name, options.fps or usual_rate(video.frame_rate))
    length = graph.output_length(probe, video, None, part) or part.duration
    frames = max(1, math.ceil(length * rate - LEAST_PART))
    films.check_budget(frames, framed.canvas, MOST_MADE, made=True)
    if frames > source.limits.frames:
        raise LimitExceeded(
            f"The animation would have {frames} frames; at most {source.limits.frames} are made: "
            "make it shorter, or fps lower.",
            param="fps",
        )
    # Transparent as the source is; and where it is padded without a colour.
    clear = (video.alpha or (framed.pads and not options.background)) and chosen.alpha and name != "avif"
    clear = clear or (name == "avif" and video.alpha)
    target = f"animation.{chosen.extension}"
    steps = _steps(options, source, video, part, length, framed, rate, frames, clear, target, name)
    tone = (f"HDR ({video.hdr.upper()}) was tone-mapped to SDR.",) if video.hdr else ()
    sound = ("The sound was left out: an animation has none.",) if probe.audios else ()
    dropped = graph.dropped(probe, video.index, *(stream.index for stream in probe.audios), covers=False)
    expected = Expected(
        target,
        chosen.mime,
        "image",
        width=framed.canvas[0],
        height=framed.canvas[1],
        duration=float(frames / rate),
        until=part.start + length,
        at_most=graph.length_unsure(probe, video),
        container=name,
    )
    notes = (*notes, *tone, *sound, *dropped, *_rate_note(options.fps, chosen))
    return Plan(steps, (expected,), reads=graph.reads(probe, part), notes=notes)


def _rate_note(asked: float | None, chosen: Format) -> tuple[str, ...]:
    if not asked:
        return ()
    kept = float(steady_rate(chosen.name, asked))
    if abs(kept - asked) < 0.01:
        return ()
    return (f"fps is {kept:.4g} and not {asked:g}: frames of a GIF last whole hundredths of a second.",)


def _steps(
    options: AnimationOptions,
    source: Source,
    video: VideoStream,
    part: Span,
    length: float,
    framed: Framing,
    rate: Fraction,
    frames: int,
    clear: bool,
    target: str,
    name: str,
) -> tuple[FfmpegStep | HelperStep, ...]:
    cut = graph.cut(video, part, length, float(rate))
    quality = quality_number(options.quality)

    def pictures() -> Any:
        return _pictures(options, source, video, part, cut, framed, rate, frames, clear, name)

    needs = graph.picture_needs(video)
    settings = film_settings(name, quality) | graph.thread_settings()
    if name != "gif":
        streams = pictures()
        args = graph.output_args(streams, target, settings | _alpha_settings(name, clear))
        encode = FfmpegStep(args, duration=part.duration, needs=(ENCODERS[name], *needs))
        return (encode, HelperStep("say_clear", {"target": target})) if name == "webp" and clear else (encode,)
    # Twice through the source: a palette is only known at the end, and frames that wait for it would fill the memory.
    palette = _as_srgb(pictures()[0]).filter("palettegen", **palette_settings(quality, clear=clear))
    once = graph.output_args(
        [palette], PALETTE, {"format": "image2", "c:v": "png", "update": 1, "frames:v": 1} | graph.thread_settings()
    )
    chosen = ffmpeg.input(PALETTE, format="png_pipe", format_whitelist="png_pipe", protocol_whitelist="file")
    reduced = ffmpeg.filter([_as_srgb(pictures()[0]), chosen], "paletteuse", **DITHER)
    args = graph.output_args([reduced], target, settings)
    return (
        FfmpegStep(once, duration=part.duration, needs=("palettegen", *needs)),
        FfmpegStep(args, duration=part.duration, needs=("paletteuse", *needs)),
    )


def _pictures(
    options: AnimationOptions,
    source: Source,
    video: VideoStream,
    part: Span,
    cut: Cut | None,
    framed: Framing,
    rate: Fraction,
    frames: int,
    clear: bool,
    name: str,
) -> list[Any]:
    """The pictures as they are encoded; of a transparent AVIF their opacity as a second stream."""
    stream = graph.source_input(source.probe, source.path, cut or part, alpha=video)[str(video.index)]
    if cut:
        stream = cut.picture(stream)
    elif part.limited and part.duration is not None:
        # Not by an option of the output: a palette comes out once, and all of the source would go in before.
        stream = stream.filter("trim", duration=graph.seconds(part.duration))
    # At each tick the frame that is shown then; the filter's own rounding would show the future.
    stream = stream.filter("fps", f"{rate.numerator}/{rate.denominator}", round="up").filter("trim", end_frame=frames)
    # WebP and GIF are made of RGB: what is YUV in them is BT.601 whatever the source was.
    pixels = "rgba" if clear else "yuv420p" if name == "avif" else "rgb24"
    stream = graph.picture(stream, video, framed, pix_fmt=pixels, background=rgba(options.background), flags=SHARP)
    if name == "webp":
        return [stream.filter("format", "bgra")]
    if not (clear and name == "avif"):
        return [stream]
    parts = stream.split()
    color = parts[0].filter("scale", out_color_matrix="bt709", out_range="tv").filter("format", "yuv420p")
    color = color.filter("setparams", range="tv", color_primaries="bt709", color_trc="bt709", colorspace="bt709")
    opacity = parts[1].filter("alphaextract").filter("format", "gray")
    return [color, opacity.filter("setparams", range="pc", colorspace="bt709")]


def _as_srgb(stream: Any) -> Any:
    """The same numbers said to be sRGB, in which the palette filters compare colours."""
    return stream.filter("setparams", color_primaries="bt709", color_trc="iec61966-2-1")


def _alpha_settings(name: str, clear: bool) -> dict[str, Any]:
    # SVT-AV1 knows no pictures of one channel.
    return {"c:v:1": "libaom-av1", "crf:v:1": 20, "cpu-used:v:1": 8} if name == "avif" and clear else {}


KIND = Kind(
    name="animation",
    summary="A short moving picture without sound, from a video or an animated picture.",
    accepts=frozenset({"image", "video"}),
    lane="heavy",
    options=AnimationOptions,
    plan=plan,
    examples=(
        {"width": 160, "end": 0.5},
        {"format": "webp", "width": 120, "fps": 10},
        {"format": "avif", "width": 64, "height": 64, "fit": "cover"},
    ),
)
