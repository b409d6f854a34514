"""The API's own documents: `/openapi/<version>.json` and `.yaml`, and `/docs`, a page to read and try them in.

Public, as they say nothing of any project. The page needs nothing from outside: Swagger UI comes from its package.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed

from ittyhost.api import errors
from ittyhost.api.openapi import document
from ittyhost.api.versions import Version, all_versions, default_version, find_version
from ittyhost.errors import DomainError, NotFound

TYPES = {"json": "application/json", "yaml": "application/yaml"}
METHODS = ("GET", "HEAD")
KEPT = "public, max-age=300"  # after an upgrade the documents are others
_writing = Lock()  # drf-spectacular's settings are of the whole process while a document is written


@dataclass(frozen=True)
class Page:
    """A document as it goes out."""

    body: bytes
    type: str
    etag: str

    @classmethod
    def of(cls, text: str, type: str) -> "Page":
        body = text.encode()
        return cls(body, type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@csrf_exempt  # nothing is changed here: other methods are 405, and no matter of cookies
def openapi(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """The document of a version, by its name or `latest`, as JSON or YAML."""

    def answer() -> HttpResponseBase:
        version = find_version(name)
        if version is None:
            known = ", ".join([*(str(version) for version in all_versions()), "latest"])
            message = f"There is no document of version {name[:40]!r}: the versions are {known}."
            raise NotFound(message, param="version", code="document_not_found")
        headers = {"Cache-Control": KEPT, "Access-Control-Allow-Origin": "*"}
        return _given(request, _page(version, form), headers)

    return _answered(request, answer)


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponseBase:
    """The page that shows the documents."""
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": _content_security_policy()}
    return _answered(request, lambda: _given(request, _docs(), headers))


def _answered(request: HttpRequest, answer: Any) -> HttpResponseBase:
    """What `answer` gives for a GET or HEAD; refusals in the form of the API's."""
    try:
        if request.method not in METHODS:
            raise MethodNotAllowed(request.method or "")
        given: HttpResponseBase = answer()
        return given
    except MethodNotAllowed as exc:
        refused = errors.respond(request, exc)
        refused.headers["Allow"] = ", ".join(METHODS)
        return refused
    except DomainError as exc:
        return errors.respond(request, exc)


def _given(request: HttpRequest, page: Page, headers: dict[str, str]) -> HttpResponseBase:
    whole = HttpResponse(page.body, content_type=page.type, headers=headers | {"ETag": page.etag})
    return get_conditional_response(request, etag=page.etag, response=whole) or whole


def _page(version: Version, form: str) -> Page:
    """Written when it is first asked for, and then kept."""
    with _writing:
        return _written(version, form)


@cache
def _written(version: Version, form: str) -> Page:
    schema = served(version)
    if form == "yaml":
        return Page.of(to_yaml(schema), TYPES[form])
    return Page.of(json.dumps(schema, ensure_ascii=False, separators=(",", ":")), TYPES[form])


def served(version: Version) -> dict[str, Any]:
    """The document of a version with this service's own addresses in it."""
    schema = document(version)
    schema["servers"] = [{"url": settings.PUBLIC_URL.rstrip("/")}]
    for item in schema["paths"].values():
        for server in item.get("servers", ()):
            if "delivery" in server.get("variables", {}):
                server["variables"]["delivery"]["default"] = settings.DELIVERY_URL
    return schema


@cache
def _docs() -> Page:
    versions = [version.name for version in reversed(all_versions())]
    context = {"versions": versions, "chosen": default_version().name}
    return Page.of(render_to_string("ittyhost/docs.html", context), "text/html; charset=utf-8")


@cache
def _content_security_policy() -> str:
    """Nothing from outside, and no script but from a file of ours; styles, as Swagger UI writes them into elements.

    The addresses of the API and of files may be others than this page's: they may be asked, too.
    """
    asked = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in (settings.PUBLIC_URL, settings.DELIVERY_URL)}
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            f"connect-src 'self' {' '.join(sorted(asked))}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def to_yaml(schema: dict[str, Any]) -> str:
    """A document as YAML, in the order in which it was written."""
    return yaml.dump(schema, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Every value in full: anchors would make the files hard to read and to compare.

    By libyaml where PyYAML has it, which writes the same text in a third of the time.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True
