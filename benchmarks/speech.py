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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Report
from benchmarks.parts import quiet
from tests.speech import plain_words, spoken, word_errors
from workers.documents import read_document
from workers.engine.capabilities import ffmpeg_path
from workers.engine.errors import ModelMissing
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.languages import language_name
from workers.providers import host
from workers.providers.settings import model_threads
from workers.providers.speech.hearing import whisper_model
from workers.providers.speech.weights import PACKAGED, speech_weights
from workers.run import run
from workers.tests.cue_rules import check_speech

ENGINE = True  # needs no service
SOUNDS = (".ogg", ".wav", ".mp3", ".flac")
ENGLISH_ONLY = ".en"
APART = ("en",)  # languages whose recordings are heard each by itself as well


@dataclass(frozen=True)
class Recording:
    path: Path
    text: str
    language: str
    seconds: float


@dataclass(frozen=True)
class Heard:
    """What became of some recordings: words wrong, words in all, seconds it took, recordings whose language was not
    recognised; and cues of subtitles made of it, with those outside the trade's rules."""

    wrong: int
    words: int
    took: float
    mistaken: int = 0
    cues: int = 0
    outside: int = 0


def measure() -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        by_language = defaultdict(list)
        for recording in recordings(folder):
            by_language[recording.language].append(recording)
        figures = [
            figure
            for model in PACKAGED
            for language, found in sorted(by_language.items(), key=lambda item: (item[0] != "en", item[0]))
            if language == "en" or not model.endswith(ENGLISH_ONLY)
            for figure in _figures(model, language, found, folder)
        ]
    told = ", ".join(
        f"{language_name(language)} {sum(each.seconds for each in found) / 60:.1f} min in {len(found)} recordings"
        for language, found in sorted(by_language.items())
    )
    notes = (
        f"{told}. Word error rate: (substituted + left out + made up) / words of the text; without case, punctuation, "
        "apostrophes and hyphens; numbers as they are written, so that 25 and twenty-five differ.",
        "ours: through the whole kind (ffmpeg, voices, language, words, document) on the processor, int8, beam 5, the "
        "model loaded. Short recordings cost more for a minute: the model hears half a minute at a time, whatever is "
        "in it.",
        "bare: faster-whisper's own `transcribe` with its detector of voices and words' times, the same weights, beam "
        "and threads, on the joined file as it is. Cues outside: of subtitles made of what was heard, those that break "
        "a rule of workers/tests/cue_rules.py, as fast speech makes them.",
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


def _figures(model: str, language: str, found: Sequence[Recording], folder: Path) -> list[Figure]:
    os.environ["SPEECH_MODEL"] = model
    joined = folder / f"joined-{model}-{language}.flac"
    inputs = [part for recording in found for part in ("-i", str(recording.path))]
    graph = "".join(
        f"[{place}:a]aresample=16000,aformat=channel_layouts=mono[a{place}];" for place in range(len(found))
    )
    chain = "".join(f"[a{place}]" for place in range(len(found))) + f"concat=n={len(found)}:v=0:a=1"
    quiet([ffmpeg_path(), "-nostdin", "-v", "error", "-y", *inputs, "-filter_complex", graph + chain, str(joined)])
    whole = Recording(joined, " ".join(each.text for each in found), language, sum(each.seconds for each in found))
    try:
        _hear([found[0]], folder)  # loads the model
        heard = {"joined": _hear([whole], folder)}
        if language in APART:
            heard["one by one"] = _hear(found, folder)
        plain = _plain(whole)
    except ModelMissing:
        return []
    finally:
        host.end()
    minutes = whole.seconds / 60
    print(model, language, heard, plain, f"{minutes:.2f} min", file=sys.stderr, flush=True)
    return [
        Figure(
            f"{model}, {language_name(language)}, {how}",
            "engine",
            f"{came.took / minutes:.1f} s for a minute",
            f"{plain.took / minutes:.1f} s, {plain.wrong / plain.words:.1%} wrong" if how == "joined" else "",
            f"{came.wrong / came.words:.1%} of {came.words} words wrong, {came.outside} of {came.cues} cues outside"
            + (f", {came.mistaken} not recognised as {language_name(language)}" if came.mistaken else "")
            + (f", {came.took / plain.took:.2f} × the time" if how == "joined" else ""),
        )
        for how, came in heard.items()
    ]


def _hear(found: Sequence[Recording], folder: Path) -> Heard:
    wrong = words = mistaken = cues = outside = 0
    took = 0.0
    for recording in found:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            begun = time.monotonic()
            run(get_kind("speech"), {"words": True}, recording.path, Path(work))
            took += time.monotonic() - begun
            told = read_document(Path(work) / "speech.json")
            rules = check_speech(Path(work) / "speech.json")
        cues, outside = cues + rules.cues, outside + rules.outside
        mistaken += told["language"] != recording.language
        wrong += word_errors(recording.text, " ".join(told["text"]))
        words += len(plain_words(recording.text))
    return Heard(wrong, words, took, mistaken, cues, outside)


def _plain(recording: Recording) -> Heard:
    """The same by faster-whisper alone."""
    weights = speech_weights()
    assert weights is not None  # ours has just run
    whisper = whisper_model(weights.to_json(), "cpu", model_threads())
    begun = time.monotonic()
    told, _ = whisper.transcribe(
        str(recording.path), language=recording.language, vad_filter=True, word_timestamps=True
    )
    text = "".join(segment.text for segment in told)
    took = time.monotonic() - begun
    return Heard(word_errors(recording.text, text), len(plain_words(recording.text)), took)
