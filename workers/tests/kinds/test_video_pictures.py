"""Light, colour, fields, transparency and orientation of videos: what a viewer sees of them."""

import struct
from dataclasses import replace

import av
import pytest
from pydantic import ValidationError

from workers.engine.errors import SourceUnsupported
from workers.engine.frames import dolby_profile
from workers.engine.probe import probe
from workers.graph.picture import peak
from workers.kinds.video import KIND, VideoOptions, plan
from workers.run import run
from workers.tests.kinds.test_video import VIDEO, source, value
from workers.tests.media import BLUE, GREEN, RED, WHITE, corner_colors, ffmpeg, frames_of, near

PQ = {
    "hdr": "pq",
    "bit_depth": 10,
    "pix_fmt": "yuv420p10le",
    "color_transfer": "smpte2084",
    "color_primaries": "bt2020",
    "color_matrix": "bt2020nc",
}
MASTERING = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50):max-cll=4000,400"


def graph_of(facts, **options):
    found = plan(VideoOptions.model_validate(options), source(facts))
    return value(found.steps[-1].args, "-filter_complex"), found


# ── light ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_hdr_is_mapped_with_room_for_the_light_it_says_it_has():
    assert peak(replace(VIDEO, **PQ)) == 1000
    assert peak(replace(VIDEO, **PQ, max_cll=600)) == 600
    assert peak(replace(VIDEO, **PQ, mastering=(0,) * 8 + (20_000_000, 50))) == 2000
    assert peak(replace(VIDEO, **PQ, max_cll=10_000)) == 4000
    assert peak(replace(VIDEO, **PQ, max_cll=1)) == 204
    graph, found = graph_of(PQ | {"max_cll": 609})
    assert "tonemap=mobius:desat=0:param=0.3:peak=3.000" in graph
    assert found.notes == ("HDR (PQ) was tone-mapped to BT.709.",)
    assert (found.expected[0].bit_depth, found.expected[0].colors) == (8, ("bt709", "bt709", "bt709"))


@pytest.mark.ffmpeg
def test_mapped_light_keeps_black_shadows_and_the_order_of_highlights(workdir, tmp_path):
    # Patches of 0, 20, 100, 203, 600 and 1000 cd/m²: their codes in PQ, narrow range, 10 bits (SMPTE ST 2084).
    patches = (64, 381, 509, 573, 671, 723)
    levels = "+".join(f"{code}*between(X,{16 * place},{16 * place + 15})" for place, code in enumerate(patches))
    path = tmp_path / "patches.mkv"
    tags = "color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    picture = f"nullsrc=s=96x32:d=0.2,format=yuv420p10le,geq=lum='{levels}':cb=512:cr=512,setparams={tags}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "ffv1", path)
    done = run(KIND, {"format": "mp4", "quality": 95}, path, workdir)
    with av.open(str(done.outputs[0].path)) as container:
        frame = next(container.decode(video=0))
        luma, chroma = bytes(frame.planes[0]), bytes(frame.planes[1])
        line = frame.planes[0].line_size
        found = [luma[16 * line + 16 * place + 8] for place in range(6)]
        assert all(abs(chroma[8 * frame.planes[1].line_size + 8 * place + 4] - 128) <= 2 for place in range(6))
    # Shadows keep their light (20 cd/m² of a white of 203, shown by BT.1886); HDR's white leaves room above it.
    assert found == pytest.approx([16, 101, 174, 203, 228, 235], abs=3)
    assert done.outputs[0].probe.video.mastering is None


def hdr10(tmp_path):
    path = tmp_path / "hdr10.mp4"
    tags = "color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=128x96:r=25:d=0.4,format=yuv420p10le,setparams={tags}", "-c:v", "libx265"),
        *("-preset", "ultrafast", "-x265-params", f"log-level=error:hdr10=1:{MASTERING}", "-tag:v", "hvc1", path),
    )
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("options", "codec"),
    [({"codec": "h265"}, "h265"), ({"codec": "av1"}, "av1"), ({"format": "webm"}, "vp9"), ({"format": "mkv"}, "h265")],
    ids=str,
)
def test_hdr_can_be_kept_with_all_that_is_said_of_its_light(workdir, tmp_path, options, codec):
    path = hdr10(tmp_path)
    before = probe(path).video
    assert (before.max_cll, before.max_fall, before.mastering[-2:]) == (4000, 400, (40_000_000, 50))
    done = run(KIND, {"hdr": "keep", "width": 64, **options}, path, workdir)
    made = done.outputs[0].probe.video
    assert (made.codec, made.bit_depth, made.pix_fmt, made.hdr) == (codec, 10, "yuv420p10le", "pq")
    assert (made.color_primaries, made.color_transfer, made.color_matrix) == ("bt2020", "smpte2084", "bt2020nc")
    assert (made.max_cll, made.max_fall) == (4000, 400)
    assert made.mastering == pytest.approx(before.mastering, rel=0.01, abs=10)
    assert done.outputs[0].probe.container != "mp4" or made.tag == {"h265": "hvc1", "av1": "av01"}[codec]


@pytest.mark.ffmpeg
def test_nothing_is_said_of_hdr_once_it_is_mapped(workdir, tmp_path):
    made = run(KIND, {"width": 64, "codec": "h265"}, hdr10(tmp_path), workdir).outputs[0].probe.video
    assert (made.hdr, made.mastering, made.max_cll, made.bit_depth) == (None, None, None, 8)


def test_hdr_is_not_kept_where_it_cannot_be():
    with pytest.raises(ValidationError, match="cannot be kept in h264: use codec h265, vp9 or av1"):
        VideoOptions(codec="h264", hdr="keep")
    burned = {"hdr": "keep", "subtitle_url": "https://example.com/a.srt", "subtitle_style": "burn_in"}
    with pytest.raises(SourceUnsupported, match="cannot be drawn into HDR"):
        plan(VideoOptions.model_validate(burned), source(PQ))
    # What is not HDR has nothing to keep.
    assert value(plan(VideoOptions(hdr="keep"), source()).steps[0].args, "-c:v") == "libx264"


def test_dolby_vision_without_a_picture_for_others_is_refused():
    with pytest.raises(SourceUnsupported, match="Dolby Vision of profile 5"):
        plan(VideoOptions(), source(PQ | {"dolby_vision": 5}))
    _, found = graph_of(PQ | {"dolby_vision": 8})
    assert found.notes[-1] == "Dolby Vision's own enhancements were left out; its base layer was used."
    head = struct.pack("=QQQ", 24, 0, 0)
    assert dolby_profile(head + bytes((2, 0, 18, 0, 0, 0, 0, 0, 23, 1, 1))) == 5
    assert dolby_profile(head + bytes((2, 0, 18, 0, 1, 0, 0, 0, 23, 1, 0))) == 8
    assert dolby_profile(b"") is None
    assert dolby_profile(struct.pack("=QQQ", 2**63, 0, 0)) is None


@pytest.mark.ffmpeg
def test_dolby_vision_is_known_by_what_an_mp4_calls_it(tmp_path):
    path = hdr10(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"hvc1", b"dvh1"))
    assert probe(path).video.dolby_vision == 5


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def television(tmp_path, filters, *flags, moving=True):
    path = tmp_path / "television.ts"
    picture = "testsrc2=s=180x144:r=50:d=1.2,scale=720:576" if moving else "smptebars=s=720x576:r=50:d=1.2"
    ffmpeg("-f", "lavfi", "-i", f"{picture},{filters}", "-c:v", "mpeg2video", "-q:v", "4", *flags, path)
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("filters", "flags", "moving", "interlaced", "first"),
    [
        ("tinterlace=interleave_top", ("-flags", "+ilme+ildct"), True, True, "tff"),
        ("tinterlace=interleave_top,setfield=prog", (), True, True, "tff"),  # nothing says so
        ("tinterlace=interleave_bottom,setfield=prog", (), True, True, "bff"),
        ("fps=25,setfield=tff", ("-flags", "+ilme+ildct"), True, False, None),  # flags that are wrong
        ("fps=25", (), True, False, None),
        ("fps=25,setfield=tff", ("-flags", "+ilme+ildct"), False, True, None),  # nothing moves: the flags are all
    ],
)
def test_fields_are_known_by_looking(tmp_path, filters, flags, moving, interlaced, first):
    video = probe(television(tmp_path, filters, *flags, moving=moving)).video
    assert (video.interlaced, video.first_field) == (interlaced, first)


def test_fields_become_whole_pictures_as_seen_or_as_flagged():
    graph, found = graph_of({"interlaced": True, "first_field": "bff"})
    assert "bwdif=deint=all:mode=send_frame:parity=bff" in graph
    assert found.notes == ("Interlaced fields were made whole pictures (deinterlaced), one for each frame.",)
    assert "bwdif=deint=all:mode=send_frame:parity=auto" in graph_of({"interlaced": True, "field_order": "tt"})[0]
    assert "bwdif=deint=interlaced:mode=send_frame:parity=auto" in graph_of({"interlaced": True})[0]
    assert "combed" in graph_of({"interlaced": True, "telecined": True})[1].notes[1]


@pytest.mark.ffmpeg
def test_deinterlaced_pictures_are_not_combed_and_as_many(workdir, tmp_path):
    path = television(tmp_path, "tinterlace=interleave_top,setfield=prog")
    done = run(KIND, {"format": "mov", "codec": "prores"}, path, workdir)
    video = done.outputs[0].probe.video
    assert (video.frames, video.frame_rate, video.interlaced) == (30, 25.0, False)


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("pix_fmt", "codec", "note"),
    [
        ("yuvj420p", "libx264", None),
        ("yuv422p", "libx264", "4:2:2 colour became 4:2:0."),
        ("yuv444p10le", "libx264", "4:4:4 colour became 4:2:0."),
        ("gbrp", "libx264rgb", "RGB colour became 4:2:0."),
        ("yuv420p10le", "libx265", "10 bits a sample became 8."),
        ("gray", "ffv1", None),
    ],
)
def test_white_black_and_notes_of_every_kind_of_sample(workdir, tmp_path, pix_fmt, codec, note):
    path = tmp_path / "patches.mkv"
    full = "scale=out_range=full,format=yuv420p,setparams=range=pc," if pix_fmt == "yuvj420p" else ""
    picture = f"color=white:s=64x64:d=0.2,drawbox=w=32:t=fill:color=black,{full}format={pix_fmt}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", codec, "-pix_fmt", pix_fmt if codec != "libx264rgb" else "rgb24", path)
    done = run(KIND, {"format": "mp4"}, path, workdir)
    made = done.outputs[0].probe.video
    assert (made.pix_fmt, made.color_range, made.bit_depth) == ("yuv420p", "tv", 8)
    with av.open(str(done.outputs[0].path)) as container:
        plane = next(container.decode(video=0)).planes[0]
        row = bytes(plane)[32 * plane.line_size :]
    assert (row[8], row[56]) == (pytest.approx(16, abs=2), pytest.approx(235, abs=2))
    assert note is None or note in done.warnings


# ── transparency ─────────────────────────────────────────────────────────────────────────────────────────────────────
CLEAR = [
    ("qtrle", "argb", ".mov"),
    ("png", "rgba", ".mov"),
    ("prores_ks", "yuva444p10le", ".mov"),
    ("libvpx", "yuva420p", ".webm"),
    ("libvpx-vp9", "yuva420p", ".webm"),
]


def half_clear(tmp_path, codec, pix_fmt, suffix):
    """Left half red, right half transparent with green hidden in it."""
    path = tmp_path / f"clear{suffix}"
    picture = "color=red:s=64x64:d=0.2:r=10,format=rgba,geq=r='if(lt(X,32),230,0)':g='if(lt(X,32),0,255)':b=0"
    flags = ("-auto-alt-ref", "0") if codec.startswith("libvpx") else ()
    ffmpeg("-f", "lavfi", "-i", f"{picture}:a='if(lt(X,32),255,0)',format={pix_fmt}", "-c:v", codec, *flags, path)
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("codec", "pix_fmt", "suffix"), CLEAR)
@pytest.mark.parametrize(("format", "made"), [("webm", "vp9"), ("mov", "prores")])
def test_transparency_is_kept_where_the_format_can(workdir, tmp_path, codec, pix_fmt, suffix, format, made):
    done = run(KIND, {"format": format}, half_clear(tmp_path, codec, pix_fmt, suffix), workdir)
    facts = done.outputs[0].probe
    assert (facts.transparency, facts.video.codec) == (True, made)
    assert not any("Transparency" in note for note in done.warnings)
    decoder = ("-c:v", "libvpx-vp9") if made == "vp9" else ()
    still = tmp_path / "still.png"
    ffmpeg(*decoder, "-i", done.outputs[0].path, "-frames:v", "1", "-pix_fmt", "rgba", still)
    from PIL import Image

    with Image.open(still) as image:
        assert near(image.getpixel((8, 32)), (230, 0, 0, 255), 12)
        assert image.getpixel((56, 32))[3] <= 4


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("codec", "pix_fmt", "suffix"), CLEAR)
@pytest.mark.parametrize(("background", "color"), [(None, (0, 0, 0)), ("#3060c0", (0x30, 0x60, 0xC0))])
def test_elsewhere_it_lies_over_a_colour(workdir, tmp_path, codec, pix_fmt, suffix, background, color):
    options = {"format": "mp4", **({"background": background} if background else {})}
    done = run(KIND, options, half_clear(tmp_path, codec, pix_fmt, suffix), workdir)
    first = frames_of(done.outputs[0].path)[0]
    assert near(first.getpixel((8, 32)), (230, 0, 0), 14)
    assert near(first.getpixel((56, 32)), color, 14)
    assert f"Transparency cannot be kept in this format: it was put over {background or '#000000'}." in done.warnings
    assert done.result.transparency is False


# ── orientation ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("flags", "turned"),
    [
        (("-display_hflip",), [GREEN, RED, WHITE, BLUE]),
        (("-display_vflip",), [BLUE, WHITE, RED, GREEN]),
        (("-display_rotation", "90", "-display_hflip"), [WHITE, GREEN, BLUE, RED]),
    ],
    ids=str,
)
def test_mirrored_pictures_are_shown_as_players_show_them(make_video, workdir, tmp_path, flags, turned):
    path = tmp_path / "mirrored.mp4"
    ffmpeg(*flags, "-i", make_video(corners=True, audio=None, seconds=0.2), "-c", "copy", path)
    assert probe(path).video.mirrored
    first = frames_of(run(KIND, {}, path, workdir).outputs[0].path)[0]
    shown = frames_of(path)[0]
    assert corner_colors(first).keys() == corner_colors(shown).keys()
    assert all(
        near(a, b, 30) for a, b in zip(corner_colors(first).values(), corner_colors(shown).values(), strict=True)
    )
    assert all(near(a, b, 30) for a, b in zip(corner_colors(first).values(), turned, strict=True))


@pytest.mark.parametrize(
    ("chroma", "options", "note"),
    [
        ("422", {"codec": "prores", "format": "mov"}, None),
        ("444", {"codec": "prores", "format": "mov"}, "4:4:4 colour became 4:2:2."),
        ("rgb", {"codec": "prores", "format": "mov"}, "RGB colour became 4:2:2."),
        ("422", {}, "4:2:2 colour became 4:2:0."),
    ],
)
def test_notes_on_sampling_are_true_of_every_codec(chroma, options, note):
    found = plan(VideoOptions.model_validate(options), source({"chroma": chroma})).notes
    assert [line for line in found if "colour became" in line] == ([note] if note else [])
