"""A quality looks alike in every format."""

import random
import re
import subprocess
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from workers.encoders.image import ENCODERS, encoder_quality, gif_colors, still_settings
from workers.engine.capabilities import ffmpeg_path
from workers.options import QUALITIES

LOSSY = ("jpeg", "webp", "avif", "heic")


def photograph():
    """Gradients, edges and grain."""
    size = (256, 192)
    ramp = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (ramp, ramp.rotate(180), ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    dice, draw = random.Random(1), ImageDraw.Draw(image)
    for _ in range(40):
        x, y = dice.randrange(size[0]), dice.randrange(size[1])
        box = (x, y, x + dice.randrange(8, 60), y + dice.randrange(8, 60))
        draw.ellipse(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    return Image.blend(image, Image.effect_noise(size, 40).convert("RGB"), 0.06)


def luma_ssim(first, second):
    """SSIM of luma, 0 to 1, as ffmpeg's filter measures it."""
    width, height = first.size
    pixels = b"".join(image.convert("L").tobytes() for image in (first, second))
    graph = "split[a][b];[a]trim=end_frame=1[x];[b]trim=start_frame=1,setpts=PTS-STARTPTS[y];[x][y]ssim"
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-i", "-"]
    command = [ffmpeg_path(), "-hide_banner", *raw, "-lavfi", graph, "-f", "null", "-"]
    told = subprocess.run(command, input=pixels, capture_output=True, check=True, timeout=150).stderr.decode()
    return float(re.search(r"All:([\d.]+)", told)[1])


@pytest.mark.ffmpeg
def test_a_quality_by_name_keeps_as_much_in_every_format():
    picture, before = photograph(), 0.0
    for quality in QUALITIES.values():
        scores = []
        for name in LOSSY:
            made = BytesIO()
            picture.save(made, ENCODERS[name], **still_settings(name, quality))
            made.seek(0)
            with Image.open(made) as image:
                scores.append(luma_ssim(picture, image.convert("RGB")))
        assert max(scores) - min(scores) < 0.02  # grain is where codecs differ most; photographs stay within 0.002
        assert min(scores) > before
        before = min(scores)


@pytest.mark.parametrize("name", LOSSY)
def test_the_scale_rises_from_end_to_end(name):
    numbers = [encoder_quality(name, quality) for quality in range(101)]
    assert numbers == sorted(numbers)
    assert numbers[0] == 1
    assert 88 <= numbers[100] <= 100


def test_the_quality_of_a_gif_is_its_colors():
    assert [gif_colors(quality) for quality in (0, 40, 60, 80, 100)] == [16, 64, 128, 256, 256]


@pytest.mark.parametrize(("quality", "jpeg", "avif"), [(90, 2, "4:2:0"), (91, 0, "4:4:4")])
def test_colors_have_full_resolution_where_no_loss_is_to_be_seen(quality, jpeg, avif):
    assert still_settings("jpeg", quality)["subsampling"] == jpeg
    assert still_settings("avif", quality)["subsampling"] == avif


def test_a_jpeg_is_progressive():
    made = BytesIO()
    photograph().save(made, "JPEG", **still_settings("jpeg", 80))
    assert b"\xff\xc2" in made.getvalue()
