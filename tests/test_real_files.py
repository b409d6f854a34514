"""docs/real-files.md says what comes out of the files of ITTYHOST_CORPUS now, and what is marked wrong there."""

import os

import pytest

from tests.corpus import sync, tools
from tests.corpus.cells import known_kinds
from tests.corpus.cells import row as row_of
from tests.corpus.files import RealFile, real_files
from tests.corpus.page import committed, plain
from tests.services.server import Unavailable

FILES = real_files()
DEAR = ("animation", "adaptive_video")

pytestmark = [pytest.mark.ffmpeg]


@pytest.fixture(autouse=True, scope="module")
def _tools() -> None:
    """Debian's ffmpeg and exiftool; without them: skip, or fail where REQUIRE_SERVICES says that all must be there."""
    try:
        for name in ("ffmpeg", "ffprobe", "exiftool"):
            tools.program(name)
    except Unavailable as exc:
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))


def kinds_for(file: RealFile) -> list[str]:
    """All kinds, but of the two that take longest each only every other file: the page has them all."""
    left_out = DEAR[FILES.index(file) % len(DEAR)]
    return [name for name in known_kinds() if name != left_out]


@pytest.mark.skipif(not FILES, reason="ITTYHOST_CORPUS names no folder with a MEDIA.tsv")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_real_file_becomes_what_the_page_says(file: RealFile) -> None:
    found = row_of(file, kinds_for(file))
    row = committed(f"`{file.name}`")
    if row is None:  # a file newer than the page: nothing may be wrong with it
        assert {name: one.problems for name, one in found.items() if one.problems} == {}
        return
    written = {name: plain(row.get(name, "–")) for name in found}
    assert {name: plain(str(one)) for name, one in found.items()} == written, "run `make docs-corpus`"


@pytest.mark.parametrize("clip", [clip for clip in sync.CLIPS if clip.often], ids=lambda clip: clip.title)
def test_sound_and_picture_stay_together(clip: sync.Clip) -> None:
    row = committed(clip.title)
    assert row is not None, "run `make docs-corpus`"
    found = {way: plain(str(one)) for way, one in sync.row(clip).items()}
    assert found == {way: plain(row[way]) for way in found}
