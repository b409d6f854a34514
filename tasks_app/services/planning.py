"""What a task would do, without making one: everything is read, and nothing written."""

from dataclasses import dataclass, replace
from typing import Any

from ittyhost.errors import Conflict, Invalid
from ittyhost.providers import server_missing
from media_app.models import File
from media_app.services import UNSETTLED, facts_known, facts_order
from orgs_app.models import Project
from orgs_app.services import storage_check
from tasks_app.control import ControlKind, get_kind
from tasks_app.selectors import kind_slowness
from tasks_app.services.creating import input_check, needs_check, source_plan
from tasks_app.services.needs import need_exists, needs_of
from workers.engine.probe import Probe
from workers.estimate import Estimate, estimate
from workers.kinds.base import Kind, Options
from workers.plans import Plan
from workers.resolved import resolved_options


@dataclass(frozen=True)
class PlannedNeed:
    """What is needed of another kind first: there already or under way (`exists`), else made, which takes `seconds`."""

    kind: str
    options: dict[str, Any]
    required: bool
    exists: bool
    seconds: float


@dataclass(frozen=True)
class TaskPlan:
    """What would be done with `source`: options as they will be used, what is needed first, and what it will take."""

    kind: Kind
    source: File
    facts: Probe
    options: dict[str, Any]
    needs: tuple[PlannedNeed, ...]
    plan: Plan
    estimate: Estimate


def task_plan(*, project: Project, kind: Kind, options: Options, source: File | str, **_: Any) -> TaskPlan:
    """The plan of the task that `task_create` would make of the same arguments. Refuses what that would refuse.

    The input must be there and known: raises Conflict for a URL, which nobody has fetched, and for a file that is not
    probed yet; Invalid where there is nothing to plan.
    """
    storage_check(project=project)
    if isinstance(kind, ControlKind):
        raise Invalid(f"{kind.name} has no plan: it runs no tool. Create the task.", param="kind")
    if isinstance(source, str):
        raise Conflict(
            "A plan needs the facts of its input, and nothing is fetched for one: "
            "make a file of the URL first (POST /files, or a task of kind ingest), then plan with its id.",
            param="input",
            code="input_not_ready",
        )
    if source.status in UNSETTLED:
        raise Conflict(
            "The input is not known yet: ask again when the file is ready.", param="input", code="input_not_ready"
        )
    input_check(source)
    plan, facts = source_plan(kind, options, source, project), facts_known(source)
    needs_check(kind, options, source, project)
    if plan is None or facts is None:
        facts_order(file=source)
        raise Conflict(
            "The input was looked at by an earlier release of the service, and is looked at anew now: "
            "ask again in some seconds.",
            param="input",
            code="input_not_ready",
        )
    return TaskPlan(
        kind=kind,
        source=source,
        facts=facts,
        options=resolved_options(options, plan),
        needs=_needs(kind, options, source, plan, project),
        plan=replace(plan, notes=(missing, *plan.notes)) if (missing := server_missing(plan)) else plan,
        estimate=_estimate(kind, plan, facts),
    )


def _needs(kind: Kind, options: Options, source: File, plan: Plan, project: Project) -> tuple[PlannedNeed, ...]:
    """All that would be looked for first; not what cannot be made of this source, and need not be."""
    planned = []
    for need in needs_of(kind, options, source, plan):
        seconds, exists = 0.0, need_exists(source=source, need=need)
        if not exists:
            other = get_kind(need.kind)
            try:
                first = source_plan(other, other.options.model_validate(dict(need.options)), source, project)
            except Invalid:  # those that are required were checked
                continue
            facts = facts_known(source)
            seconds = _estimate(other, first, facts).seconds if first is not None and facts is not None else 0.0
        planned.append(PlannedNeed(need.kind, dict(need.options), need.required, exists, seconds))
    return tuple(planned)


def _estimate(kind: Kind, plan: Plan, facts: Probe) -> Estimate:
    """By the model, corrected by what this installation's last tasks of the kind took."""
    modelled = estimate(plan, facts)
    slowness = kind_slowness(kind=kind.name) or 1.0
    return Estimate(round(modelled.seconds * slowness, 2), modelled.bytes)
