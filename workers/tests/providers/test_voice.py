"""Where somebody speaks, and which windows a model is asked about."""

import pytest

from workers.providers.speech import voice
from workers.providers.speech.voice import STEP, Span, Window, led, samples_of_language, speech_spans, widened, windows


def likely(*parts: tuple[float, int]) -> bytes:
    """Seconds at a likeliness of 0 to 255, one after the other."""
    return b"".join(bytes([value]) * round(seconds / STEP) for seconds, value in parts)


def rounded(spans: list[Span]) -> list[tuple[float, float]]:
    return [(round(span.start, 2), round(span.end, 2)) for span in spans]


def test_speech_lasts_until_a_pause():
    told = likely((3.2, 0), (1.6, 250), (0.16, 20), (1.6, 250), (3.2, 10), (0.64, 200))
    assert rounded(speech_spans(told, 10.4)) == [(3.2, 6.56), (9.76, 10.4)]


def test_clicks_and_half_likely_sounds_are_no_speech():
    assert speech_spans(likely((1.6, 0), (0.096, 255), (1.6, 0), (3.2, 120)), 6.5) == []
    assert speech_spans(b"", 0.0) == []


def test_a_voice_that_fades_is_heard_on_until_it_is_unlikely():
    assert rounded(speech_spans(likely((0.64, 200), (0.96, 100), (1.6, 0)), 3.2)) == [(0.0, 1.6)]


def test_margins_stay_within_the_sound_and_join_what_they_touch():
    spans = [Span(0.1, 1.0), Span(1.4, 2.0), Span(5.0, 5.9)]
    assert rounded(widened(spans, 6.0, 0.3)) == [(0.0, 2.3), (4.7, 6.0)]


def test_a_lead_goes_up_to_the_middle_of_a_pause():
    assert rounded(led([Span(0.3, 1.0), Span(2.0, 3.0), Span(8.0, 9.5)], 10.0)) == [(0.0, 1.5), (1.5, 3.8), (7.2, 10.0)]
    assert led([], 10.0) == []


def test_clips_span_short_pauses_and_windows_are_cut_in_pauses():
    spans = [Span(float(start), start + 8.6) for start in range(10, 200, 10)]
    found = windows(spans, 200.0)
    assert [(window.start, round(window.end, 2)) for window in found] == [(9.2, 119.3), (119.3, 199.4)]
    assert [len(window.clips) for window in found] == [1, 1]


def test_silence_does_not_count_to_a_window():
    (window,) = windows([Span(number * 600.0, number * 600.0 + 5.0) for number in range(12)], 7200.0)
    assert (len(window.clips), round(window.length, 1)) == (12, 78.4)
    assert window.end - window.start > 6600
    assert [clip.start for clip in window.since(6002.0)] == [6002.0, 6599.2]


def test_a_long_silence_is_in_no_clip():
    (window,) = windows([Span(1.0, 2.0), Span(60.0, 61.0)], 100.0)
    assert rounded(list(window.clips)) == [(0.2, 2.8), (59.2, 61.8)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest_with_an_overlap():
    quiet = round(90.0 / STEP)
    told = bytearray(likely((300.0, 250)))
    told[quiet] = 140
    found = windows([Span(0.0, 300.0)], 300.0, bytes(told))
    assert [round(window.start, 1) for window in found] == [0.0, 86.0, 154.0, 222.0]
    assert [round(window.end, 1) for window in found] == [94.0, 162.0, 230.0, 300.0]


def test_every_moment_of_speech_is_in_a_window():
    spans = [Span(0.0, 130.0), Span(131.0, 131.5), Span(140.0, 400.0), Span(500.0, 501.0)]
    found = windows(spans, 501.0)
    for span in spans:
        for moment in (span.start, (span.start + span.end) / 2, span.end):
            assert any(clip.start <= moment <= clip.end for window in found for clip in window.clips)
    assert all(window.length <= voice.WINDOW for window in found)


@pytest.mark.parametrize(("count", "taken"), [(1, 1), (2, 2), (3, 3), (100, 8)])
def test_the_language_is_told_by_clips_from_all_over(count, taken):
    found = [Window((Span(number * 60.0, number * 60.0 + 20.0),)) for number in range(count)]
    clips = samples_of_language(found)
    assert len(clips) == taken
    assert all(clip.length <= voice.CLIP for clip in samples_of_language([Window((Span(0.0, 100.0),))]))
    assert clips[0].start < count * 60.0 / taken
    assert clips[-1].end > (count - 1) * 60.0 * (taken - 1) / taken
