"""A package for adaptive streaming: one video at several sizes in HLS and DASH, or one sound at several bitrates."""

from typing import Annotated, Any, Literal

import ffmpeg
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from workers import graph, layers
from workers.encoders.video import ENCODERS, NICKNAMES, SMALLEST
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import VideoStream
from workers.formats import TEXTS, format_named
from workers.framing import Framing
from workers.kinds.base import Expected, FfmpegStep, HelperStep, Kind, Plan, Source
from workers.kinds.groups import MovingLayered, Sized, Sounding, Spanned
from workers.languages import language_code, language_tag
from workers.options import QUALITY, FileRef, Quality, any_case, quality_number, rgba
from workers.packaging import dash, hls, streams, transport
from workers.packaging.ladder import LONGEST_SEGMENT, Rung, ladder, steady_rate, timing
from workers.packaging.package import TEXT
from workers.packaging.results import package_result, verify_package
from workers.packaging.streams import MOST_TEXTS, Work
from workers.plans import Step

_FORMATS = {"m3u8": "hls", "mpd": "dash"}
_START_PEAK = 3_000_000  # bits a second that most first visitors have


def _known_language(value: str | None) -> str | None:
    # Read as workers.options.LanguageTag is, but for languages that ISO 639-1 has no code of (fil, yue): nothing here
    # has to know them, players do, and the documented option takes any.
    if value is None:
        return None
    tag = language_tag(value.strip()) or language_code(value)
    if tag is None:
        raise ValueError("must be a language tag such as en or pt-BR, or a language by its English name")
    return tag


def _plain(value: str | None) -> str | None:
    if value is not None and not (value.isprintable() and value.strip()):
        raise ValueError("must be plain text in one line")
    return value


class SubtitlesGiven(BaseModel):
    """One track of subtitles."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    url: FileRef = Field(description="A WebVTT or SubRip (.srt) file: a URL, or the id of a file of the project.")
    label: Annotated[str | None, Field(max_length=100), AfterValidator(_plain)] = Field(
        None, description="What players show; the language's name when not given."
    )
    language: Annotated[str | None, Field(max_length=35), AfterValidator(_known_language)] = Field(
        None, description="A BCP 47 tag such as en or pt-BR, or a language by its English name."
    )
    default: bool = Field(False, description="Whether it is shown when the viewer has not chosen.")


class AdaptiveVideoOptions(Sized, Spanned, Sounding, MovingLayered):
    format: Annotated[Literal["hls", "dash"], any_case(_FORMATS)] = Field(
        "hls", description="Which of the two is the file's own URL; with fmp4 segments both are made of the same ones."
    )
    segments: Annotated[Literal["fmp4", "ts"], any_case({"mp4": "fmp4", "mpegts": "ts"})] = Field(
        "fmp4", description="Fragmented MP4, or MPEG-TS for players from before 2016 (HLS only)."
    )
    segment_duration: float | None = Field(
        None,
        ge=1,
        le=LONGEST_SEGMENT,
        allow_inf_nan=False,
        description="About how long a segment is, seconds; 6 when not given, more in very long media.",
    )
    quality: Quality = Field(None, description=QUALITY)
    codec: Annotated[Literal["h264", "h265", "av1"], any_case(NICKNAMES)] = Field(
        "h264", description="h264 plays everywhere; h265 and av1 need fewer bits and fmp4 segments."
    )
    subtitles: list[SubtitlesGiven] = Field(
        default=[], max_length=MOST_TEXTS, description="Tracks beside those that the input holds as text."
    )

    @field_validator("filename")
    @classmethod
    def _no_other_file(cls, filename: str | None) -> str | None:
        ending = (filename or "").rpartition(".")[2].lower()
        if filename and format_named(filename):
            raise ValueError(f"must not end in .{ending}: a package is no such file; use .m3u8, .mpd or no extension")
        return filename

    @field_validator("segments")
    @classmethod
    def _segments_suit_format(cls, segments: str, info: ValidationInfo) -> str:
        if segments == "ts" and info.data.get("format") == "dash":
            raise ValueError("must be fmp4 for dash")
        return segments

    @field_validator("codec")
    @classmethod
    def _codec_suits_segments(cls, codec: str, info: ValidationInfo) -> str:
        if codec != "h264" and info.data.get("segments") == "ts":
            raise ValueError("must be h264 for ts segments")
        return codec

    @field_validator("subtitles")
    @classmethod
    def _one_default(cls, subtitles: list[SubtitlesGiven]) -> list[SubtitlesGiven]:
        if sum(track.default for track in subtitles) > 1:
            raise ValueError("must have one default at most")
        return subtitles

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return (
            *super().file_refs(),
            *((f"subtitles.{place}.url", track.url) for place, track in enumerate(self.subtitles)),
        )


def plan(options: AdaptiveVideoOptions, source: Source) -> Plan:
    """Decide the whole package. Pure: no file is opened, no process started."""
    probe = source.probe
    video = graph.usable_video(source, "A package") if probe.media_type == "video" else None
    tracks = streams.sound_tracks(options, source)
    audio = tracks[0] if tracks else None
    if video is None and audio is None:
        raise SourceUnsupported("A package cannot be made from this input: it has no picture or sound.")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    rungs: tuple[Rung, ...] = ()
    if video is None:
        length = part.duration
        if length and audio and audio.duration:
            length = min(length, audio.duration - part.start)
        work = Work(options, source, part, length, timing(length, options.segment_duration))
    else:
        framed = options.framed((video.width, video.height), edge=source.limits.edge, even=True)
        rungs, rung_notes = _rungs(options, source, video, framed)
        notes = (*notes, *rung_notes)
        ends = (video.start or 0.0) + (video.duration or float("inf"))
        if part.start >= ends - graph.EPSILON:
            raise SourceUnsupported(f"start is {part.start:g} s, but the picture ends at {ends:g} s.", param="start")
        length = graph.output_length(probe, video, audio, part)
        timed = timing(length, options.segment_duration, streams.seconds_of(rungs[0]))
        work = Work(options, source, part, length, timed, graph.cut(video, part, length, float(rungs[0].rate)))
    read = graph.source_input(probe, source.path, work.cut or part, alpha=video)
    over = layers.place(options.layers, framed.canvas) if video else ()
    outputs = streams.pictures(work, read, video, framed, rungs, over) if video else []
    heard, sound_outputs, measuring, sound_notes = streams.heard(work, read, tracks, alone=video is None)
    texts, text_outputs, files = streams.texts(work, read)
    command = ffmpeg.merge_outputs(*outputs, *sound_outputs, *text_outputs).get_args()
    if share := threads():  # of all outputs together; each encoder has its own
        command = ["-filter_complex_threads", str(share), *command]
    needs: tuple[str, ...] = ("aac",) if heard else ()
    if video:
        needs = (ENCODERS[options.codec], *needs, *graph.picture_needs(video))
        needs = (*needs, *graph.overlay_needs(over, pix_fmt="yuv420p", colors=graph.colors(video)))
    seen = [{"folder": rung.name, "width": rung.width, "height": rung.height, "rate": str(rung.rate)} for rung in rungs]
    folders = [told["folder"] for told in (*seen, *heard, *texts)]
    patience = 120.0 + (length or 3600.0) / 20  # seconds: gigabytes are copied, at the pace of a slow disk
    first = next((rung.name for rung in rungs if rung.peak <= _START_PEAK), folders[0] if not rungs else rungs[-1].name)
    listed = [{name: told[name] for name in ("folder", "name", "language", "default", "forced")} for told in texts]
    described = {"pictures": seen, "sounds": heard, "subtitles": listed, "fmp4": work.fmp4, "dash": work.fmp4}
    steps: tuple[Step, ...] = (
        *measuring,
        *(graph.layer_steps(over) if video else ()),
        HelperStep("folders", {"names": folders}, weight=0.0),
        FfmpegStep(tuple(command), duration=length, needs=tuple(dict.fromkeys(needs))),
        *(HelperStep("rendition", told, 0.02, patience) for told in _renditions(work, rungs, heard)),
        *(HelperStep("webvtt", _caption(told, work), 0.0) for told in texts),
        HelperStep("package", {**described, "first": first}, 0.02, patience),
    )
    used = [stream.index for stream in (video, *tracks, *streams.text_tracks(source)) if stream]
    notes = (*notes, *sound_notes, *_ladder_note(rungs, heard), *graph.dropped(probe, *used))
    made = Plan(steps, _expected(work, rungs, heard, texts), graph.reads(probe, part), notes, files)
    return layers.with_files(made, options.layers)


def _rungs(
    options: AdaptiveVideoOptions, source: Source, video: VideoStream, framed: Framing
) -> tuple[tuple[Rung, ...], tuple[str, ...]]:
    """The ladder, and what was changed of the picture for it. Raises SourceUnsupported."""
    least = SMALLEST.get(options.codec, 2)
    options.check_smallest(framed.canvas, least, options.codec, param="codec")
    rate, changed = steady_rate(video.frame_rate, video.base_rate, variable=video.variable)
    rungs = ladder(
        framed.canvas,
        rate,
        codec=options.codec,
        quality=quality_number(options.quality),
        source_codec=video.codec,
        source_bitrate=video.bitrate or (source.probe.bitrate if len(source.probe.videos) == 1 else None),
    )
    rungs = tuple(rung for rung in rungs if rung is rungs[0] or min(rung.width, rung.height) >= least)
    notes = graph.picture_notes(video, keep_hdr=False, bits=8, clear=False, background=rgba(options.background))
    if changed:
        notes = (*notes, f"The picture has a steady {float(rate):.5g} frames per second, so that key frames align.")
    asked = options.width is not None or options.height is not None  # else it only became even
    if asked and framed.enlarges((video.width, video.height)):
        notes = (*notes, "The picture is larger than the input's, as asked for.")
    return rungs, notes


def _renditions(work: Work, rungs: tuple[Rung, ...], heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for folder in [*(rung.name for rung in rungs), *(told["folder"] for told in heard)]:
        whole = {"source": f"{folder}.mp4", "segment": str(work.timing.segment)} if work.fmp4 else {}
        made.append({"folder": folder, "fmp4": work.fmp4, "picture": len(made) < len(rungs), **whole})
    return made


def _caption(told: dict[str, Any], work: Work) -> dict[str, Any]:
    return {
        **{name: told[name] for name in ("folder", "source", "param", "start")},
        "duration": work.length,
        "clock": None if work.fmp4 else transport.BEGIN,
    }


def _ladder_note(rungs: tuple[Rung, ...], heard: list[dict[str, Any]]) -> tuple[str, ...]:
    if not rungs:
        return (f"Renditions: {', '.join(told['folder'] for told in heard)}.",)
    sizes = ", ".join(f"{rung.width} × {rung.height}" for rung in rungs)
    return (f"Renditions: {sizes}.",)


def _expected(
    work: Work, rungs: tuple[Rung, ...], heard: list[dict[str, Any]], texts: list[dict[str, Any]]
) -> tuple[Expected, ...]:
    """The entry with the facts of the largest rendition, then all the others."""
    top = rungs[0] if rungs else None
    extension = "m4s" if work.fmp4 else "ts"
    entries = [(hls.MASTER, hls.MIME)] + ([(dash.MANIFEST, dash.MIME)] if work.fmp4 else [])
    if work.options.format == "dash":
        entries.reverse()
    made = [
        Expected(
            *entries[0],
            "video" if top else "audio",
            width=top.width if top else None,
            height=top.height if top else None,
            duration=work.length,
            until=None if work.length is None else work.part.start + work.length,
            fps=round(float(top.rate), 3) if top else None,
            video_codec=work.options.codec if top else None,
            audio_codec="aac" if heard else None,
            channels=heard[0]["channels"] if heard else None,
            sample_rate=heard[0]["sample_rate"] if heard else None,
            container=work.options.format,
        )
    ]
    made += [Expected(*entry, None, entry=False) for entry in entries[1:]]
    for folder, rung in [(rung.name, rung) for rung in rungs] + [(told["folder"], None) for told in heard]:
        media = "video" if rung else "audio"
        mime = f"{media}/mp4" if work.fmp4 else "video/mp2t"
        shown = {"width": rung.width, "height": rung.height, "fps": round(float(rung.rate), 3)} if rung else {}
        made.append(Expected(f"{folder}/{hls.PLAYLIST}", hls.MIME, None, False, **shown, duration=work.length))  # type: ignore[arg-type]
        if rung:
            made.append(Expected(f"{folder}/{hls.IFRAMES}", hls.MIME, None, False))
        if work.fmp4:
            made.append(Expected(f"{folder}/{hls.INIT}", mime, None, False))
        made.append(Expected(f"{folder}/segment-*.{extension}", mime, None, False))
    for told in texts:
        made.append(Expected(f"{told['folder']}/{hls.PLAYLIST}", hls.MIME, None, False))
        made.append(Expected(f"{told['folder']}/{TEXT}", TEXTS["vtt"], None, False))
    return tuple(made)


KIND = Kind(
    name="adaptive_video",
    summary="A package for adaptive streaming (HLS and DASH), from a video or a sound.",
    accepts=frozenset({"video", "audio"}),
    lane="heavy",
    options=AdaptiveVideoOptions,
    plan=plan,
    result=package_result,
    verify=verify_package,
    examples=(
        {},
        {"segments": "ts", "end": 0.5},
        {"format": "dash", "height": 64},
    ),
)
