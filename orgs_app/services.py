"""Every write to organisations, projects and keys."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from ittyhost.errors import Invalid, LimitReached
from ittyhost.records import ALPHABET
from orgs_app.keyring import ring
from orgs_app.models import ApiKey, Member, Organisation, Project

SECRET_LENGTH = 43  # base-62 characters that hold 256 bits
TOUCH_EVERY = timedelta(minutes=1)
ROTATION_BATCH = 200


def organisation_create(*, name: str) -> Organisation:
    """Raises Invalid."""
    return Organisation.objects.create(name=_name(name))


def member_add(*, organisation: Organisation, user: User, role: str = Member.Role.MEMBER) -> Member:
    """The user's membership; one that exists takes the role given."""
    if role not in Member.Role.values:
        raise Invalid(f"role must be one of {', '.join(Member.Role.values)}.", param="role")
    member, _ = Member.objects.update_or_create(
        organisation=organisation, user=user, defaults={"role": role, "updated": timezone.now()}
    )
    return member


def project_create(
    *, organisation: Organisation, name: str, api_version: str | None = None, storage_quota: int | None = None
) -> Project:
    """A project without keys. Raises Invalid."""
    if storage_quota is not None and storage_quota < 0:
        raise Invalid("storage_quota must be at least 0 bytes.", param="storage_quota")
    return Project.objects.create(
        organisation=organisation, name=_name(name), api_version=api_version, storage_quota=storage_quota
    )


def api_key_create(
    *,
    project: Project,
    name: str,
    live_mode: bool = True,
    scopes: Iterable[str] = ApiKey.SCOPES,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key and its secret, which nothing shows again. Raises Invalid."""
    wanted = set(scopes)
    unknown = sorted(wanted - set(ApiKey.SCOPES))
    if unknown or not wanted:
        raise Invalid(f"scopes must be one or more of {', '.join(ApiKey.SCOPES)}.", param="scopes")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("expires_at must be in the future.", param="expires_at")
    secret = _new_secret(live_mode=live_mode)
    key = ApiKey.objects.create(
        project=project,
        name=_name(name),
        live_mode=live_mode,
        scopes=[scope for scope in ApiKey.SCOPES if scope in wanted],
        expires_at=expires_at,
        digest=ring().digest(secret),
        ciphertext=ring().seal(secret),
        last_four=secret[-4:],
    )
    return key, secret


def api_key_revoke(*, key: ApiKey) -> bool:
    """Ends a key at once, for requests and signatures alike. False when it had ended already."""
    now = timezone.now()
    revoked = bool(ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now, updated=now))
    if revoked:
        key.revoked_at = key.updated = now
    return revoked


def api_key_touch(*, key: ApiKey) -> bool:
    """Note that a key is used, at most once a minute; whether it was written. A database that is busy is no reason to
    refuse the request that used the key."""
    now = timezone.now()
    stale = now - TOUCH_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return False
    due = ApiKey.objects.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale), pk=key.pk)
    try:
        with transaction.atomic():
            return bool(due.update(last_used_at=now))
    except DatabaseError:
        return False


def api_keys_rotate() -> int:
    """Seal and file every key under the first key of the ring, revoked ones too; how many were not yet.

    Raises Undecipherable, when the ring's key that sealed one is gone; what came before stays rotated.
    """
    changed = 0
    for keys in _batches():
        with transaction.atomic():
            for key in keys:
                secret = ring().open(key.ciphertext)
                digest = ring().digest(secret)
                if digest != key.digest:
                    # Filed under the first key means sealed under it: both are always written together.
                    row = ApiKey.objects.filter(pk=key.pk, digest=key.digest)
                    changed += row.update(digest=digest, ciphertext=ring().seal(secret))
    return changed


def _batches() -> Iterator[list[ApiKey]]:
    last = ""
    while batch := list(ApiKey.objects.filter(pk__gt=last).order_by("pk")[:ROTATION_BATCH]):
        yield batch
        last = batch[-1].pk


def storage_check(*, project: Project, size: int = 1) -> None:
    """Raise LimitReached when the quota has no room for so many bytes, as the project was read; counts nothing."""
    if project.storage_quota is not None and project.storage_used + size > project.storage_quota:
        raise LimitReached(
            f"The project's storage quota has no room for {size} bytes more. Delete files, or ask for a larger quota."
        )


def storage_reserve(*, project: Project, size: int) -> None:
    """Count bytes that are about to be kept. Raises LimitReached when the quota has no room for them."""
    if size < 0:
        raise ValueError("size must not be negative")
    fits = Q(storage_quota__isnull=True) | Q(storage_quota__gte=F("storage_used") + size)
    if not Project.objects.filter(fits, pk=project.pk).update(storage_used=F("storage_used") + size):
        raise LimitReached(
            f"The project's storage quota has no room for {size} bytes more. Delete files, or ask for a larger quota.",
            code="payment_required",
        )


def storage_release(*, project: Project, size: int) -> None:
    """Give back bytes that are no longer kept."""
    if size < 0:
        raise ValueError("size must not be negative")
    Project.objects.filter(pk=project.pk).update(storage_used=Greatest(F("storage_used") - size, 0))


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid("name must have 1 to 100 characters.", param="name")
    return name


def _new_secret(*, live_mode: bool) -> str:
    """`sk_live_` or `sk_test_` and 256 bits of randomness in base 62."""
    number = secrets.randbits(256)
    characters = []
    for _ in range(SECRET_LENGTH):
        number, digit = divmod(number, 62)
        characters.append(ALPHABET[digit])
    return f"sk_{'live' if live_mode else 'test'}_{''.join(characters)}"
