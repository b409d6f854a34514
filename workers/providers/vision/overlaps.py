"""Boxes that overlap. Runs only in the process that holds models; boxes are arrays of left, top, right, bottom."""

from typing import Any


def overlap(box: Any, others: Any, *, of_smaller: bool = False) -> Any:
    """How much of a box and of each other one is common: as a share of what both cover, or of the smaller one."""
    import numpy as np

    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    common = np.maximum(width, 0) * np.maximum(height, 0)
    own, theirs = area(box[None])[0], area(others)
    whole = np.minimum(own, theirs) if of_smaller else own + theirs - common
    return common / np.maximum(whole, 1e-9)


def area(boxes: Any) -> Any:
    import numpy as np

    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


def strongest(boxes: Any, scores: Any, most: float, *, of_smaller: bool = False) -> list[int]:
    """The numbers of the boxes that are left, strongest first, when each takes away weaker ones that overlap it more
    than `most` (non-maximum suppression)."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        first, order = int(order[0]), order[1:]
        kept.append(first)
        order = order[overlap(boxes[first], boxes[order], of_smaller=of_smaller) <= most]
    return kept
