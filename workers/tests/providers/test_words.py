"""Windows joined, inventions dropped, sentences found."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from workers.providers.speech.voice import Span
from workers.providers.speech.whisper import elected
from workers.providers.speech.words import Heard, Passage, believed, joined, sentences, tightened, unlooped, whole


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


def test_languages_without_spaces_keep_none():
    words = [Heard(number * 0.2, number * 0.2 + 0.2, mark, 0.9) for number, mark in enumerate("你好。再见。")]
    assert [segment.text for segment in sentences(words)] == ["你好。", "再见。"]


def test_the_language_is_voted_for_by_how_sure_and_how_long_clips_are():
    clips = [[("en", 0.9), ("de", 0.1)], [("de", 0.6), ("en", 0.3)], [("nl", 0.99)]]
    assert elected(clips, [20.0, 20.0, 1.0]) == ("en", 0.5854)
    assert elected([[("fr", 0.8)]], [3.0]) == ("fr", 0.8)
