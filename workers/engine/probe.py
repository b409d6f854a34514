"""Facts about one file, as a value; read by `probe`, outside this process."""

from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.engine.runner import Stops

SCHEMA = 2  # of to_json; raised when a stored probe can no longer be read
MAX_TYPE = 100  # characters of a MIME type with its parameter
LEAST, MOST = 1e-6, 1e9  # seconds or frames per second that a file is believed


class _Believed:
    """Plans do arithmetic on these: lengths and rates that no file can have are unknown, and a stream without extent
    is no use."""

    def __post_init__(self) -> None:
        told = vars(self)
        for name in ("duration", "frame_rate", "base_rate"):
            if name in told:
                object.__setattr__(self, name, believed(told[name]))
        extents = ("channels", "width", "height", "coded_width", "coded_height")
        if "decodable" in told and any(told.get(name, 1) <= 0 for name in extents):
            object.__setattr__(self, "decodable", False)


def believed(value: float | None) -> float | None:
    """The length or rate, None when it is beyond belief."""
    return value if value is not None and LEAST <= value <= MOST else None


@dataclass(frozen=True)
class VideoStream(_Believed):
    """One moving picture. `width`/`height` as displayed: after rotation and sample aspect."""

    index: int
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    sample_aspect: tuple[int, int] = (1, 1)
    rotation: int = 0  # degrees counter-clockwise that the stored picture is turned by for display
    mirrored: bool = False
    profile: str | None = None
    level: int | None = None  # as the codec counts: 41 is 4.1 in H.264, 123 in H.265
    tag: str | None = None  # the four characters an MP4 names the codec by
    pix_fmt: str | None = None
    bit_depth: int = 8
    chroma: str | None = None  # "420", "422", "444", "gray", "rgb"
    color_primaries: str | None = None
    color_transfer: str | None = None
    color_matrix: str | None = None
    color_range: str | None = None  # "tv" or "pc"
    hdr: str | None = None  # "pq" or "hlg"
    alpha: bool = False
    mastering: tuple[int, ...] | None = None  # green, blue, red, white as x, y in 1/50,000; most, least light in
    # 1/10,000 cd/m² (SMPTE ST 2086, in the order that encoders take it)
    max_cll: int | None = None  # brightest pixel and brightest frame, cd/m² (CTA-861.3)
    max_fall: int | None = None
    dolby_vision: int | None = None  # profile; 5 has no picture that others can show
    interlaced: bool = False  # as seen in its pictures where they move, else as flagged
    field_order: str | None = None  # as flagged: "tt", "bb", …; None when progressive or unknown
    first_field: str | None = None  # as seen: "tff" or "bff"
    telecined: bool = False  # only some pictures are combed, as where film was spread over television's fields
    frame_rate: float | None = None  # average
    time_base: tuple[int, int] | None = None  # the unit of its timestamps, seconds
    base_rate: float | None = None  # the finest steady rate that all timestamps fit
    variable: bool = False  # the first frames are not evenly spaced
    frames: int | None = None
    duration: float | None = None
    start: float | None = None  # of its first picture after the file's own beginning, seconds
    clean_start: bool = True  # the first packet is a key frame that is shown
    bitrate: int | None = None
    default: bool = False
    language: str | None = None
    decodable: bool = True


@dataclass(frozen=True)
class AudioStream(_Believed):
    """One sound track."""

    index: int
    codec: str
    channels: int
    layout: str | None = None
    sample_rate: int | None = None
    bitrate: int | None = None
    bit_depth: int | None = None  # of lossless codecs
    profile: str | None = None
    duration: float | None = None
    start: float | None = None  # of its first sample after the file's own beginning, seconds
    default: bool = False
    language: str | None = None
    decodable: bool = True


@dataclass(frozen=True)
class SubtitleStream:
    """One subtitle track; `text` is False for pictures of text."""

    index: int
    codec: str
    text: bool = True
    language: str | None = None
    default: bool = False
    forced: bool = False


@dataclass(frozen=True)
class Cover:
    """A picture attached to sound or video; never a video stream."""

    index: int
    codec: str
    width: int
    height: int


@dataclass(frozen=True)
class Chapter:
    """Seconds from the start, and a title where there is one."""

    start: float
    end: float
    title: str | None = None


@dataclass(frozen=True)
class Image:
    """A still or an animated picture. Sizes as stored; the display size is on the probe."""

    format: str  # a name of workers.formats: "jpeg", "png", …
    mode: str  # Pillow's: "RGB", "P", "CMYK", …
    coded_width: int
    coded_height: int
    orientation: int = 1  # EXIF, 1 to 8
    alpha: bool = False
    frames: int = 1
    animated: bool = False
    icc: str | None = None  # the profile's description, "" when it has none
    plays: int | None = None  # of an animation: how often, 0 for ever
    color_primaries: str | None = None  # where the file tells them in numbers, in ffmpeg's words
    hdr: str | None = None  # "pq" or "hlg"


@dataclass(frozen=True)
class Probe(_Believed):
    """What a file is, by its content. Seconds, pixels as displayed, bits/s and bytes."""

    media_type: str  # "image", "video", "audio", or "text" for subtitles
    mime: str
    container: str
    size: int
    demuxer: str | None = None  # ffmpeg's name for what reads it; None for stills
    duration: float | None = None
    bitrate: int | None = None
    width: int | None = None
    height: int | None = None
    videos: tuple[VideoStream, ...] = ()
    audios: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    covers: tuple[Cover, ...] = ()
    others: int = 0  # data and unknown streams
    chapters: tuple[Chapter, ...] = ()
    image: Image | None = None
    tags: dict[str, str] = field(default_factory=dict)  # title, artist, … that may be kept
    has_location: bool = False
    faststart: bool | None = None  # MP4 and MOV: the index comes before the media
    codecs: str | None = None  # as RFC 6381 names them: "avc1.64001E, mp4a.40.2"; None where they cannot be told
    schema: int = SCHEMA

    @property
    def type(self) -> str:
        """The MIME type, with the codecs where they can be told: players decide by them."""
        full = f'{self.mime}; codecs="{self.codecs}"'
        return full if self.codecs and len(full) <= MAX_TYPE else self.mime

    @property
    def has_audio(self) -> bool:
        return any(stream.decodable for stream in self.audios)

    @property
    def video(self) -> VideoStream | None:
        """The picture to use: decodable, marked default, then the largest."""
        return max(
            (stream for stream in self.videos if stream.decodable),
            key=lambda s: (s.default, s.width * s.height, s.bitrate or 0, -s.index),
            default=None,
        )

    @property
    def audio(self) -> AudioStream | None:
        """The sound to use: decodable, marked default, then most channels, then the finest."""
        return max(
            (stream for stream in self.audios if stream.decodable),
            key=lambda s: (s.default, s.channels, s.sample_rate or 0, s.bitrate or 0, -s.index),
            default=None,
        )

    def unused(self, *used: int | None, covers: bool = True) -> tuple[str, ...]:
        """The streams not among `used`, in words."""
        left: list[tuple[int, str]] = []
        left += [(s.index, f"video stream {s.index} ({s.codec}, {s.width}×{s.height})") for s in self.videos]
        left += [(s.index, f"audio stream {s.index} ({_told(s.codec, s.language)})") for s in self.audios]
        left += [(s.index, f"subtitle stream {s.index} ({_told(s.codec, s.language)})") for s in self.subtitles]
        if covers:
            left += [(s.index, f"cover picture {s.index} ({s.codec})") for s in self.covers]
        return tuple(text for index, text in sorted(left) if index not in used)

    @property
    def displayed(self) -> tuple[int, int] | None:
        """(width, height) as displayed; None for sound."""
        return (self.width, self.height) if self.width and self.height else None

    @property
    def orientation(self) -> str | None:
        """landscape, portrait or square; None for sound."""
        if not self.width or not self.height:
            return None
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"

    @property
    def fps(self) -> float | None:
        return self.video.frame_rate if self.video else None

    @property
    def rotation(self) -> int | None:
        """Degrees the stored picture is turned by for display; 0 once baked in."""
        return self.video.rotation if self.video else None

    @property
    def codec(self) -> str | None:
        """The picture's codec, else the sound's, else the still's format."""
        if self.image:
            return self.image.format
        stream = self.video or self.audio
        return stream.codec if stream else None

    @property
    def transparency(self) -> bool | None:
        if self.image:
            return self.image.alpha
        return self.video.alpha if self.video else None

    @property
    def animated(self) -> bool | None:
        return self.image.animated if self.image else None

    @property
    def frames(self) -> int | None:
        if self.image:
            return self.image.frames
        return self.video.frames if self.video else None

    def to_json(self) -> dict[str, Any]:
        """Data for JSON that from_json reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Probe":
        """The probe that to_json wrote. Raises ValueError when it is of another schema: probe the file again."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"This probe is of schema {data.get('schema')}, not {SCHEMA}.")
        known = {item.name for item in fields(cls)}
        plain = {name: value for name, value in data.items() if name in known}
        return cls(
            **plain
            | {
                "videos": tuple(_video(item) for item in data["videos"]),
                "audios": tuple(AudioStream(**item) for item in data["audios"]),
                "subtitles": tuple(SubtitleStream(**item) for item in data["subtitles"]),
                "covers": tuple(Cover(**item) for item in data["covers"]),
                "chapters": tuple(Chapter(**item) for item in data["chapters"]),
                "image": Image(**data["image"]) if data["image"] else None,
            }
        )


def _video(item: dict[str, Any]) -> VideoStream:
    pairs = {name: tuple(item[name]) for name in ("sample_aspect", "time_base", "mastering") if item.get(name)}
    return VideoStream(**item | pairs)


def _told(codec: str, language: str | None) -> str:
    return f"{codec}, {language}" if language else codec


def displayed_size(width: int, height: int, sample_aspect: tuple[int, int], rotation: int) -> tuple[int, int]:
    """Display size of stored pixels: sample aspect stretches the width, a quarter turn swaps the sides."""
    ratio = Fraction(*sample_aspect) if all(sample_aspect) else Fraction(1)
    shown = max(1, round(width * ratio))
    return (height, shown) if rotation % 180 == 90 else (shown, height)


def probe(path: Path, *, deep: bool = False, report: "Stops | None" = None) -> Probe:
    """Facts about the file at `path`, by its content and never by its name; read outside this process.

    `deep` also decodes a picture near the end. Raises SourceUnreadable, SourceUnsupported, LimitExceeded; Stopped when
    the report says so.
    """
    from workers.engine import host  # the helper's own process reads this module for its values only

    return Probe.from_json(host.call("probe", {"path": str(Path(path).absolute()), "deep": deep}, report=report))
