"""The whole service, started for real: once on embedded defaults, once on the parts of production."""

from pathlib import Path

import pytest

from tests.stack import running
from tests.story import tell


@pytest.mark.processes
@pytest.mark.ffmpeg
def test_a_bare_machine_turns_a_phone_video_into_a_poster_a_clip_and_its_sound(tmp_path: Path) -> None:
    with running() as stack:
        tell(stack.credentials, tmp_path)
