"""Pictures of codings that are rare: shown as they were meant, or refused by their name, never garbled."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms

from workers.engine.errors import SourceUnsupported
from workers.engine.probe import probe
from workers.kinds.image import KIND
from workers.run import run


def made(source, workdir, **options):
    with Image.open(run(KIND, {"format": "png", **options}, source, workdir).outputs[0].path) as image:
        image.load()
        return image.copy()


def tiff(path, data, *, bits, photometric, kind=1, planes=1, size=(2, 1)):
    """An uncompressed TIFF of one strip; `bits` for each sample, `kind` 1 for whole numbers, 3 for real ones."""
    width, height = size
    many = len(bits)
    after = 8 + 2 + 12 * 11 + 4
    depth = after if many > 2 else bits[0] | (bits[1] << 16 if many == 2 else 0)
    kinds = after + 2 * many if many > 2 else kind
    strip = after + 4 * many
    # Planes are strips of their own, here one after the other.
    share = len(data) // many if planes == 2 else len(data)
    counted = many if planes == 2 else 1
    offsets = strip + len(data)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, many, depth), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, counted, offsets if counted > 1 else strip), (277, 3, 1, many), (278, 4, 1, height),
        (279, 4, counted, offsets + 4 * counted if counted > 1 else share), (284, 3, 1, planes),
        (339, 3, many, kinds),
    ]  # fmt: skip
    body = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
    body += struct.pack("<I", 0) + struct.pack(f"<{many}H", *bits) + struct.pack("<H", kind) * many + data
    body += struct.pack(f"<{counted}I", *(strip + share * number for number in range(counted)))
    path.write_bytes(body + struct.pack("<I", share) * counted)
    return path


def png(path, data, *, bits, color, chunks=(), width=2):
    """A PNG of one row."""
    parts = [(b"IHDR", struct.pack(">II5B", width, 1, bits, color, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(b"\0" + data)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def jpeg(path, *, marker=0xC0, bits=8):
    """A JPEG whose frame header says something else than its coding."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 0, 0)).save(out, "JPEG")
    data = bytearray(out.getvalue())
    place = data.index(b"\xff\xc0")
    data[place + 1], data[place + 4] = marker, bits
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("photometric", "expected"), [(0, [255, 0]), (1, [0, 255])])
def test_grey_of_sixteen_bits_is_as_dark_as_its_tiff_says(tmp_path, workdir, photometric, expected):
    source = tiff(tmp_path / "a.tif", struct.pack("<2H", 0, 65535), bits=(16,), photometric=photometric)
    assert list(made(source, workdir).convert("L").tobytes()) == expected


def test_deep_samples_in_planes_are_refused_before_they_are_garbled(tmp_path):
    data = struct.pack("<6H", 65535, 0, 0, 65535, 0, 0)
    source = tiff(tmp_path / "a.tif", data, bits=(16, 16, 16), photometric=2, planes=2)
    with pytest.raises(SourceUnsupported, match="in planes: save it interleaved"):
        probe(source)


def test_planes_of_eight_bits_are_read(tmp_path, workdir):
    source = tiff(tmp_path / "a.tif", bytes((255, 0, 0, 255, 9, 9)), bits=(8, 8, 8), photometric=2, planes=2)
    assert made(source, workdir).convert("RGB").tobytes() == bytes((255, 0, 9, 0, 255, 9))


def test_a_big_tiff_is_read(tmp_path, workdir):
    source = tmp_path / "a.tif"
    Image.new("RGB", (8, 8), (200, 90, 40)).save(source, big_tiff=True)
    assert source.read_bytes()[:3] == b"II+"
    assert made(source, workdir).convert("RGB").getpixel((4, 4)) == (200, 90, 40)


def test_a_tiff_of_real_numbers_is_refused_and_not_called_damaged(tmp_path):
    data = struct.pack("<6f", 1, 0, 0, 0, 1, 0)
    source = tiff(tmp_path / "a.tif", data, bits=(32, 32, 32), photometric=2, kind=3)
    with pytest.raises(SourceUnsupported, match="in a way that is not read: save it as RGB, grey or CMYK"):
        probe(source)


@pytest.mark.parametrize(
    ("coding", "words"),
    [({"marker": 0xC1, "bits": 12}, "of 12 bits"), ({"marker": 0xC3}, "lossless"), ({"marker": 0xC5}, "hierarchical")],
)
def test_an_uncommon_jpeg_is_refused_by_its_name(tmp_path, coding, words):
    with pytest.raises(SourceUnsupported, match=f"The JPEG is {words}, which is not read"):
        probe(jpeg(tmp_path / "a.jpg", **coding))


def test_a_clear_colour_of_sixteen_bits_is_clear(tmp_path, workdir):
    red, green = struct.pack(">3H", 65535, 0, 300), struct.pack(">3H", 0, 65535, 300)
    source = png(tmp_path / "a.png", red + green, bits=16, color=2, chunks=[(b"tRNS", red)])
    assert made(source, workdir).convert("RGBA").getchannel("A").tobytes() == bytes((0, 255))


def test_a_clear_grey_of_sixteen_bits_is_clear(tmp_path, workdir):
    grey, white = struct.pack(">H", 32896), struct.pack(">H", 65535)
    source = png(tmp_path / "a.png", grey + white, bits=16, color=0, chunks=[(b"tRNS", grey)])
    assert made(source, workdir).convert("RGBA").getchannel("A").tobytes() == bytes((0, 255))


@pytest.mark.parametrize(("bits", "data"), [(8, b"\x80\xff"), (16, b"\x80\x80\xff\xff")])
def test_a_grey_pngs_gamma_counts_as_a_coloured_ones_does(tmp_path, workdir, bits, data):
    linear = [(b"gAMA", struct.pack(">I", 100_000))]
    image = made(png(tmp_path / "a.png", data, bits=bits, color=0, chunks=linear), workdir)
    assert image.mode == "L"
    middle, white = image.tobytes()
    assert abs(middle - 188) <= 1  # half of the light
    assert white == 255


def test_a_profile_of_other_pixels_is_not_said_to_be_used(tmp_path, workdir):

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    cmyk = lab[:16] + b"CMYK" + lab[20:]
    source = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8), (200, 90, 40)).save(source, icc_profile=cmyk)
    done = run(KIND, {"format": "png"}, source, workdir)
    assert done.warnings == ()


def test_what_a_gif_has_beyond_its_canvas_is_not_shown(tmp_path, workdir):
    source = tmp_path / "a.gif"
    red, green = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (255, 0, 0))
    green.paste((0, 255, 0), (12, 12, 16, 16))
    red.save(source, save_all=True, append_images=[green], duration=100)
    data = source.read_bytes()
    place = data.rindex(struct.pack("<4H", 12, 12, 4, 4))  # where the second frame says it lies
    source.write_bytes(data[:place] + struct.pack("<2H", 14, 14) + data[place + 4 :])
    with Image.open(run(KIND, {"format": "png"}, source, workdir).outputs[0].path) as image:
        image.seek(1)
        shown = image.convert("RGB")
    assert shown.size == (16, 16)
    assert [shown.getpixel((place, place)) for place in (11, 13, 14, 15)] == [(255, 0, 0)] * 2 + [(0, 255, 0)] * 2


def test_what_a_gif_disposes_of_is_clear_as_in_browsers(tmp_path, workdir):
    """Whatever its background is said to be: frames of 8 × 8 on 16 × 16, none with a transparent colour."""
    frames = [((0, 0), 0), ((8, 8), 2), ((0, 8), 1)]  # the second goes before the third comes
    data = b"GIF89a" + struct.pack("<2H3B", 16, 16, 0x80, 0, 0) + bytes((255, 0, 0, 0, 255, 0))
    # Sixty-four pixels of colour 1: a code to begin anew before each two, so that codes keep three bits.
    codes = [4, 1, 1] * 32 + [5]
    packed = sum(code << 3 * place for place, code in enumerate(codes))
    body = packed.to_bytes(-(-3 * len(codes) // 8), "little")
    for (left, top), disposal in frames:
        data += b"!\xf9\x04" + struct.pack("<BHB", disposal << 2, 10, 0) + b"\0"
        data += b"," + struct.pack("<4HB", left, top, 8, 8, 0) + bytes((2, len(body))) + body + b"\0"
    source = tmp_path / "a.gif"
    source.write_bytes(data + b";")
    shown = []
    with Image.open(run(KIND, {"format": "png"}, source, workdir).outputs[0].path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            pixels = image.convert("RGBA")
            assert {pixels.getpixel((x, y)) for x in (4, 12) for y in (4, 12)} <= {(0, 255, 0, 255), (0, 0, 0, 0)}
            shown.append([pixels.getpixel(place)[3] for place in ((4, 4), (12, 4), (4, 12), (12, 12))])
    assert shown == [[255, 0, 0, 0], [255, 0, 0, 255], [255, 0, 255, 0]]


@pytest.mark.parametrize("name", ["gif", "png", "webp"])
@pytest.mark.parametrize(
    ("delays", "expected"),
    [([400_000, 400_000, 400_000, 100], 1_200_100), ([20_000_000, 100, 100, 100], 16_777_215 + 300)],
)
def test_frames_that_stay_for_minutes_stay(tmp_path, workdir, name, delays, expected):
    """However few bits a format has for how long."""
    frames = [Image.new("RGB", (8, 8), (200, 90, 40)) for _ in delays]
    frames[-1] = Image.new("RGB", (8, 8), (0, 0, 255))
    source = tmp_path / "a.png"
    chunks, sequence = [(b"acTL", struct.pack(">II", len(delays), 0))], 0
    for frame, delay in zip(frames, delays, strict=True):
        told = (delay // 1000, 1) if delay > 65_535 else (delay, 1000)
        chunks.append((b"fcTL", struct.pack(">5I2H2B", sequence, 8, 8, 0, 0, *told, 0, 0)))
        data = zlib.compress((b"\0" + frame.tobytes()[:24]) * 8)
        chunks.append((b"fdAT", struct.pack(">I", sequence + 1) + data) if sequence else (b"IDAT", data))
        sequence += 2 if sequence else 1
    parts = [(b"IHDR", struct.pack(">II5B", 8, 8, 8, 2, 0, 0, 0)), *chunks, (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    done = run(KIND, {"format": name}, source, workdir)
    assert abs(done.outputs[0].probe.duration * 1000 - expected) <= 200
