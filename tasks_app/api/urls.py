from ittyhost.api.routes import route
from tasks_app.api.views import TaskListView, TaskView

urlpatterns = [
    route("tasks", TaskListView, name="tasks"),
    route("tasks/<task_id>", TaskView, name="task"),
]
