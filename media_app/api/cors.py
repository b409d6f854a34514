"""What scripts of other sites' pages may do with delivery paths: settings.DELIVERY_CORS.

No cookie counts on these paths, so that a page can do nothing there that its own server could not.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

ALLOWED_HEADERS = (
    "Accept-Version, Authorization, Cache-Control, Content-Range, Content-Type, If-Match, If-Modified-Since, "
    "If-None-Match, If-Range, Range, X-Requested-With"
)
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified, Location, Range, "
    "Retry-After, X-Request-Id"
)
PREFLIGHT_SECONDS = 86400
ANY = "*"


def shared(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view with the headers that let other sites' scripts read its answers, refusals too."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = view(request, *args, **kwargs)
        allowed = settings.DELIVERY_CORS
        if allowed and allowed != (ANY,):
            patch_vary_headers(answer, ["Origin"])
        if origin := _admitted(request, allowed):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if request.method == "OPTIONS":
                answer.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                answer.headers["Access-Control-Allow-Methods"] = answer.headers.get("Allow", "")
                answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return answer

    return answered


def _admitted(request: HttpRequest, allowed: tuple[str, ...]) -> str | None:
    """What to say of the site that asks: `*` where all may, its own origin where it is named; None when it may not."""
    if ANY in allowed:
        return ANY
    origin = request.META.get("HTTP_ORIGIN", "").lower()
    return origin if origin in allowed else None
