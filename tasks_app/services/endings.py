"""What is told when a task has ended: its event, and whoever waits for what it was to make."""

from events_app.services import event_record
from ittyhost import queue
from tasks_app.models import Task, TaskNeed


def task_ended(*, task: Task, how: str) -> None:
    """Record that a task is `ready`, in `error` or `cancelled`, in the transaction that ends it; tasks that wait for it
    are looked at once that commits."""
    event_record(project=task.project, type=f"task.{how}", subject=task)
    if TaskNeed.objects.filter(maker_id=task.pk, task__status=Task.Status.WAITING).exists():
        queue.send("tasks_app.need_settled", task.pk, lane=queue.FAST)
