"""Every stream of a package out of one decoding: the command's outputs, and what later steps are told of them. Pure."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import ffmpeg

from workers import graph
from workers.encoders.video import ENCODERS, SETTINGS, own_threads, rate_control
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, SubtitleStream, VideoStream
from workers.framing import Framing
from workers.graph import Cut, Sound, Span
from workers.graph import subtitles as captions
from workers.languages import language_name, language_tag
from workers.layers import Placed
from workers.options import quality_number, rgba
from workers.packaging import hls, transport
from workers.packaging.ladder import BESIDE, BUFFER, Rung, Timing, sounds
from workers.plans import FfmpegStep, FileUse, Source

if TYPE_CHECKING:
    from workers.kinds.adaptive_video import AdaptiveVideoOptions

Told = dict[str, Any]  # of one rendition, for the steps that write it; JSON data

MOST_SOUNDS, MOST_TEXTS = 8, 20
_MUX_DELAY = 1.4  # seconds that ffmpeg puts ahead of a transport stream, for decoders that follow its clock
_GAP = 0.1  # seconds that one may end before the other; more is filled up, as renditions are to be as long
_MONO = 0.6  # of stereo's bits sound as good
# Speed counts for more than where one picture is made: five are. veryfast needs 10 % more bits than faster, in two
# thirds of the time; SVT-AV1's 10 a third of 8's.
_PRESETS: dict[str, Any] = {"h264": "veryfast", "h265": "fast", "av1": 10}


@dataclass(frozen=True)
class Work:
    """What every part of a package needs."""

    options: "AdaptiveVideoOptions"
    source: Source
    part: Span
    length: float | None
    timing: Timing
    cut: Cut | None = None

    @property
    def fmp4(self) -> bool:
        return self.options.segments == "fmp4"

    def bounds(self) -> dict[str, str]:
        part = self.part
        return {"t": graph.seconds(part.duration)} if part.limited and part.duration is not None else {}

    def muxed(self, folder: str, movflags: str) -> tuple[str, dict[str, Any]]:
        """(target, muxer's options). Fragmented MP4 comes whole, to be cut by the `rendition` step: only so do segments
        of sound begin where those of the picture do, and key frames can be pointed to. The moov is written once the
        first fragment is there, as its edit list says where what is shown begins: later than what is stored."""
        # Nothing of the source's metadata, and no version of the program: the same command makes the same bytes.
        plain = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", **self.bounds()}
        if self.fmp4:
            muxer = {"format": "mp4", "movflags": movflags, "avoid_negative_ts": "disabled"}
            return f"{folder}.mp4", plain | muxer
        return f"{folder}/{hls.PLAYLIST}", plain | {
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


def pictures(
    work: Work, read: Any, video: VideoStream, framed: Framing, rungs: tuple[Rung, ...], layers: tuple[Placed, ...]
) -> list[Any]:
    """One output for each rung. Each is scaled from the rung above it, which costs less than from the source and looks
    the same."""
    frames = read[str(video.index)]
    stream = graph.picture(
        work.cut.picture(frames) if work.cut else frames,
        video,
        framed,
        pix_fmt="yuv420p",
        background=rgba(work.options.background),
    )
    stream = graph.overlaid(stream, layers, pix_fmt="yuv420p", colors=graph.colors(video))
    rate = rungs[0].rate
    # From 0 on, as the sound beside it: a picture that comes later is shown from the beginning.
    stream = stream.filter("fps", f"{rate.numerator}/{rate.denominator}", start_time=0)
    if work.length and _missing(work, video) > _GAP and not work.cut:
        # The last frame stays, as a cut sees to by itself. Up to the end and not by what is missing: headers of uneven
        # pictures count frames and not the gaps between.
        stream = stream.filter("tpad", stop=-1, stop_mode="clone").filter("trim", end=graph.seconds(work.length))
    made = []
    halved = False
    for place, rung in enumerate(rungs):
        if place:
            if rung.halved and not halved:
                stream, halved = stream.filter("framestep", 2), True
            stream = stream.filter("scale", rung.width, rung.height, flags="bicubic").filter("setsar", 1)
        mine = stream
        if place < len(rungs) - 1:
            both = stream.filter_multi_output("split")
            mine, stream = both[0], both[1]
        share = _threads(rung, rungs)
        settings = _encoding(work.options, rung, share) | {"threads": share}
        target, muxer = work.muxed(rung.name, "+cmaf+delay_moov+frag_keyframe+skip_trailer")
        if work.fmp4:
            muxer["video_track_timescale"] = _timescale(rung.rate)
        made.append(ffmpeg.output(mine, target, **settings, **muxer))
    return made


def _timescale(rate: Fraction) -> int:
    """Ticks a second in which a frame is a whole number, and a tenth of a second as well."""
    ticks = rate.numerator
    return ticks * (1000 if ticks < 10_000 else 10 if ticks % 10 else 1)


def _missing(work: Work, stream: VideoStream | AudioStream) -> float:
    """Seconds that a stream ends before the package, as its header says; 0 where that is not known."""
    if not stream.duration or not work.length:
        return 0.0
    return work.part.start + work.length - (stream.start or 0.0) - stream.duration


def _encoding(options: "AdaptiveVideoOptions", rung: Rung, share: int) -> dict[str, Any]:
    codec = options.codec
    settings: dict[str, Any] = {"c:v": ENCODERS[codec], **SETTINGS[codec], "preset": _PRESETS[codec]}
    # Constant quality, so that easy pictures cost little, under a bound that a line of that speed can carry.
    settings |= rate_control(codec, quality_number(options.quality), None)
    settings |= {"maxrate": rung.peak, "bufsize": round(rung.peak * BUFFER)}
    # Key frames by count alone: the rate is steady, so they fall on the same moments in all renditions. Where scenes
    # change none is put in between, and no group refers to another.
    settings |= {"g": rung.gop, "keyint_min": rung.gop, "flags:v": "+bitexact+cgop", "fps_mode": "passthrough"}
    if codec == "h264":
        settings["sc_threshold"] = 0
    elif codec == "h265":
        settings["x265-params"] = f"{SETTINGS[codec]['x265-params']}:scenecut=0"
        settings["tag:v"] = "hvc1"  # the tag Apple's players ask for
    else:
        settings["svtav1-params"] = "scd=0"
    return settings | own_threads(codec, settings, share)


def _threads(rung: Rung, rungs: tuple[Rung, ...]) -> int:
    """An encoder's part of the processors, by its part of the pixels: all encoders run at once, and each would take
    all of them."""
    whole = sum(one.width * one.height * one.rate for one in rungs)
    share = rung.width * rung.height * rung.rate / whole
    return max(1, -int(-(threads() or os.cpu_count() or 1) * share // 1))


@dataclass(frozen=True)
class _Wishes:
    """What is asked of one of several tracks: as workers.graph.sound.SoundWishes."""

    audio_track: int | str | None
    channels: int | None
    sample_rate: int | None
    loudness: float | None


def sound_tracks(options: "AdaptiveVideoOptions", source: Source) -> tuple[AudioStream, ...]:
    """The sound to use, and others that a listener may change to; only the one asked for where one is."""
    main = graph.track(source.probe, options.audio_track)
    if main is None or options.audio_track is not None or source.probe.media_type != "video":
        return (main,) if main else ()
    others = [one for one in source.probe.audios if one.decodable and one.index != main.index]
    return (main, *others[: MOST_SOUNDS - 1])


def heard(
    work: Work, read: Any, tracks: tuple[AudioStream, ...], *, alone: bool
) -> tuple[list[Told], list[Any], list[FfmpegStep], tuple[str, ...]]:
    """(what each rendition is, its outputs, the steps that measure first, notes)."""
    told: list[Told] = []
    outputs: list[Any] = []
    steps: list[FfmpegStep] = []
    notes: tuple[str, ...] = ()
    names: list[str] = []
    for number, audio in enumerate(tracks):
        sound = _prepared(work, audio, number, alone=alone)
        steps += sound.steps
        notes = (*notes, *(note for note in sound.notes if note not in notes))
        stream = read[str(audio.index)]
        stream = sound.filtered(work.cut.sound(stream) if work.cut else stream)
        if work.length and not alone and _missing(work, audio) > _GAP:
            stream = stream.filter("apad", whole_dur=graph.seconds(work.length))
        language = language_tag(audio.language)
        name = unique(language_name(language) or ("Audio" if number else "Main"), names)
        quality = quality_number(work.options.quality)
        rates = sounds(quality, sound.channels, audio.bitrate) if alone else (_beside(sound.channels),)
        copies = stream.filter_multi_output("asplit", len(rates)) if len(rates) > 1 else [stream]
        for place, bitrate in enumerate(rates):
            folder = f"{bitrate // 1000}k" if alone else f"audio-{number + 1}" if number else "audio"
            about = {"name": name, "language": language, "default": not number}
            told.append({"folder": folder, **about, "channels": sound.channels, "sample_rate": sound.sample_rate})
            target, muxer = work.muxed(folder, "+cmaf+delay_moov+skip_trailer")
            if work.fmp4:
                muxer["frag_duration"] = 5_000_000  # microseconds: of no matter, as it is cut anew
            settings = {"c:a": "aac", "b:a": bitrate, "flags:a": "+bitexact"}
            outputs.append(ffmpeg.output(copies[place], target, **settings, **muxer))
    return told, outputs, steps, notes


def _prepared(work: Work, audio: AudioStream, number: int, *, alone: bool) -> Sound:
    options = work.options
    # Rates that every device plays, the same for all tracks between which a listener changes.
    rate = 44_100 if (audio.sample_rate or 48_000) % 11_025 == 0 else 48_000
    place = work.source.probe.audios.index(audio)
    # ADTS, in which transport streams carry AAC, has no number for 7.1 (ISO/IEC 13818-7, table 8).
    channels = options.channels if work.fmp4 or options.channels is None else min(6, options.channels)
    wishes = _Wishes(place, channels, options.sample_rate or rate, options.loudness)
    name = f"loudness.{number}" if number else "loudness"
    sound = graph.prepared(work.source, wishes, "aac", work.part, cut=work.cut, synced=not alone, name=name)
    assert sound is not None  # its track is there
    return sound


def _beside(channels: int) -> int:
    return round(BESIDE * _MONO) if channels == 1 else BESIDE * channels // 2


def unique(name: str, names: list[str]) -> str:
    """The name, numbered when it was given before: in a group each is there once."""
    count, found = 1, name
    while found in names:
        count += 1
        found = f"{name} {count}"
    names.append(found)
    return found


def text_tracks(source: Source) -> tuple[SubtitleStream, ...]:
    """The source's subtitles that become tracks."""
    found = [one for one in source.probe.subtitles if captions.readable(one)]
    return tuple(found[:MOST_TEXTS])


def texts(work: Work, read: Any) -> tuple[list[Told], list[Any], tuple[FileUse, ...]]:
    """(what each track is and how it is cut, outputs that extract them, files to fetch)."""
    told: list[Told] = []
    outputs: list[Any] = []
    files: list[FileUse] = []
    names: list[str] = []

    def add(name: str, language: str | None, extension: str, **more: Any) -> str:
        folder = f"subtitles-{len(told) + 1}"
        about = {"folder": folder, "name": unique(name, names), "language": language}
        told.append({**about, "source": f"{folder}.{extension}", **more})
        return f"{folder}.{extension}"

    for place, track in enumerate(work.options.subtitles):
        name = track.label or language_name(track.language) or "Subtitles"
        param = f"subtitles.{place}.url"
        more = {"default": track.default, "forced": False, "param": param, "start": work.part.start}
        files.append(FileUse(track.url, add(name, track.language, "txt", **more), param))
    # Reading by seeking would leave out what began before the span and is still shown in it.
    seek = max(0.0, work.part.start - captions.LOOK_BACK)
    if work.part.start:
        read = graph.source_input(work.source.probe, work.source.path, Span(seek, None, False))
    for stream in text_tracks(work.source):
        language = language_tag(stream.language)
        # Never shown by themselves: containers call their first track the default, whether or not it is meant so.
        more = {"default": False, "forced": stream.forced, "param": None, "start": work.part.start - seek}
        target = add(language_name(language) or "Subtitles", language, "vtt", **more)
        limits = {"t": graph.seconds(work.length + work.part.start - seek)} if work.length else {}
        settings = {"format": "webvtt", "c:s": "webvtt", "map_metadata": -1, "flags:s": "+bitexact", **limits}
        outputs.append(ffmpeg.output(read[str(stream.index)], target, **settings))
    return told, outputs, tuple(files)


def seconds_of(rung: Rung) -> Fraction:
    """How long a group of pictures is."""
    return Fraction(rung.gop) / rung.rate
