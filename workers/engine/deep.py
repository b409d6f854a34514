"""Pictures of more than eight bits, decoded without losing any. Runs only in the resident helper."""

from pathlib import Path
from typing import Any

import av
import pillow_heif
from av.error import FFmpegError
from av.video.reformatter import ColorRange
from PIL import Image as Pillow

from workers.engine import stills
from workers.engine.errors import LimitExceeded, SourceUnreadable
from workers.engine.limits import SourceLimits

# What reads a picture by ffmpeg's libraries: demuxer, and options of it.
_DEMUXERS = {"PNG": "png_pipe", "AVIF": "mov"}


def write_raw(cwd: Path, operations: dict[str, Any], limits: SourceLimits) -> None:
    """Bare pixels of the picture `source` at `target`: RGB, 16 bits little-endian, as stored (not turned).

    Raises SourceUnreadable, LimitExceeded.
    """
    path, target = cwd / operations["source"], cwd / operations["target"]
    with path.open("rb") as file:
        plugins = stills.plugins_for(file.read(64))
    with stills.open_still(path, plugins) as image:
        if max(image.size) > limits.edge:
            raise LimitExceeded(
                f"The picture is {image.width} × {image.height} pixels; at most {limits.edge} on the longest edge."
            )
        size = image.size
        try:
            data = _pixels(path, image)
        except MemoryError as exc:
            raise LimitExceeded("The picture needs more memory than it may have.") from exc
        except (FFmpegError, *stills.DAMAGE) as exc:
            raise SourceUnreadable("The picture is damaged or cut short.", log=repr(exc)) from exc
    if len(data) != size[0] * size[1] * 6:
        raise SourceUnreadable("The picture is damaged or cut short.")
    target.write_bytes(data)


def _pixels(path: Path, image: Pillow.Image) -> bytes:
    if image.format == "HEIF":
        return _of_heif(path)
    data = _of_frame(path, _DEMUXERS[image.format or ""], image.size)
    # Pictures of many tiles are put together by Pillow alone, in eight bits.
    return _widened(image) if data is None else data


def _of_heif(path: Path) -> bytes:
    opened = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    mode = opened.mode
    data = bytes(opened.data)
    if mode in ("RGB", "RGBA"):
        return _widened(opened.to_pillow())
    step = {"RGB;16": 6, "RGBA;16": 8}[mode]
    width, height = opened.size
    rows = [data[row * opened.stride : row * opened.stride + width * step] for row in range(height)]
    packed = b"".join(rows)
    if step == 6:
        return packed
    without = bytearray(width * height * 6)
    for part in range(6):
        without[part::6] = packed[part::8]
    return bytes(without)


def _of_frame(path: Path, demuxer: str, size: tuple[int, int]) -> bytes | None:
    """None where the first stream is not the whole picture."""
    with path.open("rb") as file, av.open(file, "r", format=demuxer) as container:
        frame = next(container.decode(video=0))
        if (frame.width, frame.height) != size:
            return None
        # Full range RGB by the frame's own matrix.
        plane = frame.reformat(format="rgb48le", dst_color_range=ColorRange.JPEG).planes[0]
        whole, row = bytes(plane), size[0] * 6
        return b"".join(whole[top * plane.line_size : top * plane.line_size + row] for top in range(size[1]))


def _widened(image: Pillow.Image) -> bytes:
    """Eight bits as sixteen: each byte twice."""
    narrow = image.convert("RGB").tobytes()
    wide = bytearray(2 * len(narrow))
    wide[::2] = narrow
    wide[1::2] = narrow
    return bytes(wide)
