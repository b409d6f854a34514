"""Whether streams may go into the output as they are: decoding and encoding again costs time and quality. Pure.

Strict on purpose: what is copied is not looked at frame by frame, so it must play everywhere by what is known of it.
"""

from workers import graph
from workers.encoders.video import bound
from workers.engine.colors import MATRIX_NUMBERS, PRIMARY_NUMBERS, TRANSFER_NUMBERS
from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.formats import Format
from workers.framing import Framing
from workers.graph import Span

# Containers whose timestamps are sure. A transport stream may begin amid a GOP and jump; AVI knows no times.
_SURE = ("mp4", "mov", "mkv", "webm")
# Profiles that browsers and phones decode, by codec; those of HDR kept after it.
_PROFILES = {
    "h264": ("Constrained Baseline", "Baseline", "Main", "High"),
    "h265": ("Main",),
    "vp9": ("Profile 0",),
    "av1": ("Main",),
}
_HDR_PROFILES = {"h265": ("Main 10",), "vp9": ("Profile 2",), "av1": ("Main",)}
# Level 5.2 and 5.1: 4K at 60 frames, the most that hardware decoders promise. VP9 and AV1 by size and rate alone.
_LEVELS = {"h264": 52, "h265": 156}
# Filters of the bitstream that write colour tags, and what they call primaries, transfer and matrix.
_TAGGED = {
    "h264": ("h264_metadata", "colour_primaries", "transfer_characteristics", "matrix_coefficients"),
    "h265": ("hevc_metadata", "colour_primaries", "transfer_characteristics", "matrix_coefficients"),
    "av1": ("av1_metadata", "color_primaries", "transfer_characteristics", "matrix_coefficients"),
}
_VP9_SPACES = {
    "bt709": "bt709",
    "smpte170m": "smpte170",
    "bt470bg": "bt601",
    "bt2020nc": "bt2020",
    "smpte240m": "smpte240",
}
_EVEN_START = 0.1  # seconds; a picture that comes later is better shown from the beginning
_SOUND_BITS = 320_000  # bits a second: the most that our own encoder is asked for
_LOW_COMPLEXITY = ("LC", "HE-AAC", "HE-AACv2")  # of AAC; Main, LTP and the rest are decoded by few


def picture_copied(
    probe: Probe,
    video: VideoStream,
    chosen: Format,
    codec: str,
    framed: Framing,
    part: Span,
    *,
    keep_hdr: bool = False,
) -> bool:
    """Whether the picture is already what would be made of it, when nothing is asked that changes it."""
    size = (video.coded_width, video.coded_height)
    same = framed.scaled == framed.canvas == size == (video.width, video.height)
    untouched = same and not part.partial and not video.rotation and not video.mirrored
    pixels = "yuv420p10le" if keep_hdr else "yuv420p"
    profiles = (_HDR_PROFILES if keep_hdr else _PROFILES).get(codec, ())
    plain = (
        video.codec == codec
        and codec in chosen.video_codecs
        and video.pix_fmt == pixels
        and video.profile in profiles
        and (video.level or 0) <= _LEVELS.get(codec, 1000)
        and video.color_range != "pc"
        and video.sample_aspect == (1, 1)
        and bool(video.hdr) == keep_hdr
        and not (video.interlaced or video.field_order or video.alpha or video.dolby_vision)
    )
    return untouched and plain and _timed(probe, video) and _lean(probe, video)


def tagging(video: VideoStream, codec: str) -> dict[str, str]:
    """Options of the output that write colour tags into a copied picture which lacks some: players guess unlike."""
    if video.color_primaries and video.color_transfer and video.color_matrix:
        return {}
    told = graph.colors(video, keep_hdr=video.hdr is not None)
    if codec == "vp9":  # one number for all three
        return {"bsf:v": f"vp9_metadata=color_space={_VP9_SPACES.get(told[2], 'unknown')}"}
    bitstream, primaries, transfer, matrix = _TAGGED[codec]
    numbers = (PRIMARY_NUMBERS[told[0]], TRANSFER_NUMBERS[told[1]], MATRIX_NUMBERS[told[2]])
    pairs = zip((primaries, transfer, matrix), numbers, strict=True)
    return {"bsf:v": f"{bitstream}=" + ":".join(f"{name}={number}" for name, number in pairs)}


def tagged(video: VideoStream, codec: str) -> bool:
    """Whether a copied picture has all three of its colour tags afterwards: VP9 itself has but the matrix."""
    return codec != "vp9" or bool(video.color_primaries and video.color_transfer and video.color_matrix)


def sound_copied(probe: Probe, audio: AudioStream, chosen: Format, part: Span) -> bool:
    """Whether the sound is already what would be made of it, when nothing is asked that changes it."""
    return (
        not part.partial
        and audio.codec in chosen.audio_codecs
        and (audio.codec != "aac" or audio.profile in _LOW_COMPLEXITY)
        and audio.channels <= 2
        and (audio.sample_rate or 0) <= 48_000
        and (audio.bitrate or 0) <= _SOUND_BITS
        and probe.container in _SURE
        and audio.start is not None
        and abs(audio.start) <= _EVEN_START
    )


def _timed(probe: Probe, video: VideoStream) -> bool:
    """Whether the timestamps can be kept: it begins with a key frame that is shown, at the beginning."""
    known = video.start is not None and abs(video.start) <= _EVEN_START
    return probe.container in _SURE and video.clean_start and known and bool(video.frame_rate)


def _lean(probe: Probe, video: VideoStream) -> bool:
    """Whether it needs no more bits than `bound` allows."""
    rate = video.bitrate or probe.bitrate or (probe.size * 8 / probe.duration if probe.duration else None)
    return rate is not None and rate <= bound((video.width, video.height), video.frame_rate)


def copy_note(picture: bool, sound: bool | None) -> tuple[str, ...]:
    """What was copied, in words; `sound` is None where there is none."""
    if picture and sound is not False:
        return ("Copied without re-encoding: the input is already as it is asked for.",)
    if picture:
        return ("The picture was copied without re-encoding; the sound was made anew.",)
    return ("The sound was copied without re-encoding.",) if sound else ()
