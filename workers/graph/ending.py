"""How far a source can be read, where that is less than it says. Pure: a step of a plan."""

from workers.formats import UNTIMED
from workers.plans import HelperStep, Source

READABLE = "readable.json"  # {"end": seconds, "note": text}; not there for a source that is whole


def readable_steps(source: Source, *, measures: str | None = None) -> tuple[HelperStep, ...]:
    """A step that writes READABLE, and with `measures` answers with its note; none for what has no length, or no
    times."""
    probe = source.probe
    if not probe.duration or probe.image is not None or (probe.demuxer or "").split(",")[0] in UNTIMED:
        return ()
    look = {"source": source.path, "duration": probe.duration, "target": READABLE}
    return (HelperStep("readable", look, measures=measures, weight=0.02, timeout=900.0),)
