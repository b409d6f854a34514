"""docs/errors.md and docs/versions.md are what the service answers now."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WRITE = [sys.executable, "scripts/with_temporary_data.py", "-m", "tests.pages"]

pytestmark = [pytest.mark.slow, pytest.mark.ffmpeg, pytest.mark.database]


def test_the_pages_are_in_step_and_a_changed_one_is_told(tmp_path: Path) -> None:
    done = subprocess.run([*WRITE, "--folder", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.iterdir():
        assert page.read_text() == (ROOT / "docs" / page.name).read_text(), f"docs/{page.name}: run `make docs`."
    assert {page.name for page in tmp_path.iterdir()} == {"errors.md", "versions.md"}
