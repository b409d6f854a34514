"""Voices that are alike, and the file of weights they are known by."""

import pickle

import pytest

numpy = pytest.importorskip("numpy", reason="numpy comes with `make intelligence`")

from workers.engine.errors import ModelFailed  # noqa: E402
from workers.providers.speech import voices  # noqa: E402
from workers.providers.speech.voices import alike  # noqa: E402


def vectors(*labels: int, noise: float = 0.05) -> list[list[float]]:
    """A vector for each, near those of the same label and far from the others."""
    random = numpy.random.default_rng(1)
    points = numpy.eye(256)[list(labels)] + noise * random.standard_normal((len(labels), 256)) / 4
    return (points / numpy.linalg.norm(points, axis=1, keepdims=True)).tolist()


def test_speakers_are_numbered_in_the_order_of_speaking():
    assert alike(vectors(7, 7, 3, 7, 3, 9), [3.0] * 6, None) == [0, 0, 1, 0, 1, 2]


def test_one_voice_is_one_speaker():
    assert alike(vectors(5, 5, 5), [3.0] * 3, None) == [0, 0, 0]
    assert alike(vectors(5), [3.0], None) == [0]


def test_the_number_of_speakers_that_is_given_is_kept_to():
    assert len(set(alike(vectors(1, 1, 2, 2, 3, 3), [3.0] * 6, 2))) == 2
    assert alike(vectors(1, 2, 3), [3.0] * 3, 1) == [0, 0, 0]
    assert len(set(alike(vectors(1, 2), [3.0] * 2, 5))) == 2


def test_of_many_voices_the_longest_are_compared_and_the_others_join_them(monkeypatch):
    monkeypatch.setattr(voices, "MOST", 4)
    assert alike(vectors(1, 2, 1, 2, 1, 2), [9.0, 9.0, 8.0, 8.0, 1.0, 1.0], None) == [0, 1, 0, 1, 0, 1]


def test_weights_that_would_run_something_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {}, print):
            pickle.dump(part, file, 2)
    with pytest.raises(ModelFailed, match="The weights of the speaker encoder cannot be read") as refused:
        voices._network(str(path), ())
    assert "print is no part of a plain tensor" in refused.value.log
