"""`/livez`: this process answers. `/healthz`: the whole service works. Apps register what they answer for."""

import json
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from ittyhost import queue

Check = Callable[[], str | None]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a part to /healthz. The check returns None when the part works, else what is wrong in a few words."""
    _checks[name] = check


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def _broker() -> str | None:
    return None if queue.is_up() else "does not answer"


register("database", _database)
register("broker", _broker)


def examine() -> dict[str, str]:
    """Each part and "ok", or what is wrong with it."""
    found = {}
    for name, check in _checks.items():
        try:
            found[name] = check() or "ok"
        except Exception as exc:  # whatever a part dies of is that part's finding
            found[name] = f"failed: {type(exc).__name__}"
    return found


def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


def healthz(request: HttpRequest) -> HttpResponse:
    """200 when every part works, else 503; the body names each."""
    found = examine()
    status = 200 if all(state == "ok" for state in found.values()) else 503
    return HttpResponse(
        json.dumps({"status": "ok" if status == 200 else "degraded", "parts": found}) + "\n",
        content_type="application/json",
        status=status,
        headers={"Cache-Control": "no-store"},
    )
