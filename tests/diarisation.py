"""How well speakers were told apart: the diarisation error rate.

Source of the measure: NIST's Rich Transcription evaluations (seconds missed, made up and given to the wrong speaker, by
seconds of speech; the speakers matched in the best way; nothing is counted within a quarter of a second of a change).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

COLLAR = 0.25  # seconds
TICKS = 100  # a second


@dataclass(frozen=True)
class Turn:
    start: float
    end: float
    speaker: int


@dataclass(frozen=True)
class Rate:
    """Seconds."""

    missed: float = 0.0
    invented: float = 0.0
    confused: float = 0.0
    speech: float = 0.0

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(
            self.missed + other.missed,
            self.invented + other.invented,
            self.confused + other.confused,
            self.speech + other.speech,
        )


def error_rate(truth: Sequence[Turn], told: Sequence[Turn]) -> Rate:
    """The seconds that are wrong. Turns do not overlap."""
    count = round(max((turn.end for turn in (*truth, *told)), default=0.0) * TICKS) + 1
    true, heard = _ticks(truth, count), _ticks(told, count)
    for edge in (moment for turn in truth for moment in (turn.start, turn.end)):
        for tick in range(max(0, round((edge - COLLAR) * TICKS)), min(count, round((edge + COLLAR) * TICKS))):
            true[tick] = heard[tick] = None
    pairs = [
        (first, second) for first, second in zip(true, heard, strict=True) if first is not None or second is not None
    ]
    both = [(first, second) for first, second in pairs if first is not None and second is not None]
    right = _matched(both)
    return Rate(
        missed=sum(second is None for _, second in pairs) / TICKS,
        invented=sum(first is None for first, _ in pairs) / TICKS,
        confused=(len(both) - right) / TICKS,
        speech=sum(first is not None for first, _ in pairs) / TICKS,
    )


def _ticks(turns: Sequence[Turn], count: int) -> list[int | None]:
    ticks: list[int | None] = [None] * count
    for turn in turns:
        for tick in range(round(turn.start * TICKS), round(turn.end * TICKS)):
            ticks[tick] = turn.speaker
    return ticks


def _matched(both: Sequence[tuple[int, int]]) -> int:
    """How many agree when speakers are matched in the best way, each with one at most."""
    first, second = ({pair[side] for pair in both} for side in (0, 1))
    fewer, more = sorted((sorted(first), sorted(second)), key=len)
    side = 0 if len(first) <= len(second) else 1
    times: dict[tuple[int, int], int] = {}
    for pair in both:
        key = (pair[side], pair[1 - side])
        times[key] = times.get(key, 0) + 1
    return max(
        (
            sum(times.get(pair, 0) for pair in zip(fewer, chosen, strict=True))
            for chosen in permutations(more, len(fewer))
        ),
        default=0,
    )
