"""Holds what was made against what was planned, before anyone is told that it is ready."""

from dataclasses import replace
from pathlib import Path

from workers.engine.ending import decoded_end
from workers.engine.errors import EngineUnavailable, LimitExceeded, MediaError, OutputMismatch
from workers.engine.probe import Probe, probe
from workers.engine.runner import Stops
from workers.plans import Expected, Output, Plan

SLACK = 0.25  # seconds: priming of sound, the length of a last frame
SHARE = 0.02  # of the length: timestamps of damaged or variable sources


def verify(plan: Plan, outputs: list[Output], source: Path, *, report: Stops | None = None) -> tuple[Output, ...]:
    """The outputs with their facts, each as planned. Raises OutputMismatch, EngineUnavailable, Stopped.

    `source` is looked at only when an output is shorter than planned, to tell why.
    """
    checked = []
    for output in outputs:
        expected = next(item for item in plan.expected if item.name == output.name or _covers(item.name, output.name))
        checked.append(_checked(output, expected, source, report))
    for expected in plan.expected:
        if not any(item.name == expected.name or _covers(expected.name, item.name) for item in checked):
            raise OutputMismatch("Nothing was made: the input has no picture or sound where it was asked for.")
    return tuple(checked)


def _checked(output: Output, expected: Expected, source: Path, report: Stops | None) -> Output:
    if not output.path.is_file() or not output.path.stat().st_size:
        raise OutputMismatch("Nothing was made: the input has no picture or sound where it was asked for.")
    if expected.media_type is None:
        return output
    facts = output.probe
    if facts is None:
        try:
            facts = probe(output.path, deep=True, report=report)
        except LimitExceeded as exc:
            raise EngineUnavailable("The output could not be checked in time.", log=exc.log) from exc
        except MediaError as exc:
            raise OutputMismatch("The output made cannot be read back.", log=f"{exc.message}\n{exc.log}") from exc
    for problem in _differences(facts, expected, source, report):
        raise OutputMismatch(problem, log=str(expected.to_json()))
    return replace(output, probe=facts)


def _differences(facts: Probe, expected: Expected, source: Path, report: Stops | None) -> list[str]:
    found = []
    if facts.media_type != expected.media_type:
        found.append(f"The output is of type {facts.media_type}, not {expected.media_type}.")
    if expected.width and facts.displayed != (expected.width, expected.height):
        found.append(f"The output is {facts.width} × {facts.height} pixels, not {expected.width} × {expected.height}.")
    stands_still = facts.image is not None and facts.image.frames == 1  # frames that are all the same become one
    if expected.duration is not None and not stands_still:
        length = facts.duration or 0.0
        slack = max(SLACK, expected.duration * SHARE, 2.0 / (facts.fps or 30.0))
        if length < expected.duration - slack:
            if _ends_early(source, expected.until, slack, report):
                found.append(
                    f"The input is damaged or cut short: only {length:.2f} of {expected.duration:.2f} s could be made."
                )
            else:
                found.append(_other_length(length, expected.duration))
        elif length > expected.duration + slack:
            found.append(_other_length(length, expected.duration))
    found += _stream_differences(facts, expected)
    if facts.faststart is False:
        found.append("The output's index comes after its media.")
    if facts.has_location:
        found.append("The output still holds a location.")
    return found


def _other_length(length: float, expected: float) -> str:
    return f"The output is {length:.2f} s long, not {expected:.2f} s."


def _ends_early(source: Path, until: float | None, slack: float, report: Stops | None) -> bool:
    """Whether the source cannot be decoded as far as it was to be used."""
    if until is None:
        return False
    try:
        return decoded_end(source, until - slack, report=report) < until - slack
    except MediaError:
        return True


def _stream_differences(facts: Probe, expected: Expected) -> list[str]:
    found: list[str] = []
    if expected.media_type == "image":
        return found
    video, audio = facts.video, facts.audio
    if expected.video_codec != (video.codec if video else None):
        found.append(f"The output's video codec is {video.codec if video else 'none'}, not {expected.video_codec}.")
    codec = audio.codec if audio else None
    if codec and codec.startswith("pcm_"):
        codec = "pcm"
    if expected.audio_codec != codec:
        found.append(f"The output's audio codec is {codec or 'none'}, not {expected.audio_codec}.")
    if video and (video.rotation or video.sample_aspect != (1, 1)):
        found.append("The output's picture is still turned or stretched by flags.")
    return found


def _covers(pattern: str, name: str) -> bool:
    before, star, after = pattern.partition("*")
    return bool(star) and name.startswith(before) and name.endswith(after)
