"""Version 2024-03-21: `meta`, `data` and `links` around every answer; relative links; creating answers 200."""

from typing import Any, ClassVar

from ittyhost.api.calls import Call
from ittyhost.api.versions.base import Answer, PageInfo, Problem, Schema, Version, page_path


class Enveloped(Version):
    """`{meta, data, links}`, or `{meta, error}`."""

    created_status: ClassVar[int] = 200
    default_limit: ClassVar[int] = 12

    def object(self, call: Call, data: Any, *, status: int, path: str, parent: str | None) -> Answer:
        links = {"self": path, "parent": parent}
        return Answer({"meta": self._meta(call, status, "object"), "data": data, "links": links}, status)

    def list(self, call: Call, data: list[Any], page: PageInfo) -> Answer:
        meta = self._meta(call, 200, "list") | {
            "total": page.total,
            "limit": page.limit,
            "page": page.number,
            "pages": page.pages,
        }
        links = {
            "self": call.self_path,
            "next": page_path(call, page.next) if page.next else None,
            "prev": page_path(call, page.previous) if page.previous else None,
        }
        return Answer({"meta": meta, "data": data, "links": links}, 200)

    def error(self, call: Call, problem: Problem) -> Answer:
        error = {"message": problem.message, "code": problem.code}
        if problem.param:
            error["param"] = problem.param
        body = {"meta": self._meta(call, problem.status, "error"), "error": error}
        return Answer(body, problem.status, problem.headers)

    def _meta(self, call: Call, status: int, type: str) -> dict[str, Any]:
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

    def object_schema(self, data: Schema) -> Schema:
        links = _closed({"self": {"type": "string"}, "parent": _nullable("string")})
        return _closed({"meta": self._meta_schema("object"), "data": data, "links": links})

    def list_schema(self, item: Schema) -> Schema:
        meta = self._meta_schema("list", **{key: {"type": "integer"} for key in ("total", "limit", "page", "pages")})
        links = _closed({"self": {"type": "string"}, "next": _nullable("string"), "prev": _nullable("string")})
        return _closed({"meta": meta, "data": {"type": "array", "items": item}, "links": links})

    def error_schema(self) -> Schema:
        error = _closed({name: {"type": "string"} for name in ("message", "code", "param")}, optional={"param"})
        return _closed({"meta": self._meta_schema("error"), "error": error})

    def _meta_schema(self, type: str, **more: Schema) -> Schema:
        return _closed(
            {
                "id": {"type": "string", "pattern": "^req_[0-9A-Za-z]{12}$"},
                "method": {"type": "string"},
                "url": {"type": "string"},
                "version": {"type": "string", "const": self.name},
                "status": {"type": "integer"},
                "org_id": _nullable("string"),
                "project_id": _nullable("string"),
                "live_mode": {"type": "boolean"},
                "type": {"type": "string", "const": type},
                **more,
            }
        )


def _closed(properties: dict[str, Schema], *, optional: frozenset[str] | set[str] = frozenset()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _nullable(type: str) -> Schema:
    return {"type": [type, "null"]}


VERSIONS = (Enveloped("2024-03-21"),)
