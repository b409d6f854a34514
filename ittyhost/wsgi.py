"""The WSGI application that granian serves: Django, guarded against clients that stall."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")


def __getattr__(name: str) -> Any:
    # Made when the server asks for it, so that importing this module alone starts nothing.
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from django.core.wsgi import get_wsgi_application

    from ittyhost.stalls import StallGuard

    globals()["application"] = made = StallGuard(get_wsgi_application())
    return made
