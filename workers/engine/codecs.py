"""Names of codecs as a MIME type's `codecs` parameter has them, told from a stream's own configuration.

Players decide by them whether they can play a file before they fetch it. Sources: RFC 6381; ISO/IEC 14496-15 (AVC in
5.4, HEVC in annex E); the AV1 and VP9 bindings to ISO media files; RFC 5334 for Ogg.
"""

from collections.abc import Iterable
from dataclasses import dataclass

# By what a container calls itself on a probe. Elsewhere nobody reads the parameter.
ISO = frozenset({"mp4", "mov", "3gp"})
WEBM, OGG = frozenset({"webm"}), frozenset({"ogg"})
_SAME = {  # named alike in all files of a container
    WEBM: {"vp8": "vp8", "opus": "opus", "vorbis": "vorbis"},
    OGG: {"opus": "opus", "vorbis": "vorbis", "flac": "flac", "theora": "theora", "speex": "speex"},
    ISO: {"opus": "opus", "flac": "flac", "alac": "alac", "ac3": "ac-3", "eac3": "ec-3"},
}
_ENOUGH_FOR_MPEG1 = 32000  # Hz: the lower rates came with MPEG-2
_BT709 = (1, 1, 1)
_UNKNOWN = 2  # ITU-T H.273's word for colours that nobody told
# VP9's levels: the most luma samples a second and in one picture.
_VP9_LEVELS = (
    (10, 829_440, 36_864), (11, 2_764_800, 73_728), (20, 4_608_000, 122_880), (21, 9_216_000, 245_760),
    (30, 20_736_000, 552_960), (31, 36_864_000, 983_040), (40, 83_558_400, 2_228_224), (41, 160_432_128, 2_228_224),
    (50, 311_951_360, 8_912_896), (51, 588_251_136, 8_912_896), (52, 1_176_502_272, 8_912_896),
    (60, 1_176_502_272, 35_651_584), (61, 2_353_004_544, 35_651_584), (62, 4_706_009_088, 35_651_584),
)  # fmt: skip


@dataclass(frozen=True)
class Configuration:
    """What one stream says of its coding: ffmpeg's names and numbers, and the container's record of it."""

    codec: str
    tag: str = ""  # the sample entry's four characters; empty where the container has none
    extradata: bytes = b""
    profile: str | None = None
    bit_depth: int = 8
    pixels: int = 0  # of one picture, as coded
    frame_rate: float | None = None
    sample_rate: int | None = None
    colour: tuple[int, int, int] = (_UNKNOWN, _UNKNOWN, _UNKNOWN)  # primaries, transfer, matrix by H.273
    full_range: bool = False


def codecs_parameter(container: str, streams: Iterable[Configuration]) -> str | None:
    """The names of all streams, each once: `avc1.64001E, mp4a.40.2`. None where one of them cannot be told surely."""
    names = [codec_name(container, stream) for stream in streams]
    if not names or None in names:
        return None
    return ", ".join(dict.fromkeys(name for name in names if name))


def codec_name(container: str, stream: Configuration) -> str | None:
    """The name of one stream's codec in this container; None where it cannot be told surely."""
    for containers, known in _SAME.items():
        if container in containers and stream.codec in known:
            return known[stream.codec]
    if container in ISO:
        match stream.codec, stream.tag:
            case "h264", "avc1" | "avc3":
                return _avc(stream)
            case "h265", "hvc1" | "hev1":
                return _hevc(stream)
            case "aac", "mp4a":
                return _aac(stream)
            case "mp3", "mp4a":
                return "mp4a.6B" if (stream.sample_rate or 0) >= _ENOUGH_FOR_MPEG1 else "mp4a.69"
    if container in ISO | WEBM:
        if stream.codec == "av1":
            return _av1(stream)
        if stream.codec == "vp9":
            return _vp9(stream)
    return None


def _avc(stream: Configuration) -> str | None:
    """From AVCDecoderConfigurationRecord: profile, constraints and level, two hex digits each."""
    record = stream.extradata
    if len(record) < 4 or record[0] != 1:
        return None
    return f"{stream.tag}.{record[1:4].hex().upper()}"


def _hevc(stream: Configuration) -> str | None:
    """From HEVCDecoderConfigurationRecord: profile, the compatible profiles from the last bit on, tier and level, and
    the constraints up to the last byte that holds one."""
    record = stream.extradata
    if len(record) < 13 or record[0] != 1:
        return None
    space, high, profile = record[1] >> 6, record[1] >> 5 & 1, record[1] & 31
    compatible = int(f"{int.from_bytes(record[2:6]):032b}"[::-1], 2)
    constraints = "".join(f".{byte:X}" for byte in record[6:12].rstrip(b"\0"))
    letter = ("", "A", "B", "C")[space]
    return f"{stream.tag}.{letter}{profile}.{compatible:X}.{'H' if high else 'L'}{record[12]}{constraints}"


def _aac(stream: Configuration) -> str | None:
    """From AudioSpecificConfig: the audio object type, its first five bits or, beyond 30, six more."""
    record = stream.extradata
    if len(record) < 2:
        return None
    kind = record[0] >> 3
    if kind == 31:
        kind = 32 + (int.from_bytes(record[:2]) >> 5 & 63)
    return f"mp4a.40.{kind}" if kind else None


def _av1(stream: Configuration) -> str | None:
    """From AV1CodecConfigurationRecord: profile, level, tier, bits; with the colours where they are not BT.709's."""
    record = stream.extradata
    if len(record) < 3 or record[0] != 0x81:
        return None
    profile, level, flags = record[1] >> 5, record[1] & 31, record[2]
    bits = 12 if flags & 0x20 else 10 if flags & 0x40 else 8
    name = f"av01.{profile}.{level:02}{'H' if flags & 0x80 else 'M'}.{bits:02}"
    if _UNKNOWN in stream.colour or (stream.colour == _BT709 and not stream.full_range):
        return name
    subsampled = flags >> 3 & 1, flags >> 2 & 1
    chroma = f"{subsampled[0]}{subsampled[1]}{flags & 3 if all(subsampled) else 0}"
    colour = ".".join(f"{number:02}" for number in stream.colour)
    return f"{name}.{flags >> 4 & 1}.{chroma}.{colour}.{int(stream.full_range)}"


def _vp9(stream: Configuration) -> str | None:
    """Profile, level and bits. Files tell no level, or the least one that size and rate fit: that is told here."""
    profile = (stream.profile or "").rpartition(" ")[2]
    rate = (stream.frame_rate or 0.0) * stream.pixels
    level = next((level for level, most, size in _VP9_LEVELS if rate <= most and stream.pixels <= size), None)
    if not profile.isdecimal() or not rate or level is None:
        return None
    return f"vp09.{int(profile):02}.{level}.{stream.bit_depth:02}"
