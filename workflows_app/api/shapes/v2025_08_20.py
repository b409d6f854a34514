"""Automations in version 2025-08-20: steps are its `workflow`; conditions that all hang on are a step before them."""

from typing import Any

from ittyhost.api.dates import instant
from ittyhost.api.openapi import Components
from ittyhost.api.schemas import closed, described
from workflows_app.api.fields import AutomationBody, Given, NameField, ReplacingBody
from workflows_app.api.schemas import given_steps, given_trigger, identity, shown_status, shown_steps, shown_trigger
from workflows_app.models import Automation
from workflows_app.steps import chain_read, chain_show, steps_read
from workflows_app.triggers import trigger_read


class AutomationUpdate(AutomationBody):
    """What is to change. Conditions come with the workflow, or, as an early SDK writes them, with the trigger."""

    trigger = Given(given_trigger)
    workflow = Given(given_steps)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(attrs)
        if "trigger" in given:
            given |= trigger_read(given.pop("trigger"))
        if "workflow" in given and "conditions" in given:
            given["workflow"] = steps_read(given["workflow"], param="workflow")
        elif "workflow" in given:
            given["conditions"], given["workflow"] = chain_read(given["workflow"], param="workflow")
        return given


class AutomationCreate(AutomationUpdate):
    """What starts it, and what is done then."""

    trigger = Given(given_trigger, required=True)
    workflow = Given(given_steps, required=True)


class AutomationReplace(ReplacingBody, AutomationUpdate):
    """All of it anew, but trigger, steps and status, which stay where they are not given."""

    name = NameField()


def automation_show(automation: Automation) -> dict[str, Any]:
    """An automation. Typed SDKs fail on any trigger but this very one: its conditions are shown among the steps."""
    return {
        "id": automation.public_id,
        "object": "automation",
        "name": automation.name or None,
        "description": automation.description or None,
        "trigger": {"kind": "event", "event": automation.event},
        "workflow": chain_show(automation.conditions, automation.workflow),
        "status": automation.status,
        "metadata": automation.metadata,
        "created_by": automation.created_by or None,
        "created": instant(automation.created),
        "updated": instant(automation.updated),
    }


def automation_schema(components: Components) -> dict[str, Any]:
    words = {
        "name": "string?",
        "description": "string?",
        "metadata": "object",
        "created_by": "string?",
        "created": "date-time",
        "updated": "date-time",
    }
    properties = {
        **identity(),
        **described(words),
        **shown_status(),
        "trigger": shown_trigger(),
        "workflow": shown_steps(components),
    }
    return components.add("Automation", closed(properties))
