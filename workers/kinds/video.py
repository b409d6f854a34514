"""A video for playing anywhere: another size, length, format or quality of a video."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from workers import graph, layers
from workers.encoders.audio import AUDIO_BITRATE, AUDIO_ENCODERS
from workers.encoders.video import ENCODERS, SETTINGS, SMALLEST, rate_control
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.formats import FORMATS, Format, format_of_filename
from workers.framing import framing, side_at_fault
from workers.graph import Cut, Span
from workers.kinds.base import Expected, FfmpegStep, Kind, Plan, Source
from workers.kinds.groups import MovingLayered, Sized, Spanned
from workers.options import (
    QUALITY,
    Quality,
    anchor,
    format_option,
    quality_number,
    rgba,
)
from workers.plans import Step

_CODEC_NAMES = {"avc": "h264", "x264": "h264", "h.264": "h264", "hevc": "h265", "x265": "h265", "h.265": "h265"}
_HIGHEST_TIMESCALE = 100_000


def _codec(value: Any) -> Any:
    if isinstance(value, str):
        name = value.strip().lower()
        return _CODEC_NAMES.get(name, name)
    return value


class VideoOptions(Sized, Spanned, MovingLayered):
    makes = "video"

    format: format_option("video") = Field(None, description="As the filename says, or as the input, else mp4.")  # type: ignore[valid-type]
    codec: Annotated[Literal["h264", "h265", "vp9", "av1"] | None, BeforeValidator(_codec)] = Field(
        None, description="h264 in mp4 and mov, vp9 in webm, when not given."
    )
    quality: Quality = Field(None, description=QUALITY)
    fps: float | None = Field(
        None, ge=1, le=60, allow_inf_nan=False, description="Frames per second; as the input when not given."
    )
    bitrate: int | None = Field(
        None, ge=300_000, le=60_000_000, description="Bits per second of the picture; wins over quality."
    )

    @field_validator("codec")
    @classmethod
    def _codec_suits_format(cls, codec: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("format")
        if codec and name and codec not in FORMATS[name].video_codecs:
            raise ValueError(f"must be one of {', '.join(FORMATS[name].video_codecs)} for {name}")
        named = format_of_filename(info.data.get("filename"), "video")
        if codec and named and not name and codec not in named.video_codecs:
            raise ValueError(
                f"must be one of {', '.join(named.video_codecs)} for a filename that ends in .{named.extension}"
            )
        return codec


def plan(options: VideoOptions, source: Source) -> Plan:
    """Decide the whole ffmpeg command. Pure: no file is opened, no process started."""
    probe = source.probe
    video = graph.usable_video(source, "A video")
    audio = probe.audio
    chosen = output_format(options, probe)
    codec = options.codec or chosen.video_codecs[0]
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    shown = (video.width, video.height)
    place = anchor(options.position)
    framed = framing(
        shown,
        width=options.width,
        height=options.height,
        fit=options.fit,
        anchor=place,
        even=True,
        edge=source.limits.edge,
    )
    least = SMALLEST.get(codec, 2)
    if min(framed.canvas) < least:
        width, height = framed.canvas
        raise SourceUnsupported(
            f"{codec} needs {least} × {least} pixels at least; the output would be {width} × {height}.",
            param=side_at_fault(options.width, options.height, taller=height < width) or "codec",
        )
    clear = video.alpha and codec == "vp9" and chosen.alpha
    length = graph.output_length(probe, video, audio, part)
    cut = graph.cut(video, part, length, options.fps)
    read = graph.source_input(probe, source.path, cut or part, alpha=video)
    frames = read[str(video.index)]
    picture = graph.picture(
        cut.picture(frames) if cut else frames,
        video,
        framed,
        pix_fmt="yuva420p" if clear else "yuv420p",
        fps=options.fps,
        background=rgba(options.background),
    )
    over = layers.place(options.layers, framed.canvas)
    pixels = "yuva420p" if clear else "yuv420p"
    streams = [graph.overlaid(picture, over, pix_fmt=pixels, colors=graph.colors(video))]
    if audio is not None:
        sound = read[str(audio.index)]
        if cut:
            sound = cut.sound(sound)
        streams.append(graph.stereo(sound, audio) if audio.channels > 2 else sound)
    target = f"video.{chosen.extension}"
    args = graph.output_args(
        streams,
        target,
        _settings(options, chosen, codec, video, audio, part, cut, clear),
        graph.metadata_args(probe, audio),
    )
    needs = (
        ENCODERS[codec],
        *((AUDIO_ENCODERS[chosen.audio_codecs[0]],) if audio else ()),
        *graph.picture_needs(video),
        *graph.overlay_needs(over, graph.colors(video)),
    )
    notes = (
        *notes,
        *graph.mix_note(audio),
        *graph.dropped(probe, video.index, audio.index if audio else None),
    )
    expected = Expected(
        target,
        chosen.mime,
        "video",
        width=framed.canvas[0],
        height=framed.canvas[1],
        duration=length,
        until=None if length is None else part.start + length,
        video_codec=codec,
        audio_codec=chosen.audio_codecs[0] if audio else None,
        container=chosen.name,
        colors=graph.colors(video),
    )
    step = FfmpegStep(args, duration=part.duration, needs=needs)
    steps: tuple[Step, ...] = (*graph.layer_steps(over, framed.canvas), step)
    made = Plan(steps, (expected,), reads=graph.reads(probe, part), notes=notes)
    return layers.with_files(made, options.layers)


def output_format(options: VideoOptions, probe: Probe) -> Format:
    """The format asked for, else the filename's, the input's or MP4: the first that suits the codec asked for."""
    if options.format:
        return FORMATS[options.format]
    named = format_of_filename(options.filename, "video")
    own = FORMATS.get(probe.container)
    for choice in (named, own, FORMATS["mp4"]):
        if (
            choice is not None
            and choice.media_type == "video"
            and (options.codec or choice.video_codecs[0]) in choice.video_codecs
        ):
            return choice
    return FORMATS["mp4"]


def _settings(
    options: VideoOptions,
    chosen: Format,
    codec: str,
    video: VideoStream,
    audio: AudioStream | None,
    part: Span,
    cut: Cut | None,
    clear: bool,
) -> dict[str, Any]:
    settings: dict[str, Any] = {"format": chosen.muxer, "c:v": ENCODERS[codec], "sn": None, "dn": None}
    settings |= rate_control(codec, quality_number(options.quality), options.bitrate)
    settings |= SETTINGS[codec]
    if cut:
        settings |= cut.settings()
    if (video.variable or cut) and chosen.muxer in ("mp4", "mov"):
        # ffmpeg's MP4 ends with the last frame *decoded*: with reordering, uneven last frames would fall off the end.
        settings["bf"] = 0
    if clear:
        settings |= {"auto-alt-ref": 0}  # libvpx cannot have both
    if options.fps is None and video.time_base:
        # The source's own clock: frames keep their distances, even where they vary.
        number, unit = video.time_base
        settings["enc_time_base"] = f"{number}/{unit}" if unit <= _HIGHEST_TIMESCALE else "1/90000"
        settings["fps_mode"] = "vfr"
    if part.limited and part.duration is not None:
        settings["t"] = graph.seconds(part.duration)
    if audio is not None:
        sound = chosen.audio_codecs[0]
        settings |= {"c:a": AUDIO_ENCODERS[sound], "b:a": AUDIO_BITRATE[sound][min(2, audio.channels)]}
        if (audio.sample_rate or 0) > 48_000:
            settings["ar"] = 48_000
    if chosen.muxer in ("mp4", "mov"):
        settings["movflags"] = "+faststart"
        if codec == "h265":
            settings["tag:v"] = "hvc1"  # the tag Apple's players ask for
    if threads():
        settings["threads"] = threads()
    return settings


KIND = Kind(
    name="video",
    summary="A video for playing anywhere, from a video.",
    accepts=frozenset({"video"}),
    lane="heavy",
    options=VideoOptions,
    plan=plan,
    examples=(
        {"width": 160},
        {"format": "webm", "height": 64, "end": 0.5},
        {"width": 64, "height": 64, "fit": "contain"},
    ),
)
