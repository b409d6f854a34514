"""A long sound in pieces that a server takes, cut where it is quiet, so that no word is cut and none comes twice."""

import io
import sys
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.engine.errors import SourceUnreadable

LONGEST = 600.0  # seconds: 19 MB of WAV, where most servers take 25 MB
SEARCHED = 60.0  # seconds before that, in which the quietest moment is looked for
PAUSE, HOP = 0.3, 0.02  # seconds: how long it must be quiet, and how finely that is looked for
SILENT = 33  # of 32768, 60 dB below full scale: where nothing is louder, nobody speaks


@dataclass(frozen=True)
class Piece:
    """A part of a sound, seconds from its start, as a WAV file; None where it is silent."""

    start: float
    end: float
    wav: bytes | None


def pieces(sound: Path, longest: float = LONGEST, searched: float = SEARCHED) -> Iterator[Piece]:
    """The whole of a WAV file of one channel and 16 bits, one piece after the other. Raises SourceUnreadable."""
    try:
        with wave.open(str(sound), "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise SourceUnreadable("The sound is not of one channel and 16 bits.")
            rate, at, kept = file.getframerate(), 0, b""
            while True:
                most = int(longest * rate)
                kept += file.readframes(most - len(kept) // 2)
                if not kept:
                    return
                cut = len(kept) // 2
                if cut == most:
                    cut = _quietest(_samples(kept), rate, most - int(searched * rate))
                data, kept = kept[: 2 * cut], kept[2 * cut :]
                yield Piece(at / rate, (at + cut) / rate, _wav(data, rate))
                at += cut
    except (wave.Error, EOFError) as exc:
        raise SourceUnreadable("The sound cannot be read.", log=str(exc)) from exc


def _samples(data: bytes) -> array:
    found = array("h", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _quietest(samples: array, rate: int, first: int) -> int:
    """The middle of the quietest pause after the sample `first`; the later one of two."""
    hop, count = max(1, int(HOP * rate)), int(PAUSE / HOP)
    first = max(hop, first)
    loud = [sum(map(abs, samples[at : at + hop])) for at in range(first, len(samples) - hop, hop)]
    if len(loud) <= count:
        return len(samples)
    sums = [sum(loud[:count])]
    for place in range(count, len(loud)):
        sums.append(sums[-1] + loud[place] - loud[place - count])
    best = min(range(len(sums)), key=lambda place: (sums[place], -place))
    return first + (best + count // 2) * hop


def _wav(data: bytes, rate: int) -> bytes | None:
    samples = _samples(data)
    if max(max(samples), -min(samples)) < SILENT:
        return None
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data)
    return whole.getvalue()
