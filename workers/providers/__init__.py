"""Models: what is asked of them (base), and those that run on this machine. Each is asked through a small protocol, so
that another implementation, one behind HTTP among them, can take its place."""

from workers.providers.base import (
    Answer,
    Box,
    Label,
    Language,
    Model,
    Providers,
    Seen,
    Segment,
    Speech,
    Transcript,
    Vision,
    Word,
)

__all__ = [
    "Answer",
    "Box",
    "Label",
    "Language",
    "Model",
    "Providers",
    "Seen",
    "Segment",
    "Speech",
    "Transcript",
    "Vision",
    "Word",
]
