"""Models behind HTTP, at addresses that the operator names; and which models this installation uses for what.

Those addresses are trusted, as the database's is: no guard of users' URLs stands before them. They are still bounded in
time and bytes, redirects are not followed, and certificates are checked.
"""

from dataclasses import replace

from django.conf import settings

from ittyhost.providers.chat import ChatLanguage
from ittyhost.providers.endpoint import Endpoint
from ittyhost.providers.speech import SpeechServer
from ittyhost.providers.vision import ChatVision, CombinedVision
from workers import asking
from workers.engine.errors import ModelMissing
from workers.plans import ModelStep, Plan
from workers.providers.base import Providers
from workers.providers.local import local_providers

_NAMES = {"LANGUAGE": "language model", "VISION": "vision model", "SPEECH": "speech model"}


def providers() -> Providers:
    """What the settings choose, for one attempt: servers where they are named, else the models of this machine."""
    found = local_providers(speech=not settings.SPEECH_URL)
    if settings.SPEECH_URL:
        found = replace(found, speech=SpeechServer(_endpoint("SPEECH")))
    if settings.VISION_URL:
        remote = ChatVision(_endpoint("VISION"), tokens=settings.VISION_TOKENS)
        found = replace(found, vision=CombinedVision(remote, settings.VISION_LOOKS, found.vision))
    if settings.LANGUAGE_URL:
        sees, tokens = settings.LANGUAGE_SEES, settings.LANGUAGE_TOKENS
        found = replace(found, language=ChatLanguage(_endpoint("LANGUAGE"), sees=sees, tokens=tokens))
    return found


def server_missing(plan: Plan) -> str:
    """Why a plan cannot be carried out, as far as this process can tell: it needs a server, and its settings name none.
    "" where nothing is known to be missing: models of a machine are that machine's, and another may have them."""
    if settings.LANGUAGE_URL:
        return ""
    asked = [step for step in plan.steps if isinstance(step, ModelStep) and step.ability == "language"]
    try:
        asking.check_steps(asked, Providers())
    except ModelMissing as exc:
        return exc.message
    return ""


def _endpoint(setting: str) -> Endpoint:
    return Endpoint(
        name=_NAMES[setting],
        setting=setting,
        url=getattr(settings, f"{setting}_URL"),
        model=getattr(settings, f"{setting}_MODEL"),
        key=getattr(settings, f"{setting}_KEY"),
        timeout=getattr(settings, f"{setting}_TIMEOUT"),
        tries=getattr(settings, f"{setting}_RETRIES") + 1,
    )
