"""Every write of automations. What they hold was read by `steps`, `conditions` and `triggers` before."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from events_app.services import event_record
from orgs_app.models import Project
from workflows_app.models import MEDIA_CREATED, Automation
from workflows_app.selectors import automation_get, not_found


@transaction.atomic
def automation_create(
    *,
    project: Project,
    workflow: list[dict[str, Any]],
    conditions: list[dict[str, str]] | None = None,
    event: str = MEDIA_CREATED,
    name: str = "",
    description: str = "",
    status: str = Automation.Status.ACTIVE,
    metadata: dict[str, Any] | None = None,
    created_by: str = "",
) -> Automation:
    """Keep a chain of checked steps under a project, with what starts it."""
    automation = Automation.objects.create(
        project=project,
        name=name,
        description=description,
        status=status,
        event=event,
        conditions=conditions or [],
        workflow=workflow,
        metadata=metadata or {},
        created_by=created_by,
    )
    event_record(project=project, type="automation.created", subject=automation)
    return automation


@transaction.atomic
def automation_update(*, automation: Automation, **changes: Any) -> Automation:
    """Change the columns named and no others, so that two changes at once both stay. Gives the automation as it is now.

    Nothing named: nothing changes, and nothing happened. Raises NotFound when it was deleted meanwhile.
    """
    mine = Automation.objects.filter(pk=automation.pk)
    if changes:
        if not mine.update(**changes, updated=timezone.now()):
            raise not_found()
        event_record(project=automation.project, type="automation.updated", subject=automation)
    return automation_get(project=automation.project, automation_id=automation.pk)


@transaction.atomic
def automation_delete(*, automation: Automation) -> None:
    """Delete an automation; what it made stays. Deleted before: nothing happens."""
    deleted, _ = Automation.objects.filter(pk=automation.pk).delete()
    if deleted:
        event_record(project=automation.project, type="automation.deleted", subject=automation)
