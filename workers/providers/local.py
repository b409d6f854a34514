"""The models that run on this machine, as the environment chooses them."""

from workers.providers.base import Providers


def local_providers() -> Providers:
    """Those that are installed. Nothing is loaded before it is asked."""
    return Providers()
