"""Objects that come in pieces to a folder: one sparse draft that every piece is written into at its place."""

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from media_app.storage.base import CHUNK, ObjectMissing, Reader, ShouldStop, Stored, check_stop
from media_app.storage.folder import DRAFTS, MODE, FolderBucket, host_faults, make_durable
from media_app.storage.pieces import Piece, PiecesLost, Written, tag_of

# A disk gets what it is to keep at an even pace: to wait for gigabytes at the end would take longer than a lease.
SYNCED_TOGETHER = 64 * 1024 * 1024


class FolderPieces:
    """A handle is the name of a draft. The draft becomes the object by its name: nothing is copied."""

    def __init__(self, store: FolderBucket) -> None:
        self._store = store

    def begin(self, key: str, *, total: int, scratch: str) -> str:
        handle = f"pieces-{secrets.token_hex(16)}"
        draft = self._draft(handle)
        with host_faults():
            self._store.need()
            draft.parent.mkdir(exist_ok=True)
            with draft.open("xb") as made:
                made.truncate(total)
            make_durable(draft.parent)  # or a power cut would take the draft with all its pieces
        return handle

    def write(
        self,
        key: str,
        handle: str,
        *,
        total: int,
        start: int,
        length: int,
        source: Reader,
        should_stop: ShouldStop = None,
    ) -> Written:
        digest, at, end, synced = hashlib.sha256(), start, start + length, start
        with host_faults():
            try:
                out = os.open(self._draft(handle), os.O_WRONLY)
            except FileNotFoundError:
                self._store.need()
                raise PiecesLost(f"{handle}: the draft is gone") from None
        try:
            while at < end:
                chunk = source.read(min(CHUNK, end - at))
                check_stop(should_stop)
                digest.update(chunk)
                with host_faults():
                    left = memoryview(chunk)
                    while left:
                        count = os.pwrite(out, left, at)
                        left, at = left[count:], at + count
                    if at - synced >= SYNCED_TOGETHER:
                        os.fdatasync(out)
                        synced = at
            check_stop(should_stop)
            with host_faults():
                os.fsync(out)
        finally:
            os.close(out)
        return Written(digest.hexdigest())

    def finish(
        self, key: str, handle: str, *, total: int, pieces: Sequence[Piece], should_stop: ShouldStop = None
    ) -> Stored:
        draft, target = self._draft(handle), self._store.path(key)
        with host_faults():
            self._store.need()
            try:
                size = draft.stat().st_size
                if size != total:
                    raise PiecesLost(f"{handle}: the draft has {size} bytes, not {total}")
                draft.chmod(MODE)
                self._store.give_name(draft, target)
            except FileNotFoundError:
                self._check_made(key, handle, total)
        sha256 = pieces[0].written.sha256 if len(pieces) == 1 else ""
        return Stored(key, total, sha256, etag=tag_of(pieces))

    def _check_made(self, key: str, handle: str, total: int) -> None:
        """Somebody gave the draft its name before. Raises PiecesLost."""
        try:
            found = self._store.stat(key)
        except ObjectMissing:
            raise PiecesLost(f"{handle}: neither the draft nor the object is there") from None
        if found.size != total:
            raise PiecesLost(f"{key}: the object has {found.size} bytes, not {total}")

    def drop(self, key: str, handle: str) -> None:
        with host_faults(), suppress(FileNotFoundError):
            self._store.need()
            self._draft(handle).unlink()

    def _draft(self, handle: str) -> Path:
        return self._store.root / DRAFTS / handle
