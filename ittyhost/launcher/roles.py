"""The service's processes: `python -m ittyhost.launcher.roles NAME` becomes one of them.

The launcher starts all of them; docker-compose.yml and process managers start one each.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Role:
    """One long-running process: its name, how it starts, and how long it may take to stop."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 10.0  # seconds from SIGTERM to SIGKILL


# Fewer would be enough to compute; most of them wait for clients that send or take bytes slowly.
SPARE_THREADS = 32


def web(*, host: str, port: int, processes: int, transfers: int) -> Role:
    """granian over the WSGI application; `transfers` uploads and downloads hold a thread each and leave spare ones."""
    return Role(
        "web",
        (
            *(sys.executable, "-m", "granian"),
            *("--interface", "wsgi"),
            *("--host", host),
            *("--port", str(port)),
            *("--workers", str(processes)),
            *("--blocking-threads", str(max(64, transfers + SPARE_THREADS))),
            *("--http", "1", "--no-ws"),
            *("--backlog", "1024", "--backpressure", "512"),
            # Also how long an idle connection is kept.
            *("--http1-header-read-timeout", "30000"),
            "--respawn-failed-workers",
            *("--respawn-interval", "0.5"),
            # Clients still up- or downloading this long after a stop was asked for are cut off.
            *("--workers-kill-timeout", "5"),
            *("--log-level", "warning"),
            "ittyhost.wsgi:application",
        ),
        # Each thread that moves bytes would get a heap of its own, and give little of it back (glibc's arenas).
        {"ITTYHOST_ROLE": "web", "MALLOC_ARENA_MAX": "2"},
    )


def worker(name: str, *, queues: tuple[str, ...], slots: int) -> Role:
    """A Celery node. It keeps nothing back for itself (prefetch 1) and talks to no other node."""
    return Role(
        f"worker-{name}",
        (
            *(sys.executable, "-m", "celery"),
            *("--app", "ittyhost"),
            "worker",
            *("--hostname", f"{name}@%h"),
            *("--queues", ",".join(queues)),
            *("--concurrency", str(slots)),
            *("--prefetch-multiplier", "1"),
            "--without-gossip",
            "--without-mingle",
            *("--loglevel", "INFO"),
        ),
        {"ITTYHOST_ROLE": "worker"},
    )


def scheduler() -> Role:
    return Role(
        "scheduler",
        (sys.executable, "-m", "celery", "--app", "ittyhost", "beat", "--pidfile=", "--loglevel", "INFO"),
        {"ITTYHOST_ROLE": "scheduler"},
    )


def of(settings: Any) -> dict[str, Role]:
    """Every role by its name, as Django's settings size it."""
    found = [
        web(
            host=settings.HOST,
            port=settings.PORT,
            processes=getattr(settings, "WEB_PROCESSES", 2),
            transfers=settings.MAX_TRANSFERS,
        ),
        worker("fast", queues=("fast",), slots=settings.WORKERS_FAST),
        worker("heavy", queues=("heavy",), slots=settings.WORKERS_HEAVY),
        worker("intelligence", queues=("intelligence",), slots=settings.WORKERS_INTELLIGENCE),
        worker("transfer", queues=("transfer",), slots=settings.WORKERS_TRANSFER),
        scheduler(),
    ]
    return {role.name: role for role in found}


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        known = of(settings)
        if len(arguments) != 1 or arguments[0] not in known:
            print(f"Name one of: {', '.join(known)}.", file=sys.stderr)
            return 2
        django.setup()
        from ittyhost.checks import DEVICES, SETTINGS, problems

        errors, _ = problems(SETTINGS)
        if not errors and arguments[0] == "intelligence":
            for line in problems(DEVICES)[1]:
                print(line, file=sys.stderr)
    except ImproperlyConfigured as exc:
        errors = [str(exc)]
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 2
    role = known[arguments[0]]
    # Becomes the process instead of starting it: signals reach it directly.
    os.execvpe(role.command[0], role.command, {**os.environ, **role.environment})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
