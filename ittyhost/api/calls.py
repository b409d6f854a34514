"""What an answer may say about the request it answers."""

import secrets
from dataclasses import dataclass
from typing import Any, Protocol, Self

from django.conf import settings
from django.http import HttpRequest

from ittyhost.records import ALPHABET

REQUEST_ID_LENGTH = 12


def new_request_id() -> str:
    """`req_` and 12 random base-62 characters."""
    return "req_" + "".join(secrets.choice(ALPHABET) for _ in range(REQUEST_ID_LENGTH))


def request_id(request: HttpRequest) -> str:
    """This request's id; made on the spot for a request that did not pass the middleware."""
    known: str | None = getattr(request, "request_id", None)
    if known is None:
        known = new_request_id()
        request.request_id = known  # type: ignore[attr-defined]
    return known


class Credential(Protocol):
    """What authentication gives as `request.auth`: the key that was used, which leads to its project."""

    project: Any
    live_mode: bool
    scopes: list[str]

    @property
    def public_id(self) -> str: ...


@dataclass(frozen=True)
class Call:
    """One request. `base_url` has no trailing slash; the ids are None while the caller is unknown."""

    request_id: str
    method: str
    path: str
    query: str
    base_url: str
    org_id: str | None = None
    project_id: str | None = None
    live_mode: bool = False

    @classmethod
    def of(cls, request: HttpRequest, credential: Credential | None = None) -> Self:
        project = credential.project if credential else None
        return cls(
            request_id=request_id(request),
            method=request.method or "GET",
            path=request.path_info,
            query=request.META.get("QUERY_STRING", ""),
            base_url=settings.PUBLIC_URL.rstrip("/"),
            org_id=project.organisation.public_id if project else None,
            project_id=project.public_id if project else None,
            live_mode=credential.live_mode if credential else False,
        )

    @property
    def self_path(self) -> str:
        """The path with its query, as it was asked for."""
        return f"{self.path}?{self.query}" if self.query else self.path
