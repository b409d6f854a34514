"""Pictures at even steps through a video, in sprite sheets, and a WebVTT track of which shows when: for previews while
scrubbing."""

import math
from dataclasses import asdict, replace
from typing import Any, Literal

from pydantic import Field

from workers import graph
from workers.engine.errors import SourceUnsupported
from workers.engine.probe import VideoStream
from workers.estimate import DECODE, DECODE_OTHER
from workers.formats import FORMATS
from workers.framing import Framing, framing
from workers.kinds.base import Expected, FfmpegStep, HelperStep, Kind, Output, Plan, Result, Source
from workers.kinds.groups import Sized
from workers.options import QUALITY, Quality, format_option, quality_number, rgba
from workers.sprites.layout import LONGEST_EDGE, MOST, Rhythm, grid, rhythm

ENTRY, KEYS, TIMES = "thumbnails.vtt", "keys.mkv", "times.txt"
RELATIVE = "./"  # in front of a sheet's name: it is then delivered as a relative address
CANDIDATES, KEY_CANDIDATES = 4, 3  # frames of a cell to choose from: at 0, 1/4, 1/2 and 3/4; key frames
CANDIDATE_PIXELS = 100_000_000  # of all candidates together: they wait uncompressed in the work directory
USUAL_RATE = 30.0  # frames per second, where it is not known
# Processor seconds, by the model of workers.estimate, that decoding may take: of everything, where that gives the very
# frames that are wanted; of everything, where key frames are too far apart; of the key frames.
FULL, RATHER_FULL, KEY_FRAMES = 8.0, 60.0, 12.0
MOST_SECONDS = 600.0  # that the whole may take in a lane of quick things


class ThumbnailsOptions(Sized):
    makes = "text/vtt"

    count: int | None = Field(None, ge=1, le=MOST, description="How many pictures, evenly spread; wins over interval.")
    interval: float | None = Field(
        None,
        ge=0.1,
        le=86_400,
        allow_inf_nan=False,
        description="One picture every so many seconds. By the length of the video when not given: some 100 of a short "
        "one, and no more than 400.",
    )
    columns: int | None = Field(None, ge=1, le=100, description="Pictures side by side in a sheet; 10 when not given.")
    format: format_option("image", ("jpeg", "png", "webp")) = Field(  # type: ignore[valid-type]
        "jpeg", description="Of the sprite sheets."
    )
    quality: Quality = Field(None, description=QUALITY)
    urls: Literal["absolute", "relative"] = Field(
        "absolute",
        description="How the track names its sheets as it is delivered: by their whole address, or from its own.",
    )


class ThumbnailsResult(Result):
    format: str = Field("vtt", description="Of the track.")
    image_format: str = Field(description="Of the sprite sheets.")
    count: int = Field(description="Pictures.")
    interval: float = Field(description="Time between two pictures, seconds.")
    duration: float = Field(description="Of all cues together, which is the video's, seconds.")
    width: int = Field(description="Pixels of one picture.")
    height: int = Field(description="Pixels of one picture.")
    columns: int = Field(description="Pictures side by side in a full sheet.")
    rows: int = Field(description="Rows of a full sheet.")
    sheets: int = Field(description="Sprite sheets made.")
    notes: tuple[str, ...] = Field((), description="What was left out or changed, in words.")


def plan(options: ThumbnailsOptions, source: Source) -> Plan:
    """Decide how many pictures there are, where each lies, and which frames are decoded for them. Pure: no file is
    opened, no process started."""
    probe = source.probe
    video = graph.usable_video(source, "Thumbnails")
    if not probe.duration:
        raise SourceUnsupported("Thumbnails need a video whose length is known.")
    chosen = FORMATS[options.format]
    framed = _framed(options, (video.width, video.height), edge=source.limits.edge)
    beats = rhythm(probe.duration, count=options.count, interval=options.interval)
    clear = video.alpha and chosen.alpha and not options.background
    cells = grid(beats.count, framed.canvas, format=chosen.name, clear=clear, columns=options.columns)
    sheets = cells.sheets(chosen.extension)
    steps = (
        *_frames(source, video, framed, beats, clear),
        HelperStep(
            "sprites",
            {
                "frames": graph.frames_name(clear),
                "times": TIMES,
                "target": ENTRY,
                "rhythm": asdict(beats),
                "grid": asdict(cells),
                "sheets": [asdict(sheet) for sheet in sheets],
                "framing": asdict(framed),
                "background": rgba(options.background),
                "clear": clear,
                "format": chosen.name,
                "quality": quality_number(options.quality),
                "prefix": "" if options.urls == "absolute" else RELATIVE,
            },
            weight=0.3,
            measures="sprites",
        ),
    )
    width, height = framed.canvas
    entry = Expected(ENTRY, "text/vtt", None, width=width, height=height)
    expected = [entry]
    for sheet in sheets:
        size = {"width": sheet.columns * width, "height": sheet.rows * height}
        expected.append(Expected(sheet.name, chosen.mime, "image", entry=False, container=chosen.name, **size))
    return Plan(steps, tuple(expected), reads=_reads(steps), notes=_notes(options, source, video, clear))


def _framed(options: ThumbnailsOptions, shown: tuple[int, int], *, edge: int) -> Framing:
    """As asked for; else as small as players show it, in its own proportions."""
    if options.width is None and options.height is None:
        return framing(shown, **{"width" if shown[0] >= shown[1] else "height": min(LONGEST_EDGE, max(shown))})
    return options.framed(shown, edge=edge)


def _frames(
    source: Source, video: VideoStream, framed: Framing, beats: Rhythm, clear: bool
) -> tuple[FfmpegStep | HelperStep, ...]:
    """How the frames are had to choose from: those of the very moments wanted, where decoding everything takes a few
    seconds; else key frames alone."""
    probe = source.probe
    shown = (video.width, video.height)
    # As large as wanted and no larger than it is: what is enlarged, cropped or padded is left to Pillow.
    size = (min(framed.scaled[0], shown[0]), min(framed.scaled[1], shown[1]))
    whole = Framing(size, (0, 0), size, (0, 0), size)
    given: dict[str, Any] = {"clear": clear, "times": TIMES}
    needs = graph.picture_needs(video)
    first = graph.first_frame(clear)

    def evenly(each: int, *, most: int | None = None, key_frames: bool = False) -> FfmpegStep:
        args = graph.even_frames(
            *(probe, source.path, video, whole),
            interval=beats.interval,
            each=each,
            most=most or beats.count * each,
            key_frames=key_frames,
            **given,
        )
        return FfmpegStep(args, duration=beats.duration, needs=needs)

    one = video.coded_width * video.coded_height / 1e6 * DECODE.get(video.codec, DECODE_OTHER)  # processor seconds
    everything = beats.duration * (video.frame_rate or USUAL_RATE) * one
    room = CANDIDATE_PIXELS // (beats.count * math.prod(size))
    even = max(2, min(CANDIDATES, room))  # the middle is one of them
    if everything <= FULL:
        return (evenly(even),)
    each = max(1, min(KEY_CANDIDATES, room, int(KEY_FRAMES / (beats.count * one))))
    affordable = everything <= RATHER_FULL
    taken = HelperStep(
        "key_frames",
        {
            "source": source.path,
            "stream": video.index,
            "duration": beats.duration,
            "count": beats.count,
            "interval": beats.interval,
            "each": each,
            "whole": affordable,
            "target": KEYS,
        },
        timeout=MOST_SECONDS / 2,
        measures="keys",
    )
    kept = graph.kept_frames(KEYS, video, whole, most=beats.count * max(2, each), **given)
    # Where nothing came of the key frames; and where there is none at all.
    otherwise = evenly(even, key_frames=not affordable)
    last = evenly(1, most=1)
    return (
        taken,
        FfmpegStep(kept, duration=beats.duration, needs=needs, when="keys.use", attempts=first),
        replace(otherwise, unless=first, weight=0.05),
        replace(last, unless=first, weight=0.0),
    )


def _reads(steps: tuple[FfmpegStep | HelperStep, ...]) -> str:
    return "seek" if any(isinstance(step, HelperStep) and step.op == "key_frames" for step in steps) else "whole"


def _notes(options: ThumbnailsOptions, source: Source, video: VideoStream, clear: bool) -> tuple[str, ...]:
    notes = graph.dropped(source.probe, video.index, *(stream.index for stream in source.probe.audios), covers=False)
    if video.hdr:
        notes = (f"HDR ({video.hdr.upper()}) was tone-mapped to SDR.", *notes)
    if video.alpha and not clear:
        notes = (*notes, f"Transparent parts were put on {options.background or '#000000'}.")
    return notes


def result(plan: Plan, outputs: list[Output]) -> ThumbnailsResult:
    """What the plan settled."""
    told = next(step.operations for step in plan.steps if isinstance(step, HelperStep) and step.op == "sprites")
    cells = told["grid"]
    return ThumbnailsResult(
        image_format=told["format"],
        count=cells["count"],
        interval=round(told["rhythm"]["interval"], 3),
        duration=round(told["rhythm"]["duration"], 3),
        width=cells["cell"][0],
        height=cells["cell"][1],
        columns=cells["columns"],
        rows=cells["rows"],
        sheets=len(told["sheets"]),
        notes=plan.notes,
    )


KIND = Kind(
    name="thumbnails",
    summary="Pictures at even steps through a video, in sprite sheets, and a track of which shows when.",
    accepts=frozenset({"video"}),
    options=ThumbnailsOptions,
    plan=plan,
    result=result,
    object="track",
    limits={"run": {"wall": MOST_SECONDS}},
    examples=({}, {"interval": 2, "width": 240}, {"count": 50, "format": "webp", "urls": "relative"}),
)
