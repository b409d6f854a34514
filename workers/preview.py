"""A look at a picture or a video, to be shown until it is loaded. What cannot be looked at just has none."""

import logging
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from workers import graph
from workers.engine import capabilities, host, runner
from workers.engine.errors import EngineUnavailable, MediaError, Stopped
from workers.engine.limits import MIB, limits_from_environment
from workers.engine.probe import Probe
from workers.engine.runner import Silent, Stops
from workers.framing import Framing
from workers.plans import SOURCE, FfmpegStep, Preview, Source

__all__ = ["Preview", "poster_steps", "preview"]

logger = logging.getLogger(__name__)

SECONDS = 10.0  # that a look may take in all; a minute of hostile media is not worth a blur
POSTER_EDGE = 128  # pixels of a poster's longest edge
POSTER_BYTES = 16 * MIB
# Where a video shows what it is about: openings are black, or a title. Not farther in, as a container without an index
# is read as far as that.
PART, FARTHEST = 0.1, 60.0  # of its length; seconds
DARK = 24  # of 255: where no part of the dominant colour has more, a video has not begun to show anything


def preview(path: Path, facts: Probe, workdir: Path, *, report: Stops | None = None) -> Preview | None:
    """A look at the file at `path`, which `facts` were read from; nothing is left in `workdir`.

    None for sound, and for what cannot be decoded in time: the reason goes to the log, as no file is worse for it.
    Raises Stopped when the report says so.
    """
    report = report or Silent()
    if facts.media_type not in ("image", "video"):
        return None
    try:
        if facts.media_type == "image":
            return _look(path, None, time.monotonic() + SECONDS, report)
        return _poster(path, facts, workdir, report)
    except Stopped:
        raise
    except (MediaError, EngineUnavailable) as exc:
        logger.warning("no preview could be made", extra={"reason": exc.message, "log": exc.log[-2000:]})
    except Exception:  # a full disk, or a bug of ours: neither makes the file unusable
        logger.exception("no preview could be made")
    return None


def poster_steps(source: Source) -> tuple[FfmpegStep, ...]:
    """Ways to get a small picture of a video, the next for when one gives none, or a dark one: the key frame before a
    moment, the one after it, and whatever comes first. Pure. Raises SourceUnsupported, LimitExceeded.
    """
    video = graph.usable_video(source, "A preview")
    ratio = min(1.0, POSTER_EDGE / max(video.width, video.height))
    size = (max(1, round(video.width * ratio)), max(1, round(video.height * ratio)))
    whole = Framing.whole(size)
    name = graph.still_name("poster", video.alpha)
    moment = min((source.probe.duration or 0.0) * PART, FARTHEST)
    # Not the frame of that moment: all from the key frame on would have to be decoded for it. And of others ffmpeg
    # decodes some more before it sees that it has the one it wants: six times the work for 1080p.
    before = graph.Cut(seek=moment, offset=0.0, duration=None, last=0.0, steady=False)
    after, start = graph.Span(moment, None, False), graph.Span(0.0, None, False)
    return (
        graph.grab(source, video, before, whole, name, key_frames=True),
        graph.grab(source, video, after, whole, name, key_frames=True),
        graph.grab(source, video, start, whole, name),
    )


def _poster(path: Path, facts: Probe, workdir: Path, report: Stops) -> Preview | None:
    until = time.monotonic() + SECONDS

    def fetch(target: Path, reads: str) -> None:
        os.symlink(path.absolute(), target)

    source = Source(facts, fetch)
    steps = poster_steps(source)
    needs = steps[0].needs
    if needs and (missing := capabilities.capabilities().missing(needs)):
        raise EngineUnavailable(f"This host's ffmpeg lacks {', '.join(missing)}.")
    problem: MediaError | None = None
    dark: Preview | None = None
    with tempfile.TemporaryDirectory(prefix="preview-", dir=workdir) as name:
        folder = Path(name)
        source.fetch(folder / SOURCE, "seek")
        for step in steps:
            try:
                runner.run(step.args, cwd=folder, duration=None, report=_Unheard(report), limits=_limits(until))
            except MediaError as exc:  # the file may be damaged there, and sound elsewhere
                problem = exc
            poster = folder / step.args[-1]
            if poster.is_file() and poster.stat().st_size:
                found = _look(poster, graph.still_type(poster.name), until, report)
                if not _is_dark(found):
                    return found
                dark = dark or found
                poster.unlink()  # the next step writes to the same name
    if dark is None and problem is not None:
        raise problem
    return dark


def _is_dark(found: Preview) -> bool:
    return found.background is not None and max(bytes.fromhex(found.background[1:])) < DARK


def _look(path: Path, type: str | None, until: float, report: Stops) -> Preview:
    asked = {"path": str(path.absolute()), "type": type}
    return Preview(**host.call("look", asked, timeout=max(1.0, until - time.monotonic()), report=report))


def _limits(until: float) -> runner.Limits:
    left = max(0.1, until - time.monotonic())
    return replace(
        limits_from_environment(), wall=left, idle=left, cpu=SECONDS * (os.cpu_count() or 1), output=POSTER_BYTES
    )


class _Unheard(Silent):
    """Tells nobody of its progress, and stops when the other report says so."""

    def __init__(self, report: Stops) -> None:
        self._report = report

    def should_stop(self) -> bool:
        return self._report.should_stop()
