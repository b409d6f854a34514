"""Messages wait for nobody: not for the broker, not for a transaction that fails."""

import os
import subprocess
import sys
import time

import pytest
import redis
from django.db import transaction

from ittyhost import queue

SEND = """
import django
django.setup()
from ittyhost import queue
queue.Sender.LAST_SECONDS = 60
for _ in range(3):
    queue._publish("tasks_app.work", ("heavy",), "heavy")
"""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The messages handed over, as (job, lane)."""
    messages: list[tuple[str, str]] = []
    monkeypatch.setattr(queue, "_publish", lambda job, args, lane: messages.append((job, lane)))
    return messages


@pytest.mark.services
def test_a_process_that_ends_sends_what_it_has_to_say(redis_url, settings, monkeypatch):
    server = redis.Redis.from_url(redis_url)
    server.flushall()
    subprocess.run([sys.executable, "-c", SEND], env={**os.environ, "BROKER_URL": redis_url}, check=True, timeout=120)
    settings.BROKER_URL = redis_url
    queue._client.cache_clear()
    assert (queue.waiting("heavy"), queue.waiting("fast"), queue.is_up()) == (3, 0, True)
    queue._client().close()
    queue._client.cache_clear()
    server.close()


@pytest.mark.django_db(transaction=True)
def test_a_message_is_sent_once_the_transaction_commits(sent):
    with transaction.atomic():
        queue.send("tasks_app.work", "heavy", lane="heavy")
        assert sent == []
    assert sent == [("tasks_app.work", "heavy")]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_sends_nothing(sent):
    with transaction.atomic():
        queue.send("tasks_app.work", "fast", lane="fast")
        transaction.set_rollback(True)
    assert sent == []


def test_a_broker_that_is_away_holds_up_nobody(settings):
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    queue._client.cache_clear()
    started = time.monotonic()
    for _ in range(100):
        queue._publish("tasks_app.work", ("fast",), "fast")
    assert (queue.waiting("fast"), queue.is_up()) == (None, False)
    assert time.monotonic() - started < 40  # one that tries again, or waits, takes a second and more a message
    queue._client.cache_clear()
