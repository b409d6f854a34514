"""Photos of known things, out of the package scikit-image, which nothing else here needs: in .venv/photos."""

import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".venv" / "photos" / "skimage" / "data"
# What each shows, of the classes of ImageNet; the public domain or CC0, as the package's README says.
SHOWN = {
    "chelsea.png": ("tabby", "tiger cat", "Egyptian cat"),
    "coffee.png": ("espresso",),
    "rocket.jpg": ("missile", "projectile", "space shuttle"),
    "motorcycle_left.png": ("moped", "motor scooter"),
    "motorcycle_right.png": ("moped", "motor scooter"),
    "camera.png": ("tripod",),
}
FACE = ("astronaut.png", (0.36, 0.12, 0.17, 0.21))  # left, top, width, height of the one face, as shares


def photos(folder: Path) -> dict[str, Path]:
    """Every photo by its name, copied to `folder`. Raises FileNotFoundError where they are not installed."""
    names = (*SHOWN, FACE[0])
    if not all((FOLDER / name).is_file() for name in names):
        raise FileNotFoundError("There are no photos here: `make services` installs them.")
    return {name: Path(shutil.copy(FOLDER / name, folder / name)) for name in names}
