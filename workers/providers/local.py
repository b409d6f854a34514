"""The models that run on this machine, as the environment chooses them."""

from workers.providers.base import Providers
from workers.providers.speech import local_speech


def local_providers() -> Providers:
    """Those that are installed. Nothing is loaded before it is asked."""
    return Providers(speech=local_speech())
