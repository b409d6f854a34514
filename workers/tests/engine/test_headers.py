"""Headers of pictures: what they say of time and colour, and how little harm they can do."""

import random
import struct
import time
from io import BytesIO

import pytest
from PIL import Image

from workers.engine import headers, stills
from workers.engine.headers import Cicp, Timing


def animated(name, **settings):
    made = BytesIO()
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    frames[0].save(made, name.upper(), save_all=True, append_images=frames[1:], duration=[100, 250, 40], **settings)
    return made.getvalue()


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def nclx(primaries, transfer):
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, 9, 0x80))


def heif(*properties, links, primary=2):
    """A file whose items have properties by their numbers, from 1 on."""
    table = b"".join(struct.pack(">HB", item, len(numbers)) + bytes(numbers) for item, numbers in links.items())
    meta = box(b"pitm", b"\0\0\0\0" + struct.pack(">H", primary))
    ipma = box(b"ipma", b"\0\0\0\0" + struct.pack(">I", len(links)) + table)
    meta += box(b"iprp", box(b"ipco", b"".join(properties)) + ipma)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", b"\0\0\0\0" + meta)


@pytest.mark.parametrize("name", ["gif", "webp", "png", "avif"])
def test_how_long_each_frame_is_shown(name):
    assert headers.timing(BytesIO(animated(name, loop=0)), name) == Timing((100, 250, 40), 0)


@pytest.mark.parametrize(("name", "loop", "plays"), [("gif", 4, 5), ("webp", 4, 4), ("png", 4, 4)])
def test_how_often_it_plays(name, loop, plays):
    assert headers.timing(BytesIO(animated(name, loop=loop)), name).plays == plays


def test_what_does_not_move_has_no_time():
    for name in ("png", "webp"):
        made = BytesIO()
        Image.new("RGB", (4, 4)).save(made, name.upper())
        assert headers.timing(made, name) is None
    assert headers.timing(BytesIO(b""), "jpeg") is None


def test_the_colors_of_the_primary_item_count():
    links = {1: (1,), 2: (0x80 | 2,)}  # a gain map's own, and those of the picture, marked as essential
    assert headers.cicp(BytesIO(heif(nclx(9, 16), nclx(12, 13), links=links)), "avif") == Cicp(12, 13)
    assert headers.cicp(BytesIO(heif(nclx(9, 16), nclx(12, 13), links=links, primary=1)), "heic") == Cicp(9, 16)
    assert headers.cicp(BytesIO(heif(nclx(9, 16), links={1: (1,)})), "avif") is None
    assert headers.cicp(BytesIO(heif(nclx(9, 16), links={2: (7,)})), "avif") is None


def test_broken_headers_end_soon_and_with_known_errors():
    dice = random.Random(7)
    whole = [(name, animated(name)) for name in ("gif", "webp", "png", "avif")]
    whole.append(("heic", heif(nclx(9, 16), links={2: (1,)})))
    began = time.process_time()
    for _ in range(400):
        name, data = dice.choice(whole)
        broken = bytearray(data[: dice.randrange(len(data)) + 1])
        for _ in range(dice.randrange(8)):
            broken[dice.randrange(len(broken))] = dice.choice((0, 255, dice.randrange(256)))
        for read in (headers.timing, headers.cicp):
            try:
                read(BytesIO(broken), name)
            except stills.DAMAGE:
                continue
    assert time.process_time() - began < 20


def test_frames_without_end_are_not_counted():
    frame = b",\0\0\0\0\1\0\1\0\0\2\0"
    endless = b"GIF89a\1\0\1\0\0\0\0" + frame * (headers.FRAMES + 50)
    assert len(headers.timing(BytesIO(endless), "gif").delays) == headers.FRAMES
