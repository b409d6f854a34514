"""Tasks over HTTP, the same in every version."""

from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.kinds import ALIASES
from ittyhost.api.openapi import documented
from ittyhost.api.paging import Filter
from ittyhost.api.permissions import READ
from ittyhost.api.views import ProjectView
from ittyhost.records import parse_id
from media_app.api import views as media_views
from tasks_app.api.fields import DOCUMENTED_KINDS, options_within
from tasks_app.api.kinds import kinds_show
from tasks_app.api.shapes import SHAPES
from tasks_app.control import INGEST, all_kinds
from tasks_app.models import Task
from tasks_app.selectors import attempt_planned_last, task_get, task_list
from tasks_app.services import task_create, task_plan

Status = Task.Status

# Every version's words for a state are understood in all of them; where two mean different things by one, as by
# "processing", this is the meaning of 2024-03-21, and the version's own shapes narrow it (STATUS_MEANS).
STATUS_WORDS = {
    "ready": [Status.READY],
    "processing": [Status.QUEUED, Status.PROCESSING],
    "waiting": [Status.WAITING],
    "error": [Status.ERROR, Status.CANCELLED],
    "pending": [Status.QUEUED],
    "queued": [Status.QUEUED],
    "completed": [Status.READY],
    "succeeded": [Status.READY],
    "validating": [Status.WAITING],
    "finishing": [Status.PROCESSING],
    "failed": [Status.ERROR],
    "cancelled": [Status.CANCELLED],
}

# Kinds of later versions. Only lists are asked for in these words; those this service does not know find nothing.
LATER_NAMES = {"import": INGEST.name, "export": "export"}


CREATE_REFUSALS = {402: "The project's storage is full.", 404: "The input names nothing in this project."}


def kind_words() -> dict[str, str]:
    """What may be asked for as `kind`, and the kind that is meant."""
    names = {name: name for name in sorted({*DOCUMENTED_KINDS, *all_kinds()})}
    return names | ALIASES | LATER_NAMES


class TaskListView(ProjectView):
    shapes = SHAPES
    sorts = {"created": "created", "updated": "updated", "filesize": "output_size"}
    filters = (
        Filter("kind", kind_words, "Only tasks of this kind."),
        Filter("status", STATUS_WORDS, "Only tasks in this state."),
    )

    @documented(SHAPES, response="listed_schema", many=True)
    def get(self, request: Request) -> Response:
        """List tasks."""
        wanted = self.filtered()
        if own := self.shape.STATUS_MEANS.get(request.query_params.get("status")):
            wanted["status"] = own
        tasks = task_list(project=self.project, with_files=self.shape.LISTS_FILES, **wanted)
        return self.page(tasks, self.shape.task_listed)

    @documented(
        SHAPES,
        request="create_schema",
        response="created_schema",
        refusals=CREATE_REFUSALS,
    )
    def post(self, request: Request) -> Response:
        """Create a task.

        Its input is a file, the original of a media, or a URL that is fetched first.
        """
        asked = self.shape.task_read(request.data, project=self.project)
        with options_within(request.data):
            task = task_create(project=self.project, created_by=self.api_key.public_id, **asked)
        return self.created(self.shape.task_created(task))


class SourceListView(media_views.SourceListView):
    """The list is that of files; what is posted is a task."""

    @documented(SHAPES, request="create_schema", response="created_schema", refusals=CREATE_REFUSALS)
    def post(self, request: Request) -> Response:
        """Make a source.

        The same as creating a task: the answer is that task, and its output is the source.
        """
        shape = SHAPES[self.version]
        asked = shape.task_read(request.data, project=self.project)
        with options_within(request.data):
            made = task_create(project=self.project, created_by=self.api_key.public_id, **asked)
        task = shape.task_created(made)
        return self.created(task, path=f"/tasks/{task['id']}", parent="/tasks")


class TaskView(ProjectView):
    shapes = SHAPES
    collection = "/tasks"

    @documented(SHAPES, response="show_schema")
    def get(self, request: Request, task_id: str) -> Response:
        """View a task."""
        task = task_get(project=self.project, task_id=parse_id(task_id, "tsk", "task"))
        return self.ok(self.shape.task_show(task))


class TaskPreviewView(ProjectView):
    shapes = SHAPES
    scope = READ  # nothing is made, and nothing told that a key which may read could not find out

    @documented(
        SHAPES,
        request="create_schema",
        response="plan_schema",
        creates=False,
        refusals=CREATE_REFUSALS | {409: "The input is not known yet: a URL, or a file that is not ready."},
    )
    def post(self, request: Request) -> Response:
        """Plan a task.

        Takes the body of `POST /tasks` and makes nothing of it: answers what is known of the input, the options as they
        will be used, the exact commands, what will come of them, about how long they will take, and warnings in words.
        """
        asked = self.shape.task_read(request.data, project=self.project)
        with options_within(request.data):
            planned = task_plan(project=self.project, **asked)
        return self.ok(self.shape.plan_show(planned), parent="/tasks")


class TaskPlanView(ProjectView):
    shapes = SHAPES
    collection = "/tasks"

    @documented(SHAPES, response="attempt_schema")
    def get(self, request: Request, task_id: str) -> Response:
        """View the plan of a task.

        What the attempt did that made its output; while it runs, what it is about to do.
        """
        task = task_get(project=self.project, task_id=parse_id(task_id, "tsk", "task"))
        return self.ok(self.shape.attempt_show(attempt_planned_last(task=task)))


class TaskStartView(ProjectView):
    shapes = SHAPES
    collection = "/tasks"

    @documented(SHAPES, response="show_schema", creates=False)
    def post(self, request: Request, task_id: str) -> Response:
        """Start a task.

        Tasks start by themselves: this shows the task and changes nothing. It is there for clients that ask for it.
        """
        task = task_get(project=self.project, task_id=parse_id(task_id, "tsk", "task"))
        return self.ok(self.shape.task_show(task))


class TaskConfigView(ProjectView):
    shapes = SHAPES

    @documented(SHAPES, response="config_schema")
    def get(self, request: Request) -> Response:
        """View the kinds of task.

        By name: what each makes of what, its options as JSON Schema, and examples of them.
        """
        return self.ok(kinds_show())


class OlderTaskConfigView(ProjectView):
    shapes = SHAPES
    collection = "/tasks"

    @documented(SHAPES, response="config_schema", operation_id="tasks_config_get_older")
    def get(self, request: Request) -> Response:
        """View the kinds of task, at an older path.

        The same as `/tasks-config`, where SDK 0.7.2 asks for it.
        """
        return self.ok(kinds_show())
