"""Chains of steps: read and checked once, in one form, whoever asks. Knows no HTTP.

A step is `{kind, …options, next: [steps that follow it]}`. Those of one array run side by side; `next` works on what
its step made.
"""

import json
from typing import Any

from ittyhost.api.kinds import ALIASES
from ittyhost.errors import Invalid
from tasks_app.api.fields import DOCUMENTED_KINDS, read_object, read_options, read_url
from workers.kinds import all_kinds
from workflows_app.conditions import conditions_read

Step = dict[str, Any]

MAX_STEPS = 100  # of a chain, at all depths
MAX_DEPTH = 10  # of steps that follow each other
MAX_BYTES = 64 * 1024  # of a chain as JSON
MAX_REF = 100  # characters

OF_EVERY_STEP = {"kind", "options", "ref", "next", "webhook_url"}  # null counts as not given
CONDITIONS = "conditions"
BESIDE_OPTIONS = {"webhook_url", CONDITIONS}  # checked here, and no part of a kind's schema
NO_STEP = {"workflow"}  # a chain within a chain is what `next` is for
STEP_ALIASES = {**ALIASES, "webhook": "http"}


def step_kinds() -> list[str]:
    """What a step may be: every documented kind, those included that this service does not make yet."""
    return sorted({*DOCUMENTED_KINDS, *all_kinds()} - NO_STEP)


def steps_read(given: object, *, param: str) -> list[Step]:
    """Steps as they are kept, from one or more as a client writes them.

    Kinds have their own names, options stand beside `kind`, and those of kinds that are made here fit the kind's own
    schema; of other kinds they are as given. Raises Invalid naming the place: `workflow.1.next.0.width`.
    """
    if not isinstance(given, list):
        raise Invalid(f"{param} must be an array of steps.", param=param)
    if not given:
        raise Invalid(f"{param} must have at least one step.", param=param)
    if len(json.dumps(given, ensure_ascii=False).encode()) > MAX_BYTES:
        raise Invalid(f"{param} must have at most {MAX_BYTES} bytes.", param=param)
    return _Chain(param).steps(given, param, depth=1)


def chain_read(given: object, *, param: str) -> tuple[list[dict[str, str]], list[Step]]:
    """The conditions that a whole chain hangs on, and the steps behind them.

    They are written as a step of kind `conditions` that stands alone and has the others in its `next`. Raises Invalid.
    """
    gate = _gate(given)
    if gate is None:
        return [], steps_read(given, param=param)
    conditions = conditions_read(gate[CONDITIONS], param=f"{param}.0.{CONDITIONS}")
    return conditions, steps_read(gate["next"], param=f"{param}.0.next")


def chain_show(conditions: list[dict[str, str]], steps: list[Step]) -> list[Step]:
    """The chain that `chain_read` reads as these conditions and steps."""
    return [{"kind": CONDITIONS, CONDITIONS: conditions, "next": steps}] if conditions else steps


def _gate(given: object) -> dict[str, Any] | None:
    """The step that all others hang on; None when there is none."""
    first = given[0] if isinstance(given, list) and len(given) == 1 else None
    if not isinstance(first, dict) or set(first) != {"kind", CONDITIONS, "next"} or first["kind"] != CONDITIONS:
        return None
    return first if first["next"] else None


class _Chain:
    """One reading of a chain; it counts the steps at all depths."""

    def __init__(self, param: str) -> None:
        self._param = param
        self._count = 0

    def steps(self, given: object, param: str, *, depth: int) -> list[Step]:
        if not isinstance(given, list):
            raise Invalid(f"{param} must be an array of steps.", param=param)
        if given and depth > MAX_DEPTH:
            raise Invalid(
                f"{param} lies too deep: at most {MAX_DEPTH} steps may follow each other. "
                "Let some of them run side by side.",
                param=param,
            )
        return [self._step(item, f"{param}.{place}", depth=depth) for place, item in enumerate(given)]

    def _step(self, given: object, param: str, *, depth: int) -> Step:
        self._count += 1
        if self._count > MAX_STEPS:
            raise Invalid(
                f"{self._param} may have at most {MAX_STEPS} steps in all. Make a second automation of the rest.",
                param=self._param,
            )
        if not isinstance(given, dict):
            raise Invalid(
                f"{param} must be an object: a kind, its options, and in next the steps that follow.", param=param
            )
        rest = {name: value for name, value in given.items() if value is not None or name not in OF_EVERY_STEP}
        kind = _kind(rest.pop("kind", None), f"{param}.kind")
        following = rest.pop("next", [])
        nested = _nested(rest.pop("options", {}), f"{param}.options")
        step = {"kind": kind, **_options(kind, {**rest, **nested}, param)}
        if following != []:
            step["next"] = self.steps(following, f"{param}.next", depth=depth + 1)
        return step


def _kind(given: object, param: str) -> str:
    if given is None or given == "":
        raise Invalid(f"{param} is required: one of {', '.join(step_kinds())}.", param=param)
    name = STEP_ALIASES.get(given, given) if isinstance(given, str) else ""
    if name in NO_STEP:
        raise Invalid(
            f"{param} must not be {name}: put its steps beside this one, or into the next of another.", param=param
        )
    if name not in step_kinds():
        raise Invalid(f"{param} must be one of {', '.join(step_kinds())}.", param=param)
    return name


def _nested(given: object, param: str) -> dict[str, Any]:
    """Options that a client wrote into `options`; they win over those beside it."""
    options = read_object(given, param=param)
    for name in ("kind", "next", "options"):
        if name in options:
            raise Invalid(f"{param}.{name} is no option: write {name} beside options.", param=f"{param}.{name}")
    return options


def _options(kind: str, given: dict[str, Any], param: str) -> dict[str, Any]:
    """The options as given, once they are checked."""
    options = dict(given)
    if "webhook_url" in options:
        read_url(options["webhook_url"], param=f"{param}.webhook_url")
    if kind == CONDITIONS:
        options[CONDITIONS] = conditions_read(options.get(CONDITIONS), param=f"{param}.{CONDITIONS}")
    if kind in all_kinds():
        own = {name: value for name, value in options.items() if name not in BESIDE_OPTIONS}
        read_options(all_kinds()[kind], own, prefix=tuple(param.split(".")))
    elif "ref" in options:
        _check_ref(options["ref"], f"{param}.ref")
    return options


def _check_ref(ref: object, param: str) -> None:
    if not isinstance(ref, str):
        raise Invalid(f"{param} must be a string.", param=param)
    if len(ref) > MAX_REF:
        raise Invalid(f"{param} must have at most {MAX_REF} characters.", param=param)
