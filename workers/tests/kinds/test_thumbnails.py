"""Sprite sheets: each cell is the frame of its time, and the cues tile the whole film."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from workers import graph
from workers.kinds import get_kind, thumbnails
from workers.run import run
from workers.tests.media import RED, corner_colors, ffmpeg, make_video, near, upright

KIND = get_kind("thumbnails")
_CUE = re.compile(
    r"(\d+)\n(\d\d):(\d\d):(\d\d\.\d\d\d) --> (\d\d):(\d\d):(\d\d\.\d\d\d)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)"
)


@dataclass(frozen=True)
class Cue:
    number: int
    start: float
    end: float
    sheet: str
    region: tuple[int, int, int, int]


def read_cues(text: str) -> list[Cue]:
    """Strictly: nothing else may be in it."""
    head, *blocks = text.removesuffix("\n").split("\n\n")
    assert head == "WEBVTT"
    found = []
    for block in blocks:
        parts = _CUE.fullmatch(block)
        assert parts, block
        number, *times, sheet, left, top, width, height = parts.groups()
        start, end = (3600 * int(h) + 60 * int(m) + float(s) for h, m, s in (times[:3], times[3:]))
        found.append(Cue(int(number), start, end, sheet, (int(left), int(top), int(width), int(height))))
    return found


def made(path: Path, workdir: Path, **options: object):
    """(Done, cues, the picture of each cue as RGB)."""
    done = run(KIND, options, path, workdir)
    cues = read_cues((workdir / "thumbnails.vtt").read_text())
    pictures = {output.name: Image.open(output.path).convert("RGB") for output in done.outputs if not output.entry}
    cells = []
    for cue in cues:
        left, top, width, height = cue.region
        sheet = pictures[cue.sheet.removeprefix("./")]
        assert left + width <= sheet.width
        assert top + height <= sheet.height
        cells.append(sheet.crop((left, top, left + width, top + height)))
    assert [cue.number for cue in cues] == list(range(1, len(cues) + 1))
    assert [cue.start for cue in cues] == [0.0, *(cue.end for cue in cues[:-1])]
    return done, cues, cells


def frames_of(path: Path, folder: Path) -> list[Image.Image]:
    """Every frame at the size of a cell, as ffmpeg finds them by decoding everything."""
    still = folder / f"{path.stem}-%03d.ppm"
    scale = "scale=160:90:flags=lanczos+accurate_rnd+full_chroma_int,format=rgb24"
    ffmpeg("-i", path, "-vf", scale, "-fps_mode", "passthrough", still)
    return [Image.open(each).convert("RGB") for each in sorted(folder.glob(f"{path.stem}-*.ppm"))]


def distance(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of all pixels, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


@pytest.fixture
def by_key_frames(monkeypatch):
    """Nothing is short enough to be decoded as a whole."""
    monkeypatch.setattr(thumbnails, "FULL", 0.0)
    monkeypatch.setattr(thumbnails, "RATHER_FULL", 0.0)


# --- Pictures ---


@pytest.mark.ffmpeg
def test_each_cell_is_the_frame_of_its_time(make_video, workdir, tmp_path):
    source = make_video(seconds=6.0, size=(320, 180), fps=10, audio=None)
    done, cues, cells = made(source, workdir, format="png")
    assert [(cue.start, cue.end) for cue in cues] == [(n, n + 1) for n in range(6)]
    assert [cue.region for cue in cues] == [(160 * n, 0, 160, 90) for n in range(6)]
    references = frames_of(source, tmp_path)[5::10]
    for number, cell in enumerate(cells):
        away = [distance(cell, reference) for reference in references]
        assert away[number] < 3.0
        assert min(away[:number] + away[number + 1 :]) > 2 * away[number]
    assert done.result.model_dump() == {
        "format": "vtt",
        "image_format": "png",
        "count": 6,
        "interval": 1.0,
        "duration": 6.0,
        "width": 160,
        "height": 90,
        "columns": 6,
        "rows": 1,
        "sheets": 1,
        "notes": (),
    }
    assert [(one.name, one.type, one.entry) for one in done.outputs] == [
        ("thumbnails.vtt", "text/vtt", True),
        ("sprite-1.png", "image/png", False),
    ]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_each_cell_is_the_key_frame_of_its_time(by_key_frames, workdir, tmp_path, suffix):
    extra = ("-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-bf", "2" if suffix != ".avi" else "0")
    source = make_video(tmp_path / f"in{suffix}", seconds=6.0, size=(320, 180), fps=10, extra=extra)
    done, cues, cells = made(source, workdir, format="png")
    assert (workdir / "keys.mkv").exists()
    references = frames_of(source, tmp_path)[::10]
    for number, cell in enumerate(cells):
        away = [distance(cell, reference) for reference in references]
        assert away[number] < 3.0
        assert min(away[:number] + away[number + 1 :]) > 2 * away[number]
    assert cues[-1].end == pytest.approx(6.0, abs=0.1)
    assert done.result.notes == ()


@pytest.mark.ffmpeg
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("turn", [90, 180, 270, "hflip", "vflip"])
def test_what_is_turned_or_mirrored_comes_out_upright(monkeypatch, workdir, tmp_path, turn, keys):
    if keys:
        monkeypatch.setattr(thumbnails, "FULL", 0.0)
    source = tmp_path / "in.mp4"
    if isinstance(turn, int):
        make_video(source, corners=True, size=(96, 64), rotate=turn, audio=None)
    else:
        plain = make_video(tmp_path / "plain.mp4", corners=True, size=(96, 64), audio=None)
        ffmpeg(f"-display_{turn}", "-i", plain, "-c", "copy", source)
    _, _, [cell] = made(source, workdir, format="png")
    still = tmp_path / "still.png"
    ffmpeg("-i", source, "-frames:v", "1", "-update", "1", still)
    assert cell.size == ((64, 96) if turn in (90, 270) else (96, 64))
    for place, color in corner_colors(Image.open(still).convert("RGB")).items():
        assert near(corner_colors(cell)[place], color), place


@pytest.mark.ffmpeg
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize(
    ("suffix", "arguments", "size"),
    [
        (".mp4", {"sample_aspect": (2, 1)}, (128, 48)),
        (".mp4", {"pix_fmt": "yuv420p10le"}, (64, 48)),
        (".ts", {"codec": "mpeg2video", "interlaced": True, "size": (64, 48)}, (64, 48)),
        (
            ".mkv",
            {"codec": "libx265", "colors": ("bt2020", "smpte2084", "bt2020nc"), "pix_fmt": "yuv420p10le"},
            (64, 48),
        ),
        (".webm", {"codec": "libvpx-vp9", "pix_fmt": "yuva420p"}, (64, 48)),
    ],
)
def test_what_is_uncommon_comes_out_as_a_still_of_it_does(
    monkeypatch, workdir, tmp_path, suffix, arguments, size, keys
):
    if keys:
        monkeypatch.setattr(thumbnails, "FULL", 0.0)
    source = make_video(tmp_path / f"in{suffix}", corners=True, audio=None, **arguments)
    _, _, [cell] = made(source, workdir, format="png")
    folder = tmp_path / "still"
    folder.mkdir()
    still = Image.open(run(get_kind("image"), {"format": "png"}, source, folder).outputs[0].path).convert("RGB")
    assert cell.size == still.size == size
    for place, color in corner_colors(still).items():
        assert near(corner_colors(cell)[place], color), place


@pytest.mark.ffmpeg
def test_transparency_is_kept_where_the_format_has_it_and_goes_over_a_background_where_not(workdir, tmp_path):
    source = tmp_path / "in.webm"
    half = "color=red:s=64x48:r=10:d=1,format=rgba,geq=r='r(X,Y)':g=0:b=0:a='255*lt(X,32)'"
    ffmpeg("-f", "lavfi", "-i", half, "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", source)
    for format, background, right in (
        ("png", None, (0,)),
        ("jpeg", None, (0, 0, 0, 255)),
        ("webp", "#00ff00", (0, 255, 0, 255)),
    ):
        folder = workdir / format
        folder.mkdir()
        done = run(KIND, {"format": format, "background": background}, source, folder)
        sheet = Image.open(done.outputs[1].path).convert("RGBA")
        assert near(sheet.getpixel((8, 24)), (254, 0, 0, 255), 40)
        assert near(sheet.getpixel((56, 24))[-1:] if format == "png" else sheet.getpixel((56, 24)), right, 40)


@pytest.mark.ffmpeg
def test_the_fit_crops_pads_and_enlarges(make_video, workdir):
    source = make_video(corners=True, size=(96, 64), audio=None)
    for fit, size, corner in (("cover", (48, 48), RED), ("contain", (200, 64), (0, 0, 255))):
        folder = workdir / fit
        folder.mkdir()
        options = {"width": size[0], "height": size[1], "fit": fit, "background": "#0000ff"}
        _, _, [cell] = made(source, folder, **options)
        assert cell.size == size
        assert near(cell.getpixel((3, 3)), corner, 40)
    folder = workdir / "large"
    folder.mkdir()
    _, _, [cell] = made(source, folder, width=192)
    assert cell.size == (192, 128)
    assert upright(cell)


# --- Which frame ---


def spoiled(path: Path, filters: str) -> Path:
    """Four seconds of which the frames around 1 and 3 are spoiled, every one of them a key frame."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=160x90:r=10:d=4,{filters}", "-c:v", "libx264", "-g", "1", path)
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ("drawbox=t=fill:c=black:enable='between(mod(t,2),0.55,1.45)'", True),
        ("drawbox=t=fill:c=white:enable='between(mod(t,2),0.55,1.45)'", False),
        ("gblur=sigma=8:enable='between(mod(t,2),0.55,1.45)'", False),
    ],
)
def test_black_empty_and_blurred_frames_are_avoided(monkeypatch, workdir, tmp_path, filters, keys):
    if keys:
        monkeypatch.setattr(thumbnails, "FULL", 0.0)
    source = spoiled(tmp_path / "in.mp4", filters)
    _, cues, cells = made(source, workdir, interval=2, format="png")
    assert [cue.end for cue in cues] == [2.0, 4.0]
    frames = frames_of(source, tmp_path)
    for first, cell in zip((0, 20), cells, strict=True):
        whole = frames[first : first + 6] + frames[first + 15 : first + 20]
        assert min(distance(cell, frame) for frame in whole) < 3.0


@pytest.mark.ffmpeg
def test_a_black_film_has_black_cells(workdir, tmp_path):
    source = tmp_path / "in.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=64x48:r=10:d=3", source)
    _, cues, cells = made(source, workdir)
    assert len(cues) == 3
    assert all(cell.getextrema() == ((0, 0), (0, 0), (0, 0)) for cell in cells)


# --- Times ---


@pytest.mark.ffmpeg
def test_a_slide_show_shows_the_slide_of_each_moment(workdir, tmp_path):
    source = tmp_path / "in.mkv"
    slides = "select='not(mod(n,7))+eq(n,1)',settb=1/1000,setpts='if(eq(N,1),0.1,N*0.7)/TB'"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=160x90:r=1:d=36,{slides}", "-fps_mode", "passthrough", source)
    _, cues, cells = made(source, workdir, format="png")
    begins, slides = (0.0, 0.1, 1.4, 2.1, 2.8, 3.5), frames_of(source, tmp_path)
    assert len(slides) >= len(begins)
    for cue, cell in zip(cues, cells, strict=True):
        shown = {max(n for n, begin in enumerate(begins) if begin <= cue.start + part) for part in (0.25, 0.5, 0.75)}
        if cue.end <= 4.0:
            assert min(distance(cell, slides[number]) for number in shown) < 3.0


@pytest.mark.ffmpeg
@pytest.mark.parametrize("keys", [False, True])
def test_a_picture_that_begins_late_is_shown_from_the_start(monkeypatch, workdir, tmp_path, keys):
    if keys:
        monkeypatch.setattr(thumbnails, "FULL", 0.0)
    source = tmp_path / "in.mkv"
    video = make_video(tmp_path / "video.mp4", seconds=2.0, size=(160, 90), audio=None, extra=("-g", "25"))
    sound = make_video(tmp_path / "sound.mp4", seconds=4.0)
    ffmpeg("-itsoffset", "2", "-i", video, "-i", sound, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    _, cues, cells = made(source, workdir, format="png")
    assert [round(cue.end) for cue in cues] == [1, 2, 3, 4]
    frames = frames_of(video, tmp_path)
    assert distance(cells[0], frames[0]) < 3.0
    assert min(distance(cells[3], frame) for frame in frames[25:]) < 3.0
    assert min(distance(cells[3], frame) for frame in frames[:20]) > 3.0


@pytest.mark.ffmpeg
@pytest.mark.parametrize("keys", [False, True])
def test_a_tiny_clip_has_one_cell(monkeypatch, make_video, workdir, keys):
    if keys:
        monkeypatch.setattr(thumbnails, "FULL", 0.0)
    _, [cue], [cell] = made(make_video(seconds=0.2, corners=True, audio=None), workdir, interval=0.5)
    assert (cue.start, cue.end, upright(cell)) == (0.0, 0.2, True)


@pytest.mark.ffmpeg
def test_a_recording_that_does_not_tell_its_length_is_counted(workdir, tmp_path):
    source = tmp_path / "in.webm"
    live = ("-g", "1000", "-live", "1", "-f", "webm")
    make_video(source, seconds=4.0, fps=10, size=(160, 90), codec="libvpx", audio=None, extra=live)
    done, cues, cells = made(source, workdir, format="png")
    assert len(cues) == 4
    assert done.result.duration == pytest.approx(4.0, abs=0.15)
    assert done.outputs[1].probe.displayed == (640, 90)
    for cell, frame in zip(cells, frames_of(source, tmp_path)[5::10], strict=True):
        assert distance(cell, frame) < 3.0


# --- Traps ---


@pytest.mark.ffmpeg
@pytest.mark.parametrize("cost", [60.0, 0.0])
@pytest.mark.parametrize("suffix", [".h264", ".h265"])
def test_a_stream_without_a_container_is_counted(monkeypatch, workdir, tmp_path, suffix, cost):
    monkeypatch.setattr(thumbnails, "RATHER_FULL", cost)
    codec = {".h264": "libx264", ".h265": "libx265"}[suffix]
    keys = ("-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-bf", "2")
    whole = make_video(
        tmp_path / "in.mkv", seconds=4.0, size=(160, 90), fps=10, codec=codec, audio=None, extra=(*keys, "-an")
    )
    source = tmp_path / f"in{suffix}"
    ffmpeg("-i", whole, "-c", "copy", "-f", {".h264": "h264", ".h265": "hevc"}[suffix], source)
    done, cues, cells = made(source, workdir, format="png")
    assert (done.result.duration, len(cues)) == (pytest.approx(4.0, abs=0.06), 4)
    frames = frames_of(whole, tmp_path)
    for second, cell in enumerate(cells):
        assert min(range(40), key=lambda number: distance(cell, frames[number])) == second * 10


def test_with_one_key_frame_all_is_decoded_where_that_is_quick(monkeypatch, workdir, tmp_path):
    monkeypatch.setattr(thumbnails, "FULL", 0.0)
    source = make_video(tmp_path / "in.mp4", seconds=4.0, size=(160, 90), fps=10, extra=("-g", "1000"))
    done, _, cells = made(source, workdir, format="png")
    for cell, frame in zip(cells, frames_of(source, tmp_path)[5::10], strict=True):
        assert distance(cell, frame) < 3.0
    assert done.result.notes == ()


@pytest.mark.ffmpeg
def test_with_one_key_frame_the_cells_repeat_it_where_it_is_not_and_say_so(by_key_frames, workdir, tmp_path):
    source = make_video(tmp_path / "in.mp4", seconds=4.0, size=(160, 90), fps=10, extra=("-g", "1000"))
    done, _, cells = made(source, workdir, format="png")
    first = frames_of(source, tmp_path)[0]
    assert all(distance(cell, first) < 3.0 for cell in cells)
    assert done.result.notes == ("2 of 4 pictures, those from 2 s on, repeat the last that could be had, of 0 s.",)


@pytest.mark.ffmpeg
def test_what_comes_of_no_copied_key_frame_is_decoded_from_the_source(monkeypatch, by_key_frames, workdir, tmp_path):
    def broken(path, *arguments, **options):
        return (*kept(path, *arguments, **options)[:-3], "-no_such_option", "1", "frame-%05d.ppm")

    kept = graph.kept_frames
    monkeypatch.setattr(graph, "kept_frames", broken)
    source = make_video(tmp_path / "in.mp4", seconds=3.0, size=(160, 90), fps=10, extra=("-g", "10"))
    _, _, cells = made(source, workdir, format="png")
    for cell, frame in zip(cells, frames_of(source, tmp_path)[::10], strict=True):
        assert distance(cell, frame) < 3.0


@pytest.mark.ffmpeg
def test_a_file_cut_short_says_from_where_on_it_repeats_itself(workdir, tmp_path):
    source = make_video(tmp_path / "in.mkv", seconds=8.0, fps=10, keep=0.5, audio=None, extra=("-g", "10"))
    done, cues, _ = made(source, workdir)
    assert len(cues) == 8
    [note] = done.result.notes
    assert re.fullmatch(r"\d of 8 pictures, those from \d s on, repeat the last that could be had, of \d s\.", note)


# --- Sheets and cues ---


@pytest.mark.ffmpeg
def test_many_cells_go_into_several_sheets(make_video, workdir):
    source = make_video(seconds=2.0, size=(160, 90), fps=25, audio=None)
    done, cues, _ = made(source, workdir, count=90, format="png", urls="relative")
    assert [(one.name, one.type, one.probe.displayed) for one in done.outputs[1:]] == [
        ("sprite-1.png", "image/png", (1600, 360)),
        ("sprite-2.png", "image/png", (1600, 360)),
        ("sprite-3.png", "image/png", (1600, 90)),
    ]
    assert {cue.sheet for cue in cues} == {"./sprite-1.png", "./sprite-2.png", "./sprite-3.png"}
    assert (len(cues), cues[-1].end, done.result.sheets) == (90, 2.0, 3)
