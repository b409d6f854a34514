"""Text in pictures: PP-OCR, as the package rapidocr carries it. Runs only in the process that holds models."""

from typing import Any

from PIL import Image

from workers.providers.vision.sessions import Runtime

LEAST = 0.5  # how sure a line must be
LONGEST = 3  # times as long as it is wide: PP-OCR enlarges a picture until its shorter side has 736 pixels
LEAST_ALONE = 0.95  # and one of a single character: corners and buttons are taken for letters


class Reader:
    """The lines of a picture, in the order of reading."""

    def __init__(self, _package: str, runtime: Runtime) -> None:
        from rapidocr import RapidOCR

        engine = "EngineConfig.onnxruntime"
        self._read = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": LEAST,
                f"{engine}.intra_op_num_threads": runtime.threads or -1,
                f"{engine}.inter_op_num_threads": 1,
                f"{engine}.use_cuda": runtime.providers()[0] == "CUDAExecutionProvider",
            }
        )

    def __call__(self, picture: Image.Image) -> list[dict[str, Any]]:
        import numpy as np

        whole = picture.size
        picture = _within_shape(picture)
        answer = self._read(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
        if getattr(answer, "boxes", None) is None or not len(answer.boxes):
            return []
        return [
            _told(corners, text, float(score), whole)
            for corners, text, score in zip(answer.boxes, answer.txts, answer.scores, strict=True)
            if score >= (LEAST_ALONE if len(text.strip()) == 1 else LEAST)
        ]


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
