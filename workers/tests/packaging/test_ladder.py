"""Which renditions a package has."""

from fractions import Fraction

import pytest

from workers.engine.errors import LimitExceeded
from workers.packaging.ladder import MOST_SEGMENTS, ladder, sounds, steady_rate, timing

SLOW = Fraction(25)


def rungs(canvas, rate=SLOW, *, codec="h264", quality=80, source_codec="h264", source_bitrate=None):
    return ladder(canvas, rate, codec=codec, quality=quality, source_codec=source_codec, source_bitrate=source_bitrate)


def names(*args, **kwargs):
    return [rung.name for rung in rungs(*args, **kwargs)]


def test_a_full_hd_source_has_five_rungs_of_the_usual_sizes():
    found = [(rung.name, rung.width, rung.height, rung.peak) for rung in rungs((1920, 1080))]
    assert found == [
        ("1080p", 1920, 1080, 5_000_000),
        ("720p", 1280, 720, 2_800_000),
        ("480p", 854, 480, 1_400_000),
        ("360p", 640, 360, 800_000),
        ("240p", 426, 240, 400_000),
    ]


@pytest.mark.parametrize(
    ("canvas", "sizes"),
    [
        ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)]),
        ((1920, 800), [(1920, 800), (1280, 534), (854, 356), (640, 266), (426, 178)]),
        ((854, 480), [(854, 480), (640, 360), (426, 240)]),
        ((1138, 640), [(1138, 640), (854, 480), (640, 360), (426, 240)]),
        ((500, 500), [(500, 500), (360, 360), (240, 240)]),
        ((64, 48), [(64, 48)]),
        ((3840, 2160), [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
    ],
)
def test_rungs_are_the_source_and_usual_sizes_below_it(canvas, sizes):
    assert [(rung.width, rung.height) for rung in rungs(canvas)] == sizes
    assert all(side % 2 == 0 for size in sizes for side in size)


def test_a_size_next_to_the_source_s_own_is_left_out():
    assert names((1024, 576)) == ["576p", "360p", "240p"]


def test_wide_pictures_are_named_after_what_holds_them():
    assert names((1920, 800))[:2] == ["1080p", "720p"]


def test_a_poor_source_has_fewer_and_smaller_rungs():
    found = rungs((1920, 1080), source_bitrate=600_000)
    assert [(rung.name, rung.peak) for rung in found] == [
        ("1080p", 1_200_000),
        ("720p", 672_000),
        ("480p", 336_000),
        ("360p", 192_000),
    ]


def test_a_source_in_a_better_codec_is_worth_more():
    assert rungs((1280, 720), source_bitrate=500_000)[0].peak == 1_000_000
    assert rungs((1280, 720), source_bitrate=500_000, source_codec="h265")[0].peak == 1_600_000


def test_better_codecs_and_lower_qualities_need_fewer_bits():
    assert rungs((1920, 1080), codec="av1")[0].peak == pytest.approx(5_000_000 / 1.9, abs=500)
    assert rungs((1920, 1080), quality=60)[0].peak == 3_750_000
    assert rungs((1920, 1080), quality=100)[0].peak == 10_000_000


def test_fast_sources_keep_their_rate_where_pictures_are_large():
    found = rungs((1920, 1080), Fraction(60))
    assert [(rung.name, rung.rate, rung.halved) for rung in found] == [
        ("1080p", 60, False),
        ("720p", 60, False),
        ("480p", 30, True),
        ("360p", 30, True),
        ("240p", 30, True),
    ]
    assert found[0].peak == 7_500_000
    assert found[2].peak == 1_400_000


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), SLOW, Fraction(30000, 1001), Fraction(50), Fraction(60)])
def test_key_frames_of_all_rungs_are_as_far_apart(rate):
    distances = {rung.gop / rung.rate for rung in rungs((1920, 1080), rate)}
    assert len(distances) == 1
    assert float(distances.pop()) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("rate", "base", "variable", "expected", "changed"),
    [
        (29.97003, 29.97003, False, Fraction(30000, 1001), False),
        (23.976, 23.976, False, Fraction(24000, 1001), False),
        (25.0, 25.0, False, Fraction(25), False),
        (120.0, 120.0, False, Fraction(60), True),
        (12.5, 30.0, True, Fraction(30), True),
        (11.2, 1000.0, True, Fraction(24000, 1001), True),
        (5.0, 5.0, False, Fraction(5), False),
        (None, None, False, Fraction(30), True),
    ],
)
def test_the_rate_is_steady(rate, base, variable, expected, changed):
    assert steady_rate(rate, base, variable=variable) == (expected, changed)


def test_segments_are_whole_groups_of_pictures():
    gop = Fraction(60 * 1001, 30000)
    assert timing(60.0, None, gop).segment == 3 * gop
    assert timing(60.0, 4.0, gop).segment == 2 * gop
    assert timing(60.0, 1.0, gop).segment == gop


def test_segments_of_long_media_are_longer():
    assert timing(2.5 * 3600, None).segment == 6
    four_hours = timing(4 * 3600, None)
    assert four_hours.segment == 10
    assert 4 * 3600 / four_hours.segment <= MOST_SEGMENTS


def test_too_many_segments_are_refused():
    with pytest.raises(LimitExceeded) as refused:
        timing(4 * 3600, 1.0)
    assert refused.value.param == "segment_duration"
    with pytest.raises(LimitExceeded) as refused:
        timing(200 * 3600, None)
    assert refused.value.param is None


def test_sound_alone_has_several_bitrates_and_never_more_than_the_source():
    assert sounds(80, 2, None) == (256_000, 128_000, 64_000)
    assert sounds(80, 2, 128_000) == (128_000, 64_000)
    assert sounds(80, 1, None) == (154_000, 77_000, 38_000)
    assert sounds(40, 2, None) == (96_000, 64_000)
    assert sounds(80, 2, 24_000) == (32_000,)
