"""Where one scene of a video ends and the next begins. Pure: plans the look at the video, and judges what was seen.

ffmpeg decodes the video and tells how much each picture differs from the one before (`scdet`, to DIFFERENCES); of eight
tiny pictures a second it writes the bytes (PICTURES) and the times (MOMENTS). The helper (tiny_pictures.py) holds them
against each other where something happens, and writes SCENES:

    {"cuts": [{"time": 3.04, "score": 18.8, "kind": "cut"}, …], "pictures": 80, "end": 10.0}

`time` is when the new scene is seen first, seconds of the medium; `score` is how much the pictures on both sides
differ, 0 to 100 (percent of the range of a colour); `kind` is "cut", "dissolve" or "fade". Chapters begin by it.
"""

import bisect
import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from workers import graph
from workers.documents import read_document
from workers.engine.printed import read_printed
from workers.plans import FfmpegStep, HelperStep, Source

WIDTH, HEIGHT = 32, 18  # of a tiny picture; grain and the noise of sensors are averaged away
PICTURE = WIDTH * HEIGHT * 3  # bytes, RGB
DIFFERENCES, PICTURES, MOMENTS, SCENES = "differences.txt", "pictures.rgb", "moments.txt", "scenes.json"
FINE, STEP = 0.032, 0.125  # seconds between two pictures that are compared, and between two that are kept
SPARSE = 0.4  # seconds; fewer pictures than that, and skipping went too far
MOST = 24 * 3600 * 32  # pictures that are looked at: a day

# Differences in percent; what stands out was measured on film from the hand, cars that drive by, slides and noise.
LEAST = 2.0  # two pictures that differ by less are the same scene
RATIO = 1.9  # how far a cut stands out from the usual difference around it
MOVING = 1.8  # more of it, where anything moves
TOUCHED = 5.0  # a place that differs by more has changed
MUCH, SOME = 0.4, 0.15  # share of a picture that a new scene changes, and that a new slide does, where nothing moves
STILL = 0.2  # usual difference where nothing moves
JERKS, JERKY, HELD = (
    3,
    1.25,
    0.75,
)  # so many others nearly as large, and so much correlation: one view that moves in jerks
RENEWED = 10.0  # in the same view, a coder's key frame changes no more than SOME of it by more
ROUND = 0.5  # seconds on each side that tell what is usual
FLASH = 0.54  # seconds; what was there before comes back so soon after a flash, and after a passing shadow
CLOSE = 0.2  # seconds; of cuts nearer to each other the last counts
BLACK, WHITE = 36, 219  # of 255: nothing is to be seen where all is darker than one, or lighter than the other
BLANK = 1.0  # seconds; nothing for longer is a scene of its own
GLIMPSE = 0.6  # seconds, around nothing: what is seen before and after
HARD, SAME = 0.7, 0.35  # shares of the difference from nothing: it came at once; what was there before came back
HALVES = (0.4, 0.75, 1.25)  # seconds; half of what a dissolve and a little more may take
ACROSS, FAINT = 11.0, 6.0  # what a dissolve changes at least; and one that its contrast tells of
STEADY = 0.72  # of that, that pictures of one side may differ by themselves
RESIDUE = 0.12  # of it, that a picture in between may be off a mixture of both where nothing moves
ROUGHLY = 0.4  # of it, that the picture in the middle may be off an even mixture of single pictures
OUTSIDE = 0.2  # share of the other side that pictures at the ends have at most
MIDDLE = 0.2  # share, that the picture in the middle may be off an even mixture
RESTLESS = 0.7  # of what they differ by themselves, that is added to that
# Where the contrast of the pictures in between falls as that of mixtures does, both may be off by more, so often.
PALE, LOOSER = 0.6, 1.5
CLEAR = 0.4  # how far that must outweigh what they are off, where a dissolve is FAINT
MOSTLY = 0.5  # share of what both sides differ by, that pictures in between are then off mixtures at most
FADING, DIMMED = 1.2, 0.8  # seconds beside nothing, in which the same view (by its correlation) fades
ALIKE = 0.9  # correlation; above, it is the same view in another light
LIKE = 0.4  # correlation; below, something else came after nothing, though it is as light


@dataclass(frozen=True)
class Scene:
    """Where a scene begins."""

    time: float
    score: float
    kind: str = "cut"


@dataclass(frozen=True)
class Mixing:
    """`across` is how much the averages of two runs of pictures differ, `unrest` how far those pictures are off them,
    `residue` how far pictures in between are off the nearest mixture of both averages, percent; `shares` are those of
    the second in these mixtures."""

    across: float
    unrest: float
    residue: float
    shares: tuple[float, ...]


class Pictures(Protocol):
    """The tiny pictures by number."""

    def difference(self, first: int, second: int) -> float:
        """Mean absolute difference, percent."""
        ...

    def changed(self, first: int, second: int, by: float = TOUCHED) -> float:
        """Share of the picture, 0 to 1, that differs by more than so many percent."""
        ...

    def blank(self, number: int) -> bool:
        """Whether all of it is black, or white."""
        ...

    def halfway(self, first: int, second: int, between: int) -> float:
        """How far a picture is off the even mixture of two others, percent."""
        ...

    def mixing(self, before: range, between: range, after: range, *, steady: float) -> "Mixing | None":
        """How the pictures in between are mixtures of the averages of those before and after; None where those differ
        among themselves by more than that share of what the averages do."""
        ...

    def paling(self, first: int, between: range, last: int, shares: Sequence[float]) -> float:
        """How far the contrast of pictures falls below that of those on both sides, as a share of how far it does in
        mixtures of them: 1 in a dissolve; 0 in one view that moves. `shares` are the second's; those near to either
        side tell nothing."""
        ...

    def likeness(self, first: int, second: int) -> float:
        """Correlation of two pictures, −1 to 1; 0 where one is of one colour."""
        ...


# --- The plan ---


def scene_steps(source: Source, *, weight: float = 1.0) -> tuple[FfmpegStep | HelperStep, ...]:
    """Steps that write SCENES for the source's picture. Raises SourceUnsupported, LimitExceeded where it has none."""
    video = graph.usable_video(source, "Scenes")
    length = source.probe.duration
    look = {"differences": DIFFERENCES, "pictures": PICTURES, "moments": MOMENTS}
    # Pictures that no other is made from are left out, which saves a third of the work. Cameras may make all but the
    # key frames so: then too few are left, and all are decoded.
    return (
        FfmpegStep(_args(source, video.index, hasty=True), length, weight=weight),
        HelperStep("sparse", look, measures="scenes", weight=0.01),
        FfmpegStep(_args(source, video.index, hasty=False), length, weight=0.01, when="scenes.sparse"),
        HelperStep("scenes", {**look, "target": SCENES}, weight=weight / 10, timeout=600.0),
    )


def _args(source: Source, index: int, *, hasty: bool) -> tuple[str, ...]:
    stream = graph.source_input(source.probe, source.path, hasty=hasty)[str(index)]
    # By their own times, so that uneven rates and late starts stay what they are.
    stream = stream.filter("select", _apart(FINE))
    stream = stream.filter("scale", WIDTH, HEIGHT, flags="area").filter("format", "rgb24")
    stream = stream.filter("scdet", threshold=10).filter("metadata", mode="print", file=DIFFERENCES)
    stream = stream.filter("select", _apart(STEP - 0.01)).filter("metadata", mode="print", file=MOMENTS)
    settings = {"format": "rawvideo", "c:v": "rawvideo", "fps_mode": "passthrough", **graph.thread_settings()}
    return graph.output_args([stream], PICTURES, settings)


def _apart(seconds: float) -> str:
    return f"isnan(prev_selected_t)+gte(t-prev_selected_t,{seconds:g})"


# --- What ffmpeg wrote, and what the helper did ---


def read_differences(path: Path) -> tuple[list[float], list[float]]:
    """(times in seconds, difference of each picture from the one before in percent), as scdet printed them."""
    return read_printed(path, "lavfi.scd.mafd", 0.0, lines=3 * MOST)


def is_sparse(times: Sequence[float]) -> bool:
    """Whether pictures are so far apart that a cut could not be told to half a second."""
    if len(times) < 2:
        return True
    steps = sorted(after - before for before, after in itertools.pairwise(times))
    return steps[len(steps) * 9 // 10] > SPARSE


def to_json(scenes: Sequence[Scene], times: Sequence[float]) -> dict[str, Any]:
    """The content of SCENES, for pictures at these times."""
    step = times[-1] - times[-2] if len(times) > 1 else 0.0
    return {
        "cuts": [asdict(scene) for scene in scenes],
        "pictures": len(times),
        "end": round(times[-1] + step, 3) if times else 0.0,
    }


def read_scenes(path: Path) -> tuple[Scene, ...]:
    """Where scenes begin, but for the first, in order; none where the file is missing."""
    if not path.exists():
        return ()
    return tuple(Scene(**cut) for cut in read_document(path)["cuts"])


# --- The judgement ---


def find_scenes(
    times: Sequence[float], differences: Sequence[float], moments: Sequence[float], pictures: Pictures
) -> tuple[Scene, ...]:
    """Where scenes begin, in order; the first begins by itself.

    `differences` are those of all pictures, at `times`, from the one before each; `pictures` were kept at `moments`.
    """
    if len(moments) < 2:
        return ()
    blanks = list(_blanks(moments, pictures))
    found = _cuts(times, differences, moments, pictures)
    found = [
        cut
        for cut in found
        if not any(_hides(moments, blank, cut) or _fading(moments, blank, cut, pictures) for blank in blanks)
    ]
    fades = _fades(moments, blanks, pictures)
    found = [cut for cut in found if not any(abs(cut.time - fade.time) < GLIMPSE for fade in fades)] + fades
    found += _dissolves(moments, sorted(cut.time for cut in found), pictures)
    scenes: list[Scene] = []
    for scene in sorted(found, key=lambda scene: scene.time):
        if scenes and scene.time - scenes[-1].time < CLOSE:
            scenes.pop()
        if scene.time > max(times[0], 0.0):
            scenes.append(scene)
    return tuple(scenes)


def _cuts(
    times: Sequence[float], differences: Sequence[float], moments: Sequence[float], pictures: Pictures
) -> list[Scene]:
    found: list[Scene] = []
    for number in range(1, len(times)):
        differs, time = differences[number], times[number]
        if differs < LEAST:
            continue
        others = _around(times, differences, number)
        usual = statistics.median(others) if others else 0.0
        if differs < RATIO * usual + LEAST + min(MOVING, 3 * usual):
            continue
        cut = bisect.bisect_left(moments, time - 1e-6)
        before = range(bisect.bisect_left(moments, time - FLASH), cut)
        after = range(cut, bisect.bisect_right(moments, time + FLASH))
        pairs = [(pictures.difference(one, other), one, other) for one in before for other in after]
        least, one, other = min(pairs, default=(0.0, 0, 0))
        share = SOME if usual < STILL else MUCH
        if least < max(LEAST, differs / 2) or pictures.changed(one, other) < share:
            continue
        if not _is_one_view(differs, others, cut, pictures):
            found.append(Scene(round(time, 3), round(differs, 1)))
    return found


def _around(times: Sequence[float], differences: Sequence[float], number: int) -> list[float]:
    """How much pictures differ around one, the least first."""
    low = bisect.bisect_left(times, times[number] - ROUND)
    high = bisect.bisect_right(times, times[number] + ROUND)
    return sorted([*differences[max(1, low) : number], *differences[number + 1 : high]])


def _is_one_view(differs: float, others: Sequence[float], cut: int, pictures: Pictures) -> bool:
    """Whether what looks like a cut is a view that moves in jerks, or that a coder draws anew."""
    likeness = pictures.likeness(cut - 1, cut)
    if likeness > HELD and len(others) >= JERKS and differs < JERKY * others[-JERKS]:
        return True
    return likeness > ALIKE and pictures.changed(cut - 1, cut, by=RENEWED) < SOME


_Blank = tuple[int, int]  # first and last picture


def _blanks(times: Sequence[float], pictures: Pictures) -> Iterator[_Blank]:
    """Runs of pictures in which there is nothing to be seen."""
    first = None
    for number in range(len(times) + 1):
        blank = number < len(times) and pictures.blank(number)
        if first is not None and (not blank or pictures.difference(number - 1, number) >= LEAST):
            yield first, number - 1
            first = None
        if blank and first is None:
            first = number


def _hides(moments: Sequence[float], blank: _Blank, cut: Scene) -> bool:
    """Whether a cut is only the beginning of a short nothing, after which the scene begins."""
    first, last = blank
    begins = moments[max(0, first - 1)] < cut.time <= moments[first]
    return begins and last + 1 < len(moments) and moments[last + 1] - moments[first] < BLANK


def _fading(moments: Sequence[float], blank: _Blank, cut: Scene, pictures: Pictures) -> bool:
    """Whether it is no cut but the same view, becoming nothing or coming back from it."""
    first, last = blank
    if not moments[first] - FADING <= cut.time <= moments[last] + FADING:
        return False
    place = bisect.bisect_left(moments, cut.time - 1e-6)
    return pictures.likeness(place - 1, place) > DIMMED


def _fades(moments: Sequence[float], blanks: Sequence[_Blank], pictures: Pictures) -> list[Scene]:
    """A scene begins where the picture comes back."""
    found = []
    for first, last in blanks:
        if not first or last + 1 >= len(moments):
            continue
        before = _at(moments, moments[first] - GLIMPSE)
        after = _at(moments, moments[last] + GLIMPSE)
        seen = min(pictures.difference(before, last), pictures.difference(after, first))
        sudden = [pictures.difference(*edge) >= HARD * seen for edge in ((first - 1, first), (last, last + 1))]
        same = pictures.difference(before, after) < max(LEAST, SAME * seen)
        same = same and pictures.likeness(before, after) > LIKE
        if seen < LEAST or all(sudden) or (same and moments[last + 1] - moments[first] < FLASH):
            continue
        found.append(Scene(round(moments[last + 1], 3), round(seen, 1), "fade"))
    return found


def _at(times: Sequence[float], moment: float) -> int:
    """The picture nearest to a moment."""
    place = bisect.bisect_left(times, moment)
    near = [number for number in (place - 1, place) if 0 <= number < len(times)]
    return min(near, key=lambda number: abs(times[number] - moment))


def _dissolves(moments: Sequence[float], hard: Sequence[float], pictures: Pictures) -> list[Scene]:
    """Where pictures go over into others that are steady, in mixtures of both: what moves makes no mixtures."""
    found: list[tuple[float, float, float, float]] = []  # how poor it is, moment, half, score
    for number, moment in enumerate(moments):
        for half in HALVES[: 2 if number % 2 else None]:  # the longest need not be so fine
            if seen := _dissolving(moments, number, half, hard, pictures):
                found.append((seen[0], moment, half, seen[1]))
    kept: list[tuple[float, float, float]] = []
    for _, moment, half, score in sorted(found):
        if all(abs(moment - other) > 2 * max(half, wide) for other, wide, _ in kept):
            kept.append((moment, half, score))
    return [Scene(round(moment, 3), round(score, 1), "dissolve") for moment, _, score in kept]


def _dissolving(
    moments: Sequence[float], number: int, half: float, hard: Sequence[float], pictures: Pictures
) -> tuple[float, float] | None:
    """(how far off the middle and off mixtures, score) where the pictures `half` a window on each side go over into
    each other."""
    start, end = moments[number] - half, moments[number] + half
    if start - half < moments[0] or end + half > moments[-1]:
        return None
    first, last = _at(moments, start), _at(moments, end)
    across = pictures.difference(first, last)
    if last - first < 4 or across < FAINT or _between(hard, start - half, end + half):
        return None
    halfway = pictures.halfway(first, last, number) / (ROUGHLY * across)
    if halfway > LOOSER:  # these two spare most of the work
        return None
    if (halfway > 1 or across < ACROSS) and pictures.paling(first, range(number, number + 1), last, (0.5,)) < PALE / 2:
        return None
    if pictures.blank(first) or pictures.blank(last) or pictures.likeness(first, last) > ALIKE:
        return None
    before = range(_at(moments, start - half), first + 1)
    after = range(last, _at(moments, end + half) + 1)
    mixing = pictures.mixing(before, range(first + 1, last), after, steady=STEADY)
    if mixing is None or mixing.across < FAINT:
        return None
    if pictures.changed(first, last) < MUCH:
        return None
    if sum(0.15 <= share <= 0.85 for share in mixing.shares) < 2:
        return None
    if mixing.shares[0] > OUTSIDE or mixing.shares[-1] < 1 - OUTSIDE:  # what moves evenly has begun before
        return None
    if any(later < share - 0.2 for share, later in itertools.pairwise(mixing.shares)):
        return None
    beside = abs(mixing.shares[number - first - 1] - 0.5)
    if beside > MIDDLE:
        return None
    off = max(halfway, mixing.residue / (RESIDUE * mixing.across + RESTLESS * mixing.unrest))
    if off > LOOSER or (off > 1 and mixing.residue > MOSTLY * mixing.across):
        return None
    is_faint = min(across, mixing.across) < ACROSS
    if off > 1 or is_faint:
        pale = pictures.paling(first, range(first + 1, last), last, mixing.shares)
        if pale < (max(PALE, CLEAR + mixing.residue / mixing.across) if is_faint else PALE):
            return None
    return beside + mixing.residue / mixing.across, mixing.across


def _between(moments: Sequence[float], start: float, end: float) -> bool:
    """Whether one of the sorted moments lies there."""
    return bisect.bisect_left(moments, start) < bisect.bisect_right(moments, end)
