"""Thumbnails beforehand: how many, where they lie, what is decoded for them; sheets and cues without a video."""

from dataclasses import replace

import pytest
from PIL import Image

from workers.engine.errors import SourceUnreadable, SourceUnsupported
from workers.engine.probe import Probe, VideoStream
from workers.estimate import estimate
from workers.kinds import get_kind
from workers.kinds.base import HelperStep
from workers.run import check
from workers.sprites import sheets
from workers.sprites.key_frames import chosen
from workers.sprites.layout import Rhythm, grid, rhythm

KIND = get_kind("thumbnails")
FILM = Probe(
    media_type="video",
    mime="video/mp4",
    container="mp4",
    size=1_000_000,
    duration=3600.0,
    width=1280,
    height=720,
    demuxer="mov,mp4",
    videos=(VideoStream(0, "h264", 1280, 720, 1280, 720, frame_rate=25.0, duration=3600.0),),
)


# --- Plans ---


@pytest.mark.parametrize(
    ("duration", "interval", "count"),
    [
        (0.2, 1.0, 1),
        (1.05, 1.0, 1),
        (10.4, 1.0, 11),
        (100.0, 1.0, 100),
        (600.0, 5.0, 120),
        (3600.0, 15.0, 240),
        (7200.0, 20.0, 360),
        (4 * 3600.0, 60.0, 240),
        (24 * 3600.0, 300.0, 288),
    ],
)
def test_how_many_pictures_a_film_has_by_its_length(duration, interval, count):
    beats = rhythm(duration)
    assert (beats.interval, beats.count) == (interval, count)
    assert beats.span(0)[0] == 0
    assert beats.span(count - 1)[1] == duration


def test_a_count_spreads_over_the_whole_length():
    assert rhythm(90.0, count=4, interval=1.0) == Rhythm(4, 22.5, 90.0)


def test_sheets_are_held_to_edges_and_pixels():
    assert [
        (one.name, one.cells, one.columns, one.rows) for one in grid(240, (160, 90), format="jpeg").sheets("jpg")
    ] == [("sprite-1.jpg", 240, 10, 24)]
    portrait = grid(400, (90, 160), format="jpeg").sheets("jpg")
    assert [(one.cells, one.columns, one.rows) for one in portrait] == [(250, 10, 25), (150, 10, 15)]
    assert [one.cells for one in grid(100, (160, 90), format="png").sheets("png")] == [40, 40, 20]
    assert grid(3, (160, 90), format="webp").sheets("webp")[0].columns == 3
    assert grid(300, (160, 90), format="jpeg").place(291) == (1, 160, 0)
    for size in ((4096, 1), (1, 4096), (1280, 720), (37, 411)):
        for format in ("jpeg", "png"):
            for one in grid(9, size, format=format).sheets("x"):
                assert max(one.columns * size[0], one.rows * size[1]) <= 4096


@pytest.mark.parametrize(
    ("options", "param", "words"),
    [
        ({"interval": 1}, "interval", "interval would make 3600 pictures; at most 1000: make it longer."),
        ({"count": 1000, "width": 640}, "width", "1000 pictures of 640 × 360 pixels are too many; at most 277"),
        (
            {"columns": 30},
            "columns",
            "30 columns of 160 pixels are more than a sheet of 4096 pixels holds: at most 25.",
        ),
        ({"width": 5000}, "width", "A cell of 5000 × 2812 pixels does not fit into a sheet of 4096 pixels."),
    ],
)
def test_what_is_too_much_is_refused_and_the_option_named(options, param, words):
    with pytest.raises(SourceUnsupported) as refused:
        check(KIND, options, FILM)
    assert refused.value.param == param
    assert refused.value.message.startswith(words)


def test_sound_and_stills_are_refused():
    for media_type, words in (("audio", "an audio"), ("image", "an image")):
        with pytest.raises(SourceUnsupported, match=f"thumbnails needs video; the input is {words} file"):
            check(KIND, {}, replace(FILM, media_type=media_type, videos=()))


def test_of_a_long_film_only_key_frames_are_decoded():
    plan = check(KIND, {}, FILM)
    keys, kept, full, sparse, first, _ = plan.steps
    assert isinstance(keys, HelperStep)
    assert keys.operations["each"] == 3
    assert (kept.when, kept.attempts, kept.unless) == ("keys.use", "frame-00001.ppm", None)
    assert (full.when, full.unless, sparse.unless, first.unless) == ("keys.full", *["frame-00001.ppm"] * 3)
    assert "nokey" in sparse.args
    assert "nokey" not in full.args
    assert plan.reads == "seek"
    assert 1 < estimate(plan, FILM, cores=2).seconds < 10
    assert [(item.name, item.type, item.width, item.height) for item in plan.expected] == [
        ("thumbnails.vtt", "text/vtt", 160, 90),
        ("sprite-1.jpg", "image/jpeg", 1600, 2160),
    ]


def test_large_pictures_are_chosen_from_fewer_frames():
    film = replace(FILM, videos=(replace(FILM.videos[0], codec="prores", coded_width=4096, coded_height=2160),))
    assert check(KIND, {}, film).steps[0].operations["each"] == 1


def test_key_frames_are_chosen_near_even_places_and_from_around_where_there_are_none():
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 21.0]
    assert chosen(times, Rhythm(4, 6.0, 24.0), 2) == ([1.0, 4.0, 5.0, 21.0], 2)
    assert chosen([0.0], Rhythm(3, 1.0, 3.0), 3) == ([0.0], 2)
    assert chosen([], Rhythm(3, 1.0, 3.0), 3) == ([], 3)


def test_no_frame_at_all_is_told(tmp_path):
    with pytest.raises(SourceUnreadable, match="No frame of the video could be decoded"):
        sheets.make_sheets(tmp_path, {"frames": "frame-*.ppm", "times": "times.txt"})


# --- Sheets and cues ---


def test_a_sheet_that_is_too_large_is_made_coarser(monkeypatch, tmp_path):
    Image.effect_noise((160, 90), 90).convert("RGB").save(tmp_path / "frame-00001.ppm")
    (tmp_path / "times.txt").write_text("frame:0    pts:0       pts_time:0\ncell=1\n")
    framing = {"scaled": (160, 90), "crop": (0, 0), "size": (160, 90), "place": (0, 0), "canvas": (160, 90)}
    given = {"frames": "frame-*.ppm", "times": "times.txt", "framing": framing, "rhythm": {"count": 4, "interval": 1.0}}
    given["rhythm"]["duration"] = 4.0
    given |= {"columns": None, "background": None, "clear": False, "format": "jpeg", "quality": 90, "prefix": ""}
    sizes = []
    for number, most in enumerate((2_000_000, 25_000)):
        monkeypatch.setattr(sheets, "SHEET_BYTES", most)
        (tmp_path / "sprite-1.jpg").unlink(missing_ok=True)
        sheets.make_sheets(tmp_path, given | {"target": f"{number}.vtt", "layout": f"{number}.json"})
        sizes.append((tmp_path / "sprite-1.jpg").stat().st_size)
    assert sizes[0] > 25_000 >= sizes[1]


def test_a_frame_whose_time_is_not_told_moves_no_other(tmp_path):
    for number, shade in enumerate((90, 120, 150), start=1):
        Image.new("RGB", (160, 90), (shade, 0, 0)).save(tmp_path / f"frame-{number:05}.ppm")
    (tmp_path / "times.txt").write_text(
        "frame:0    pts:0       pts_time:0\ncell=1\nframe:1    pts:NOPTS   pts_time:nan\ncell=1\n"
        "frame:2    pts:512     pts_time:2.5\ncell=1\n"
    )
    assert [frame.time for frame in sheets.frames_of(tmp_path, "frame-*.ppm", "times.txt")] == [0.0, 0.0, 2.5]
    assert sheets.frames_of(tmp_path, "frame-*.ppm", "missing.txt") == []


def test_cues_are_webvtt_to_the_letter():
    text = sheets.cues(Rhythm(3, 1800.0, 4000.5), grid(3, (160, 90), format="jpeg", columns=2), ["sprite-1.jpg"], "")
    assert text == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:30:00.000\nsprite-1.jpg#xywh=0,0,160,90\n\n"
        "2\n00:30:00.000 --> 01:00:00.000\nsprite-1.jpg#xywh=160,0,160,90\n\n"
        "3\n01:00:00.000 --> 01:06:40.500\nsprite-1.jpg#xywh=0,90,160,90\n"
    )
