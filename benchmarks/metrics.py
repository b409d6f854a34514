"""How much of a picture an encoder kept: VMAF and SSIM, by ffmpeg's own filters."""

import math
import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image

from workers.engine.capabilities import ffmpeg_path

_SSIM = re.compile(r"SSIM Y:([\d.]+)")
_VMAF = re.compile(r"VMAF score: ([\d.]+)")


def video_scores(made: Path, reference: Path) -> tuple[float, float]:
    """(VMAF 0 to 100, SSIM of luma 0 to 1) of a video against its reference of the same size and frames.

    VMAF is the model v0.6.1 with its means over frames: what a viewer three screen heights away would say.
    """
    graph = (
        "[0:v]settb=1/1000,setpts=N,format=yuv420p,split[a][b];[1:v]settb=1/1000,setpts=N,format=yuv420p,split[c][d];"
        "[a][c]libvmaf[x];[b][d]ssim[y]"
    )
    command = [ffmpeg_path(), "-nostdin", "-hide_banner", "-i", str(made), "-i", str(reference)]
    command += ["-lavfi", graph, "-map", "[x]", "-map", "[y]", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stderr
    return float(_found(_VMAF, told)), float(_found(_SSIM, told))


def still_score(made: Path, reference: Path) -> float:
    """SSIM of luma, 0 to 1, of a picture against its reference of the same size; both read by Pillow."""
    pixels, sizes = [], set()
    for path in (made, reference):
        with Image.open(path) as image:
            pixels.append(image.convert("RGB").tobytes())
            sizes.add(image.size)
    [(width, height)] = sizes
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", "1"]
    # Both in one stream, first this and then that: a pipe each would have to be fed at once.
    graph = "[0:v]format=yuv444p,split[a][b];[a]trim=end_frame=1[x];[b]trim=start_frame=1,setpts=PTS-STARTPTS[y];"
    command = [ffmpeg_path(), "-hide_banner", *raw, "-i", "-", "-lavfi", f"{graph}[x][y]ssim", "-f", "null", "-"]
    told = subprocess.run(command, input=b"".join(pixels), capture_output=True, check=True, timeout=120).stderr
    return float(_found(_SSIM, told.decode(errors="replace")))


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise RuntimeError(f"ffmpeg told no {pattern.pattern}:\n{text[-2000:]}")
    return match[1]


def at(points: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """The y at x = `wanted` on straight lines through the points (x, y); None outside of them."""
    ordered = sorted(points)
    for (x0, y0), (x1, y1) in pairwise(ordered):
        if x0 <= wanted <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (wanted - x0) / (x1 - x0)
    return None


def bytes_at(points: Sequence[tuple[float, int]], wanted: float) -> float | None:
    """Bytes at a score, from (score, bytes) of several encodes: by lines through the logarithms of the bytes."""
    found = at([(score, math.log(size)) for score, size in points], wanted)
    return None if found is None else math.exp(found)


def decibels(ssim: float) -> float:
    """SSIM on a scale where equal steps look about equal: −10 log₁₀(1 − SSIM)."""
    return -10 * math.log10(max(1e-6, 1 - ssim))
