"""Facts that an earlier release of the service found, in a form that this one cannot read: the file is probed anew as
soon as they are needed."""

from pathlib import Path

from ittyhost import queue
from ittyhost.heartbeat import Heartbeat
from media_app.models import File
from media_app.services.facts import file_facts
from media_app.services.work import file_bytes
from workers.engine.probe import Probe, probe


def facts_known(file: File) -> Probe | None:
    """What the probe of a file found; None where an earlier release wrote that down, and `facts_renew` must be called.

    Only for files whose `probe` is not None: those that are pictures, videos or sounds.
    """
    try:
        return Probe.from_json(file.probe or {})
    except ValueError:
        return None


def facts_renew(*, file: File, place: Path, heartbeat: Heartbeat) -> Probe:
    """Probe a file anew and keep what was found; `place` is a work directory, left as it was.

    What the file looks like stays as it is, and so does its status: nobody who only fetches it notices. Raises
    MediaError, EngineUnavailable, StorageUnavailable, Stopped, TransferStopped.
    """
    path = file_bytes(file, place, heartbeat)
    try:
        facts = probe(path, report=heartbeat)
    finally:
        if path.parent == place:
            path.unlink(missing_ok=True)
    values = file_facts(facts)
    for shown in ("placeholder", "background"):
        del values[shown]
    File.objects.filter(pk=file.pk, key=file.key).update(**values)
    return facts


def facts_order(*, file: File) -> None:
    """Have a worker renew the facts of a file soon."""
    queue.send("media_app.facts_renew", file.pk, lane=queue.FAST)
