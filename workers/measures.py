"""Values that one run of ffmpeg measures for a later one: read from what it prints, bound into arguments. Pure.

A step names its values, how they are read and what the reader is told: "loudness -16 -1.5", or "loudness.1 -16 -1.5"
where a plan has several; "loudness/correction -16" adds to values of that name. A value called `note` is for people,
and told with the plan's own notes; it is "" when there is nothing to tell.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from workers.engine.errors import ProcessingFailed

PLACE = re.compile(r"@\{([a-z0-9_.]+)\}")
_SUMMARY = re.compile(r"\bI:\s+(-?\S+) LUFS.*?\bPeak:\s+(\S+) dBFS", re.DOTALL)
SILENCE = -70.0  # LUFS, EBU R 128's absolute gate: nothing louder was there, or nothing of 0.4 s
MOST_LIMITED = 12.0  # dB that a limiter may take off the highest peaks before that is heard
MOST_CORRECTED = 4.0  # dB at once; what the limiter takes off the loudness is less, but where bursts are all there is
NEAR = 0.5  # LU that a loudness may be off its target (EBU R 128 allows as much for what cannot be checked exactly)


def _loudness(log: str, target: str, true_peak: str) -> dict[str, str]:
    """`gain` in dB that brings what ffmpeg's `ebur128` measured to `target` LUFS, as far as a limiter at `true_peak`
    dBTP can hold the peaks; `aim` is the loudness it comes to, `limited` whether there is work for the limiter.
    `integrated` (LUFS) and `peak` (dBTP) are as they were."""
    integrated, peak = _summary(log)
    told = {"integrated": f"{integrated:.1f}", "peak": f"{peak:.1f}", "limited": "", "note": ""}
    told |= {"correction": "0.00", "again": "0.00", "short": ""}
    if not integrated > SILENCE:
        note = "The sound is silent, or too short to be measured: its loudness was left as it is."
        return told | {"gain": "0.00", "aim": f"{integrated:.1f}", "note": note}
    wanted = float(target) - integrated
    gain = min(wanted, max(0.0, float(true_peak) + MOST_LIMITED - peak))
    told |= {"gain": f"{gain:.2f}", "aim": f"{integrated + gain:.1f}"}
    taken = peak + gain - float(true_peak)
    if taken > 0:
        told |= {"limited": "yes", "note": f"A limiter took up to {taken:.1f} dB off the highest peaks."}
    if wanted - gain > NEAR:
        note = (
            f"The sound was made {gain:.1f} dB louder and not {wanted:.1f} dB, as its peaks would have been crushed: "
            f"it is at {integrated + gain:.1f} LUFS, not {float(target):.1f}."
        )
        told |= {"note": note.replace("-", "−")}
    return told


def _correction(log: str, aim: str) -> dict[str, str]:
    """The `correction` in dB that makes good for what the limiter took off the loudness; `short` whether that is so
    much that it will take more again."""
    lost = _lost(log, aim)
    return {"correction": f"{lost:.2f}", "short": "yes" if lost > NEAR else ""}


def _again(log: str, aim: str) -> dict[str, str]:
    """What is added once more; with a note where that cannot be enough."""
    lost = _lost(log, aim)
    note = f"Its peaks are most of the sound: held by the limiter, it stays below {float(aim):.1f} LUFS."
    told = {"again": f"{lost:.2f}"}
    return told | ({"note": note.replace("-", "−")} if lost > 2 * NEAR else {})


def _lost(log: str, aim: str) -> float:
    integrated, _ = _summary(log)
    return max(0.0, min(MOST_CORRECTED, float(aim) - integrated))


def _summary(log: str) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP) as `ebur128` tells them at its end."""
    found = _SUMMARY.findall(log)
    if not found:
        raise ProcessingFailed("The loudness of the sound could not be measured.", log=log)
    integrated, peak = (float(number) for number in found[-1])
    return integrated, peak


# By name: from the end of the log, and what the step tells, to values by theirs. Raises ProcessingFailed where they are
# not in it.
MEASURES: dict[str, Callable[..., dict[str, str]]] = {
    "loudness": _loudness,
    "correction": _correction,
    "again": _again,
}


def measured(measure: str, log: str) -> dict[str, str]:
    """The values, as `<name>.<value>`, that a run with this measure printed. Raises ProcessingFailed."""
    names, *told = measure.split()
    name, _, reader = names.partition("/")
    return {f"{name}.{key}": value for key, value in MEASURES[reader or name.partition(".")[0]](log, *told).items()}


def measured_notes(values: Mapping[str, str]) -> tuple[str, ...]:
    """What was measured for people to know."""
    return tuple(dict.fromkeys(value for name, value in values.items() if name.endswith(".note") and value))


def bind_all(data: Any, values: Mapping[str, str]) -> Any:
    """JSON data with the values bound in every text that it holds."""
    if isinstance(data, str):
        return bind(data, values) if "@{" in data else data
    if isinstance(data, dict):
        return {name: bind_all(item, values) for name, item in data.items()}
    return [bind_all(item, values) for item in data] if isinstance(data, list) else data


def bind(text: str, values: Mapping[str, str]) -> str:
    """The text with every `@{name.value}` replaced. Raises ProcessingFailed for one that was not measured."""

    def found(place: re.Match[str]) -> str:
        try:
            return values[place[1]]
        except KeyError:
            raise ProcessingFailed(f"{place[1]} was needed and not measured.") from None

    return PLACE.sub(found, text)
