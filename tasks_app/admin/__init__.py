"""Operators' pages of tasks and of the processes that work on them."""

from tasks_app.admin import nodes, tasks  # noqa: F401  registering is what they are imported for
