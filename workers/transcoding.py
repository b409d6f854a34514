"""What is made of a video: decided from options and facts, then told to ffmpeg. Pure.

`decided` settles everything that can be asked about beforehand; the functions after it turn that into a command. The
kind puts them together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers import copying, graph
from workers.encoders.audio import AUDIO_BITRATE, AUDIO_ENCODERS
from workers.encoders.video import SMALLEST, video_settings
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe, SubtitleStream, VideoStream
from workers.formats import FORMATS, Format, format_of_filename
from workers.framing import Framing
from workers.graph import subtitles as captions
from workers.layers import Placed, place
from workers.options import quality_number, rgba
from workers.plans import SOURCE, Expected, Source

if TYPE_CHECKING:
    from workers.kinds.video import VideoOptions

_HIGHEST_TIMESCALE = 100_000
_RATE_TOLD = ("mp4", "mov")  # containers that count every frame: only their rate is sure before decoding


@dataclass(frozen=True)
class Work:
    """What was decided on the way to a command."""

    options: "VideoOptions"
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
    layers: tuple[Placed, ...]
    picture_copied: bool
    sound_copied: bool

    @property
    def late(self) -> float:
        """Seconds from the span's beginning to the first picture."""
        return max(0.0, (self.video.start or 0.0) - self.part.start)

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
    def colors(self) -> tuple[str, str, str]:
        """Primaries, transfer and matrix of the output."""
        return graph.colors(self.video, keep_hdr=self.keep_hdr)

    @property
    def bits(self) -> int:
        return 10 if "10" in self.pix_fmt else 8


# What is known of subtitles that come from elsewhere.
ADDED = SubtitleStream(-1, "subrip", default=True)


def decided(options: "VideoOptions", source: Source) -> tuple[Work, tuple[str, ...]]:
    """What is to be made, and notes on it. Raises SourceUnsupported, LimitExceeded."""
    probe = source.probe
    video = graph.usable_video(source, "A video")
    audio = graph.track(probe, options.audio_track) if options.audio else None
    chosen = output_format(options, probe)
    keep_hdr = options.hdr == "keep" and video.hdr is not None
    codec = options.codec or _usual_codec(chosen, video, keep_hdr)
    clear = video.alpha and chosen.alpha and codec in ("vp9", "prores")
    part, notes = graph.span(probe, start=options.start, end=options.end, duration=options.duration)
    if graph.ended(video, part.start) and not graph.uneven(video):
        raise SourceUnsupported(f"start is {part.start:g} s, but the picture ends before that.", param="start")
    if audio is not None and graph.ended(audio, part.start):
        audio, notes = None, (*notes, "The sound was left out: it ends before the span begins.")
    framed = options.framed((video.width, video.height), edge=source.limits.edge, even=True)
    options.check_smallest(framed.canvas, SMALLEST.get(codec, 2), codec, param="codec")
    tracks, burned = _subtitles(options, probe, chosen, part)
    burns = burned is not None or (options.subtitle_url is not None and options.subtitle_style == "burn_in")
    if burns and keep_hdr:
        raise SourceUnsupported(
            "Subtitles cannot be drawn into HDR, where white is the sun's: leave hdr out.", param="subtitle_style"
        )
    asked = options.quality is not None or options.bitrate is not None or options.fps is not None
    over = place(options.layers, framed.canvas)
    picture_copied = not (asked or burns or over) and copying.picture_copied(
        probe, video, chosen, codec, framed, part, keep_hdr=keep_hdr
    )
    changed = any(item is not None for item in (options.channels, options.sample_rate, options.loudness))
    sound_copied = audio is not None and not changed and copying.sound_copied(probe, audio, chosen, part)
    work = Work(
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
        layers=over,
        picture_copied=picture_copied,
        sound_copied=sound_copied,
    )
    notes = (*notes, *copying.copy_note(picture_copied, sound_copied if audio else None))
    if not picture_copied:
        notes = (
            *notes,
            *graph.picture_notes(
                video,
                keep_hdr=keep_hdr,
                bits=work.bits,
                clear=clear,
                background=rgba(options.background),
                chroma=work.pix_fmt.removeprefix("yuva").removeprefix("yuv")[:3],
            ),
        )
    if codec == "prores" and options.bitrate:
        notes = (*notes, "ProRes takes what it needs: bitrate has no meaning for it.")
    used = (video.index, audio.index if audio else None, *(track.index for track in (*tracks, burned) if track))
    return work, (*notes, *graph.dropped(probe, *used))


def _usual_codec(chosen: Format, video: VideoStream, keep_hdr: bool) -> str:
    """The codec when none is asked for: the format's first, or one that can carry what this picture has."""
    if keep_hdr:
        return next(codec for codec in ("h265", "vp9") if codec in chosen.video_codecs)
    if video.alpha and chosen.alpha:
        return next(codec for codec in ("prores", "vp9") if codec in chosen.video_codecs)
    return chosen.video_codecs[0]


def _subtitles(
    options: "VideoOptions", probe: Probe, chosen: Format, part: graph.Span
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


def picture_stream(work: Work, read: Any, cut: graph.Cut | None) -> Any:
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
        late=0.0 if cut else work.late or work.part.start,  # a span may begin within a frame
        brief=bool(options.fps and work.length and work.length * options.fps < 1),
    )
    stream = graph.overlaid(stream, work.layers, pix_fmt=work.pix_fmt, colors=work.colors)
    if work.text_burned:
        stream = captions.text_drawn(stream, work.part.start, clear=work.clear)
    elif work.burned is not None:
        pictures = captions.pictures(work.probe, SOURCE, work.part, work.burned)
        stream = captions.pictures_drawn(stream, pictures, work.framed, pix_fmt=work.pix_fmt, matrix=work.colors[2])
    return stream


def subtitle_steps(work: Work, source: Source) -> tuple[Any, ...]:
    steps = (captions.check_step(),) if work.options.subtitle_url else ()
    if work.text_burned:
        part = work.part
        until = part.start + part.duration if part.limited and part.duration is not None else None
        return (*steps, *captions.text_steps(work.probe, source.path, work.burned, until=until))
    return steps


def output_format(options: "VideoOptions", probe: Probe) -> Format:
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


def settings_of(work: Work, cut: graph.Cut | None, sound: graph.Sound | None) -> dict[str, Any]:
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
        if not work.picture_copied:  # filters have threads of their own
            settings["filter_complex_threads"] = threads()
    return settings


def _picture_settings(work: Work, cut: graph.Cut | None) -> dict[str, Any]:
    video, options = work.video, work.options
    uneven = video.variable or (cut is not None and cut.ticks)
    settings = video_settings(
        work.codec,
        size=work.framed.canvas,
        rate=options.fps or video.frame_rate,
        quality=quality_number(options.quality),
        bitrate=options.bitrate,
        hdr=video.hdr if work.keep_hdr else None,
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
        # Of the picture alone: sound reckoned in ticks of 1/25 s comes out silent.
        settings["enc_time_base:v"] = f"{number}/{unit}" if unit <= _HIGHEST_TIMESCALE else "1/90000"
        settings["fps_mode"] = "vfr"
    return settings


def _sound_settings(codec: str, sound: graph.Sound) -> dict[str, Any]:
    bits = AUDIO_BITRATE[codec][min(2, sound.channels)] * max(2, sound.channels) // 2
    settings = {"c:a": AUDIO_ENCODERS[codec], "b:a": bits, "flags:a": "+bitexact"}
    # Opus encodes surround as such only when told; without it, channels are mapped as the container knows them.
    return settings | ({"mapping_family": 1} if codec == "opus" and sound.channels > 2 else {})


def needs_of(work: Work, settings: dict[str, Any]) -> tuple[str, ...]:
    """Encoders and filters that the build must have."""
    needs = [name for option, name in settings.items() if option.startswith("c:") and name != "copy"]
    if not work.picture_copied:
        needs += [
            *graph.picture_needs(work.video),
            *graph.overlay_needs(work.layers, pix_fmt=work.pix_fmt, colors=work.colors),
        ]
        needs += ["ass"] if work.text_burned else []
    return tuple(dict.fromkeys(needs))


def expected_of(work: Work, target: str, sound: graph.Sound | None) -> Expected:
    video, audio, length = work.video, work.audio, work.length
    steady = not video.variable and not graph.uneven(video) and work.probe.container in _RATE_TOLD and not work.late
    return Expected(
        target,
        work.chosen.mime,
        "video",
        width=work.framed.canvas[0],
        height=work.framed.canvas[1],
        duration=length,
        until=None if length is None else work.part.start + length,
        at_most=graph.length_unsure(work.probe, video, audio),
        fps=work.options.fps or (video.frame_rate if steady and not work.part.partial else None),
        video_codec=work.codec,
        audio_codec=work.sound,
        channels=sound.channels if sound else audio.channels if audio else None,
        sample_rate=sound.sample_rate if sound else audio.sample_rate if audio else None,
        audios=1 if audio else 0,
        subtitles=len(work.tracks) + work.file_kept,
        container=work.chosen.name,
        colors=None if work.picture_copied and not copying.tagged(video, work.codec) else work.colors,
        alpha=work.clear,
        # ProRes is decoded with as many bits as the decoder likes.
        bit_depth=work.bits if work.codec != "prores" else None,
    )
