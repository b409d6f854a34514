"""Celery: the app, its settings, and what a worker does when it starts and stops."""

import atexit
import gc
import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")

from django.conf import settings

from ittyhost import logs, queue
from ittyhost.stopping import worker_stop
from workers.engine.host import warm

# Workers wait on the broker by blocking reads of a second; the others only send, and a request must not hang with it.
SENDS_ONLY = os.environ.get("ITTYHOST_ROLE") in {"web", "scheduler"}

# An interpreter that ends searches all its modules for cycles once more: half a second for nothing, for each node.
atexit.register(gc.freeze)

app = Celery("ittyhost")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # A message is only a wake-up: one that comes twice finds nothing to claim.
        "visibility_timeout": 3600,
        "socket_connect_timeout": 2,
        "socket_timeout": 2 if SENDS_ONLY else 10,
        "socket_keepalive": True,
        "health_check_interval": 30,
    },
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    result_backend=None,
    task_acks_late=True,
    task_reject_on_worker_lost=False,  # the lease of the row brings the work back, not the message
    task_default_queue=queue.FAST,
    task_create_missing_queues=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # the lease is in the database, not in the broker
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    worker_send_task_events=False,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_scheduler="ittyhost.scheduler:SweepScheduler",
    beat_max_loop_interval=1,
    beat_schedule={
        "files": {"task": "media_app.sweep", "schedule": 5.0},
        "uploads": {"task": "media_app.uploads_sweep", "schedule": 5.0},
        "tasks": {"task": "tasks_app.sweep", "schedule": 5.0},
        "clean-up": {"task": "media_app.clean_up", "schedule": 60.0},
        "idempotency": {"task": "orgs_app.forget", "schedule": 60.0},
    },
)
app.autodiscover_tasks(related_name="jobs")


@signals.setup_logging.connect
def _keep_our_logs(**_: Any) -> None:
    """Celery sets up no logging of its own when this signal has a receiver."""
    logs.configure(level=settings.LOG_LEVEL, form=settings.LOG_FORMAT)


@signals.worker_init.connect
def _before_the_pool_forks(sender: Any, **_: Any) -> None:
    worker_stop.open()
    slots = getattr(sender, "concurrency", None) or 1
    if slots > 1:  # alone, ffmpeg may have all processors; beside others its share
        share = str(max(1, (os.cpu_count() or 1) // slots))
        os.environ["FFMPEG_THREADS"] = os.environ.get("FFMPEG_THREADS", "").strip() or share


_lanes: frozenset[str] = frozenset()


@signals.celeryd_after_setup.connect
def _know_the_lanes(instance: Any, **_: Any) -> None:
    global _lanes
    _lanes = frozenset(instance.app.amqp.queues.consume_from)


@signals.worker_process_init.connect
def _in_each_child(**_: Any) -> None:
    worker_stop.inherit()
    if queue.FAST in _lanes:
        warm()  # the first picture should not wait for the helper that decodes it to start


@signals.worker_ready.connect
def _say_that_it_is_there(sender: Any, **_: Any) -> None:
    from tasks_app.nodes import Presence

    lanes = sorted(sender.app.amqp.queues.consume_from)
    # Two installations, or two like workers, may share a host and so a Celery name.
    name = f"{sender.hostname}:{os.getpid()}"
    sender.presence = Presence(name=name, lanes=lanes, slots=sender.controller.concurrency)
    sender.presence.start()


@signals.worker_shutdown.connect
def _say_that_it_goes(sender: Any, **_: Any) -> None:
    presence = getattr(getattr(sender, "consumer", None), "presence", None)
    if presence is not None:
        presence.stop()


@signals.worker_shutting_down.connect
def _stop_running_work(**_: Any) -> None:
    worker_stop.raise_()
