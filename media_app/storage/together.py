"""Many files into a bucket: a package has thousands of small ones, and a store elsewhere takes some milliseconds for
each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_app.storage.base import Bucket, ShouldStop, Stored, TransferStopped
from media_app.storage.crew import Crew

THREADS = 8  # small files at a time
SMALL = 4 * 1024 * 1024  # bytes: what is sent in one request, and lies in memory meanwhile


@dataclass(frozen=True)
class FileToPut:
    """A finished file, and the object it becomes."""

    key: str
    path: Path
    type: str = ""


def put_files(store: Bucket, files: Sequence[FileToPut], *, should_stop: ShouldStop = None) -> list[Stored]:
    """Write each as `put_file` does: small ones some at a time, large ones alone, as they go in parts at a time.

    In the order given; a folder takes over one after the other. Raises StorageUnavailable, TransferStopped; what was
    written by then stays.
    """
    if should_stop is not None and should_stop():  # else each thread would still begin with one
        raise TransferStopped
    small, stored = [], {}
    for file in files:
        if store.copies and file.path.stat().st_size <= SMALL:
            small.append(file)
        else:
            stored[file.key] = store.put_file(file.key, file.path, type=file.type, should_stop=should_stop)
    with Crew(THREADS, should_stop) as crew:

        def put(file: FileToPut) -> Stored:
            # The caller's question is asked in its own thread only; the crew passes the answer on.
            return store.put_file(file.key, file.path, type=file.type, should_stop=crew.is_over)

        stored |= {made.key: made for made in crew.each(put, iter(small))}
    return [stored[file.key] for file in files]
