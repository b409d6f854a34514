"""Text that ffmpeg sets itself is set in the bundled fonts, whatever the host has."""

import re

import pytest

from workers.engine import runner
from workers.typefaces import BUNDLED

pytestmark = pytest.mark.ffmpeg
SUBTITLES = "1\n00:00:00,000 --> 00:00:02,000\nHello \u05e9 \u6771 \U0001f600\n"


def fonts_used(workdir, family):
    """The files of the fonts that ffmpeg chose, in order, and what it printed."""
    (workdir / "subtitles.srt").write_text(SUBTITLES)
    words = f"subtitles=subtitles.srt:force_style='FontName={family}'"
    args = ["-v", "verbose", "-f", "lavfi", "-i", "color=s=64x48:d=0.1", "-vf", words, "-f", "null", "-"]
    log = runner.run(args, cwd=workdir, duration=None).log
    return [path.rpartition("/")[2] for path in re.findall(r"fontselect: .* -> (\S+),", log)], log


def test_every_script_has_a_bundled_font(workdir, monkeypatch):
    monkeypatch.setenv("HOME", "/nonexistent")
    used, log = fonts_used(workdir, "Inter")
    assert used == [
        "Inter-Regular.otf", "NotoSansHebrew-Regular.ttf", "NotoSansCJKsc-Regular.otf", "NotoEmoji-Regular.ttf"
    ]  # fmt: skip
    assert "No writable cache" not in log


def test_fonts_of_the_work_directory_are_used(workdir):
    (workdir / "fonts").mkdir()
    data = (BUNDLED / "Inter-Regular.otf").read_bytes()
    (workdir / "fonts" / "x.otf").write_bytes(data.replace("Inter".encode("utf-16-be"), "Xylem".encode("utf-16-be")))
    used, _ = fonts_used(workdir, "Xylem")
    assert used[:2] == ["x.otf", "NotoSansHebrew-Regular.ttf"]
