"""docs/versions.md: one story, told in every version by what the service really answers."""

import json
from dataclasses import dataclass
from typing import Any

from ittyhost.api.versions import Version, all_versions
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.tests.factories import make_project
from tasks_app.jobs import attempt_run
from tasks_app.services import task_claim
from tests.errors.base import Scene
from tests.pages.plain import Plain

HEAD = """\
# Versions of the API

Written by `make docs` from what the service answers: do not edit.

One service speaks all versions at once; what differs is how things are written, not what can be done. A task made in
one version can be looked at in any other.

## How a version is chosen

The first of these that is given counts:

1. the header `Accept-Version`, or `ACCEPT_VERSION` as SDKs spell it, with a version or `latest`;
2. the header `X-Fern-SDK-Version`, which the vendor's SDKs send: from 0.10 on 2025-08-20, before it 2025-07-01;
3. the version that the project is pinned to, by its operator in the admin;
4. the setting `API_DEFAULT_VERSION`, which is 2024-03-21 unless it is changed.

A version that is not known is refused with `400` and the code `version_unknown`, in the form of 3 or 4.
"""
STEPS = {
    "create": "A task is created",
    "ready": "It is looked at when it is ready",
    "list": "Tasks are listed",
    "error": "Something is wrong",
}


@dataclass(frozen=True)
class Told:
    """The story in one version: each step's request and answer, as they go over the wire but for what changes."""

    version: Version
    asked: dict[str, str]
    answers: dict[str, Any]

    def shown(self, step: str) -> str:
        """A step as people read it: request, status, headers that matter, body."""
        answer = self.answers[step]
        lines = [self.asked[step], "", f"HTTP {answer['status']}"]
        lines += [f"{name}: {value}" for name, value in answer["headers"].items()]
        return "\n".join([*lines, "", json.dumps(answer["body"], indent=2)])

    def data(self, step: str) -> Any:
        body = self.answers[step]["body"]
        return body["data"] if isinstance(body, dict) and "data" in body else body


def versions_page() -> str:
    """The whole page. Runs a task of each version, with the real engine: not within a transaction."""
    stories = {version.name: tell(version) for version in all_versions()}
    parts = [HEAD, "## What differs", "", *_table(list(stories.values())), ""]
    previous: Told | None = None
    for name, story in stories.items():
        if previous and _same(previous, story):
            parts += [f"## {name}", "", f"The same as {previous.version}, but for `meta.version`.", ""]
            continue
        parts += [f"## {name}", ""]
        for step, title in STEPS.items():
            parts += [f"### {title}", "", "```http", story.shown(step), "```", ""]
        previous = story
    return "\n".join(parts)


def tell(version: Version) -> Told:
    """Create a task, do it, look at it, list it, and ask for something wrong."""
    scene = Scene(make_project(name="Website"))
    picture = jpeg_bytes(width=1280, height=960)
    file = make_file(project=scene.project, content=picture, filename="harbour.jpg", width=1280, height=960)
    options = {"width": 640, "filename": "poster.jpg"}
    if version.name.startswith("2024"):
        body: dict[str, Any] = {"input": file.public_id, "output": {"kind": "image", **options}}
    else:
        body = {"file_id": file.public_id, "kind": "image", **options}
    plain = Plain()
    asked: dict[str, str] = {}
    answers: dict[str, Any] = {}

    def ask(step: str, method: str, path: str, given: Any = None) -> Any:
        answer = scene.ask(method, path, given, headers={"Accept-Version": version.name})
        sent = "" if given is None else "\n\n" + json.dumps(given)
        asked[step] = plain(f"{method} {path}\nAccept-Version: {version.name}{sent}")
        kept = {name: answer.headers[name] for name in ("Links", "Retry-After") if name in answer.headers}
        told = {"status": answer.status_code, "headers": kept, "body": answer.json()}
        answers[step] = json.loads(plain(json.dumps(told)))
        return answer.json()

    made = ask("create", "POST", "/tasks", body)
    task = task_claim(lane="fast", worker="docs")
    assert task is not None
    attempt_run(task)
    ask("ready", "GET", f"/tasks/{made.get('data', made)['id']}")
    ask("list", "GET", "/tasks?limit=1")
    wrong = {"width": 0}
    ask(
        "error", "POST", "/tasks", {**body, "output": {**body["output"], **wrong}} if "output" in body else body | wrong
    )
    return Told(version, asked, answers)


def _same(one: Told, other: Told) -> bool:
    """Whether two versions answer alike, but for their names."""
    return json.dumps(one.answers).replace(one.version.name, other.version.name) == json.dumps(other.answers)


def _table(stories: list[Told]) -> list[str]:
    def row(title: str, *cells: Any) -> str:
        return f"| {title} | " + " | ".join(str(cell) for cell in cells) + " |"

    def code(text: Any) -> str:
        return f"`{text}`"

    def envelope(story: Told, step: str) -> str:
        body = story.answers[step]["body"]
        if isinstance(body, list):
            return "the array"
        return ", ".join(code(name) for name in body) if {"meta", "message"} & set(body) else "the object"

    def link(story: Told) -> str:
        body, headers = story.answers["list"]["body"], story.answers["list"]["headers"]
        if "Links" in headers:
            return "header `Links` (and `Link`)"
        return "`links`, " + ("absolute" if "://" in body["links"]["self"] else "relative")

    every = [story.version for story in stories]
    return [
        row("", *(code(version) for version in every)),
        row("---", *("---" for _ in every)),
        row("an object's body", *(envelope(story, "ready") for story in stories)),
        row("a list's body", *(envelope(story, "list") for story in stories)),
        row("an error's body", *(envelope(story, "error") for story in stories)),
        row("links", *(link(story) for story in stories)),
        row("status of a creation", *(story.answers["create"]["status"] for story in stories)),
        row("rows of a page", *(f"{version.default_limit}, at most {version.max_limit}" for version in every)),
        row("a task's id", *(code(story.data("ready")["id"].partition("_")[0] + "_…") for story in stories)),
        row("a new task is", *(code(story.data("create")["status"]) for story in stories)),
        row("a finished task is", *(code(story.data("ready")["status"]) for story in stories)),
        row("a task's input", *(_form(story.data("ready")["input"]) for story in stories)),
        row(
            "options are asked for",
            *(code("output") if "output" in story.asked["create"] else "flat" for story in stories),
        ),
        row(
            "a file's address", *(code("src" if "src" in story.data("ready")["output"] else "url") for story in stories)
        ),
    ]


def _form(value: Any) -> str:
    return "the id, as given" if isinstance(value, str) else "an object"
