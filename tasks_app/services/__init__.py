"""Every write of tasks: creating, claiming, finishing, giving back, cancelling."""

from tasks_app.services.attempts import (
    DELETED_MEANWHILE,
    LeaseLost,
    attempt_discard,
    attempt_planned,
    attempt_stopped,
    source_exists,
    task_claim,
    task_fail,
    task_heartbeat,
    task_is_held,
    task_progress,
    task_publish,
    task_release,
    task_wait,
)
from tasks_app.services.cancelling import task_cancel
from tasks_app.services.creating import task_create, work_limits
from tasks_app.services.needs import NeedGone, NeedMet, need_is_met, needs_met
from tasks_app.services.planning import TaskPlan, task_plan
from tasks_app.services.steering import task_retry
from tasks_app.services.sweeping import tasks_sweep
from tasks_app.services.waiting import need_settled, source_settled, tasks_settle
from tasks_app.services.waking import lane_wake

__all__ = [
    "DELETED_MEANWHILE",
    "LeaseLost",
    "NeedGone",
    "NeedMet",
    "TaskPlan",
    "attempt_discard",
    "attempt_planned",
    "attempt_stopped",
    "lane_wake",
    "need_is_met",
    "need_settled",
    "needs_met",
    "source_exists",
    "source_settled",
    "task_cancel",
    "task_claim",
    "task_create",
    "task_fail",
    "task_heartbeat",
    "task_is_held",
    "task_plan",
    "task_progress",
    "task_publish",
    "task_release",
    "task_retry",
    "task_wait",
    "tasks_settle",
    "tasks_sweep",
    "work_limits",
]
