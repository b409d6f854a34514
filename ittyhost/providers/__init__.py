"""Models behind HTTP, at addresses that the operator names; and which models this installation uses for what."""

from workers.providers.base import Providers
from workers.providers.local import local_providers


def providers() -> Providers:
    """What the settings choose, for one attempt."""
    return local_providers()
