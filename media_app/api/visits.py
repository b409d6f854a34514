"""One request for one delivery path: who asks, and whether the caller may read or write there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.http import HttpRequest

from ittyhost.api.permissions import READ, WRITE
from ittyhost.api.tokens import TokenRefused
from ittyhost.errors import Forbidden, Invalid, NotFound
from ittyhost.records import parse_id
from media_app.models import File
from media_app.selectors import file_path_find
from media_app.signatures import GET, PUT, Claim, claim_read, signer_find
from orgs_app.api.auth import bearer
from orgs_app.models import ApiKey, Project
from orgs_app.selectors import api_key_find, project_find
from orgs_app.services import api_key_touch

BROKEN = "ittyhost.path_broken"


class FilesPrivate(Forbidden):
    """The one refusal of a private project: whatever is at the path or is not, whatever is wrong with the caller."""

    def __init__(self) -> None:
        super().__init__(
            "These files are private. Ask by a signed URL that has not expired, "
            "or send an API key of their project that may read."
        )


@dataclass
class Visit:
    """One request for one path, and what is known by now of who asks: refusals are written for them."""

    request: HttpRequest
    project_id: str
    path: str
    project: Project | None = None  # where it was found already
    key: ApiKey | None = None
    pin: str | None = None  # the version of a project that the caller may know of
    claim: Claim | None = None  # what its URL was signed for, where that has let it in

    def find_project(self) -> Project | None:
        """The project of the path, whoever asks; None when there is none."""
        if self.project is None:
            self.project = project_find(self.project_id)
        return self.project

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


def reader(visit: Visit, project: Project) -> ApiKey:
    """The key of a private project that a request may read with: its own, else the one that signed its URL.

    Raises FilesPrivate, before anything is looked up at the path.
    """
    key = visit.find_key()
    if key is None or key.project_id != project.pk or READ not in key.scopes:
        key = _signer(visit, project, GET)
    if key is None:
        raise FilesPrivate()
    api_key_touch(key=key)
    return key


def writer(visit: Visit) -> ApiKey:
    """The key that a request may write with: its own, else the one that signed its URL.

    Raises TokenRefused, NotFound, Forbidden.
    """
    key = visit.find_key()
    if key is None and "signature" in visit.request.GET:
        project = visit.find_project()
        key = visit.key = _signer(visit, project, PUT) if project else None
        if key is None:
            raise Forbidden(
                "The signature of this URL has expired, or is not valid for writing to this path. Sign it anew.",
                code="signature_invalid",
            )
        visit.find_key()  # whom refusals are written for
    if key is None:
        raise TokenRefused()
    structlog.contextvars.bind_contextvars(project=key.project.public_id, key=key.public_id)
    api_key_touch(key=key)
    if key.project.public_id != visit.project_id:
        raise NotFound("Nothing is here.")
    if WRITE not in key.scopes:
        raise Forbidden(f"This API key lacks the scope {WRITE!r}. Use a key that has it.", code="scope_missing")
    return key


def _signer(visit: Visit, project: Project, method: str) -> ApiKey | None:
    """The key that signed the request's URL for this method and path; None when none did, or not for now."""
    claim = claim_read(dict(visit.request.GET.lists()))
    if claim is None:
        return None
    key = signer_find(project=project, claim=claim, paths=_signed_paths(visit.path, project, method), method=method)
    if key is not None:
        visit.claim = claim
    return key


def _signed_paths(path: str, project: Project, method: str) -> Iterator[str]:
    """The paths whose signature opens this one: itself, and for a member of a file its file's, by id or by name."""
    yield path
    first, slash, _ = path.partition("/")
    file_id = parse_id(first, File.prefix) if slash and method == GET else None
    if file_id:
        yield first
        if entry := file_path_find(project=project, file_id=file_id):
            yield entry


def mark_broken_path(*, environ: dict[str, Any], **_: Any) -> None:
    """Receives `request_started`, after which nobody can tell a stray byte in the path from its name."""
    try:
        environ.get("PATH_INFO", "").encode("iso-8859-1").decode()
    except UnicodeError:
        environ[BROKEN] = True
