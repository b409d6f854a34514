"""Where a sound pauses. Pure: plans a look at its loudness, and judges what was measured.

ffmpeg writes the level of every tenth of a second to LEVELS. What is quiet is told by the sound itself: far below what
is loud in it, so that a noisy recording has pauses as well, and music without any has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers import graph
from workers.engine.printed import read_printed
from workers.engine.probe import AudioStream
from workers.plans import FfmpegStep, Source

LEVELS = "levels.txt"
_KEY = "lavfi.astats.Overall.RMS_level"
BLOCK = 0.1  # seconds
MOST = 24 * 3600 * 10 * 2  # lines that are read: a day
SHORTEST = 0.4  # seconds
SILENT, FAR = -75.0, 20.0  # dB: level below which nothing is heard, and how far below what is loud a pause is
NEAR = 6.0  # dB above the quietest, that a pause may have


@dataclass(frozen=True)
class Pause:
    """Seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


def level_step(source: Source, audio: AudioStream, *, weight: float = 0.2) -> FfmpegStep:
    """A run that writes the LEVELS of one of the source's sounds."""
    samples = max(1, round((audio.sample_rate or 48_000) * BLOCK))
    stream = graph.source_input(source.probe, source.path)[str(audio.index)]
    stream = stream.filter("asetnsamples", n=samples, p=0)
    stream = stream.filter("astats", metadata=1, reset=1, measure_perchannel="none", measure_overall="RMS_level")
    stream = stream.filter("ametadata", mode="print", key=_KEY, file=LEVELS)
    args = graph.output_args([stream], "-", {"format": "null", **graph.thread_settings()})
    return FfmpegStep(args, source.probe.duration, weight=weight)


def read_levels(path: Path) -> tuple[list[float], list[float]]:
    """(times in seconds, levels in dB); empty where the file is missing."""
    times, levels = read_printed(path, _KEY, SILENT, lines=MOST)
    return times, [max(SILENT, level) for level in levels]


def find_pauses(times: Sequence[float], levels: Sequence[float]) -> tuple[Pause, ...]:
    """The pauses, in order; silence throughout is none."""
    if not levels:
        return ()
    ordered = sorted(levels)
    loud = ordered[len(ordered) * 3 // 4]
    quiet = max(SILENT + 1.0, min(loud - FAR, ordered[len(ordered) // 50] + NEAR))
    if loud <= quiet or ordered[-1] <= quiet:
        loud = ordered[-1]
        quiet = max(SILENT + 1.0, min(loud - FAR, ordered[0] + NEAR))
    found: list[Pause] = []
    start: float | None = None
    for time, level in zip([*times, times[-1] + BLOCK], [*levels, 0.0], strict=True):
        if level < quiet and start is None:
            start = time
        elif level >= quiet and start is not None:
            if time - start >= SHORTEST and not (start <= times[0] and time > times[-1]):
                found.append(Pause(round(start, 3), round(time, 3)))
            start = None
    return tuple(found)
