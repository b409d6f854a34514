"""Which lines of a tool's log count as warnings."""

import pytest

from workers.engine import runner
from workers.engine.tool_log import tool_warnings


@pytest.mark.parametrize(
    ("log", "count"),
    [
        ("", 0),
        ("[info] Stream mapping:\n", 0),
        ("[warning] Guessed Channel Layout: mono\n", 1),
        ("[h264 @ 0x55d0c8] [error] error while decoding MB 3 7\n[h264 @ 0x55d0c8] [info] nothing\n", 1),
        ("[in#0 @ 0x1] [h264 @ 0x2] [fatal] no\r[warning] yes\n", 2),
        ("[aac @ 0x1] [warning] skipped\n    Last message repeated 12 times\n", 13),
        ("[aac @ 0x1] [info] told\n    Last message repeated 12 times\n", 0),
        ("    title           : [error] of our ways\n[error", 0),
        ("[warning] a\n    Last message repeated 999999999 times\n" * 5, 2**31 - 1),
    ],
)
def test_warnings_and_worse_are_counted(log, count):
    assert tool_warnings(log) == count


@pytest.mark.ffmpeg
def test_what_ffmpeg_prints_today_is_counted(make_video, workdir, report):
    source = workdir / "source"
    whole = make_video(seconds=1.0, size=(64, 48), channels=2).read_bytes()
    broken = bytearray(whole)
    middle = len(whole) * 2 // 3
    broken[middle : middle + 60] = b"\x55" * 60
    source.write_bytes(broken)
    args = ("-i", "source", "-f", "null", "-")
    assert tool_warnings(runner.run(args, cwd=workdir, duration=None, report=report).log) > 0
    source.write_bytes(whole)
    assert tool_warnings(runner.run(args, cwd=workdir, duration=None, report=report).log) == 0
