"""Waking workers. The database is the queue of record; a message only says that something may be due in a lane.

Messages are sent from a thread of their own, so that no request ever waits for the broker. One that is lost, because
the broker is away or this process ends, costs seconds: whatever it announces stands in a row, and a sweep finds it.
"""

import atexit
import logging
import os
import queue as queues
import threading
import time
from functools import cache, partial
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from ittyhost.broker_client import connect

logger = logging.getLogger(__name__)

# What workers take work from: one Celery queue each.
FAST = "fast"  # images, probes, tracks: milliseconds to seconds
HEAVY = "heavy"  # video and sound: as long as the media
INTELLIGENCE = "intelligence"  # whatever needs a model
TRANSFER = "transfer"  # fetching users' URLs: waits for other people's servers, and must not hold up the others
LANES = (FAST, HEAVY, INTELLIGENCE, TRANSFER)


def send(job: str, *args: Any, lane: str) -> None:
    """Start a job by its name once the current transaction commits."""
    transaction.on_commit(partial(_publish, job, args, lane))


def _publish(job: str, args: tuple[Any, ...], lane: str) -> None:
    _sender(os.getpid()).put(job, args, lane)


class Sender:
    """Hands messages to the broker, one after the other."""

    MOST = 10_000  # messages kept while the broker is slow; what comes beyond is left to the sweep
    LAST_SECONDS = 2.0  # what a process that ends waits for what is still to be sent
    PAUSE_SECONDS = 2.0  # after the broker failed, nothing is sent for so long: each try takes seconds

    def __init__(self) -> None:
        self._messages: queues.Queue[tuple[str, tuple[Any, ...], str]] = queues.Queue(self.MOST)
        self._paused_until = 0.0
        threading.Thread(target=self._run, name="sender", daemon=True).start()
        atexit.register(self.flush)

    def put(self, job: str, args: tuple[Any, ...], lane: str) -> None:
        try:
            self._messages.put_nowait((job, args, lane))
        except queues.Full:
            logger.warning("a message was dropped", extra={"job": job, "lane": lane})

    def flush(self) -> None:
        """Give what is still to be sent a moment, as a process that ends does."""
        until = time.monotonic() + self.LAST_SECONDS
        while self._messages.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _run(self) -> None:
        while True:
            job, args, lane = self._messages.get()
            try:
                if time.monotonic() >= self._paused_until:
                    current_app.send_task(job, args=args, queue=lane, retry=False, ignore_result=True)
            except (BrokerError, RedisError, OSError) as exc:
                self._paused_until = time.monotonic() + self.PAUSE_SECONDS
                logger.warning("the broker did not take a message", extra={"job": job, "reason": str(exc)})
            except Exception:  # this thread must go on for those to come
                logger.exception("a message could not be sent", extra={"job": job})
            finally:
                self._messages.task_done()


@cache
def _sender(process: int) -> Sender:
    """One for each process: a thread does not survive a fork."""
    return Sender()


@cache
def _client() -> redis.Redis:
    return connect(settings.BROKER_URL, seconds=2)


def waiting(lane: str) -> int | None:
    """Messages that no worker of a lane has taken yet; None when the broker does not answer."""
    try:
        return int(_client().llen(lane))
    except RedisError as exc:
        logger.warning("the broker does not answer", extra={"reason": str(exc)})
        return None


def trouble() -> str | None:
    """What is wrong with the broker, in its client's words; None when it answers."""
    try:
        _client().ping()
    except (RedisError, ValueError) as exc:  # ValueError: the URL cannot be read
        return str(exc) or type(exc).__name__
    return None


def is_up() -> bool:
    """Whether the broker answers."""
    return trouble() is None
