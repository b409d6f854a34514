"""What puts right what no message will."""

import logging
from collections.abc import Callable
from functools import partial

from django.db import DatabaseError
from django.db.models import Q

from tasks_app.services.attempts import attempts_take_back
from tasks_app.services.waiting import tasks_settle
from tasks_app.services.waking import lane_wake
from workers.kinds import all_kinds

logger = logging.getLogger(__name__)


def tasks_sweep() -> None:
    """Silent attempts, waits that are over, due tasks that nobody was woken for."""
    lanes = sorted({kind.lane for kind in all_kinds().values()})  # of the engine's: no task of a control kind is due
    wakes = [partial(lane_wake, lane=lane) for lane in lanes]
    steps: list[Callable[[], object]] = [attempts_take_back, partial(tasks_settle, Q()), *wakes]
    for step in steps:
        try:
            step()
        except DatabaseError:
            raise  # the next step would fare no better
        except Exception:  # the other steps do not hang on this one
            logger.exception("a step of the sweep failed")
