"""What the kinds that tell of a file in words have in common: how they come to know it. Pure: steps of a plan."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from workers import graph
from workers.documents import TYPE
from workers.engine.probe import Probe
from workers.language import facts_of
from workers.options import Confidence, Language, Options
from workers.plans import Expected, HelperStep, ModelStep, Need, Plan, Source, Step
from workers.seen.sampling import FRAMES, sampled, sampling_notes

FRAMES_MOST = 6  # that are looked at: each costs a second or two where text is read
FRAMES_FROM = 18  # that those are chosen from, by how unlike they are: each costs some hundredths of a second
FRAME_SIZE = 1024  # pixels of the longest edge: small print can be read, and models take no more
LOOKS = ("labels", "text", "caption")
ALIKE, SEEN, ANSWER = "alike.json", "seen.json", "answer.json"


class WordsOptions(Options):
    """What kinds that write tags take."""

    language: Language = Field(
        None,
        description="Language to write in, where a language model writes: a code of ISO 639-1 (en), another tag "
        "(en-US, eng) or an English name. By default that of what is said.",
    )
    confidence: Confidence = Field(None, description="Tags that are less sure are left out, 0 to 1.")


SPEECH = Need("speech", required=False)


def speech_need(options: Options, facts: Probe) -> tuple[Need, ...]:
    """What is said, where there is sound; without a model for it the rest is told."""
    return (SPEECH,) if facts.has_audio else ()


def telling_plan(kind: str, source: Source, question: Mapping[str, Any], document: Mapping[str, Any]) -> Plan:
    """Look at the frames, ask with all that is known, write the document `<kind>.json`."""
    probe = source.probe
    seen = probe.image is not None or probe.video is not None
    looked: tuple[Step, ...] = ()
    if seen:
        looks = {"frames": FRAMES, "looks": list(LOOKS), "required": []}
        looked = (*describing_views(source), ModelStep("vision", looks, SEEN, weight=2.0))
    readable = graph.readable_steps(source)
    request = {
        "ask": kind,
        "facts": facts_of(probe),
        "speech": SPEECH.name if probe.has_audio else None,
        "seen": SEEN if seen else None,
        "frames": FRAMES if seen else None,
        "readable": graph.READABLE if readable else None,
        **question,
    }
    target = f"{kind}.json"
    written = {"kind": kind, "answer": ANSWER, "target": target, **document}
    return Plan(
        steps=(*readable, *looked, ModelStep("language", request, ANSWER), HelperStep("document_words", written)),
        expected=(Expected(target, TYPE, None),),
        reads="whole",
        notes=sampling_notes(probe) if seen else (),
    )


def describing_views(source: Source) -> tuple[Step, ...]:
    """The frames that are looked at: of what moves a few that stand for the whole."""
    if source.probe.image is not None and not source.probe.image.animated:
        return sampled(source, most=1, size=FRAME_SIZE)
    alike = {"frames": FRAMES, "looks": ["embedding"], "required": []}
    chosen = {"frames": FRAMES, "seen": ALIKE, "most": FRAMES_MOST}
    return (
        *sampled(source, most=FRAMES_FROM, size=FRAME_SIZE),
        ModelStep("vision", alike, ALIKE, weight=0.3),
        HelperStep("choose_views", chosen, weight=0.05),
    )
