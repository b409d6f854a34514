"""Text in pictures: PP-OCR, as the package rapidocr carries it. Runs only in the process that holds models."""

from pathlib import Path
from typing import Any

from PIL import Image

from workers.providers.vision.columns import in_columns
from workers.providers.vision.sessions import Runtime, open_session

LEAST = 0.5  # how sure a line must be
LONGEST = 3  # times as long as it is wide: PP-OCR enlarges a picture until its shorter side has 736 pixels
LEAST_ALONE = 0.95  # and one of a single character: corners and buttons are taken for letters


# The files of its three networks, by their parts of the package's settings.
_NETWORKS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}


class Reader:
    """The lines of a picture, in the order of reading."""

    def __init__(self, models: str, runtime: Runtime) -> None:
        from omegaconf import flag_override
        from rapidocr import RapidOCR

        self._read = RapidOCR(params={"Global.log_level": "critical", "Global.text_score": LEAST})
        for part, name in _NETWORKS.items():
            settings = self._read.cfg[part]
            with flag_override(settings, "allow_objects", True):
                # Ours, as those of all other models: it would open them in its own way, on a GPU or not.
                settings.session = open_session(str(Path(models) / name), runtime)

    def __call__(self, picture: Image.Image) -> list[dict[str, Any]]:
        import numpy as np

        whole = picture.size
        picture = _within_shape(picture)
        answer = self._read(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
        if getattr(answer, "boxes", None) is None or not len(answer.boxes):
            return []
        lines = [
            _told(corners, text, float(score), whole)
            for corners, text, score in zip(answer.boxes, answer.txts, answer.scores, strict=True)
            if score >= (LEAST_ALONE if len(text.strip()) == 1 else LEAST)
        ]
        return [dict(line) for line in in_columns(lines, whole[0] / whole[1])]


def _within_shape(picture: Image.Image) -> Image.Image:
    """A ribbon put on white, to the right or below of which there is nothing."""
    least = -(-max(picture.size) // LONGEST)
    size = (max(picture.width, least), max(picture.height, least))
    if size == picture.size:
        return picture
    wider = Image.new("RGB", size, "white")
    wider.paste(picture)
    return wider


def _told(corners: Any, text: str, score: float, size: tuple[int, int]) -> dict[str, Any]:
    """The upright box around four corners."""
    across = [min(1.0, max(0.0, float(x) / size[0])) for x, _ in corners]
    down = [min(1.0, max(0.0, float(y) / size[1])) for _, y in corners]
    place = {"x": min(across), "y": min(down), "width": max(across) - min(across), "height": max(down) - min(down)}
    return place | {"confidence": min(1.0, score), "text": text}
