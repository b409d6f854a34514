"""Triggers: what starts an automation. Reads them; knows no HTTP."""

from typing import Any

from ittyhost.errors import Invalid
from workflows_app.conditions import conditions_read
from workflows_app.models import MEDIA_CREATED

# What clients may write → what is kept. The last two stand in the samples of early SDKs: an upload that ends makes a
# media, and a step waits until the media is ready anyway. Typed clients of today read nothing but media.created.
EVENTS = {MEDIA_CREATED: MEDIA_CREATED, "media.ready": MEDIA_CREATED, "upload.completed": MEDIA_CREATED}


def trigger_read(given: object, *, param: str = "trigger") -> dict[str, Any]:
    """`event`, and `conditions` where the trigger has any; an empty list of them says that nothing need hold.

    Raises Invalid naming the place: `trigger.event`.
    """
    if not isinstance(given, dict):
        raise Invalid(f'{param} must be an object: {{"kind": "event", "event": "{MEDIA_CREATED}"}}.', param=param)
    for name in given:
        if name not in ("kind", "event", "conditions"):
            raise Invalid(
                f"{param}.{name} is not known here: a trigger has kind, event and conditions.", param=f"{param}.{name}"
            )
    if given.get("kind") not in (None, "event"):
        raise Invalid(f"{param}.kind must be event.", param=f"{param}.kind")
    event = given.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        missing = "is required:" if event is None else "must be"
        raise Invalid(f"{param}.event {missing} {MEDIA_CREATED}.", param=f"{param}.event")
    read: dict[str, Any] = {"event": EVENTS[event]}
    conditions = given.get("conditions")
    if conditions is not None:
        read["conditions"] = conditions_read(conditions, param=f"{param}.conditions") if conditions != [] else []
    return read
