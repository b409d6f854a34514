"""How OpenAPI describes steps, conditions and triggers, in requests and in answers."""

from typing import Any

from ittyhost.api.openapi import Components
from ittyhost.api.schemas import Schema, an_id, closed, one_of
from tasks_app.api.fields import made_aliases
from workers.kinds import all_kinds
from workflows_app.conditions import MAX_CONDITIONS, MAX_VALUE, PROPS
from workflows_app.models import MEDIA_CREATED, Automation
from workflows_app.steps import CONDITIONS, MAX_REF, NO_STEP, STEP_ALIASES, step_kinds
from workflows_app.triggers import EVENTS

STEP = {"$ref": "#/components/schemas/Step"}


def given_steps(components: Components) -> Schema:
    """One schema for each kind that is made here, one for conditions, one for the kinds and spellings that are left."""
    made = {name: kind.options for name, kind in all_kinds().items() if name not in {CONDITIONS, *NO_STEP}}
    step = components.one_per_kind(made, name=_step_name, more=_beside_options(), aliases=made_aliases())
    conditions = components.add("ConditionsStep", _conditions_step(components))
    later = components.add("LaterStep", _later_step(made))
    step["oneOf"] += [conditions, later]
    step["discriminator"]["mapping"] |= {
        CONDITIONS: conditions["$ref"],
        **dict.fromkeys(_later_names(made), later["$ref"]),
    }
    components.add("Step", step)
    return {
        "type": "array",
        "items": STEP,
        "minItems": 1,
        "description": "Steps that run side by side; in `next` of each the steps that follow it.",
    }


def shown_steps(components: Components) -> Schema:
    """Steps as they are kept: a kind, its options as they were given, and what follows."""
    step = {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": step_kinds()},
            "ref": {"type": "string", "maxLength": MAX_REF},
            "conditions": {"type": "array", "items": _condition(components, shown=True)},
            "next": {"type": "array", "items": {"$ref": "#/components/schemas/ShownStep"}},
        },
        "required": ["kind"],
        "additionalProperties": True,
        "description": "Beside `kind`: the options of that kind, as they were given.",
    }
    return {"type": "array", "items": components.add("ShownStep", step), "minItems": 1}


def identity() -> dict[str, Schema]:
    return {"id": an_id(Automation.prefix), "object": {"type": "string", "const": "automation"}}


def shown_status() -> dict[str, Schema]:
    return {"status": one_of(Automation.Status.values)}


def given_trigger(components: Components) -> Schema:
    properties: dict[str, Schema] = {
        "kind": {"type": "string", "const": "event"},
        "event": {
            "type": "string",
            "enum": list(EVENTS),
            "description": f"Kept and shown as {MEDIA_CREATED}, whichever spelling is given.",
        },
        "conditions": {
            "type": ["array", "null"],
            "items": _condition(components),
            "maxItems": MAX_CONDITIONS,
            "description": "What must hold before any step runs. None: nothing.",
        },
    }
    return components.add("Trigger", closed(properties, optional={"kind", "conditions"}))


def shown_trigger() -> Schema:
    """The one trigger there is, as typed clients expect it to the letter."""
    return closed({"kind": {"type": "string", "const": "event"}, "event": {"type": "string", "const": MEDIA_CREATED}})


def shown_conditions(components: Components) -> Schema:
    return {"type": "array", "items": _condition(components, shown=True)}


def _condition(components: Components, *, shown: bool = False) -> Schema:
    value: Schema = {"type": "string", "maxLength": MAX_VALUE, "description": "May hold `*` for anything: `video/*`."}
    if not shown:
        value |= {"type": ["string", "number", "boolean"]}
    properties: dict[str, Schema] = {"prop": {"type": "string", "enum": list(PROPS)}, "value": value}
    return components.add("ShownCondition" if shown else "Condition", closed(properties))


def _beside_options() -> dict[str, Schema]:
    return {
        "next": {"type": ["array", "null"], "items": STEP, "description": "Steps that work on what this one made."},
        "webhook_url": {
            "type": ["string", "null"],
            "format": "uri",
            "description": "Told when the step's task has ended.",
        },
        "options": {"type": ["object", "null"], "description": "The options, where they do not stand beside `kind`."},
    }


def _conditions_step(components: Components) -> Schema:
    conditions = {"type": "array", "items": _condition(components), "minItems": 1, "maxItems": MAX_CONDITIONS}
    return {
        "type": "object",
        "description": "Lets the steps in its `next` run only where all its conditions hold.",
        "properties": {"kind": {"type": "string", "const": CONDITIONS}, "conditions": conditions, **_beside_options()},
        "required": ["kind", "conditions"],
        "additionalProperties": True,
    }


def _later_names(made: dict[str, Any]) -> list[str]:
    kinds = [name for name in step_kinds() if name not in made and name != CONDITIONS]
    return [*kinds, *(alias for alias, kind in STEP_ALIASES.items() if kind not in made)]


def _later_step(made: dict[str, Any]) -> Schema:
    others = {name: kind for name, kind in STEP_ALIASES.items() if kind not in made}
    return {
        "type": "object",
        "description": (
            "A kind that is documented and not made here yet: its options are kept as given. "
            f"Or another spelling of one: {', '.join(f'{name} is {kind}' for name, kind in others.items())}."
        ),
        "properties": {
            "kind": {"type": "string", "enum": _later_names(made)},
            "ref": {"type": ["string", "null"], "maxLength": MAX_REF},
            **_beside_options(),
        },
        "required": ["kind"],
        "additionalProperties": True,
    }


def _step_name(kind: str) -> str:
    return "".join(part.title() for part in kind.split("_")) + "Step"
