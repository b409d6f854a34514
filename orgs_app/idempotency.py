"""Requests that are done once: whoever holds their keys, and what they were answered with.

This is the store that `ittyhost.api.idempotency` works with. All times are the database's, as web processes' clocks
differ.
"""

import logging
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from ittyhost.errors import InProgress, Unprocessable
from ittyhost.leases import in_seconds
from orgs_app.models import IdempotentRequest, Project

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # far longer than a request takes; whoever needs more has its work undone
BATCH, BATCHES = 1000, 20
_LOOKS = 4  # a key may be freed, or taken by another, between two looks at it


def request_claim(*, project: Project, key: str, fingerprint: str) -> IdempotentRequest:
    """The key, held by the caller when it has no `status`, else with the answer that was given.

    Raises Unprocessable when another request has the key, InProgress while the same one is being done.
    """
    claim: dict[str, Any] = {
        "fingerprint": fingerprint,
        "token": secrets.token_hex(16),
        "lease_until": in_seconds(LEASE.total_seconds()),
        "expires_at": in_seconds(KEPT.total_seconds()),
    }
    rows = IdempotentRequest.objects.filter(project=project, key=key)
    is_free = ExpressionWrapper(_is_free(), output_field=BooleanField())
    for _ in range(_LOOKS):
        # Looked at first: on SQLite a write would wait until the request that holds the key is done.
        found = rows.annotate(is_free=is_free).first()
        if found is None:
            with suppress(IntegrityError), transaction.atomic():  # another one may be quicker: look again
                return IdempotentRequest.objects.create(project=project, key=key, **claim)
        elif found.token == claim["token"]:
            return found
        elif found.is_free:
            rows.filter(_is_free(), token=found.token).update(**claim, status=None, headers={}, body=b"")
        elif found.fingerprint != fingerprint:
            raise Unprocessable(
                f"This {HEADER} was used for another request. Send each request with a key of its own.",
                param=HEADER,
                code="idempotency_key_reused",
            )
        elif found.status is None:
            break
        else:
            return found
    raise _in_progress()


def request_keep(*, request: IdempotentRequest, status: int, headers: dict[str, str], body: bytes) -> None:
    """Write down the answer, in the transaction of the work that it tells of. Raises InProgress when the claim was lost
    meanwhile: that transaction must fail then."""
    held = IdempotentRequest.objects.filter(pk=request.pk, token=request.token, status=None)
    if not held.update(status=status, headers=headers, body=body, updated=Now()):
        raise _in_progress()


def request_free(*, request: IdempotentRequest) -> None:
    """Let go of a key whose request came to nothing. Where the database is away, its lease ends by itself."""
    try:
        IdempotentRequest.objects.filter(pk=request.pk, token=request.token, status=None).delete()
    except (DatabaseError, InterfaceError) as exc:
        logger.warning("an idempotency key is held until its lease ends", extra={"reason": str(exc)})


def requests_forget() -> int:
    """Delete those whose time is over, a bounded number at a time; how many were."""
    forgotten = 0
    expired = IdempotentRequest.objects.filter(expires_at__lte=Now())
    for _ in range(BATCHES):
        batch = list(expired.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
        if not batch:
            break
        forgotten += expired.filter(pk__in=batch).delete()[0]  # one that was claimed anew meanwhile stays
    return forgotten


def _is_free() -> Q:
    """Rows that hold their key no longer: forgotten soon, or left by a process that died."""
    return Q(expires_at__lte=Now()) | Q(status__isnull=True, lease_until__lt=Now())


def _in_progress() -> InProgress:
    return InProgress(
        f"A request with this {HEADER} is being done. Try again in a moment to get its answer.",
        param=HEADER,
        code="idempotency_in_progress",
    )
