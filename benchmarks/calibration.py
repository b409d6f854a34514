"""What each encoder's own number must be for equal scores: `python -m benchmarks.calibration video|image`.

Prints, for every codec or format, the numbers that score as H.264 or JPEG does at the five quality names. They were
written into workers/encoders by hand from this. `--folder` keeps the downloaded samples between runs.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.metrics import at, decibels, still_score, video_scores
from benchmarks.parts import quiet
from benchmarks.samples import CLIPS, STILLS, fetch, reference
from workers.encoders.video import ENCODERS, SETTINGS
from workers.engine.capabilities import ffmpeg_path

SECONDS = 1.6
CRF: Mapping[str, Sequence[int]] = {
    "h264": (14, 17, 20, 23, 26, 30, 34, 39, 44),
    "h265": (15, 18, 21, 24, 28, 32, 37, 42, 47),
    "vp9": (10, 16, 22, 28, 34, 40, 47, 54, 61),
    "av1": (14, 20, 26, 32, 38, 44, 50, 56, 62),
}
QUALITY: Mapping[str, Sequence[int]] = {
    "jpeg": (5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 93, 95, 97, 100),
    "webp": (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 98, 100),
    "avif": (5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 98),
    "heic": (5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 98),
}
TARGETS: Mapping[str, tuple[int, ...]] = {"video": (34, 28, 22, 19, 17), "image": (40, 60, 80, 90, 95)}


def encode(codec: str, crf: int, source: Path, target: Path) -> None:
    """A video at a constant quality with the service's settings of that encoder."""
    settings: dict[str, Any] = {"c:v": ENCODERS[codec], "crf": crf, **SETTINGS[codec]}
    settings |= {"b:v": 0} if codec == "vp9" else {}
    arguments = [part for name, value in settings.items() for part in (f"-{name}", str(value))]
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-i", str(source), *arguments, str(target)])


def videos(folder: Path, codecs: Iterable[str]) -> dict[str, list[tuple[int, float, float, int]]]:
    """By codec: (crf, VMAF, SSIM in decibels, bytes), means over the clips, bytes summed."""
    files = fetch(folder)
    clips = [reference(clip, files[clip.file], folder / f"{clip.name}.mkv", SECONDS) for clip in CLIPS]
    rows: dict[str, list[tuple[int, float, float, int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for codec in codecs:
            for crf in CRF[codec]:
                scores, size = [], 0
                for clip in clips:
                    made = Path(name) / "made.mkv"
                    encode(codec, crf, clip, made)
                    scores.append(video_scores(made, clip))
                    size += made.stat().st_size
                vmaf = statistics.mean(score[0] for score in scores)
                ssim = statistics.mean(decibels(score[1]) for score in scores)
                rows.setdefault(codec, []).append((crf, vmaf, ssim, size))
                print(f"{codec} crf {crf}: VMAF {vmaf:.2f}, SSIM {ssim:.2f} dB, {size} bytes", file=sys.stderr)
    return rows


def stills(folder: Path, save: Mapping[str, dict[str, Any]]) -> dict[str, list[tuple[int, float, int]]]:
    """By format: (quality, SSIM in decibels, bytes), means over the photographs, bytes summed."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    files = fetch(folder)
    rows: dict[str, list[tuple[int, float, int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        originals = []
        for still in STILLS:
            if still in files:
                originals.append(Path(name) / f"{still}.reference.png")
                with Image.open(files[still]) as image:
                    small = image.convert("RGB")
                    small.thumbnail((640, 640), Image.Resampling.LANCZOS)
                    small.save(originals[-1])
        for format, options in save.items():
            for quality in QUALITY[format]:
                scores, size = [], 0
                for original in originals:
                    made = Path(name) / f"made.{format}"
                    with Image.open(original) as image:
                        image.save(made, "HEIF" if format == "heic" else format.upper(), quality=quality, **options)
                    scores.append(decibels(still_score(made, original)))
                    size += made.stat().st_size
                rows.setdefault(format, []).append((quality, statistics.mean(scores), size))
                print(f"{format} {quality}: SSIM {statistics.mean(scores):.2f} dB, {size} bytes", file=sys.stderr)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("what", choices=["video", "image"])
    parser.add_argument("--folder", type=Path, default=None, help="where samples are kept")
    parser.add_argument("--only", nargs="*", default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as temporary:
        folder = asked.folder or Path(temporary)
        if asked.what == "video":
            found = videos(folder, asked.only or CRF)
            curves = {codec: [(row[0], row[1], row[2], row[3]) for row in rows] for codec, rows in found.items()}
            for column, title in ((1, "VMAF"), (2, "SSIM, dB")):
                goals = [at([(row[0], row[column]) for row in curves["h264"]], crf) for crf in TARGETS["video"]]
                _print(title, curves, column, goals)
        else:
            save: dict[str, dict[str, Any]] = {
                "jpeg": {"subsampling": 2, "optimize": True, "progressive": True},
                "webp": {"method": 4},
                "avif": {"speed": 8, "subsampling": "4:2:0"},
                "heic": {},
            }
            rows = stills(folder, save)
            curves = {format: [(q, ssim, ssim, size) for q, ssim, size in points] for format, points in rows.items()}
            goals = [at([(row[0], row[1]) for row in curves["jpeg"]], quality) for quality in TARGETS["image"]]
            _print("SSIM, dB", curves, 1, goals)
    return 0


def _print(title: str, curves: Mapping[str, Sequence[tuple]], column: int, goals: Sequence[float | None]) -> None:
    print(f"\n{title} aimed at: {', '.join(f'{goal:.2f}' for goal in goals if goal is not None)}")
    for name, rows in curves.items():
        numbers = [None if goal is None else at([(row[column], row[0]) for row in rows], goal) for goal in goals]
        sizes = [None if goal is None else at([(row[column], row[3]) for row in rows], goal) for goal in goals]
        told = [
            "out of reach" if number is None or size is None else f"{number:.1f} ({size:,.0f} bytes)"
            for number, size in zip(numbers, sizes, strict=True)
        ]
        print(f"{name}: {'; '.join(told)}")


if __name__ == "__main__":
    sys.exit(main())
