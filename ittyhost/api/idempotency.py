"""`Idempotency-Key`: a POST that is sent again is done once, and answered as it was the first time.

The key is claimed first, in a transaction of its own, so that a second request with it sees at once that the first is
under way. Then the work and the record of its answer are written in one transaction, on condition that the claim is
still held: either both are there or neither, whatever dies in between, and a claim whose holder died is taken over when
its lease ran out.

Answers are kept when they say what became of the request: successes, and refusals of what it asks for. What may pass
(`PASSING`, faults of ours) is not kept: the key is free again, and the same request may succeed. Nor is what never
reaches the handler: keys, scopes, rates, bodies that cannot be read.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from ittyhost.api.errors import describe
from ittyhost.api.renderers import StrictJSONRenderer
from ittyhost.errors import Invalid

if TYPE_CHECKING:
    from ittyhost.api.views import ProjectView

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
_META = "HTTP_IDEMPOTENCY_KEY"
_KEY = re.compile(rf"[ -~]{{1,{MAX_KEY}}}")
# Payment, scope, timeout, a conflict with the state of things, too early, too often: the same request may work later.
PASSING = frozenset({401, 402, 403, 408, 409, 425, 429})


class Claimed(Protocol):
    """One key of one project: held by this request while `status` is None, else with the answer that was given."""

    status: int | None
    headers: dict[str, str]
    body: bytes


class Store(Protocol):
    """What the module that IDEMPOTENCY_STORE names does."""

    def request_claim(self, *, project: Any, key: str, fingerprint: str) -> Claimed:
        """Hold the key, or give what it was answered with. Raises Unprocessable when it belongs to another request,
        InProgress while that is under way."""

    def request_keep(self, *, request: Any, status: int, headers: dict[str, str], body: bytes) -> None:
        """Write the answer, in the caller's transaction. Raises InProgress when the claim was lost meanwhile."""

    def request_free(self, *, request: Any) -> None:
        """Give up the claim: nothing was done."""


@cache
def _store() -> Store:
    return cast(Store, import_module(settings.IDEMPOTENCY_STORE))


def answered_once(view: "ProjectView", handler: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The handler's answer, or the one that was given to the same request before; without a key simply the former."""
    given = view.request.META.get(_META)
    if given is None:
        return handler()
    key = read_key(given)
    _ = view.request.data  # read before anything is claimed: a body that nobody can read is no request yet
    claimed = _store().request_claim(project=view.project, key=key, fingerprint=fingerprint(view))
    if claimed.status is not None:
        return _written(claimed.status, bytes(claimed.body), {**claimed.headers, REPLAYED: "true"})
    try:
        with transaction.atomic():
            answer = cast(Response, _attempt(view, handler))
            body = StrictJSONRenderer().render(answer.data)
            headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
            _store().request_keep(request=claimed, status=answer.status_code, headers=headers, body=body)
    except Exception:
        _store().request_free(request=claimed)
        raise
    return _written(answer.status_code, body, headers)


def _attempt(view: "ProjectView", handler: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        with transaction.atomic():  # a savepoint: what a refused request wrote goes, its refusal stays
            return handler()
    except Exception as exc:
        problem = describe(exc)
        if problem is None or problem.status in PASSING or problem.status >= 500:
            raise
        return view.handle_exception(exc)


def _written(status: int, body: bytes, headers: dict[str, str]) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def read_key(given: str) -> str:
    """The key as it was sent, quotes and all. Raises Invalid. granian hands on what is not ASCII as an empty text."""
    key = given.strip()
    if not _KEY.fullmatch(key):
        raise Invalid(f"{HEADER} must have 1 to {MAX_KEY} printable ASCII characters.", param=HEADER)
    return key


def fingerprint(view: "ProjectView") -> str:
    """What makes two requests the same: where they go, in which version, and every byte of their bodies."""
    request = view.request._request
    place = [request.method, request.path_info.rstrip("/"), request.META.get("QUERY_STRING", ""), view.version.name]
    return hashlib.sha256(json.dumps(place).encode() + b"\n" + request.body).hexdigest()
