"""How much a request may bring beside its body: bounds on headers, path and query, for every path of the service.

The web server has its own, wider ones (docs/limits.md) and answers those itself, without a body.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ittyhost.api import errors
from ittyhost.errors import DomainError, HeadersTooLarge, Invalid, UriTooLong

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # all of them, names and values
MAX_PATH_BYTES = 8 * 1024  # percent-decoded
MAX_QUERY_BYTES = 8 * 1024
MAX_PARAMETERS = 100
_HEADERS_WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


class RequestLimitsMiddleware:
    """Answers what is too much before anybody reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        problem = excess(request.META)
        if problem is None:
            return self._get_response(request)
        answer = errors.respond(request, problem)
        answer.headers["Content-Length"] = str(len(answer.content))
        return answer


def excess(meta: Mapping[str, Any]) -> DomainError | None:
    """The refusal of a request by its WSGI environment; None when it is within all bounds."""
    number = size = 0
    for name, value in meta.items():
        if name.startswith("HTTP_") or name in _HEADERS_WITHOUT_PREFIX:
            number += 1
            size += len(name) + len(value)
    query = meta.get("QUERY_STRING", "")
    if number > MAX_HEADERS:
        return HeadersTooLarge(f"A request may have at most {MAX_HEADERS} header fields.")
    if size > MAX_HEADER_BYTES:
        return HeadersTooLarge(f"The header fields of a request may have at most {MAX_HEADER_BYTES} bytes together.")
    if len(meta.get("PATH_INFO", "").encode(errors="surrogatepass")) > MAX_PATH_BYTES:  # Django has decoded it
        return UriTooLong(f"The path must have at most {MAX_PATH_BYTES} bytes.")
    if len(query) > MAX_QUERY_BYTES:
        return UriTooLong(f"The query must have at most {MAX_QUERY_BYTES} bytes.")
    if query.count("&") >= MAX_PARAMETERS:
        return Invalid(f"The query must have at most {MAX_PARAMETERS} parameters.")
    return None
