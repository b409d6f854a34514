"""What is said, as cues that hold to the trade's rules."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.providers.base import Segment, Word
from workers.tests.cue_rules import check_rules
from workers.tracks.breaks import SENTENCE, TIED, UNIT, Words, badness, columns, ends_sentence
from workers.tracks.captions import Cue, write_cues
from workers.tracks.cues import spoken_cues

DICKENS = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "we were all going direct to Heaven, we were all going direct the other way – in short, the period was so far like "
    "the present period, that some of its noisiest authorities insisted on its being received, for good or for evil, "
    "in the superlative degree of comparison only."
)


def segment(text: str, *, start: float = 0.0, rate: float = 14.0, speaker: int = 0, pause: float = 0.3) -> Segment:
    """Words at `rate` characters a second, with a pause after each mark."""
    now, words = start, []
    for word in text.split():
        length = (len(word) + 1) / rate
        words.append(Word(round(now, 3), round(now + length, 3), word, 0.9))
        now += length + (pause if word[-1] in ".,;?!" else 0.0)
    return Segment(start, words[-1].end, text, 0.9, speaker, tuple(words))


def texts(cues: tuple[Cue, ...]) -> list[str]:
    return [cue.text for cue in cues]


def test_breaks_come_where_clauses_end():
    spoken = spoken_cues([segment(DICKENS)], language="en", duration=60.0)
    assert texts(spoken.cues) == [
        "It was the best of times,\nit was the worst of times,",
        "it was the age of wisdom,\nit was the age of foolishness,",
        "we were all going direct to Heaven,\nwe were all going direct the other way –",
        "in short, the period was so far\nlike the present period,",
        "that some of its noisiest authorities\ninsisted on its being received,",
        "for good or for evil, in the superlative\ndegree of comparison only.",
    ]
    found = check_rules(write_cues(spoken.cues, numbered=True), language="en", duration=60.0)
    assert (found.cues, found.outside, spoken.notes()) == (6, 0, ())


def test_without_words_times_are_spread_over_the_text():
    plain = spoken_cues([Segment(0.0, 26.0, DICKENS, 0.9)], language="en", duration=26.0)
    assert "\n".join(texts(plain.cues)).split() == DICKENS.split()
    assert check_rules(write_cues(plain.cues, numbered=True), duration=26.0).outside == 0
    (first, *_) = plain.cues
    assert first.start == 0.0
    assert first.end == pytest.approx(26.0 * len(first.text) / len(DICKENS), abs=0.4)


def test_a_number_stays_with_what_it_counts_and_a_title_with_the_name():
    text = "In the end we went and saw that Mr. Smith had paid 25 million dollars on 3 May for all of that, and more."
    spoken = spoken_cues([segment(text)], language="en")
    lines = "\n".join(texts(spoken.cues)).split("\n")
    assert any("Mr. Smith" in line for line in lines)
    assert any("25 million" in line for line in lines)
    assert not any(line.endswith((" the", " and", " of", " had", " that", " on", " for")) for line in lines)


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ("end.", "The", True),
        ("end.”", "The", True),
        ("really?", "yes", True),
        ("Mr.", "Smith", False),
        ("J.", "Smith", False),
        ("3.", "mai", False),
        ("e.g.", "this", False),
        ("No.", "5", False),
        ("no.", "Then", True),
        ("times,", "it", False),
        ("です。", "今", True),
        ("...", "x", True),
    ],
)
def test_ends_of_sentences_are_told_from_abbreviations(before, after, ends):
    assert ends_sentence(before, after) is ends


def test_a_break_is_worst_within_what_belongs_together():
    words = Words.of("en")
    costs = [badness(*pair, words) for pair in [("end.", "The"), ("times,", "it"), ("went", "and"), ("was", "big")]]
    assert costs == sorted(costs)
    assert costs[0] == SENTENCE
    assert badness("5", "km", words) == UNIT
    assert badness("the", "house", words) == badness("New", "York", words) == TIED


def test_each_speaker_has_cues_of_their_own():
    spoken = spoken_cues(
        [segment("Is it far?", speaker=0), segment("Not at all.", start=1.2, speaker=1)], language="en", duration=9.0
    )
    assert texts(spoken.cues) == ["Is it far?", "Not at all."]
    assert spoken.cues[0].end < spoken.cues[1].start


def test_no_cue_goes_across_a_silence():
    spoken = spoken_cues([segment("Here we"), segment("go again.", start=4.0)], language="en", duration=9.0)
    assert [(cue.text, cue.start) for cue in spoken.cues] == [("Here we", 0.0), ("go again.", 4.0)]
    assert spoken.cues[0].end == 1.0


def test_short_gaps_are_closed_to_two_frames():
    spoken = spoken_cues(
        [segment("One sentence is said."), segment("Then comes another one.", start=2.2)], language="en", duration=9.0
    )
    assert spoken.cues[1].start - spoken.cues[0].end == pytest.approx(0.084)


def test_what_cannot_be_kept_is_told():
    spoken = spoken_cues([segment(DICKENS, rate=30.0, pause=0.0)], language="en", duration=60.0)
    found = check_rules(write_cues(spoken.cues, numbered=True), duration=60.0)
    assert set(found.rules) == {"speed"}
    assert found.rules["speed"] == spoken.fast
    (note,) = spoken.notes()
    assert re.fullmatch(
        r"Cues read faster than 20 characters a second, up to \d\d, as the speech is: "
        rf"{spoken.fast} of {len(spoken.cues)}\.",
        note,
    )


def test_fast_speech_uses_the_pause_after_it():
    spoken = spoken_cues([segment("We have said all of this so very fast indeed.", rate=40.0)], duration=9.0)
    assert spoken.fast == 0
    assert spoken.cues[0].end - spoken.cues[0].start >= 45 / 20


def test_a_few_cues_slip_where_nothing_less_makes_them_readable():
    fast = segment(DICKENS[:180].strip(), rate=21.0, pause=0.0)
    slow = segment("So it was.", start=fast.end + 0.3, rate=10.0)
    spoken = spoken_cues([fast, slow], language="en", duration=60.0)
    assert spoken.notes() == ()
    assert check_rules(write_cues(spoken.cues, numbered=True), language="en", duration=60.0).outside == 0
    late = [cue.start - said for cue, said in zip(spoken.cues, begins(fast, spoken.cues), strict=False)]
    assert 0.25 < max(late) <= 0.5


def begins(said: Segment, cues: tuple[Cue, ...]) -> list[float]:
    """When the first word of each cue is said."""
    counts = [len(cue.text.split()) for cue in cues]
    return [
        said.words[sum(counts[:place])].start for place in range(len(cues)) if sum(counts[:place]) < len(said.words)
    ]


def test_languages_without_spaces_have_shorter_lines_that_break_by_their_scripts():
    text = "今日は皆さんにお会いできて本当にうれしいです。これからコンピューターの歴史について、少しだけお話しします。"
    spoken = spoken_cues([Segment(0.5, 10.0, text, 0.9)], language="ja", duration=20.0)
    lines = "\n".join(texts(spoken.cues)).split("\n")
    assert "".join(lines) == text
    assert max(map(columns, lines)) <= 26
    assert not any(line[0] in "、。ー" for line in lines)
    assert any("コンピューター" in line for line in lines)
    found = check_rules(write_cues(spoken.cues, numbered=True), language="ja", duration=20.0)
    assert found.outside == 0


def test_words_are_joined_as_the_segment_writes_them():
    words = tuple(
        Word(number / 2, number / 2 + 0.4, text, 0.9) for number, text in enumerate(["twenty", "-five", "men."])
    )
    (cue,) = spoken_cues([Segment(0.0, 1.5, "twenty-five men.", 0.9, 0, words)], language="en").cues
    assert cue.text == "twenty-five men."


def test_markup_that_is_said_is_text():
    (cue,) = spoken_cues([Segment(0.0, 2.0, "a < b & <i>c --> d", 0.9)]).cues
    assert cue.text == "a &lt; b &amp; &lt;i&gt;c --&gt; d"


def test_silence_has_no_cues():
    assert spoken_cues([], language="en", duration=10.0).cues == ()


_LETTERS = st.sampled_from("abcdefghijklmnop.,!?;:-()\"'éß<&>漢字かなカナ。、ー\u0301\u200d😀กิ 0123456789\t\x00")
_WORDS = st.tuples(st.floats(-1.0, 12.0), st.floats(0.0, 9.0), st.text(_LETTERS, max_size=60))
_SEGMENTS = st.lists(
    st.tuples(st.lists(_WORDS, max_size=12), st.integers(0, 2), st.booleans(), st.sampled_from([0.0, 8.0, 30.0])),
    max_size=4,
)


@given(_SEGMENTS, st.sampled_from(["", "en", "de", "ja", "th"]), st.sampled_from([None, 0.1, 5.0, 60.0]))
@settings(max_examples=60)
def test_rules_hold_for_any_words(drawn, language, duration):
    segments = []
    for words, speaker, timed, later in drawn:
        heard = tuple(Word(start + later, start + later + length, text, 0.5) for start, length, text in words)
        whole = " ".join(word.text for word in heard)
        start = min((word.start for word in heard), default=0.0)
        end = max((word.end for word in heard), default=0.0)
        segments.append(Segment(start, end, whole, 0.5, speaker, heard if timed else ()))
    spoken = spoken_cues(segments, language=language, duration=duration)
    found = check_rules(write_cues(spoken.cues, numbered=True), language=language, duration=duration)
    assert set(found.rules) <= {"speed", "short"}
    assert (found.rules["speed"], found.rules["short"]) == (spoken.fast, spoken.short)
    if not spoken.lost:
        shown = html.unescape("".join(cue.text for cue in spoken.cues))
        said = "".join(one.text for one in sorted(segments, key=lambda one: one.start))
        for character in "abcdefg漢字か0123":
            assert shown.count(character) == said.count(character)
