"""A video for playing anywhere: another size, length, format or quality of a video."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from workers import copying, graph
from workers.encoders.audio import AUDIO_BITRATE, AUDIO_ENCODERS
from workers.encoders.video import SMALLEST, TEN_BIT, video_settings
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe, SubtitleStream, VideoStream
from workers.formats import FORMATS, Format, format_of_filename
from workers.framing import Framing, framing, side_at_fault
from workers.graph import subtitles as captions
from workers.kinds.base import Expected, FfmpegStep, FileUse, Kind, Plan, Source
from workers.kinds.groups import Sized, Sounding, Spanned
from workers.options import QUALITY, FileRef, Quality, anchor, format_option, quality_number, rgba

_CODEC_NAMES = {"avc": "h264", "x264": "h264", "h.264": "h264", "hevc": "h265", "x265": "h265", "h.265": "h265"}
_HIGHEST_TIMESCALE = 100_000
_RATE_TOLD = ("mp4", "mov")  # containers that count every frame: only their rate is sure before decoding


def _codec(value: Any) -> Any:
    if isinstance(value, str):
        name = value.strip().lower()
        return _CODEC_NAMES.get(name, name)
    return value


class VideoOptions(Sized, Spanned, Sounding):
    makes = "video"

    format: format_option("video") = Field(None, description="As the filename says, or as the input, else mp4.")  # type: ignore[valid-type]
    codec: Annotated[Literal["h264", "h265", "vp9", "av1", "prores"] | None, BeforeValidator(_codec)] = Field(
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


@dataclass(frozen=True)
class _Work:
    """What was decided on the way to a command."""

    options: VideoOptions
    probe: Probe
    video: VideoStream
    audio: AudioStream | None
    chosen: Format
    codec: str
    part: graph.Span
    length: float | None
    framed: Framing
    keep_hdr: bool
    clear: bool
    tracks: tuple[SubtitleStream, ...]  # kept beside the picture
    burned: SubtitleStream | None
    picture_copied: bool
    sound_copied: bool

    @property
    def file_kept(self) -> bool:
        """Whether the subtitles of the option become a track."""
        return bool(self.options.subtitle_url) and self.options.subtitle_style != "burn_in"

    @property
    def file_burned(self) -> bool:
        return bool(self.options.subtitle_url) and self.options.subtitle_style == "burn_in"

    @property
    def text_burned(self) -> bool:
        return self.file_burned or (self.burned is not None and self.burned.text)

    @property
    def sound(self) -> str | None:
        """The sound's codec."""
        if self.audio is None:
            return None
        if self.sound_copied:
            return self.audio.codec
        # Opus goes with the open codecs in Matroska, AAC with the others.
        return self.chosen.audio_codecs[-1 if self.codec in ("vp9", "av1") else 0]

    @property
    def pix_fmt(self) -> str:
        if self.codec == "prores":
            return "yuva444p10le" if self.clear else "yuv422p10le"
        if self.keep_hdr:
            return "yuv420p10le"
        return "yuva420p" if self.clear else "yuv420p"

    @property
    def bits(self) -> int:
        return 10 if "10" in self.pix_fmt else 8


def plan(options: VideoOptions, source: Source) -> Plan:
    """Decide the whole ffmpeg command. Pure: no file is opened, no process started."""
    work, notes = _decided(options, source)
    probe, video, part = work.probe, work.video, work.part
    cut = graph.cut(video, part, work.length, options.fps)
    sound = None
    if work.audio is not None and work.sound is not None and not work.sound_copied:
        sound = graph.prepared(source, options, work.sound, part, cut=cut, synced=True)
        notes = (*notes, *(sound.notes if sound else ()))
    read = graph.source_input(probe, source.path, cut or part, alpha=None if work.picture_copied else video)
    streams = [_picture(work, read, cut)]
    if work.audio is not None:
        heard = read[str(work.audio.index)]
        streams.append(sound.filtered(cut.sound(heard) if cut else heard) if sound else heard)
    streams += captions.kept(read, probe, source.path, part, work.tracks, file=work.file_kept)
    chapters = bool(probe.chapters) and cut is None
    if probe.chapters and not chapters:
        notes = (*notes, "Chapters were left out: the span begins between two pictures.")
    target = f"video.{work.chosen.extension}"
    settings = _settings(work, cut, sound)
    args = graph.output_args(
        streams,
        target,
        settings,
        graph.metadata_args(
            probe,
            work.audio,
            chapters=chapters,
            subtitles=(*work.tracks, *((_ADDED,) if work.file_kept else ())),
        ),
    )
    step = FfmpegStep(args, duration=part.duration, needs=_needs(work, settings))
    steps = (*(sound.steps if sound else ()), *_subtitle_steps(work, source), step)
    files = (FileUse(options.subtitle_url, captions.GIVEN, "subtitle_url"),) if options.subtitle_url else ()
    extracts = work.burned is not None and work.burned.text
    reads = "whole" if extracts else graph.reads(probe, part)
    return Plan(steps, (_expected(work, target, sound),), reads=reads, notes=notes, files=files)


# What is known of subtitles that come from elsewhere.
_ADDED = SubtitleStream(-1, "subrip", default=True)


def _decided(options: VideoOptions, source: Source) -> tuple[_Work, tuple[str, ...]]:
    """What is to be made, and notes on it. Raises SourceUnsupported, LimitExceeded."""
    probe = source.probe
    video = graph.usable_video(source, "A video")
    audio = graph.track(probe, options.audio_track) if options.audio else None
    chosen = output_format(options, probe)
    keep_hdr = options.hdr == "keep" and video.hdr is not None
    codec = options.codec or _usual_codec(chosen, video, keep_hdr)
    clear = video.alpha and chosen.alpha and codec in ("vp9", "prores")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    framed = _framed(options, video, codec, source.limits.edge)
    tracks, burned = _subtitles(options, probe, chosen, part)
    burns = burned is not None or (options.subtitle_url is not None and options.subtitle_style == "burn_in")
    if burns and keep_hdr:
        raise SourceUnsupported(
            "Subtitles cannot be drawn into HDR, where white is the sun's: leave hdr out.", param="subtitle_style"
        )
    asked = options.quality is not None or options.bitrate is not None or options.fps is not None
    picture_copied = not (asked or burns) and copying.picture_copied(
        probe, video, chosen, codec, framed, part, keep_hdr=keep_hdr
    )
    changed = any(item is not None for item in (options.channels, options.sample_rate, options.loudness))
    sound_copied = audio is not None and not changed and copying.sound_copied(probe, audio, chosen, part)
    work = _Work(
        options=options,
        probe=probe,
        video=video,
        audio=audio,
        chosen=chosen,
        codec=codec,
        part=part,
        length=graph.output_length(probe, video, audio, part),
        framed=framed,
        keep_hdr=keep_hdr,
        clear=clear,
        tracks=tracks,
        burned=burned,
        picture_copied=picture_copied,
        sound_copied=sound_copied,
    )
    notes = (*notes, *copying.copy_note(picture_copied, sound_copied if audio else None))
    if not picture_copied:
        notes = (
            *notes,
            *graph.picture_notes(
                video, keep_hdr=keep_hdr, bits=work.bits, clear=clear, background=rgba(options.background)
            ),
        )
    used = (video.index, audio.index if audio else None, *(track.index for track in (*tracks, burned) if track))
    return work, (*notes, *graph.dropped(probe, *used))


def _usual_codec(chosen: Format, video: VideoStream, keep_hdr: bool) -> str:
    """The codec when none is asked for: the format's first, or one that can carry what this picture has."""
    if keep_hdr:
        return next(codec for codec in ("h265", "vp9") if codec in chosen.video_codecs)
    if video.alpha and chosen.alpha:
        return next(codec for codec in ("prores", "vp9") if codec in chosen.video_codecs)
    return chosen.video_codecs[0]


def _framed(options: VideoOptions, video: VideoStream, codec: str, edge: int) -> Framing:
    framed = framing(
        (video.width, video.height),
        width=options.width,
        height=options.height,
        fit=options.fit,
        anchor=anchor(options.position),
        even=True,
        edge=edge,
    )
    least = SMALLEST.get(codec, 2)
    if min(framed.canvas) < least:
        width, height = framed.canvas
        raise SourceUnsupported(
            f"{codec} needs {least} × {least} pixels at least; the output would be {width} × {height}.",
            param=side_at_fault(options.width, options.height, taller=height < width) or "codec",
        )
    return framed


def _subtitles(
    options: VideoOptions, probe: Probe, chosen: Format, part: graph.Span
) -> tuple[tuple[SubtitleStream, ...], SubtitleStream | None]:
    """The tracks to keep, and the one to burn in. Raises SourceUnsupported when that is not there."""
    tracks = captions.keepable(probe, chosen, part) if options.subtitles else ()
    if options.subtitle_style != "burn_in" or options.subtitle_url:
        return tracks, None
    possible = probe.subtitles
    if options.subtitle_track is not None:
        possible = possible[options.subtitle_track : options.subtitle_track + 1]
    else:
        possible = tuple(sorted(filter(captions.burnable, possible), key=lambda track: not track.default))
    if not possible or not captions.burnable(possible[0]):
        raise SourceUnsupported(
            f"The input has no such subtitles to burn in; it has {len(probe.subtitles)} tracks of them.",
            param="subtitle_style" if options.subtitle_track is None else "subtitle_track",
        )
    return tuple(track for track in tracks if track is not possible[0]), possible[0]


def _picture(work: _Work, read: Any, cut: graph.Cut | None) -> Any:
    """The picture's stream, through its filters or as it is."""
    video, options = work.video, work.options
    frames = read[str(video.index)]
    if work.picture_copied:
        return frames
    stream = graph.picture(
        cut.picture(frames) if cut else frames,
        video,
        work.framed,
        pix_fmt=work.pix_fmt,
        fps=options.fps,
        background=rgba(options.background),
        keep_hdr=work.keep_hdr,
        late=0.0 if cut else max(0.0, (video.start or 0.0) - work.part.start),
    )
    if work.text_burned:
        stream = captions.text_drawn(stream, work.part.start, clear=work.clear)
    elif work.burned is not None:
        stream = captions.pictures_drawn(stream, read[str(work.burned.index)], work.framed)
    return stream


def _subtitle_steps(work: _Work, source: Source) -> tuple[Any, ...]:
    steps = (captions.check_step(),) if work.options.subtitle_url else ()
    if work.text_burned:
        return (*steps, *captions.text_steps(work.probe, source.path, work.burned))
    return steps


def output_format(options: VideoOptions, probe: Probe) -> Format:
    """The format asked for, else the filename's, the input's or MP4: the first that suits the codec asked for."""
    if options.format:
        return FORMATS[options.format]
    named = format_of_filename(options.filename, "video")
    own = FORMATS.get(probe.container) if probe.container != "mkv" else None  # browsers play no Matroska
    for choice in (named, own, FORMATS["mp4"], FORMATS["mov"]):
        if (
            choice is not None
            and choice.media_type == "video"
            and (options.codec or choice.video_codecs[0]) in choice.video_codecs
        ):
            return choice
    return FORMATS["mp4"]


def _settings(work: _Work, cut: graph.Cut | None, sound: graph.Sound | None) -> dict[str, Any]:
    """The output's options: how each stream is encoded, its times, and the container's."""
    chosen, part = work.chosen, work.part
    settings: dict[str, Any] = {"format": chosen.muxer, "dn": None}
    if work.picture_copied:
        settings |= {"c:v": "copy"} | copying.tagging(work.video, work.codec)
    else:
        settings |= _picture_settings(work, cut)
    if part.limited and part.duration is not None:
        settings["t"] = graph.seconds(part.duration)
    if work.sound_copied:
        settings["c:a"] = "copy"
    elif sound is not None and work.sound is not None:
        settings |= _sound_settings(work.sound, sound)
    tracks = [captions.encoder(chosen, track) for track in work.tracks]
    tracks += [captions.encoder(chosen, None)] if work.file_kept else []
    if tracks:
        settings |= {f"c:s:{number}": name for number, name in enumerate(tracks)}
        settings |= captions.timing(part, work.length)
    else:
        settings["sn"] = None
    if chosen.muxer in ("mp4", "mov"):
        settings["movflags"] = "+faststart"
        if work.codec == "h265":
            settings["tag:v"] = "hvc1"  # the tag Apple's players ask for
    if threads():
        settings["threads"] = threads()
    return settings


def _picture_settings(work: _Work, cut: graph.Cut | None) -> dict[str, Any]:
    video, options = work.video, work.options
    uneven = video.variable or cut is not None
    settings = video_settings(
        work.codec,
        size=work.framed.canvas,
        rate=options.fps or video.frame_rate,
        quality=quality_number(options.quality),
        bitrate=options.bitrate,
        ten_bit=work.keep_hdr,
        alpha=work.clear,
        uneven=uneven and options.fps is None,
    )
    if cut:
        settings |= cut.settings()
    if uneven and work.chosen.muxer in ("mp4", "mov"):
        # ffmpeg's MP4 ends with the last frame *decoded*: with reordering, uneven last frames would fall off the end.
        settings["bf"] = 0
    if options.fps is None and video.time_base:
        # The source's own clock: frames keep their distances, even where they vary.
        number, unit = video.time_base
        settings["enc_time_base"] = f"{number}/{unit}" if unit <= _HIGHEST_TIMESCALE else "1/90000"
        settings["fps_mode"] = "vfr"
    return settings


def _sound_settings(codec: str, sound: graph.Sound) -> dict[str, Any]:
    bits = AUDIO_BITRATE[codec][min(2, sound.channels)] * max(2, sound.channels) // 2
    settings = {"c:a": AUDIO_ENCODERS[codec], "b:a": bits, "flags:a": "+bitexact"}
    # Opus encodes surround as such only when told; without it, channels are mapped as the container knows them.
    return settings | ({"mapping_family": 1} if codec == "opus" and sound.channels > 2 else {})


def _needs(work: _Work, settings: dict[str, Any]) -> tuple[str, ...]:
    """Encoders and filters that the build must have."""
    needs = [name for option, name in settings.items() if option.startswith("c:") and name != "copy"]
    if not work.picture_copied:
        needs += [*graph.picture_needs(work.video), *(["ass"] if work.text_burned else [])]
    return tuple(dict.fromkeys(needs))


def _expected(work: _Work, target: str, sound: graph.Sound | None) -> Expected:
    video, audio, length = work.video, work.audio, work.length
    steady = not video.variable and not graph.uneven(video) and work.probe.container in _RATE_TOLD
    return Expected(
        target,
        work.chosen.mime,
        "video",
        width=work.framed.canvas[0],
        height=work.framed.canvas[1],
        duration=length,
        until=None if length is None else work.part.start + length,
        fps=work.options.fps or (video.frame_rate if steady and not work.part.partial else None),
        video_codec=work.codec,
        audio_codec=work.sound,
        channels=sound.channels if sound else audio.channels if audio else None,
        sample_rate=sound.sample_rate if sound else audio.sample_rate if audio else None,
        audios=1 if audio else 0,
        subtitles=len(work.tracks) + work.file_kept,
        container=work.chosen.name,
        colors=graph.colors(video, keep_hdr=work.keep_hdr),
        alpha=work.clear,
        # ProRes is decoded with as many bits as the decoder likes.
        bit_depth=work.bits if work.codec != "prores" else None,
    )


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
    ),
)
