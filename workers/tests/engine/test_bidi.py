"""The order of text in both directions, after the examples of UAX #9. Capitals stand for Hebrew letters."""

import pytest

from workers.engine.bidi import base_level, levels, visual_order

HEBREW = {chr(ord("A") + number): chr(0x05D0 + number) for number in range(26)}


def shown(text, base=None):
    hebrew = "".join(HEBREW.get(character, character) for character in text)
    of = levels(hebrew, base_level(hebrew) if base is None else base)
    return "".join(text[place] for place in visual_order(of))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("car means CAR.", "car means RAC."),
        ("CAR MEANS car.", ".car SNAEM RAC"),
        ("he said CAR 123.", "he said 123 RAC."),
        ("AB 12, 34!", "!34 ,12 BA"),
        ("price: ABC 5$", "price: 5$ CBA"),
        ("a (B) c", "a (B) c"),
        ("123 abc", "123 abc"),
        ("", ""),
        ("A-B c", "c B-A"),
    ],
)
def test_text_is_shown_in_order(text, order):
    assert shown(text) == order


def test_digits_after_arabic_keep_together():
    assert levels("\u0627 1/2", 1) == [1, 1, 2, 2, 2]
    assert levels("\u0627 1,2", 1) == [1, 1, 2, 2, 2]


def test_a_paragraph_runs_as_its_first_letter_does():
    assert base_level("12 \u05d0 a") == 1
    assert base_level("12 a \u05d0") == 0
    assert base_level("12 !") == 0
