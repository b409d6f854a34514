"""A video for playing anywhere: another size, length, format or quality of a video."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from workers import graph, layers
from workers.encoders.video import NICKNAMES, TEN_BIT
from workers.engine.ending import SLOWEST
from workers.formats import FORMATS, format_of_filename
from workers.graph import subtitles as captions
from workers.kinds.base import FfmpegStep, FileUse, HelperStep, Kind, Plan, Source
from workers.kinds.groups import MovingLayered, Sized, Sounding, Spanned
from workers.options import QUALITY, FileRef, Quality, any_case, format_option
from workers.plans import SOURCE
from workers.transcoding import (
    ADDED,
    Work,
    decided,
    expected_of,
    needs_of,
    output_format,
    picture_stream,
    settings_of,
    subtitle_steps,
)

__all__ = ["KIND", "VideoOptions", "output_format", "plan"]


class VideoOptions(Sized, Spanned, Sounding, MovingLayered):
    makes = "video"

    format: format_option("video") = Field(None, description="As the filename says, or as the input, else mp4.")  # type: ignore[valid-type]
    codec: Annotated[Literal["h264", "h265", "vp9", "av1", "prores"] | None, any_case(NICKNAMES)] = Field(
        None, description="h264 in mp4, mov and mkv, vp9 in webm, when not given; prores, in mov only, for editing."
    )
    quality: Quality = Field(None, description=QUALITY)
    fps: float | None = Field(
        None, ge=1, le=60, allow_inf_nan=False, description="Frames per second; as the input when not given."
    )
    bitrate: int | None = Field(
        None, ge=300_000, le=60_000_000, description="Bits per second of the picture; wins over quality."
    )
    hdr: Literal["tone_map", "keep"] = Field(
        "tone_map",
        description="What becomes of HDR: tone_map makes it BT.709, which plays everywhere; keep leaves it as it is, "
        "at 10 bits, in h265, vp9 or av1.",
    )
    audio: bool = Field(True, description="false leaves the sound out.")
    subtitles: bool = Field(True, description="false leaves the input's subtitle tracks out.")
    subtitle_url: FileRef | None = Field(
        None, description="Subtitles to add: a file of this project or a URL, as SRT, WebVTT or ASS, 4 MiB at most."
    )
    subtitle_style: Literal["burn_in", "track"] | None = Field(
        None,
        description="burn_in draws subtitles into the picture, those of subtitle_url or else the input's; track, the "
        "default, keeps them apart, for players to show.",
    )
    subtitle_track: int | None = Field(
        None, ge=0, le=99, description="Which of the input's subtitles to burn in, from 0; its default when not given."
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

    @field_validator("bitrate")
    @classmethod
    def _bitrate_suits_codec(cls, bitrate: int | None, info: ValidationInfo) -> int | None:
        if bitrate and info.data.get("codec") == "prores":
            raise ValueError("cannot be given for prores, which takes what it needs: use quality")
        return bitrate

    @field_validator("hdr")
    @classmethod
    def _hdr_suits_codec(cls, hdr: str, info: ValidationInfo) -> str:
        codec = info.data.get("codec")
        if hdr == "keep" and codec and codec not in TEN_BIT:
            raise ValueError(f"cannot be kept in {codec}: use codec h265, vp9 or av1")
        return hdr

    @field_validator("subtitle_track")
    @classmethod
    def _track_is_burned(cls, track: int | None, info: ValidationInfo) -> int | None:
        if track is not None and info.data.get("subtitle_style") != "burn_in":
            raise ValueError('needs subtitle_style "burn_in"')
        if track is not None and info.data.get("subtitle_url"):
            raise ValueError("cannot be given together with subtitle_url")
        return track

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return (*super().file_refs(), *((("subtitle_url", self.subtitle_url),) if self.subtitle_url else ()))


def plan(options: VideoOptions, source: Source) -> Plan:
    """Decide the whole ffmpeg command. Pure: no file is opened, no process started."""
    work, notes = decided(options, source)
    probe, part = work.probe, work.part
    cut = graph.cut(work.video, part, work.length, options.fps, demuxer=probe.demuxer)
    sound = None
    if work.audio is not None and work.sound is not None and not work.sound_copied:
        sound = graph.prepared(source, options, work.sound, part, cut=cut, synced=True)
        notes = (*notes, *(sound.notes if sound else ()))
    chapters = bool(probe.chapters) and (cut is None or not cut.ticks)
    if probe.chapters and not chapters:
        notes = (*notes, "Chapters were left out: the span begins between two pictures.")
    target = f"video.{work.chosen.extension}"
    step = _step(work, cut, sound, target, chapters=chapters)
    making: tuple[FfmpegStep | HelperStep, ...] = (step,)
    if work.picture_copied:
        # A stream that only decoders understand, or a damaged one, is found out by copying it.
        again = _step(replace(work, picture_copied=False), cut, sound, target, chapters=chapters)
        patience = 120.0 + probe.size / SLOWEST
        making = (
            replace(step, attempts=target),
            HelperStep("copied", {"target": target}, 0.05, patience, measures="copied"),
            replace(again, unless=target, weight=0.01),
        )
    measuring = sound.steps if sound else ()
    steps = (*measuring, *graph.layer_steps(work.layers), *subtitle_steps(work, source), *making)
    files = (FileUse(options.subtitle_url, captions.GIVEN, "subtitle_url"),) if options.subtitle_url else ()
    # Burned subtitles are looked for from beginning to end.
    reads = "whole" if work.burned is not None else graph.reads(probe, part)
    made = Plan(steps, (expected_of(work, target, sound),), reads=reads, notes=notes, files=files)
    return layers.with_files(made, options.layers)


def _step(work: Work, cut: graph.Cut | None, sound: graph.Sound | None, target: str, *, chapters: bool) -> FfmpegStep:
    """The run of ffmpeg that makes it all."""
    probe, video, part = work.probe, work.video, work.part
    read = graph.source_input(probe, SOURCE, cut or part, alpha=None if work.picture_copied else video)
    streams = [picture_stream(work, read, cut)]
    if work.audio is not None:
        heard = read[str(work.audio.index)]
        streams.append(sound.filtered(cut.sound(heard) if cut else heard) if sound else heard)
    streams += captions.kept(read, probe, SOURCE, part, work.tracks, file=work.file_kept)
    settings = settings_of(work, cut, sound)
    subtitles = (*work.tracks, *((ADDED,) if work.file_kept else ()))
    metadata = graph.metadata_args(probe, work.audio, chapters=chapters, muxer=work.chosen.muxer, subtitles=subtitles)
    args = graph.output_args(streams, target, settings, metadata)
    return FfmpegStep(args, duration=part.duration, needs=needs_of(work, settings))


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
        {"format": "mkv", "hdr": "keep", "audio_track": 0},
        {"layers": [{"kind": "text", "text": "Hello", "color": "#ffd000", "position": "bottom", "end": 0.5}]},
    ),
)
