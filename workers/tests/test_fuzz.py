"""A seeded hundred of damaged files: no defect. `make fuzz` tries thousands."""

import pytest

from workers.tests.fuzz import ENVIRONMENT, fuzz

CASES = 100


@pytest.mark.ffmpeg
def test_a_hundred_damaged_files_end_in_outputs_or_in_sentences(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ITTYHOST_CORPUS", raising=False)  # the same hundred everywhere
    found = fuzz(tmp_path, seed=20, cases=CASES)
    assert found.defects == []
    assert found.outcomes.total() == CASES
    assert found.outcomes["made"] >= 10  # damage that nobody reads past is no damage
    assert found.outcomes["SourceUnreadable"] + found.outcomes["SourceUnsupported"] >= 10
