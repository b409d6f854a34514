"""Recorded speech with known words, out of Debian's pocketsphinx-testdata (LibriVox readings, public domain)."""

import re
import unicodedata
import wave
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/usr/share/pocketsphinx/test/data/librivox")
CARDS = FOLDER.parent / "cards" / "005.wav"  # another voice: eight of spades, four of clubs, seven of hearts
PAUSE = 1.0  # seconds of silence before, between and after the clips


@dataclass(frozen=True)
class Clip:
    """One sentence: where it is in the whole, seconds, and its words in lower case without punctuation."""

    start: float
    end: float
    text: str
    path: Path  # the recording by itself


@dataclass(frozen=True)
class Spoken:
    """A WAV file of 16 kHz, mono, 16 bits, and what is said in it."""

    path: Path
    clips: tuple[Clip, ...]

    @property
    def text(self) -> str:
        return " ".join(clip.text for clip in self.clips)


def spoken(folder: Path) -> Spoken:
    """The clips joined with pauses, in `folder`. Raises FileNotFoundError where the package is not installed."""
    if not (FOLDER / "transcription").is_file():
        raise FileNotFoundError("There is no recorded speech here: `make services` installs pocketsphinx-testdata.")
    told = re.findall(r"<s> (.*?) </s> \((.*?)\)", (FOLDER / "transcription").read_text())
    clips, place, target = [], PAUSE, folder / "speech.wav"
    with wave.open(str(target), "wb") as whole:
        for text, name in told:
            with wave.open(str(FOLDER / f"{name}.wav")) as clip:
                params, frames = clip.getparams(), clip.readframes(clip.getnframes())
            alone = folder / f"{name}.wav"
            alone.write_bytes((FOLDER / f"{name}.wav").read_bytes())
            pause = bytes(round(PAUSE * params.framerate) * params.sampwidth)
            if not clips:
                whole.setparams(params)
            whole.writeframes(pause + frames)
            length = params.nframes / params.framerate
            # The transcript says "a" twice in this sentence; the reader says it once.
            clips.append(Clip(place, place + length, text.replace("more a amiable", "more amiable"), alone))
            place += length + PAUSE
        whole.writeframes(pause)
    return Spoken(target, tuple(clips))


def word_errors(reference: str, heard: str) -> int:
    """Substitutions, deletions and insertions between two texts, in words as `plain_words` has them."""
    first, second = plain_words(reference), plain_words(heard)
    row = list(range(len(second) + 1))
    for count, word in enumerate(first, start=1):
        diagonal, row[0] = row[0], count
        for place, other in enumerate(second, start=1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1]


def plain_words(text: str) -> list[str]:
    """Words without case, punctuation, apostrophes and hyphens, "mr" as "mister"; numbers as they are written."""
    folded = re.sub(r"['’‘]", "", unicodedata.normalize("NFKC", text).casefold())
    return re.findall(r"\w+", re.sub(r"\bmr\b", "mister", folded))
