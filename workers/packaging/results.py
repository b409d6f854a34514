"""What was packaged, held against the plan, and told of."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from workers.engine import host
from workers.engine.ending import ends_before
from workers.engine.errors import NOTHING, EngineUnavailable, LimitExceeded, MediaError, OutputMismatch
from workers.engine.probe import Probe, probe
from workers.engine.runner import Silent, Stops
from workers.packaging import hls, transport
from workers.packaging.package import FACTS
from workers.packaging.rendition import Described, described
from workers.plans import HelperStep, Output, Plan
from workers.preview import preview
from workers.results import SourceResult, entry_of, source_result
from workers.verify import SHARE, SLACK

_SYNC = 0.06  # seconds between the beginnings of picture and sound: the distance of two frames
_PRIMING = 1024  # samples ahead of the first that is heard: a frame of AAC
_SAMPLE = "rendition.mp4"


class Rendition(BaseModel):
    """One rendition as a player sees it."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Its folder.")
    width: int | None = Field(None, description="Pixels; none of sound.")
    height: int | None = None
    fps: float | None = Field(None, description="Frames per second.")
    bitrate: int = Field(description="Bits per second, on average.")
    peak_bitrate: int = Field(description="Bits per second of the worst moment, as HLS counts it.")
    codecs: str = Field(description="As RFC 6381 names them.")
    language: str | None = None
    duration: float = Field(description="Seconds.")
    segments: int


class PackageResult(SourceResult):
    """Facts of the largest rendition, and of each."""

    renditions: tuple[Rendition, ...] = Field((), description="Pictures from the largest down, then sounds.")


def package_result(plan: Plan, outputs: list[Output]) -> PackageResult:
    """The facts of a verified package. Raises OutputMismatch when there is none."""
    told = source_result(plan, outputs)
    found = _read(entry_of(outputs).path.parent / FACTS)
    return PackageResult(**told.model_dump(), renditions=tuple(Rendition(**one) for one in found["renditions"]))


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


@dataclass(frozen=True)
class _Asked:
    """What the plan says of the package, in the last step's words."""

    pictures: list[dict[str, Any]]
    sounds: list[dict[str, Any]]
    fmp4: bool

    @classmethod
    def of(cls, plan: Plan) -> "_Asked":
        step = plan.steps[-1]
        assert isinstance(step, HelperStep)
        told = step.operations
        return cls(list(told["pictures"]), list(told["sounds"]), bool(told["fmp4"]))


def verify_package(
    plan: Plan, outputs: list[Output], source: Path, *, report: Stops | None = None
) -> tuple[Output, ...]:
    """The outputs, the entry with the facts of the largest rendition. Raises OutputMismatch with both values,
    EngineUnavailable, Stopped.

    Everything a playlist names is there and nothing else; sizes, lengths, and that renditions begin together and are
    cut at the same moments; the last segment of each is decoded to its end.
    """
    report = report or Silent()
    asked, workdir = _Asked.of(plan), outputs[0].path.parent
    for output in outputs:
        if not output.path.is_file() or not output.path.stat().st_size:
            raise OutputMismatch(NOTHING)
    expected = plan.expected[0]
    found = [described(workdir, told["folder"]) for told in (*asked.pictures, *asked.sounds)]
    problems = [
        *_strays(outputs, workdir),
        *_sizes(asked, found),
        *_alignment(asked, found),
        *_beginnings(asked, found),
    ]
    length = _read(workdir / FACTS)["duration"]
    problems += _length(length, expected.duration, expected.until, source, report)
    for one, told in zip(found, (*asked.pictures, *asked.sounds), strict=True):
        problems += _decoded(workdir, one, told, report)
    if problems:
        raise OutputMismatch(problems[0], log="\n".join(problems))
    facts = _facts(workdir, outputs, asked, found, report)
    look = preview(workdir / _SAMPLE, facts[1], workdir, report=report) if asked.pictures else None
    (workdir / _SAMPLE).unlink()
    return tuple(replace(one, probe=facts[0], preview=look) if one.entry else one for one in outputs)


def _strays(outputs: list[Output], workdir: Path) -> Iterable[str]:
    """What is named and not there, or there and not named."""
    made = {output.name for output in outputs}
    named: set[str] = set()
    for output in outputs:
        if output.name.endswith(".m3u8"):
            folder = output.path.parent.relative_to(workdir)
            named |= {str(folder / uri) for uri in uris(output.path.read_text())}
    listed = {name for name in made if not name.endswith((hls.MASTER, ".mpd"))}
    for name in sorted(named - made):
        yield f"The playlists name {name}, which was not made."
    for name in sorted(listed - named):
        yield f"{name} was made, and no playlist names it."


def uris(playlist: str) -> list[str]:
    """What a playlist names, in order: lines of their own, and URI attributes."""
    found = []
    for line in playlist.splitlines():
        if line and not line.startswith("#"):
            found.append(line)
        elif 'URI="' in line:
            found.append(line.partition('URI="')[2].partition('"')[0])
    return found


def _sizes(asked: _Asked, found: list[Described]) -> Iterable[str]:
    for told, one in zip(asked.pictures, found, strict=False):
        size, planned = (one.width, one.height), (told["width"], told["height"])
        if one.fmp4 and size != planned:
            yield f"{one.folder} is {size[0]} × {size[1]} pixels, not {planned[0]} × {planned[1]}."


def _alignment(asked: _Asked, found: list[Described]) -> Iterable[str]:
    """Each picture's segments begin with a key frame, at the moments that the first's do, within a frame."""
    boundaries: list[Fraction] | None = None
    for told, one in zip(asked.pictures, found, strict=False):
        if not all(key for *_, key in one.segments):
            yield f"A segment of {one.folder} does not begin with a key frame."
        moments, moment = [], Fraction(one.begin, one.timescale)
        for _, ticks, _, _ in one.segments:
            moments.append(moment)
            moment += Fraction(ticks, one.timescale)
        if boundaries is None:
            boundaries = moments
        frame = 1 / Fraction(told["rate"])
        if len(moments) != len(boundaries):
            yield f"{one.folder} has {len(moments)} segments, not {len(boundaries)} as the others."
        elif any(abs(mine - other) > frame for mine, other in zip(moments, boundaries, strict=True)):
            yield f"The segments of {one.folder} are not cut where the others' are."


def _beginnings(asked: _Asked, found: list[Described]) -> Iterable[str]:
    """All of it begins at the same moment: renditions are played together, by their timestamps. Sound by its priming
    before it, which lasts the longer the lower its rate is."""
    for one, told in zip(found, (*asked.pictures, *asked.sounds), strict=True):
        start = (one.begin - (0 if one.fmp4 else transport.BEGIN)) / one.timescale
        priming = _PRIMING / told["sample_rate"] if "sample_rate" in told else 0.0
        if not -_SYNC - priming <= start <= _SYNC:
            yield f"{one.folder} begins at {start:.3f} s, not at 0."


def _length(length: float, planned: float | None, until: float | None, source: Path, report: Stops) -> Iterable[str]:
    if planned is None:
        return
    slack = max(SLACK, planned * SHARE)
    if length < planned - slack:
        if until is not None and ends_before(source, until - slack, report=report):
            yield f"The input is damaged or cut short: only {length:.2f} of {planned:.2f} s could be made."
        else:
            yield f"The package is {length:.2f} s long, not {planned:.2f} s."
    elif length > planned + slack:
        yield f"The package is {length:.2f} s long, not {planned:.2f} s."


def _decoded(workdir: Path, one: Described, told: dict[str, Any], report: Stops) -> Iterable[str]:
    name, ticks, *_ = one.segments[-1]
    asked = {"folder": one.folder, "fmp4": one.fmp4, "segment": name}
    seen = host.call("check_rendition", {"cwd": str(workdir.absolute()), "operations": asked}, report=report)
    if "width" in told and (seen["width"], seen["height"]) != (told["width"], told["height"]):
        size = f"{seen['width']} × {seen['height']}"
        yield f"{one.folder} is {size} pixels, not {told['width']} × {told['height']}."
    if "rate" in told:
        planned = round(ticks / one.timescale * float(Fraction(told["rate"])))
        if abs(seen["frames"] - planned) > 1:
            yield f"The end of {one.folder} has {seen['frames']} frames that can be decoded, not {planned}."


def _facts(
    workdir: Path, outputs: list[Output], asked: _Asked, found: list[Described], report: Stops
) -> tuple[Probe, Probe]:
    """(facts of the whole package, facts of the largest rendition's first segment, which is left at _SAMPLE)."""
    sound = next((one for one in found[len(asked.pictures) :]), None)
    heard = _probed(workdir, sound, report) if sound and asked.pictures else None
    top = _probed(workdir, found[0], report)
    told = _read(workdir / FACTS)
    length = told["duration"]
    bitrate = told["renditions"][0]["bitrate"] + (told["renditions"][len(asked.pictures)]["bitrate"] if heard else 0)
    rate = round(float(Fraction(asked.pictures[0]["rate"])), 6) if asked.pictures else None
    videos = tuple(
        replace(stream, frame_rate=rate, base_rate=rate, frames=found[0].samples, duration=length)
        for stream in top.videos
    )
    audios = tuple(
        replace(stream, index=place, duration=length, bitrate=None)
        for place, stream in enumerate(heard.audios if heard else top.audios, start=len(videos))
    )
    entry = next(output for output in outputs if output.entry)
    whole = replace(
        top,
        mime=entry.type,
        container="dash" if entry.name.endswith(".mpd") else "hls",
        size=sum(output.path.stat().st_size for output in outputs),
        demuxer=None,
        duration=length,
        bitrate=bitrate,
        videos=videos,
        audios=audios,
        faststart=None,
        codecs=None,
        tags={},
    )
    return whole, top


def _probed(workdir: Path, one: Described, report: Stops) -> Probe:
    """Facts of a rendition's first segment, as a file of its own."""
    folder, sample = workdir / one.folder, workdir / _SAMPLE
    parts = [*([folder / hls.INIT] if one.fmp4 else []), folder / one.segments[0][0]]
    with sample.open("wb") as target:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, target)
    try:
        return probe(sample, deep=True, report=report)
    except LimitExceeded as exc:
        raise EngineUnavailable("The output could not be checked in time.", log=exc.log) from exc
    except MediaError as exc:
        raise OutputMismatch("The package made cannot be read back.", log=f"{exc.message}\n{exc.log}") from exc
