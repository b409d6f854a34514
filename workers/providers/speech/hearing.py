"""What the process that holds models does with sound: where somebody speaks, in which language, and what is said.

Sound is a WAV file of 16 kHz, mono, 16 bits, read in pieces. Each operation takes JSON data and gives such.
"""

import base64
import hashlib
import math
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from workers.engine.errors import MediaError, ModelFailed, ModelMissing, SourceUnreadable
from workers.providers.speech.voice import FRAME, RATE

WARM = 64  # frames (2 s) that the detector hears before those asked for, as it goes by what came before
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # the next one is tried where an answer looks wrong
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
    with _at_fault("The detector of voices"):
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
        with _at_fault("The speech model"):
            _, _, likely = whisper.detect_language(samples)
        told.append([[name, round(float(share), 4)] for name, share in likely[:5]])
    return {"known": known, "clips": told}


def hear(sound: str, clips: list[list[float]], language: str, model: dict[str, Any]) -> list[dict[str, Any]]:
    """What is said in the clips, which lie close together: passages of [start, end, text, confidence] for each word,
    with how well they were decoded."""
    import ctranslate2

    whisper = whisper_model(**model)
    origin = clips[0][0]
    samples = read_samples(sound, round(origin * RATE), round(clips[-1][1] * RATE))
    if not len(samples):
        return []
    ctranslate2.set_random_seed(SEED)
    places = [round(place - origin, 3) for clip in clips for place in clip]
    places[-1] = min(places[-1], len(samples) / RATE)
    with _at_fault("The speech model"):
        segments, _ = whisper.transcribe(
            samples,
            language=language,
            beam_size=5,
            temperature=TEMPERATURES,
            condition_on_previous_text=False,  # with it a loop goes on for ever
            word_timestamps=True,
            clip_timestamps=places,
            vad_filter=False,  # done, for the whole sound at once
        )
        return [_passage(segment, origin) for segment in segments]


@contextmanager
def _at_fault(what: str) -> Iterator[None]:
    """Whatever a model's library raises is the model's fault, not the sound's. Raises ModelFailed."""
    try:
        yield
    except (MediaError, MemoryError, OSError):
        raise
    except Exception as exc:  # onnxruntime has exceptions of its own, CTranslate2 has any
        raise ModelFailed(f"{what} failed at this sound.", log=repr(exc)) from exc


def _passage(segment: Any, origin: float) -> dict[str, Any]:
    return {
        "words": [
            [round(float(word.start) + origin, 3), round(float(word.end) + origin, 3), word.word,
             round(_number(word.probability), 4)]
            for word in segment.words or ()
        ],
        "likely": _number(segment.avg_logprob),
        "compression": _number(segment.compression_ratio),
        "silent": _number(segment.no_speech_prob),
    }  # fmt: skip


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
    """The model, loaded once. Raises ModelMissing, ModelFailed."""
    key = (*weights["parts"], device, threads)
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
    names = {Path(part).name for part in weights["parts"]}
    others = {path.name: path.read_bytes() for path in Path(weights["folder"]).iterdir() if path.name not in names}
    return {"model.bin": whole, **others}
