"""Words as they are indexed and searched for, without a database."""

import pytest

from media_app.terms import (
    MOST_CHARACTERS,
    OVERLAP,
    PASSAGE,
    Term,
    as_match,
    as_tsquery,
    as_tsvector,
    passages,
    terms_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Boats, at DAWN!", ["boats", "at", "dawn"]),
        ("Don't stop-me_now", ["don", "t", "stop", "me", "now"]),
        ("Ærøskøbing Straße İstanbul Łódź Đồng", ["aeroskobing", "strasse", "istanbul", "lodz", "dong"]),
        ("ﬁne ＴＥＸＴ １２", ["fine", "text", "12"]),
        ("Ёлка τέλος מְחַמֵּד مُحَمَّد أحمد", ["елка", "τελοσ", "מחמד", "محمد", "احمد"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー", "ー"]),
        ("ｶﾞﾗｽ", ["ガラ", "ラス", "ス"]),
        ("猫 and 犬", ["猫", "and", "犬"]),
        ("학교에서", ["학교", "교에", "에서", "서"]),
        ("co\u00adoperate می\u200cروم", ["cooperate", "میروم"]),
        ("🎬 — … \0 \ud800", []),
        ("x" * 70, ["x" * 64]),
    ],
)
def test_text_becomes_words(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("search", "terms"),
    [
        ("Boats dawn boats", [Term(("boats",)), Term(("dawn",))]),
        (
            '"at dawn" -"the sea" -rain',
            [Term(("at", "dawn")), Term(("the", "sea"), excluded=True), Term(("rain",), excluded=True)],
        ),
        ("harb* a* *", [Term(("harb",), begins=True), Term(("a",))]),
        ("harbour-dawn l'eau", [Term(("harbour", "dawn")), Term(("l", "eau"))]),
        ("東京タワー", [Term(("東京", "京タ", "タワ", "ワー"))]),
        ("猫", [Term(("猫",), begins=True)]),
        ("“at dawn” «x y»", [Term(("at", "dawn")), Term(("x", "y"))]),
        ('"unclosed phrase', [Term(("unclosed", "phrase"))]),
        ("NEAR(a b) OR {x}: ^y", [Term(("near", "a")), Term(("b",)), Term(("or",)), Term(("x",)), Term(("y",))]),
        ("' & | ! <-> :* \\ ; --", []),
        ('- "" -"" *', []),
    ],
)
def test_a_search_becomes_terms(search, terms):
    assert terms_of(search) == tuple(terms)


def test_a_long_text_is_parted_so_that_every_short_phrase_is_in_one_part():
    words = [f"w{number}" for number in range(3 * PASSAGE)]
    parts = passages(" ".join(words))
    assert [len(part) for part in parts] == [PASSAGE, PASSAGE, PASSAGE, 3 * OVERLAP]
    whole = {tuple(part[at : at + OVERLAP + 1]) for part in parts for at in range(len(part) - OVERLAP)}
    assert whole == {tuple(words[at : at + OVERLAP + 1]) for at in range(len(words) - OVERLAP)}
    assert (passages(""), passages("one")) == ([], [["one"]])
    assert [len(part) for part in passages("ha " * 500)] == [256, 256, 50]
    assert sum(map(len, passages("a b c d e f g h i " * MOST_CHARACTERS))) < MOST_CHARACTERS / 2 * 1.02


def test_a_long_phrase_becomes_phrases_that_passages_can_hold():
    terms = terms_of('"' + " ".join(map(str, range(70))) + '"')
    assert all(len(term.words) == OVERLAP + 1 for term in terms)
    assert {word for term in terms for word in term.words} == set(map(str, range(70)))


def test_words_are_written_as_each_database_reads_them():
    assert as_tsvector(["a", "b", "a"], "Prj1") == "'=Prj1' 'a':1,3 'b':2"
    assert as_tsquery(Term(("a", "b"), begins=True), "Prj1") == "'=Prj1' & ('a' <-> 'b':*)"
    assert as_match(Term(("a", "b"), begins=True), "Prj1") == 'project_id : "Prj1" AND words : "a b" *'
    assert (as_tsquery(Term(("a",)), None), as_match(Term(("a",)), None)) == ("'a'", 'words : "a"')
