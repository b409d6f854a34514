"""What ffmpeg's `metadata` filters print of each frame, read back: when it is shown, and one measured value."""

import itertools
from pathlib import Path

MOST = 1e9  # of a number that is believed, either way


def read_printed(path: Path, key: str, otherwise: float, *, lines: int) -> tuple[list[float], list[float]]:
    """(times in seconds, the value of `key`) of each frame among the first `lines`; `otherwise` for a frame without
    that value or with one that is no number. A time that is none is the one before. Empty where the file is missing,
    as it is where ffmpeg had no frame."""
    times: list[float] = []
    values: list[float] = []
    if not path.is_file():
        return times, values
    with path.open(encoding="ascii", errors="replace") as printed:
        for line in itertools.islice(printed, lines):
            if line.startswith("frame:"):
                times.append(_number(line.partition("pts_time:")[2], times[-1] if times else 0.0))
                values.append(otherwise)
            elif line.startswith(f"{key}=") and values:
                values[-1] = _number(line.partition("=")[2], otherwise)
    return times, values


def _number(text: str, otherwise: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return value if -MOST < value < MOST else otherwise
