"""Start-up checks: a key ring that cannot work is told by its name, not by the first request."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ittyhost.checks import SETTINGS
from orgs_app.keyring import BadKeyRing, ring


@register(SETTINGS)
def check_key_ring(**_: Any) -> list[CheckMessage]:
    """KEY_RING must hold at least one Fernet key, and no other."""
    try:
        ring()
    except BadKeyRing as exc:
        return [Error(f"KEY_RING: {exc}", id="orgs_app.E001")]
    return []
