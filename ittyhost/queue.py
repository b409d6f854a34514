"""Waking workers. The database is the queue of record; a message only says that something may be due in a lane."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# What workers take work from: one Celery queue each.
FAST = "fast"  # images, probes, tracks: milliseconds to seconds
HEAVY = "heavy"  # video and sound: as long as the media
INTELLIGENCE = "intelligence"  # whatever needs a model
TRANSFER = "transfer"  # fetching users' URLs: waits for other people's servers, and must not hold up the others
LANES = (FAST, HEAVY, INTELLIGENCE, TRANSFER)


def send(job: str, *args: Any, lane: str) -> None:
    """Start a job by its name once the current transaction commits.

    A broker that is away fails nobody: whatever a message announces stands in a row too, and a sweep finds it there.
    """
    transaction.on_commit(partial(_publish, job, args, lane))


# After a broker failed, nothing is sent to it for so long: requests must not wait for it one after the other.
PAUSE_SECONDS = 2.0
_paused_until = 0.0


def _publish(job: str, args: tuple[Any, ...], lane: str) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        current_app.send_task(job, args=args, queue=lane, retry=False, ignore_result=True)
    except (BrokerError, RedisError, OSError) as exc:
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("the broker did not take a message", extra={"job": job, "lane": lane, "reason": str(exc)})


def waiting(lane: str) -> int | None:
    """Messages that no worker of a lane has taken yet; None when the broker does not answer."""
    return _ask(lambda channel: int(channel.client.llen(lane)))


def is_up() -> bool:
    """Whether the broker answers."""
    return bool(_ask(lambda channel: channel.client.ping()))


def _ask(question: Callable[[Any], Any]) -> Any:
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            return question(connection.default_channel)
    except (BrokerError, RedisError, OSError) as exc:
        logger.warning("the broker does not answer", extra={"reason": str(exc)})
        return None
