"""Few of the frames of a video that stand for all of it. Runs in the media helper; embeddings are plain data.

By what a model makes of each frame (workers.providers.base.Seen.embedding) frames of one view, however often it comes
back, are told from those of others; without a model, by how new each one's scene is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workers.documents import read_document, write_document
from workers.seen.blank import is_blank, small
from workers.seen.frame_choice import Candidate, chosen


def choose_views(cwd: Path, operations: dict[str, Any]) -> None:
    """Leave `most` of the frames that `frames` lists, by what `seen` tells of them, and remove the others. Blank ones
    go first, unless there are no others."""
    listed, seen = read_document(cwd / operations["frames"]), read_document(cwd / operations["seen"])["frames"]
    frames, most = listed["frames"], operations["most"]
    if len(frames) <= 1:
        return
    places = range(len(frames))
    shown = [place for place in places if not is_blank(small(cwd / frames[place]["file"]))] or list(places)
    embeddings = [seen[place]["seen"]["embedding"] for place in shown] if seen else [[]]
    if all(embeddings):
        kept = {shown[place] for place in _standing_for_all(embeddings, most)}
    else:
        told = [Candidate(frames[place]["file"], frames[place]["time"], frames[place]["new"]) for place in shown]
        files = {candidate.file for candidate in chosen(told, most, listed["duration"])}
        kept = {place for place in shown if frames[place]["file"] in files}
    for place, frame in enumerate(frames):
        if place not in kept:
            (cwd / frame["file"]).unlink()
    left = [frame for place, frame in enumerate(frames) if place in kept]
    (cwd / operations["frames"]).unlink()
    write_document(cwd / operations["frames"], listed | {"frames": left})


def _standing_for_all(embeddings: Sequence[Sequence[float]], most: int) -> list[int]:
    """The numbers of `most` of them, each the one that brings all the furthest nearer to those that are chosen: the
    greedy solution of facility location (Nemhauser, Wolsey and Fisher, 1978), on the cosines of the angles."""
    alike = [[sum(a * b for a, b in zip(one, other, strict=True)) for other in embeddings] for one in embeddings]
    near = [0.0] * len(embeddings)  # how near each is to what is chosen
    kept: list[int] = []
    while len(kept) < min(most, len(embeddings)):
        gains = [sum(max(0.0, cosine - now) for cosine, now in zip(row, near, strict=True)) for row in alike]
        best = max(
            (place for place in range(len(gains)) if place not in kept), key=lambda place: (gains[place], -place)
        )
        kept.append(best)
        near = [max(now, cosine) for now, cosine in zip(near, alike[best], strict=True)]
    return kept
