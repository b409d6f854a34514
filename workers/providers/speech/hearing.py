"""What the process that holds models does with sound: where somebody speaks, in which language, and what is said.

Sound is a WAV file of 16 kHz, mono, 16 bits, read in pieces. Each operation takes JSON data and gives such.
"""

import base64
import hashlib
import math
import wave
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from workers.engine.errors import ModelFailed, ModelMissing, SourceUnreadable
from workers.providers.digests import state
from workers.providers.faults import at_fault
from workers.providers.speech.levels import lifted
from workers.providers.speech.voice import FRAME, RATE

WARM = 64  # frames (2 s) that the detector hears before those asked for, as it goes by what came before
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # the next one is tried where an answer looks wrong
FEATURES = 100  # a second, of the spectrogram that the model hears
SEED = 1  # guesses at higher temperatures are the same each time

_loaded: dict[tuple[Any, ...], Any] = {}


def length(sound: str) -> float:
    """Seconds. Raises SourceUnreadable."""
    with _opened(sound) as file:
        return file.getnframes() / RATE


def detect(sound: str, first: int, count: int) -> str:
    """How likely somebody speaks in each of `count` frames from frame `first` on, 0 to 255: bytes in base 64; fewer
    where the sound ends."""
    import numpy

    begin = max(0, first - WARM)
    samples = read_samples(sound, begin * FRAME, (first + count) * FRAME)
    if len(samples) <= (first - begin) * FRAME:
        return ""
    samples = numpy.pad(samples, (0, -len(samples) % FRAME))
    if not samples.any():  # silence to the last bit
        return base64.b64encode(bytes(len(samples) // FRAME - (first - begin))).decode()
    with at_fault("The detector of voices failed at this sound"):
        likely = numpy.asarray(_detector()(samples)).reshape(-1)[first - begin :]
    levels = numpy.clip(numpy.rint(likely * 255), 0, 255).astype(numpy.uint8)
    return base64.b64encode(levels.tobytes()).decode()


def languages(sound: str, clips: list[list[float]], model: dict[str, Any]) -> dict[str, Any]:
    """What languages the model knows, and for each clip those it takes it for, the likeliest first, with 0 to 1."""
    whisper = whisper_model(**model)
    known = sorted(whisper.supported_languages)
    told = []
    for start, end in clips if len(known) > 1 else ():
        samples = read_samples(sound, round(start * RATE), round(end * RATE))
        with at_fault("The speech model failed at this sound"):
            _, _, likely = whisper.detect_language(samples)
        told.append([[name, round(float(share), 4)] for name, share in likely[:5]])
    return {"known": known, "clips": told}


def hear(
    sound: str, clips: list[list[float]], speech: list[list[float]], language: str, model: dict[str, Any]
) -> list[dict[str, Any]]:
    """What is said in the clips, heard as one sound: passages of [start, end, text, confidence] for each word, with how
    well they were decoded, and since when (`begun`) the model was hearing. `speech` is where somebody speaks."""
    import ctranslate2
    import numpy

    whisper = whisper_model(**model)
    heard = [_evened(sound, start, end, speech) for start, end in clips]
    samples = numpy.concatenate(heard)
    if not len(samples):
        return []
    ctranslate2.set_random_seed(SEED)
    clock = _Clock([start for start, _ in clips], [len(clip) / RATE for clip in heard])
    with at_fault("The speech model failed at this sound"):
        segments, _ = whisper.transcribe(
            samples,
            language=language,
            beam_size=5,
            temperature=TEMPERATURES,
            condition_on_previous_text=False,  # with it a loop goes on for ever
            word_timestamps=True,
            vad_filter=False,  # done, for the whole sound at once
        )
        return [_passage(segment, clock) for segment in segments]


def _evened(sound: str, start: float, end: float, speech: list[list[float]]) -> Any:
    """A clip, in which quiet speech is as loud as loud speech."""
    spans = [[first - start, last - start] for first, last in speech if first < end and start < last]
    return lifted(read_samples(sound, round(start * RATE), round(end * RATE)), spans)


class _Clock:
    """Times in clips that were put one after the other, as times of the whole sound."""

    def __init__(self, starts: list[float], lengths: list[float]) -> None:
        self.starts, self.lengths = starts, lengths
        self.places = list(accumulate(lengths, initial=0.0))[:-1]

    def at(self, moment: float, within: float | None = None) -> float:
        """`within` is a moment of the clip that is meant: what lies outside of it is moved to its edge."""
        clip = max(0, bisect_right(self.places, moment if within is None else within) - 1)
        into = min(max(0.0, moment - self.places[clip]), self.lengths[clip])
        return round(self.starts[clip] + into, 3)


def _passage(segment: Any, clock: _Clock) -> dict[str, Any]:
    words = []
    for word in segment.words or ():
        start, end = float(word.start), float(word.end)
        middle = (start + end) / 2
        words.append([clock.at(start, middle), clock.at(end, middle), word.word, round(_number(word.probability), 4)])
    return {
        "words": words,
        "begun": clock.at(segment.seek / FEATURES),
        "likely": _number(segment.avg_logprob),
        "compression": _number(segment.compression_ratio),
        "silent": _number(segment.no_speech_prob),
    }


def _number(value: Any) -> float:
    """0 for what JSON has no word for."""
    return float(value) if math.isfinite(value) else 0.0


def _opened(sound: str) -> wave.Wave_read:
    try:
        file = wave.open(sound)  # noqa: SIM115 - closed by the callers
    except (wave.Error, EOFError) as exc:
        raise SourceUnreadable("The sound cannot be read.", log=repr(exc)) from exc
    if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
        raise SourceUnreadable("The sound is not 16 kHz, mono, 16 bits.")
    return file


def read_samples(sound: str, begin: int, end: int) -> Any:
    """Samples `begin` to `end`, −1 to 1, as far as there are."""
    import numpy

    with _opened(sound) as file:
        begin, end = min(begin, file.getnframes()), min(end, file.getnframes())
        file.setpos(begin)
        raw = file.readframes(end - begin)
    return numpy.frombuffer(raw, numpy.int16).astype(numpy.float32) / 32768


@lru_cache(maxsize=1)
def _detector() -> Any:
    """Silero's detector of voices, which faster-whisper carries."""
    from faster_whisper.vad import get_vad_model

    return get_vad_model()


def whisper_model(weights: dict[str, Any], device: str, threads: int) -> Any:
    """The model, loaded once, and anew where its files were replaced. Raises ModelMissing, ModelFailed."""
    try:
        key = (*weights["parts"], state((*weights["parts"], *_beside(weights))), device, threads)
    except OSError as exc:
        raise ModelMissing(f"The speech model {weights['name']} is no longer there.", log=repr(exc)) from exc
    if key not in _loaded:
        _loaded.clear()  # one at a time: another was chosen
        _loaded[key] = _load(weights, device, threads)
    return _loaded[key]


def _load(weights: dict[str, Any], device: str, threads: int) -> Any:
    try:
        import ctranslate2
        from faster_whisper import WhisperModel
    except ImportError as exc:
        message = "faster-whisper, which runs the speech model, is not installed: `make intelligence` installs it."
        raise ModelMissing(message, log=repr(exc)) from exc
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    settings: dict[str, Any] = {"device": device, "cpu_threads": threads, "local_files_only": True}
    settings["compute_type"] = "int8" if device == "cpu" else "float16"
    if weights["digest"]:
        settings["files"] = _files(weights)
    try:
        return WhisperModel(weights["folder"], **settings)
    except (RuntimeError, ValueError, OSError) as exc:
        raise ModelFailed(f"The speech model {weights['name']} cannot be loaded.", log=repr(exc)) from exc


def _files(weights: dict[str, Any]) -> dict[str, bytes]:
    """The model's files by name, model.bin put together of its parts. Raises ModelMissing where they are damaged."""
    whole = b"".join(Path(part).read_bytes() for part in weights["parts"])
    if hashlib.sha256(whole).hexdigest() != weights["digest"]:
        raise ModelMissing(
            f"The weights of the speech model {weights['name']} are damaged: `make intelligence` installs them anew."
        )
    return {"model.bin": whole, **{Path(other).name: Path(other).read_bytes() for other in _beside(weights)}}


def _beside(weights: dict[str, Any]) -> list[str]:
    """The other files of the model: configuration, vocabulary."""
    names = {Path(part).name for part in weights["parts"]}
    return sorted(str(path) for path in Path(weights["folder"]).iterdir() if path.name not in names and path.is_file())
