"""Memory of the process that holds models, over many short transcriptions."""

import os
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Report
from tests.speech import spoken
from workers.engine.runner import Silent
from workers.providers import host
from workers.providers.speech import local_speech

ENGINE = True  # needs no service
TASKS, FIRST = 200, 20  # after the first ones everything is loaded and every buffer has its size
AIM = 1.05


def measure() -> Report:
    """Raises FileNotFoundError where there is no recorded speech."""
    speech = local_speech()
    if speech is None:
        return Report((), ("no speech model is installed.",))
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        clips = spoken(Path(name)).clips
        sizes = []
        for number in range(TASKS):
            clip = clips[number % len(clips)].path
            speech.transcribe(clip, language=None, speakers=None, report=Silent(), progress=lambda part: None)
            sizes.append(_resident(host.call("ping", {})))
    host.end()
    first, last = sizes[FIRST - 1], sizes[-1]
    told = ", ".join(f"{sizes[at]:.0f}" for at in (0, 49, 99, 149, -1))
    return Report(
        (
            Figure(
                f"{speech.model.name}: after {TASKS} transcriptions / after {FIRST}",
                "engine",
                f"{last:.0f} MB",
                f"{first:.0f} MB",
                f"{last / first:.3f} ×",
                f"≤ {AIM:.2f}",
                last / first <= AIM,
            ),
        ),
        (f"MB resident after 1, 50, 100, 150 and {TASKS}: {told}.",),
    )


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
