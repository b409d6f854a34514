"""Layers over a moving picture: each drawn once into a PNG, which ffmpeg puts over the frames. Pure."""

from collections.abc import Iterable
from typing import Any

import ffmpeg

from workers.graph.times import seconds
from workers.layers import Placed
from workers.plans import HelperStep

# Frames' times are rounded to their stream's clock: a moment asked for must not miss its frame by that.
_EARLY = 0.0005
_HDR = ("smpte2084", "arib-std-b67")  # transfers, which zscale calls the same
# Cd/m² of white letters in HDR. Source: ITU-R BT.2408, graphics white.
_GRAPHICS_WHITE = 203


def layer_steps(layers: Iterable[Placed]) -> tuple[HelperStep, ...]:
    """The steps that draw what `overlaid` puts over the output; they go before it."""
    return tuple(
        HelperStep(
            "layer",
            {
                "layer": placed.spec,
                "canvas": list(placed.canvas),
                "cells": [{"rule": cell.rule, "start": cell.start} for cell in placed.cells],
                "target": _name(number),
            },
            weight=0.05,
        )
        for number, placed in enumerate(layers)
    )


def overlaid(stream: Any, layers: Iterable[Placed], *, pix_fmt: str, colors: tuple[str, str, str]) -> Any:
    """The finished picture with the layers over it, each in its time; `pix_fmt` and `colors` (primaries, transfer,
    matrix) are the picture's and stay."""
    layers = tuple(layers)
    if layers and _deep(pix_fmt):
        return _merged(stream, layers, pix_fmt, colors)
    for number, placed in enumerate(layers):
        stream = _overlay(stream, placed, _name(number), pix_fmt, colors)
    return stream


def overlay_needs(layers: Iterable[Placed], *, pix_fmt: str, colors: tuple[str, str, str]) -> tuple[str, ...]:
    """Filters beyond the ordinary that the layers need."""
    if not tuple(layers):
        return ()
    return ("maskedmerge" if _deep(pix_fmt) else "overlay", *(("zscale",) if _wide(colors) else ()))


def _name(number: int) -> str:
    return f"layer-{number}.png"


def _overlay(stream: Any, placed: Placed, name: str, pix_fmt: str, colors: tuple[str, str, str]) -> Any:
    layer = _in_colors(_read(name), pix_fmt, colors)
    plain = pix_fmt.replace("yuva", "yuv").removesuffix("le")
    options: dict[str, Any] = {
        "x": placed.cells[0].expression("w"),
        "y": placed.cells[1].expression("h"),
        "eval": "init",
        "format": plain.removesuffix("p"),  # yuv420 for yuv420p, but yuv420p10
    }
    return ffmpeg.overlay(stream, layer, **options, **_seen(placed))


def _read(name: str) -> Any:
    # One frame a second: a clock that every other is a multiple of, so that the frames keep their exact times.
    return ffmpeg.input(name, format="png_pipe", framerate=1, protocol_whitelist="file,pipe")["v:0"]


def _seen(placed: Placed) -> dict[str, str]:
    begins = None if placed.start is None else f"gte(t,{seconds(max(0.0, placed.start - _EARLY))})"
    ends = None if placed.end is None else f"lt(t,{seconds(max(0.0, placed.end - _EARLY))})"
    times = "*".join(word for word in (begins, ends) if word)
    return {"enable": times} if times else {}


def _deep(pix_fmt: str) -> bool:
    """Whether the picture has alpha of more than 8 bits, which `overlay` gets wrong: it mixes as if there were 8."""
    return pix_fmt.startswith("yuva") and any(depth in pix_fmt for depth in ("10", "12", "16"))


def _merged(stream: Any, layers: Iterable[Placed], pix_fmt: str, colors: tuple[str, str, str]) -> Any:
    """As `overlaid`: colours multiplied by alpha, in RGB, each plane and alpha alike mixed by the layer's alpha."""
    stream = stream.filter("format", "gbrap16").filter("premultiply", inplace=1)
    for number, placed in enumerate(layers):
        width, height = placed.canvas
        layer = _read(_name(number)).filter(
            "pad", width, height, placed.cells[0].expression("w", pad=True), placed.cells[1].expression("h", pad=True),
            color="black@0",
        ).filter("format", "gbrap16").split()  # fmt: skip
        solid = layer[0].filter("format", "gbrp16").filter("format", "gbrap16")
        mask = layer[1].filter("alphaextract").filter("format", "gray16").filter("mergeplanes", "0x00000000", "gbrap16")
        stream = ffmpeg.filter([stream, solid, mask], "maskedmerge", **_seen(placed))
    stream = stream.filter("unpremultiply", inplace=1)
    stream = stream.filter("scale", out_range="tv", out_color_matrix=colors[2]).filter("format", pix_fmt)
    tags = {"color_primaries": colors[0], "color_trc": colors[1], "colorspace": colors[2]}
    return stream.filter("setparams", range="tv", **tags)


def _wide(colors: tuple[str, str, str]) -> bool:
    """Whether the picture's red, or its white, is another than that of sRGB."""
    return colors[0] == "bt2020" or colors[1] in _HDR


def _in_colors(layer: Any, pix_fmt: str, colors: tuple[str, str, str]) -> Any:
    """From sRGB to the picture's own numbers, with alpha beside them."""
    primaries, transfer, matrix = colors
    clear = pix_fmt if "yuva" in pix_fmt else pix_fmt.replace("yuv", "yuva")
    if _wide(colors):
        layer = layer.filter("format", "gbrap").filter(
            "zscale",
            tin="iec61966-2-1",
            pin="709",
            min="gbr",
            rin="pc",
            t=transfer if transfer in _HDR else "709",
            p="2020",
            m="2020_ncl",
            r="tv",
            npl=_GRAPHICS_WHITE,
        )
        layer = layer.filter("format", clear)
    else:
        layer = layer.filter(
            "scale",
            flags="bicubic+accurate_rnd+full_chroma_int",
            out_range="tv",
            out_color_matrix=matrix,
        )
        layer = layer.filter("format", clear)
    tags = {"color_primaries": primaries, "color_trc": transfer, "colorspace": matrix}
    return layer.filter("setparams", range="tv", **tags)
