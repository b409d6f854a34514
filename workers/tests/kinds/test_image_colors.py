"""Colours come out in sRGB as they were meant: by profile, by number, in more bits than eight, and from HDR."""

import struct
import zlib

import pytest
from PIL import Image, ImageCms

from workers.engine import profiles
from workers.engine.errors import MediaError, SourceUnreadable, SourceUnsupported
from workers.engine.headers import Cicp
from workers.engine.probe import Image as ImageFacts
from workers.engine.probe import Probe, probe
from workers.kinds.base import FfmpegStep, HelperStep, PictureStep, Source
from workers.kinds.image import KIND, ImageOptions, plan
from workers.run import run
from workers.tests.media import CORNERS, corner_colors, cut, near, upright

P3, REC2020 = 12, 9
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290))


def made(options, source, workdir):
    done = run(KIND, options, source, workdir)
    with Image.open(done.outputs[0].path) as image:
        image.load()
        return done, image.copy()


def planned(options, width=400, height=300, name="avif", **facts):
    image = ImageFacts(name, "RGB", width, height, **facts)
    whole = Probe("image", f"image/{name}", name, 1000, width=width, height=height, image=image)
    return plan(ImageOptions.model_validate(options), Source(whole, lambda *_: None))


def chunked(path, *chunks):
    """Put chunks behind a PNG's header."""
    data = path.read_bytes()
    added = b""
    for kind, body in chunks:
        added += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data[:33] + added + data[33:])
    return path


# ── HDR ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_hdr_still_is_decoded_deep_tone_mapped_and_framed():
    found = planned({"width": 200, "height": 200, "fit": "cover"}, hdr="pq", color_primaries="bt2020", orientation=6)
    assert [type(step) for step in found.steps] == [HelperStep, FfmpegStep, PictureStep]
    graph = " ".join(found.steps[1].args)
    assert "-video_size 400x300" in graph
    assert "transpose=clock" in graph
    assert "tonemap=" in graph
    assert found.notes == ("HDR (PQ) was tone-mapped to SDR.",)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("hdr", ["pq", "hlg"])
@pytest.mark.parametrize("suffix", [".avif", ".png", ".heic"])
def test_an_hdr_still_looks_as_a_frame_of_hdr_video_does(make_image, make_video, workdir, tmp_path, suffix, hdr):
    source = make_image(suffix, hdr=hdr)
    facts = probe(source).image
    assert (facts.hdr, facts.color_primaries) == (hdr, "bt2020")
    done, still = made({"format": "png"}, source, workdir)
    assert done.warnings == (f"HDR ({hdr.upper()}) was tone-mapped to SDR.",)
    transfer = {"pq": "smpte2084", "hlg": "arib-std-b67"}[hdr]
    video = make_video(
        ".mkv", codec="ffv1", pix_fmt="yuv444p10le", corners=True, audio=None, seconds=0.2,
        colors=("bt2020", transfer, "bt2020nc"),
    )  # fmt: skip
    (tmp_path / "video").mkdir()
    _, frame = made({"format": "png"}, video, tmp_path / "video")
    for name, color in corner_colors(still).items():
        assert near(color, corner_colors(frame)[name], 6)


@pytest.mark.ffmpeg
def test_an_hdr_still_is_sized_and_cropped(make_image, workdir):
    source = make_image(".png", hdr="hlg", size=(160, 120))
    options = {"width": 30, "height": 60, "fit": "cover", "position": "left", "format": "webp"}
    _, image = made(options, source, workdir)
    assert image.size == (30, 60)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".avif", ".png", ".heic"])
def test_an_hdr_still_cut_short_is_told(make_image, workdir, suffix, keep):
    source = cut(make_image(suffix, hdr="pq", size=(160, 120)), keep)
    with pytest.raises(MediaError) as caught:
        run(KIND, {}, source, workdir)
    assert isinstance(caught.value, (SourceUnreadable, SourceUnsupported))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("orientation", [2, 5, 6, 7])
def test_an_hdr_still_is_turned_as_any_other(make_image, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunk = (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))

    def corners(number, source):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        return corner_colors(made({"format": "png"}, source, folder)[1])

    plain, lit = corners(1, make_image(".png")), corners(2, make_image(".png", hdr="pq"))
    plain_turned = corners(3, chunked(make_image(".png"), chunk))
    lit_turned = corners(4, chunked(make_image(".png", hdr="pq"), chunk))
    places = {color: name for name, color in plain.items()}
    came_from = {name: places[color] for name, color in plain_turned.items()}
    assert came_from != {name: name for name in plain}
    assert all(near(color, lit[came_from[name]], 4) for name, color in lit_turned.items())


def test_an_hdr_animation_is_refused_and_the_way_out_is_named():
    with pytest.raises(SourceUnsupported, match="ask for its first frame, with start 0"):
        planned({}, hdr="pq", frames=4, animated=True)
    with pytest.raises(SourceUnsupported, match="only the first frame") as caught:
        planned({"start": 0.5}, hdr="pq", frames=4, animated=True)
    assert caught.value.param == "start"
    assert planned({"start": 0}, hdr="pq", frames=4, animated=True).steps[1].needs == ("zscale", "tonemap")


# ── profiles and numbers ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_profile_of_srgbs_own_numbers_changes_nothing():
    transform = profiles.to_srgb(
        profiles.matrix_profile(((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329)), None), "RGB"
    )
    for color in [(0, 0, 0), (200, 100, 50), (3, 250, 128), (255, 255, 255)]:
        assert near(ImageCms.applyTransform(Image.new("RGB", (1, 1), color), transform).getpixel((0, 0)), color, 1)


@pytest.mark.parametrize(
    ("primaries", "power", "color", "expected"),
    [
        # Reference values from the matrices of the spaces: SMPTE EG 432-1, Adobe RGB (1998), ROMM RGB.
        (profiles._PRIMARIES[P3], None, (200, 100, 50), (215, 93, 31)),
        (ADOBE, 2.19921875, (100, 150, 100), (66, 151, 97)),
        (PROPHOTO, 1.8, (128, 128, 128), (145, 145, 145)),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_wide_gamuts_come_out_in_srgb(workdir, tmp_path, suffix, primaries, power, color, expected):
    source = tmp_path / f"wide{suffix}"
    profile = profiles.matrix_profile(primaries, power)
    settings = {"quality": 100} if suffix == ".jpg" else {"lossless": True} if suffix == ".webp" else {}
    Image.new("RGB", (32, 32), color).save(source, icc_profile=profile, **settings)
    done, image = made({"format": "png"}, source, workdir)
    assert near(image.convert("RGB").getpixel((9, 9)), expected, 2)
    assert done.warnings == ("Colours were converted to sRGB by the profile “as told by the picture”.",)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (((b"cICP", bytes((12, 13, 0, 1))),), (215, 93, 31)),
        (((b"cICP", bytes((1, 13, 0, 1))),), (200, 100, 50)),
        (((b"gAMA", struct.pack(">I", 45455)),), (200, 100, 50)),
        (((b"gAMA", struct.pack(">I", 100_000)),), (228, 168, 123)),
        # What says sRGB is sRGB, whatever its gamma.
        (((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))), (200, 100, 50)),
        # White, red, green, blue of Display P3.
        (((b"gAMA", struct.pack(">I", 45455)),
          (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))), (215, 93, 31)),
        (((b"cHRM", struct.pack(">8I", 0, 0, 0, 0, 0, 0, 0, 0)),), (200, 100, 50)),
    ],
)  # fmt: skip
def test_a_png_is_shown_as_its_numbers_say(workdir, tmp_path, chunks, expected):
    source = tmp_path / "told.png"
    Image.new("RGB", (32, 32), (200, 100, 50)).save(source)
    _, image = made({"format": "png"}, chunked(source, *chunks), workdir)
    assert near(image.getpixel((9, 9)), expected, 2)


@pytest.mark.ffmpeg
def test_an_avif_in_p3_told_by_numbers_is_converted(workdir, tmp_path):
    from workers.tests.media import ffmpeg

    source = tmp_path / "p3.avif"
    ffmpeg("-f", "lavfi", "-i", "color=c=0xC86432:s=64x64,format=gbrp,scale=out_color_matrix=bt709:out_range=pc,"
           "format=yuv444p,setparams=color_primaries=smpte432:color_trc=iec61966-2-1:colorspace=bt709:range=pc",
           "-frames:v", "1", "-c:v", "libaom-av1", "-crf", "2", "-cpu-used", "8", source)  # fmt: skip
    assert probe(source).image.color_primaries == "smpte432"
    done, image = made({"format": "png"}, source, workdir)
    assert near(image.getpixel((30, 30)), (215, 93, 31), 4)
    assert done.warnings == ("Colours were converted to sRGB from a wider gamut.",)


def test_numbers_that_nobody_knows_are_passed_over():
    assert profiles.of_numbers(Cicp(2, 2)) is None
    assert profiles.of_numbers(Cicp(77, 13)) is None
    assert profiles.of_numbers(Cicp(1, 1)) is None
    assert profiles.matrix_profile(((0.3, 0.3),) * 4, None) is None


# ── other modes ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("inverted", [False, True])
def test_cmyk_as_adobe_writes_it_and_as_it_should_be(workdir, tmp_path, inverted):
    source = tmp_path / "cmyk.jpg"
    Image.new("CMYK", (32, 32), (0, 200, 200, 0)).save(source, quality=100)
    data = source.read_bytes()
    if not inverted:  # without Adobe's mark the numbers are not upside down
        place = data.index(b"\xff\xee")
        size = 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        data = data[:place] + data[place + size :]
        source.write_bytes(data)
    done, image = made({"format": "png"}, source, workdir)
    red, green, blue = image.convert("RGB").getpixel((9, 9))
    assert (red > 200 and green < 90 and blue < 90) if inverted else red < 20
    assert done.warnings == ("Colours were converted from CMYK without a profile.",)


def test_lab_comes_out_as_the_colors_it_stands_for(workdir, tmp_path):
    source = tmp_path / "lab.tiff"
    to_lab = ImageCms.buildTransform(profiles.SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB")
    ImageCms.applyTransform(Image.new("RGB", (32, 32), (200, 100, 50)), to_lab).save(source)
    _, image = made({"format": "png"}, source, workdir)
    assert near(image.convert("RGB").getpixel((9, 9)), (200, 100, 50), 3)


@pytest.mark.parametrize("order", ["I;16", "I;16B"])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_dark_grey_of_sixteen_bits_stays_dark(workdir, tmp_path, suffix, order):
    source = tmp_path / f"dark{suffix}"
    Image.new("I", (32, 32), 200).convert(order).save(source)
    _, image = made({"format": "png"}, source, workdir)
    assert image.convert("L").getextrema() == (1, 1)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_use_the_whole_range(make_image, workdir, suffix):
    _, image = made({"format": "png"}, make_image(suffix, size=(1024, 16), deep=True), workdir)
    levels = sorted(set(image.getchannel("G").tobytes()))
    assert levels == list(range(256))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_of_a_wide_gamut_have_no_gaps_in_srgb(make_image, workdir, tmp_path, suffix):
    source = make_image(suffix, size=(2048, 16), deep=True)
    profile = profiles.matrix_profile(PROPHOTO, 1.8)
    if suffix == ".png":
        chunked(source, (b"iCCP", b"wide\0\0" + zlib.compress(profile)))
    else:
        _with_tag(source, 34675, profile)
    assert probe(source).image.icc == "as told by the picture"
    _, image = made({"format": "png"}, source, workdir)
    levels = set(image.getchannel("G").tobytes())
    assert len(levels) >= 254  # through eight bits there would be 235
    assert near(image.getpixel((1024, 8)), (147, 147, 147), 2)


def _with_tag(path, number, value):
    """Put one more tag of bytes into a little-endian TIFF, whose directory moves to the end."""
    data = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    entries = [bytes(data[place + 2 + 12 * n : place + 14 + 12 * n]) for n in range(count)]
    data += b"\0" * (len(data) % 2)
    entries.append(struct.pack("<HHII", number, 7, len(value), len(data)))
    data += value + b"\0" * (len(value) % 2)
    struct.pack_into("<I", data, 4, len(data))
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2]))
    path.write_bytes(bytes(data) + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0")


def test_a_palette_stays_a_palette(make_image, workdir, tmp_path):
    source = make_image(".png", mode="P")
    _, image = made({}, source, workdir)
    assert image.mode == "P"
    assert upright(image)
    (tmp_path / "two").mkdir()
    _, plain = made({"format": "png"}, make_image(".png"), tmp_path / "two")
    assert plain.mode == "RGB"


def test_half_transparent_entries_of_a_palette_are_kept_exactly(workdir, tmp_path):
    source = tmp_path / "shadow.png"
    image = Image.new("RGBA", (64, 64))
    for step in range(64):
        image.paste((0, 0, 0, 4 * step), (step, 0, step + 1, 64))
    image.paste(CORNERS["top-left"], (0, 0, 64, 8))
    indexed = image.quantize(256)
    indexed.save(source)
    _, out = made({}, source, workdir)
    assert out.mode == "P"
    with Image.open(source) as given:
        assert out.convert("RGBA").tobytes() == given.convert("RGBA").tobytes()


def test_a_photo_becomes_a_gif_without_bands(workdir, tmp_path):
    source = tmp_path / "sky.png"
    ramp = Image.linear_gradient("L").resize((256, 256))
    Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180))).save(source)
    _, image = made({"format": "gif"}, source, workdir)
    with Image.open(source) as given:
        small, wanted = (
            image.convert("RGB").resize((16, 16), Image.Resampling.BOX),
            given.resize((16, 16), Image.Resampling.BOX),
        )
    pairs = zip(small.get_flattened_data(), wanted.get_flattened_data(), strict=True)
    assert all(near(first, second, 12) for first, second in pairs)
