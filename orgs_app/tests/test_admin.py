import json
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone

from ittyhost.admin.tests.operator import list_path, make_operator, page_path, queries, sign_in, text, told
from media_app.tests.factories import make_media
from orgs_app.models import ApiKey, Member, Organisation, Project
from orgs_app.selectors import api_key_find
from orgs_app.services import storage_reserve
from orgs_app.tests.factories import make_api_key, make_organisation, make_project

pytestmark = pytest.mark.django_db
ADD_KEY = "/admin/orgs_app/apikey/add/"


def new_key(owner, **fields):
    return {"project": owner.pk, "name": "server", "live_mode": "on", "scopes": ["read"]} | fields


# --- Who may see ---


def test_nobody_sees_admin_without_signing_in(client):
    response = client.get(list_path(Project))
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_staff_see_only_what_they_may():
    client = sign_in(make_operator("orgs_app.view_project"))
    assert client.get(list_path(Project)).status_code == 200
    assert client.get(list_path(ApiKey)).status_code == 403
    assert client.get(ADD_KEY).status_code == 403


@pytest.mark.parametrize("model", [Organisation, Project, ApiKey, LogEntry, get_user_model()])
def test_every_list_opens(model):
    make_api_key()
    text(sign_in(), list_path(model))


# --- Keys ---


def test_a_new_key_is_shown_once_and_nowhere_after():
    client = sign_in()
    project = make_project()
    response = client.post(ADD_KEY, new_key(project))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    secret = re.search(r"sk_live_[0-9A-Za-z]{43}", response.content.decode())[0]
    key = api_key_find(secret)
    assert (key.name, key.project, key.scopes, key.live_mode) == ("server", project, ["read"], True)

    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.is_addition()) == (key.pk, True)
    kept = [entry.change_message, entry.object_repr, *client.cookies.output().splitlines()]
    kept += [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    kept += [text(client, path) for path in (page_path(key), page_path(key, "history"), list_path(ApiKey), "/admin/")]
    for place in kept:
        assert secret not in place
    assert key.digest not in kept[-4]
    assert key.ciphertext not in kept[-4]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["rule"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"project": ""}, "project"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
    ],
)
def test_a_key_that_cannot_be_made_names_the_field(fields, named):
    client = sign_in()
    response = client.post(ADD_KEY, new_key(make_project(), **fields))
    assert list(response.context["adminform"].form.errors) == [named]
    assert not ApiKey.objects.exists()


def test_a_key_is_renamed_and_its_secret_untouched():
    client = sign_in()
    key, secret = make_api_key()
    response = client.post(page_path(key), {"name": "renamed", "scopes": ["read"], "digest": "x", "live_mode": ""})
    assert response.status_code == 302
    found = api_key_find(secret)
    assert (found.pk, found.name, found.scopes, found.live_mode) == (key.pk, "renamed", ["read"], True)


def test_an_expired_key_can_still_be_renamed():
    key, _ = make_api_key()
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(days=1))
    expired = ApiKey.objects.get(pk=key.pk).expires_at
    data = {
        "name": "renamed",
        "scopes": ["read"],
        "expires_at_0": f"{expired:%Y-%m-%d}",
        "expires_at_1": f"{expired:%H:%M:%S}",
    }
    response = sign_in().post(page_path(key), data)
    assert response.status_code == 302
    assert ApiKey.objects.get(pk=key.pk).name == "renamed"


def test_revoking_ends_keys_at_once_and_is_logged_and_told():
    client = sign_in()
    key, secret = make_api_key()
    again, _ = make_api_key()
    client.post(page_path(again, "action", "revoke"))
    response = client.post(list_path(ApiKey), {"action": "revoke", "_selected_action": [key.pk, again.pk]}, follow=True)
    assert sorted(told(response)[-2:]) == sorted(["1 API key revoked.", f"{again.public_id}: nothing to do."])
    assert api_key_find(secret) is None
    assert LogEntry.objects.filter(object_id=key.pk, change_message="Revoked.").count() == 1
    assert client.post(page_path(key), {"name": "x", "scopes": ["read"]}).status_code == 403


def test_an_action_needs_a_post_and_the_permission():
    key, secret = make_api_key()
    assert sign_in().get(page_path(key, "action", "revoke")).status_code == 405
    viewer = sign_in(make_operator("orgs_app.view_apikey", name="viewer"))
    assert viewer.post(page_path(key, "action", "revoke")).status_code == 403
    assert ">Revoke<" not in text(viewer, page_path(key))
    assert api_key_find(secret) is not None


def test_keys_are_never_deleted():
    key, _ = make_api_key()
    client = sign_in()
    assert client.post(page_path(key, "delete"), {"post": "yes"}).status_code == 403
    client.post(list_path(ApiKey), {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert ApiKey.objects.filter(pk=key.pk).exists()


@pytest.mark.parametrize(("state", "expected"), [("active", "good"), ("expired", "warn"), ("revoked", "bad")])
def test_keys_are_filtered_by_their_state(state, expected):
    now = timezone.now()
    for change in ({}, {"expires_at": now - timedelta(days=1)}, {"revoked_at": now}):
        key, _ = make_api_key()
        ApiKey.objects.filter(pk=key.pk).update(**change)
    page = text(sign_in(), list_path(ApiKey, f"?state={state}"))
    assert re.findall(r'itty-(good|warn|bad)">', page) == [expected]


# --- Organisations and projects ---


def test_what_moves_meanwhile_is_not_written_back():
    client = sign_in()
    project = make_project(storage_quota=1000)
    form = client.get(page_path(project)).context["adminform"].form
    storage_reserve(project=project, size=400)
    data = {
        "organisation": project.organisation_id,
        "name": "Renamed",
        "api_version": "2025-08-20",
        "storage_quota": 2000,
    }
    assert set(form.fields) >= set(data)
    assert client.post(page_path(project), data).status_code == 302
    project.refresh_from_db()
    shown = (project.name, project.api_version, project.storage_quota, project.storage_used, project.delivery_domain)
    assert shown == ("Renamed", "2025-08-20", 2000, 400, None)


def test_a_version_that_is_not_known_cannot_be_pinned():
    project = make_project()
    data = {"organisation": project.organisation_id, "name": "Website", "api_version": "2019-01-01"}
    response = sign_in().post(page_path(project), data)
    assert list(response.context["adminform"].form.errors) == ["api_version"]


def test_limits_of_a_project_are_checked_by_name():
    client, project = sign_in(), make_project()
    data = {"organisation": project.organisation_id, "name": "Website"}
    for wrong, reason in (
        ('{"source": {"edges": 5}}', "source.edges is unknown"),
        ('{"kinds": {"vidio": {}}}', "is no kind of task"),
        ('{"run": {"wall": -1}}', "run.wall must be a number above 0"),
        ("[1]", "Limits are an object"),
        ("{", "valid JSON"),
    ):
        response = client.post(page_path(project), data | {"limits": wrong})
        assert reason in str(response.context["adminform"].form.errors["limits"])
    limits = {"source": {"duration": 3600}, "kinds": {"video": {"run": {"wall": 600}}}}
    assert client.post(page_path(project), data | {"limits": json.dumps(limits)}).status_code == 302
    project.refresh_from_db()
    assert project.limits == limits
    assert client.post(page_path(project), data | {"limits": ""}).status_code == 302
    assert client.post(page_path(project), data | {"limits": ""}).status_code == 302
    project.refresh_from_db()
    assert project.limits == {}


def test_projects_and_members_are_added():
    client = sign_in()
    user = get_user_model().objects.create_user("max")
    members = {
        "members-TOTAL_FORMS": 1,
        "members-INITIAL_FORMS": 0,
        "members-0-user": user.pk,
        "members-0-role": "owner",
    }
    client.post("/admin/orgs_app/organisation/add/", {"name": "Harbour Films", **members})
    organisation = Organisation.objects.get()
    assert Member.objects.get().organisation == organisation
    client.post("/admin/orgs_app/project/add/", {"organisation": organisation.pk, "name": "Website", "api_version": ""})
    project = Project.objects.get()
    assert (project.api_version, project.storage_quota) == (None, None)
    assert project.public_id in text(client, page_path(organisation))


def test_only_what_nothing_belongs_to_is_deleted():
    client = sign_in()
    project = make_project()
    media = make_media(project=project)
    for owner in (project, project.organisation):
        assert client.post(page_path(owner, "delete"), {"post": "yes"}).status_code == 403
    media.delete()
    for owner in (project, project.organisation):
        assert client.post(page_path(owner, "delete"), {"post": "yes"}).status_code == 302
    assert not Organisation.objects.exists()


def test_who_changed_something_is_not_deleted_with_the_log():
    olga, max_ = make_operator(name="olga"), make_operator(name="max")
    sign_in(max_).post(
        "/admin/orgs_app/organisation/add/", {"name": "x", "members-TOTAL_FORMS": 0, "members-INITIAL_FORMS": 0}
    )
    client = sign_in(olga)
    assert client.post(page_path(max_, "delete"), {"post": "yes"}).status_code == 403
    assert "max" in text(client, list_path(LogEntry))
    idle = get_user_model().objects.create_user("idle")
    assert client.post(page_path(idle, "delete"), {"post": "yes"}).status_code == 302


def test_names_are_escaped():
    organisation = make_organisation("<script>alert(1)</script>")
    project = make_project(organisation=organisation, name="<script>alert(2)</script>")
    key, _ = make_api_key(project=project, name="<script>alert(3)</script>")
    client = sign_in()
    for path in map(list_path, (Organisation, Project, ApiKey)):
        assert "<script>alert" not in text(client, path)
    for row in (organisation, project, key):
        assert "<script>alert" not in text(client, page_path(row))
    response = client.post(ADD_KEY, new_key(project, name="<script>alert(4)</script>"))
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize("model", [Organisation, Project, ApiKey, LogEntry])
def test_fifty_rows_take_as_many_queries_as_one(model):
    client = sign_in()

    def make():
        key, _ = make_api_key()
        client.post(page_path(key, "action", "revoke"))

    make()
    one = queries(client, list_path(model))
    for _ in range(49):
        make()
    assert queries(client, list_path(model)) == one


def test_projects_are_found_by_name_and_id():
    client = sign_in()
    project, other = make_project(name="Website"), make_project(name="Shop")
    for term in ("websi", project.public_id, project.organisation.public_id):
        page = text(client, list_path(Project, f"?q={term}"))
        assert project.public_id in page
        assert other.public_id not in page
