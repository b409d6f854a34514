from ittyhost.api.routes import route
from tasks_app.api.views import SourceListView, TaskListView, TaskView

urlpatterns = [
    route("tasks", TaskListView, name="tasks"),
    route("tasks/<task_id>", TaskView, name="task"),
    route("sources", SourceListView, name="source-list"),
]
