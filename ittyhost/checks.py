"""Start-up checks of what this host has: `manage.py check --deploy --tag parts`, run before the processes start."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from ittyhost import queue
from workers.engine.capabilities import WANTED, capabilities
from workers.engine.errors import EngineUnavailable

PARTS = "parts"


@register(PARTS, deploy=True)
def check_ffmpeg(**_: Any) -> list[CheckMessage]:
    """An ffmpeg must be there; what a poorer build lacks is told before a task asks for it."""
    try:
        found = capabilities()
    except EngineUnavailable as exc:
        return [Error(f"FFMPEG: {exc}", id="ittyhost.E001")]
    missing = found.missing(WANTED)
    if missing:
        lacks = f"{found.path} ({found.version}) lacks {', '.join(missing)}: tasks that need them will not be made."
        return [Warning(lacks, hint="Set FFMPEG to a fuller build.", id="ittyhost.W001")]
    return []


@register(PARTS, deploy=True)
def check_broker(**_: Any) -> list[CheckMessage]:
    """The service starts without its broker, and does nothing until it is there."""
    if queue.is_up():
        return []
    return [Warning("BROKER_URL: the broker does not answer yet.", id="ittyhost.W002")]
