"""A package for adaptive streaming: one video at several sizes in HLS and DASH, or one sound at several bitrates."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

import ffmpeg
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from workers import graph
from workers.encoders.video import ENCODERS, SETTINGS, SMALLEST, rate_control
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, SubtitleStream, VideoStream
from workers.framing import framing, side_at_fault
from workers.graph import Cut, Span
from workers.kinds.base import Expected, FfmpegStep, FileUse, HelperStep, Kind, Plan, Source
from workers.kinds.groups import Sized, Spanned
from workers.options import QUALITY, FileRef, Quality, anchor, quality_number, rgba
from workers.packaging import dash, hls, transport
from workers.packaging.ladder import (
    BESIDE,
    BUFFER,
    LONGEST_SEGMENT,
    Rung,
    Timing,
    ladder,
    sounds,
    steady_rate,
    timing,
)
from workers.packaging.languages import language_name, language_tag
from workers.packaging.package import TEXT
from workers.packaging.results import package_result, verify_package

_CODEC_NAMES = {"avc": "h264", "x264": "h264", "h.264": "h264", "hevc": "h265", "x265": "h265", "h.265": "h265"}
_FORMATS = {"m3u8": "hls", "mpd": "dash"}
MOST_SOUNDS, MOST_TEXTS = 8, 20
_MUX_DELAY = 1.4  # seconds that ffmpeg puts ahead of a transport stream, for decoders that follow its clock
# Text that ffmpeg turns into WebVTT; closed captions and teletext need other tools.
_TEXT_CODECS = frozenset({"subrip", "srt", "mov_text", "webvtt", "ass", "ssa", "text"})
_START_PEAK = 3_000_000  # bits a second that most first visitors have
_GAP = 0.1  # seconds that picture or sound may end before the other


def _known_language(value: str | None) -> str | None:
    if value is not None and language_tag(value) is None:
        raise ValueError("must be a language tag such as en or pt-BR")
    return language_tag(value)


def _plain(value: str | None) -> str | None:
    if value is not None and not (value.isprintable() and value.strip()):
        raise ValueError("must be plain text in one line")
    return value


class Subtitles(BaseModel):
    """One track of subtitles."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    url: FileRef = Field(description="A WebVTT or SubRip (.srt) file: an URL, or the id of a file of the project.")
    label: Annotated[str | None, Field(max_length=100), AfterValidator(_plain)] = Field(
        None, description="What players show; the language's name when not given."
    )
    language: Annotated[str | None, Field(max_length=35), AfterValidator(_known_language)] = Field(
        None, description="A BCP 47 tag such as en or pt-BR."
    )
    default: bool = Field(False, description="Whether it is shown when the viewer has not chosen.")


def _named(names: dict[str, str]) -> Any:
    def check(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        name = value.strip().lower()
        return names.get(name, name)

    return BeforeValidator(check)


class AdaptiveVideoOptions(Sized, Spanned):
    format: Annotated[Literal["hls", "dash"], _named(_FORMATS)] = Field(
        "hls", description="Which of the two is the file's own URL; with fmp4 segments both are made of the same ones."
    )
    segments: Annotated[Literal["fmp4", "ts"], _named({"mp4": "fmp4", "mpegts": "ts"})] = Field(
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
    codec: Annotated[Literal["h264", "h265", "av1"], _named(_CODEC_NAMES)] = Field(
        "h264", description="h264 plays everywhere; h265 and av1 need fewer bits and fmp4 segments."
    )
    subtitles: list[Subtitles] = Field(
        default=[], max_length=MOST_TEXTS, description="Tracks beside those that the input holds as text."
    )

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
    def _one_default(cls, subtitles: list[Subtitles]) -> list[Subtitles]:
        if sum(track.default for track in subtitles) > 1:
            raise ValueError("must have one default at most")
        return subtitles

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return tuple(("subtitles", track.url) for track in self.subtitles)


@dataclass(frozen=True)
class _Work:
    """What every part of a plan needs."""

    options: AdaptiveVideoOptions
    part: Span
    length: float | None
    timing: Timing

    @property
    def fmp4(self) -> bool:
        return self.options.segments == "fmp4"

    def bounds(self) -> dict[str, str]:
        limited = self.part.limited and self.part.duration is not None
        return {"t": graph.seconds(self.part.duration)} if limited and self.part.duration else {}

    def muxed(self, folder: str, movflags: str) -> tuple[str, dict[str, Any]]:
        """(target, muxer's options). Fragmented MP4 comes whole, to be cut by the `rendition` step: only so do segments
        of sound begin where those of the picture do, and key frames can be pointed to. The moov is written once the
        first fragment is there, as its edit list says where what is shown begins: later than what is stored."""
        if self.fmp4:
            return f"{folder}.mp4", {"format": "mp4", "movflags": movflags, "avoid_negative_ts": "disabled"}
        return f"{folder}/{hls.PLAYLIST}", {
            "format": "hls",
            # Rounded down: rounded up, a segment could end a key frame late, and the renditions part.
            "hls_time": f"{int(self.timing.segment * 1_000_000) / 1e6:.6f}",
            "hls_list_size": 0,
            "hls_playlist_type": "vod",
            "start_number": 1,
            "hls_segment_filename": f"{folder}/segment-%05d.ts",
            # Transport streams have no times before 0, where priming and pictures decoded early belong: each would be
            # moved by its own, and playlists that are played together must share a clock.
            "output_ts_offset": f"{transport.BEGIN / transport.CLOCK - _MUX_DELAY:g}",
        }


def plan(options: AdaptiveVideoOptions, source: Source) -> Plan:
    """Decide the whole package. Pure: no file is opened, no process started."""
    probe = source.probe
    video = graph.usable_video(source, "A package") if probe.media_type == "video" else None
    audio = probe.audio
    if video is None and audio is None:
        raise SourceUnsupported("A package cannot be made from this input: it has no picture or sound.")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    length = graph.output_length(probe, video, audio, part) if video else part.duration
    if video is None:
        length = min(length, audio.duration - part.start) if length and audio and audio.duration else length
        timed = timing(length, options.segment_duration)
        rungs: tuple[Rung, ...] = ()
        cut = None
    else:
        rungs, rate, rate_notes = _rungs(options, source, video)
        timed = timing(length, options.segment_duration, Fraction(rungs[0].gop) / rungs[0].rate)
        cut = graph.cut(video, part, length, float(rate))
        notes = (*notes, *rate_notes)
    work = _Work(options, part, length, timed)
    read = graph.source_input(probe, source.path, cut or part, alpha=video)
    pictures = _pictures(work, source, read, video, rungs, cut) if video else []
    heard, sound_outputs = _sounds(work, source, read, cut, alone=video is None)
    texts, text_outputs, files = _texts(work, source, read)
    command = ffmpeg.merge_outputs(*pictures, *sound_outputs, *text_outputs).get_args()
    needs = tuple(
        dict.fromkeys(
            (*((ENCODERS[options.codec], *graph.picture_needs(video)) if video else ()), *(("aac",) if heard else ()))
        )
    )
    seen = [{"folder": rung.name, "width": rung.width, "height": rung.height, "rate": str(rung.rate)} for rung in rungs]
    folders = [told["folder"] for told in (*seen, *heard, *texts)]
    patience = 120.0 + (length or 3600.0) / 20  # seconds: gigabytes are copied, at the pace of a slow disk
    steps: list[FfmpegStep | HelperStep] = [
        HelperStep("folders", {"names": folders}, weight=0.0),
        FfmpegStep(tuple(command), duration=length, needs=needs),
        *(HelperStep("rendition", told, 0.02, patience) for told in _renditions(work, rungs, heard)),
        *(HelperStep("captions", _caption(told, work), 0.0) for told in texts),
    ]
    first = next((rung.name for rung in rungs if rung.peak <= _START_PEAK), folders[0] if not rungs else rungs[-1].name)
    listed = [{name: value for name, value in told.items() if name not in ("source", "param")} for told in texts]
    described = {"pictures": seen, "sounds": heard, "subtitles": listed, "fmp4": work.fmp4, "dash": work.fmp4}
    steps.append(HelperStep("package", {**described, "first": first}, 0.02))
    used = [video.index if video else None, *(one.index for one in _tracks(source)), *_embedded(source)]
    notes = (*notes, *_ladder_note(rungs, heard), *graph.mix_note(audio), *graph.dropped(probe, *used))
    expected = _expected(work, rungs, heard, texts)
    return Plan(tuple(steps), expected, reads=graph.reads(probe, part), notes=notes, files=files)


def _rungs(
    options: AdaptiveVideoOptions, source: Source, video: VideoStream
) -> tuple[tuple[Rung, ...], Fraction, tuple[str, ...]]:
    shown = (video.width, video.height)
    framed = _framed(options, source, video)
    least = SMALLEST.get(options.codec, 2)
    if min(framed.canvas) < least:
        width, height = framed.canvas
        raise SourceUnsupported(
            f"{options.codec} needs {least} × {least} pixels at least; the output would be {width} × {height}.",
            param=side_at_fault(options.width, options.height, taller=height < width) or "codec",
        )
    rate, changed = steady_rate(video.frame_rate, video.base_rate, variable=video.variable)
    told = video.bitrate or (source.probe.bitrate if len(source.probe.videos) == 1 else None)
    rungs = ladder(
        framed.canvas,
        rate,
        codec=options.codec,
        quality=quality_number(options.quality),
        source_codec=video.codec,
        source_bitrate=told,
    )
    rungs = tuple(rung for rung in rungs if rung is rungs[0] or min(rung.width, rung.height) >= least)
    notes: tuple[str, ...] = ()
    if changed:
        notes = (f"The picture has a steady {float(rate):.5g} frames per second, so that key frames align.",)
    if framed.enlarges(shown):
        notes += ("The picture is larger than the input's, as asked for.",)
    return rungs, rate, notes


def _framed(options: AdaptiveVideoOptions, source: Source, video: VideoStream) -> Any:
    return framing(
        (video.width, video.height),
        width=options.width,
        height=options.height,
        fit=options.fit,
        anchor=anchor(options.position),
        even=True,
        edge=source.limits.edge,
    )


def _pictures(
    work: _Work, source: Source, read: Any, video: VideoStream, rungs: tuple[Rung, ...], cut: Cut | None
) -> list[Any]:
    """One output for each rung, all from one decoding: each is scaled from the rung above it, which costs less than
    from the source and looks the same."""
    frames = read[str(video.index)]
    stream = graph.picture(
        cut.picture(frames) if cut else frames,
        video,
        _framed(work.options, source, video),
        pix_fmt="yuv420p",
        background=rgba(work.options.background),
    )
    rate = rungs[0].rate
    # From 0 on, as the sound beside it: a picture that comes later is shown from the beginning.
    stream = stream.filter("fps", f"{rate.numerator}/{rate.denominator}", start_time=0)
    ends = video.duration if not work.part.limited else None
    if ends and work.length and work.part.start + work.length - ends > _GAP and not cut:
        stream = stream.filter(
            "tpad", stop_mode="clone", stop_duration=graph.seconds(work.part.start + work.length - ends)
        )
    made = []
    halved = False
    for place, rung in enumerate(rungs):
        if place:
            if rung.halved and not halved:
                stream, halved = stream.filter("framestep", 2), True
            stream = stream.filter("scale", rung.width, rung.height, flags="bicubic").filter("setsar", 1)
        if place < len(rungs) - 1:
            both = stream.split()
            mine, stream = both[0], both[1]
        else:
            mine = stream
        made.append(_picture_output(work, mine, rung, rungs))
    return made


def _picture_output(work: _Work, stream: Any, rung: Rung, rungs: tuple[Rung, ...]) -> Any:
    codec = work.options.codec
    settings: dict[str, Any] = {"c:v": ENCODERS[codec], **SETTINGS[codec]}
    # Constant quality, so that easy pictures cost little, under a bound that a line of that speed can carry.
    settings |= rate_control(codec, quality_number(work.options.quality), None)
    settings |= {"maxrate": rung.peak, "bufsize": round(rung.peak * BUFFER)}
    # Key frames by count alone: the rate is steady, so they fall on the same moments in all renditions. Where scenes
    # change none is put in between, and no group refers to another.
    settings |= {"g": rung.gop, "keyint_min": rung.gop}
    if codec == "h264":
        settings["sc_threshold"] = 0
    elif codec == "h265":
        settings["x265-params"] = f"{SETTINGS[codec]['x265-params']}:scenecut=0:open-gop=0"
        settings["tag:v"] = "hvc1"  # the tag Apple's players ask for
    else:
        settings["svtav1-params"] = "scd=0"
    settings |= {"map_metadata": -1, "map_chapters": -1, "fps_mode": "passthrough", **work.bounds()}
    settings["threads"] = _threads(rung, rungs)
    # A fragment for each group of pictures.
    target, muxer = work.muxed(rung.name, "+cmaf+delay_moov+frag_keyframe+skip_trailer")
    return ffmpeg.output(stream, target, **settings, **muxer)


def _threads(rung: Rung, rungs: tuple[Rung, ...]) -> int:
    """An encoder's part of the processors, by its part of the pixels: all encoders run at once, and each would take
    all of them."""
    whole = sum(one.width * one.height * one.rate for one in rungs)
    share = rung.width * rung.height * rung.rate / whole
    return max(1, -int(-(threads() or os.cpu_count() or 1) * share // 1))


def _tracks(source: Source) -> list[AudioStream]:
    """The sound to use, and others that a listener may change to."""
    main = source.probe.audio
    if main is None:
        return []
    if source.probe.media_type != "video":
        return [main]
    others = [one for one in source.probe.audios if one.decodable and one.index != main.index]
    return [main, *others[: MOST_SOUNDS - 1]]


def _sounds(
    work: _Work, source: Source, read: Any, cut: Cut | None, *, alone: bool
) -> tuple[list[dict[str, Any]], list[Any]]:
    told: list[dict[str, Any]] = []
    outputs = []
    names: list[str] = []
    for number, audio in enumerate(_tracks(source)):
        stream = read[str(audio.index)]
        if cut:
            stream = cut.sound(stream)
        if audio.channels > 2:
            stream = graph.stereo(stream, audio)
        # From 0 on and without gaps, as the picture beside it; silence where there is no sound.
        stream = stream.filter("aresample", **{"async": 1, "first_pts": 0})
        if work.length and audio.duration and not alone:
            stream = stream.filter("apad", whole_dur=graph.seconds(work.length))
        channels = min(2, audio.channels)
        # The two rates that every device plays.
        rate = 44_100 if (audio.sample_rate or 48_000) % 11_025 == 0 else 48_000
        language = language_tag(audio.language)
        name = _unique(language_name(language) or ("Audio" if number else "Main"), names)
        rates = sounds(quality_number(work.options.quality), channels, audio.bitrate) if alone else (BESIDE,)
        if channels == 1 and not alone:
            rates = (round(BESIDE * 0.6),)
        copies = stream.filter_multi_output("asplit", len(rates)) if len(rates) > 1 else [stream]
        for place, bitrate in enumerate(rates):
            folder = f"{bitrate // 1000}k" if alone else f"audio-{number + 1}" if number else "audio"
            told.append(
                {
                    "folder": folder,
                    "name": name,
                    "language": language,
                    "default": not number,
                    "channels": channels,
                    "sample_rate": rate,
                }
            )
            settings = {"c:a": "aac", "b:a": bitrate, "ar": rate, "map_metadata": -1, "map_chapters": -1}
            target, muxer = work.muxed(folder, "+cmaf+delay_moov+skip_trailer")
            if work.fmp4:
                settings["frag_duration"] = 5_000_000  # microseconds: of no matter, as it is cut anew
            outputs.append(ffmpeg.output(copies[place], target, **settings, **muxer, **work.bounds()))
    return told, outputs


def _unique(name: str, names: list[str]) -> str:
    """The name, numbered when it was given before: in a group each is there once."""
    count = 1
    found = name
    while found in names:
        count += 1
        found = f"{name} {count}"
    names.append(found)
    return found


def _embedded(source: Source) -> list[int]:
    return [one.index for one in _embedded_streams(source)]


def _embedded_streams(source: Source) -> list[SubtitleStream]:
    return [one for one in source.probe.subtitles if one.text and one.codec in _TEXT_CODECS][:MOST_TEXTS]


def _texts(work: _Work, source: Source, read: Any) -> tuple[list[dict[str, Any]], list[Any], tuple[FileUse, ...]]:
    told: list[dict[str, Any]] = []
    outputs, files = [], []
    names: list[str] = []
    for track in work.options.subtitles:
        folder = f"subtitles-{len(told) + 1}"
        name = _unique(track.label or language_name(track.language) or "Subtitles", names)
        files.append(FileUse(track.url, f"{folder}.source", "subtitles"))
        shared = {"folder": folder, "name": name, "language": track.language, "source": f"{folder}.source"}
        told.append({**shared, "default": track.default, "forced": False, "param": "subtitles"})
    for stream in _embedded_streams(source):
        folder = f"subtitles-{len(told) + 1}"
        language = language_tag(stream.language)
        name = _unique(language_name(language) or "Subtitles", names)
        # By ffmpeg in the same run, on the clock of the span.
        settings = {"format": "webvtt", "c:s": "webvtt", "map_metadata": -1, **work.bounds()}
        outputs.append(ffmpeg.output(read[str(stream.index)], f"{folder}.vtt", **settings))
        shared = {"folder": folder, "name": name, "language": language, "source": f"{folder}.vtt"}
        # Never shown by themselves: containers call their first track the default, whether or not it is meant so.
        told.append({**shared, "default": False, "forced": stream.forced, "param": None})
    return told, outputs, tuple(files)


def _renditions(work: _Work, rungs: tuple[Rung, ...], heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for folder in [*(rung.name for rung in rungs), *(told["folder"] for told in heard)]:
        whole = {"source": f"{folder}.mp4", "segment": str(work.timing.segment)} if work.fmp4 else {}
        made.append({"folder": folder, "fmp4": work.fmp4, "picture": len(made) < len(rungs), **whole})
    return made


def _caption(told: dict[str, Any], work: _Work) -> dict[str, Any]:
    ours = told["param"] is None  # cut by ffmpeg already
    return {
        "folder": told["folder"],
        "source": told["source"],
        "param": told["param"],
        "start": 0.0 if ours else work.part.start,
        "duration": work.length,
        "clock": None if work.fmp4 else transport.BEGIN,
    }


def _ladder_note(rungs: tuple[Rung, ...], heard: list[dict[str, Any]]) -> tuple[str, ...]:
    if not rungs:
        return (f"Renditions: {', '.join(told['folder'] for told in heard)}.",)
    sizes = ", ".join(f"{rung.width} × {rung.height}" for rung in rungs)
    return (f"Renditions: {sizes}.",)


def _expected(
    work: _Work, rungs: tuple[Rung, ...], heard: list[dict[str, Any]], texts: list[dict[str, Any]]
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
        made.append(Expected(f"{told['folder']}/{TEXT}", "text/vtt", None, False))
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
