"""Who speaks when: the diarisation error rate of talks that are put together of recordings whose speakers are known to
be others, because they speak other languages; and of one voice alone, which must stay one.
"""

import base64
import tempfile
import wave
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.parts import quiet
from tests.diarisation import Rate, Turn, error_rate
from workers.documents import read_document
from workers.engine.capabilities import ffmpeg_path
from workers.kinds import get_kind
from workers.providers import host
from workers.providers.speech.voice import RATE, STEP, Span, speech_spans
from workers.run import run

CLOSED = 1.0  # seconds; within a turn a shorter pause is speech
BETWEEN = 0.6  # seconds of silence from one turn to the next


@dataclass(frozen=True)
class Talk:
    path: Path
    turns: tuple[Turn, ...]

    @property
    def speakers(self) -> int:
        return len({turn.speaker for turn in self.turns})


def figures(sounds: Mapping[str, Sequence[Path]], folder: Path, model: str) -> list[Figure]:
    """Lines of the table; `sounds` are recordings by their language. None where there are fewer than four languages."""
    languages = sorted(name for name, paths in sounds.items() if len(paths) > 2)
    if len(languages) < 4:
        return []
    alone = [[sounds[language][place]] for language, place in product(languages, (0, 1))]
    two = [
        [sounds[one][-1], sounds[other][-2]]
        for one, other in zip(languages, (*languages[1:], languages[0]), strict=True)
    ]
    four = [[sounds[language][place] for language in languages[:4]] for place in (2, 3)]
    return [
        _figure(f"{model}, who speaks: {name}", [_talk(each, folder) for each in talks], folder)
        for name, talks in (("one voice", alone), ("two voices", two), ("four voices", four))
    ]


def _figure(name: str, talks: Sequence[Talk], folder: Path) -> Figure:
    rate, right, told = Rate(), 0, []
    for talk in talks:
        heard = _heard(talk, folder)
        found = len({turn.speaker for turn in heard})
        rate += error_rate(talk.turns, heard)
        right += found == talk.speakers
        told.append(found)
    parts = (("missed", rate.missed), ("made up", rate.invented), ("the wrong one", rate.confused))
    wrong = rate.missed + rate.invented + rate.confused
    return Figure(
        name,
        "engine",
        f"{wrong / rate.speech:.1%} of {rate.speech:.0f} s wrong",
        "",
        ", ".join(f"{what} {seconds / rate.speech:.1%}" for what, seconds in parts)
        + f"; the right number in {right} of {len(talks)} talks ({', '.join(map(str, told))})",
    )


def _heard(talk: Talk, folder: Path) -> list[Turn]:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        run(get_kind("speech"), {}, talk.path, Path(work))
        told = read_document(Path(work) / "speech.json")
    return [Turn(line["start"], line["end"], line["speaker"]) for line in told["timeline"]]


def _talk(paths: Sequence[Path], folder: Path) -> Talk:
    """Each says the first half of a recording, then, in the same order, each the other half."""
    halves = [_halves(path, folder) for path in paths]
    turns: list[Turn] = []
    target = folder / f"talk-{'-'.join(path.stem for path in paths)}.wav"
    with wave.open(str(target), "wb") as whole:
        whole.setparams((1, 2, RATE, 0, "NONE", ""))
        place = 0.0
        for half, speaker in product((0, 1), range(len(paths))):
            samples, spans = halves[speaker][half]
            whole.writeframes(samples + bytes(2 * round(BETWEEN * RATE)))
            turns += [Turn(place + span.start, place + span.end, speaker) for span in spans]
            place += len(samples) / 2 / RATE + BETWEEN
    return Talk(target, tuple(turns))


def _halves(path: Path, folder: Path) -> list[tuple[bytes, list[Span]]]:
    """Samples, and where somebody speaks, of both halves, cut in the longest pause of the middle third."""
    plain = folder / f"plain-{path.stem}.wav"
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-i", str(path), "-ar", str(RATE), "-ac", "1", str(plain)])
    with wave.open(str(plain)) as file:
        length, samples = file.getnframes() / RATE, file.readframes(file.getnframes())
    asked = {"sound": str(plain), "first": 0, "count": int(length / STEP) + 1}
    spans = speech_spans(base64.b64decode(host.call("speech.detect", asked)), length)
    pauses = [
        Span(first.end, second.start)
        for first, second in pairwise(spans)
        if length / 3 < (first.end + second.start) / 2 < length * 2 / 3
    ]
    longest = max(pauses, key=lambda pause: pause.length, default=Span(length / 2, length / 2))
    cut = round((longest.start + longest.end) / 2 * RATE) / RATE
    place = 2 * round(cut * RATE)
    return [
        (samples[:place], _closed(spans, 0.0, cut)),
        (samples[place:], _closed(spans, cut, length)),
    ]


def _closed(spans: Iterable[Span], first: float, last: float) -> list[Span]:
    """Those between two moments, from the first of them on, with short pauses closed."""
    found: list[Span] = []
    for span in spans:
        start, end = max(span.start, first) - first, min(span.end, last) - first
        if start >= end:
            continue
        if found and start - found[-1].end < CLOSED:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return found
