"""Telling workers that tasks are due. A message names a lane and no task; too many of them do no harm."""

from ittyhost import queue
from tasks_app.models import Task
from tasks_app.selectors import slots, tasks_due


def wake(lane: str) -> None:
    """Tell the workers of a lane, once this transaction commits, that a task may be due."""
    queue.send("tasks_app.work", lane, lane=lane)


def lane_wake(*, lane: str) -> None:
    """Send a lane the wake-ups it lacks: one for each due task, up to the free slots, less those on their way."""
    # After every task: what rules most cases out, or costs least, is asked first.
    sent, most = queue.waiting(lane) or 0, slots(lane=lane)
    due = tasks_due(lane=lane)[:most].count() if most > sent else 0
    if due <= sent:
        return
    room = most - Task.objects.filter(lane=lane, status=Task.Status.PROCESSING).count()
    for _ in range(min(due, room) - sent):
        wake(lane)
