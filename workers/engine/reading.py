"""Reads facts from files with Pillow and PyAV. Runs only in the resident helper: hostile files may crash it."""

import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from workers.engine import stills
from workers.engine.codecs import Configuration, codecs_parameter
from workers.engine.colors import MATRICES, PRIMARIES, TRANSFERS
from workers.engine.containers import index_first, promised
from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.frames import Scan, light, may_be_interlaced, scan, turned
from workers.engine.lengths import counted_length
from workers.engine.limits import SourceLimits
from workers.engine.probe import (
    AudioStream,
    Chapter,
    Cover,
    Probe,
    SubtitleStream,
    VideoStream,
    believed,
    displayed_size,
)
from workers.engine.streams import (
    RANGES,
    chroma_of,
    codec_name,
    codec_tag,
    configuration,
    flagged,
    has_alpha,
    language_of,
    plain_rate,
    sample_bits,
)
from workers.engine.subtitles import subtitle_format
from workers.formats import CONTAINERS, TEXTS

HEAD = 4096
PACKETS = 2000  # looked at for the first picture
TIMED_PACKETS, LEAST_TIMED, REORDERED = 60, 8, 4  # looked at for even timing; the last may have gaps yet to be filled
KEPT_TAGS = ("title", "artist", "album", "album_artist", "composer", "genre", "date", "track", "disc", "copyright")
_TAG_LENGTH = 500
_NO_HEADER = "The file is damaged or cut short: its header cannot be read."
_PICTURE_SUBTITLES = {"dvd_subtitle", "dvdsub", "dvb_subtitle", "dvbsub", "hdmv_pgs_subtitle", "pgssub", "xsub"}
_FIELDS = {2: "tt", 3: "bb", 4: "tb", 5: "bt"}
_HDR = {16: "pq", 18: "hlg"}
_DOLBY_ONLY = ("dvh1", "dvhe")  # MP4's names for H.265 that only a Dolby Vision player can show

av.logging.set_level(None)


def read_facts(path: Path, limits: SourceLimits, *, deep: bool = False) -> Probe:
    """Facts about the file, by content. Raises SourceUnreadable, SourceUnsupported."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:  # this host's doing, and not the file's
        raise
    except OSError as exc:
        raise SourceUnreadable("The file cannot be opened.", log=str(exc)) from exc
    try:
        size = os.fstat(handle).st_size
        if not size:
            raise SourceUnreadable("The file is empty.")
        head = os.pread(handle, HEAD, 0)
        plugins = stills.plugins_for(head)
        if plugins:
            with open(handle, "rb", closefd=False) as file, stills.open_still(file, plugins) as image:
                facts = stills.still_probe(image, size, file)
            if (facts.frames or 1) > limits.frames:
                raise LimitExceeded(f"The picture has {facts.frames} frames; at most {limits.frames} are accepted.")
            return facts
        if format := subtitle_format(head):
            return Probe("text", TEXTS[format], format, size)
        stills.refuse_known(head)
        return _read_streams(handle, head, size, limits, deep)
    finally:
        os.close(handle)


def _read_streams(handle: int, head: bytes, size: int, limits: SourceLimits, deep: bool) -> Probe:
    try:
        # By descriptor, so that no demuxer sees a name: types are told by content, and nothing can be opened beside it.
        container = av.open(
            f"file:/dev/fd/{handle}",
            container_options={"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)},
            metadata_errors="replace",
        )
    except av.error.ArgumentError as exc:  # the demuxer is not on the list
        raise SourceUnsupported("The file is of a type that is not accepted.", log=str(exc)) from exc
    except av.error.InvalidDataError as exc:
        if set(CONTAINERS) & set(promised(head)):
            raise SourceUnreadable(
                "The file is damaged or cut short: its header cannot be read.", log=str(exc)
            ) from exc
        raise SourceUnsupported("The file is no image, video or sound that can be read.", log=str(exc)) from exc
    except (FFmpegError, OSError, ValueError) as exc:
        raise SourceUnreadable(_NO_HEADER, log=repr(exc)) from exc
    with container:
        if len(container.streams) > limits.streams:
            raise LimitExceeded(
                f"The file has {len(container.streams)} streams; at most {limits.streams} are accepted."
            )
        return _Reader(container, handle, head, size, limits, deep).facts()


@dataclass(frozen=True)
class _Timing:
    """Of the first packets: uneven or not, when the first is shown, whether it is a key frame that is."""

    variable: bool = False
    start: float | None = None
    clean: bool = True


class _Reader:
    """One open container on its way to becoming facts."""

    def __init__(self, container: Any, handle: int, head: bytes, size: int, limits: SourceLimits, deep: bool) -> None:
        self.container, self.handle, self.head, self.size = container, handle, head, size
        self.limits, self.deep = limits, deep
        sounds = container.streams.audio
        self.counted = counted_length(container, sounds[0], handle, size) if sounds else None
        self.duration = believed(self.counted or (container.duration or 0) / 1e6)

    def facts(self) -> Probe:
        others = 0
        videos: list[Any] = []
        audios: list[AudioStream] = []
        subtitles: list[SubtitleStream] = []
        covers: list[Cover] = []
        for stream in self.container.streams:
            if stream.type == "video":
                if flagged(stream, "attached_pic") or flagged(stream, "timed_thumbnails"):
                    covers.append(self._cover(stream))
                else:
                    videos.append(stream)
            elif stream.type == "audio":
                audios.append(self._audio(stream))
            elif stream.type == "subtitle":
                subtitles.append(self._subtitle(stream))
            else:
                others += 1
        pictures = tuple(self._video(stream) for stream in videos)
        if not any(s.decodable for s in pictures) and not any(s.decodable for s in audios):
            raise SourceUnsupported(self._useless(pictures, audios))
        return self._probe(pictures, tuple(audios), tuple(subtitles), tuple(covers), others)

    def _useless(self, videos: tuple[VideoStream, ...], audios: list[AudioStream]) -> str:
        streams: tuple[VideoStream | AudioStream, ...] = (*videos, *audios)
        codecs = sorted({stream.codec for stream in streams} - {"unknown"})
        if codecs:
            return f"The file cannot be decoded here ({', '.join(codecs)})."
        return "The file holds neither a picture nor sound that can be decoded."

    def _probe(
        self,
        videos: tuple[VideoStream, ...],
        audios: tuple[AudioStream, ...],
        subtitles: tuple[SubtitleStream, ...],
        covers: tuple[Cover, ...],
        others: int,
    ) -> Probe:
        demuxer = self.container.format.name
        media_type = "video" if any(stream.decodable for stream in videos) else "audio"
        container, mime = self._type(demuxer, media_type)
        tags = {name.lower(): value for name, value in self._metadata(demuxer).items()}
        probe = Probe(
            media_type=media_type,
            mime=mime,
            container=container,
            size=self.size,
            demuxer=demuxer,
            duration=self._duration(videos, audios),
            bitrate=self.container.bit_rate or None,
            videos=videos,
            audios=audios,
            subtitles=subtitles,
            covers=covers,
            others=others,
            chapters=self._chapters(),
            tags={name: tags[name][:_TAG_LENGTH] for name in KEPT_TAGS if tags.get(name)},
            has_location=any("location" in name or "xyz" in name or name.startswith("gps") for name in tags),
            faststart=index_first(self.handle, self.size) if demuxer.startswith("mov") else None,
            codecs=codecs_parameter(container, self._configurations()),
        )
        shown = probe.video
        if shown is None:
            return probe
        return replace(probe, width=shown.width, height=shown.height)

    def _metadata(self, demuxer: str) -> dict[str, str]:
        """What the file says of itself; Ogg says it with the first stream."""
        told = dict(self.container.metadata)
        first = dict(self.container.streams[0].metadata) if demuxer == "ogg" else {}
        return first | told

    def _duration(self, videos: tuple[VideoStream, ...], audios: tuple[AudioStream, ...]) -> float | None:
        if self.duration:
            # Matroska tells when the last frame ends, counted from 0 though the first may come much later.
            late = (self.container.start_time or 0) / 1e6 if self.container.format.name.startswith("matroska") else 0.0
            length = self.duration - late if 0 < late < self.duration else self.duration
            return round(length, 6)
        streams: tuple[VideoStream | AudioStream, ...] = (*videos, *audios)
        known = [stream.duration for stream in streams if stream.duration]
        return max(known, default=None)

    def _type(self, demuxer: str, media_type: str) -> tuple[str, str]:
        name = demuxer.split(",")[0]
        known = CONTAINERS[name]
        mime = known.video if media_type == "video" else known.audio
        if name == "mov":
            brand = self.head[8:12] if self.head[4:8] == b"ftyp" else b"qt  "
            if brand == b"qt  ":
                return "mov", "video/quicktime" if media_type == "video" else "audio/mp4"
            if brand[:3] in (b"3gp", b"3g2"):
                return "3gp", f"{media_type}/3gpp"
        if name == "matroska" and b"webm" in self.head[:64]:
            return "webm", f"{media_type}/webm"
        return known.name, mime

    def _configurations(self) -> list[Configuration]:
        """How each stream that is played is coded, pictures first."""
        covers = ("attached_pic", "timed_thumbnails")
        streams = [stream for stream in self.container.streams if not any(flagged(stream, cover) for cover in covers)]
        videos, audios = ([stream for stream in streams if stream.type == type] for type in ("video", "audio"))
        return [configuration(stream) for stream in (*videos, *audios)]

    def _chapters(self) -> tuple[Chapter, ...]:
        found = []
        for item in self.container.chapters()[:1000]:
            start, end = (float(item[name] * item["time_base"]) for name in ("start", "end"))
            if not (math.isfinite(start) and math.isfinite(end)):
                continue
            title = item["metadata"].get("title")
            found.append(Chapter(round(start, 6), round(end, 6), title[:_TAG_LENGTH] if title else None))
        return tuple(found)

    def _cover(self, stream: Any) -> Cover:
        context = stream.codec_context
        return Cover(
            stream.index, codec_name(stream), context.width if context else 0, context.height if context else 0
        )

    def _subtitle(self, stream: Any) -> SubtitleStream:
        codec = codec_name(stream)
        return SubtitleStream(
            stream.index,
            codec,
            text=codec not in _PICTURE_SUBTITLES,
            language=language_of(stream),
            default=flagged(stream, "default"),
            forced=flagged(stream, "forced"),
        )

    def _audio(self, stream: Any) -> AudioStream:
        context = stream.codec_context
        if context is None or not context.channels or not context.sample_rate:
            return AudioStream(stream.index, codec_name(stream), 0, decodable=False)
        return AudioStream(
            index=stream.index,
            codec=codec_name(stream),
            channels=context.channels,
            layout=context.layout.name,
            sample_rate=context.sample_rate,
            bitrate=context.bit_rate or None,
            bit_depth=sample_bits(context),
            profile=context.profile,
            duration=self._stream_duration(stream),
            start=self._start(stream.start_time, stream),
            default=flagged(stream, "default"),
            language=language_of(stream),
        )

    def _stream_duration(self, stream: Any) -> float | None:
        if self.counted:
            return believed(round(self.counted, 6))
        if stream.duration and stream.time_base:
            return believed(round(float(stream.duration * stream.time_base), 6))
        parts = stream.metadata.get("DURATION", "").split(":")  # Matroska's tags
        try:
            hours, minutes, seconds = (float(part) for part in parts)
        except ValueError:
            return None
        length = hours * 3600 + minutes * 60 + seconds
        if stream.start_time and "_STATISTICS_WRITING_APP" not in stream.metadata:
            # mkvmerge's statistics tell a length, ffmpeg the moment of the end.
            length -= max(0.0, float(stream.start_time * stream.time_base))
        return believed(round(length, 6)) if math.isfinite(length) else None

    def _video(self, stream: Any) -> VideoStream:
        context = stream.codec_context
        codec = codec_name(stream)
        if context is None or not context.width or not context.height:
            return VideoStream(stream.index, codec, 0, 0, 0, 0, decodable=False)
        frame = None
        if max(context.width, context.height) <= self.limits.edge * 2:
            frame = self._first_frame(stream)
        # The first picture knows more than the header: its own size, its rotation, its fields.
        width, height = (frame.width, frame.height) if frame else (context.width, context.height)
        aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio
        ratio = (aspect.numerator, aspect.denominator) if aspect and aspect > 0 else (1, 1)
        rotation, mirrored = turned(frame)
        shown = displayed_size(width, height, ratio, rotation)
        pixels = context.format
        transfer = TRANSFERS.get(int(context.color_trc or 2))
        order = _FIELDS.get(int(context.field_order or 0))
        average, base = plain_rate(stream.average_rate), plain_rate(stream.base_rate)
        shine = light(frame)
        scanned = self._scan(stream, codec, (width, height), average, frame, order)
        timing = self._timing(stream) if frame is not None else _Timing()
        return VideoStream(
            index=stream.index,
            codec=codec,
            width=shown[0],
            height=shown[1],
            coded_width=width,
            coded_height=height,
            sample_aspect=ratio,
            rotation=rotation,
            mirrored=mirrored,
            profile=context.profile,
            level=context.level if context.level > 0 else None,
            tag=codec_tag(context) or None,
            pix_fmt=context.pix_fmt,
            bit_depth=pixels.components[0].bits if pixels and pixels.components else 8,
            chroma=chroma_of(pixels),
            color_primaries=PRIMARIES.get(int(context.color_primaries or 2)),
            color_transfer=transfer,
            color_matrix=MATRICES.get(int(2 if context.colorspace is None else context.colorspace)),
            color_range=RANGES.get(int(context.color_range or 0)),
            hdr=_HDR.get(int(context.color_trc or 2)),
            alpha=has_alpha(stream, pixels),
            mastering=shine.mastering,
            max_cll=shine.max_cll,
            max_fall=shine.max_fall,
            dolby_vision=5 if codec_tag(context) in _DOLBY_ONLY else shine.dolby_vision,
            interlaced=scanned.interlaced,
            field_order=order,
            first_field=scanned.first,
            telecined=scanned.telecined,
            frame_rate=average or base,
            time_base=(stream.time_base.numerator, stream.time_base.denominator) if stream.time_base else None,
            base_rate=base,
            variable=timing.variable,
            frames=stream.frames or None,
            duration=self._stream_duration(stream),
            start=timing.start,
            clean_start=timing.clean,
            bitrate=context.bit_rate or None,
            default=flagged(stream, "default"),
            language=language_of(stream),
        )

    def _first_frame(self, stream: Any) -> Any:
        stream.codec_context.thread_type = "NONE"
        self._seek(stream, 0)
        found = self._next_frame(stream)
        if self.deep and found is not None and self.duration and self.duration > 2.0:
            self._seek(stream, int((self.duration - 1.0) * 1e6))
            if self._next_frame(stream) is None:
                raise SourceUnreadable("The end of the video cannot be decoded.")
        return found

    def _scan(
        self, stream: Any, codec: str, size: tuple[int, int], rate: float | None, frame: Any, order: str | None
    ) -> Scan:
        """Whether the pictures are made of fields: flags are often wrong, so where it may be, pictures are looked at,
        away from the beginning, which is often black."""
        flagged = bool(order or (frame is not None and frame.interlaced_frame))
        doubtful = flagged or may_be_interlaced(self.container.format.name, codec, size, rate)
        if frame is None or not doubtful:
            return Scan(flagged)
        self._seek(stream, int((self.duration or 0.0) / 3 * 1e6))
        return scan(self._frames(stream), flagged=flagged)

    def _frames(self, stream: Any) -> Iterator[Any]:
        for packet in itertools.islice(self.container.demux(stream), PACKETS):
            try:
                yield from packet.decode()
            except FFmpegError:
                continue

    def _timing(self, stream: Any) -> "_Timing":
        """When the pictures begin, and whether the distances between the first differ by more than rounding."""
        self._seek(stream, 0)
        try:
            first = itertools.islice(self.container.demux(stream), TIMED_PACKETS)
            packets = [packet for packet in first if packet.size]
        except (FFmpegError, OSError, ValueError):
            return _Timing()
        clean = bool(packets) and packets[0].is_keyframe and not packets[0].is_discard
        packets = [packet for packet in packets if not packet.is_discard]  # what an edit list hides
        times = [packet.pts for packet in packets]
        if None in times:  # AVI and some others only know the order of decoding
            times = [packet.dts for packet in packets]
        if None in times or not times:
            return _Timing(clean=clean)
        start = self._start(min(times), stream)
        if len(times) < LEAST_TIMED:
            return _Timing(False, start, clean)
        times.sort()
        steps = [after - before for before, after in itertools.pairwise(times[:-REORDERED])]
        return _Timing(max(steps) > 1.5 * max(1, min(steps)) + 1, start, clean)

    def _start(self, first: int | None, stream: Any) -> float | None:
        """Seconds from the file's beginning to a timestamp of a stream."""
        if first is None or not stream.time_base:
            return None
        start = float(first * stream.time_base) - (self.container.start_time or 0) / 1e6
        return round(start, 6) if math.isfinite(start) and abs(start) < 1e9 else None

    def _seek(self, stream: Any, microseconds: int) -> None:
        try:
            self.container.seek(microseconds)
        except (FFmpegError, OSError):
            pass  # not every container can; the next packets serve as well

    def _next_frame(self, stream: Any) -> Any:
        try:
            for count, packet in enumerate(self.container.demux(stream)):
                if count > PACKETS:
                    return None
                try:
                    for frame in packet.decode():
                        return frame
                except FFmpegError:
                    continue  # damaged packets: a later one may do
        except (FFmpegError, OSError, ValueError):
            return None
        return None
