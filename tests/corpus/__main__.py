"""`python -m tests.corpus` writes docs/real-files.md anew; ITTYHOST_CORPUS names the folder. It takes a few minutes."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.corpus import sync, tools
from tests.corpus.cells import row
from tests.corpus.files import real_files
from tests.corpus.page import PAGE, page
from tests.services.server import Unavailable


def main() -> int:
    files = real_files()
    if not files:
        sys.exit("ITTYHOST_CORPUS names no folder with a MEDIA.tsv.")
    try:
        for name in ("ffmpeg", "ffprobe", "exiftool"):
            tools.program(name)
    except Unavailable as exc:
        sys.exit(str(exc))
    # Each process has a helper of its own.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        clips = pool.map(sync.row, sync.CLIPS)
        found = dict(zip(files, pool.map(row, files), strict=True))
        together = {clip.title: cells for clip, cells in zip(sync.CLIPS, clips, strict=True)}
    PAGE.write_text(page(found, together))
    wrong = [one for cells in (*found.values(), *together.values()) for one in cells.values() if one.problems]
    sys.stdout.write(f"{PAGE.name}: {len(files)} files, {len(sync.CLIPS)} clips, {len(wrong)} cells with a ✗\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
