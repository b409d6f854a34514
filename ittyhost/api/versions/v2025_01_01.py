"""Versions 2025-01-01 and 2025-07-01: `meta`, `data`, `error` and `links`, all four in every answer.

The objects in `data` are those of 2025-08-20, which took the envelope off.
"""

from typing import Any, ClassVar

from ittyhost.api.calls import Call
from ittyhost.api.schemas import closed, nullable
from ittyhost.api.versions.base import Answer, PageInfo, Problem, Schema, Version, page_path
from ittyhost.api.versions.envelopes import error_of, error_schema

PAGES = ("limit", "total", "page", "pages")


class FourParts(Version):
    """`{meta, data, error, links}`; the one of data and error that does not apply is null."""

    created_status: ClassVar[int] = 201
    default_limit: ClassVar[int] = 20

    def object(self, call: Call, data: Any, *, status: int, path: str, parent: str | None) -> Answer:
        links = {"self": _link(call, path), "parent": _link(call, parent)}
        return Answer({"meta": self._meta(call, "object"), "data": data, "error": None, "links": links}, status)

    def list(self, call: Call, data: list[Any], page: PageInfo) -> Answer:
        counts = {"limit": page.limit, "total": page.total, "page": page.number, "pages": page.pages}
        links = {
            "self": _link(call, call.self_path),
            "first": _link(call, page_path(call, 1)),
            "prev": _link(call, page_path(call, page.previous) if page.previous else None),
            "next": _link(call, page_path(call, page.next) if page.next else None),
            "last": _link(call, page_path(call, max(page.pages, 1))),
        }
        return Answer({"meta": self._meta(call, "list") | counts, "data": data, "error": None, "links": links}, 200)

    def error(self, call: Call, problem: Problem) -> Answer:
        links = {"self": _link(call, call.self_path)}
        body = {"meta": self._meta(call, "error"), "data": None, "error": error_of(problem), "links": links}
        return Answer(body, problem.status, problem.headers)

    def _meta(self, call: Call, type: str) -> dict[str, Any]:
        return {
            "request_id": call.request_id,
            "org_id": call.org_id,
            "project_id": call.project_id,
            "version": self.name,
            "type": type,
        }

    def object_schema(self, data: Schema) -> Schema:
        links = closed({"self": {"type": "string"}, "parent": nullable("string")})
        return closed({"meta": self._meta_schema("object"), "data": data, "error": {"type": "null"}, "links": links})

    def list_schema(self, item: Schema) -> Schema:
        meta = self._meta_schema("list", **{name: {"type": "integer"} for name in PAGES})
        words = {"self": False, "first": False, "prev": True, "next": True, "last": False}
        links = closed({name: nullable("string") if null else {"type": "string"} for name, null in words.items()})
        data = {"type": "array", "items": item}
        return closed({"meta": meta, "data": data, "error": {"type": "null"}, "links": links})

    def error_schema(self) -> Schema:
        links = closed({"self": {"type": "string"}})
        meta = self._meta_schema("error")
        return closed({"meta": meta, "data": {"type": "null"}, "error": error_schema(), "links": links})

    def _meta_schema(self, type: str, **more: Schema) -> Schema:
        return closed(
            {
                "request_id": {"type": "string", "pattern": "^req_[0-9A-Za-z]{12}$"},
                "org_id": nullable("string"),
                "project_id": nullable("string"),
                "version": {"type": "string", "const": self.name},
                "type": {"type": "string", "const": type},
                **more,
            }
        )


def _link(call: Call, path: str | None) -> str | None:
    return None if path is None else f"{call.base_url}{path}"


VERSIONS = tuple(FourParts(name, shapes="v2025_08_20") for name in ("2025-01-01", "2025-07-01"))
