"""The one place where a refusal becomes HTTP: every error, whoever raised it, in the form of the request's version."""

import json
import math
from typing import TYPE_CHECKING, Any

import structlog
from django.core import signals
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ittyhost import errors
from ittyhost.api.calls import Call, Credential
from ittyhost.api.messages import first_error
from ittyhost.api.negotiation import negotiate
from ittyhost.api.tokens import CHALLENGE, TokenRefused
from ittyhost.api.versions import Answer, Problem, default_version

if TYPE_CHECKING:
    from ittyhost.api.views import ProjectView

logger = structlog.get_logger(__name__)

# The first that fits counts: families that are more special stand first.
STATUSES: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthenticated, 401),
    (errors.LimitReached, 402),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.LengthRequired, 411),
    (errors.PayloadTooLarge, 413),
    (errors.UriTooLong, 414),
    (errors.Unsupported, 415),
    (errors.Unprocessable, 422),
    (errors.RateLimited, 429),
    (errors.HeadersTooLarge, 431),
    (errors.Unavailable, 503),
)
BUG = Problem(500, "internal_error", "Something went wrong on our side. The X-Request-Id header names this request.")
DATABASE_AWAY = Problem(
    503, "unavailable", "The database does not answer just now. Try again in a moment.", headers={"Retry-After": "5"}
)
HOST_REFUSED = Problem(400, "request_invalid", "The request is malformed, or its Host is not one of this service's.")
NOT_KEPT = {"Cache-Control": "no-store"}


def describe(exc: BaseException) -> Problem | None:
    """The refusal an exception stands for; None when it is a bug."""
    match exc:
        case errors.DomainError():
            return _domain(exc)
        case exceptions.ValidationError():
            message, param = first_error(exc.detail)
            return Problem(400, "request_invalid", message, param)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return _domain(TokenRefused())
        case exceptions.MethodNotAllowed():
            message = f"{str(exc.detail).rstrip('.')} here. The header Allow names those that are."
            return Problem(405, "method_not_allowed", message)
        case exceptions.UnsupportedMediaType():
            message = "The body must be JSON. Send it with the header Content-Type: application/json."
            return Problem(415, "media_type_unsupported", message)
        case exceptions.Throttled():
            wait = str(max(1, math.ceil(getattr(exc, "wait", None) or 1)))
            return Problem(
                429, "rate_limited", f"Too many requests. Try again in {wait} s.", None, {"Retry-After": wait}
            )
        case exceptions.PermissionDenied() | PermissionDenied():
            return Problem(403, "forbidden", "This API key may not do that.")
        case exceptions.NotFound() | Http404():
            return Problem(404, "not_found", "Nothing is here.")
        case exceptions.APIException():
            return Problem(exc.status_code, "request_invalid", str(exc.detail))
        case RequestDataTooBig():
            return Problem(413, "body_too_large", "The body is larger than this service takes.")
        case SuspiciousOperation():
            return HOST_REFUSED
        case OperationalError() | InterfaceError():
            return DATABASE_AWAY
    return None


def _domain(exc: errors.DomainError) -> Problem:
    status = next((status for family, status in STATUSES if isinstance(exc, family)), 400)
    headers: dict[str, str] = {}
    if isinstance(exc, errors.Unauthenticated):
        headers = {"WWW-Authenticate": CHALLENGE}
    elif isinstance(exc, errors.Later):
        headers = {"Retry-After": str(exc.retry_after)}
    return Problem(status, exc.code, exc.message, exc.param, headers)


def handle(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: whatever a view raised, as an answer in the request's version."""
    view: ProjectView = context["view"]
    set_rollback()
    problem = describe(exc)
    if problem is None or problem is DATABASE_AWAY:
        logger.exception("a request failed", exc_info=exc)
        signals.got_request_exception.send(sender=type(view), request=view.request)
    problem = problem or BUG
    if problem.status == 405:
        problem = Problem(405, problem.code, problem.message, headers={"Allow": ", ".join(view.allowed_methods)})
    request = view.request
    # A view that is not ours, or a failure before the version was known, still answers in a version.
    version = getattr(view, "version", None) or negotiate(request).version
    answer = version.error(Call.of(request, getattr(view, "api_key", None)), problem)
    return Response(answer.body, answer.status, headers=NOT_KEPT | dict(answer.headers))


def respond(
    request: HttpRequest, exc: Exception, *, credential: Credential | None = None, pin: str | None = None
) -> HttpResponse:
    """The same answer for a view that is plain Django's, such as delivery. Bugs are raised on.

    `credential` is the caller's key where it is known by now, and `pin` the version of the project that is asked.
    """
    problem = describe(exc)
    if problem is None:
        raise exc
    return _plain(request, problem, credential=credential, pin=pin)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400: a Host that is not allowed, a malformed request."""
    return _plain(request, describe(exception) or HOST_REFUSED)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler403; admin keeps its page."""
    if _in_admin(request):
        return defaults.permission_denied(request, exception)
    return _plain(request, describe(exception) or Problem(403, "forbidden", "This is not allowed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404: a path that no view answers."""
    if _in_admin(request):
        return defaults.page_not_found(request, exception)
    if request.resolver_match is not None:  # a plain view of ours raised it
        return _plain(request, Problem(404, "not_found", "Nothing is here."))
    from ittyhost.api.views import UnknownPathView  # a view needs this module's handler first

    return UnknownPathView.as_view()(request)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500. It touches no database: that may be what failed."""
    if _in_admin(request):
        return defaults.server_error(request)
    return _plain(request, BUG)


def _plain(
    request: HttpRequest, problem: Problem, *, credential: Credential | None = None, pin: str | None = None
) -> HttpResponse:
    version = default_version() if problem is BUG else negotiate(request, pin=pin).version
    answer: Answer = version.error(Call.of(request, credential), problem)
    return HttpResponse(
        json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")),
        status=answer.status,
        content_type="application/json",
        headers=NOT_KEPT | dict(answer.headers),
    )


def _in_admin(request: HttpRequest) -> bool:
    return request.resolver_match is not None and "admin" in request.resolver_match.app_names
