"""The files of the folder that ITTYHOST_CORPUS names, and what its MEDIA.tsv knows of them."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

Size = tuple[int, int]
# Damaged, or made to do harm: what can be made of them need not be right.
_BROKEN = ("corrupt", "truncated", "bomb")


@dataclass(frozen=True)
class RealFile:
    """One row. Sizes in pixels; `rotation` degrees counter-clockwise, `orientation` EXIF's."""

    path: Path
    purpose: str
    shown: Size | None
    stored: Size | None
    rotation: int
    orientation: int
    duration: float | None
    video: str  # codec and pixels
    colors: str  # primaries/transfer/matrix[/range]
    audio: str
    alpha: bool
    other: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def broken(self) -> bool:
        return self.name.startswith(_BROKEN) or any(word in self.name for word in _BROKEN)

    @property
    def media_type(self) -> str:
        if self.duration is None:
            return "image"
        return "video" if self.shown else "audio"

    @property
    def frames(self) -> int:
        """Of an animated picture; else 1."""
        words = self.other.split()
        return int(words[words.index("frames") + 1]) if "frames" in words else 1

    @property
    def interlaced(self) -> bool:
        return "interlaced" in self.other

    @property
    def transfer(self) -> str:
        return (self.colors.split("/") + ["", ""])[1]

    @property
    def matrix(self) -> str:
        """As the file says, else as players guess: BT.601 below 720 lines, BT.709 from there on."""
        told = (self.colors.split("/") + ["", "", ""])[2]
        if told not in ("", "unknown", "-"):
            return told
        width, height = self.stored or (0, 0)
        return "bt709" if height >= 720 or width >= 1280 else "smpte170m"

    @property
    def channels(self) -> int:
        """Of the first sound; 0 without one."""
        words = self.audio.split(",")[0].split()
        return next((int(word[:-2]) for word in words if word.endswith("ch")), 0)


def real_files() -> list[RealFile]:
    """Every file of the folder; none where the variable names no folder with a MEDIA.tsv."""
    folder = Path(os.environ.get("ITTYHOST_CORPUS") or "/nonexistent")
    if not (folder / "MEDIA.tsv").is_file():
        return []
    with (folder / "MEDIA.tsv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if not row["file"].startswith("#")]
    return [_file(folder, row) for row in rows]


def _file(folder: Path, row: dict[str, str]) -> RealFile:
    turned = row["rotation or EXIF orientation"].split()
    return RealFile(
        path=folder / row["file"],
        purpose=row["what it is for"],
        shown=_size(row["shown WxH"]),
        stored=_size(row["stored WxH"]),
        rotation=int(turned[1]) if turned[0] == "rotation" else 0,
        orientation=int(turned[1]) if turned[0] == "orientation" else 1,
        duration=float(row["duration s"]) if row["duration s"] not in ("-", "") else None,
        video=row["video codec, pixels"],
        colors=row["colour primaries/transfer/matrix"],
        audio=row["audio codec channels rate"],
        alpha=row["alpha"] == "yes",
        other=row["other"],
    )


def _size(text: str) -> Size | None:
    if "x" not in text:
        return None
    width, _, height = text.partition("x")
    return int(width), int(height)
