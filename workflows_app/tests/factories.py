"""Rows of this app for everyone's tests."""

from typing import Any

from orgs_app.models import Project
from orgs_app.tests.factories import make_project
from workflows_app.models import Automation
from workflows_app.services import automation_create


def make_automation(*, project: Project | None = None, **fields: Any) -> Automation:
    """An active automation of one step, in a project of its own unless one is given."""
    return automation_create(
        project=project or make_project(), **{"name": "Every upload", "workflow": [{"kind": "image"}]} | fields
    )
