"""The one table of formats: names, MIME types, extensions, containers and codecs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One format a file can have. `write` is False for what is only read."""

    name: str
    media_type: str
    mime: str
    extension: str  # without the dot; the usual one
    aliases: tuple[str, ...] = ()  # other names and extensions
    muxer: str | None = None  # ffmpeg's name; None for stills
    video_codecs: tuple[str, ...] = ()  # first is the default
    audio_codecs: tuple[str, ...] = ()
    alpha: bool = False
    animated: bool = False  # of stills: whether it can hold frames one after the other
    write: bool = True


_ALL = (
    Format("jpeg", "image", "image/jpeg", "jpg", ("jpg", "jpe", "jfif", "mpo")),
    Format("png", "image", "image/png", "png", ("apng",), alpha=True, animated=True),
    Format("webp", "image", "image/webp", "webp", alpha=True, animated=True),
    Format("avif", "image", "image/avif", "avif", ("avifs",), alpha=True, animated=True),
    Format("gif", "image", "image/gif", "gif", alpha=True, animated=True),
    Format("heic", "image", "image/heic", "heic", ("heif", "hif"), alpha=True),
    Format("tiff", "image", "image/tiff", "tif", ("tiff",), alpha=True, write=False),
    Format("bmp", "image", "image/bmp", "bmp", ("dib",), write=False),
    Format("mp4", "video", "video/mp4", "mp4", ("m4v",), "mp4", ("h264", "h265", "av1", "vp9"), ("aac",)),
    Format("mov", "video", "video/quicktime", "mov", ("qt",), "mov", ("h264", "h265", "prores"), ("aac",), alpha=True),
    Format("webm", "video", "video/webm", "webm", (), "webm", ("vp9", "av1"), ("opus",), alpha=True),
    Format(
        *("mkv", "video", "video/x-matroska", "mkv", ("matroska",), "matroska"),
        video_codecs=("h264", "h265", "av1", "vp9"),
        audio_codecs=("aac", "opus"),
        alpha=True,
    ),
    Format("mp3", "audio", "audio/mpeg", "mp3", (), "mp3", (), ("mp3",)),
    Format("aac", "audio", "audio/mp4", "m4a", ("m4a", "m4b"), "ipod", (), ("aac", "alac")),
    Format("wav", "audio", "audio/wav", "wav", ("wave",), "wav", (), ("pcm",)),
    Format("ogg", "audio", "audio/ogg", "ogg", ("oga", "vorbis"), "ogg", (), ("vorbis", "opus", "flac")),
    Format("opus", "audio", "audio/ogg", "opus", (), "opus", (), ("opus",)),
    Format("flac", "audio", "audio/flac", "flac", (), "flac", (), ("flac",)),
    Format("alac", "audio", "audio/mp4", "m4a", (), "ipod", (), ("alac",)),
)

ARTICLES = {"image": "an image", "video": "a video", "audio": "an audio file"}
FORMATS: dict[str, Format] = {item.name: item for item in _ALL}
_NAMES: dict[str, Format] = {
    name: item for item in reversed(_ALL) for name in (item.extension, *item.aliases, item.name)
}


@dataclass(frozen=True)
class Container:
    """What a file was found to be: its name in the contract's words, and its MIME types by what is inside."""

    name: str
    video: str
    audio: str


# By ffmpeg's demuxer (the first of its names). This is also the list of all that may be opened: playlists,
# concatenations, image sequences and devices are not on it and never may be.
CONTAINERS: dict[str, Container] = {
    "mov": Container("mp4", "video/mp4", "audio/mp4"),
    "matroska": Container("mkv", "video/x-matroska", "audio/x-matroska"),
    "avi": Container("avi", "video/x-msvideo", "audio/x-msvideo"),
    "mpegts": Container("ts", "video/mp2t", "audio/mp2t"),
    "mpeg": Container("mpg", "video/mpeg", "audio/mpeg"),
    "mpegvideo": Container("mpg", "video/mpeg", "video/mpeg"),
    "flv": Container("flv", "video/x-flv", "audio/x-flv"),
    "asf": Container("asf", "video/x-ms-wmv", "audio/x-ms-wma"),
    "ogg": Container("ogg", "video/ogg", "audio/ogg"),
    "mxf": Container("mxf", "application/mxf", "application/mxf"),
    "dv": Container("dv", "video/x-dv", "video/x-dv"),
    "nut": Container("nut", "video/x-nut", "audio/x-nut"),
    "ivf": Container("ivf", "video/x-ivf", "video/x-ivf"),
    "h264": Container("h264", "video/h264", "video/h264"),
    "hevc": Container("h265", "video/h265", "video/h265"),
    "obu": Container("obu", "video/av1", "video/av1"),
    "m4v": Container("m4v", "video/mp4v-es", "video/mp4v-es"),
    "mp3": Container("mp3", "audio/mpeg", "audio/mpeg"),
    "aac": Container("aac", "audio/aac", "audio/aac"),
    "flac": Container("flac", "audio/flac", "audio/flac"),
    "wav": Container("wav", "audio/wav", "audio/wav"),
    "w64": Container("w64", "audio/x-w64", "audio/x-w64"),
    "aiff": Container("aiff", "audio/aiff", "audio/aiff"),
    "caf": Container("caf", "audio/x-caf", "audio/x-caf"),
    "au": Container("au", "audio/basic", "audio/basic"),
    "amr": Container("amr", "audio/amr", "audio/amr"),
    "ac3": Container("ac3", "audio/ac3", "audio/ac3"),
    "eac3": Container("eac3", "audio/eac3", "audio/eac3"),
    "dts": Container("dts", "audio/vnd.dts", "audio/vnd.dts"),
    "ape": Container("ape", "audio/x-ape", "audio/x-ape"),
    "wv": Container("wv", "audio/x-wavpack", "audio/x-wavpack"),
    "tta": Container("tta", "audio/x-tta", "audio/x-tta"),
}
# Bare streams: their pictures have no times but by their number, so that those of a few of them come too early.
UNTIMED = frozenset({"h264", "hevc", "obu", "m4v", "mpegvideo"})

# What is text, and no medium: its MIME types by name, which is its extension too.
TEXTS = {"vtt": "text/vtt", "srt": "text/srt", "ass": "text/x-ssa", "json": "application/json"}
_TEXT_NAMES = {mime: name for name, mime in TEXTS.items()}


def find_format(name: str) -> Format | None:
    """The format with this name, alias or extension (any case, with or without a dot)."""
    return _NAMES.get(name.strip().lower().removeprefix("."))


def format_named(filename: str | None) -> Format | None:
    """The format that a filename's extension says; None when it says none we know."""
    _, dot, extension = (filename or "").rpartition(".")
    return find_format(extension) if dot else None


def format_of_filename(filename: str | None, media_type: str) -> Format | None:
    """The format of `media_type` that a filename's extension says; None when it says none that can be written."""
    found = format_named(filename)
    return found if found and found.media_type == media_type and found.write else None


def text_named(filename: str | None) -> str | None:
    """The name of text (TEXTS) that a filename's extension says; None when it says none."""
    _, dot, extension = (filename or "").lower().rpartition(".")
    return extension if dot and extension in TEXTS else None


def text_of_type(mime: str) -> str | None:
    """The name of text (TEXTS) that has this MIME type, whatever its parameters; None for other types."""
    return _TEXT_NAMES.get(mime.partition(";")[0].strip())


def writable(media_type: str) -> tuple[str, ...]:
    """Names of the formats of a media type that can be made."""
    return tuple(item.name for item in _ALL if item.media_type == media_type and item.write)


def extension_of(mime: str) -> str | None:
    """The usual extension for a MIME type, without the dot."""
    plain = mime.partition(";")[0].strip()
    return next((item.extension for item in _ALL if item.mime == plain), text_of_type(plain))
