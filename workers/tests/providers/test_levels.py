"""Quiet speech is brought to the level of loud speech, and nothing else is."""

import pytest

numpy = pytest.importorskip("numpy", reason="numpy comes with `make intelligence`")

from workers.providers.speech.levels import LEVEL, MOST, lifted  # noqa: E402
from workers.providers.speech.voice import RATE  # noqa: E402


def tones(*parts: tuple[float, float]):
    """Seconds of a tone of 200 Hz at a level, dBFS, one after the other."""
    levels = numpy.concatenate([numpy.full(round(seconds * RATE), level) for seconds, level in parts])
    tone = numpy.sin(2 * numpy.pi * 200 * numpy.arange(len(levels)) / RATE)
    return (tone * 2**0.5 * 10 ** (levels / 20)).astype(numpy.float32)


def decibels(samples, start: float, end: float) -> float:
    """The level of a part, dBFS, to a tenth."""
    part = samples[round(start * RATE) : round(end * RATE)].astype(float)
    return round(float(10 * numpy.log10(numpy.square(part).mean())), 1)


def test_quiet_speech_is_raised_and_loud_speech_stays_as_it_is():
    samples = tones((3, -14), (2, -90), (3, -50), (2, -90), (3, -27.5))
    even = lifted(samples, [[0, 3], [5, 8], [10, 13]])
    assert [decibels(even, *part) for part in ((0, 2.9), (5.1, 7.9), (10.1, 13))] == [-14, LEVEL, -27.5]
    assert (even.dtype, even.shape, numpy.array_equal(even[: 3 * RATE - 512], samples[: 3 * RATE - 512])) == (
        numpy.float32, samples.shape, True,
    )  # fmt: skip


def test_the_gain_goes_evenly_from_one_stretch_to_the_next():
    even = lifted(tones((3, -28), (4, -68), (3, -58)), [[0, 3], [7, 10]])
    assert [decibels(even, at, at + 0.1) for at in (3.95, 4.95, 5.95)] == pytest.approx([-60.5, -53, -45.5], abs=0.5)


def test_it_is_raised_by_no_more_than_noise_can_bear():
    assert decibels(lifted(tones((3, -80)), [[0, 3]]), 0, 3) == -80 + MOST
    assert not lifted(numpy.zeros(RATE, numpy.float32), [[0.2, 0.8]]).any()


def test_a_voice_that_another_one_follows_at_once_is_raised_by_itself():
    even = lifted(tones((4, -16), (4, -50)), [[0, 8]])
    assert (decibels(even, 0, 2.5), decibels(even, 6, 8)) == (-16, LEVEL)


def test_soft_syllables_stay_softer_than_loud_ones():
    even = lifted(tones(*[(0.3, -50), (0.2, -70)] * 6), [[0, 3]])
    loud, soft = ([decibels(even, at + place, at + place + 0.1) for at in (0.5, 1, 1.5, 2)] for place in (0.1, 0.35))
    assert [first - second for first, second in zip(loud, soft, strict=True)] == pytest.approx([20] * 4, abs=1)


def test_a_bang_between_quiet_words_is_not_clipped():
    samples = tones((2, -60), (0.5, -90), (0.2, -6), (0.5, -90), (2, -60))
    even = lifted(samples, [[0, 2], [3.2, 5.2]])
    assert (decibels(even, 2.56, 2.64), decibels(even, 0.1, 1.9)) == (pytest.approx(-3, abs=0.2), LEVEL)
    assert numpy.abs(even).max() <= 1


@pytest.mark.parametrize("spans", [[], [[5.0, 6.0]], [[-3.0, -1.0]], [[0.5, 0.51]]])
def test_without_speech_nothing_is_changed(spans):
    samples = tones((2, -50))
    assert lifted(samples, spans) is samples


def test_of_a_sound_shorter_than_a_frame_nothing_is_changed():
    samples = tones((0.01, -50))
    assert lifted(samples, [[0, 0.01]]) is samples
    assert len(lifted(samples[:0], [[0, 1]])) == 0
