from ittyhost.api.routes import route
from tasks_app.api.views import (
    OlderTaskConfigView,
    SourceListView,
    TaskConfigView,
    TaskListView,
    TaskPlanView,
    TaskPreviewView,
    TaskStartView,
    TaskView,
)

urlpatterns = [
    route("tasks", TaskListView, name="tasks"),
    route("tasks-config", TaskConfigView, name="tasks-config"),
    route("tasks/config", OlderTaskConfigView, name="tasks-config-older"),  # before ids, none of which it is
    route("tasks/plan", TaskPreviewView, name="tasks-plan"),
    route("tasks/<task_id>", TaskView, name="task"),
    route("tasks/<task_id>/plan", TaskPlanView, name="task-plan"),
    route("tasks/<task_id>/start", TaskStartView, name="task-start"),
    route("sources", SourceListView, name="source-list"),
]
