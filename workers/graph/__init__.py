"""Pieces of ffmpeg graphs that kinds put together. Pure: ffmpeg-python nodes in, nodes and arguments out."""

from workers.graph.cells import even_frames, first_frame, frames_name, kept_frames
from workers.graph.deep import RAW, SDR, sdr_steps
from workers.graph.ending import READABLE, readable_steps
from workers.graph.layers import layer_steps, overlaid, overlay_needs
from workers.graph.output import chapter_comments, dropped, metadata_args, output_args, thread_settings
from workers.graph.picture import SHARP, colors, picture, picture_needs, picture_notes
from workers.graph.sound import Sound, prepared, track
from workers.graph.source import source_input, usable_video
from workers.graph.stills import grab, still_args, still_name, still_type
from workers.graph.times import (
    EPSILON,
    LOOK_BACK,
    Cut,
    Span,
    cut,
    ended,
    length_unsure,
    output_length,
    reads,
    seconds,
    span,
    ticking,
    uneven,
)

__all__ = [
    "EPSILON",
    "LOOK_BACK",
    "RAW",
    "READABLE",
    "SDR",
    "SHARP",
    "Cut",
    "Sound",
    "Span",
    "chapter_comments",
    "colors",
    "cut",
    "dropped",
    "ended",
    "even_frames",
    "first_frame",
    "frames_name",
    "grab",
    "kept_frames",
    "layer_steps",
    "length_unsure",
    "metadata_args",
    "output_args",
    "output_length",
    "overlaid",
    "overlay_needs",
    "picture",
    "picture_needs",
    "picture_notes",
    "prepared",
    "readable_steps",
    "reads",
    "sdr_steps",
    "seconds",
    "source_input",
    "span",
    "still_args",
    "still_name",
    "still_type",
    "thread_settings",
    "ticking",
    "track",
    "uneven",
    "usable_video",
]
