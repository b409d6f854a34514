"""How sound is encoded: encoder and rate for each codec. Pure."""

from itertools import pairwise
from typing import Any

from workers.engine.probe import AudioStream
from workers.options import on_curve

AUDIO_ENCODERS = {
    "mp3": "libmp3lame",
    "aac": "aac",
    "vorbis": "libvorbis",
    "opus": "libopus",
    "flac": "flac",
    "alac": "alac",
}
# Bits per second of stereo, on the curve of options.on_curve.
_BITRATES = {
    "mp3": (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "aac": (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "vorbis": (48_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000),
    "opus": (24_000, 48_000, 64_000, 96_000, 160_000, 192_000, 256_000),
}
# Parts of stereo's bits that sound as good for other numbers of channels: low frequencies and surrounds need few.
_SHARES = {1: 0.6, 2: 1.0, 6: 2.5, 8: 3.2}
# Vorbis is set by quality, as its encoder refuses bitrates that do not suit the sample rate: nominal rates of stereo
# at 44.1 kHz for quality 0 to 10 (vorbis.com's table).
_VORBIS = (64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 320_000, 500_000)
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP3_BITRATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)
_OPUS_RATES = (48_000,)  # that it is decoded at, whatever goes in
# Codecs of few rates, and those whose encoders gain nothing from more than 48 kHz.
_RATES = {"mp3": _MP3_RATES, "aac": _AAC_RATES, "opus": _OPUS_RATES}
_SENSIBLE = 48_000
_HIGHEST = 384_000  # that lossless codecs are given: FLAC has no more than 655,350, and DSD comes with 705,600
_MOST_CHANNELS = {"mp3": 2}
# LAME makes sound quieter below 256 kbit/s, to keep decoders from clipping: by so many dB up to a rate (as measured).
_MP3_QUIETER = ((160_000, 0.45), (192_000, 0.26), (224_000, 0.18))
# Beside a picture, by channels.
AUDIO_BITRATE = {"aac": {1: 80_000, 2: 128_000}, "opus": {1: 64_000, 2: 112_000}}


def fitting_rate(codec: str, rate: int) -> int:
    """The sample rate in Hz that this codec gets for sound of `rate`: the next one it knows from there on, and no more
    than people hear where it is lossy."""
    if codec in ("pcm", "flac", "alac"):
        return rate if rate <= _HIGHEST else 192_000
    known = [item for item in _RATES.get(codec, (min(rate, _SENSIBLE),)) if item <= _SENSIBLE]
    return next((item for item in known if item >= rate), known[-1])


def fitting_channels(codec: str, channels: int) -> int:
    """So many channels, or as many as the codec has."""
    return min(channels, _MOST_CHANNELS.get(codec, 8))


def quieter(codec: str, bitrate: int) -> float:
    """How many dB an encoder takes off at that many bits a second."""
    return next((loss for most, loss in _MP3_QUIETER if codec == "mp3" and bitrate <= most), 0.0)


def audio_settings(codec: str, audio: AudioStream, *, quality: int, bitrate: int | None = None) -> dict[str, Any]:
    """The encoder's options for this sound: its format kept where the codec is lossless, else at `quality` (0 to 100)
    or at `bitrate` bits a second."""
    bits = audio.bit_depth or 16
    rate = audio.sample_rate or 48_000
    if codec == "pcm":
        return {"c:a": wave_codec(audio)}
    if codec in ("flac", "alac"):
        planar = "p" if codec == "alac" else ""
        fine = {"sample_fmt": f"s32{planar}", "bits_per_raw_sample": 24}  # more than 24 neither of them has
        return {"c:a": codec} | (fine if bits > 16 else {"sample_fmt": f"s16{planar}"})
    settings: dict[str, Any] = {"c:a": AUDIO_ENCODERS[codec]}
    wanted = bitrate or _bitrate(codec, quality, audio.channels)
    if codec == "vorbis":
        if rate > 48_000:
            settings["ar"] = rate = 48_000
        return settings | {"q:a": _vorbis_quality(wanted, audio.channels, rate)}
    if codec == "mp3":
        settings["ar"] = rate = next((known for known in _MP3_RATES if known >= rate), 48_000)
        most = 64 if rate < 16_000 else 160 if rate < 32_000 else 320  # kbit/s: MPEG-2.5, MPEG-2, MPEG-1
        least = 8 if rate < 32_000 else 32
        choices = [known for known in _MP3_BITRATES if least <= known <= most]
        wanted = 1000 * min(choices, key=lambda known: abs(known * 1000 - wanted))
    elif rate > 48_000:
        settings["ar"] = 48_000
    if codec == "opus":
        wanted = min(wanted, 256_000 * audio.channels)  # more than the encoder takes
    return settings | {"b:a": wanted}


def wave_codec(audio: AudioStream) -> str:
    """The samples that a WAV file has of this sound: as they were where they are any, so that nothing is lost, and
    floating point stays so, as it may go beyond full scale."""
    if audio.codec in ("pcm_f32le", "pcm_f32be"):
        return "pcm_f32le"
    if audio.codec in ("pcm_f64le", "pcm_f64be"):
        return "pcm_f64le"
    bits = audio.bit_depth or 16
    return "pcm_s16le" if bits <= 16 else "pcm_s24le" if bits <= 24 else "pcm_s32le"


def _bitrate(codec: str, quality: int, channels: int) -> int:
    bits = on_curve(_BITRATES[codec], quality) * _SHARES.get(channels, channels / 2)
    return round(max(24_000.0, bits) / 1000) * 1000


def _vorbis_quality(bitrate: int, channels: int, rate: int) -> float:
    """The quality, −1 to 10, whose nominal rate comes nearest."""
    stereo = bitrate * (2 / channels) * (44_100 / max(rate, 8_000))
    for number, (low, high) in enumerate(pairwise(_VORBIS)):
        if stereo <= high:
            return round(max(-1.0, number + (stereo - low) / (high - low)), 2)
    return 10.0
