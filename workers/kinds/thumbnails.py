"""Pictures at even steps through a video, in sprite sheets, and a WebVTT track of which shows when: for previews while
scrubbing."""

import math
from dataclasses import asdict, replace
from typing import Any, Literal

from pydantic import Field

from workers import graph
from workers.engine.probe import VideoStream
from workers.estimate import DECODE, DECODE_OTHER
from workers.formats import FORMATS, TEXTS
from workers.framing import Framing, framing
from workers.kinds.base import Expected, FfmpegStep, HelperStep, Kind, Output, Plan, Result, Source, document_beside
from workers.kinds.groups import Sized
from workers.options import QUALITY, Quality, format_option, quality_number, rgba
from workers.sprites.layout import LONGEST_EDGE, MANY, MOST, Rhythm, grid, rhythm

ENTRY, KEYS, TIMES = "thumbnails.vtt", "keys.mkv", "times.txt"
RHYTHM, LAYOUT = "rhythm.json", "layout.json"
RELATIVE = "./"  # in front of a sheet's name: it is then delivered as a relative address
CANDIDATES, KEY_CANDIDATES = 4, 3  # frames of a cell to choose from: at 0, 1/4, 1/2 and 3/4; key frames
CANDIDATE_PIXELS = 100_000_000  # of all candidates together: they wait uncompressed in the work directory
USUAL_RATE, MOST_RATE = 30.0, 120.0  # frames per second, where it is not known, and that are believed
# Processor seconds, by the model of workers.estimate, that decoding may take: of everything, where that gives the very
# frames that are wanted; of everything, where key frames are too far apart; of the key frames.
FULL, RATHER_FULL, KEY_FRAMES = 8.0, 60.0, 6.0
MOST_SECONDS = 600.0  # that the whole may take in a lane of quick things


class ThumbnailsOptions(Sized):
    makes = TEXTS["vtt"]

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
    format: str = Field(description="Of the track: vtt.")
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
    opened, no process started.

    Of a video that does not tell how long it is (a browser's recording), only the work can find that out.
    """
    probe = source.probe
    video = graph.usable_video(source, "Thumbnails")
    chosen = FORMATS[options.format]
    framed = _framed(options, (video.width, video.height), edge=source.limits.edge)
    clear = video.alpha and chosen.alpha and not options.background
    beats = rhythm(probe.duration, count=options.count, interval=options.interval) if probe.duration else None
    cells = grid(beats.count if beats else 1, framed.canvas, format=chosen.name, clear=clear, columns=options.columns)
    steps = _frames(options, source, video, framed, beats, clear)
    sprites = {
        "frames": graph.frames_name(clear),
        "times": TIMES,
        "target": ENTRY,
        "layout": LAYOUT,
        "rhythm": asdict(beats) if beats else RHYTHM,
        "columns": options.columns,
        "framing": asdict(framed),
        "background": rgba(options.background),
        "clear": clear,
        "format": chosen.name,
        "quality": quality_number(options.quality),
        "prefix": "" if options.urls == "absolute" else RELATIVE,
    }
    width, height = framed.canvas
    expected = [Expected(ENTRY, TEXTS["vtt"], None, width=width, height=height)]
    if beats is None:
        expected.append(Expected(f"sprite-*.{chosen.extension}", chosen.mime, "image", False, container=chosen.name))
    else:
        for sheet in cells.sheets(chosen.extension):
            size = (sheet.columns * width, sheet.rows * height)
            expected.append(Expected(sheet.name, chosen.mime, "image", False, *size, container=chosen.name))
    return Plan(
        (*steps, HelperStep("sprites", sprites, weight=0.3, measures="sprites")),
        tuple(expected),
        reads="seek" if len(steps) > 1 else "whole",
        notes=_notes(options, source, video, clear),
    )


def _framed(options: ThumbnailsOptions, shown: tuple[int, int], *, edge: int) -> Framing:
    """As asked for; else as small as players show it, in its own proportions."""
    if options.width is None and options.height is None:
        longest = min(LONGEST_EDGE, max(shown))
        return framing(shown, width=longest) if shown[0] >= shown[1] else framing(shown, height=longest)
    return options.framed(shown, edge=edge)


def _frames(
    options: ThumbnailsOptions, source: Source, video: VideoStream, framed: Framing, beats: Rhythm | None, clear: bool
) -> tuple[FfmpegStep | HelperStep, ...]:
    """How the frames are had to choose from: those of the very moments wanted, where decoding everything takes a few
    seconds; else key frames alone."""
    probe, shown = source.probe, (video.width, video.height)
    whole = framed.within(shown)
    given: dict[str, Any] = {"clear": clear, "background": rgba(options.background), "times": TIMES}
    needs = graph.picture_needs(video)

    def evenly(rate: str, most: int | str, *, key_frames: bool = False) -> FfmpegStep:
        args = graph.even_frames(probe, source.path, video, whole, rate=rate, most=most, key_frames=key_frames, **given)
        return FfmpegStep(args, duration=probe.duration, needs=needs)

    one = video.coded_width * video.coded_height / 1e6 * DECODE.get(video.codec, DECODE_OTHER)  # processor seconds
    cost = one * min(video.frame_rate or USUAL_RATE, MOST_RATE)  # of a second
    count = beats.count if beats else options.count or MANY
    room = CANDIDATE_PIXELS // (count * math.prod(whole.size))
    even = max(2, min(CANDIDATES, room))  # the middle is one of them
    if beats and beats.duration * cost <= FULL:
        return (evenly(f"{even}/{beats.interval:.9g}", beats.count * even),)
    each = max(1, min(KEY_CANDIDATES, room, int(KEY_FRAMES / (count * one))))
    taken = {
        "source": source.path,
        "stream": video.index,
        "duration": probe.duration,
        "count": options.count,
        "interval": options.interval,
        "each": each,
        "even": even,
        "cost": round(cost, 6),
        "most_cost": RATHER_FULL,
        "rhythm": RHYTHM,
        "target": KEYS,
    }
    first = graph.first_frame(clear)
    kept = graph.kept_frames(KEYS, video, whole, most=(beats.count if beats else MOST) * max(2, each), **given)
    rate, most = "@{keys.rate}", "@{keys.most}"
    return (
        HelperStep("key_frames", taken, weight=0.3, timeout=MOST_SECONDS / 2, measures="keys"),
        FfmpegStep(kept, duration=probe.duration, needs=needs, when="keys.use", attempts=first),
        replace(evenly(rate, most), when="keys.full", unless=first, weight=0.05),
        # Where nothing came of the key frames; and where there is none at all.
        replace(evenly(rate, most, key_frames=True), unless=first, weight=0.05),
        replace(evenly(rate, 1), unless=first, weight=0.0),
    )


def _notes(options: ThumbnailsOptions, source: Source, video: VideoStream, clear: bool) -> tuple[str, ...]:
    notes = graph.dropped(source.probe, video.index, *(stream.index for stream in source.probe.audios), covers=False)
    if video.hdr:
        notes = (f"HDR ({video.hdr.upper()}) was tone-mapped to SDR.", *notes)
    if video.alpha and not clear:
        notes = (*notes, f"Transparent parts were put on {options.background or '#000000'}.")
    return notes


def result(plan: Plan, outputs: list[Output]) -> ThumbnailsResult:
    """What was made, as the last step wrote it down."""
    told = document_beside(outputs, LAYOUT)
    beats, cells = told["rhythm"], told["grid"]
    sheet = next(item for item in plan.expected if not item.entry)
    return ThumbnailsResult(
        format="vtt",
        image_format=str(sheet.container),
        count=beats["count"],
        interval=round(beats["interval"], 3),
        duration=round(beats["duration"], 3),
        width=cells["cell"][0],
        height=cells["cell"][1],
        columns=cells["columns"],
        rows=cells["rows"],
        sheets=told["sheets"],
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
