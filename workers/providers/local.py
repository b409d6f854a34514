"""The models that run on this machine, as the environment chooses them."""

from workers.providers.base import Providers
from workers.providers.speech import local_speech
from workers.providers.vision.local import local_vision


def local_providers(*, speech: bool = True) -> Providers:
    """Those that are installed, without that for `speech` where another has its place. Nothing is loaded before it is
    asked."""
    return Providers(speech=local_speech() if speech else None, vision=local_vision())
