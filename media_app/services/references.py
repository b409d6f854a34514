"""Other files that work needs beside its input, as its options name them: by the id of a file or of a media, or by URL.

What a URL gives is used and not kept: neither a row nor an object comes of it.
"""

import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from ittyhost.errors import Conflict, Invalid
from ittyhost.outbound import Download, FetchFailed, FetchStopped, Limits
from ittyhost.records import parse_id
from media_app.models import File, Media
from media_app.services.objects import connection_rest
from media_app.services.work import UNSETTLED
from media_app.storage import ObjectMissing, bucket
from orgs_app.models import Project
from workers.engine.errors import EngineUnavailable, MediaError, Stopped

CHUNK = 256 * 1024


_WANTED = {"image": "a picture", "text": "subtitles as text"}
_UNTOLD = "application/octet-stream"  # what is nothing we know


def reference_check(file: File, *, param: str, takes: str) -> None:
    """Whether a file may be used beside an input, where an "image" is taken or a "text". Raises Conflict while its
    bytes are not there, Invalid when they never will be, are too many, or are known to be something else.

    What was found to be no medium may be one all the same: a text of subtitles is for the work itself to read.
    """
    reference_type_check(file, param=param, takes=takes)
    if not file.key or file.status in UNSETTLED:
        if file.status == File.Status.FAILED:
            raise Invalid(f"{param} names a file that could not be fetched.", param=param)
        raise Conflict(
            f"{param} names a file that is not ready yet: ask again when it is.", param=param, code="input_not_ready"
        )
    if file.entry_size > settings.OPTION_FILE_BYTES:
        raise Invalid(
            f"{param} names a file of {file.entry_size} bytes; at most {settings.OPTION_FILE_BYTES} are taken.",
            param=param,
        )


def reference_type_check(file: File, *, param: str, takes: str) -> None:
    """Raise Invalid where a file is known to be something else than what is taken."""
    is_known = file.status == File.Status.READY and file.type != _UNTOLD
    if is_known and file.type.partition("/")[0] != takes:
        raise Invalid(f"{param} must name {_WANTED[takes]}; this file is {file.type}.", param=param)


def reference_fetcher(*, project: Project, should_stop: Callable[[], bool]) -> Callable[[str, Path], None]:
    """How the engine gets another file of the project, or what a URL points to, at a path that does not exist; for one
    attempt, as what it may fetch is bounded for all its files together.

    Calls raise MediaError when it cannot be had, EngineUnavailable when it may be had later, Stopped; and what the
    bucket raises: StorageUnavailable, TransferStopped.
    """

    bytes_left, seconds_left = settings.OPTION_FILE_BYTES, float(settings.OPTION_FILE_SECONDS)

    def fetch(ref: str, target: Path) -> None:
        nonlocal bytes_left, seconds_left
        if "://" in ref:
            # A slot waits meanwhile: twenty slow servers must not take it for twenty times as long as one.
            if bytes_left <= 0 or seconds_left <= 0:
                raise MediaError("The files before this one took all the bytes or seconds that there are for them.")
            connection_rest()
            began = time.monotonic()
            _download(ref, target, should_stop, Limits(size=bytes_left, seconds=seconds_left))
            bytes_left -= target.stat().st_size
            seconds_left -= time.monotonic() - began
            return
        file = _find(project, ref)
        if file is None or not file.key:
            raise MediaError("The file is no longer there.")
        if file.entry_size > settings.OPTION_FILE_BYTES:
            raise MediaError(f"The file is larger than {settings.OPTION_FILE_BYTES} bytes, the most that is taken.")
        try:
            bucket().fetch_to(file.key, target, sha256=file.sha256, should_stop=should_stop)
        except ObjectMissing:
            raise MediaError("The file's bytes are no longer there.") from None

    return fetch


def _find(project: Project, ref: str) -> File | None:
    """The file of an id, or the original of a media, as it is now; None when the project has none."""
    files = File.objects.filter(project=project).only("key", "sha256", "entry_size", "status")
    if bare := parse_id(ref, File.prefix):
        return files.filter(pk=bare).first()
    if bare := parse_id(ref, Media.prefix):
        return files.filter(media_id=bare, original=True).first()
    return None


def _download(url: str, target: Path, should_stop: Callable[[], bool], limits: Limits) -> None:
    try:
        with target.open("xb") as file, Download(url, limits=limits, should_stop=should_stop) as download:
            while chunk := download.read(CHUNK):
                file.write(chunk)
    except FetchStopped:
        raise Stopped from None
    except FetchFailed as exc:
        if exc.transient:
            raise EngineUnavailable(exc.message) from None
        raise MediaError(exc.message) from None
