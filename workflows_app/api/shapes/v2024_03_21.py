"""Automations in version 2024-03-21: steps are its `tasks`, and the trigger holds the conditions they hang on."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import closed, described
from workflows_app.api.fields import AutomationBody, Given, NameField, ReplacingBody
from workflows_app.api.schemas import given_steps, given_trigger, identity, shown_conditions, shown_status, shown_steps
from workflows_app.models import MEDIA_CREATED, Automation
from workflows_app.steps import steps_read
from workflows_app.triggers import trigger_read


class AutomationUpdate(AutomationBody):
    """What is to change. A trigger without conditions takes away those there were."""

    trigger = Given(given_trigger)
    tasks = Given(given_steps)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(attrs)
        if "trigger" in given:
            given |= {"conditions": [], **trigger_read(given.pop("trigger"))}
        if "tasks" in given:
            given["workflow"] = steps_read(given.pop("tasks"), param="tasks")
        return given


class AutomationCreate(AutomationUpdate):
    """What starts it, and what is done then."""

    trigger = Given(given_trigger, required=True)
    tasks = Given(given_steps, required=True)


class AutomationReplace(ReplacingBody, AutomationUpdate):
    """All of it anew, but trigger, steps and status, which stay where they are not given."""

    name = NameField()


def automation_show(automation: Automation) -> dict[str, Any]:
    return {
        "id": automation.public_id,
        "object": "automation",
        "name": automation.name or None,
        "description": automation.description or None,
        "trigger": {"event": automation.event, "conditions": automation.conditions},
        "tasks": automation.workflow,
        "metadata": automation.metadata,
        "created": instant(automation.created),
        "updated": instant(automation.updated),
        "status": automation.status,
    }


def automation_schema(components: Components) -> dict[str, Any]:
    trigger = {"event": {"type": "string", "const": MEDIA_CREATED}, "conditions": shown_conditions(components)}
    words = {"name": "string?", "description": "string?", "metadata": "object"}
    properties = identity() | described(words | {"created": "date-time", "updated": "date-time"}) | shown_status()
    return components.add(
        "Automation", closed({**properties, "trigger": closed(trigger), "tasks": shown_steps(components)})
    )
