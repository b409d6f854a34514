"""A project with rows of every resource, for tests that ask for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from media_app.models import File, Media
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.tests.factories import make_api_key, make_project
from tasks_app.models import Task
from tasks_app.tests.factories import end, make_attempt, make_task
from workflows_app.models import Automation
from workflows_app.tests.factories import make_automation

# What a path parameter names; a new resource is added here.
IDS: Mapping[str, Callable[[Project], Any]] = {
    "task_id": lambda project: Task.objects.filter(project=project),
    "file_id": lambda project: File.objects.filter(project=project),
    "source_id": lambda project: File.objects.filter(project=project, object=File.Object.SOURCE),
    "media_id": lambda project: Media.objects.filter(project=project),
    "automation_id": lambda project: Automation.objects.filter(project=project),
}


@dataclass
class Rows:
    """A project and a key to it; its rows come and go while requests are made."""

    project: Project
    secret: str
    asked: int = 0

    def real_ids(self, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
        """Path parameters with ids that exist; every fourth time as they are."""
        given = dict(parameters or {})
        self.asked += 1
        if self.asked % 4 == 0:
            return given
        for name in given:
            found = list(IDS[name](self.project).order_by("pk")[:50])
            if found:
                given[name] = found[self.asked % len(found)].public_id
        return given


def fill(project: Project | None = None) -> Rows:
    """A task in each state, files in each, a media without any."""
    project = project or make_project()
    source = make_file(project=project)
    ready = make_task(source=source, width=32, filename="a.jpg")
    make_file(project=project, media=ready.media, id=ready.output_id, original=False, filename="a.jpg")
    end(ready, "ready", progress=100)
    make_attempt(ready)
    end(make_task(source=source, kind="probe"), "ready", progress=100, result={"kind": "image", "width": 64})
    end(make_task(source=source), "error", error="It is cut short.")
    end(make_task(source=source), "cancelled")
    make_task(source=source)
    make_task(source=make_file(project=project, status=File.Status.WAITING))
    make_file(project=project, status=File.Status.FAILED, error="It is empty.")
    for _ in range(4):
        make_media(project=project)
        make_file(project=project)
        make_automation(project=project)
    _, secret = make_api_key(project=project)
    return Rows(project, secret)
