"""The peaks of a sound, found by ffmpeg. Pure."""

from typing import Any

import ffmpeg

from workers.engine.limits import threads

PEAKS = "peaks.txt"


def peak_args(sound: Any, *, channels: int, samples: int) -> tuple[str, ...]:
    """A command that writes lowest and highest sample of each block of `samples`, of each channel, to PEAKS: some
    hundred bytes for a block, whatever its length."""
    stream = sound.filter("aformat", sample_fmts="s16").filter("asetnsamples", n=samples, p=0)
    stream = stream.filter(
        "astats", metadata=1, reset=1, measure_perchannel="Min_level+Max_level", measure_overall="none"
    )
    stream = stream.filter("ametadata", mode="print", file=PEAKS)
    settings = {"threads": threads()} if threads() else {}
    return tuple(ffmpeg.output(stream, "-", format="null", **settings).get_args())
