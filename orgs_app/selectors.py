"""Reads of organisations, projects and keys."""

import hmac
import re
from collections.abc import Iterator

from django.db.models import QuerySet

from ittyhost.errors import NotFound
from ittyhost.prepared import Prepared
from ittyhost.records import parse_id
from orgs_app.keyring import Undecipherable, ring
from orgs_app.models import ApiKey, Organisation, Project

# 43 base-62 characters hold 256 bits.
SIGNERS = 100
SECRET_FORM = re.compile(r"sk_(live|test)_[0-9A-Za-z]{43}")

_BY_ID = Prepared(lambda ids: Project.objects.select_related("organisation").filter(pk__in=ids))
_BY_DOMAIN = Prepared(lambda hosts: Project.objects.select_related("organisation").filter(delivery_domain__in=hosts))
_BY_DIGEST = Prepared(lambda digests: ApiKey.objects.select_related("project__organisation").filter(digest__in=digests))


def api_key_find(secret: str) -> ApiKey | None:
    """The key of a secret, with its project and organisation; None when it is malformed, unknown, expired or revoked.

    Read anew each time: a key that was revoked a moment ago finds nothing.
    """
    if not SECRET_FORM.fullmatch(secret):
        return None
    digests = ring().digests(secret)
    key = _BY_DIGEST.first(digests)
    if key is None or not key.is_active or not any(hmac.compare_digest(key.digest, digest) for digest in digests):
        return None
    return key


def api_key_active_list(*, project: Project, scope: str | None = None) -> list[ApiKey]:
    """The keys of a project that work now, and have the scope when one is named; newest first."""
    keys = project.api_keys.active().order_by("-created", "-pk")
    return [key for key in keys if scope is None or scope in key.scopes]


def api_key_secret(key: ApiKey) -> str:
    """The secret itself. Raises Undecipherable when the ring's key that sealed it is gone."""
    return ring().open(key.ciphertext)


def api_key_signers(*, project: Project, scope: str) -> Iterator[tuple[ApiKey, str]]:
    """Each key that may have signed a URL of this project for something of this scope, and its secret, newest first.

    Of the SIGNERS newest active keys: whoever sends wrong signatures makes us try all of them. A key that cannot be
    opened signs nothing.
    """
    for key in project.api_keys.active().order_by("-created", "-pk")[:SIGNERS]:
        if scope not in key.scopes:
            continue
        try:
            secret = api_key_secret(key)
        except Undecipherable:
            continue
        yield key, secret


def project_find(public_id: str) -> Project | None:
    """The project of an id as it stands in delivery URLs; None when there is none."""
    bare = parse_id(public_id, Project.prefix)
    return _BY_ID.first([bare]) if bare else None


def project_first() -> Project | None:
    """The oldest project; None when there is none yet."""
    return Project.objects.select_related("organisation").order_by("created", "pk").first()


def project_find_by_domain(host: str) -> Project | None:
    """The project delivered under a host, with its port where it has one of its own; None when there is none."""
    return _BY_DOMAIN.first([host.lower()])


def project_get(public_id: str) -> Project:
    """Raises NotFound."""
    project = project_find(public_id)
    if project is None:
        raise NotFound(f"No project {public_id} exists.", param="project", code="project_not_found")
    return project


def organisation_get(public_id: str) -> Organisation:
    """Raises NotFound."""
    bare = parse_id(public_id, Organisation.prefix)
    organisation = Organisation.objects.filter(pk=bare).first() if bare else None
    if organisation is None:
        raise NotFound(f"No organisation {public_id} exists.", param="organisation", code="organisation_not_found")
    return organisation


def organisation_list() -> QuerySet[Organisation]:
    """All, oldest first."""
    return Organisation.objects.order_by("created", "pk")
