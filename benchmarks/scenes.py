"""Where scenes begin in films made on the spot, whose cuts are known: what is found of them, and what is made up.

The numbers of workers.sections.scenes were chosen by FILMS, and mended by the sets SEEN of benchmarks.unseen; nothing
was changed after the set UNSEEN had been looked at. Whoever changes one of those numbers takes another set.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure, Report
from benchmarks.parts import quiet
from benchmarks.unseen import make, unseen
from workers.engine.capabilities import ffmpeg_path
from workers.engine.probe import probe
from workers.engine.runner import Silent
from workers.execution import execute_steps
from workers.plans import Plan, Source
from workers.sections.scenes import SCENES, read_differences, read_scenes, scene_steps
from workers.tests.edits import Shot, cuts_of, make_edit

ENGINE = True  # needs no service
NEAR = 0.5  # seconds that a scene may be told off its cut
AIM = 0.95
SEEN, UNSEEN = (1, 2, 3, 4), 5
SHOWN = ("card", "warm", "bars", "cold", "hand", "lush", "zoom", "grey", "pan", "dark", "snow")
LENGTHS = (2.0, 3.4, 1.2, 5.0, 2.6, 0.8, 4.2, 1.6, 3.0)
SECONDS = 60  # of the film whose cost is measured
FLASHES = ",".join(
    f"drawbox=c=white:t=fill:enable='between(t\\,{at}\\,{at + long})'"
    for at, long in ((3.0, 0.04), (4.2, 0.12), (9.3, 0.2), (14.0, 0.08), (21.5, 0.16))
)


def _shots(count: int, comes: str = "cut", *, shift: int = 0, longer: float = 0.0, over: float = 1.0) -> list[Shot]:
    return [
        Shot(
            SHOWN[(number + shift) % len(SHOWN)],
            LENGTHS[(number + shift) % len(LENGTHS)] + longer,
            comes if number else "cut",
            over,
        )
        for number in range(count)
    ]


# Name → films as (arguments of make_edit, shots).
FILMS: dict[str, list[tuple[dict, list[Shot]]]] = {
    "hard cuts, four sizes and rates": [
        ({"size": (160, 96), "rate": 25}, _shots(22)),
        ({"size": (640, 360), "rate": 30}, _shots(18, shift=3)),
        ({"size": (96, 160), "rate": 60}, _shots(18, shift=6)),
        ({"size": (960, 540), "rate": 25}, _shots(7, shift=8)),
    ],
    "hard cuts at 10 frames per second, MPEG-4": [({"rate": 10, "codec": ("-c:v", "mpeg4", "-q:v", "5")}, _shots(22))],
    "hard cuts under noise": [({"size": (320, 192), "filters": "noise=alls=24:allf=t"}, _shots(22, shift=2))],
    "dissolves of 0.5 s": [({"size": (320, 192)}, _shots(14, "fade", longer=3.0, over=0.5))],
    "dissolves of 1 s": [({"size": (320, 192)}, _shots(14, "fade", longer=3.0))],
    "dissolves of 2 s": [({"size": (320, 192)}, _shots(14, "fade", longer=5.0, over=2.0))],
    "fades through black of 1 s": [({"size": (320, 192)}, _shots(14, "fadeblack", longer=3.0))],
    "hard cuts among flashes": [({"size": (320, 192), "filters": FLASHES}, _shots(12, shift=1))],
    "one shot: by hand": [({"size": (320, 192)}, [Shot("hand", 30.0)])],
    "one shot: a zoom": [({"size": (320, 192)}, [Shot("zoom", 30.0)])],
    "one shot: flashes": [({"size": (320, 192), "filters": FLASHES}, [Shot("pan", 30.0)])],
    "one shot: snow on a screen": [({"size": (320, 192)}, [Shot("snow", 30.0)])],
    "one shot: the light changes": [
        ({"size": (320, 192), "filters": "eq=brightness='0.25*sin(1.3*t)':eval=frame"}, [Shot("hand", 30.0)])
    ],
}


def measure() -> Report:
    figures: list[Figure] = []
    found, known, told = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        for title, films in FILMS.items():
            counts, bare = [0, 0, 0], [0, 0, 0]
            for number, (arguments, shots) in enumerate(films):
                film = make_edit(folder / f"{len(figures)}-{number}.mkv", shots, **arguments)
                cuts = cuts_of(shots)
                for sums, times in ((counts, _ours(film, folder)), (bare, _bare(film, folder))):
                    sums[0] += _hits(cuts, times)
                    sums[1] += len(cuts)
                    sums[2] += len(times)
            found, known, told = found + counts[0], known + counts[1], told + counts[2]
            figures.append(_figure(title, counts, bare))
        recall, precision = found / known, found / told
        figures.append(
            Figure(
                "all of these",
                "engine",
                f"{found} of {known}, {told - found} made up",
                "",
                f"recall {recall:.3f}, precision {precision:.3f}",
                f"recall ≥ {AIM}",
                recall >= AIM,
            )
        )
        for seed in SEEN:
            figures += _drawn(seed, folder, f"set {seed}, mended by")
        figures += _drawn(UNSEEN, folder, f"set {UNSEEN}, unseen")
        return Report((*figures, _cost(folder)), (f"A scene counts where it is told within {NEAR} s of its cut.",))


def _drawn(seed: int, folder: Path, how: str) -> list[Figure]:
    """Of films drawn by lot: each way of coming in, and all."""
    named = {"cut": "hard cuts", "dissolve": "dissolves", "black": "fades", "white": "fades"}
    sums = {name: [[0, 0, 0], [0, 0, 0]] for name in (*named.values(), "all")}
    for film in unseen(seed, folder):
        path = make(film, folder / f"drawn-{film.name}.mkv")
        told = _ours(path, folder), _bare(path, folder)
        for name in (named[film.comes], "all"):
            for counts, times in zip(sums[name], told, strict=True):
                counts[0] += _hits(film.cuts, times)
                counts[1] += len(film.cuts)
                counts[2] += len(times)
        path.unlink()
    return [_figure(f"films drawn by lot, {how}: {name}", *counts) for name, counts in sums.items()]


def _figure(title: str, ours: Sequence[int], bare: Sequence[int]) -> Figure:
    mine, theirs = (f"{found} of {known}, {told - found} made up" for found, known, told in (ours, bare))
    if not ours[1]:
        return Figure(title, "engine", mine, theirs, "", "none made up", ours[2] == 0)
    recall = ours[0] / ours[1]
    return Figure(title, "engine", mine, theirs, f"recall {recall:.3f}", f"≥ {AIM}", recall >= AIM)


def _hits(cuts: Sequence[float], times: Sequence[float]) -> int:
    """How many cuts are told, each by a time of its own."""
    left = list(times)
    hits = 0
    for cut in cuts:
        near = min(left, key=lambda time: abs(time - cut), default=None)
        if near is not None and abs(near - cut) <= NEAR:
            left.remove(near)
            hits += 1
    return hits


def _ours(film: Path, folder: Path) -> list[float]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        source = Source(probe(film), lambda target, reads: target.symlink_to(film))
        source.fetch(work / source.path, "whole")
        execute_steps(Plan(scene_steps(source), ()), source, work, Silent())
        return [scene.time for scene in read_scenes(work / SCENES)]


def _bare(film: Path, folder: Path) -> list[float]:
    """ffmpeg's `scdet` with its own threshold."""
    told = folder / "bare.txt"
    graph = f"scdet=t=10,metadata=mode=print:key=lavfi.scd.time:file={told}"
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-i", str(film), "-vf", graph, "-f", "null", "-"])
    return read_differences(told)[0]


def _cost(folder: Path) -> Figure:
    """Of a minute in 1080p, H.264 with B-frames."""
    part, film = folder / "part.mp4", folder / "long.mp4"
    shots = [Shot("card", 6.0), Shot("bars", 6.0)]
    make_edit(part, shots, size=(1920, 1080), rate=25, filters="noise=alls=5:allf=t")
    again = ["-stream_loop", str(SECONDS // 12 - 1), "-i", str(part), "-c", "copy", str(film)]
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", *again])
    ours, bare = [], []
    for _ in range(3):
        started = time.monotonic()
        _ours(film, folder)
        ours.append(time.monotonic() - started)
        started = time.monotonic()
        _bare(film, folder)
        bare.append(time.monotonic() - started)
    mine, theirs = statistics.median(ours), statistics.median(bare)
    return Figure(
        f"a minute of 1080p, {film.stat().st_size * 8 / SECONDS / 1e6:.0f} Mbit/s",
        "engine",
        f"{mine:.1f} s",
        f"{theirs:.1f} s",
        f"{mine:.1f} minutes for an hour",
    )
