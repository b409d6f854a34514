"""How unsafe for work a picture is. Runs only in the process that holds models.

`sexual` is Yahoo's open_nsfw (2016, a network for pornography against everything else). `nudity` is NudeNet's: the
surest of the naked parts that it finds. Neither can judge violence or gore.
"""

import io
from typing import Any

from PIL import Image

from workers.providers.vision.overlaps import strongest
from workers.providers.vision.sessions import Runtime, open_session

_MEANS = (104, 117, 123)  # of blue, green, red
_SCALED, _EDGE = 256, 224

# NudeNet's classes, and those that are nakedness: a man's chest, bellies, feet and armpits are not.
_PARTS = ("FEMALE_GENITALIA_COVERED", "FACE_FEMALE", "BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED",
          "FEMALE_GENITALIA_EXPOSED", "MALE_BREAST_EXPOSED", "ANUS_EXPOSED", "FEET_EXPOSED", "BELLY_COVERED",
          "FEET_COVERED", "ARMPITS_COVERED", "ARMPITS_EXPOSED", "FACE_MALE", "BELLY_EXPOSED", "MALE_GENITALIA_EXPOSED",
          "ANUS_COVERED", "FEMALE_BREAST_COVERED", "BUTTOCKS_COVERED")  # fmt: skip
NAKED = ("BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED", "FEMALE_GENITALIA_EXPOSED", "ANUS_EXPOSED",
         "MALE_GENITALIA_EXPOSED")  # fmt: skip
_INPUT = 320
_LEAST, _OVERLAP = 0.25, 0.45  # NudeNet's own: weaker parts are not told


class Sexual:
    """open_nsfw's score. Prepared as for training: 256 pixels square, saved as a JPEG once, the middle 224 of it."""

    def __init__(self, model: str, runtime: Runtime) -> None:
        self._session = open_session(model, runtime)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, picture: Image.Image) -> float:
        import numpy as np

        small = picture.resize((_SCALED, _SCALED), Image.Resampling.BILINEAR)
        edge = (_SCALED - _EDGE) // 2
        small = small.crop((edge, edge, edge + _EDGE, edge + _EDGE))
        saved = io.BytesIO()
        small.save(saved, "JPEG")
        pixels = np.asarray(Image.open(saved), np.float32)[:, :, ::-1] - np.array(_MEANS, np.float32)
        (scores,) = self._session.run(None, {self._input: np.ascontiguousarray(pixels[None])})
        return float(scores[0][1])


class Nudity:
    """NudeNet's parts of bodies."""

    def __init__(self, model: str, runtime: Runtime) -> None:
        self._session = open_session(model, runtime)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, picture: Image.Image) -> float:
        """The surest naked part, 0 where there is none."""
        return max((score for part, score in self.parts(picture) if part in NAKED), default=0.0)

    def parts(self, picture: Image.Image) -> list[tuple[str, float]]:
        """Every part found, with how sure it is."""
        import numpy as np

        (found,) = self._session.run(None, {self._input: _padded(picture)})
        rows = found[0].T
        scores, kinds = rows[:, 4:].max(axis=1), rows[:, 4:].argmax(axis=1)
        sure = scores >= _LEAST
        rows, scores, kinds = rows[sure], scores[sure], kinds[sure]
        half = rows[:, 2:4] / 2
        boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
        return [(_PARTS[kinds[number]], float(scores[number])) for number in strongest(boxes, scores, _OVERLAP)]


def _padded(picture: Image.Image) -> Any:
    """Made square with black to the right and below, at the size and in the order that the network is used with."""
    import cv2
    import numpy as np

    edge = max(picture.size)
    square = Image.new("RGB", (edge, edge))
    square.paste(picture)
    # NudeNet's own sampling, whose scores depend on it.
    small = cv2.resize(np.asarray(square), (_INPUT, _INPUT), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(small[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255.0
