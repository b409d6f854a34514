"""Pictures that others have labelled, as two packages of Debian put them on a machine: photographs of gcompris-qt-data
(free licences, told for each file) and things cut out of photographs of tuxpaint-stamps-default (GPL-2).

A picture is called what its makers call it: GCompris by the name of its file, Tux Paint by the first line beside it. It
is taken where that, as a whole, is one of the words of a class of ImageNet.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from workers.providers.vision.labels import NAMES

GCOMPRIS = Path("/usr/share/gcompris-qt/rcc")
TUXPAINT = Path("/usr/share/tuxpaint/stamps")
_COLLECTIONS = ("categorization", "explore_farm_animals", "explore_world_animals")  # those that have photographs
# Drawn by hand, as all that is in a folder "cartoon"; and the class "mouse" is that of computers.
_OTHERS = ("bee", "fly", "hedgehog", "holiday_candle", "mouse", "sombrero", "stocking", "t_sock")
Labelled = list[tuple[Path, set[str]]]


def photographs(folder: Path) -> Labelled:
    """Each photograph of GCompris, written to `folder`, and the classes it is right for; none where it is not there."""
    classes, found = _classes(), []
    for name in _COLLECTIONS:
        for inside, data in _resources(GCOMPRIS / f"{name}.rcc"):
            words = re.sub(r"\d+$", "", Path(inside).stem).replace("_", " ")
            spelled = (re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words).lower(), words.lower())
            right = next((classes[told] for told in spelled if told in classes), None)
            if right and inside.endswith(".webp"):
                path = folder / f"{len(found):03}-{Path(inside).name}"
                path.write_bytes(data)
                found.append((path, right))
    return found


def cut_outs() -> Labelled:
    """The same of Tux Paint, where it put them."""
    classes, found = _classes(), []
    for told in sorted(TUXPAINT.rglob("*.txt")):
        path = told.with_suffix(".png")
        line = told.read_text("utf-8", errors="replace").partition("\n")[0]
        name = re.sub(r"^(an?|the) ", "", re.split(r"[.(!,]", line)[0].strip().lower())
        if name in classes and path.is_file() and "cartoon" not in path.parts and path.stem not in _OTHERS:
            found.append((path, classes[name]))
    return found


def _classes() -> dict[str, set[str]]:
    """For each word the labels of the classes that it stands for."""
    found: dict[str, set[str]] = {}
    for line in NAMES.read_text("utf-8").splitlines():
        words = [word.strip() for word in line.split(",")]
        for word in words if not line.startswith("#") else ():
            found.setdefault(word.lower(), set()).add(words[0])
    return found


def _resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files in one of Qt's binary resources, but for compressed ones: name and content.

    Source: qtbase, src/corelib/io/qresource.cpp.
    """
    if not path.is_file():
        return
    whole = path.read_bytes()
    version, tree, data, names = struct.unpack_from(">4I", whole, 4)
    size = 14 if version < 2 else 22

    def listed(number: int) -> Iterator[tuple[str, bytes]]:
        name, flags, first, second = struct.unpack_from(">IHII", whole, tree + number * size)
        if flags & 2:  # a folder: how many there are in it, and the first of them
            for child in range(second, second + first):
                yield from listed(child)
        elif not flags & 5:
            (letters,) = struct.unpack_from(">H", whole, names + name)
            (length,) = struct.unpack_from(">I", whole, data + second)
            start = data + second + 4
            told = whole[names + name + 6 : names + name + 6 + 2 * letters].decode("utf-16-be")
            yield told, whole[start : start + length]

    yield from listed(0)
