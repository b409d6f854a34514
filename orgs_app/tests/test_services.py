"""Keys, quotas and what may be written about projects."""

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from ittyhost.errors import Invalid, LimitReached, NotFound
from orgs_app import services
from orgs_app.keyring import Undecipherable
from orgs_app.models import ApiKey, Member, Project
from orgs_app.selectors import (
    api_key_active_list,
    api_key_find,
    api_key_secret,
    api_key_signers,
    project_find,
    project_find_by_domain,
    project_get,
)
from orgs_app.services import (
    api_key_create,
    api_key_revoke,
    api_key_touch,
    api_keys_rotate,
    member_add,
    project_create,
    storage_release,
    storage_reserve,
)
from orgs_app.tests.factories import make_api_key, make_organisation, make_project

pytestmark = pytest.mark.django_db


def used(project):
    return Project.objects.get(pk=project.pk).storage_used


@pytest.mark.parametrize(("live_mode", "prefix"), [(True, "sk_live_"), (False, "sk_test_")])
def test_a_secret_says_its_mode_and_holds_256_bits(live_mode, prefix):
    key, secret = make_api_key(live_mode=live_mode)
    assert re.fullmatch(prefix + "[0-9A-Za-z]{43}", secret)
    assert 62**43 > 2**256
    assert (key.hint, key.live_mode) == (f"{prefix}…{secret[-4:]}", live_mode)


def test_two_secrets_differ():
    assert make_api_key()[1] != make_api_key()[1]


def test_the_row_does_not_hold_the_secret():
    key, secret = make_api_key()
    row = ApiKey.objects.filter(pk=key.pk).values().get()
    assert all(secret not in str(value) for value in row.values())
    assert secret[-4:] == row["last_four"]


def test_a_key_is_found_by_its_secret_with_its_project_in_one_query(django_assert_num_queries):
    key, secret = make_api_key()
    make_api_key()
    with django_assert_num_queries(1):
        found = api_key_find(secret)
        assert found is not None
        assert (found, found.project, found.project.organisation) == (key, key.project, key.project.organisation)


@pytest.mark.parametrize(
    "secret", ["", "sk_live_", "sk_live_" + "a" * 42, "sk_prod_" + "a" * 43, "é" * 51, "\0", "x" * 10**6]
)
def test_what_cannot_be_a_secret_needs_no_query(django_assert_num_queries, secret):
    with django_assert_num_queries(0):
        assert api_key_find(secret) is None


def test_another_secret_finds_nothing():
    _, secret = make_api_key()
    assert api_key_find(secret[:-1] + ("a" if secret[-1] != "a" else "b")) is None


def test_a_revoked_key_ends_at_once_and_only_once():
    key, secret = make_api_key()
    assert api_key_find(secret) == key
    assert api_key_revoke(key=key) is True
    assert (api_key_find(secret), key.is_active) == (None, False)
    first = key.revoked_at
    assert api_key_revoke(key=key) is False
    assert ApiKey.objects.get(pk=key.pk).revoked_at == first


def test_an_expired_key_finds_nothing():
    key, secret = make_api_key(expires_at=timezone.now() + timedelta(hours=1))
    assert api_key_find(secret) == key
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api_key_find(secret) is None


def test_scopes_are_kept_in_one_order():
    assert make_api_key(scopes=["write", "read", "read"])[0].scopes == ["read", "write"]
    assert make_api_key(scopes=["write"])[0].scopes == ["write"]


@pytest.mark.parametrize(
    ("options", "param", "message"),
    [
        ({"scopes": []}, "scopes", "scopes must be one or more of read, write."),
        ({"scopes": ["admin"]}, "scopes", "scopes must be one or more of read, write."),
        ({"name": " "}, "name", "name must have 1 to 100 characters."),
        ({"name": "x" * 101}, "name", "name must have 1 to 100 characters."),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at", "expires_at must be in the future."),
    ],
)
def test_a_wrong_key_is_not_made(options, param, message):
    project = make_project()
    with pytest.raises(Invalid) as caught:
        api_key_create(project=project, **{"name": "x", **options})
    assert (caught.value.param, caught.value.message) == (param, message)
    assert ApiKey.objects.count() == 0


def test_use_is_noted_once_a_minute(django_assert_num_queries):
    key, _ = make_api_key()
    assert api_key_touch(key=key) is True
    key.refresh_from_db()
    with django_assert_num_queries(0):
        assert api_key_touch(key=key) is False
    stale = timezone.now() - timedelta(seconds=61)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=stale)
    key.refresh_from_db()
    assert api_key_touch(key=key) is True
    # Another request of the same moment has read the row before: it finds nothing left to write.
    assert api_key_touch(key=key) is False
    assert ApiKey.objects.get(pk=key.pk).last_used_at > stale


def test_a_busy_database_does_not_refuse_the_request(monkeypatch):
    key, _ = make_api_key()

    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(services.ApiKey.objects._queryset_class, "update", locked)
    assert api_key_touch(key=key) is False


def test_rotation_moves_every_key_and_breaks_none(key_rings, settings, monkeypatch):
    monkeypatch.setattr(services, "ROTATION_BATCH", 2)
    made = [make_api_key() for _ in range(5)]
    api_key_revoke(key=made[4][0])
    settings.KEY_RING = key_rings["both"]
    newest, newest_secret = make_api_key()
    assert [api_key_find(secret) for _, secret in made[:4]] == [key for key, _ in made[:4]]
    assert api_keys_rotate() == 5
    assert api_keys_rotate() == 0
    settings.KEY_RING = key_rings["new"]
    assert [api_key_find(secret) for _, secret in made[:4]] == [key for key, _ in made[:4]]
    assert api_key_find(newest_secret) == newest
    assert [api_key_secret(key) for key in ApiKey.objects.order_by("created")] == [
        *(secret for _, secret in made),
        newest_secret,
    ]


def test_without_its_ring_key_a_key_is_unknown_and_rotation_says_so(key_rings, settings):
    key, secret = make_api_key()
    settings.KEY_RING = key_rings["new"]
    assert api_key_find(secret) is None
    assert list(api_key_signers(project=key.project, scope="read")) == []
    with pytest.raises(Undecipherable):
        api_keys_rotate()


def test_signatures_are_made_with_active_keys_of_the_project():
    project = make_project()
    reader, reader_secret = make_api_key(project=project, scopes=["read"])
    key, secret = make_api_key(project=project)
    revoked, _ = make_api_key(project=project)
    api_key_revoke(key=revoked)
    make_api_key()
    expired, _ = make_api_key(project=project)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    assert list(api_key_signers(project=project, scope="read")) == [(key, secret), (reader, reader_secret)]
    assert list(api_key_signers(project=project, scope="write")) == [(key, secret)]
    assert reader in api_key_active_list(project=project)


def test_a_project_is_found_by_id_and_by_domain():
    project = make_project(delivery_domain="media.example.com")
    assert project_find(project.public_id) == project_find_by_domain("Media.Example.com") == project
    assert project_find(f"org_{project.pk}") is project_find("prj_x") is project_find_by_domain("other.test") is None
    assert project.delivery_url.endswith("://media.example.com")
    with pytest.raises(NotFound):
        project_get("prj_0000000000000000")


def test_a_project_is_delivered_below_the_services_place(settings):
    settings.DELIVERY_URL = "https://cdn.example.test/d"
    project = make_project()
    assert project.delivery_url == f"https://cdn.example.test/d/{project.public_id}"


@pytest.mark.parametrize("quota", [-1, -(10**9)])
def test_a_wrong_project_is_not_made(quota):
    with pytest.raises(Invalid, match="storage_quota must be at least 0 bytes"):
        project_create(organisation=make_organisation(), name="x", storage_quota=quota)


def test_storage_is_counted_within_the_quota():
    project = make_project(storage_quota=100)
    storage_reserve(project=project, size=60)
    storage_reserve(project=project, size=40)
    with pytest.raises(LimitReached, match="no room for 1 bytes more") as caught:
        storage_reserve(project=project, size=1)
    assert (caught.value.code, used(project)) == ("payment_required", 100)
    storage_release(project=project, size=30)
    assert used(project) == 70
    storage_release(project=project, size=10**6)
    assert used(project) == 0


def test_storage_without_a_quota_is_counted_too():
    project = make_project()
    storage_reserve(project=project, size=10**15)
    assert used(project) == 10**15
    with pytest.raises(ValueError):
        storage_reserve(project=project, size=-1)
    with pytest.raises(ValueError):
        storage_release(project=project, size=-1)


@pytest.mark.django_db(transaction=True)
def test_a_quota_holds_against_many_at_once():
    project = make_project(storage_quota=50)
    taken, refused = [], []

    def reserve():
        try:
            storage_reserve(project=project, size=10)
            taken.append(1)
        except LimitReached:
            refused.append(1)
        finally:
            connection.close()

    threads = [threading.Thread(target=reserve) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused), used(project)) == (5, 7, 50)


def test_the_database_refuses_a_negative_count():
    project = make_project()
    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(storage_used=-1)


def test_a_member_is_in_an_organisation_once():
    organisation = make_organisation()
    user = get_user_model().objects.create_user("ann")
    member_add(organisation=organisation, user=user)
    member = member_add(organisation=organisation, user=user, role=Member.Role.OWNER)
    assert [(row.pk, row.role) for row in Member.objects.all()] == [(member.pk, "owner")]
    assert member.public_id.startswith("mbr_")
    with pytest.raises(Invalid, match="role must be one of owner, admin, member"):
        member_add(organisation=organisation, user=user, role="king")
