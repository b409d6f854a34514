"""Sizes, fits and anchors, without a picture."""

import pytest

from workers.engine.errors import LimitExceeded
from workers.framing import framing, nearest


@pytest.mark.parametrize(
    ("asked", "canvas"),
    [
        ({}, (1920, 1080)),
        ({"width": 640}, (640, 360)),
        ({"height": 720}, (1280, 720)),
        ({"width": "50%"}, (960, 540)),
        ({"width": "12.5%"}, (240, 135)),
        ({"height": "25%"}, (480, 270)),
        ({"width": 100, "height": 100}, (100, 100)),
        ({"width": "50%", "height": 100}, (960, 100)),
        ({"width": 3840}, (3840, 2160)),
        ({"width": 1}, (1, 1)),
    ],
)
def test_sizes_asked_for(asked, canvas):
    assert framing((1920, 1080), **asked).canvas == canvas


@pytest.mark.parametrize("fit", ["fill", "cover", "contain"])
def test_one_size_keeps_the_ratio_whatever_the_fit(fit):
    framed = framing((400, 300), width=200, fit=fit)
    assert (framed.scaled, framed.size, framed.canvas) == ((200, 150),) * 3
    assert not framed.crops
    assert not framed.pads


def test_fill_distorts_to_the_exact_size():
    assert framing((400, 300), width=50, height=200).scaled == (50, 200)


@pytest.mark.parametrize(("anchor", "crop"), [((0.5, 0.5), (33, 0)), ((0.0, 0.0), (0, 0)), ((1.0, 1.0), (67, 0))])
def test_cover_crops_where_the_anchor_says(anchor, crop):
    framed = framing((500, 300), width=100, height=100, fit="cover", anchor=anchor)
    assert (framed.scaled, framed.size, framed.canvas) == ((167, 100), (100, 100), (100, 100))
    assert framed.crop == crop


@pytest.mark.parametrize(("anchor", "place"), [((0.5, 0.5), (0, 20)), ((0.0, 0.0), (0, 0)), ((0.5, 1.0), (0, 40))])
def test_contain_pads_where_the_anchor_says(anchor, place):
    framed = framing((500, 300), width=100, height=100, fit="contain", anchor=anchor)
    assert (framed.scaled, framed.size, framed.canvas) == ((100, 60), (100, 60), (100, 100))
    assert framed.place == place


@pytest.mark.parametrize("fit", ["fill", "cover", "contain"])
@pytest.mark.parametrize("shown", [(1138, 641), (33, 1001), (7, 7)])
@pytest.mark.parametrize("asked", [{}, {"width": 101}, {"width": 333, "height": 77}, {"height": "33%"}])
def test_even_makes_every_number_even_and_inside(fit, shown, asked):
    framed = framing(shown, fit=fit, even=True, anchor=(0.3, 0.8), **asked)
    for pair in (framed.scaled, framed.crop, framed.size, framed.place, framed.canvas):
        assert all(number % 2 == 0 for number in pair)
    for side in (0, 1):
        assert framed.crop[side] + framed.size[side] <= framed.scaled[side]
        assert framed.place[side] + framed.size[side] <= framed.canvas[side]
        assert framed.canvas[side] >= 2


def test_an_odd_size_becomes_the_even_one_below():
    assert framing((100, 100), width=641, height=481, even=True).canvas == (640, 480)
    assert nearest(1137.78, 2) == 1138
    assert nearest(0.2, 1) == 1


def test_too_large_an_output_is_refused():
    with pytest.raises(LimitExceeded, match="8192"):
        framing((4000, 3000), width="1000%")
