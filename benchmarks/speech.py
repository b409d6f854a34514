"""Words that installed speech models get wrong, and how long they take: on recorded voices with known texts.

SPEECH_CORPUS names a folder of recordings, each NAME-LANGUAGE-NUMBER.ogg (or .wav, .mp3, .flac) with its text beside
it in .txt; without it only the LibriVox readings of Debian's pocketsphinx-testdata are there. All of a language are
transcribed joined into one, and those of English each by itself as well, through the whole kind; the language is found
out. Beside it: faster-whisper alone, given the language, on the same joined file.
"""

import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from benchmarks import speakers
from benchmarks.figures import Figure, Report
from benchmarks.parts import quiet
from tests.speech import plain_words, spoken, word_errors
from workers.documents import read_document
from workers.engine.capabilities import ffmpeg_path
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.languages import language_name
from workers.providers import host
from workers.providers.settings import model_threads
from workers.providers.speech.hearing import SEED, whisper_model
from workers.providers.speech.weights import PACKAGED, packaged_weights, speech_weights
from workers.run import run
from workers.tests.cue_rules import check_speech

ENGINE = True  # needs no service
SOUNDS = (".ogg", ".wav", ".mp3", ".flac")
ENGLISH_ONLY = ".en"
ENOUGH = 10.0  # minutes
APART = ("en",)  # languages whose recordings are heard each by itself as well


@dataclass(frozen=True)
class Recording:
    path: Path
    text: str
    language: str
    seconds: float


@dataclass(frozen=True)
class Heard:
    """What became of some recordings: words wrong, words in all, seconds it took of the clock and of processors,
    recordings whose language was not recognised; and cues of subtitles made of it, with those outside the trade's
    rules."""

    wrong: int = 0
    words: int = 0
    took: float = 0.0
    processor: float = 0.0
    mistaken: int = 0
    cues: int = 0
    outside: int = 0

    def __add__(self, other: "Heard") -> "Heard":
        return Heard(*(first + second for first, second in zip(astuple(self), astuple(other), strict=True)))

    def told(self, minutes: float) -> str:
        costs = f"{self.processor / minutes:.1f} s ({self.took / minutes:.1f} s)"
        return f"{self.wrong / self.words:.1%} of {self.words} words, {costs}"


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        by_language = defaultdict(list)
        for recording in recordings(folder):
            by_language[recording.language].append(recording)
        models = [model for model in PACKAGED if packaged_weights(model)]
        figures = [figure for model in models for figure in _of_model(model, by_language, folder)]
    minutes = sum(each.seconds for found in by_language.values() for each in found) / 60
    told = ", ".join(
        f"{language_name(language)} {sum(each.seconds for each in found) / 60:.1f} min in {len(found)}"
        for language, found in sorted(by_language.items())
    )
    short = "" if minutes >= ENOUGH else " **Less than ten minutes: SPEECH_CORPUS names no recordings.**"
    notes = (
        f"{minutes:.1f} minutes of recordings: {told}.{short} Words that are wrong: (substituted + left out + made up) "
        "/ words of the text; without case, punctuation, apostrophes and hyphens; numbers as they are written, so that "
        "25 and twenty-five differ. Then processor seconds for a minute of sound, and in brackets by the clock.",
        "ours: through the whole kind (ffmpeg, voices, language, words, speakers, document) on the processor, int8, "
        "beam 5, the model loaded. Short recordings cost more for a minute: the model hears half a minute at a time, "
        "whatever is in it.",
        "bare: faster-whisper's own `transcribe` with its detector of voices and words' times, the language given, the "
        "same weights, beam and threads, on the joined file as it is. Cues outside: of subtitles made of what was "
        "heard, those that break a rule of workers/tests/cue_rules.py, as fast speech makes them.",
        "who speaks: talks put together of recordings in other languages, and so of other people, each cut in two; "
        "within 0.25 s of a change nothing is counted. Where somebody speaks is by the detector of voices, so that "
        "what was missed and made up is what became of it in words. One voice says two halves of a recording.",
    )
    return Report(tuple(figures), notes)


def recordings(folder: Path) -> list[Recording]:
    """Those there are, put into `folder` where they come out of a package."""
    found = [
        Recording(path, path.with_suffix(".txt").read_text(encoding="utf-8"), told[1], _seconds(path))
        for path in sorted(Path(os.environ.get("SPEECH_CORPUS") or folder).iterdir())
        if path.suffix in SOUNDS
        and path.with_suffix(".txt").is_file()
        and (told := re.search(r"-([a-z]{2})-\w+$", path.stem))
    ]
    try:
        clips = spoken(folder).clips
    except FileNotFoundError:
        clips = ()
    return found + [Recording(clip.path, clip.text, "en", clip.end - clip.start) for clip in clips]


def _seconds(path: Path) -> float:
    return probe(path).duration or 0.0


def _of_model(model: str, by_language: Mapping[str, Sequence[Recording]], folder: Path) -> list[Figure]:
    """Lines of the table for one model."""
    os.environ["SPEECH_MODEL"] = model
    known = [language for language in sorted(by_language) if language == "en" or not model.endswith(ENGLISH_ONLY)]
    figures: list[Figure] = []
    ours, bare, minutes = Heard(), Heard(), 0.0
    try:
        for language in known:
            found = by_language[language]
            _hear(found[:1], folder)  # loads the model
            whole = _joined(found, folder / f"joined-{model}-{language}.flac")
            heard, plain = _hear([whole], folder), _plain(whole)
            figures.append(_figure(f"{model}, {language_name(language)}", whole.seconds / 60, heard, plain))
            if language in APART:
                each = _hear(found, folder)
                figures.append(_figure(f"{model}, {language_name(language)}, one by one", whole.seconds / 60, each))
            ours, bare, minutes = ours + heard, bare + plain, minutes + whole.seconds / 60
            print(figures[-1].line(), file=sys.stderr, flush=True)
        if len(known) > 1:
            figures.append(_figure(f"{model}, all", minutes, ours, bare))
            paths = {language: [each.path for each in found] for language, found in by_language.items()}
            figures += speakers.figures(paths, folder, model)
    finally:
        host.end()
    return figures


def _joined(found: Sequence[Recording], target: Path) -> Recording:
    inputs = [part for recording in found for part in ("-i", str(recording.path))]
    graph = "".join(
        f"[{place}:a]aresample=16000,aformat=channel_layouts=mono[a{place}];" for place in range(len(found))
    )
    chain = "".join(f"[a{place}]" for place in range(len(found))) + f"concat=n={len(found)}:v=0:a=1"
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", *inputs, "-filter_complex", graph + chain, str(target)])
    return Recording(target, " ".join(each.text for each in found), found[0].language, _seconds(target))


def _figure(name: str, minutes: float, ours: Heard, bare: Heard | None = None) -> Figure:
    notes = [f"{ours.outside} of {ours.cues} cues outside"]
    if ours.mistaken:
        notes.append(f"{ours.mistaken} taken for another language")
    if bare:
        notes.append(f"{ours.processor / bare.processor:.2f} × its processor time")
    return Figure(name, "engine", ours.told(minutes), bare.told(minutes) if bare else "", ", ".join(notes))


def _hear(found: Sequence[Recording], folder: Path) -> Heard:
    heard = Heard()
    for recording in found:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            clock, processor = time.monotonic(), _processor()
            run(get_kind("speech"), {"words": True}, recording.path, Path(work))
            took, busy = time.monotonic() - clock, _processor() - processor
            told = read_document(Path(work) / "speech.json")
            rules = check_speech(Path(work) / "speech.json")
        wrong, words = word_errors(recording.text, " ".join(told["text"])), len(plain_words(recording.text))
        heard += Heard(wrong, words, took, busy, told["language"] != recording.language, rules.cues, rules.outside)
    return heard


def _plain(recording: Recording) -> Heard:
    """The same by faster-whisper alone, in this process."""
    import ctranslate2

    weights = speech_weights()
    assert weights is not None  # ours has just run
    whisper = whisper_model(weights.to_json(), "cpu", model_threads())
    ctranslate2.set_random_seed(SEED)
    clock, processor = time.monotonic(), _processor()
    told, _ = whisper.transcribe(
        str(recording.path), language=recording.language, vad_filter=True, word_timestamps=True
    )
    text = "".join(segment.text for segment in told)
    took, busy = time.monotonic() - clock, _processor() - processor
    return Heard(word_errors(recording.text, text), len(plain_words(recording.text)), took, busy)


def _processor() -> float:
    """Processor seconds of this process, those it waited for, and the one that holds models."""
    own = sum(getrusage(who).ru_utime + getrusage(who).ru_stime for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    stat = Path(f"/proc/{host.call('ping', {})}/stat").read_text().rpartition(")")[2].split()
    return own + (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
