"""Holds what was made against what was planned, before anyone is told that it is ready.

How near is near enough: lengths to SLACK, or to SHARE of a long one, or to two frames; rates to RATE, or to one frame
of the whole; all else exactly.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from workers.engine.ending import Scanned, ends_before, scan
from workers.engine.errors import NOTHING, EngineUnavailable, LimitExceeded, MediaError, OutputMismatch
from workers.engine.probe import Probe, probe
from workers.engine.runner import Stops
from workers.plans import Expected, Output, Plan

SLACK = 0.25  # seconds: priming of sound, the length of a last frame
SHARE = 0.02  # of the length: timestamps of damaged or variable sources
RATE = 0.005  # of a steady rate
GAP = 2.5  # frames of a steady rate that may lie between two
# What the container of a format is found to be, where that has another name.
_CONTAINERS = {"aac": "mp4", "alac": "mp4", "opus": "ogg"}
_SCANNED = ("video", "audio")


def verify(plan: Plan, outputs: list[Output], source: Path, *, report: Stops | None = None) -> tuple[Output, ...]:
    """The outputs with their facts, each as planned. Raises OutputMismatch, which names all that is not; and
    EngineUnavailable, Stopped.

    `source` is looked at only when an output is shorter than planned, to tell why.
    """
    checked = []
    for output in outputs:
        expected = next(item for item in plan.expected if item.name == output.name or _covers(item.name, output.name))
        checked.append(_checked(output, expected, source, report))
    for expected in plan.expected:
        if not any(item.name == expected.name or _covers(expected.name, item.name) for item in checked):
            raise OutputMismatch(NOTHING)
    return tuple(checked)


def _checked(output: Output, expected: Expected, source: Path, report: Stops | None) -> Output:
    # A link is no output: tools make none, and what it leads to is not theirs to give.
    if output.path.is_symlink() or not output.path.is_file() or not output.path.stat().st_size:
        raise OutputMismatch(NOTHING)
    if expected.media_type is None:
        return output
    facts = output.probe
    streams: tuple[Scanned, ...] = ()
    if facts is None:
        try:
            facts = probe(output.path, report=report)
            if facts.media_type in _SCANNED:
                streams = scan(output.path, facts.size, report=report)
        except LimitExceeded as exc:
            raise EngineUnavailable("The output could not be checked in time.", log=exc.log) from exc
        except MediaError as exc:
            raise OutputMismatch("The output made cannot be read back.", log=f"{exc.message}\n{exc.log}") from exc
    if problems := [*differences(facts, expected, source, report), *damage(streams, expected, facts)]:
        raise OutputMismatch(" ".join(problems), log=str(expected.to_json()))
    return replace(output, probe=facts)


def differences(facts: Probe, expected: Expected, source: Path, report: Stops | None = None) -> list[str]:
    """A sentence, with both values, for each fact that is not as planned."""
    found = []
    if facts.media_type != expected.media_type:
        found.append(f"The output is of type {facts.media_type}, not {expected.media_type}.")
    if expected.width and facts.displayed and facts.displayed != (expected.width, expected.height):
        found.append(f"The output is {facts.width} × {facts.height} pixels, not {expected.width} × {expected.height}.")
    # Frames that are all the same become one: then there is neither length nor movement to look at.
    stands_still = facts.image is not None and facts.image.frames == 1 and expected.duration is not None
    if expected.duration is not None and not stands_still:
        found += _length_differences(facts, expected, expected.duration, source, report)
    if expected.media_type != "image":
        found += _stream_differences(facts, expected)
    container = _CONTAINERS.get(expected.container or "", expected.container)
    found += _unlike(
        ("container", facts.container, container),
        ("number of audio streams", len(facts.audios), expected.audios),
        ("number of subtitle streams", len(facts.subtitles), expected.subtitles),
        ("number of frames", facts.frames, None if stands_still else expected.frames),
    )
    if expected.alpha is not None and bool(facts.transparency) != expected.alpha:
        found.append(
            "The output is opaque, not transparent." if expected.alpha else "The output is transparent, not opaque."
        )
    if facts.faststart is False:
        found.append("The output's index comes after its media.")
    if facts.has_location:
        found.append("The output still holds a location.")
    return found


def _unlike(*compared: tuple[str, Any, Any]) -> list[str]:
    """Sentences for (what, found, expected) that differ; None as expected is not looked at."""
    return [
        f"The output's {what} is {'unknown' if found is None else found}, not {wanted}."
        for what, found, wanted in compared
        if wanted is not None and found != wanted
    ]


def _length_differences(
    facts: Probe, expected: Expected, planned: float, source: Path, report: Stops | None
) -> list[str]:
    length = facts.duration or 0.0
    slack = max(SLACK, planned * SHARE, 2.0 / (facts.fps or 30.0))
    if abs(length - planned) <= slack:
        return []
    early = length < planned and _ends_early(source, expected.until, slack, report)
    if length < planned and expected.at_most and not early:
        return []
    if early:
        return [f"The input is damaged or cut short: only {length:.2f} of {planned:.2f} s could be made."]
    return [f"The output is {length:.2f} s long, not {planned:.2f} s."]


def _ends_early(source: Path, until: float | None, slack: float, report: Stops | None) -> bool:
    """Whether the source cannot be decoded as far as it was to be used."""
    return until is not None and ends_before(source, until - slack, report=report)


def _stream_differences(facts: Probe, expected: Expected) -> list[str]:
    found: list[str] = []
    video, audio = facts.video, facts.audio
    if expected.video_codec != (video.codec if video else None):
        found.append(f"The output's video codec is {video.codec if video else 'none'}, not {expected.video_codec}.")
    codec = audio.codec if audio else None
    if codec and codec.startswith("pcm_"):
        codec = "pcm"
    if expected.audio_codec != codec:
        found.append(f"The output's audio codec is {codec or 'none'}, not {expected.audio_codec}.")
    if audio:
        found += _unlike(
            ("number of channels", audio.channels, expected.channels),
            ("sample rate", audio.sample_rate, expected.sample_rate),
        )
    if video is None:
        return found
    if video.rotation or video.sample_aspect != (1, 1):
        found.append("The output's picture is still turned or stretched by flags.")
    names = ("colour primaries", "transfer", "colour matrix")
    colors = (video.color_primaries, video.color_transfer, video.color_matrix)
    found += _unlike(
        *zip(names, colors, expected.colors or (None, None, None), strict=True),
        ("colour range", video.color_range, expected.color_range),
        ("bit depth", video.bit_depth, expected.bit_depth),
    )
    if expected.fps is not None:
        rate = video.frame_rate or 0.0
        frames = expected.fps * (facts.duration or 1.0)
        if abs(rate - expected.fps) > expected.fps * max(RATE, 1.0 / max(1.0, frames)):
            found.append(f"The output has {rate:g} frames per second, not {expected.fps:g}.")
    return found


def damage(streams: tuple[Scanned, ...], expected: Expected, facts: Probe) -> list[str]:
    """A sentence for each stream whose packets are not in order, or whose end is missing or cannot be decoded."""
    found = []
    end, length = max((stream.end for stream in streams), default=0.0), facts.duration or 0.0
    if streams and end < length - max(SLACK, length * SHARE):
        found.append(f"The output's packets end at {end:.2f} s, not {length:.2f} s.")
    for stream in streams:
        told = f"The output's {stream.type} stream {stream.index}"
        if not stream.packets:
            found.append(f"{told} is empty.")
        elif not stream.decoded:
            found.append(f"{told} cannot be decoded at its end.")
        if stream.damaged or stream.broken:
            found.append(f"{told} is damaged in {stream.damaged or stream.broken} places.")
        if stream.backwards:
            found.append(f"{told} goes back in time in {stream.backwards} places.")
        if stream.type == "video" and expected.fps and stream.step > GAP / expected.fps:
            found.append(f"{told} has a gap of {stream.step:.2f} s, not {1 / expected.fps:.2f} s between frames.")
    return found


def _covers(pattern: str, name: str) -> bool:
    before, star, after = pattern.partition("*")
    return bool(star) and name.startswith(before) and name.endswith(after)
