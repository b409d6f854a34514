"""The measure of who was taken for whom."""

import pytest

from tests.diarisation import Rate, Turn, error_rate

TRUTH = (Turn(0.0, 4.0, 0), Turn(5.0, 9.0, 1), Turn(10.0, 14.0, 0))


def rate(*told: Turn) -> Rate:
    return error_rate(TRUTH, told)


def test_who_is_which_number_does_not_matter():
    assert rate(*(Turn(turn.start, turn.end, 7 - turn.speaker) for turn in TRUTH)) == Rate(speech=10.5)


def test_nothing_counts_near_a_change():
    assert rate(Turn(0.2, 4.2, 0), Turn(4.8, 9.2, 1), Turn(9.8, 13.9, 0)) == Rate(speech=10.5)


def test_seconds_missed_made_up_and_given_to_another_are_counted():
    told = rate(Turn(0.0, 2.0, 0), Turn(5.0, 9.0, 1), Turn(10.0, 14.0, 1), Turn(15.0, 17.0, 0))
    assert told == Rate(missed=1.75, invented=2.0, confused=3.5, speech=10.5)


def test_two_taken_for_one_are_half_wrong_and_one_taken_for_two_as_well():
    assert rate(Turn(0.0, 14.0, 0)).confused == pytest.approx(3.5)
    assert rate(Turn(0.0, 4.0, 0), Turn(5.0, 9.0, 1), Turn(10.0, 14.0, 2)).confused == pytest.approx(3.5)


def test_rates_of_talks_add_up():
    assert sum([Rate(1, 2, 3, 4), Rate(1, 1, 1, 1)], Rate()) == Rate(2, 3, 4, 5)
