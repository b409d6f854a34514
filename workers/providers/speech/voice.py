"""Where somebody speaks, from how likely that is at each moment; and which parts of a sound a model is asked about.
Pure.

The detector's frames are 32 ms. Times are seconds from the start of the sound.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

RATE = 16_000  # Hz, of every sound here
FRAME = 512  # samples
STEP = FRAME / RATE
SURE, UNSURE = 128, 90  # of 255: speech begins above the one and ends below the other
SHORTEST = 0.16  # seconds; shorter ones are clicks and coughs
PAUSE = 0.32  # seconds; a shorter one lies inside a word
MARGIN = 0.3  # seconds before and after that still count as speech; consonants are quiet
LEAD = 0.8  # seconds that the model hears before and after, as far as there is a pause: quiet words begin unnoticed
GAP = 0.4  # seconds of silence between two leads that one clip may span; what is longer the model never hears
CLIP = 29.8  # seconds; what models take in at once is half a minute
LITTLE = 10.0  # seconds at a window's end that are too little to understand by themselves
WINDOW = 120.0  # seconds of speech of one request
OVERLAP = 8.0  # seconds that two windows share where there is no pause between them


@dataclass(frozen=True)
class Span:
    """From `start` to `end`."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Window:
    """What is asked of the model at once: `clips` lie within it, in order. It begins before the last one ends where
    nobody paused in between."""

    clips: tuple[Span, ...]

    @property
    def start(self) -> float:
        return self.clips[0].start

    @property
    def end(self) -> float:
        return self.clips[-1].end

    @property
    def length(self) -> float:
        """Seconds that the model hears."""
        return sum(clip.length for clip in self.clips)

    def since(self, moment: float) -> tuple[Span, ...]:
        """What of the clips comes after a moment."""
        return tuple(Span(max(moment, clip.start), clip.end) for clip in self.clips if clip.end > moment)


def speech_spans(likely: bytes, duration: float) -> list[Span]:
    """Where somebody speaks: `likely` has a number of 0 to 255 for each frame."""
    spans: list[Span] = []
    begun: int | None = None
    quiet: int | None = None  # since when it may be over
    patience = round(PAUSE / STEP)
    for place, value in enumerate((*likely, *[0] * (patience + 1))):
        if value >= SURE:
            begun = place if begun is None else begun
            quiet = None
        elif begun is not None and value < UNSURE:
            quiet = place if quiet is None else quiet
            if place - quiet >= patience:
                spans.append(Span(begun * STEP, min(quiet * STEP, duration)))
                begun = quiet = None
        elif begun is not None:
            quiet = None
    return [span for span in spans if span.length >= SHORTEST]


def widened(spans: Iterable[Span], duration: float, by: float = MARGIN) -> list[Span]:
    """The same with a margin on both sides; those that then touch become one."""
    found: list[Span] = []
    for span in spans:
        wide = Span(max(0.0, span.start - by), min(duration, span.end + by))
        if found and wide.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, wide.end))
        else:
            found.append(wide)
    return found


def led(spans: Sequence[Span], duration: float) -> list[Span]:
    """The same with a lead before and after each, up to the middle of the pause between two."""
    edges = [(0.0, spans[0].start), *((first.end, second.start) for first, second in pairwise(spans))] if spans else []
    starts = [max(after - LEAD, (before + after) / 2 if place else 0.0) for place, (before, after) in enumerate(edges)]
    ends = [min(before + LEAD, (before + after) / 2) for before, after in edges[1:]]
    ends += [min(duration, span.end + LEAD) for span in spans[-1:]]
    return [Span(max(0.0, start), end) for start, end in zip(starts, ends, strict=True)]


def windows(spans: Sequence[Span], duration: float, likely: bytes = b"") -> list[Window]:
    """What to ask the model about: clips that begin and end in pauses, in windows of up to WINDOW seconds of them.
    Speech without a pause for longer than that is cut where it is quietest, with an OVERLAP.

    The model hears a window's clips as one sound, and goes on where its last whole sentence ended: cut beforehand into
    pieces of half a minute, their ends would be heard by themselves, and half understood.
    """
    found: list[Window] = []
    clips: list[Span] = []
    for span in led(spans, duration):
        pieces = _pieces(span, likely)
        for piece in pieces:
            if clips and (len(pieces) > 1 or Window(tuple(clips)).length + piece.length > WINDOW):
                found.append(Window(tuple(clips)))
                clips = []
            if clips and piece.start - clips[-1].end <= GAP:
                clips[-1] = Span(clips[-1].start, piece.end)
            else:
                clips.append(piece)
    return [*found, Window(tuple(clips))] if clips else found


def _pieces(span: Span, likely: bytes) -> list[Span]:
    pieces, rest = [], span
    while rest.length > WINDOW:
        first, last = (round((rest.start + WINDOW * share) / STEP) for share in (0.6, 0.9))
        quietest = min(range(first, last), key=lambda place: likely[place] if place < len(likely) else 255)
        cut = quietest * STEP
        pieces.append(Span(rest.start, cut + OVERLAP / 2))
        rest = Span(cut - OVERLAP / 2, span.end)
    return [*pieces, rest]


def samples_of_language(found: Sequence[Window], most: int = 8) -> list[Span]:
    """Clips to tell the language by: up to `most`, spread over the whole, and more of them in a longer one."""
    clips = [piece for window in found for clip in window.clips for piece in _taken_in(clip)]
    spread = clips[-1].end - clips[0].start if clips else 0.0
    count = min(len(clips), most, 3 + int(spread / 300))
    edges = [round(number * len(clips) / count) for number in range(count + 1)] if count else []
    return [max(clips[first:last], key=lambda clip: clip.length) for first, last in pairwise(edges)]


def _taken_in(clip: Span) -> list[Span]:
    """A clip in pieces that the model takes in at once."""
    count = max(1, math.ceil(clip.length / CLIP))
    places = [clip.start + clip.length * number / count for number in range(count)]
    return [Span(first, last) for first, last in pairwise((*places, clip.end))]
