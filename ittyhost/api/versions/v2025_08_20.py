"""Version 2025-08-20, also called `latest`: bare bodies; where a page stands is in the `Links` header."""

from typing import Any, ClassVar

from ittyhost.api.calls import Call
from ittyhost.api.versions.base import Answer, PageInfo, Problem, Schema, Version, page_path
from ittyhost.api.versions.envelopes import error_schema


class Bare(Version):
    """The object, or an array of objects, and nothing around it."""

    created_status: ClassVar[int] = 201
    default_limit: ClassVar[int] = 20
    list_headers: ClassVar[dict[str, str]] = {
        "Links": "Where the other pages are: self, first, prev, next and last, as far as there are such.",
        "Link": "The same under its standard name.",
    }

    def object(self, call: Call, data: Any, *, status: int, path: str, parent: str | None) -> Answer:
        return Answer(data, status)

    def list(self, call: Call, data: list[Any], page: PageInfo) -> Answer:
        paths = {
            "self": call.self_path,
            "first": page_path(call, 1),
            "prev": page_path(call, page.previous) if page.previous else None,
            "next": page_path(call, page.next) if page.next else None,
            "last": page_path(call, max(page.pages, 1)),
        }
        links = ", ".join(f'<{call.base_url}{path}>; rel="{rel}"' for rel, path in paths.items() if path)
        # The vendor spells it `Links`; RFC 8288 and every generic client spell it `Link`.
        return Answer(data, 200, {"Links": links, "Link": links})

    def error(self, call: Call, problem: Problem) -> Answer:
        body = {"message": problem.message, "kind": problem.code}
        if problem.param:
            body["param"] = problem.param
        return Answer(body, problem.status, problem.headers)

    def object_schema(self, data: Schema) -> Schema:
        return data

    def list_schema(self, item: Schema) -> Schema:
        return {"type": "array", "items": item}

    def error_schema(self) -> Schema:
        return error_schema(code="kind")


VERSIONS = (Bare("2025-08-20", aliases=("latest",)),)
