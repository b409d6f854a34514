"""Facts that one stream's header tells, in our words. Runs only in the resident helper."""

from dataclasses import replace
from typing import Any

from av.stream import Disposition

from workers.engine.codecs import Configuration

_CODECS = {"mp3float": "mp3", "libdav1d": "av1", "libaom-av1": "av1", "mp3on4float": "mp3on4", "libvorbis": "vorbis",
           "libopus": "opus", "libvpx-vp9": "vp9", "libvpx": "vp8", "hevc": "h265"}  # fmt: skip
RANGES = {1: "tv", 2: "pc"}


def flagged(stream: Any, disposition: str) -> bool:
    return bool(stream.disposition & Disposition[disposition])


def codec_name(stream: Any) -> str:
    context = stream.codec_context
    if context is None:
        return "unknown"
    name = getattr(context.codec, "canonical_name", None) or context.name
    return _CODECS.get(name, name)


def codec_tag(context: Any) -> str:
    """The four characters that a container names a codec by; "" where it has a number instead (AAC in AVI)."""
    try:
        return str(context.codec_tag).strip("\0")
    except UnicodeDecodeError:
        return ""


def configuration(stream: Any) -> Configuration:
    context, codec = stream.codec_context, codec_name(stream)
    if context is None:
        return Configuration(codec)
    told = Configuration(
        codec, tag=codec_tag(context), extradata=bytes(context.extradata or b""), profile=context.profile
    )
    if stream.type == "audio":
        return replace(told, sample_rate=context.sample_rate)
    pixels = context.format
    return replace(
        told,
        bit_depth=pixels.components[0].bits if pixels and pixels.components else 8,
        pixels=context.width * context.height,
        frame_rate=plain_rate(stream.average_rate) or plain_rate(stream.base_rate),
        colour=(
            int(context.color_primaries or 2),
            int(context.color_trc or 2),
            int(2 if context.colorspace is None else context.colorspace),
        ),
        full_range=RANGES.get(int(context.color_range or 0)) == "pc",
    )


def language_of(stream: Any) -> str | None:
    language = stream.language or stream.metadata.get("language")
    return None if language in (None, "", "und", "unk") else str(language)[:20]


def plain_rate(value: Any) -> float | None:
    return round(float(value), 6) if value and 0 < value < 1000 else None


def chroma_of(pixels: Any) -> str | None:
    if pixels is None:
        return None
    if pixels.is_rgb:
        return "rgb"
    for mark in ("420", "422", "444", "440", "411", "410"):
        if mark in pixels.name:
            return mark
    if pixels.name.startswith(("nv12", "nv21", "p010", "p016")):
        return "420"
    return "gray" if pixels.name.startswith(("gray", "ya", "mono")) else None


def has_alpha(stream: Any, pixels: Any) -> bool:
    # VP8 and VP9 keep alpha in a second stream of their own: the pixel format does not show it.
    if stream.metadata.get("alpha_mode") == "1":
        return True
    return bool(pixels) and (pixels.name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16")))


def sample_bits(context: Any) -> int | None:
    """Bits that the samples really have; None for lossy codecs, which have none."""
    name = context.name
    if name.startswith("pcm_f"):
        return 32
    if not name.startswith(("pcm_", "flac", "alac", "wavpack", "ape", "tta")):
        return None
    digits = "".join(letter for letter in name if letter.isdigit())
    if name.startswith("pcm_") and digits:
        return int(digits)
    return 24 if context.format is not None and context.format.bytes > 2 else 16
