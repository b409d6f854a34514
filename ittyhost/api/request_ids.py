"""An id for every request: in `X-Request-Id`, in the body's meta where the version has one, and in every log line."""

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ittyhost.api.calls import request_id
from ittyhost.api.versions import default_version

logger = structlog.get_logger(__name__)

QUIET_PATHS = frozenset({"/livez", "/healthz"})  # asked every few seconds by whoever watches the service


class RequestIdMiddleware:
    """Outermost, so that each answer carries the id, whoever made it, and leaves one line in the log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        default_version()  # a wrong API_DEFAULT_VERSION stops the start, not the first request

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        # What an earlier request left in this thread goes; ours stays until then, as streamed bodies still log.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id(request))
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id(request)
        log = logger.debug if request.path_info in QUIET_PATHS else logger.info
        # The query is left out: it may hold the signature of a URL.
        log(
            "request",
            method=request.method,
            path=request.path_info,
            status=response.status_code,
            client=request.META.get("REMOTE_ADDR", ""),
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
