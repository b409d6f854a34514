"""Frames that stand for a picture or a video, as files that models can look at. Pure: steps of a plan.

A still is one frame, upright. Of what moves, frames are taken where the scene changes and at least every so many
seconds, and those that look alike are taken once. FRAMES then lists them, in order of time:
{"frames": [{"file": "frame-00001.jpg", "time": 0.0, "new": 0.0}, …], "begin": 0.0, "duration": 12.5}, times in
seconds, each frame standing for the picture until the next one, the first from `begin` on, `new` how much it differs
from the one before it (0 to 1); `duration` is None for a still, and where it is not known.

A frame that shows nothing, as of a fade, is looked at only where the time until the next has no other.

workers.sections.scenes is not used here, though it tells scenes better: it has to decode everything before it knows the
first, and the frames would be decoded after that a second time. What is wanted here is one frame of each view, and a
look-alike costs one more look by a model; `scene` scores, as frames come by, do that in a single pass, which for long
films decodes key frames only.
"""

import math
from dataclasses import replace
from typing import Any

from workers import films, graph
from workers.encoders.image import FULL_COLOR
from workers.engine.errors import LimitExceeded, SourceUnsupported
from workers.engine.probe import Probe, VideoStream
from workers.formats import UNTIMED
from workers.framing import Framing, framing
from workers.plans import FfmpegStep, HelperStep, PictureStep, Source, Step, Variant
from workers.seen import CANDIDATES, FRAMES, SCORES

__all__ = ["FRAMES", "sampled", "sampling_notes"]

EVERY = 2.0  # seconds between two frames at most, where there are frames enough for that
CUT = 0.1  # of ffmpeg's scene score (0 to 1): cuts of edited films are above, what moves in one shot is below
MORE = 4  # candidates for each frame that is chosen
SPARE = 4  # and as many in the time until the next, for where the first shows nothing
# Pixels that are decoded to find the cuts: ten minutes of 1080p at 30 frames per second. Of more only key frames are.
MOST_DECODED = 600 * 30 * 1920 * 1080
FEW = 0.5  # of the key frames that there should be: with fewer, everything is decoded after all
WHITE = (255, 255, 255, 255)  # under transparent pictures: what is drawn without a background is mostly dark
_FLAGS = "lanczos+accurate_rnd+full_chroma_int"  # a softer one costs small print in pale colours its letters


def sampled(source: Source, *, most: int, size: int, every: float = EVERY) -> tuple[Step, ...]:
    """Steps that write `most` frames or fewer, JPEGs of `size` pixels at most on the longest edge, and FRAMES.

    Of a video there is one at least `every` so many seconds, further apart where that would be more than `most`.
    Raises SourceUnsupported, LimitExceeded.
    """
    if source.probe.image is None:
        return _of_video(source, most, size, every)
    if source.probe.displayed is None:
        raise SourceUnsupported("The size of the picture is not known.")
    if reason := source.limits.too_large("picture", *source.probe.displayed):
        raise LimitExceeded(reason)
    if source.probe.image.animated and not source.probe.image.hdr and source.probe.duration:
        return _of_animation(source, most, size, every)
    return _of_still(source, size)


def sampling_notes(probe: Probe) -> tuple[str, ...]:
    """What is not looked at, in words."""
    if probe.image is not None:
        first = probe.image.animated and (probe.image.hdr or not probe.duration)
        return (f"Only the first of {probe.image.frames} frames was looked at.",) if first else ()
    video = probe.video
    others = len(probe.videos) - 1
    if video is None or others < 1:
        return ()
    return (f"{others} more video stream{'s were' if others > 1 else ' was'} not looked at.",)


def _of_still(source: Source, size: int) -> tuple[Step, ...]:
    probe = source.probe
    shown, image = probe.displayed, probe.image
    assert shown is not None
    assert image is not None
    whole = _within(shown, size)
    variant = _variant(whole, "frame-00001.jpg")
    listed = HelperStep("sample_still", {"target": FRAMES, "file": variant.target}, weight=0.05)
    if not image.hdr:
        return (PictureStep(source.path, (variant,), weight=0.5), listed)
    return (
        *graph.sdr_steps(source.path, image, shown, whole, weight=0.3),
        PictureStep(graph.SDR, (variant,), type=graph.still_type(graph.SDR), orient=False, weight=0.1),
        replace(listed, operations={**listed.operations, "remove": [graph.RAW, graph.SDR]}),
    )


def _of_animation(source: Source, most: int, size: int, every: float) -> tuple[Step, ...]:
    probe = source.probe
    image, shown, length = probe.image, probe.displayed, probe.duration
    assert image is not None
    assert shown is not None
    assert length is not None
    films.check_budget(image.frames, (image.coded_width, image.coded_height), films.MOST_READ, made=False)
    gap = max(min(every, length), length / most) / MORE
    operations = {
        "source": source.path,
        "most": most,
        "duration": length,
        "rate": 1 / max(gap, 0.001),
        "variant": _variant(_within(shown, size), "candidate-*.jpg").to_json(),
        "target": FRAMES,
    }
    return (HelperStep("sample_animation", operations, weight=0.5),)


def _of_video(source: Source, most: int, size: int, every: float) -> tuple[Step, ...]:
    video, probe = graph.usable_video(source, "Frames"), source.probe
    whole = _within((video.width, video.height), size)
    pixels = (probe.duration or math.inf) * (video.frame_rate or 30.0) * video.coded_width * video.coded_height
    due = {"every": every, "cut": CUT, "more": MORE}
    choose = {"most": most, "duration": probe.duration, "scores": SCORES, "target": FRAMES, **due}
    if pixels <= MOST_DECODED or (probe.demuxer or "").split(",")[0] in UNTIMED:
        return (_candidates(source, video, whole, most, every), HelperStep("sample_video", choose))
    expected = math.ceil(FEW * min(most, (probe.duration or most * every) / every))
    look = HelperStep("sample_few", {"scores": SCORES, "least": expected}, weight=0.0, measures="sampled")
    return (
        _candidates(source, video, whole, most, every, key_frames=True),
        look,
        replace(_candidates(source, video, whole, most, every), when="sampled.few", weight=0.0),
        HelperStep("sample_video", choose),
    )


def _candidates(
    source: Source, video: VideoStream, whole: Framing, most: int, every: float, *, key_frames: bool = False
) -> FfmpegStep:
    """More frames than are wanted, as they come by: those that are due, which are each scene's first and some at even
    steps; and spare ones after each, as it may be a black one."""
    probe = source.probe
    stream = graph.source_input(probe, source.path, None, alpha=video, key_frames=key_frames)[str(video.index)]
    if probe.duration:
        step, least = f"{max(every, probe.duration / most):.6f}", f"{probe.duration / most / MORE:.6f}"
        spare = f"{min(max(every, probe.duration / most), probe.duration) / SPARE:.6f}"
    else:  # steps grow with the time: then there are not many, however long it turns out to be
        step, least = f"max({every:g},t/{most})", f"t/{most * MORE}"
        spare = f"{step}/{SPARE}"
    # Variable 0 is when the last one was that was due: spare ones put no other off.
    due = f"isnan(prev_selected_t)+isnan(ld(0))+gte(t-ld(0),{step})+gt(scene,{CUT})*gte(t-ld(0),{least})"
    stream = stream.filter("select", f"if({due},1+0*st(0,t),gte(t-prev_selected_t,{spare}))")
    stream = stream.filter("metadata", "print", file=SCORES, key="lavfi.scene_score")
    if video.interlaced:  # frame by frame: those before and after are of other moments here
        stream = stream.filter("estdif", mode="frame", deint="all" if video.first_field else "interlaced")
    shown = replace(video, interlaced=False)
    stream = graph.picture(stream, shown, whole, pix_fmt="rgb24", background=WHITE, flags=_FLAGS)
    stream = stream.filter("scale", out_color_matrix="bt601", out_range="pc").filter("format", "yuvj444p")
    options: dict[str, Any] = {
        "format": "image2",
        "c:v": "mjpeg",
        "q:v": 2,
        "fps_mode": "passthrough",
        "frames:v": most * (MORE + 1 + SPARE) * (1 if probe.duration else 4),
    }
    args = graph.output_args([stream], CANDIDATES, options | graph.thread_settings())
    needs = (*graph.picture_needs(video), *(("estdif",) if video.interlaced else ()))
    return FfmpegStep(args, duration=probe.duration, needs=needs)


def _within(shown: tuple[int, int], size: int) -> Framing:
    """The whole picture, made smaller where an edge is longer than `size`."""
    if max(shown) <= size:
        return framing(shown)
    return framing(shown, width=size) if shown[0] >= shown[1] else framing(shown, height=size)


def _variant(whole: Framing, target: str) -> Variant:
    return Variant(target, "jpeg", whole, quality=FULL_COLOR + 1, background=WHITE)
