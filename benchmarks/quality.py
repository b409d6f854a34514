"""Bytes for a picture as good: our presets beside the encoders' own defaults, and what our five quality names reach.

On real clips and photographs (benchmarks/samples.py), which pip fetches; without them nothing is measured.
"""

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image

from benchmarks.calibration import CRF, QUALITY
from benchmarks.figures import Figure, Report
from benchmarks.metrics import bytes_at, decibels, still_score, video_scores
from benchmarks.parts import Clock, quiet
from benchmarks.samples import CLIPS, STILLS, fetch, reference
from workers.encoders.video import ENCODERS
from workers.engine.capabilities import ffmpeg_path
from workers.kinds import get_kind
from workers.options import QUALITIES
from workers.run import run

ENGINE = True  # needs no service
SECONDS = 1.6
EDGE = 640  # pixels, of photographs
FORMATS = {"h264": "mp4", "h265": "mp4", "vp9": "webm", "av1": "webm"}
STILL_FORMATS = ("jpeg", "webp", "avif", "heic")
_EVERY = 2  # of the encoders' numbers in calibration

# score, bytes, seconds
Made = tuple[float, int, float]


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        files = fetch(folder / "samples")
        clips = [reference(clip, files[clip.file], folder / f"{clip.name}.mkv", SECONDS) for clip in CLIPS]
        photographs = [_photograph(files[still], folder / f"{still}.png") for still in STILLS if still in files]
        figures, notes = [], []
        for codec in FORMATS:
            reached = _reached(lambda quality, codec=codec: _video(codec, quality, clips, folder))  # type: ignore[misc]
            own = [_encoder_alone(codec, crf, clips, folder) for crf in CRF[codec][::_EVERY]]
            figures.append(_figure(f"{codec}: bytes at equal VMAF, our medium / ffmpeg's defaults", reached, own))
            notes.append(_note(codec, "VMAF", reached, lambda score: f"{score:.1f}"))
        for format in STILL_FORMATS:
            reached = _reached(lambda quality, format=format: _still(format, quality, photographs, folder))  # type: ignore[misc]
            own = [_pillow_alone(format, quality, photographs, folder) for quality in QUALITY[format][::_EVERY]]
            figures.append(_figure(f"{format}: bytes at equal SSIM, our medium / Pillow's defaults", reached, own))
            notes.append(_note(format, "SSIM", reached, lambda score: f"{1 - 10 ** (-score / 10):.3f}"))
    clip_names = ", ".join(f"{clip.name} {clip.width} × {clip.height}" for clip in CLIPS)
    notes.append(f"clips of {SECONDS} s ({clip_names}), {len(photographs)} photographs of {EDGE} pixels; means of all.")
    return Report(tuple(figures), tuple(notes))


def _figure(name: str, reached: Mapping[str, Made], own: Sequence[Made]) -> Figure:
    score, size, seconds = reached["medium"]
    theirs = bytes_at([(each[0], each[1]) for each in own], score)
    spent = statistics.median(each[2] for each in own)
    ratio = "out of its reach" if theirs is None else f"{size / theirs:.2f} ×"
    bare = "" if theirs is None else f"{theirs / 1000:,.0f} kB, {spent:.1f} s"
    return Figure(name, "engine", f"{size / 1000:,.0f} kB, {seconds:.1f} s", bare, ratio)


def _note(name: str, measure: str, reached: Mapping[str, Made], words: Callable[[float], str]) -> str:
    told = ", ".join(f"{quality} {words(made[0])} ({made[1] / 1000:,.0f} kB)" for quality, made in reached.items())
    return f"{name}, {measure}: {told}."


def _reached(make: Callable[[str], Made]) -> dict[str, Made]:
    return {name: make(name) for name in QUALITIES}


def _video(codec: str, quality: str, clips: Sequence[Path], folder: Path) -> Made:
    options = {"codec": codec, "format": FORMATS[codec], "quality": quality}
    return _ours("video", options, clips, folder, lambda made, clip: video_scores(made, clip)[0])


def _still(format: str, quality: str, photographs: Sequence[Path], folder: Path) -> Made:
    options = {"format": format, "quality": quality}
    return _ours("image", options, photographs, folder, lambda made, one: decibels(still_score(made, one)))


def _ours(
    kind: str, options: dict[str, Any], sources: Sequence[Path], folder: Path, score: Callable[[Path, Path], float]
) -> Made:
    """The whole way: from the kind's options to its file."""
    scores, size, seconds = [], 0, 0.0
    for source in sources:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            with Clock() as clock:
                done = run(get_kind(kind), options, source, Path(work))
            [made] = [output.path for output in done.outputs]
            scores.append(score(made, source))
            size += made.stat().st_size
            seconds += clock.seconds
    return statistics.mean(scores), size, seconds


def _encoder_alone(codec: str, crf: int, clips: Sequence[Path], folder: Path) -> Made:
    """ffmpeg with the encoder's name and its constant quality, and nothing else."""
    scores, size, seconds = [], 0, 0.0
    target = folder / f"alone.{FORMATS[codec]}"
    for clip in clips:
        rate = ["-crf", str(crf), *(("-b:v", "0") if codec == "vp9" else ())]
        command = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-i", str(clip), "-c:v", ENCODERS[codec], *rate]
        with Clock() as clock:
            quiet([*command, str(target)], env={"SVT_LOG": "1"})
        scores.append(video_scores(target, clip)[0])
        size += target.stat().st_size
        seconds += clock.seconds
    return statistics.mean(scores), size, seconds


def _pillow_alone(format: str, quality: int, photographs: Sequence[Path], folder: Path) -> Made:
    pillow_heif.register_heif_opener()
    scores, size, seconds = [], 0, 0.0
    target = folder / f"alone.{format}"
    for photograph in photographs:
        with Image.open(photograph) as image:
            image.load()
            with Clock() as clock:
                image.save(target, "HEIF" if format == "heic" else format.upper(), quality=quality)
        scores.append(decibels(still_score(target, photograph)))
        size += target.stat().st_size
        seconds += clock.seconds
    return statistics.mean(scores), size, seconds


def _photograph(source: Path, target: Path) -> Path:
    with Image.open(source) as image:
        small = image.convert("RGB")
        small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
        small.save(target)
    return target
