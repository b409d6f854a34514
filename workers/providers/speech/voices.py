"""Who speaks: a vector for each voice, and voices that are alike. In the process that holds models.

The vectors are those of the GE2E speaker encoder (L. Wan and others, "Generalized end-to-end loss for speaker
verification", 2018) whose weights the package `resemblyzer` carries: three LSTM layers over a mel spectrogram of 40
bands, a linear layer, the unit sphere. The package itself, which needs PyTorch, is not used: only its weights are
read, and the few lines of the network are numpy's.
"""

import pickle
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

from workers.engine.errors import ModelFailed
from workers.providers.digests import state
from workers.providers.speech.hearing import read_samples
from workers.providers.speech.voice import RATE
from workers.providers.weights import read_weights

WINDOW, HOP = 400, 160  # samples of the spectrogram: 25 and 10 ms
BANDS = 40
FRAMES, STRIDE = 160, 80  # of the spectrogram that one vector is made of (1.6 s), and to the next
LAYERS = 3
LOUDNESS = -30.0  # dBFS that quieter voices are brought to
BATCH = 128
MOST = 1200  # voices that are compared each with each; of more, the longest
UNREADABLE = "The weights of the speaker encoder cannot be read."
ALIKE = 0.25  # distance (1 − cosine) up to which two groups of sentences are one speaker


def voices(sound: str, spans: list[list[float]], weights: str) -> list[list[float]]:
    """For each span the vector of its voice, 256 numbers of length 1."""
    try:
        network = _network(weights, state([weights]))
    except OSError as exc:
        raise ModelFailed(UNREADABLE, log=repr(exc)) from exc
    return network.vectors([read_samples(sound, round(start * RATE), round(end * RATE)) for start, end in spans])


def alike(vectors: list[list[float]], lengths: list[float], count: int | None) -> list[int]:
    """Which speaker each is of, numbered from 0 in the order of first speaking: groups whose average distance is small
    become one, or as many stay as `count` says."""
    import numpy

    points = numpy.asarray(vectors, numpy.float32)
    order = sorted(range(len(points)), key=lambda place: -lengths[place])[:MOST]
    labels = _grouped(points[order], count)
    means = numpy.stack([points[order][labels == label].mean(0) for label in range(labels.max() + 1)])
    means /= numpy.linalg.norm(means, axis=1, keepdims=True)
    nearest = (points @ means.T).argmax(1)
    nearest[order] = labels
    renamed: dict[int, int] = {}
    return [renamed.setdefault(int(label), len(renamed)) for label in nearest]


def _grouped(points: Any, count: int | None) -> Any:
    """Agglomerative clustering with average linkage."""
    import numpy

    if len(points) == 1:
        return numpy.zeros(1, int)
    distance = 1.0 - points @ points.T
    numpy.fill_diagonal(distance, numpy.inf)
    sizes = numpy.ones(len(points))
    members = [[place] for place in range(len(points))]
    left = len(points)
    while left > max(1, count or 1):
        first, second = numpy.unravel_index(distance.argmin(), distance.shape)
        if count is None and distance[first, second] > ALIKE:
            break
        share = sizes[first] / (sizes[first] + sizes[second])
        merged = distance[first] * share + distance[second] * (1 - share)
        distance[first], distance[:, first] = merged, merged
        distance[first, first] = numpy.inf
        distance[second], distance[:, second] = numpy.inf, numpy.inf
        sizes[first] += sizes[second]
        members[first] += members[second]
        members[second] = []
        left -= 1
    labels: Any = numpy.zeros(len(points), int)
    for label, group in enumerate(filter(None, members)):
        labels[group] = label
    return labels


class _Network:
    """The encoder with its weights."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.filters = _mel_filters()

    def vectors(self, sounds: list[Any]) -> list[list[float]]:
        """All pieces of all sounds at once: what takes long is going through the frames, one after the other."""
        import numpy

        pieces = [self._pieces(samples) for samples in sounds]
        stack = numpy.concatenate(pieces)
        parts = numpy.concatenate([self._forward(stack[at : at + BATCH]) for at in range(0, len(stack), BATCH)])
        found, place = [], 0
        for own in pieces:
            mean = parts[place : place + len(own)].mean(0)
            place += len(own)
            found.append([round(float(value), 5) for value in mean / (numpy.linalg.norm(mean) or 1.0)])
        return found

    def _pieces(self, samples: Any) -> Any:
        """Shape (pieces, FRAMES, BANDS)."""
        import numpy

        level = float(numpy.sqrt(numpy.mean(samples**2))) if len(samples) else 0.0
        gain = 10 ** (LOUDNESS / 20) / level if level else 1.0
        spectrogram = self._spectrogram(samples * max(1.0, min(gain, 1000.0)))
        starts = range(0, max(1, len(spectrogram) - FRAMES // 2), STRIDE)
        pieces = [spectrogram[start : start + FRAMES] for start in starts]
        return numpy.stack([numpy.pad(piece, ((0, FRAMES - len(piece)), (0, 0)), mode="wrap") for piece in pieces])

    def _spectrogram(self, samples: Any) -> Any:
        """Shape (frames, BANDS): power in bands of the mel scale."""
        import numpy

        padded = numpy.pad(samples, WINDOW // 2)
        padded = numpy.pad(padded, (0, max(0, WINDOW - len(padded))))
        frames = numpy.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
        hann = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(WINDOW) / WINDOW)
        power = numpy.abs(numpy.fft.rfft(frames * hann, axis=1)) ** 2
        return (power @ self.filters.T).astype(numpy.float32)

    def _forward(self, batch: Any) -> Any:
        """Shape (pieces, frames, BANDS) to (pieces, 256)."""
        import numpy

        values, hidden = batch, None
        for layer in range(LAYERS):
            into, back = self.state[f"lstm.weight_ih_l{layer}"], self.state[f"lstm.weight_hh_l{layer}"]
            bias = self.state[f"lstm.bias_ih_l{layer}"] + self.state[f"lstm.bias_hh_l{layer}"]
            gates = values @ into.T + bias
            size = back.shape[1]
            hidden, cell = (numpy.zeros((len(batch), size), numpy.float32) for _ in range(2))
            values = numpy.empty((*batch.shape[:2], size), numpy.float32)
            for frame in range(batch.shape[1]):
                # In PyTorch's order: input, forget, cell, output.
                now = gates[:, frame] + hidden @ back.T
                enter, forget, new, leave = (now[:, part * size : (part + 1) * size] for part in range(4))
                cell = _sigmoid(forget) * cell + _sigmoid(enter) * numpy.tanh(new)
                hidden = _sigmoid(leave) * numpy.tanh(cell)
                values[:, frame] = hidden
        raw = numpy.maximum(hidden @ self.state["linear.weight"].T + self.state["linear.bias"], 0)
        return raw / (numpy.linalg.norm(raw, axis=1, keepdims=True) + 1e-6)


def _sigmoid(values: Any) -> Any:
    import numpy

    return 0.5 * (numpy.tanh(0.5 * values) + 1)


def _mel_filters() -> Any:
    """Shape (BANDS, WINDOW / 2 + 1): triangles of equal area on Slaney's mel scale, up to half the rate."""
    import numpy

    def to_mel(hertz: Any) -> Any:
        return numpy.where(hertz < 1000, hertz * 3 / 200, 15 + numpy.log(numpy.maximum(hertz, 1e-9) / 1000) / _STEP)

    def to_hertz(mel: Any) -> Any:
        return numpy.where(mel < 15, mel * 200 / 3, 1000 * numpy.exp(_STEP * (mel - 15)))

    edges = to_hertz(numpy.linspace(0, float(to_mel(numpy.float64(RATE / 2))), BANDS + 2))
    bins = numpy.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = numpy.maximum(0, numpy.minimum(rising, falling))
    return triangles * (2 / (edges[2:] - edges[:-2]))[:, None]


_STEP = 0.06875177742094912  # ln(6.4) / 27, of a mel above 1 kHz


@lru_cache(maxsize=1)
def _network(weights: str, state: tuple[tuple[int, int, int], ...]) -> _Network:
    """Read anew where the file was replaced."""
    try:
        numbers = read_weights(Path(weights), "model_state")
    except (OSError, KeyError, ValueError, TypeError, pickle.UnpicklingError, EOFError, struct.error) as exc:
        raise ModelFailed(UNREADABLE, log=repr(exc)) from exc
    return _Network(numbers)
