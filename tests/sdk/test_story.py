"""The vendor's own SDKs against a running service, on both sets of parts: each release in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ittybit
import pytest
from PIL import Image

from tests.stack import ROOT, Service
from tests.story import serving

pytestmark = [pytest.mark.processes, pytest.mark.services]

OLDER = sorted((Path(sys.prefix) / "sdks").glob("*"))
WANTED = [line.partition("==")[2].strip() for line in (ROOT / "requirements-sdks.txt").read_text().splitlines()]
RELEASES = [ittybit.__version__, *(version for version in WANTED if version)]


def told(service: Service, release: str, tmp_path: Path, *, asynchronous: bool) -> None:
    """Run the story with one release; what it says is the failure."""
    Image.effect_noise((64, 48), 80).save(tmp_path / "sample.png")
    path = [str(ROOT)]
    if release != ittybit.__version__:
        path.insert(0, str(Path(sys.prefix) / "sdks" / release))
    with serving(tmp_path) as base:
        settings: dict[str, Any] = {
            "base_url": service.credentials["base_url"],
            "key": service.credentials["test_key"],
            "sample": f"{base}/sample.png",
            "asynchronous": asynchronous,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.sdk.story"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            input=json.dumps(settings),
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_older_releases_are_there():
    assert sorted(path.name for path in OLDER) == sorted(RELEASES[1:]), "run `make dev`"


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("release", RELEASES)
def test_every_call_of_the_sdk(service, release, asynchronous, tmp_path):
    told(service, release, tmp_path, asynchronous=asynchronous)
