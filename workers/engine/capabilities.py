"""Which ffmpeg runs here, and what it can do."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workers.engine.errors import EngineUnavailable

QUESTION_TIMEOUT = 30.0  # seconds
# What the kinds use of a full build; one that lacks some serves whatever does without them.
WANTED = (
    *("libx264", "libx265", "libvpx-vp9", "libsvtav1"),
    *("aac", "libmp3lame", "libopus", "libvorbis", "flac", "alac", "pcm_s16le"),
    *("scale", "zscale", "tonemap", "bwdif"),
)
_ROW = re.compile(r"^ [A-Z.|]{2,6} +([A-Za-z0-9_-]+) ")


@dataclass(frozen=True)
class Capabilities:
    """One ffmpeg binary: what its own lists say."""

    path: str
    version: str
    encoders: frozenset[str]
    decoders: frozenset[str]
    filters: frozenset[str]

    def missing(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        """The encoders, decoders and filters of `needs` that this build does not have."""
        return tuple(name for name in needs if name not in self.encoders | self.decoders | self.filters)


def ffmpeg_path() -> str:
    """The binary to run: FFMPEG, else the imageio-ffmpeg wheel's, else PATH's. Raises EngineUnavailable."""
    chosen = os.environ.get("FFMPEG", "").strip()
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise EngineUnavailable(f"FFMPEG names {chosen!r}, which is no program.")
        return os.path.abspath(found)
    found = _wheel() or shutil.which("ffmpeg")
    if found is None:
        raise EngineUnavailable("No ffmpeg found: set FFMPEG, or install imageio-ffmpeg or a system ffmpeg.")
    return found


@lru_cache(maxsize=1)
def _wheel() -> str | None:
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        return None
    try:
        return os.path.abspath(get_ffmpeg_exe())
    except RuntimeError:  # a wheel without a binary for this platform
        return None


def capabilities() -> Capabilities:
    """What the ffmpeg of this host can do; asked once for each binary. Raises EngineUnavailable."""
    path = ffmpeg_path()
    try:
        stamp = Path(path).stat().st_mtime_ns
    except OSError as exc:
        raise EngineUnavailable("The ffmpeg program is gone.", log=str(exc)) from exc
    return _ask(path, stamp)


@lru_cache(maxsize=4)
def _ask(path: str, stamp: int) -> Capabilities:
    version = _listing(path, "-version").split("\n", 1)[0].removeprefix("ffmpeg version ").split(" ", 1)[0]
    names = {what: frozenset(_names(_listing(path, what))) for what in ("-encoders", "-decoders", "-filters")}
    return Capabilities(path, version, names["-encoders"], names["-decoders"], names["-filters"])


def _names(listing: str) -> list[str]:
    return [found[1] for line in listing.splitlines() if (found := _ROW.match(line))]


def _listing(path: str, what: str) -> str:
    try:
        done = subprocess.run(
            [path, "-hide_banner", what],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=QUESTION_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise EngineUnavailable("ffmpeg does not run on this host.", log=str(exc)) from exc
    return done.stdout
