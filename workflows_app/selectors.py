"""Reads of automations: always of one project."""

from django.db.models import QuerySet

from ittyhost.errors import NotFound
from orgs_app.models import Project
from workflows_app.models import Automation


def automation_list(*, project: Project, status: str = "") -> QuerySet[Automation]:
    """The automations of a project, in no order yet; with a status only those that have it."""
    automations = Automation.objects.filter(project=project)
    return automations.filter(status=status) if status else automations


def automation_get(*, project: Project, automation_id: str | None) -> Automation:
    """One automation of a project, by its bare id (None finds nothing). Raises NotFound."""
    found = Automation.objects.filter(project=project, pk=automation_id).select_related("project")
    automation = found.first() if automation_id else None
    if automation is None:
        raise not_found()
    return automation


def not_found() -> NotFound:
    """The refusal of an id that no automation of the project has."""
    return NotFound("There is no automation with this id.", param="id", code="automation_not_found")
