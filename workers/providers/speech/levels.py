"""Quiet speech brought to the level of loud speech before the model hears it. In the process that holds models.

The model takes whole sentences for a pause that are 20 dB and more below what else it hears at once. ffmpeg's
`dynaudnorm`, which goes before, cannot help with all of them: it raises by 30 dB at most, and less what has louder
sound within three seconds, as it raises noise alike. Here only that is raised in which the detector heard a voice.
"""

from typing import Any

from workers.providers.speech.voice import FRAME, STEP

# dBFS, root mean square, to which quiet speech is raised; louder speech stays as it is, and `dynaudnorm` leaves most at
# −11 to −20. At −20 quiet speech was understood no better, and ordinary speech, changed a little, worse in Portuguese.
LEVEL = -28.0
MOST = 36.0  # dB
MEAN = 16  # frames (0.5 s) that a level is the mean of
NEAR = 24  # frames (0.8 s) before and after, the loudest of which counts: soft syllables stay softer than loud ones
_SILENCE = 1e-10  # power below which there is nothing


def lifted(samples: Any, spans: list[list[float]]) -> Any:
    """The samples, −1 to 1, with speech raised to LEVEL by up to MOST dB. `spans` is where somebody speaks, seconds
    from the first sample on, in order; in between, the gain goes evenly from the one's to the other's."""
    import numpy

    count = len(samples) // FRAME
    edges = [(max(0, round(start / STEP)), min(count, round(end / STEP))) for start, end in spans]
    edges = [(first, last) for first, last in edges if first < last]
    if not edges:
        return samples
    frames = samples[: count * FRAME].reshape(count, FRAME)
    power = numpy.square(frames).mean(1)
    gains = numpy.concatenate([_gains(power[first:last]) for first, last in edges])
    if not gains.any():
        return samples
    places = numpy.concatenate([numpy.arange(first, last) for first, last in edges])
    gains = numpy.interp(numpy.arange(count), places, gains)
    room = -20 * numpy.log10(numpy.abs(frames).max(1) + _SILENCE)  # what is loud in a pause is not clipped
    gains = numpy.minimum(gains, numpy.maximum(room, 0.0))
    middles = (numpy.arange(count) + 0.5) * FRAME
    decibels = numpy.interp(numpy.arange(len(samples)), middles, gains)
    return numpy.clip(samples * 10 ** (decibels / 20), -1.0, 1.0).astype(numpy.float32)


def _gains(power: Any) -> Any:
    """dB for each frame of one stretch of speech, from the frames' powers."""
    import numpy

    level = 10 * numpy.log10(_around(power, MEAN // 2).mean(1) + _SILENCE)
    wanted = numpy.clip(LEVEL - _around(level, NEAR).max(1), 0.0, MOST)
    return _around(wanted, NEAR).mean(1)


def _around(values: Any, reach: int) -> Any:
    """For each value those up to `reach` before and after; at the ends the last ones again."""
    import numpy

    return numpy.lib.stride_tricks.sliding_window_view(numpy.pad(values, reach, "edge"), 2 * reach + 1)
