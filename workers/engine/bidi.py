"""The order in which text that runs in both directions is shown. Pure.

Source: the Unicode Bidirectional Algorithm (UAX #9) without explicit embeddings, overrides and isolates, whose
characters callers leave out, and without paired brackets (N0).
"""

import unicodedata
from collections.abc import Sequence

_STRONG = {"L": "L", "R": "R", "AL": "R"}
_NUMBERS = frozenset({"EN", "AN"})
_NEUTRAL = frozenset({"B", "S", "WS", "ON"})


def base_level(text: str) -> int:
    """0 for a paragraph that runs left to right, 1 for one that runs right to left: its first strong character says."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in _STRONG:
            return 0 if kind == "L" else 1
    return 0


def levels(text: str, base: int) -> list[int]:
    """The embedding level of each character of a paragraph: even runs left to right, odd right to left."""
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    edge = "R" if base % 2 else "L"
    _weak(kinds, edge)
    _neutral(kinds, edge)
    return [_level(kind, base) for kind in kinds]


def _weak(kinds: list[str], edge: str) -> None:
    before, strong = edge, edge
    for place, kind in enumerate(kinds):  # W1 to W3
        if kind in ("NSM", "BN"):
            kind = before
        elif kind == "EN" and strong == "AL":
            kind = "AN"
        if kind in _STRONG:
            strong = kind
        before = kinds[place] = kind
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for place in range(1, len(kinds) - 1):  # W4
        left, kind, right = kinds[place - 1 : place + 2]
        if (kind == "ES" and left == right == "EN") or (kind == "CS" and left == right and left in _NUMBERS):
            kinds[place] = left
    place = 0
    while place < len(kinds):  # W5, W6
        end = place
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        if end > place:
            beside = kinds[place - 1 : place] + kinds[end : end + 1]
            kinds[place:end] = ["EN" if "EN" in beside else "ON"] * (end - place)
        place = max(end, place + 1)
    strong = edge
    for place, kind in enumerate(kinds):  # W6, W7
        if kind in ("ES", "CS"):
            kinds[place] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[place] = "L"


def _neutral(kinds: list[str], edge: str) -> None:
    place = 0
    while place < len(kinds):  # N1, N2
        end = place
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        if end > place:
            left = _side(kinds[place - 1]) if place else edge
            right = _side(kinds[end]) if end < len(kinds) else edge
            kinds[place:end] = [left if left == right else edge] * (end - place)
        place = max(end, place + 1)


def _side(kind: str) -> str:
    return "R" if kind in _NUMBERS else kind


def _level(kind: str, base: int) -> int:
    if base % 2:
        return base if kind == "R" else base + 1
    return {"R": base + 1, "EN": base + 2, "AN": base + 2}.get(kind, base)


def visual_order(of: Sequence[int]) -> list[int]:
    """The places of a line's parts, by their levels, from left to right (L2)."""
    order = list(range(len(of)))
    for level in range(max(of, default=0), 0, -1):
        place = 0
        while place < len(order):
            end = place
            while end < len(order) and of[order[end]] >= level:
                end += 1
            order[place:end] = reversed(order[place:end])
            place = max(end, place + 1)
    return order
