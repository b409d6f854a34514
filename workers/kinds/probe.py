"""What a file is: facts of its content, and no file made."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.kinds.base import Kind, Options, Output, Plan, Result, Source


class ProbeOptions(Options):
    """None of its own: whatever is known is told."""


class ProbeResult(Result):
    """Everything that is known of a file by its content. The streams' own facts are those of workers.engine.probe."""

    kind: str = Field(description="image, video, audio, or text for subtitles.")
    type: str = Field(description="MIME type, with the codecs where they are sure.")
    format: str = Field(description="Name of the format.")
    container: str = Field(description="The container, as ffmpeg names it.")
    filesize: int = Field(description="Bytes.")
    width: int | None = Field(None, description="Pixels as displayed.")
    height: int | None = Field(None, description="Pixels as displayed.")
    orientation: str | None = Field(None, description="landscape, portrait or square.")
    rotation: int | None = Field(None, description="Degrees that the stored picture is turned by for display.")
    duration: float | None = Field(None, description="Seconds.")
    fps: float | None = Field(None, description="Frames per second, on average.")
    frames: int | None = Field(None, description="How many pictures there are.")
    bitrate: int | None = Field(None, description="Bits per second, of everything.")
    codec: str | None = Field(None, description="The picture's, else the sound's.")
    transparency: bool | None = Field(None, description="Whether there is an alpha channel.")
    animated: bool | None = Field(None, description="Whether a picture moves.")
    has_location: bool = Field(False, description="Whether it says where it was taken.")
    faststart: bool | None = Field(None, description="Of MP4 and MOV: whether the index comes before the media.")
    image: dict[str, Any] | None = Field(None, description="Of a still or animated picture: mode, orientation, ICC.")
    video_streams: tuple[dict[str, Any], ...] = Field((), description="Codec, sizes, colours, rate of each.")
    audio_streams: tuple[dict[str, Any], ...] = Field((), description="Codec, channels, rate of each.")
    subtitle_streams: tuple[dict[str, Any], ...] = Field((), description="Codec and language of each.")
    covers: tuple[dict[str, Any], ...] = Field((), description="Pictures that are attached to it.")
    other_streams: int = Field(0, description="Streams of data, and of unknown kind.")
    chapters: tuple[dict[str, Any], ...] = Field((), description="Start and end in seconds, and the title.")
    tags: dict[str, str] = Field({}, description="Title, artist and the like.")
    warnings: tuple[str, ...] = Field((), description="What will matter when something is made of it, in words.")


@dataclass(frozen=True)
class ProbePlan(Plan):
    """No step: the facts were read when the file came."""

    facts: Probe | None = None


def plan(options: ProbeOptions, source: Source) -> Plan:
    """Nothing has to be done, nor is the source read again. Pure."""
    return ProbePlan((), (), reads="nothing", notes=fact_warnings(source.probe), facts=source.probe)


def result(plan: Plan, outputs: list[Output]) -> ProbeResult:
    """The facts that the plan carries."""
    assert isinstance(plan, ProbePlan)
    assert plan.facts is not None
    return probe_result(plan.facts)


def probe_result(facts: Probe) -> ProbeResult:
    """A probe's facts in the words of results."""
    return ProbeResult(
        kind=facts.media_type,
        type=facts.type,
        format=facts.image.format if facts.image else facts.container,
        container=facts.container,
        filesize=facts.size,
        width=facts.width,
        height=facts.height,
        orientation=facts.orientation,
        rotation=facts.rotation,
        duration=facts.duration,
        fps=facts.fps,
        frames=facts.frames,
        bitrate=facts.bitrate,
        codec=facts.codec,
        transparency=facts.transparency,
        animated=facts.animated,
        has_location=facts.has_location,
        faststart=facts.faststart,
        image=asdict(facts.image) if facts.image else None,
        video_streams=tuple(asdict(stream) for stream in facts.videos),
        audio_streams=tuple(asdict(stream) for stream in facts.audios),
        subtitle_streams=tuple(asdict(stream) for stream in facts.subtitles),
        covers=tuple(asdict(cover) for cover in facts.covers),
        other_streams=facts.others,
        chapters=tuple(asdict(chapter) for chapter in facts.chapters),
        tags=facts.tags,
        warnings=fact_warnings(facts),
    )


def fact_warnings(facts: Probe) -> tuple[str, ...]:
    """What somebody who works with the file should know, in words; the stream that is used first of all."""
    told: list[str] = []
    if facts.video:
        told += _of_video(facts.video)
    streams: list[VideoStream | AudioStream] = [*facts.videos, *facts.audios]
    unread = [stream for stream in streams if not stream.decodable]
    told += [f"Stream {stream.index} ({stream.codec}) cannot be decoded." for stream in unread]
    if facts.media_type in ("video", "audio") and facts.duration is None:
        told.append("Its length is not known.")
    if facts.media_type == "video" and not facts.has_audio:
        told.append("It has no sound.")
    if facts.faststart is False:
        told.append("Its index comes after its media: players must load all of it first.")
    if facts.has_location:
        told.append("It says where it was taken.")
    return tuple(told)


def _of_video(video: VideoStream) -> list[str]:
    told = []
    if video.hdr:
        told.append(f"It is HDR ({video.hdr.upper()}).")
    if video.interlaced:
        told.append("It is interlaced.")
    if video.variable:
        told.append("Its frame rate varies.")
    if video.rotation:
        told.append(f"It is turned by {video.rotation}° for display.")
    if video.mirrored:
        told.append("It is mirrored for display.")
    if video.sample_aspect != (1, 1):
        told.append(f"Its pixels are not square ({video.sample_aspect[0]}:{video.sample_aspect[1]}).")
    if not video.color_primaries and not video.color_matrix and video.chroma != "rgb":
        told.append("It does not say which colours it has: they are guessed by its size.")
    return told


KIND = Kind(
    name="probe",
    summary="Facts about a file: its streams, sizes, colours and lengths. Nothing is made or stored.",
    accepts=frozenset({"image", "video", "audio", "text"}),
    options=ProbeOptions,
    plan=plan,
    result=result,
    object="",
    examples=({},),
)
