"""Sound from a video, or another format, length or quality of a sound."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from workers import graph
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe
from workers.formats import FORMATS, Format, format_of_filename
from workers.kinds.base import Expected, FfmpegStep, Kind, Options, Plan, Source
from workers.kinds.video import graph_reads
from workers.options import QUALITY, Quality, Seconds, format_option, on_curve, quality_number

ENCODERS = {"mp3": "libmp3lame", "aac": "aac", "vorbis": "libvorbis", "opus": "libopus", "flac": "flac", "alac": "alac"}
# Bits per second of stereo, on the curve of options.on_curve.
_BITRATES = {
    "mp3": (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "aac": (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "vorbis": (48_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "opus": (24_000, 48_000, 64_000, 96_000, 160_000, 192_000, 256_000),
}
_MONO = 0.6  # of stereo's bits sound as good
# Vorbis is set by quality, as its encoder refuses bitrates that do not suit the sample rate: nominal rates of stereo
# at 44.1 kHz for quality 0 to 10 (vorbis.com's table).
_VORBIS = (64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 320_000, 500_000)
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP3_BITRATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s


class AudioOptions(Options):
    makes = "audio"

    format: format_option("audio") = Field(  # type: ignore[valid-type]
        None,
        description="As the filename says, or as the input, else mp3, when not given. aac and alac come in an MP4 "
        "container (.m4a), ogg is Vorbis, and opus comes in an Ogg container (.opus).",
    )
    quality: Quality = Field(None, description=f"{QUALITY} No meaning for wav, flac and alac.")
    bitrate: int | None = Field(None, ge=32_000, le=320_000, description="Bits per second; wins over quality.")
    start: Seconds = Field(None, description="Where to begin, seconds.")
    end: Seconds = Field(None, description="Where to end, seconds; wins over duration.")
    duration: float | None = Field(None, gt=0, le=10_000_000, allow_inf_nan=False, description="How long, seconds.")

    @field_validator("end")
    @classmethod
    def _end_after_start(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start") or 0.0
        if end is not None and end <= start:
            raise ValueError(f"must be after start ({start:g})")
        return end


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
    settings |= _encoding(codec, options, audio)
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
    return Plan((step,), (expected,), reads=graph_reads(probe, part), notes=notes)


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


def _encoding(codec: str, options: AudioOptions, audio: AudioStream) -> dict[str, Any]:
    bits = audio.bit_depth or 16
    rate = audio.sample_rate or 48_000
    if codec == "pcm":
        return {"c:a": "pcm_s24le" if bits > 16 else "pcm_s16le"}
    if codec == "flac":
        return {"c:a": "flac"} | (
            {"sample_fmt": "s32", "bits_per_raw_sample": 24} if bits > 16 else {"sample_fmt": "s16"}
        )
    if codec == "alac":
        return {"c:a": "alac"} | (
            {"sample_fmt": "s32p", "bits_per_raw_sample": 24} if bits > 16 else {"sample_fmt": "s16p"}
        )
    settings: dict[str, Any] = {"c:a": ENCODERS[codec]}
    wanted = options.bitrate or _bitrate(codec, quality_number(options.quality), audio.channels)
    if codec == "vorbis":
        if rate > 48_000:
            settings["ar"] = rate = 48_000
        return settings | {"q:a": _vorbis_quality(wanted, min(2, audio.channels), rate)}
    if codec == "mp3":
        settings["ar"] = rate = next((known for known in _MP3_RATES if known >= rate), 48_000)
        most = 64 if rate < 16_000 else 160 if rate < 32_000 else 320  # kbit/s: MPEG-2.5, MPEG-2, MPEG-1
        least = 8 if rate < 32_000 else 32
        choices = [known for known in _MP3_BITRATES if least <= known <= most]
        wanted = 1000 * min(choices, key=lambda known: abs(known * 1000 - wanted))
    elif rate > 48_000:
        settings["ar"] = 48_000
    if codec == "opus":
        wanted = min(wanted, 256_000 * min(2, audio.channels))  # more than the encoder takes
    return settings | {"b:a": wanted}


def _bitrate(codec: str, quality: int, channels: int) -> int:
    bits = on_curve(_BITRATES[codec], quality) * (_MONO if channels == 1 else 1.0)
    return round(max(24_000.0, bits) / 1000) * 1000


def _vorbis_quality(bitrate: int, channels: int, rate: int) -> float:
    """The quality, −1 to 10, whose nominal rate comes nearest."""
    stereo = bitrate * (2 / channels) * (44_100 / max(rate, 8_000))
    for number, (low, high) in enumerate(pairwise(_VORBIS)):
        if stereo <= high:
            return round(max(-1.0, number + (stereo - low) / (high - low)), 2)
    return 10.0


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
