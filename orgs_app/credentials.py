"""What a person or a script needs to use the service: addresses, keys, and the admin account of the first start."""

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.urls import reverse

from orgs_app.keyring import Undecipherable
from orgs_app.models import ApiKey, Member, Project
from orgs_app.selectors import (
    api_key_active_list,
    api_key_find,
    api_key_secret,
    organisation_get,
    organisation_list,
    project_find,
    project_first,
)
from orgs_app.services import api_key_create, member_add, organisation_create, project_create

KEY_NAME = "First start"
ADMIN_NAME = "admin"
ORGANISATION_NAME = "My organisation"
PROJECT_NAME = "My project"
LOCK = 0x69747479  # any number that is nobody else's: concurrent first starts wait for each other


@dataclass(frozen=True)
class Credentials:
    """The facts, as they stand in credentials.json. A password that only its owner knows is null."""

    base_url: str
    delivery_url: str
    org_id: str
    project_id: str
    live_key: str
    test_key: str
    admin_url: str
    admin_user: str | None = None
    admin_password: str | None = None

    @classmethod
    def of(
        cls, project: Project, *, live_key: str, test_key: str, account: tuple[str, str | None] | None = None
    ) -> Self:
        """The facts of a project under the addresses of the settings."""
        base_url = settings.PUBLIC_URL.rstrip("/")
        return cls(
            base_url=base_url,
            delivery_url=project.delivery_url,
            org_id=project.organisation.public_id,
            project_id=project.public_id,
            live_key=live_key,
            test_key=test_key,
            admin_url=base_url + reverse("admin:index"),
            admin_user=account[0] if account else None,
            admin_password=account[1] if account else None,
        )

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The facts in a file; None when it is missing or is no such file."""
        try:
            values = json.loads(path.read_text())
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Replace the file as a whole; nobody but its owner can read it at any moment."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
        try:
            with os.fdopen(handle, "w") as new:
                new.write(self.to_json() + "\n")
                new.flush()
                os.fsync(new.fileno())
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def project_with_keys(*, name: str, organisation_id: str | None = None) -> Credentials:
    """A new project with a live and a test key, in the organisation given or the oldest. Raises NotFound, Invalid."""
    with transaction.atomic():
        if organisation_id:
            organisation = organisation_get(organisation_id)
        else:
            organisation = organisation_list().first() or organisation_create(name=ORGANISATION_NAME)
        project = project_create(organisation=organisation, name=name)
        _, live_key = api_key_create(project=project, name=KEY_NAME, live_mode=True)
        _, test_key = api_key_create(project=project, name=KEY_NAME, live_mode=False)
    return Credentials.of(project, live_key=live_key, test_key=test_key)


def bootstrap(path: Path) -> Credentials:
    """The first project, its keys and the admin account, made where they are missing; `path` then holds them.

    What exists is kept: a second run changes nothing but the addresses. A lost file is written again out of the
    database (the keys are sealed there; the account gets a new password), a file of another database gives way.
    """
    known = Credentials.read(path)
    with transaction.atomic():
        _wait_for_other_starts()
        project = (project_find(known.project_id) if known else None) or project_first()
        if project is None:
            project = project_create(organisation=organisation_create(name=ORGANISATION_NAME), name=PROJECT_NAME)
        facts = Credentials.of(
            project,
            live_key=_key(project, known.live_key if known else "", live_mode=True),
            test_key=_key(project, known.test_key if known else "", live_mode=False),
            account=_account(project, known),
        )
    if facts != known or path.stat().st_mode & 0o077:
        facts.write(path)
    return facts


def _wait_for_other_starts() -> None:
    """On SQLite the transaction itself excludes others."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _key(project: Project, secret: str, *, live_mode: bool) -> str:
    """The secret, when it still works for this; else that of the key of an earlier start; else a new one."""
    key = api_key_find(secret)
    if key is not None and key.project_id == project.pk and _serves(key, live_mode):
        return secret
    for key in api_key_active_list(project=project):
        if key.name == KEY_NAME and _serves(key, live_mode):
            try:
                return api_key_secret(key)
            except Undecipherable:  # sealed under a key that left the ring
                continue
    return api_key_create(project=project, name=KEY_NAME, live_mode=live_mode)[1]


def _serves(key: ApiKey, live_mode: bool) -> bool:
    return key.live_mode == live_mode and set(key.scopes) == set(ApiKey.SCOPES)


def _account(project: Project, known: Credentials | None) -> tuple[str, str | None] | None:
    """The name and, where known, the password of the account of the first start; None when others took its place."""
    users = User.objects
    name = (known.admin_user if known else None) or ADMIN_NAME
    user = users.filter(username=name).first()
    if user is None:
        if users.filter(is_superuser=True, is_active=True).exists():
            return None  # removed on purpose: it does not come back
        password = _new_password()
        user = users.create_superuser(username=name, email="", password=password)
        member_add(organisation=project.organisation, user=user, role=Member.Role.OWNER)
        return name, password
    if known and known.admin_user and known.project_id == project.public_id:
        # Another password now: someone chose their own, which is nobody else's to know or to change.
        kept = known.admin_password
        return name, kept if kept and user.check_password(kept) else None
    if not Member.objects.filter(user=user, organisation=project.organisation, role=Member.Role.OWNER).exists():
        return name, None  # not made here
    return name, _reset(user)


def _reset(user: User) -> str:
    password = _new_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _new_password() -> str:
    return secrets.token_urlsafe(15)
