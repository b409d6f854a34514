"""Versions of 2024: `meta`, `data` and `links` around every answer; creating answers 200.

In 2024-03-21 links are relative and meta tells the path as `url`; in 2024-08-21 links are absolute, and meta tells
`host` and `path`, and no `live_mode`. What stands in `data` is the same.
"""

from typing import Any, ClassVar

from ittyhost.api.calls import Call
from ittyhost.api.schemas import closed, nullable
from ittyhost.api.versions.base import Answer, PageInfo, Problem, Schema, Version, page_path
from ittyhost.api.versions.envelopes import error_of, error_schema

COUNTS = ("total", "limit", "page", "pages")


class Enveloped(Version):
    """`{meta, data, links}`, or `{meta, error}`."""

    created_status: ClassVar[int] = 200
    default_limit: ClassVar[int] = 12

    def object(self, call: Call, data: Any, *, status: int, path: str, parent: str | None) -> Answer:
        links = {"self": self.link(call, path), "parent": self.link(call, parent)}
        return Answer({"meta": self.meta(call, status, "object"), "data": data, "links": links}, status)

    def list(self, call: Call, data: list[Any], page: PageInfo) -> Answer:
        counts = {"total": page.total, "limit": page.limit, "page": page.number, "pages": page.pages}
        links = {
            "self": self.link(call, call.self_path),
            "next": self.link(call, page_path(call, page.next) if page.next else None),
            "prev": self.link(call, page_path(call, page.previous) if page.previous else None),
        }
        return Answer({"meta": self.meta(call, 200, "list") | counts, "data": data, "links": links}, 200)

    def error(self, call: Call, problem: Problem) -> Answer:
        body = {"meta": self.meta(call, problem.status, "error"), "error": error_of(problem)}
        return Answer(body, problem.status, problem.headers)

    def meta(self, call: Call, status: int, type: str) -> dict[str, Any]:
        return {
            "id": call.request_id,
            "method": call.method,
            "url": call.path,
            "version": self.name,
            "status": status,
            "org_id": call.org_id,
            "project_id": call.project_id,
            "live_mode": call.live_mode,
            "type": type,
        }

    def link(self, call: Call, path: str | None) -> str | None:
        """A path as this version's links write it."""
        return path

    def object_schema(self, data: Schema) -> Schema:
        links = closed({"self": {"type": "string"}, "parent": nullable("string")})
        return closed({"meta": closed(self.meta_schema("object")), "data": data, "links": links})

    def list_schema(self, item: Schema) -> Schema:
        meta = self.meta_schema("list") | {name: {"type": "integer"} for name in COUNTS}
        links = closed({"self": {"type": "string"}, "next": nullable("string"), "prev": nullable("string")})
        return closed({"meta": closed(meta), "data": {"type": "array", "items": item}, "links": links})

    def error_schema(self) -> Schema:
        return closed({"meta": closed(self.meta_schema("error")), "error": error_schema()})

    def meta_schema(self, type: str) -> dict[str, Schema]:
        return {
            "id": {"type": "string", "pattern": "^req_[0-9A-Za-z]{12}$"},
            "method": {"type": "string"},
            "url": {"type": "string"},
            "version": {"type": "string", "const": self.name},
            "status": {"type": "integer"},
            "org_id": nullable("string"),
            "project_id": nullable("string"),
            "live_mode": {"type": "boolean"},
            "type": {"type": "string", "const": type},
        }


class Absolute(Enveloped):
    """The same with absolute links, and `host` and `path` in meta."""

    def meta(self, call: Call, status: int, type: str) -> dict[str, Any]:
        return {
            "id": call.request_id,
            "org_id": call.org_id,
            "project_id": call.project_id,
            "method": call.method,
            "host": call.base_url,
            "path": call.path,
            "version": self.name,
            "status": status,
            "type": type,
        }

    def link(self, call: Call, path: str | None) -> str | None:
        return None if path is None else f"{call.base_url}{path}"

    def meta_schema(self, type: str) -> dict[str, Schema]:
        before = super().meta_schema(type)
        places = {"host": {"type": "string"}, "path": {"type": "string"}}
        return {name: schema for name, schema in before.items() if name not in ("url", "live_mode")} | places


VERSIONS = (Enveloped("2024-03-21"), Absolute("2024-08-21", shapes="v2024_03_21"))
