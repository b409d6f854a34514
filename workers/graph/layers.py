"""Layers over a moving picture: each drawn once into a PNG, which ffmpeg puts over the frames. Pure."""

from collections.abc import Iterable
from typing import Any

import ffmpeg

from workers.framing import Size
from workers.graph.times import seconds
from workers.layers import Placed
from workers.plans import HelperStep

# Frames' times are rounded to their stream's clock: a moment asked for must not miss its frame by that.
_EARLY = 0.0005
_HDR = {"smpte2084": "smpte2084", "arib-std-b67": "arib-std-b67"}  # transfers by zscale's names
# Cd/m² of white letters in HDR. Source: ITU-R BT.2408, graphics white.
_GRAPHICS_WHITE = 203


def layer_steps(layers: Iterable[Placed], canvas: Size) -> tuple[HelperStep, ...]:
    """The steps that draw what `overlaid` puts over an output of this size; they go before it."""
    return tuple(
        HelperStep(
            "layer",
            {
                "layer": placed.spec,
                "canvas": list(canvas),
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
    for number, placed in enumerate(layers):
        stream = _overlay(stream, placed, _name(number), pix_fmt, colors)
    return stream


def overlay_needs(layers: Iterable[Placed], colors: tuple[str, str, str]) -> tuple[str, ...]:
    """Filters beyond the ordinary that the layers need."""
    return ("overlay", *(("zscale",) if _wide(colors) else ())) if tuple(layers) else ()


def _name(number: int) -> str:
    return f"layer-{number}.png"


def _overlay(stream: Any, placed: Placed, name: str, pix_fmt: str, colors: tuple[str, str, str]) -> Any:
    # One frame a second: a clock that every other is a multiple of, so that the frames keep their exact times.
    layer = ffmpeg.input(name, format="png_pipe", framerate=1, protocol_whitelist="file,pipe")["v:0"]
    layer = _in_colors(layer, pix_fmt, colors)
    plain = pix_fmt.replace("yuva", "yuv").removesuffix("le")
    options: dict[str, Any] = {
        "x": placed.cells[0].expression("w"),
        "y": placed.cells[1].expression("h"),
        "eval": "init",
        "format": plain.removesuffix("p"),  # yuv420 for yuv420p, but yuv420p10
    }
    if placed.start is not None or placed.end is not None:
        options["enable"] = _seen(placed.start, placed.end)
    return ffmpeg.overlay(stream, layer, **options)


def _seen(start: float | None, end: float | None) -> str:
    begins = None if start is None else f"gte(t,{seconds(max(0.0, start - _EARLY))})"
    ends = None if end is None else f"lt(t,{seconds(max(0.0, end - _EARLY))})"
    return "*".join(word for word in (begins, ends) if word)


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
            t=_HDR.get(transfer, "709"),
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
