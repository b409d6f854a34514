"""One request for one delivery path: who asks, and whether the caller may write there."""

from dataclasses import dataclass
from typing import Any

import structlog
from django.http import HttpRequest

from ittyhost.api.permissions import WRITE
from ittyhost.api.tokens import TokenRefused
from ittyhost.errors import Forbidden, Invalid, NotFound
from orgs_app.api.auth import bearer
from orgs_app.models import ApiKey, Project
from orgs_app.selectors import api_key_find
from orgs_app.services import api_key_touch

BROKEN = "ittyhost.path_broken"


@dataclass
class Visit:
    """One request for one path, and what is known by now of who asks: refusals are written for them."""

    request: HttpRequest
    project_id: str
    path: str
    project: Project | None = None  # where it was found already
    key: ApiKey | None = None
    pin: str | None = None  # the version of a project that the caller may know of

    def find_key(self) -> ApiKey | None:
        """The caller's key, whatever its project; None without one that works."""
        if self.key is None:
            self.key = api_key_find(bearer(self.request.META.get("HTTP_AUTHORIZATION", "")))
        if self.key is not None:
            self.pin = self.key.project.api_version
        return self.key

    def check_path(self) -> None:
        """Raises Invalid for a path that is no text: Django would write its stray bytes as `%FF`, which is a name."""
        if BROKEN in self.request.META:
            raise Invalid("The path must be UTF-8, percent-encoded.", param="path")


def writer(visit: Visit) -> ApiKey:
    """The key that a request may write with. Raises TokenRefused, NotFound, Forbidden."""
    key = visit.find_key()
    if key is None:
        raise TokenRefused()
    structlog.contextvars.bind_contextvars(project=key.project.public_id, key=key.public_id)
    api_key_touch(key=key)
    if key.project.public_id != visit.project_id:
        raise NotFound("Nothing is here.")
    if WRITE not in key.scopes:
        raise Forbidden(f"This API key lacks the scope {WRITE!r}. Use a key that has it.", code="scope_missing")
    return key


def mark_broken_path(*, environ: dict[str, Any], **_: Any) -> None:
    """Receives `request_started`, after which nobody can tell a stray byte in the path from its name."""
    try:
        environ.get("PATH_INFO", "").encode("iso-8859-1").decode()
    except UnicodeError:
        environ[BROKEN] = True
