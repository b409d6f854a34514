"""Subtitles as a track of text: of a file that is given, of those in the input, or of what is said in it."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import ffmpeg
from pydantic import Field, ValidationInfo, field_validator

from workers import graph
from workers.engine.errors import SourceUnsupported
from workers.engine.probe import Probe, SubtitleStream
from workers.formats import TEXTS, text_of_type
from workers.graph import subtitles as captions
from workers.graph.source import guarded
from workers.kinds.base import (
    Expected,
    FfmpegStep,
    FileUse,
    HelperStep,
    Kind,
    Need,
    Output,
    Plan,
    Result,
    Source,
    document_beside,
    document_result,
    entry_of,
)
from workers.kinds.groups import Tracked, Written
from workers.languages import language_code, language_name, language_tag, same_language
from workers.options import FileRef, LanguageTag, any_case
from workers.tracks.making import FACTS

EXTRACTED = "subtitles.extracted"
_COPIED = {"subrip": "srt", "srt": "srt", "webvtt": "webvtt"}  # codecs, and the format of files of them
_FAR = 86_400.0  # seconds, a day: no clock is off by more


class SubtitlesOptions(Tracked, Written):
    formats = ("vtt", "srt")
    echoed: ClassVar[frozenset[str]] = frozenset({"description", "input", "speakers"})

    format: Annotated[Literal["vtt", "srt"] | None, any_case({"webvtt": "vtt", "subrip": "srt"})] = Field(
        None, description="vtt (WebVTT) or srt (SubRip); as the filename says, else vtt, when not given."
    )
    language: LanguageTag = Field(
        None,
        description="Language of the subtitles: a tag such as en or pt-BR. It chooses among the input's own subtitles, "
        "and is taken as what is spoken; found out when not given.",
    )
    label: str | None = Field(
        None, max_length=200, description="What players call the track; the language's name when not given."
    )
    subtitle_url: FileRef | None = Field(
        None,
        description="Subtitles to convert, which then belong to the input's media: a file of this project or a URL, as "
        "SRT, WebVTT or ASS, 4 MiB at most.",
    )
    origin: Literal["embedded", "speech"] | None = Field(
        None,
        description="Where the text comes from without subtitle_url: embedded takes the input's own subtitles, speech "
        "what is said. Its own when not given, where it has some as text, else what is said.",
    )
    shift: float = Field(
        0.0,
        ge=-_FAR,
        le=_FAR,
        allow_inf_nan=False,
        description="Seconds by which every cue comes later; earlier when negative.",
    )

    @field_validator("origin")
    @classmethod
    def _one_origin(cls, origin: str | None, info: ValidationInfo) -> str | None:
        if origin and info.data.get("subtitle_url"):
            raise ValueError("cannot be given together with subtitle_url")
        return origin

    def file_refs(self) -> tuple[tuple[str, str], ...]:
        return (*super().file_refs(), *((("subtitle_url", self.subtitle_url),) if self.subtitle_url else ()))


class SubtitlesResult(Result):
    """What the track is."""

    type: str = Field(description="MIME type: text/vtt or text/srt.")
    format: str = Field(description="vtt or srt.")
    language: str | None = Field(description="Language tag; null where it is not known.")
    label: str | None = Field(description="What players call it.")
    duration: float | None = Field(description="Seconds, of the input.")
    filesize: int = Field(description="Bytes.")
    cues: int = Field(description="How many; 0 where nobody speaks.")
    origin: str = Field(description="file, embedded or speech: where the text comes from.")
    model: str | None = Field(None, description="Of what was heard: the model that heard it.")
    model_version: str | None = None
    notes: tuple[str, ...] = Field((), description="What was left out or changed, in words.")


@dataclass(frozen=True)
class SubtitlesPlan(Plan):
    """With what the result tells of the options."""

    label: str | None = None
    origin: str = "speech"
    duration: float | None = None


def plan(options: SubtitlesOptions, source: Source) -> Plan:
    """Where the text comes from, and what becomes of it. Pure."""
    facts = source.probe
    origin, track = _origin(options, facts)
    target = f"subtitles.{options.written}"
    said: dict[str, Any] = {
        "target": target,
        "format": options.written,
        "shift": options.shift,
        "duration": facts.duration,
        "language": options.language,
    }
    steps: tuple[FfmpegStep | HelperStep, ...]
    files: tuple[FileUse, ...] = ()
    reads = "whole"
    if origin == "file":
        given, param = (captions.GIVEN, "subtitle_url") if options.subtitle_url else (source.path, "input")
        files = (FileUse(options.subtitle_url, given, param),) if options.subtitle_url else ()
        reads = "nothing" if options.subtitle_url else "whole"
        checked = {"source": given, "target": captions.CLEAN, "param": param, "language": options.language}
        steps = (
            HelperStep("captions", checked, measures="captions"),
            FfmpegStep(
                _extracted(captions.checked()["s:0"], "ass"), needs=("srt",), weight=0.01, when="captions.script"
            ),
            HelperStep(
                "convert_track", said | {"sources": [EXTRACTED, captions.CLEAN], "param": param}, measures="track"
            ),
        )
    elif track is not None:
        said["language"] = options.language or language_tag(track.language)
        read = ffmpeg.input(source.path, **guarded(facts))[str(track.index)]
        steps = (
            FfmpegStep(
                _extracted(read, track.codec),
                duration=facts.duration,
                needs=() if track.codec in _COPIED else ("srt",),
            ),
            HelperStep("convert_track", said | {"sources": [EXTRACTED], "param": "input"}, measures="track"),
        )
    else:
        (need,) = needs(options, facts)
        steps = (HelperStep("speech_track", said | {"source": need.name}, measures="track"),)
        reads = "nothing"
    expected = Expected(target, TEXTS[options.written], None)
    return SubtitlesPlan(
        steps,
        (expected,),
        reads=reads,
        notes=_notes(facts, origin, track),
        files=files,
        label=options.label,
        origin=origin,
        duration=facts.duration,
    )


def _extracted(stream: Any, codec: str) -> tuple[str, ...]:
    """Arguments that make a file of a stream: as it is where that is SubRip or WebVTT, else as SubRip, the one of
    ffmpeg's text formats that keeps what looks like markup apart from what is."""
    kept = {"format": _COPIED[codec], "c:s": "copy"} if codec in _COPIED else {"format": "srt", "c:s": "srt"}
    settings = kept | {"map_metadata": -1, "flags:s": "+bitexact"}
    return tuple(ffmpeg.output(stream, EXTRACTED, **settings).get_args())


def _origin(options: SubtitlesOptions, facts: Probe) -> tuple[str, SubtitleStream | None]:
    """Where the text comes from, and the stream that it is in where it is embedded. Raises SourceUnsupported."""
    if options.subtitle_url or (facts.media_type == "text" and not options.origin):
        return "file", None
    track = _track(options, facts) if options.origin != "speech" else None
    if track is not None:
        return "embedded", track
    if options.origin == "embedded":
        raise SourceUnsupported(f"The input has no subtitles as text{_in(options.language)}.", param="origin")
    if graph.track(facts, options.audio_track) is None:
        pictures = " Its subtitles are pictures of text." if facts.subtitles else ""
        raise SourceUnsupported(
            f"subtitles needs sound, or subtitles as text; the input has neither{_in(options.language)}.{pictures}"
        )
    return "speech", None


def _in(language: str | None) -> str:
    return f" in {language_name(language)}" if language else ""


def _track(options: SubtitlesOptions, facts: Probe) -> SubtitleStream | None:
    """The input's own subtitles: in the language asked for, else in none that is told; whole ones before those that are
    only for what is foreign."""
    found = [track for track in facts.subtitles if captions.readable(track)]
    if options.language:
        spoken = [track for track in found if same_language(track.language, options.language)]
        found = spoken or [track for track in found if not language_tag(track.language)]
    return min(found, key=lambda track: (track.forced, not track.default, track.index), default=None)


def _notes(facts: Probe, origin: str, track: SubtitleStream | None) -> tuple[str, ...]:
    """What of the input's own subtitles was not used."""
    if origin == "file":
        return ()
    notes = []
    for other in facts.subtitles:
        told = f"Subtitle stream {other.index} ({other.codec}{f', {other.language}' if other.language else ''})"
        if not other.text:
            notes.append(f"{told} holds pictures of text, and was not used.")
        elif other is not track:
            notes.append(f"{told} was not used.")
    return tuple(notes)


def needs(options: SubtitlesOptions, facts: Probe) -> tuple[Need, ...]:
    """What is said, word by word, unless the text comes from elsewhere."""
    try:
        origin, _ = _origin(options, facts)
    except SourceUnsupported:
        return ()
    if origin != "speech":
        return ()
    spoken = language_code(options.language) if options.language else None
    wanted = {"words": True} | ({"language": spoken} if spoken else {})
    track = {} if options.audio_track is None else {"audio_track": options.audio_track}
    return (Need("speech", wanted | track),)


def result(plan: Plan, outputs: list[Output]) -> SubtitlesResult:
    """What the track holds, as was written beside it."""
    assert isinstance(plan, SubtitlesPlan)
    entry, facts = entry_of(outputs), document_beside(outputs, FACTS)
    return document_result(
        SubtitlesResult,
        facts,
        type=entry.type,
        format=text_of_type(entry.type),
        label=plan.label or language_name(facts["language"]),
        duration=plan.duration if plan.duration is not None else facts["end"] or None,
        filesize=entry.path.stat().st_size,
        origin=plan.origin,
        notes=plan.notes,
    )


KIND = Kind(
    name="subtitles",
    summary="Subtitles as a track, WebVTT or SubRip: from a file, from the input's own, or of what is said.",
    accepts=frozenset({"video", "audio", "text"}),
    options=SubtitlesOptions,
    plan=plan,
    result=result,
    object="track",
    lane="fast",
    needs=needs,
    examples=({"format": "srt", "language": "en"}, {"shift": -0.5}),
)
