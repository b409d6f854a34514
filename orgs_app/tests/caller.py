"""A client with a key, and the little that tests of answers need in every version."""

from typing import Any

from django.test import Client

from orgs_app.models import Project
from orgs_app.tests.factories import bearer_header, make_api_key, make_project

G1 = "2024-03-21"
G2 = "2024-08-21"
G3 = "2025-07-01"
G4 = "2025-08-20"
VERSIONS = (G1, G2, G3, G4)


def is_2024(version: str) -> bool:
    """Whether objects have the form of 2024: `src`, sources apart from tracks, an input and an output."""
    return version.startswith("2024")


def created(version: str) -> int:
    """The status of an answer to what was created."""
    return 200 if is_2024(version) else 201


class Caller:
    """A client with a key."""

    def __init__(self, project: Project | None = None, **key: Any) -> None:
        self.project = project or make_project()
        self.key, self.secret = make_api_key(project=self.project, **key)
        self.http = Client(raise_request_exception=False)

    def ask(self, method: str, path: str, version: str = "", body: Any = None) -> Any:
        headers = {**bearer_header(self.secret), **({"Accept-Version": version} if version else {})}
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.http, method)(path, headers=headers, **given)

    def data(self, method: str, path: str, version: str, body: Any = None) -> Any:
        answer = self.ask(method, path, version, body)
        assert answer.status_code < 300, answer.content
        return data_of(answer)


def data_of(answer: Any) -> Any:
    """The object or list of an answer, out of its version's envelope."""
    body = answer.json()
    return body["data"] if "meta" in body else body


def message(answer: Any) -> str:
    return refusal(answer)["message"]


def refusal(answer: Any) -> dict[str, str]:
    """What a refusal says: `message`, and `param` where a field is at fault."""
    body = answer.json()
    return body.get("error", body)


def at(record: Any) -> str:
    return record.created.strftime("%Y-%m-%dT%H:%M:%SZ")
