"""What a provocation is, and the little world that it is tried in."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from media_app.models import File
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.models import Project
from orgs_app.tests.factories import make_api_key, make_project

VERSION = "2025-08-20"  # bare bodies: the code is their `kind`


@dataclass
class Scene:
    """A project with one file and one key; `asked` are the requests that were made, as people write them."""

    project: Project = field(default_factory=make_project)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        _, self.secret = make_api_key(project=self.project)
        self.file: File = make_file(project=self.project, content=jpeg_bytes(), folder="demo", filename="photo.jpg")
        self.http = Client(raise_request_exception=False)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        secret: str | None = None,
        headers: dict[str, str] | None = None,
        type: str = "application/json",
        **more: Any,
    ) -> Any:
        """The answer to a request with the project's key, or another; `body` is JSON-able, or bytes as they are."""
        given = {"Accept-Version": VERSION} | (headers or {})
        if secret != "":
            given["Authorization"] = f"Bearer {secret or self.secret}"
        said = "".join(f" ({name}: {_cut(value)})" for name, value in (headers or {}).items())
        self.asked.append(f"{method} {_cut(path)}{said}" + (f" {_short(body)}" if body else ""))
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.generic(method, path, content, content_type=type, headers=given, **more)

    def delivery(self, path: str) -> str:
        """The path of a file on this service."""
        return f"/delivery/{self.project.public_id}/{path}"


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:40]}…"


def _short(body: Any) -> str:
    if isinstance(body, bytes):
        return f"({len(body)} bytes)" if len(body) > 60 or not body.isascii() else body.decode()
    text = json.dumps(body)
    return text if len(text) < 1000 else f"({len(text)} bytes)"


@dataclass(frozen=True)
class Provocation:
    """How one error comes about: `run` makes the request and gives the answer to it."""

    code: str
    status: int
    cause: str
    way_out: str
    run: Callable[[Scene], Any]
    by: str  # what was done to the service so that it answers so; "" when the request alone does it

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.run.__name__}"


PROVOCATIONS: list[Provocation] = []


def provokes(code: str, status: int, *, cause: str, way_out: str, by: str = "") -> Callable[[Any], Any]:
    """Keep a function as the way to meet an error: `cause` and `way_out` are what docs/errors.md says of it."""

    def keep(run: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
        PROVOCATIONS.append(Provocation(code, status, cause, way_out, run, by))
        return run

    return keep
