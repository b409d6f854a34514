"""Tools that are not the engine's: Debian's ffmpeg and ffprobe, exiftool. Their answers as values."""

import array
import json
import re
import subprocess
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from tests.services.server import need

Size = tuple[int, int]
_PACKAGES = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "exiftool": "libimage-exiftool-perl"}
_TIMEOUT = 120  # seconds
_SSIM = re.compile(r"SSIM Y:([\d.]+)")
# What tells where, by whom or with which device a file was made; none of it may come out.
_PRIVATE = re.compile(r"GPS|Location|SerialNumber|OwnerName|Make$|Model$|MakerNote", re.IGNORECASE)
# exiftool's own words for facts of the container.
_HARMLESS = re.compile(r"^(ICC|System|File|ExifTool|Composite:(?!GPS))", re.IGNORECASE)


@cache
def program(name: str) -> str:
    """The path of a tool: Debian's own before any other on PATH, whose answers differ. Raises
    tests.services.server.Unavailable naming its package."""
    own = Path("/usr/bin", name)
    return str(own) if own.exists() else need(name, package=_PACKAGES[name])


def _said(*command: str | Path, quiet: bool = False) -> str:
    """What a tool printed. Raises RuntimeError with its complaint."""
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=_TIMEOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(str(command[0])).name}: {done.stderr.decode(errors='replace')[-600:]}")
    return (done.stderr if quiet else done.stdout).decode(errors="replace")


@lru_cache(maxsize=64)
def ffprobe(path: Path) -> dict[str, Any]:
    """`streams` and `format`, as ffprobe tells them."""
    return dict(
        json.loads(_said(program("ffprobe"), "-v", "error", "-show_streams", "-show_format", "-of", "json", path))
    )


def streams(facts: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The streams of a kind: "video", "audio", "subtitle"."""
    return [stream for stream in facts["streams"] if stream.get("codec_type") == kind]


@lru_cache(maxsize=64)
def times(path: Path, stream: str, until: float | None = None) -> list[float]:
    """When each frame of a stream is shown, seconds from the file's beginning, in order; read from its packets.

    Where sound begins before zero, as decoders need a little of it beforehand, zero is the beginning.
    """
    wanted = ["-read_intervals", f"%+{until}"] if until else []
    told = json.loads(
        _said(
            *(program("ffprobe"), "-v", "error", "-select_streams", stream, *wanted, "-show_entries"),
            *("packet=pts_time,flags:format=start_time", "-of", "json", path),
        )
    )
    begin = max(0.0, float(told["format"].get("start_time") or 0))
    # Packets marked "D" are decoded and not shown.
    found = [packet for packet in told["packets"] if "pts_time" in packet and "D" not in packet.get("flags", "")]
    return sorted(float(packet["pts_time"]) - begin for packet in found)


def key_times(path: Path) -> list[float]:
    """When each key frame of the first video is shown, seconds, in order."""
    asked = ("-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "json")
    packets = json.loads(_said(program("ffprobe"), *asked, path))["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets if "K" in packet.get("flags", ""))


def frame(path: Path, filters: str, target: Path, *, stream: str = "v:0", before: tuple[str, ...] = ()) -> Path:
    """One picture of a file through a chain of filters, as a PNG."""
    _said(
        *(program("ffmpeg"), "-nostdin", "-v", "error", "-y", *before, "-i", path, "-map", f"0:{stream}"),
        *("-vf", filters, "-frames:v", "1", target),
    )
    return target


def ssim(one: Path, other: Path) -> float:
    """Structural similarity of the luma of two pictures of one size: 1 is the same."""
    told = _said(
        *(program("ffmpeg"), "-nostdin", "-hide_banner", "-i", one, "-i", other, "-lavfi"),
        *("[0:v]format=gray[a];[1:v]format=gray[b];[a][b]ssim", "-f", "null", "-"),
        quiet=True,
    )
    found = _SSIM.search(told)
    if found is None:
        raise RuntimeError(f"no SSIM in: {told[-300:]}")
    return float(found[1])


def luma(path: Path) -> dict[str, int]:
    """Over all frames of a video: least YMIN and YLOW (a tenth is darker), greatest YHIGH and YMAX."""
    told = _said(
        *(program("ffmpeg"), "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-vf"),
        *("format=yuv420p,signalstats,metadata=print:file=-", "-f", "null", "-"),
    )
    values = {
        name: [int(float(value)) for value in re.findall(rf"signalstats\.{name}=([\d.]+)", told)]
        for name in ("YMIN", "YLOW", "YHIGH", "YMAX")
    }
    return {name: (min if name in ("YMIN", "YLOW") else max)(found) for name, found in values.items()}


def seen_and_heard(path: Path, rate: int) -> tuple[list[tuple[float, float]], "array.array[float]"]:
    """(seconds, mean luma) of each frame of the first video, and the first sound as mono samples from the same zero on.

    Read in one run: what a file's zero is depends on which streams are read.
    """
    command = [program("ffmpeg"), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v:0", "-vf"]
    with tempfile.NamedTemporaryFile(suffix=".txt") as told:
        command += [f"format=yuv420p,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file={told.name}"]
        command += ["-fps_mode", "passthrough", "-f", "null", "-"]
        command += ["-map", "0:a:0", "-af", f"aresample={rate}:async=1:first_pts=0", "-ac", "1"]
        done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, timeout=_TIMEOUT, check=True)
        moments = re.findall(r"pts_time:(-?[\d.]+)\s+lavfi\.signalstats\.YAVG=([\d.]+)", Path(told.name).read_text())
    return [(float(moment), float(value)) for moment, value in moments], array.array("f", done.stdout)


def levels(
    path: Path, filters: str = "anull", *, before: tuple[str, ...] = (), stream: str = "a:0"
) -> list[tuple[float, float]]:
    """(RMS, peak) of each channel of a sound, dBFS, after a chain of filters."""
    told = _said(
        *(program("ffmpeg"), "-nostdin", "-hide_banner", *before, "-i", path, "-map", f"0:{stream}", "-af"),
        *(f"aformat=sample_fmts=flt,{filters},astats=measure_overall=none:measure_perchannel=RMS_level+Peak_level",),
        *("-f", "null", "-"),
        quiet=True,
    )
    found = {what: re.findall(rf"{what} level dB: (-?[\d.]+|-inf|nan)", told) for what in ("RMS", "Peak")}
    pairs = zip(found["RMS"], found["Peak"], strict=True)
    return [tuple(-120.0 if value in ("-inf", "nan") else float(value) for value in pair) for pair in pairs]  # type: ignore[misc]


def private(path: Path) -> list[str]:
    """The names of what exiftool finds of places, serial numbers, owners and cameras."""
    [found] = json.loads(_said(program("exiftool"), "-j", "-a", "-G", "-n", path))
    return sorted(name for name in found if _PRIVATE.search(name) and not _HARMLESS.match(name))


def orientation(path: Path) -> int:
    """EXIF orientation as exiftool tells it; 1 where there is none."""
    [found] = json.loads(_said(program("exiftool"), "-j", "-n", "-Orientation", path))
    return int(found.get("Orientation", 1))


def copyrights(path: Path) -> list[str]:
    """Every copyright notice that exiftool finds, but the profile's."""
    [found] = json.loads(_said(program("exiftool"), "-j", "-a", "-G1", "-Copyright", "-CopyrightNotice", path))
    wanted = ("Copyright", "CopyrightNotice")
    return [str(value) for name, value in found.items() if name.endswith(wanted) and "ICC" not in name]


def atoms(path: Path) -> list[str]:
    """The names of an MP4's outermost boxes, in order."""
    names, data, place = [], path.read_bytes(), 0
    while place + 8 <= len(data):
        size, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8].decode("latin-1")
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        names.append(name)
        place += size if size >= 8 else len(data)
    return names
