"""Windows joined, inventions dropped, sentences found."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from workers.providers.speech.voice import Span, Window
from workers.providers.speech.whisper import elected, left
from workers.providers.speech.words import (
    Heard,
    Passage,
    around,
    believed,
    joined,
    last_words,
    mended,
    sentences,
    tightened,
    unheard,
    unlooped,
    utterances,
    whole,
)


def said(text: str, start: float = 0.0, step: float = 0.5, confidence: float = 0.9) -> list[Heard]:
    """A word each `step` seconds."""
    return [
        Heard(start + number * step, start + (number + 1) * step - 0.1, f" {word}", confidence)
        for number, word in enumerate(text.split())
    ]


def text(words: list[Heard]) -> str:
    return "".join(word.text for word in words).strip()


TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


@pytest.mark.parametrize("first_end", [9, 10, 11])
@pytest.mark.parametrize("second_begin", [5, 6, 7])
def test_two_windows_join_without_lost_or_doubled_words(first_end, second_begin):
    words = said(TEXT)
    shared = Span(words[second_begin].start, words[first_end - 1].end)
    assert joined(words[:first_end], words[second_begin:], shared) == words


def test_half_words_at_the_edges_of_windows_are_left_to_the_other():
    words = said(TEXT)
    first = [*words[:9], Heard(words[9].start, words[9].end - 0.2, " te", 0.4)]
    second = [Heard(words[6].start + 0.2, words[6].end, " ven", 0.4), *words[7:]]
    assert text(joined(first, second, Span(3.2, 4.7))) == TEXT


def test_windows_that_heard_different_words_change_over_in_the_middle():
    first, second = said("a b c d e f"), said("v w x y z", start=1.5)
    assert text(joined(first, second, Span(1.5, 3.0))) == "a b c d e x y z"


def test_a_word_said_again_later_is_not_taken_for_the_same():
    first, second = said("no it is", start=0.0), said("it is so no", start=0.5)
    assert text(joined(first, second, Span(0.5, 1.5))) == "no it is so no"


def test_what_is_said_in_silence_or_decoded_badly_is_not_believed():
    spans = [Span(0.0, 5.0)]
    good = Passage(tuple(said("good morning")), likely=-0.3, compression=1.2, silent=0.1)
    assert believed([good], spans) == said("good morning")
    for bad in (
        Passage(tuple(said("thank you", start=20.0)), likely=-0.3),
        Passage(tuple(said("and and and and")), likely=-0.3, compression=3.0),
        Passage(tuple(said("blah")), likely=-2.0),
        Passage(tuple(said("blah")), likely=-1.2, silent=0.9),
        Passage((Heard(0.1, 0.3, " Hi.", 0.036),), likely=-0.99, compression=0.3, silent=0.6),  # a bear
        Passage(()),
    ):
        assert believed([bad], spans) == []


def test_a_word_that_two_decodings_share_is_said_once():
    first = Passage(tuple(said("separating the patient from")), likely=-0.2)
    second = Passage(tuple(said("from others", start=1.95)), likely=-0.4)
    assert text(believed([first, second], [Span(0.0, 5.0)])) == "separating the patient from others"
    same = Passage(second.words, likely=-0.2)
    assert text(believed([first, same], [Span(0.0, 5.0)])) == "separating the patient from from others"


def test_speech_without_words_is_noticed():
    words = said(TEXT)  # eight seconds
    assert unheard(words, [Span(0.0, 8.0)]) == []
    assert unheard(words[:8], [Span(0.0, 5.0)]) == []  # a second may be a breath
    assert unheard([*words[:4], *words[9:]], [Span(0.0, 8.0)]) == [Span(1.9, 4.5)]
    assert unheard([], [Span(1.0, 2.0), Span(3.0, 5.0), Span(5.4, 9.0)]) == [Span(3.0, 9.0)]


def test_after_the_end_of_a_decoding_less_is_noticed_though_its_last_word_was_stretched():
    words = [*said("even in"), Heard(1.0, 2.6, " the", 0.9)]
    last = last_words([Passage(tuple(words), begun=0.0), Passage(())])
    assert last == {2.6}
    (missed,) = unheard(words, [Span(0.0, 2.6)], last)
    assert (round(missed.start, 2), missed.end) == (1.36, 2.6)
    assert unheard(words, [Span(0.0, 2.6)]) == []


def test_words_that_a_decoding_puts_at_its_very_end_are_asked_again():
    lost = (Heard(9.0, 9.0, " to", 0.9), Heard(9.0, 9.0, " the", 0.9))
    told = Passage((*said("out and"), Heard(1.0, 9.0, " over", 0.9), *lost))
    kept = believed([told], [Span(0.0, 9.0)])
    assert text(kept) == "out and over"
    assert unheard(kept, [Span(0.0, 9.0)], last_words([told]))[0].end == 9.0
    assert text(believed([Passage((*said("out"), lost[0]))], [Span(0.0, 9.0)])) == "out to"


def test_what_was_missed_is_asked_again_with_the_words_around_it():
    words = [*said("a b c d"), *said("w x y z", start=6.0)]
    assert around(words, Span(1.9, 5.0), Span(0.0, 8.0)) == Span(1.0, 6.9)
    assert around(words, Span(1.9, 6.0), Span(0.0, 90.0)) == Span(1.0, 30.8)  # much was missed
    assert around([], Span(3.0, 5.0), Span(1.0, 8.0)) == Span(1.0, 8.0)


def test_what_is_heard_at_the_second_time_joins_what_was_heard_at_the_first():
    first, again = said(TEXT)[:6], said(TEXT)[4:11]
    rest = said(TEXT)[10:]
    missed, asked = Span(2.9, 5.0), Span(2.0, 5.4)
    assert mended([*first, *rest], again, missed, asked) == said(TEXT)
    assert mended(first, again, missed, asked) == said(TEXT)[:11]
    assert mended(first, first[4:], missed, asked) == first  # nothing new
    assert mended([], again, Span(0.0, 5.0), asked) == again


def test_a_little_at_the_end_of_a_window_is_heard_with_what_follows():
    window = Window((Span(10.0, 50.0), Span(60.0, 100.0)))
    told = [Passage((), begun=10.0), Passage((), begun=38.0), Passage((), begun=94.0)]
    assert left(told, window) == (Span(94.0, 100.0),)
    assert left(told[:2], window) == ()  # that is much
    assert left(told[:1], Window((Span(10.0, 14.0),))) == ()  # that is all there is
    assert left([], window) == ()


def test_loops_are_said_once_and_what_people_repeat_is_kept():
    assert text(unlooped(said("well " + "it is what " * 9 + "over"))) == "well it is what over"
    assert text(unlooped(said("no no no no not very very far"))) == "no no no no not very very far"
    assert text(unlooped(said("la " * 40))) == "la"
    assert unlooped([]) == []


def test_parts_of_a_word_are_one():
    words = [*said("an ill"), Heard(0.95, 1.2, "-disposed", 0.5), *said("man", start=1.3)]
    assert [word.text for word in whole(words)] == [" an", " ill-disposed", " man"]
    assert whole(words)[1].confidence == 0.5


def test_words_lie_in_order_within_speech_and_within_the_sound():
    words = [Heard(0.2, 1.4, " late", 0.9), Heard(1.3, 1.3, " none", 0.9), Heard(1.5, 9.0, " long", 0.9)]
    found = tightened(words, [Span(1.0, 2.0)], 5.0)
    assert [(word.text, round(word.start, 2), round(word.end, 2)) for word in found] == [
        (" late", 1.0, 1.4), (" none", 1.4, 1.42), (" long", 1.5, 2.0)
    ]  # fmt: skip
    assert all(first.end <= second.start for first, second in pairwise(found))


class Counted(Sequence[Span]):
    """Spans, and how many were looked at."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans, self.seen = spans, 0

    def __len__(self):
        return len(self.spans)

    def __getitem__(self, place):
        self.seen += 1
        return self.spans[place]


def test_words_of_hours_are_placed_without_looking_at_every_pause_for_each():
    spans = Counted([Span(number * 1.5, number * 1.5 + 1.1) for number in range(2000)])
    words = [Heard(span.start - 0.2, span.end + 0.2, " word", 0.9) for span in spans.spans]
    kept = believed([Passage(tuple(words))], spans)
    found = tightened(kept, spans, 3000.0)
    assert kept == words
    assert [(word.start, word.end) for word in found] == [(span.start, span.end) for span in spans.spans]
    assert spans.seen < 50 * len(words)


def test_sentences_end_at_their_marks_and_at_long_pauses():
    words = [*said("Mr. J. Smith paid 3.50 then. He left in 1999. Why"), *said("not? go on", start=9.0)]
    assert [segment.text for segment in sentences(words)] == [
        "Mr. J. Smith paid 3.50 then.", "He left in 1999.", "Why", "not?", "go on"
    ]  # fmt: skip


def test_a_sentence_without_marks_is_cut_at_its_longest_pause():
    words = [*said("one " * 24), *said("two " * 24, start=12.8)]
    found = sentences(words)
    assert [(segment.text[:3], len(segment.words)) for segment in found] == [("one", 24), ("two", 24)]
    assert found[0].end < found[1].start


def test_long_sentences_are_cut_at_a_clause():
    words = said("word " * 26 + "word, and so on to the end of it.", step=0.5)
    assert [segment.text[-5:] for segment in sentences(words)] == ["word,", "f it."]


def test_another_speaker_begins_another_sentence():
    found = sentences(said("yes I do no you do not"), [0, 0, 0, 1, 1, 1, 1])
    assert [(segment.text, segment.speaker) for segment in found] == [("yes I do", 0), ("no you do not", 1)]


def test_who_speaks_may_change_in_a_short_pause_though_no_mark_ends_the_sentence():
    words = [*said("yes I do"), *said("no you do not. Well", start=1.9)]
    assert [text(part) for part in utterances(words)] == ["yes I do", "no you do not.", "Well"]
    assert utterances([]) == []


def test_languages_without_spaces_keep_none():
    words = [Heard(number * 0.2, number * 0.2 + 0.2, mark, 0.9) for number, mark in enumerate("你好。再见。")]
    assert [segment.text for segment in sentences(words)] == ["你好。", "再见。"]


def test_the_language_is_voted_for_by_how_sure_and_how_long_clips_are():
    clips = [[("en", 0.9), ("de", 0.1)], [("de", 0.6), ("en", 0.3)], [("nl", 0.99)]]
    assert elected(clips, [20.0, 20.0, 1.0]) == ("en", 0.5854)
    assert elected([[("fr", 0.8)]], [3.0]) == ("fr", 0.8)
