"""Pictures of more than eight bits, decoded without losing any. Runs only in the resident helper."""

import tempfile
from pathlib import Path
from typing import Any

import av
import pillow_heif
from av.error import FFmpegError
from av.filter import Graph
from av.video.reformatter import ColorRange
from PIL import Image as Pillow
from PIL import ImageCms

from workers.engine import stills
from workers.engine.errors import LimitExceeded, SourceUnreadable
from workers.engine.limits import SourceLimits

# What reads a picture by ffmpeg's libraries: demuxer, and options of it.
_DEMUXERS = {"PNG": "png_pipe", "AVIF": "mov", "TIFF": "tiff_pipe"}
_NODES = 52  # of a colour cube's edge: 255 / 51 is a whole number, so that each node is a colour of eight bits


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


def is_deep(image: Pillow.Image) -> bool:
    """Whether an opened PNG or TIFF is RGB of 16 bits, which Pillow reads as 8."""
    if image.format == "TIFF":
        tags: Any = getattr(image, "tag_v2", {})
        return image.mode == "RGB" and tuple(tags.get(258, ())) == (16, 16, 16) and tags.get(262) == 2
    tile: Any = getattr(image, "tile", None)
    return image.format == "PNG" and bool(tile) and tile[0].args == "RGB;16B"


def in_srgb(path: Path, image: Pillow.Image, transform: Any) -> Pillow.Image | None:
    """All pixels of a deep picture in sRGB, transformed before they are brought to eight bits, as stored; None where
    ffmpeg's libraries do not read it.

    Eight bits of a wide gamut are too few for a smooth sky once they are spread over sRGB.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".cube", dir=path.parent) as cube:
        cube.write(_cube(transform))
        cube.flush()
        try:
            with path.open("rb") as file, av.open(file, "r", format=_DEMUXERS[image.format or ""]) as container:
                stream = container.streams.video[0]
                frame = next(container.decode(stream))
                size = frame.width, frame.height
                if sorted(size) != sorted(image.size):  # Pillow tells that of a turned TIFF as it is shown
                    return None
                graph = Graph()
                nodes = (
                    graph.add_buffer(template=stream),
                    graph.add("format", "rgb48le"),
                    graph.add("lut3d", file=cube.name, interp="tetrahedral"),
                    graph.add("format", "rgb24"),
                    graph.add("buffersink"),
                )
                graph.link_nodes(*nodes).configure()
                graph.push(frame)
                plane: Any = graph.pull().planes[0]
                return Pillow.frombytes("RGB", size, bytes(plane), "raw", "RGB", plane.line_size)
        except (FFmpegError, StopIteration, LookupError):
            return None


def _cube(transform: Any) -> str:
    """The transform as a table of what becomes of evenly spaced colours, red the fastest. Source: Adobe's .cube 1.0."""
    steps = bytes(number * 255 // (_NODES - 1) for number in range(_NODES))
    colors = b"".join(bytes((red, green, blue)) for blue in steps for green in steps for red in steps)
    given = Pillow.frombytes("RGB", (_NODES * _NODES, _NODES), colors)
    made = ImageCms.applyTransform(given, transform)
    data = (made or given).tobytes()
    numbers = [f"{value / 255:.6f}" for value in range(256)]
    lines = (
        f"{numbers[red]} {numbers[green]} {numbers[blue]}" for red, green, blue in zip(*[iter(data)] * 3, strict=True)
    )
    return f"LUT_3D_SIZE {_NODES}\n" + "\n".join(lines) + "\n"


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
        frame = next(container.decode(video=0), None)
        if frame is None:
            raise EOFError("no picture in it")
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
