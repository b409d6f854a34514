"""The peaks of a sound, found by ffmpeg. Pure."""

from typing import Any

import ffmpeg

from workers.engine.errors import SourceUnsupported
from workers.graph.output import thread_settings

PEAKS = "peaks.txt"
SAMPLES = 256  # for each point, as audiowaveform has it
MANY, MOST = 1_000_000, 3_000_000  # points of all channels: when nothing is asked, and at most (some 36 MB)
_FINER = 8  # blocks of samples for each column of a picture, so that their bounds do not show
_UNKNOWN = 1024  # samples, where nobody knows how many there will be


def peak_args(sound: Any, *, channels: int, samples: int) -> tuple[str, ...]:
    """A command that writes lowest and highest sample of each block of `samples`, of each channel, to PEAKS: some
    hundred bytes for a block, whatever its length."""
    stream = sound.filter("aformat", sample_fmts="s16").filter("asetnsamples", n=samples, p=0)
    stream = stream.filter(
        "astats", metadata=1, reset=1, measure_perchannel="Min_level+Max_level", measure_overall="none"
    )
    stream = stream.filter("ametadata", mode="print", file=PEAKS)
    return tuple(ffmpeg.output(stream, "-", format="null", **thread_settings()).get_args())


def samples_per_point(wanted: int | None, points_per_second: int | None, rate: int, samples: int | None) -> int:
    """Of `samples` of all channels (None: unknown) at `rate` Hz. Raises SourceUnsupported when it makes too many."""
    if wanted is None and points_per_second is None:
        return max(SAMPLES, -(-(samples or 0) // MANY))
    block = wanted or max(1, rate // (points_per_second or 1))
    if samples and samples // block > MOST:
        name = "samples_per_pixel" if wanted else "pixels_per_second"
        raise SourceUnsupported(
            f"{name} makes {samples // block} points of this sound; at most {MOST} are made, "
            f"which is one for every {-(-samples // MOST)} samples.",
            param=name,
        )
    return block


def samples_per_column(width: int, samples: int | None) -> int:
    """Of a picture `width` pixels wide; several blocks of them for each column, and one sample at least."""
    return max(1, min(MANY, samples // (width * _FINER))) if samples else _UNKNOWN
