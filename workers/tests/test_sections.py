"""The parts of a medium: they tile it, follow topics, pauses and scenes, and are the same each time."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engine.probe import Chapter
from workers.providers.base import Segment
from workers.sections import topics
from workers.sections.parts import (
    Section,
    Sentence,
    fewer,
    find_sections,
    is_chaptered,
    own_sections,
    spoken,
    surer,
    tidy,
)
from workers.sections.pauses import Pause, find_pauses
from workers.sections.scenes import Scene
from workers.tests.talks import BREAD, CHESS, TALKS, make_talk


def tiles(sections, duration):
    assert sections[0].start == 0.0
    assert sections[-1].end == duration
    for before, after in pairwise(sections):
        assert before.end == after.start
    assert all(section.end > section.start for section in sections)


def starts(sections):
    return [section.start for section in sections[1:]]


# --- Topics ---


@pytest.mark.parametrize("texts", [TALKS, TALKS[::-1], (TALKS[1], TALKS[3], TALKS[0], TALKS[2])])
def test_topics_are_found_by_their_words_alone(texts):
    said, known = make_talk(texts)
    duration = round(said[-1].end + 1, 3)
    sections = find_sections(duration, said=spoken(said))
    tiles(sections, duration)
    near = [any(abs(start - cut) <= 6 for start in starts(sections)) for cut in known]
    assert near == [True] * 3
    assert len(sections) <= 5


def test_a_pause_and_a_scene_settle_where_a_topic_begins():
    said, known = make_talk(TALKS, between=2.5)
    scenes = [Scene(round(cut - 0.4, 3), 30.0) for cut in known]
    sections = find_sections(said[-1].end, said=spoken(said), scenes=scenes)
    assert starts(sections) == [scene.time for scene in scenes]
    assert [section.text.split()[0] for section in sections] == ["Good", "A", "Chess", "To"]


def test_one_topic_is_one_section_however_many_scenes_there_are():
    said, _ = make_talk((BREAD,))
    scenes = [Scene(float(time), 30.0) for time in range(3, 50, 4)]
    assert len(find_sections(said[-1].end, said=spoken(said), scenes=scenes)) <= 2


def test_every_sentence_is_in_one_section():
    said, _ = make_talk(TALKS)
    sections = find_sections(said[-1].end, said=spoken(said))
    assert " ".join(section.text for section in sections) == " ".join(segment.text for segment in said)


def test_the_same_input_makes_the_same_sections():
    said, known = make_talk(TALKS * 3, between=1.0)
    scenes = [Scene(cut, 20.0) for cut in known]
    made = [find_sections(said[-1].end, said=spoken(said), scenes=scenes) for _ in range(2)]
    assert made[0] == made[1]


def test_at_most_so_many_are_made_as_asked_for():
    said, _ = make_talk(TALKS, between=2.0)
    sections = find_sections(said[-1].end, said=spoken(said), most=2)
    assert len(sections) == 2
    tiles(sections, said[-1].end)


def test_a_long_talk_on_one_topic_still_has_parts():
    said, _ = make_talk((CHESS,) * 12)
    assert len(find_sections(said[-1].end, said=spoken(said))) >= 2


def test_of_sentences_that_tell_nothing_apart_so_many_are_looked_through_for_one_part(monkeypatch):
    """A day of them would take hours otherwise: their words never come to LONGEST."""

    class Counted(list):
        looked = 0

        def __getitem__(self, place):
            Counted.looked += 1
            return super().__getitem__(place)

    monkeypatch.setattr(topics, "MOST", 20)
    text = topics.Text(["yes"] * 300)
    text.told = Counted(text.told)
    starts = [2.0 * place for place in range(301)]
    assert text.parts([0.0] * 300, starts, shortest=15.0, share=1.0) != []
    assert Counted.looked < 300 * 2 * 22


def test_scripts_without_spaces_are_compared_too():
    bread = "面包需要面粉和水。面团要揉到光滑。面团在温暖的地方发酵。烤箱要先预热。面包烤四十分钟。" * 2
    chess = "国际象棋有六十四格。皇后是最强的棋子。骑士跳过别的棋子。国王要保护好。兵走到底线变皇后。" * 2
    said = [Segment(0, 40, bread, 0.9), Segment(40.5, 80, chess, 0.9)]
    sections = find_sections(80.0, said=spoken(said))
    assert len(starts(sections)) == 1
    assert abs(starts(sections)[0] - 40.5) <= 5


# --- Scenes and pauses ---


def test_without_speech_scenes_are_sections():
    scenes = [Scene(1.2, 31.0), Scene(3.04, 18.0), Scene(5.48, 17.0), Scene(9.7, 20.0)]
    sections = find_sections(10.0, scenes=scenes)
    assert starts(sections) == [1.2, 3.04, 5.48]  # the last would be shorter than a second
    tiles(sections, 10.0)
    assert [section.confidence for section in sections] == [1.0, 0.756, 0.643, 0.63]


def test_of_many_scenes_the_strongest_begin_sections():
    scenes = [Scene(10.0 * number, 40.0 if number % 10 == 0 else 12.0) for number in range(1, 360)]
    sections = find_sections(3600.0, scenes=scenes)
    assert len(sections) == 30
    tiles(sections, 3600.0)
    assert all(start % 100 == 0 for start in starts(sections))


def test_without_picture_and_speech_long_pauses_part_a_sound():
    pauses = [Pause(29.0, 31.0), Pause(40.0, 40.5), Pause(60.0, 64.0)]
    assert starts(find_sections(90.0, pauses=pauses)) == [31.0, 64.0]


def test_scenes_part_what_is_silent_between_words():
    said, _ = make_talk((BREAD,))
    last = said[-1].end
    scenes = [Scene(round(last + after, 3), 30.0) for after in (30.0, 60.0)]
    assert starts(find_sections(last + 100.0, said=spoken(said), scenes=scenes))[-2:] == [
        scene.time for scene in scenes
    ]


def test_nothing_known_is_one_section():
    assert find_sections(12.5) == [Section(0.0, 12.5)]


# --- A file's own chapters ---


def test_own_chapters_are_made_to_tile():
    chapters = [
        Chapter(60.0, 50.0, "Third"),
        Chapter(0.4, 20.0, "First"),
        Chapter(20.0, 90.0, "Second"),
        Chapter(20.0, 30.0, "Second again"),
        Chapter(500.0, 600.0, "Beyond"),
        Chapter(float("nan"), 1.0, "Nowhere"),
    ]
    sections = own_sections(chapters, 100.0)
    assert [(section.start, section.end, section.title) for section in sections] == [
        (0.0, 20.0, "First"),
        (20.0, 60.0, "Second"),
        (60.0, 100.0, "Third"),
    ]


def test_of_chapters_that_begin_together_one_that_lasts_has_the_title():
    chapters = [Chapter(0.0, 0.0, "Third"), Chapter(0.0, 2.0, "First"), Chapter(2.0, 9.0, "Second"), Chapter(9.0, 9.0)]
    assert [(item.start, item.title) for item in own_sections(chapters, 8.0)] == [(0.0, "First"), (2.0, "Second")]


def test_what_comes_before_the_first_chapter_is_a_section_too():
    sections = own_sections([Chapter(10.0, 20.0, "A"), Chapter(20.0, 30.0, "B")], 30.0)
    assert [(section.start, section.title) for section in sections] == [(0.0, ""), (10.0, "A"), (20.0, "B")]


def test_one_chapter_is_none():
    assert not is_chaptered([Chapter(0.0, 10.0, "All")], 10.0)
    assert not is_chaptered([Chapter(0.0, 5.0, "All"), Chapter(12.0, 20.0, "Beyond")], 10.0)
    assert is_chaptered([Chapter(0.0, 5.0), Chapter(5.0, 10.0)], 10.0)


def test_titles_are_one_line_without_what_cannot_be_seen():
    assert tidy("  One\r\n\x00two\u2028 -->\u202e ") == "One two -->"
    assert len(tidy("word " * 200)) == 200


# --- Fewer ---


def test_sections_that_are_less_sure_belong_to_the_one_before():
    sections = [Section(0, 10, "a"), Section(10, 20, "b", 0.4), Section(20, 30, "c", 0.8)]
    assert surer(sections, 0.5) == [Section(0, 20, "a b"), Section(20, 30, "c", 0.8)]


def test_the_shortest_are_joined_until_there_are_few_enough():
    sections = [Section(0, 1), Section(1, 10), Section(10, 12), Section(12, 30)]
    assert [(section.start, section.end) for section in fewer(sections, 2)] == [(0, 12), (12, 30)]


# --- Pauses ---


def test_pauses_are_told_by_what_is_loud_in_a_sound():
    for floor, loud in ((-70.0, -20.0), (-45.0, -12.0)):
        levels = [loud] * 20 + [floor] * 8 + [loud] * 20 + [floor] * 2 + [loud] * 20
        times = [number / 10 for number in range(len(levels))]
        assert find_pauses(times, levels) == (Pause(2.0, 2.8),)
    assert find_pauses([0.0, 0.1, 0.2], [-75.0] * 3) == ()
    assert find_pauses([], []) == ()


_times = st.floats(0, 400, allow_nan=False)


@settings(max_examples=60)
@given(
    duration=st.floats(0.5, 500),
    cuts=st.lists(st.tuples(_times, st.floats(2, 60)), max_size=40),
    spans=st.lists(
        st.tuples(_times, st.floats(0, 20), st.sampled_from([*BREAD.split(". "), *CHESS.split(". "), ""])), max_size=25
    ),
    most=st.integers(1, 40),
)
def test_whatever_is_known_sections_tile_the_whole(duration, cuts, spans, most):
    said = [Sentence(start, start + length, text) for start, length, text in sorted(spans)]
    scenes = [Scene(time, score) for time, score in sorted(cuts)]
    duration = round(duration, 3)
    sections = find_sections(duration, said=said, scenes=scenes, most=most)
    tiles(sections, duration)
    assert len(sections) <= most
    assert all(0 <= section.confidence <= 1 for section in sections)
