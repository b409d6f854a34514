"""`python -m workers`, and formats by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from workers.formats import FORMATS, extension_of, find_format, format_of_filename, writable
from workers.kinds import all_kinds

ROOT = Path(__file__).parents[2]


def workers(*args, cwd):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-m", "workers", *map(str, args)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.ffmpeg
def test_a_kind_by_hand(make_video, tmp_path):
    source = make_video()
    done = workers("image", source, "width=32", "format=png", "start=0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (name,) = answer["files"]
    with Image.open(tmp_path / name) as image:
        assert image.size == (32, 24)
    assert answer["result"]["type"] == "image/png"
    assert "$ ffmpeg -nostdin" in done.stderr


def test_a_filename_by_hand(make_image, tmp_path):
    done = workers("image", make_image(), "width=50%", "filename=small.webp", cwd=tmp_path)
    assert json.loads(done.stdout)["files"] == ["small.webp"]
    assert (tmp_path / "small.webp").exists()


def test_facts_by_hand(make_image, tmp_path):
    done = workers("probe", make_image(orientation=6), cwd=tmp_path)
    assert json.loads(done.stdout)["image"]["orientation"] == 6


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        ((), 2, "python -m workers probe FILE"),
        (("hologram", "SOURCE"), 1, f"kind must be one of {', '.join(all_kinds())}, not 'hologram'"),
        (("image", "SOURCE", "width=0"), 1, "width must be a whole number"),
        (("image", "SOURCE", "width"), 1, "name=value"),
        (("image", "nowhere.jpg"), 1, "cannot be opened"),
        (("audio", "SOURCE"), 1, "audio needs audio or video"),
    ],
)
def test_refusals_by_hand(make_image, tmp_path, args, status, words):
    done = workers(*(str(make_image()) if arg == "SOURCE" else arg for arg in args), cwd=tmp_path)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_needs_none_of_the_service():
    script = (
        "import sys, workers.run, workers.__main__; from workers.kinds import all_kinds; all_kinds();"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('django', 'celery', 'ittyhost', 'boto3', 'httpx', 'av', 'PIL')])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"  # and decoders live in the helper alone


def test_formats_by_name_alias_and_extension():
    assert find_format("JPG").name == find_format(".jpeg").name == "jpeg"
    assert find_format("aac").name == find_format("m4a").name == "aac"
    assert find_format("alac").name == "alac"
    assert find_format("docx") is None
    assert all(find_format(item.name) is item for item in FORMATS.values())
    assert format_of_filename("a.b.PNG", "image").name == "png"
    assert format_of_filename("a.png", "video") is None
    assert format_of_filename("a.tiff", "image") is None
    assert format_of_filename("png", "image") is None
    assert format_of_filename(None, "image") is None
    assert writable("image") == ("jpeg", "png", "webp", "avif", "gif", "heic")
    assert extension_of("audio/mp4") == "m4a"
    assert extension_of("video/mp4;codecs=avc1") == "mp4"
    assert extension_of("text/plain") is None
