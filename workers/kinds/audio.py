"""Sound from a video, or another format, length or quality of a sound."""

from dataclasses import replace
from typing import Any

from pydantic import Field

from workers import graph
from workers.encoders.audio import audio_settings
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe
from workers.formats import FORMATS, Format, format_of_filename
from workers.kinds.base import Expected, FfmpegStep, Kind, Plan, Source
from workers.kinds.groups import Spanned
from workers.options import QUALITY, Quality, format_option, quality_number


class AudioOptions(Spanned):
    makes = "audio"

    format: format_option("audio") = Field(  # type: ignore[valid-type]
        None,
        description="As the filename says, or as the input, else mp3, when not given. aac and alac come in an MP4 "
        "container (.m4a), ogg is Vorbis, and opus comes in an Ogg container (.opus).",
    )
    quality: Quality = Field(None, description=f"{QUALITY} No meaning for wav, flac and alac.")
    bitrate: int | None = Field(None, ge=32_000, le=320_000, description="Bits per second; wins over quality.")


def plan(options: AudioOptions, source: Source) -> Plan:
    """Decide the whole ffmpeg command. Pure: no file is opened, no process started."""
    probe = source.probe
    audio = probe.audio
    if audio is None:
        raise SourceUnsupported("Audio cannot be made from this input: it has no sound that can be decoded.")
    chosen = output_format(options, probe)
    codec = chosen.audio_codecs[0]
    part, notes = graph.span(_sound_only(probe, audio), start=options.start, end=options.end, duration=options.duration)
    sound = graph.source_input(probe, source.path, part)[str(audio.index)]
    if audio.channels > 2:
        sound = graph.stereo(sound, audio)
    settings: dict[str, Any] = {"format": chosen.muxer, "vn": None, "sn": None, "dn": None}
    settings |= audio_settings(codec, audio, quality=quality_number(options.quality), bitrate=options.bitrate)
    if part.limited and part.duration is not None:
        settings["t"] = graph.seconds(part.duration)
    if chosen.muxer == "ipod":
        settings["movflags"] = "+faststart"
    if threads():
        settings["threads"] = threads()
    target = f"audio.{chosen.extension}"
    args = graph.output_args([sound], target, settings, graph.metadata_args(probe, audio))
    encoder = settings["c:a"]
    videos = [stream.index for stream in probe.videos]
    notes = (*notes, *graph.mix_note(audio), *graph.dropped(probe, audio.index, *videos))
    expected = Expected(
        target,
        chosen.mime,
        "audio",
        duration=part.duration,
        until=None if part.duration is None else part.start + part.duration,
        audio_codec="pcm" if codec == "pcm" else codec,
    )
    step = FfmpegStep(args, duration=part.duration, needs=(encoder,))
    return Plan((step,), (expected,), reads=graph.reads(probe, part), notes=notes)


def output_format(options: AudioOptions, probe: Probe) -> Format:
    """The format asked for, else the filename's, else a sound input's own if it can be written, else MP3."""
    if options.format:
        return FORMATS[options.format]
    named = format_of_filename(options.filename, "audio")
    if named or probe.media_type != "audio":
        return named or FORMATS["mp3"]
    return own_format(probe) or FORMATS["mp3"]


def own_format(probe: Probe) -> Format | None:
    """The format of a sound file that can be written again as it is; None for the others."""
    codec = probe.audio.codec if probe.audio else ""
    if codec.startswith("pcm_") and probe.container == "wav":
        return FORMATS["wav"]
    kept = {"mp3": ("mp3",), "ogg": ("vorbis", "opus"), "flac": ("flac",), "mp4": ("aac", "alac"), "aac": ("aac",)}
    if codec not in kept.get(probe.container, ()):
        return None
    return FORMATS["ogg" if codec == "vorbis" else codec]


def _sound_only(probe: Probe, audio: AudioStream) -> Probe:
    """The same facts with the sound's own length, which may be less than the picture's."""
    length = audio.duration
    return replace(probe, duration=min(length, probe.duration or length)) if length else probe


KIND = Kind(
    name="audio",
    summary="Sound from a video, or another format of a sound.",
    accepts=frozenset({"audio", "video"}),
    lane="heavy",
    options=AudioOptions,
    plan=plan,
    examples=(
        {},
        {"format": "aac", "bitrate": 64_000},
        {"format": "opus", "start": 0.2, "end": 0.7},
        {"format": "wav"},
    ),
)
